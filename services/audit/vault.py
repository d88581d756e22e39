"""Personal values behind commitments: encrypted at rest, disclosed on request, erased for good.

A row is erased by deleting it: the entry stays provable and says nothing. The key lies in a file apart from the
database, so that a copy of the database alone discloses nothing; backups of the database keep an erased row, unreadable
without the key, until they expire.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.audit.log.envelope import Opening
from services.audit.log.errors import LogError
from shared.contracts.audit import ValuesErased
from shared.database import Sql

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.service import Running
    from shared.settings import Settings
    from shared.work import Work

MARK = "gcm1:"
GROUNDS = ("request_of_person", "consent_withdrawn", "purpose_met", "term_over", "order_of_authority")
MOST = 500  # entries that one event of erasure names

_OPENINGS = Sql("SELECT field, salt, value FROM vault WHERE seq = :seq ORDER BY field")
_OF_PERSON = Sql("SELECT DISTINCT seq FROM vault WHERE person = :person ORDER BY seq LIMIT :limit")
_OLD = Sql(
    """SELECT DISTINCT v.seq FROM vault v JOIN log_entry e ON e.seq = v.seq WHERE e.received_at < :before
       ORDER BY v.seq LIMIT :limit"""
)
_ERASE = Sql("DELETE FROM vault WHERE seq = :seq")
_COUNT = Sql("SELECT count(*) FROM vault WHERE person = :person")


@lru_cache(maxsize=4)
def _cipher(path: str) -> AESGCM:
    file = Path(path)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(handle, "w") as out:
                out.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
    if file.stat().st_mode & 0o077:
        raise LogError(f"{file} can be read by others than its owner; chmod 400 it")
    key = base64.b64decode(file.read_text("ascii").split()[0], validate=True)
    if len(key) != 32:
        raise LogError(f"{file} holds no key of 32 bytes")
    return AESGCM(key)


def cipher(settings: Settings) -> AESGCM:
    """The vault's key, made at the first call where no file is set."""
    given = str(settings["AUDIT_VAULT_KEY_FILE"])
    return _cipher(given or str(Path(settings["HOUQIN_DATA"]) / "keys" / "vault.key"))


_in_use: dict[str, AESGCM] = {}  # by database; set when the service is assembled


def use(running: Running) -> None:
    """Values that go into this service's database are encrypted from now on."""
    _in_use[str(running.database.engine.url)] = cipher(running.settings)


def stored(connection: Connection, opening: Opening) -> str:
    """A value as this process writes it: encrypted, unless nobody has assembled the service (tools, simulations)."""
    key = _in_use.get(str(connection.engine.url))
    return json.dumps(opening.value, ensure_ascii=False) if key is None else hidden(opening, key)


def hidden(opening: Opening, key: AESGCM) -> str:
    """A value as it is stored. The salt, unique to it, is bound in: a value cannot be moved to another entry."""
    nonce = secrets.token_bytes(12)
    text = json.dumps(opening.value, ensure_ascii=False).encode()
    return MARK + base64.b64encode(nonce + key.encrypt(nonce, text, opening.salt)).decode()


def shown(value: str, salt: bytes, key: AESGCM) -> Any:
    """The value that was stored; one from before there was a key as it is."""
    if not value.startswith(MARK):
        return json.loads(value)
    body = base64.b64decode(value[len(MARK) :])
    return json.loads(key.decrypt(body[:12], body[12:], salt))


def openings(connection: Connection, seq: int, settings: Settings) -> list[Opening]:
    """The values behind an entry's commitments, as far as they have not been erased."""
    key = cipher(settings)
    rows = [(field, bytes(salt), value) for field, salt, value in _OPENINGS.run(connection, seq=seq)]
    return [Opening(field, salt, shown(value, salt, key)) for field, salt, value in rows]


def kept_of(connection: Connection, person: str) -> int:
    """How many values are kept of a person."""
    return int(_COUNT.run(connection, person=person).scalar_one())


def erase(work: Work, entries: list[int], ground: str, person: str = "") -> int:
    """Delete every value behind the commitments of ``entries``, and say so; how many values are gone."""
    gone = 0
    for at in range(0, len(entries), MOST):
        part = entries[at : at + MOST]
        count = sum(_ERASE.run(work.connection, seq=seq).rowcount for seq in part)
        if count:
            work.say(
                ValuesErased(
                    erasure_id=work.new_id(), account_id=person, entries=tuple(part), values=count, ground=ground,
                    erased_at=work.now,
                )
            )  # fmt: skip
        gone += count
    return gone


def erase_person(work: Work, person: str, ground: str) -> int:
    """Delete every value that is kept of an account; how many values are gone."""
    found = [int(seq) for (seq,) in _OF_PERSON.run(work.connection, person=person, limit=1_000_000)]
    return erase(work, found, ground, person)


def expire(running: Running) -> int:
    """Delete the values whose term is over; how many. Several replicas at once do no harm."""
    days = int(running.settings["AUDIT_VAULT_DAYS"])
    before: datetime = running.clock.now() - timedelta(days=days)
    with running.work() as work:
        found = [int(seq) for (seq,) in _OLD.run(work.connection, before=before, limit=MOST)]
        return erase(work, found, "term_over")
