"""The daily digest: what a day brought and the checkpoint at its end, to keep, print and send.

Whoever keeps one holds the log to it: a later log that does not extend its checkpoint was rewritten.
"""

from __future__ import annotations

import base64
import logging
import smtplib
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import qrcode
import qrcode.image.svg

from services.audit import figures, store, wording
from services.audit.bodies import EVERYTHING, Reads
from shared.clock import SITE_ZONE
from shared.database import Sql
from shared.language import language

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from shared.language import Language
    from shared.service import Running

log = logging.getLogger(__name__)

SENT_FROM = 7  # o'clock at the site

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
    head = store.head(connection).size
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


def qr(text: str) -> str:
    """``text`` as a QR code, an address of a picture."""
    drawn = qrcode.make(text, image_factory=qrcode.image.svg.SvgPathFillImage, border=2)
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.to_string()).decode()


def letter(found: Digest, words: Language, address: str, site: str) -> tuple[str, str]:
    """Subject and text of the mail."""
    lines = [words("audit.digest.day", day=words.date(found.day), site=site), ""]
    lines += [f"{wording.title_of(fact + '.v1', words)}: {count}" for fact, count in found.counts] or [
        words("audit.digest.quiet")
    ]
    missing = words("audit.overview.incomplete", n=found.missing) if found.missing else words("audit.overview.complete")
    lines += [
        "",
        missing,
        "",
        words("audit.digest.keep"),
        "",
        found.note or words("audit.overview.not_signed"),
        address,
    ]
    return words("audit.digest.subject", day=words.date(found.day), size=found.size), "\n".join(lines)


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
    """Send yesterday's digest to whoever has not had it; how many letters went. One replica sends each letter."""
    place = str(running.settings["AUDIT_MAIL_URL"])
    now = running.clock.now().astimezone(SITE_ZONE)
    if not place or now.hour < SENT_FROM:
        return 0
    day = now.date() - timedelta(days=1)
    with running.database.read() as connection:
        due = _DUE.run(connection, day=day.isoformat()).all()
        if not due:
            return 0
        found = digest_of(connection, day, "audit.keep_entries")
    address = f"{str(running.settings['HOUQIN_PUBLIC_URL']).rstrip('/')}/audit/digest/{day}"
    sent = 0
    for account, mailbox, code in due:
        with running.database.write() as connection:
            if not _CLAIM.run(connection, account=account, day=day.isoformat()).rowcount:
                continue
        words = language(code)
        subject, text = letter(found, words, address, running.settings["HOUQIN_SITE_NAME"] or words("shell.name"))
        try:
            _mail(place, str(running.settings["AUDIT_MAIL_FROM"]), mailbox, subject, text)
            sent += 1
        except (OSError, smtplib.SMTPException) as error:
            log.warning("the digest of %s was not sent to one subscriber: %s", day, type(error).__name__)
            with running.database.write() as connection:
                _GIVE_BACK.run(connection, account=account, day=day.isoformat(), before="")
    return sent


def _mail(place: str, sender: str, to: str, subject: str, text: str) -> None:
    parts = urlsplit(place)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message.set_content(text)
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with kind(parts.hostname or "", parts.port or 0, timeout=15) as server:
        if parts.scheme == "smtp+starttls":
            server.starttls()
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)
