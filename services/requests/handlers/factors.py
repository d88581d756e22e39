"""The second factor: codes of an authenticator (TOTP, RFC 6238), and recovery codes.

A seed is shown while it is being set up and never again: it is kept sealed (AES-256-GCM) under a key derived from the
service's secret. A code is worth something once: the step it belongs to is written down with its use, and no code of
that step or an earlier one is taken afterwards. HMAC-SHA-1 is what authenticators compute; nothing else here uses it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import delete, insert, select, update

from services.requests import model, tables
from shared.contracts.requests import SecurityNoticed
from shared.errors import Conflict

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.requests.desk import Desk
    from services.requests.store import Account
    from shared.work import Work

STEP = 30  # seconds
DIGITS = 6
DRIFT = 1  # steps that a telephone's clock may differ, either way
SEED_BYTES = 20  # RFC 4226 section 4: 160 bits
CODES = 10
TICKET_LIFE = timedelta(minutes=5)

Step = Literal["", "code", "enrol"]


class FactorDemanded(Conflict):
    """A role of this person demands the second factor."""

    key = "gate.error.demanded"


# ---- what a person must show


def next_step(connection: Connection, desk: Desk, account: Account) -> Step:
    """What follows the right password: a code, setting up the second factor, or nothing."""
    if has_factor(connection, account.id):
        return "code"
    return "enrol" if demanded(desk, account) else ""


def demanded(desk: Desk, account: Account) -> bool:
    """Whether a role of this account may not be used without the second factor."""
    return bool(desk.second_factor & set(account.roles))


def has_factor(connection: Connection, account_id: str) -> bool:
    """Whether the account has set one up."""
    query = select(tables.second_factor.c.account_id).where(tables.second_factor.c.account_id == account_id)
    return connection.execute(query).first() is not None


def codes_left(connection: Connection, account_id: str) -> int:
    """How many recovery codes have not been used."""
    code = tables.recovery_code.c
    query = select(code.digest).where(code.account_id == account_id, code.used_at.is_(None))
    return len(connection.execute(query).all())


# ---- setting it up


def new_seed() -> bytes:
    """A seed nobody has had before."""
    return secrets.token_bytes(SEED_BYTES)


def seed_text(seed: bytes) -> str:
    """The seed as people type it into an authenticator, in groups of four."""
    text = base64.b32encode(seed).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def address(seed: bytes, account: Account, site: str) -> str:
    """What the QR code holds (Key URI format of the authenticator programs)."""
    label = quote(f"{site}:{account.user_name}", safe="")
    return f"otpauth://totp/{label}?secret={base64.b32encode(seed).decode()}&issuer={quote(site, safe='')}&digits={DIGITS}&period={STEP}"


def set_up(work: Work, desk: Desk, account: Account, seed: bytes, code: str) -> list[str] | None:
    """The account has this second factor and these recovery codes, told once; None when ``code`` is not of the seed."""
    step = _step_of(seed, code, work.now)
    if step is None:
        return None
    work.connection.execute(delete(tables.second_factor).where(tables.second_factor.c.account_id == account.id))
    work.connection.execute(
        insert(tables.second_factor).values(
            account_id=account.id, seed=_seal(desk, "seed", seed, account.id), last_step=step, set_at=work.now
        )
    )
    _noticed(work, account.id, "second_factor_set")
    return new_codes(work, account.id)


def new_codes(work: Work, account_id: str) -> list[str]:
    """Ten new recovery codes of 80 bits, told once and kept as digests; older ones are worth nothing."""
    code = tables.recovery_code
    work.connection.execute(delete(code).where(code.c.account_id == account_id))
    found = [_grouped(secrets.token_bytes(10)) for _ in range(CODES)]
    rows = [{"digest": _digest(account_id, each), "account_id": account_id, "used_at": None} for each in found]
    work.connection.execute(insert(code), rows)
    return found


def remove(work: Work, account_id: str) -> None:
    """The account has no second factor any more."""
    for table in (tables.second_factor, tables.recovery_code):
        work.connection.execute(delete(table).where(table.c.account_id == account_id))
    _noticed(work, account_id, "second_factor_removed")


def drop_own(work: Work, desk: Desk, account: Account) -> None:
    """The person gives up the second factor.

    Raises:
        FactorDemanded: a role demands it.
    """
    if demanded(desk, account):
        raise FactorDemanded
    remove(work, account.id)


# ---- using it


def accept(work: Work, desk: Desk, account_id: str, code: str) -> bool:
    """Whether ``code`` is right now, of the authenticator or a recovery code; it is worth nothing afterwards."""
    plain = "".join(code.split()).replace("-", "")
    if len(plain) == DIGITS and plain.isascii() and plain.isdigit():
        return _accept_step(work, desk, account_id, plain)
    table = tables.recovery_code.c
    used = work.connection.execute(
        update(tables.recovery_code)
        .where(table.account_id == account_id, table.digest == _digest(account_id, code), table.used_at.is_(None))
        .values(used_at=work.now)
    )
    if used.rowcount == 1:
        _noticed(work, account_id, "recovery_code_used")
        return True
    return False


def _accept_step(work: Work, desk: Desk, account_id: str, code: str) -> bool:
    table = tables.second_factor.c
    kept = work.connection.execute(select(table.seed).where(table.account_id == account_id)).scalar()
    seed = _open(desk, "seed", kept, account_id) if kept else None
    step = _step_of(seed, code, work.now) if seed else None
    if step is None:
        return False
    # Of two requests with one code the database lets one through.
    taken = work.connection.execute(
        update(tables.second_factor)
        .where(table.account_id == account_id, table.last_step < step)
        .values(last_step=step)
    )
    return taken.rowcount == 1


def _step_of(seed: bytes, code: str, now: datetime) -> int | None:
    """The step that ``code`` belongs to; None when to none near now."""
    maker = TOTP(seed, DIGITS, SHA1(), STEP, enforce_key_length=False)  # noqa: S303  see above
    this = int(now.timestamp()) // STEP
    given = "".join(code.split()).encode()
    found = [
        step
        for step in range(this - DRIFT, this + DRIFT + 1)
        if hmac.compare_digest(maker.generate(step * STEP), given)
    ]
    return found[-1] if found else None


# ---- between the password and the code: nothing is stored, the browser carries a sealed ticket


@dataclass(frozen=True)
class Ticket:
    """Somebody has shown the right password and nothing more.

    Attributes:
        seed: of the second factor that is being set up; empty otherwise.
    """

    account_id: str
    epoch: int
    until: datetime
    seed: bytes = b""


def write_ticket(desk: Desk, account: Account, now: datetime, browser: str, seed: bytes = b"") -> str:
    """A ticket for ``browser`` (its form token), good for five minutes."""
    until = int((now + TICKET_LIFE).timestamp())
    body = json.dumps([account.id, account.epoch, until, base64.b64encode(seed).decode()]).encode()
    return _seal(desk, "ticket", body, browser)


def read_ticket(desk: Desk, text: str, now: datetime, browser: str) -> Ticket | None:
    """The ticket in ``text``; None when it is none of ours, of another browser, or too old."""
    body = _open(desk, "ticket", text, browser) if len(text) < 1000 else None
    if body is None:
        return None
    account_id, epoch, until, seed = json.loads(body)
    ticket = Ticket(account_id, epoch, datetime.fromtimestamp(until, UTC), base64.b64decode(seed))
    return ticket if now < ticket.until else None


def _seal(desk: Desk, purpose: str, body: bytes, of: str) -> str:
    nonce = secrets.token_bytes(12)
    return base64.urlsafe_b64encode(nonce + AESGCM(_key(desk, purpose)).encrypt(nonce, body, of.encode())).decode()


def _open(desk: Desk, purpose: str, text: str, of: str) -> bytes | None:
    try:
        raw = base64.urlsafe_b64decode(text.encode())
        return AESGCM(_key(desk, purpose)).decrypt(raw[:12], raw[12:], of.encode())
    except (InvalidTag, ValueError):
        return None


def _key(desk: Desk, purpose: str) -> bytes:
    return hmac.new(desk.secret, b"second factor\0" + purpose.encode(), hashlib.sha256).digest()


def _digest(account_id: str, code: str) -> str:
    plain = "".join(code.split()).replace("-", "").upper()
    return model.digest(f"recovery\0{account_id}\0{plain}")


def _grouped(random: bytes) -> str:
    text = base64.b32encode(random).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _noticed(work: Work, account: str, what: str) -> None:
    work.say(SecurityNoticed(account_id=account, what=what, noticed_at=work.now))
