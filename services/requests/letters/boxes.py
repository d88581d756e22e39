"""Whose mail address is whose: wanted, verified by a code that was mailed there, refused, forgotten."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from services.requests import tables as service_tables
from services.requests.letters import tables
from services.requests.letters.office import tidy
from services.requests.notices.rules import MAILS, RULES, TOPICS, of_topic
from shared.errors import Absent, Conflict, Invalid
from shared.mail.smtp import is_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from sqlalchemy import Connection

    from shared.language import Code
    from shared.work import Work

CODE_LIVES = timedelta(hours=1)
CODE_TRIES = 5
# How a topic may be wanted; ``urgent`` is at once what the rules mail at once, and nothing else. One kind of notice may be
# wanted in the ways of the rules, and stands above its topic.
WAYS = ("at_once", "daily", "urgent", "none")
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_box, _choice = tables.mailbox, tables.notice_choice


@dataclass(frozen=True)
class Box:
    """A person's mail address, and what is to become of it."""

    account: str
    address: str
    folded: str
    language: Code
    verified_at: datetime | None
    refused_at: datetime | None
    refused: str
    wanted: str
    code: str
    code_until: datetime | None
    code_tries: int
    secret: str

    @property
    def takes(self) -> bool:
        """Whether letters may go there."""
        return bool(self.address) and self.refused_at is None


def of_account(connection: Connection, account: str, *, lock: bool = False) -> Box | None:
    """The person's box; None when nothing was ever said of one."""
    query = select(_box).where(_box.c.account == account)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Box(**row) if row is not None else None


def of_accounts(connection: Connection, accounts: Iterable[str]) -> dict[str, Box]:
    """Boxes by account."""
    query = select(_box).where(_box.c.account.in_(sorted(set(accounts))))
    return {row["account"]: Box(**row) for row in connection.execute(query).mappings()}


def usable(connection: Connection, accounts: Iterable[str], now: datetime) -> set[str]:
    """Which of these accounts somebody may still sign in to: nobody who has left is written to."""
    account = service_tables.account.c
    query = select(account.id).where(
        account.id.in_(sorted(set(accounts))), account.enabled.is_(True), or_(account.until.is_(None), account.until > now)
    )  # fmt: skip
    return {id_ for (id_,) in connection.execute(query)}


def by_address(connection: Connection, address: str) -> Box | None:
    """Whose verified address this is."""
    row = (
        connection.execute(select(_box).where(_box.c.folded == address.lower(), _box.c.folded != "")).mappings().first()
    )
    return Box(**row) if row is not None else None


def by_secret(connection: Connection, secret: str) -> Box | None:
    """Whose own address for requests carries this secret."""
    query = select(_box).where(_box.c.secret == _digest(secret.lower()), _box.c.secret != "")
    row = connection.execute(query).mappings().first()
    return Box(**row) if row is not None else None


def _changed(work: Work, account: str, **values: Any) -> None:
    """The row is there with these values."""
    if not work.connection.execute(update(_box).where(_box.c.account == account).values(**values)).rowcount:
        blank = {
            "language": "zh-Hans",
            "address": "",
            "folded": "",
            "refused": "",
            "wanted": "",
            "code": "",
            "code_tries": 0,
            "secret": "",
        }
        work.connection.execute(insert(_box).values(**{"account": account, **blank, **values}))


def want(work: Work, account: str, address: str, language: Code) -> str:
    """The address waits to be verified by the code given back; the one before it goes on until then.

    Raises:
        Invalid: it is no address.
    """
    if not is_address(address):
        raise Invalid(fields={"address": ["letter.field.address"]})
    code = "".join(secrets.choice(_LETTERS) for _ in range(8))
    _changed(
        work, account, wanted=tidy(address), code=_digest(code), code_until=work.now + CODE_LIVES, code_tries=0,
        language=language,
    )  # fmt: skip
    return code


def verify(work: Work, account: str, code: str) -> bool:
    """Whether the code was the one mailed: then the address is the person's. Five tries, within an hour.

    Raises:
        Invalid: somebody else has verified the same address.
    """
    box = of_account(work.connection, account, lock=True)
    if box is None or not box.wanted or box.code_until is None or box.code_until < work.now:
        return False
    if box.code_tries >= CODE_TRIES:
        return False
    _changed(work, account, code_tries=box.code_tries + 1)
    if not hmac.compare_digest(_digest("".join(code.split()).upper()), box.code):
        return False
    taken = by_address(work.connection, box.wanted)
    if taken is not None and taken.account != account:
        raise Invalid(fields={"code": ["letter.field.taken"]})
    try:
        _changed(
            work, account, address=box.wanted, folded=box.wanted.lower(), verified_at=work.now, wanted="", code="",
            code_until=None, refused_at=None, refused="",
        )  # fmt: skip
    except IntegrityError as error:
        raise Invalid(fields={"code": ["letter.field.taken"]}) from error
    return True


def drop(work: Work, account: str) -> None:
    """The person has no address any more, and no own one for requests."""
    work.connection.execute(delete(_box).where(_box.c.account == account))


def speak(work: Work, account: str, language: Code) -> None:
    """Letters are written in this language."""
    _changed(work, account, language=language)


def refuse(connection: Connection, account: str, address: str, now: datetime, why: str) -> None:
    """The address's server will never take a letter: none is written until the address is verified again."""
    change = update(_box).where(_box.c.account == account, _box.c.address == address)
    connection.execute(change.values(refused_at=now, refused=why[:200]))


def make_secret(work: Work, account: str) -> str:
    """A new secret for the person's own address for requests; the one before is void.

    Raises:
        Conflict: the person has no verified address to be answered at.
    """
    box = of_account(work.connection, account, lock=True)
    if box is None or not box.address:
        raise Conflict("letter.page.none")
    secret = "".join(secrets.choice(_LETTERS.lower()) for _ in range(24))  # 117 bits
    _changed(work, account, secret=_digest(secret))
    return secret


def drop_secret(work: Work, account: str) -> None:
    """The person's own address for requests is void."""
    work.connection.execute(update(_box).where(_box.c.account == account).values(secret=""))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# ---- how each topic, and single kinds of notices, are wanted


def choices(connection: Connection, accounts: Iterable[str]) -> dict[str, dict[str, str]]:
    """By account, and by topic or kind, what was chosen."""
    query = select(_choice).where(_choice.c.account.in_(sorted(set(accounts))))
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["account"], {})[row["topic"]] = row["mail"]
    return found


def choose(work: Work, account: str, wanted: Mapping[str, str]) -> None:
    """The person wants these topics and kinds so from now on; an empty choice follows the topic or the rules again.

    Raises:
        Invalid: no such topic, kind or way.
    """
    wrong = [name for name, mail in wanted.items() if mail not in _ways(name)]
    if wrong:
        raise Invalid(fields={name: ["field.choice"] for name in wrong})
    work.connection.execute(delete(_choice).where(_choice.c.account == account, _choice.c.topic.in_(list(wanted))))
    rows = [{"account": account, "topic": name, "mail": mail} for name, mail in wanted.items() if mail]
    if rows:
        work.connection.execute(insert(_choice), rows)


def _ways(name: str) -> tuple[str, ...]:
    return ("", *WAYS) if name in TOPICS else ("", *MAILS) if name in RULES else ()


def way(chosen: Mapping[str, str], kind: str) -> str:
    """How a notice of this kind is mailed to somebody who chose so."""
    rule = RULES.get(kind)
    if rule is None:
        return "none"
    wanted = chosen.get(kind) or chosen.get(rule.topic, "")
    if wanted == "urgent":
        return rule.mail if rule.mail == "at_once" else "none"
    return wanted or rule.mail


# ---- links that stop letters


def stop_token(secret: bytes, account: str, what: str) -> str:
    """What stands in the link that stops letters of a topic, or ``daily`` ones; it opens nothing else."""
    mac = hmac.digest(secret, f"stop\0{account}\0{what}".encode(), "sha256").hex()[:32]
    return f"{account}.{what}.{mac}"


def stop_wanted(secret: bytes, token: str) -> tuple[str, str]:
    """The account and what is to be stopped.

    Raises:
        Absent: it is no link of ours.
    """
    account, _, rest = token.partition(".")
    what = rest.partition(".")[0]
    if what not in {*TOPICS, "daily"} or not hmac.compare_digest(
        token.encode(), stop_token(secret, account, what).encode()
    ):
        raise Absent
    return account, what


def stop(work: Work, account: str, what: str) -> None:
    """No letters of the topic are written any more; of ``daily``, of none that came in the daily one. Twice is once."""
    if what != "daily":
        choose(work, account, {what: "none", **{rule.kind: "" for rule in of_topic(what)}})
        return
    chosen = choices(work.connection, [account]).get(account, {})
    topics = {
        topic: "none" if topic in chosen else "urgent" for topic in TOPICS if chosen.get(topic, "") in {"", "daily"}
    }
    choose(work, account, {**topics, **{kind: "none" for kind in RULES if chosen.get(kind) == "daily"}})
