"""HTTP as eventlet speaks it, with a short way for what nearly all requests and answers are.

A head that has come as a whole and is plain is read in one piece. Any other (folded lines, a name that comes twice or
has an underscore, chunks, ``Expect``, another version) is left to eventlet before anything of it is taken. An answer
that is a list with its length in its headers leaves in one piece; any other is again eventlet's.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import eventlet
from eventlet.wsgi import MAX_HEADER_LINE, HttpProtocol, Input, addr_to_host_port, format_date_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FIRST = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE) (/(?!/)[!-~]*) HTTP/1\.1\r\n")
# What may stand in a line; of a plain head nothing is left without it but the line ends.
_PLAIN = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
_NAME = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+")
_LENGTH = re.compile(r"[0-9]{1,18}")
_NOT_PLAIN = frozenset({"TRANSFER_ENCODING", "EXPECT"})
MOST_LINES = 100  # as http.client


@lru_cache(maxsize=512)
def _key(name: str) -> str:
    """The WSGI name of a header; empty where the head that has it is not plain."""
    key = name.replace("-", "_").upper()
    if not _NAME.fullmatch(name) or key in _NOT_PLAIN:
        return ""
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"


class Fields:
    """The headers of a request that was read here, as eventlet asks for them."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    def get(self, name: str, standard: Any = None) -> Any:
        return self._environ.get(_key(name) or name, standard)


class Protocol(HttpProtocol):  # type: ignore[misc]  # eventlet has no types
    """One connection."""

    def setup(self) -> None:
        super().setup()
        self.capitalize_response_headers = False  # names of ours are written as they should be
        host, port = addr_to_host_port(self.request.getsockname())
        peer, peer_port = addr_to_host_port(self.client_address)
        self._always: dict[str, Any] = self.server.get_environ() | {
            "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.0", "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_NAME": host,
            "SERVER_PORT": str(port), "REMOTE_ADDR": peer, "REMOTE_PORT": str(peer_port),
        }  # fmt: skip
        self._read: dict[str, Any] | None = None
        self._body: bytes | None = None

    def parse_request(self) -> bool:
        """The head is read; false when it could not be and was answered."""
        self._read = self._plain_head()
        if self._read is None:
            return bool(super().parse_request())
        self.headers = Fields(self._read)
        return True

    def _plain_head(self) -> dict[str, Any] | None:
        """The environment of a plain head that has come as a whole, which is taken; None, and nothing is, for any other."""
        first = _FIRST.fullmatch(self.raw_requestline)
        source = self.rfile.fp  # eventlet bounds what it reads of a head by a wrapper
        come = source.peek() if first else b""
        end = come.find(b"\r\n\r\n")
        if first is None or not 0 < end < MAX_HEADER_LINE:
            return None
        found: dict[str, Any] = {}
        lines = come[:end].decode("latin-1").split("\r\n")
        if come[: end + 2].translate(None, _PLAIN) != b"\r\n" * len(lines):
            return None
        for line in lines:
            name, colon, value = line.partition(":")
            key = _key(name) if colon else ""
            if not key or key in found:
                return None
            found[key] = value.strip(" \t")
        length = found.get("CONTENT_LENGTH")
        if len(lines) > MOST_LINES or (length is not None and not _LENGTH.fullmatch(length)):
            return None
        source.read(end + 4)
        size = int(length or 0)
        self._body = source.read(size) if 0 < size <= len(come) - end - 4 else None
        self.requestline = self.raw_requestline[:-2].decode("latin-1")
        self.command, self.path = first[1].decode(), first[2].decode()
        self.request_version = "HTTP/1.1"
        self.close_connection = found.get("HTTP_CONNECTION", "").lower() == "close"
        path, mark, query = self.path.partition("?")
        found["REQUEST_METHOD"], found["RAW_PATH_INFO"] = self.command, path
        found["PATH_INFO"] = unquote(path, "latin-1") if "%" in path else path
        if mark:
            found["QUERY_STRING"] = query
        found.setdefault("CONTENT_TYPE", "text/plain")  # as eventlet has it
        return {**self._always, **found}

    def get_environ(self) -> dict[str, Any]:
        """What the application is given."""
        environ = self._read
        if environ is None:
            return dict(super().get_environ())
        taken = Input(self.rfile, environ.get("CONTENT_LENGTH", "0"), self.connection)
        environ["wsgi.input"] = environ["eventlet.input"] = taken
        if self._body is not None:  # it came with its head
            taken.position = taken.content_length
            environ["wsgi.input"] = BytesIO(self._body)
        environ["eventlet.posthooks"] = []
        return environ

    def handle_one_response(self) -> None:
        """The application's answer is sent."""
        if self._read is None:
            super().handle_one_response()
            return
        said: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., Any]:
            said[:] = status, headers, exc_info
            return _write

        environ = self.environ
        taken = environ["eventlet.input"]
        try:
            result = self.application(environ, start_response)
        except (Exception, eventlet.Timeout) as error:  # noqa: BLE001  eventlet answers and logs whatever it is
            self._leave(said, _raising(error))
            return
        text = self._whole(said, result) if type(result) is list and taken.position == taken.content_length else b""
        if text:
            self.connection.sendall(text)
        else:
            self._leave(said, lambda: result)

    def _whole(self, said: list[Any], body: list[bytes]) -> bytes:
        """A finished answer as it goes over the wire; nothing where eventlet has more to do for it."""
        if not said or said[2] or self.close_connection or self.command == "HEAD":
            return b""
        status, headers, _ = said
        names = [name for name, _ in headers]
        if status[:3] in {"204", "304"} or status[0] == "1" or "Content-Length" not in names or "Date" in names:
            return b""
        lines = [f"{name}: {value}\r\n" for name, value in headers]
        if self.headers.get("Connection", "").lower() == "keep-alive":
            lines.append("Connection: keep-alive\r\n")
        try:
            head = f"HTTP/1.1 {status}\r\n{''.join(lines)}Date: {_date(int(time.time()))}\r\n\r\n".encode("latin-1")
        except UnicodeEncodeError:
            return b""
        return head + b"".join(body)

    def _leave(self, said: list[Any], result: Callable[[], Iterable[bytes]]) -> None:
        """eventlet sends what the application said already."""

        def again(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if said:
                start_response(*said)
            return result()

        self.application = again
        super().handle_one_response()


def _raising(error: BaseException) -> Callable[[], Any]:
    def again() -> Any:
        raise error

    return again


def _write(_data: bytes) -> None:
    raise NotImplementedError("answers of ours are iterables")


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return str(format_date_time(second))
