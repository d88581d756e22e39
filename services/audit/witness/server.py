"""The witness over HTTP: two addresses, bounded in everything, standard library only."""

from __future__ import annotations

import re
import socket
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

from services.audit.witness.rules import MAX_REQUEST, Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.audit.witness.rules import Witness

MAX_CONNECTIONS = 64
SOCKET_TIMEOUT = 15  # seconds a peer may be silent

_MONITOR = re.compile(r"/([0-9a-f]{64})/checkpoint")


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness; at most ``MAX_CONNECTIONS`` peers at a time, others are turned away at once."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], witness: Witness, now: Callable[[], int] = lambda: int(time.time())
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.witness = witness
        self.now = now
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, WitnessHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread when there is a place for it."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that goes away is no news; anything else is one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(f"witness: {type(error).__name__} while answering: {error}", file=sys.stderr)


class WitnessHandler(BaseHTTPRequestHandler):
    """``POST /add-checkpoint`` and ``GET /<sha256 of origin>/checkpoint``."""

    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "houqin-witness"
    sys_version = ""
    timeout: ClassVar[int] = SOCKET_TIMEOUT

    def do_POST(self) -> None:
        """Take a checkpoint."""
        body = self._body()
        if body is None:
            return
        if self.path != "/add-checkpoint":
            self._send(Answer(404, "there is nothing here\n"))
            return
        try:
            self._send(self.server.witness.add_checkpoint(body, self.server.now()))
        except sqlite3.Error as error:
            # Nothing was stored, so nothing may be cosigned; the log asks again.
            print(f"witness: the store failed: {error}", file=sys.stderr)
            self._send(Answer(503, "the witness cannot write at the moment\n"))

    def do_GET(self) -> None:
        """Show the newest cosigned checkpoint of a log."""
        match = _MONITOR.fullmatch(self.path)
        self._send(self.server.witness.newest(match[1]) if match else Answer(404, "there is nothing here\n"))

    def _body(self) -> bytes | None:
        """The whole body; None when the peer was refused for it."""
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not length.isascii() or not length.isdigit():
            self.close_connection = True
            self._send(Answer(411, "the request needs a Content-Length\n"))
            return None
        if len(length) > 9 or int(length) > MAX_REQUEST:
            self.close_connection = True
            self._send(Answer(413, f"the request has more than {MAX_REQUEST} bytes\n"))
            return None
        body, until = b"", time.monotonic() + SOCKET_TIMEOUT
        while len(body) < int(length):
            part = self.rfile.read1(int(length) - len(body))
            # A peer that drips its bytes must not keep its place longer than one that is silent.
            if not part or time.monotonic() > until:
                self.close_connection = True
                return None
            body += part
        return body

    def _send(self, answer: Answer) -> None:
        data = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        """Requests are not logged one by one; what matters is in the store."""
