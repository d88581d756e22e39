"""Fetching requests from a mail folder: a few at a time, bounded in time and size, each marked once it was dealt with."""

from __future__ import annotations

import imaplib
import logging
import re
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from services.requests.letters import arrivals, reading
from shared.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.requests.desk import Desk
    from services.requests.letters.office import Office
    from shared.service import Running

log = logging.getLogger("houqin.requests.letters")
SECONDS = 10.0  # for one answer of the server
SESSION = 120.0  # for a whole connection
BATCH = 20  # mails in one turn of the timer


class Unreachable(Exception):
    """The folder cannot be looked into."""


class _Bounded(imaplib.IMAP4):
    """A connection that takes no more in one piece than a mail may be large."""

    def read(self, size: int) -> bytes:
        if size > reading.MOST + 65_536:
            raise self.abort(f"{size} bytes at once")
        return super().read(size)


class _Secure(_Bounded, imaplib.IMAP4_SSL):
    """The same, encrypted from the first byte."""


@contextmanager
def folder(office: Office, seconds: float = SECONDS, most: float = SESSION) -> Iterator[imaplib.IMAP4]:
    """The folder, opened.

    Raises:
        Unreachable: nobody answers in time, or sign-in or the folder is refused.
    """
    server = office.imap
    assert server is not None
    client: imaplib.IMAP4 | None = None
    watch: threading.Timer | None = None
    try:
        context = ssl.create_default_context()
        if server.security == "tls":
            client = _Secure(server.host, server.port, ssl_context=context, timeout=seconds)
        else:
            client = _Bounded(server.host, server.port, timeout=seconds)
        watch = threading.Timer(most, _cut, [client.sock])
        watch.daemon = True
        watch.start()
        if server.security == "starttls":
            client.starttls(ssl_context=context)
        client.login(server.user, server.password)
        status, _ = client.select(_quoted(office.folder))
        if status != "OK":
            raise Unreachable(f"no folder {office.folder}")
        yield client
    except (OSError, imaplib.IMAP4.error, ValueError) as error:
        raise Unreachable(f"{type(error).__name__}: {str(error)[:200]}") from error
    finally:
        if client is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                client.logout()
        if watch is not None:
            watch.cancel()


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def fetch(running: Running, desk: Desk, seconds: float = SECONDS, most: float = SESSION) -> dict[str, int]:
    """New mails in the folder were dealt with; how many of each outcome. One that cannot be dealt with is flagged."""
    done: dict[str, int] = {}
    if desk.office.imap is None or not desk.office.intake:
        return done
    try:
        with folder(desk.office, seconds, most) as client:
            _, found = client.uid("SEARCH", "UNSEEN")
            uids = b" ".join(each for each in found if isinstance(each, bytes)).split()[:BATCH]
            for uid in uids:
                if not uid.isdigit():
                    continue
                outcome = _one(running, desk, client, uid.decode())
                done[outcome] = done.get(outcome, 0) + 1
    except Unreachable as error:
        log.warning("mail is not fetched: %s", error)
    except Transient as error:
        log.warning("mail waits in its folder: %s", error)
    return done


def _one(running: Running, desk: Desk, client: Any, uid: str) -> str:
    size = _size(client.uid("FETCH", uid, "(RFC822.SIZE)"))
    # Peeking leaves the mail unseen until it has been dealt with.
    part = "BODY.PEEK[]" if size <= reading.MOST else f"BODY.PEEK[]<0.{reading.MOST + 1}>"
    raw = _body(client.uid("FETCH", uid, f"({part})"))
    if not raw:
        return "gone"
    try:
        outcome = arrivals.receive(running, desk, raw)
    except arrivals.FAULTS as error:  # the next ones are taken
        log.exception("mail %s cannot be dealt with and is flagged: %s", uid, type(error).__name__)
        client.uid("STORE", uid, "+FLAGS", r"(\Seen \Flagged)")
        return "flagged"
    client.uid("STORE", uid, "+FLAGS", r"(\Seen)")
    return outcome


def _size(answer: Any) -> int:
    text = b" ".join(each if isinstance(each, bytes) else each[0] for each in answer[1] if each)
    match = re.search(rb"RFC822\.SIZE (\d{1,12})", text)
    return int(match[1]) if match else 0


def _body(answer: Any) -> bytes:
    for each in answer[1]:
        if isinstance(each, tuple) and len(each) == 2:
            return bytes(each[1])
    return b""
