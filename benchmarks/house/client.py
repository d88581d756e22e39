"""A client of one thread: a number of keep-alive connections, one request in flight on each."""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.house import ground


@dataclass
class Slice:
    """What a slice of time brought. Latencies in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        return self.statuses[201] / self.seconds


class Client:
    """Posts ``body`` to ``path``; each post has an Idempotency-Key of its own, which also stands for its asset."""

    def __init__(self, port: int, path: str, body: object, bearer: str = "", connections: int = 16,
                 scheme: str = "Bearer") -> None:  # fmt: skip
        self.port = port
        payload = json.dumps(body, ensure_ascii=False).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(payload)}\r\n" + (f"Authorization: {scheme} {bearer}\r\n" if bearer else "")
        first, self._named, last = payload.partition(ground.ASSET.encode())
        self._before, self._between, self._after = head.encode() + b"Idempotency-Key: ", b"\r\n\r\n" + first, last
        self._sockets = [self._connect() for _ in range(connections)]

    def _connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def run(self, seconds: float, rate: float = 0.0) -> Slice:
        """Post for ``seconds``, as fast as answers come, or at ``rate`` posts a second, evenly; all answers are awaited.

        Raises:
            OSError: a connection broke, or an answer took more than ten seconds.
        """
        found, buffers, begun = Slice(), dict.fromkeys(self._sockets, b""), {}
        idle, selector = list(self._sockets), selectors.DefaultSelector()
        for each in self._sockets:
            selector.register(each, selectors.EVENT_READ)
        start = time.perf_counter()
        sent = 0
        with selector:
            while True:
                now = time.perf_counter()
                while idle and now - start < seconds and (not rate or sent <= (now - start) * rate):
                    each = idle.pop()
                    # At a rate, the clock of a post starts when it was due, so that a stall is seen by those behind it.
                    begun[each] = start + sent / rate if rate else time.perf_counter()
                    key = os.urandom(12).hex().encode()
                    each.sendall(self._before + key + self._between + (key if self._named else b"") + self._after)
                    sent += 1
                if not begun and now - start >= seconds:
                    break
                for key, _ in selector.select(0.002 if rate else 0.1):
                    self._read(key.fileobj, buffers, begun, idle, found)
                if begun and time.perf_counter() - min(begun.values()) > 10:
                    raise TimeoutError("an answer took more than ten seconds")
        found.seconds = time.perf_counter() - start
        return found

    @staticmethod
    def _read(each, buffers, begun, idle, found) -> None:
        chunk = each.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed a connection")
        buffers[each] += chunk
        head, blank, body = buffers[each].partition(b"\r\n\r\n")
        if not blank:
            return
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(body) >= length:
            buffers[each] = b""
            found.latencies.append(time.perf_counter() - begun.pop(each))
            found.statuses[int(head[9:12])] += 1
            idle.append(each)
