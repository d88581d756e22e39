"""The daily digest: what a day brought and the checkpoint at its end, to keep, print and send.

Whoever keeps one holds the log to it: a later log that does not extend its checkpoint was rewritten.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.audit import bodies, figures, store, wording
from services.audit.bodies import EVERYTHING, Reads
from shared.clock import SITE_ZONE
from shared.database import Sql
from shared.language import language
from shared.mail.smtp import Unreachable, hand_in, is_address, server_at, session
from shared.mail.writing import as_text, compose
from shared.settings import BadSettings

if TYPE_CHECKING:
    from datetime import date
    from smtplib import SMTP

    from sqlalchemy import Connection

    from shared.language import Code
    from shared.mail.smtp import Server
    from shared.service import Running
    from shared.settings import Settings

log = logging.getLogger(__name__)

SENT_FROM = 7  # o'clock at the site
BATCH = 200  # letters of one turn of the timer
FOLDER = Path(__file__).parent / "templates" / "mail"

_POINT = Sql("SELECT size, note FROM log_checkpoint WHERE signed_at < :before ORDER BY size DESC LIMIT 1")
_DUE = Sql("SELECT account_id, address, language FROM subscription WHERE sent_for < :day ORDER BY account_id")
_CLAIM = Sql("UPDATE subscription SET sent_for = :day WHERE account_id = :account AND sent_for < :day")
_GIVE_BACK = Sql("UPDATE subscription SET sent_for = :before WHERE account_id = :account AND sent_for = :day")
_PUT = Sql(
    """INSERT INTO subscription (account_id, address, language, since, sent_for) VALUES (:account, :address, :language, :now, '')
       ON CONFLICT (account_id) DO UPDATE SET address = excluded.address, language = excluded.language"""
)
_DROP = Sql("DELETE FROM subscription WHERE account_id = :account")
_MINE = Sql("SELECT address FROM subscription WHERE account_id = :account")


@dataclass(frozen=True)
class Digest:
    """One day of the log.

    Attributes:
        counts: (fact, how many), most first.
        first, beyond: the day's entries are first .. beyond - 1.
        note: the newest checkpoint signed before the day ended; empty when there was none.
        missing: numbers that sources used and that have not come, as known now.
    """

    day: date
    counts: tuple[tuple[str, int], ...]
    first: int
    beyond: int
    size: int
    note: str
    missing: int

    @property
    def text(self) -> str:
        """The lines that are signed: origin, size and root."""
        return "\n".join(self.note.split("\n")[:3])


def digest_of(connection: Connection, day: date, handler: str, reads: Reads = EVERYTHING) -> Digest:
    """The digest of a day at the site."""
    head = store.count(connection)
    counts = figures.by_day(connection, day, head, 1, reads)[day]
    end = figures.midnight(day + timedelta(days=1))
    point = _POINT.run(connection, before=end).first()
    return Digest(
        day=day,
        counts=tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0]))),
        first=figures.first_since(connection, figures.midnight(day), head),
        beyond=figures.first_since(connection, end, head),
        size=int(point[0]) if point else 0,
        note=bytes(point[1]).decode() if point else "",
        missing=sum(absent for _, absent in store.missing(connection, handler).values()),
    )


def letter(running: Running, found: Digest, code: Code, account: str, to: str) -> str:
    """The digest as a letter to a subscriber."""
    words = language(code)
    public_url = str(running.settings["HOUQIN_PUBLIC_URL"]).rstrip("/")
    # The same id whenever it is sent, and nothing in it that tells whose it is.
    name = sha256(f"{found.day} {account}".encode()).hexdigest()[:32]
    missing = words("audit.overview.incomplete", n=found.missing) if found.missing else words("audit.overview.complete")
    return as_text(
        compose(
            FOLDER, "digest", code, sender=str(running.settings["AUDIT_MAIL_FROM"]),
            name=running.settings["HOUQIN_SITE_NAME"] or words("shell.name"), to=to, now=running.clock.now(),
            message_id=f"<digest.{name}@{urlsplit(public_url).hostname or 'houqin'}>",
            subject=words("audit.digest.subject", day=words.date(found.day), size=found.size),
            values={
                "day": found.day, "note": found.note, "missing": missing,
                "counts": [(wording.named_in_full(f"{fact}.v1", words), count) for fact, count in found.counts],
                "address": f"{public_url}/audit/digest/{found.day}", "choices_link": f"{public_url}/audit/digest/",
            },
        )
    )  # fmt: skip


def server_of(settings: Settings) -> Server | None:
    """Where digests are handed in; None: no mail.

    Raises:
        BadSettings: the address of the server or of the sender is none.
    """
    place = str(settings["AUDIT_MAIL_URL"])
    if not place:
        return None
    sender = str(settings["AUDIT_MAIL_FROM"])
    if not is_address(sender.replace("@localhost", "@localhost.example")):
        raise BadSettings("AUDIT_MAIL_FROM: one mail address is needed with AUDIT_MAIL_URL")
    return server_at(place, "AUDIT_MAIL_URL")


def subscribe(connection: Connection, running: Running, account: str, address: str, code: str) -> None:
    """The account is sent the digest of each day at ``address`` from tomorrow on."""
    _PUT.run(connection, account=account, address=address, language=code, now=running.clock.now())


def unsubscribe(connection: Connection, account: str) -> None:
    """The account is sent nothing more, and its address is gone."""
    _DROP.run(connection, account=account)


def address_of(connection: Connection, account: str) -> str:
    """Where the account is sent the digest; empty when it is not."""
    row = _MINE.run(connection, account=account).first()
    return str(row[0]) if row else ""


def send(running: Running) -> int:
    """Send yesterday's digest to whoever has not had it; how many letters went. One replica sends each letter.

    Each is told what its reader may read by now; whoever has no mandate in force is sent nothing. Letters that the server
    takes only later wait for the next turn; one that it will never take is given up for this day.
    """
    server = server_of(running.settings)
    now = running.clock.now().astimezone(SITE_ZONE)
    if server is None or now.hour < SENT_FROM:
        return 0
    day = now.date() - timedelta(days=1)
    letters: list[tuple[str, str, str]] = []
    with running.database.read() as connection:
        drawn: dict[Reads, Digest] = {}
        for account, mailbox, code in _DUE.run(connection, day=day.isoformat()).all():
            reads = bodies.reads_of_account(connection, account, running.clock.now())
            if reads is None:
                continue
            if len(letters) == BATCH:
                break
            if reads not in drawn:
                drawn[reads] = digest_of(connection, day, "audit.keep_entries", reads)
            letters.append((account, mailbox, letter(running, drawn[reads], code, account, mailbox)))
    if not letters:
        return 0
    try:
        with session(server) as client:
            return sum(_hand_in(running, client, day.isoformat(), *each) for each in letters)
    except Unreachable as error:
        log.warning("digests wait: the mail server cannot be used: %s", error)
        return 0


def _hand_in(running: Running, client: SMTP, day: str, account: str, mailbox: str, message: str) -> bool:
    with running.database.write() as connection:
        if not _CLAIM.run(connection, account=account, day=day).rowcount:
            return False
    outcome = hand_in(client, str(running.settings["AUDIT_MAIL_FROM"]), mailbox, message)
    if outcome.verdict != "sent":
        log.warning("the digest of %s was not taken for one subscriber: %s %s", day, outcome.verdict, outcome.why)
    if outcome.verdict in {"later", "gone"}:
        with running.database.write() as connection:
            _GIVE_BACK.run(connection, account=account, day=day, before="")
    return outcome.verdict == "sent"
