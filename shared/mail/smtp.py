"""Handing letters in: one connection at a time, bounded in time, and what the server answered about each."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from shared.settings import BadSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 10.0  # for one answer of the server
SESSION = 60.0  # for a whole connection, however slowly the server drips
SECURITIES = ("tls", "starttls", "none")
SCHEMES = {"smtps": ("tls", 465), "smtp+starttls": ("starttls", 587), "smtp": ("none", 25)}
LONGEST = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})

Verdict = Literal["sent", "later", "refused", "poison", "gone"]


def is_address(text: str) -> bool:
    """Whether ``text`` is one address as it may stand in RCPT TO: no name, no comment, no quoting, ASCII."""
    return len(text) <= LONGEST and len(text.partition("@")[0]) <= 64 and bool(_ADDRESS.fullmatch(text))


@dataclass(frozen=True)
class Server:
    """Where letters are handed in, or fetched from."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = ""

    def guarded(self, setting: str) -> Server:
        """The same server, which keeps its password to itself.

        Raises:
            BadSettings: a password would leave this machine unencrypted.
        """
        if self.security == "none" and self.password and self.host not in _HERE:
            raise BadSettings(f"{setting}: a password never leaves this machine unencrypted")
        return self


def server_at(url: str, setting: str) -> Server:
    """The server of ``smtp+starttls://user:password@host:port``, smtps:// or smtp://.

    Raises:
        BadSettings: it is no such address, or would give a password away.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadSettings(f"{setting}: this is no address of a mail server") from error
    if parts.scheme not in SCHEMES or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise BadSettings(f"{setting}: smtp+starttls://, smtps:// or smtp://user:password@host:port")
    security, usual = SCHEMES[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Server(parts.hostname, port or usual, security, user, password).guarded(setting)


@dataclass(frozen=True)
class Outcome:
    """What became of one letter.

    ``later``: refused for now. ``refused``: its address will never take one. ``poison``: the letter itself is not taken.
    ``gone``: the connection broke while it was handed in, so it may or may not have arrived.
    """

    verdict: Verdict
    why: str = ""


class Unreachable(Exception):
    """No server took letters at all; nothing was handed in."""


class _Patience:
    """Lines of a server's answer, until ``end`` of :func:`time.monotonic`; each is bounded by the library."""

    def __init__(self, lines: Any, end: float) -> None:
        self._lines, self._end = lines, end

    def readline(self, most: int) -> bytes:
        if time.monotonic() > self._end:
            raise OSError("it talks without end")
        return bytes(self._lines.readline(most))

    def close(self) -> None:
        self._lines.close()


class Plain(smtplib.SMTP):
    """A connection that is over at ``end``, however much the server has to say."""

    end = float("inf")

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            self.file = _Patience(self.sock.makefile("rb"), self.end)  # type: ignore[union-attr]
        return super().getreply()


class Secure(Plain, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


@contextmanager
def session(server: Server, seconds: float = SECONDS, most: float = SESSION) -> Iterator[smtplib.SMTP]:
    """A connection on which letters may be handed in.

    Raises:
        Unreachable: nobody answers in time, or not as a server that may be trusted with letters.
    """
    client: Plain | None = None
    watch: threading.Timer | None = None
    try:
        context = ssl.create_default_context()
        if server.security == "tls":
            client = Secure(local_hostname=socket.gethostname(), timeout=seconds, context=context)
        else:
            client = Plain(local_hostname=socket.gethostname(), timeout=seconds)
        client.end = time.monotonic() + most
        watch = threading.Timer(most, _cut, [client])
        watch.daemon = True
        watch.start()
        # smtplib checks certificates against the host it was made with.
        client._host = server.host  # type: ignore[attr-defined]  # noqa: SLF001
        code, _ = client.connect(server.host, server.port)
        if code != 220:
            raise Unreachable(f"greeted with {code}")
        client.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            client.starttls(context=context)
            client.ehlo()
        if server.user:
            client.login(server.user, server.password)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        _end(client, watch)
        raise Unreachable(_why(error)) from error
    except BaseException:
        _end(client, watch)
        raise
    try:
        yield client
    finally:
        _end(client, watch)


def _cut(client: smtplib.SMTP) -> None:
    sock = client.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _end(client: smtplib.SMTP | None, watch: threading.Timer | None) -> None:
    if client is not None and client.sock is not None:
        with suppress(OSError, smtplib.SMTPException):
            client.sock.settimeout(1)
            client.quit()
        client.close()
    if watch is not None:
        watch.cancel()


def hand_in(client: smtplib.SMTP, sender: str, address: str, message: str) -> Outcome:
    """What the server said about one letter to ``address``."""
    try:
        client.sendmail(sender, [address], message.encode("ascii"))
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()), (0, b""))
        why = _said(code, text).replace(address, "…")  # it is shown to others than the person
        return Outcome("refused" if 500 <= code < 600 else "later", why)
    except smtplib.SMTPDataError as error:
        return Outcome("poison" if 500 <= error.smtp_code < 600 else "later", _said(error.smtp_code, error.smtp_error))
    except smtplib.SMTPSenderRefused as error:  # the office's own address: no fault of this letter
        return Outcome("later", _said(error.smtp_code, error.smtp_error))
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return Outcome("gone", _why(error))
    return Outcome("sent")


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return "".join(each if each.isprintable() else " " for each in f"{code} {words}")[:200]


def _why(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    return _said(code, getattr(error, "smtp_error", b"")) if code else type(error).__name__
