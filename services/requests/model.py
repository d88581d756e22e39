"""The rules of requests: what may be asked, when, what a request's state is, and who may do what to it next."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.clock import SITE_ZONE
from shared.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.requests.catalogue import Item

LATENESS = timedelta(minutes=5)  # how far in the past a wanted time may lie: the form was open meanwhile
HORIZON = timedelta(days=366)  # how far ahead anything may be asked for
LONGEST_SPAN = timedelta(days=14)
URGE_PAUSE = timedelta(minutes=10)  # between two urgings of one request
REOPEN_WITHIN = timedelta(days=30)  # after it was closed
TAGS = ("on_time", "polite", "well_done", "clean", "late", "rude", "not_mended", "messy")
WITHDRAWAL_REASONS = ("not_needed", "mistake", "solved", "other")

REOPENING_REASONS = ("not_mended", "came_back", "half_done", "messy", "other")

# What the requester may do in each state.
ACTS: dict[str, frozenset[str]] = {
    "awaiting_approval": frozenset({"withdraw"}),
    "filed": frozenset({"withdraw", "urge", "amend"}),
    "assigned": frozenset({"withdraw", "urge", "amend"}),
    "under_way": frozenset({"urge", "withdraw", "amend"}),
    "paused": frozenset({"urge", "withdraw", "amend"}),
    "reopened": frozenset({"urge", "withdraw", "amend"}),
    "to_confirm": frozenset({"confirm", "reopen"}),
    "closed": frozenset({"reopen"}),
    "withdrawn": frozenset(),
    "refused": frozenset(),
}
# What somebody who joined may do of that; leaving is always possible.
JOINERS_ACTS = frozenset({"urge", "confirm", "reopen"})
# What may still be changed: once the crew is at work only the words and the telephone.
_ALL_PARTS = frozenset(
    {"place", "level", "starts_at", "ends_at", "headcount", "quantity", "asset", "answers", "contact"}
)
_WORDS = frozenset({"words", "contact"})  # words: answers that are free text
AMENDABLE: dict[str, frozenset[str]] = {
    "filed": _ALL_PARTS, "assigned": _ALL_PARTS, "reopened": _ALL_PARTS, "under_way": _WORDS, "paused": _WORDS,
}  # fmt: skip
LOW_RATING = 2  # stars; so many or fewer escalate
ESCALATING_ROUND = 3  # opened by the second reopening
MOST_PHOTOS = 6  # of one request
OPEN_STATES = ("awaiting_approval", "filed", "assigned", "under_way", "paused", "reopened")
ENDED_STATES = ("closed", "withdrawn", "refused")

# What a work order's last happening means for its request.
STATE_BY_HAPPENING = {
    "opened": "filed",
    "assigned": "assigned",
    "accepted": "assigned",
    "set_off": "assigned",
    "refused": "filed",
    "arrived": "under_way",
    "started": "under_way",
    "paused": "paused",
    "resumed": "under_way",
    "finished": "to_confirm",
    "cancelled": "refused",
}


class NotInThisState(Conflict):
    """The request is past the point where this can be done."""

    key = "requests.error.state"


class Alike(Conflict):
    """The very same is asked for already and still open: one may join it, or file all the same."""

    key = "following.error.alike"


class UrgedJustNow(Conflict):
    """It was urged a moment ago."""

    key = "requests.error.urged"


@dataclass(frozen=True, kw_only=True)
class Filing:
    """What somebody asks for, read and of the right types, not yet checked against the rules.

    Attributes:
        answers: by field name: text, whole number, bool, list of option codes. Parts of the request itself
            (``starts_at``, ``ends_at``, ``headcount``, ``quantity``) are attributes.
        contact: extension or mobile for the crew; empty = the requester's own.
        exception: why it should be more than the standard holds, for whoever approves it.
        asset: tag of the thing it is about, as its label says; empty = not named.
    """

    item: str
    place: str = ""
    level: str = ""
    priority: int = 0  # 0 = the item's usual one
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    headcount: int = 0
    quantity: int = 0
    contact: str = ""
    exception: str = ""
    asset: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)


def refusals(filing: Filing, item: Item, now: datetime) -> dict[str, list[str]]:
    """Message keys by field for everything in ``filing`` that the item's form does not allow; empty when it may be filed."""
    wrong: dict[str, list[str]] = {}

    def say(name: str, key: str) -> None:
        wrong.setdefault(name, []).append(key)

    if filing.priority and filing.priority not in item.accepted:
        say("priority", "requests.field.priority")
    if filing.level and item.level(filing.level) is None:
        say("level", "requests.field.level")
    if filing.starts_at is not None:
        if filing.starts_at < now - LATENESS:
            say("starts_at", "requests.field.past")
        elif filing.starts_at > now + HORIZON:
            say("starts_at", "requests.field.far")
    if filing.ends_at is not None:
        if filing.starts_at is not None and filing.ends_at <= filing.starts_at:
            say("ends_at", "requests.field.end_first")
        elif filing.ends_at < now - LATENESS:
            say("ends_at", "requests.field.past")
        elif filing.ends_at > (filing.starts_at or now) + (LONGEST_SPAN if filing.starts_at else HORIZON):
            say("ends_at", "requests.field.span" if filing.starts_at else "requests.field.far")
    for each in item.fields:
        given = _given(filing, each.name)
        if each.required and given in (None, "", 0, [], ()):
            say(each.name, "field.required")
        if each.type == "choice" and given and each.option(str(given)) is None:
            say(each.name, "field.choice")
        if each.type == "choices" and any(each.option(str(code)) is None for code in given or ()):
            say(each.name, "field.choice")
    known = item.by_name
    for name in ("starts_at", "ends_at", "headcount", "quantity"):
        if name not in known and _given(filing, name):
            say(name, "field.unknown")
    for name in filing.answers:
        if name not in known:
            say(name, "field.unknown")
    return wrong


def _given(filing: Filing, name: str) -> Any:
    if name in {"starts_at", "ends_at", "headcount", "quantity"}:
        return getattr(filing, name)
    return filing.answers.get(name)


def check(filing: Filing, item: Item, now: datetime) -> None:
    """Return when ``filing`` may be filed as it stands.

    Raises:
        Invalid: with message keys by field.
    """
    wrong = refusals(filing, item, now)
    if wrong:
        raise Invalid(fields=wrong)


def alike(item: Item, filing: Filing, place: str) -> str | None:
    """What two open requests for the same thing have in common; None where the item knows no such thing.

    Whoever answers "something else" says nothing that another could mean as well, unless the asset is named.
    """
    if not item.alike or item.restricted:
        return None
    said = [str(filing.answers.get(name) or "") for name in item.alike]
    if not filing.asset and ("" in said or "other" in said):
        return None
    return "|".join((item.code, place, *said, filing.asset.upper()))


def place_fits(item: Item, kind: str, code: str) -> bool:
    """Whether ``item`` may be asked for at a place of this kind and code."""
    if item.place == "fixed":
        return code == item.places[0]
    return not item.places or kind in item.places


# ---- references


def day_of(now: datetime) -> date:
    """The day at the site."""
    return now.astimezone(SITE_ZONE).date()


def reference(day: date, number: int) -> str:
    """The full spoken reference of the day's request ``number``: 2026-1124-087."""
    return f"{day.year:04}-{day.month:02}{day.day:02}-{number:03}"


def short(full: str) -> str:
    """What people say of it within the year: 1124-087."""
    return full.partition("-")[2]


def full_reference(text: str, today: date) -> str:
    """The full form of what somebody typed: ``1124-087`` is of this year, or of the last when that day is to come."""
    text = text.strip().replace("－", "-").replace("—", "-").replace("–", "-").replace(" ", "")
    parts = text.split("-")
    if len(parts) == 2 and len(parts[0]) == 4 and parts[0].isdigit():
        year = today.year
        try:
            if date(year, int(parts[0][:2]), int(parts[0][2:])) > today:
                year -= 1
        except ValueError:
            pass
        return f"{year}-{text}"
    return text


# Crockford's base 32: no I, L, O, U, so that it can be read out.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits each
_TWINS = str.maketrans("ILO", "110")


def tracking_code(secret: bytes, request_id: str) -> str:
    """The code that, with the reference, shows a request's state without sign-in: 60 bits, as ``XXXX-XXXX-XXXX``.

    Derived, so that nothing that opens a request is stored.
    """
    digest = hmac.digest(secret, b"track\0" + request_id.encode(), "sha256")
    number = int.from_bytes(digest[:8], "big") >> 4
    high, middle, low = number >> 40, number >> 20 & 0xFFFFF, number & 0xFFFFF
    return (
        f"{_PAIRS[high >> 10]}{_PAIRS[high & 1023]}-{_PAIRS[middle >> 10]}{_PAIRS[middle & 1023]}"
        f"-{_PAIRS[low >> 10]}{_PAIRS[low & 1023]}"
    )


def same_code(given: str, code: str) -> bool:
    """Whether ``given``, as somebody typed it, is ``code``; in constant time."""
    plain = "".join(given.upper().split()).replace("-", "").translate(_TWINS)
    return hmac.compare_digest(plain.encode(), code.replace("-", "").encode())


# ---- state


@dataclass(frozen=True)
class Order:
    """A work order as this service knows it from dispatch's events, in whatever order they came.

    Attributes:
        round: 1, and more after each reopening; 0 while its opening has not been heard.
        happening: the one with the highest sequence so far.
        sequence: its version in dispatch.
    """

    order_id: str
    round: int
    happening: str
    sequence: int


def state_of(round_: int, orders: Iterable[Order], *, withdrawn: bool, closed: bool) -> tuple[str, Order | None]:
    """A request's state and the order it comes from.

    A function of the set of facts alone, so that every order of arrival ends in the same state. The requester's own
    acts stand above what crews do; orders of an earlier round count no more.
    """
    current = [order for order in orders if (order.round or round_) == round_]
    latest = max(current, key=lambda order: (order.sequence, order.order_id), default=None)
    if withdrawn:
        return "withdrawn", latest
    if closed:
        return "closed", latest
    begun = "reopened" if round_ > 1 else "filed"
    if latest is None:
        return begun, None
    state = STATE_BY_HAPPENING[latest.happening]
    return (begun if state == "filed" else state), latest


def may(act: str, state: str) -> bool:
    """Whether the requester may do ``act`` while the request is in ``state``."""
    return act in ACTS.get(state, frozenset())


def need(act: str, state: str) -> None:
    """Return when ``act`` is possible.

    Raises:
        NotInThisState: it is not.
    """
    if not may(act, state):
        raise NotInThisState


# ---- accounts


@dataclass(frozen=True)
class Life:
    """How long a session lasts: without use, and at most."""

    idle: timedelta
    most: timedelta


# security A6. A person with several roles has the shortest of each.
_OFFICE = Life(timedelta(hours=12), timedelta(days=7))
_MONEY = Life(timedelta(minutes=30), timedelta(hours=8))
LIVES: dict[str, Life] = {
    "staff": _OFFICE,
    "dispatcher": Life(timedelta(hours=12), timedelta(hours=24)),
    "crew": Life(timedelta(hours=12), timedelta(hours=24)),
    "supplier": Life(timedelta(hours=12), timedelta(hours=24)),
    "finance": _MONEY,
    "contract_manager": _MONEY,
    "supervisor": Life(timedelta(hours=2), timedelta(hours=12)),
    "auditor": Life(timedelta(hours=2), timedelta(hours=12)),
    "administrator": _MONEY,
}


def life_of(roles: Iterable[str]) -> Life:
    """The limits of a session of somebody with these roles."""
    lives = [LIVES[role] for role in roles]
    return Life(min(life.idle for life in lives), min(life.most for life in lives))


FREE_TRIES = 5  # wrong passwords before one has to wait
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
UNUSED = timedelta(days=366)  # a browser, or a token that is dead: nobody needs to know it any more


def wait_after(failures: int, free: int = FREE_TRIES) -> timedelta:
    """How long the next try must wait after ``failures`` wrong ones in a row: nothing, then 2, 4, 8 … seconds."""
    if failures < free:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - free + 1, 20)), LONGEST_WAIT)


DEMONSTRATION_PASSWORD = "houqin-demo-2026"  # noqa: S105  printed on the sign-in page of a demonstration


def digest(secret: str) -> str:
    """What is stored of a random secret of at least 128 bits: its SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_text(random: bytes) -> str:
    """An API token from 20 random bytes: ``hq_`` and 32 characters."""
    return "hq_" + base64.b32encode(random).decode().lower()


def aware(moment: datetime) -> datetime:
    """An instant in UTC; one without a zone is the site's wall clock, as forms send it."""
    return (moment.replace(tzinfo=SITE_ZONE) if moment.tzinfo is None else moment).astimezone(UTC)
