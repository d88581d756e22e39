"""A TCP proxy that does to a connection what networks do: delay, drop, stall one direction, cut, half-close, reset."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field

from tests.system.office import free_port

UP, DOWN = "up", "down"  # from the client to the server, and back


@dataclass
class Faults:
    """What happens to bytes of one direction; may be changed while connections are open.

    Attributes:
        delay: seconds that each piece waits.
        stalled: bytes are taken and kept until it is false again.
        dropped: bytes are taken and thrown away.
        cut_after: bytes that still pass; then the whole connection is reset. None: no end.
        cut_at: the connection is reset when these bytes have passed and were answered (``passes``), or instead of them.
        armed_by: ``cut_at`` holds only for a connection that has carried these bytes.
    """

    delay: float = 0.0
    stalled: bool = False
    dropped: bool = False
    cut_after: int | None = None
    cut_at: bytes = b""
    armed_by: bytes = b""
    passes: bool = True
    carried: int = 0


@dataclass
class Proxy:
    """Listens on ``port`` and forwards to ``target``; runs in a thread of its own."""

    target: tuple[str, int]
    port: int = field(default_factory=free_port)
    up: Faults = field(default_factory=Faults)
    down: Faults = field(default_factory=Faults)
    refuses: bool = False
    connections: int = 0
    cuts: int = 0
    _pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=list)
    _muted: set[tuple] = field(default_factory=set)  # (pair, way) whose next piece is thrown away

    def start(self) -> Proxy:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def listen() -> None:
            await asyncio.start_server(self._connection, "127.0.0.1", self.port)
            ready.set()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.create_task(listen())
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert ready.wait(5)
        return self

    def close(self) -> None:
        self.reset_all()
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(5)

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.05, self._loop.stop)

    def reset_all(self) -> None:
        """Every open connection ends with RST on both sides."""
        done = threading.Event()

        def act() -> None:
            for pair in list(self._pairs):
                self._reset(pair)
            done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait(5)

    def half_close(self) -> None:
        """The server's side says that it has nothing more to send; the other direction stays open."""

        def act() -> None:
            for client, _ in self._pairs:
                with contextlib.suppress(OSError, RuntimeError):
                    client.write_eof()

        self._loop.call_soon_threadsafe(act)

    def heal(self) -> None:
        self.up, self.down, self.refuses = Faults(), Faults(), False

    def _reset(self, pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        if pair in self._pairs:
            self._pairs.remove(pair)
            self.cuts += 1
        for writer in pair:
            with contextlib.suppress(OSError, AttributeError):
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuses:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self._pairs.append(pair)
        await asyncio.gather(self._pump(UP, reader, far_writer, pair), self._pump(DOWN, far_reader, writer, pair))
        if pair in self._pairs:
            self._pairs.remove(pair)
        for each in pair:
            each.close()

    async def _pump(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: tuple) -> None:
        armed = False
        try:
            while piece := await reader.read(65536):
                while (faults := getattr(self, way)).stalled:  # noqa: ASYNC110  lowered from another thread
                    await asyncio.sleep(0.02)
                if faults.delay:
                    await asyncio.sleep(faults.delay)
                if faults.dropped or (pair, way) in self._muted:
                    self._muted.discard((pair, way))
                    continue
                faults.carried += len(piece)
                armed = armed or faults.armed_by in piece
                if armed and faults.cut_at and faults.cut_at in piece:
                    if faults.passes:
                        # The other side has acted on it when it answers; nobody hears that answer.
                        answer = (pair, DOWN if way == UP else UP)
                        self._muted.add(answer)
                        writer.write(piece)
                        await writer.drain()
                        async with asyncio.timeout(10):
                            while answer in self._muted:  # noqa: ASYNC110  taken away by the other direction
                                await asyncio.sleep(0.02)
                    faults.cut_at = b""
                    self._reset(pair)
                    return
                if faults.cut_after is not None:
                    passing, faults.cut_after = piece[: faults.cut_after], faults.cut_after - len(piece)
                    if faults.cut_after <= 0:
                        writer.write(passing)
                        await writer.drain()
                        faults.cut_after = None
                        self._reset(pair)
                        return
                writer.write(piece)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except (OSError, RuntimeError):
            self._reset(pair)  # what one side did abruptly, the other learns abruptly
