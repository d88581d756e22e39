"""The rules of complaints, suggestions and improvements: who looks into what, by when, and what may be done next."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from services.requests.hours import SITE
from shared.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WORKING_DAY = timedelta(hours=7, minutes=30)  # 08:30-12:00 and 14:00-18:00
ACKNOWLEDGE_IN, ANSWER_IN, APPEAL_IN, REPLY_IN = 1, 5, 5, 10  # working days
SOON = timedelta(hours=24)  # before it is due, from when an open complaint is shown as near

ABOUT = ("work", "dispatch", "department", "item", "other")
CATEGORIES = ("late", "quality", "attitude", "safety", "cost", "other")
OUTCOMES = ("upheld", "partly", "not_upheld")
OPEN = ("received", "investigating", "appealed")  # a handler owes an answer
ENDED = ("closed", "withdrawn")

# Who may look into a complaint, from the lowest kind to the highest; an appeal goes higher.
KINDS = ("dispatcher", "contract_manager", "supervisor")

COMPLAINANT_MAY: dict[str, frozenset[str]] = {
    "received": frozenset({"take_back"}),
    "investigating": frozenset({"take_back"}),
    "answered": frozenset({"accept", "appeal"}),
    "appealed": frozenset({"take_back"}),
}
HANDLER_MAY: dict[str, frozenset[str]] = {
    "received": frozenset({"acknowledge", "answer", "step_aside"}),
    "investigating": frozenset({"answer", "step_aside"}),
    "appealed": frozenset({"answer", "step_aside"}),
}


class Past(Conflict):
    """It is past the point where this can be done, or somebody else has just done it."""

    key = "voices.error.past"


class NotYours(Conflict):
    """Somebody else looks into it by now."""

    key = "voices.error.not_yours"


class Own(Conflict):
    """Nobody verifies what he did himself (four eyes)."""

    key = "voices.error.own"


# ---- time


def due(start: datetime, working_days: int) -> datetime:
    """The instant by which so many working days of the site have passed; UTC."""
    return SITE.add(start, WORKING_DAY * working_days)


# ---- references


def reference(letter: str, day: date, number: int) -> str:
    """The full spoken reference: C-2026-1124-003 (C complaint, J suggestion, F forum, G improvement)."""
    return f"{letter}-{day.year:04}-{day.month:02}{day.day:02}-{number:03}"


def short(full: str) -> str:
    """What people say of it within the year: C-1124-003."""
    letter, _, rest = full.partition("-")
    return f"{letter}-{rest.partition('-')[2]}"


_SPOKEN = re.compile(r"([A-Za-z])-?(?:(\d{4})-)?(\d{4})-(\d{3,6})")


def full_reference(text: str, today: date) -> str:
    """The full form of what somebody typed: ``C-1124-003`` is of this year, or of the last when that day is to come."""
    plain = text.strip().replace("－", "-").replace("—", "-").replace("–", "-").replace(" ", "")
    found = _SPOKEN.fullmatch(plain)
    if found is None:
        return text
    letter, year, day, number = found.groups()
    if year is None:
        year = str(today.year - 1 if day > f"{today:%m%d}" else today.year)
    return f"{letter.upper()}-{year}-{day}-{number}"


# ---- who looks into a complaint


@dataclass(frozen=True)
class Candidate:
    """Somebody who could look into a complaint; ``kinds`` are those of :data:`KINDS` among the person's roles."""

    account: str
    name: str
    name_en: str
    kinds: frozenset[str]
    department: str = ""
    supplier: str = ""
    crew: str = ""


@dataclass(frozen=True)
class Complained:
    """Whom a complaint is about, and who speaks.

    Attributes:
        people: accounts of whoever complains, or for whom the work was.
        crews, suppliers: that had the work, in any round.
        departments: complained about, or to which such crews belong.
        dispatch: the work was given out by dispatchers, or they are complained about.
    """

    people: frozenset[str] = frozenset()
    crews: frozenset[str] = frozenset()
    suppliers: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    dispatch: bool = False


@dataclass(frozen=True)
class Choice:
    """Who looks into it and why; ``account`` is empty when nobody who may is independent.

    Attributes:
        reasons: pairs of a key of ``voices.why`` and a number that its sentence has a place for.
    """

    account: str
    kind: str
    name: str
    name_en: str
    reasons: tuple[tuple[str, int], ...]


def involvement(person: Candidate, complained: Complained) -> str:
    """Why the person may have no say in the complaint: self, crew, supplier, department, dispatch; empty when he may."""
    if person.account in complained.people:
        return "self"
    if person.crew and person.crew in complained.crews:
        return "crew"
    if person.supplier and person.supplier in complained.suppliers:
        return "supplier"
    if person.department and person.department in complained.departments:
        return "department"
    if complained.dispatch and "dispatcher" in person.kinds:
        return "dispatch"
    return ""


def rank(kind: str) -> int:
    """1 for the lowest kind of handler; 0 for none."""
    return KINDS.index(kind) + 1 if kind in KINDS else 0


def choose(
    people: Iterable[Candidate],
    complained: Complained,
    at_hand: Mapping[str, int],
    *,
    above: int = 0,
    but: frozenset[str] = frozenset(),
) -> Choice:
    """Who looks into a complaint: independent, of the lowest kind above ``above``, with the fewest at hand.

    Among equals the one with the lowest account id, so that the same facts give the same person. ``but`` had it before.
    """
    barred: Counter[str] = Counter()
    fit: list[tuple[int, int, Candidate]] = []
    for each in people:
        if why := involvement(each, complained):
            barred[why] += 1
        elif each.account in but:
            barred["before"] += 1
        else:
            ranks = [rank(kind) for kind in each.kinds if rank(kind) > above]
            if ranks:
                fit.append((min(ranks), at_hand.get(each.account, 0), each))
    shut = tuple((f"barred_{why}", barred[why]) for why in sorted(barred))
    if not fit:
        return Choice("", "", "", "", (("nobody", 0), *shut))
    level, count, person = min(fit, key=lambda one: (one[0], one[1], one[2].account))
    kind = KINDS[level - 1]
    reasons: tuple[tuple[str, int], ...] = (("independent", 0), (f"kind_{kind}", 0))
    if sum(one[0] == level for one in fit) > 1:
        reasons = (*reasons, ("fewest", count))
    return Choice(person.account, kind, person.name, person.name_en, (*reasons, *shut))


# ---- what may be done


def complainant_may(state: str, round_: int, until: datetime | None, now: datetime) -> frozenset[str]:
    """What the complainant may do next; an appeal only once, and in time."""
    found = COMPLAINANT_MAY.get(state, frozenset())
    late = until is not None and now > until
    return found - {"appeal"} if round_ > 1 or late else found


def handler_may(state: str) -> frozenset[str]:
    """What the handler may do next."""
    return HANDLER_MAY.get(state, frozenset())


def standing(state: str, due_at: datetime, now: datetime) -> str:
    """How the promise of an answer stands: running, soon, breached; stopped once nobody owes one."""
    if state not in OPEN:
        return "stopped"
    return "breached" if now > due_at else "soon" if due_at - now <= SOON else "running"


_CUES = (
    ("safety", "危险|安全|漏电|伤|unsafe|danger|hurt"),
    ("attitude", "态度|骂|凶|粗鲁|不理|rude|attitude|shout|impolite"),
    ("late", "慢|迟|晚|等了|超时|拖|没来|不来|late|slow|wait|never came|did ?n[o'’]t come"),
    ("cost", "收费|乱收|贵|价钱|charge|expensive|overprice|money"),
    ("quality", "没修好|又坏|质量|脏|漏|差|不干净|broken again|not fixed|quality|dirty|sloppy"),
)


def category_of(words: str) -> str:
    """What a complaint in plain words is about; ``other`` when it gives no cue."""
    low = words.casefold()
    return next((category for category, cues in _CUES if re.search(cues, low)), "other")


# ---- suggestions and improvements

SUGGESTION_OUTCOMES = ("adopted", "declined")

# finding -> cause -> action -> done -> verified (PDCA); what is not verified is acted on again.
MOVES: dict[str, dict[str, str]] = {
    "found": {"analyse": "analysed", "drop": "dropped"},
    "analysed": {"act": "acting", "drop": "dropped"},
    "acting": {"finish": "acted", "drop": "dropped"},
    "acted": {"verify": "verified", "send_back": "acting"},
    "verified": {},
    "dropped": {},
}
OWNERS_MOVES = frozenset({"analyse", "act", "finish"})
LEADERS_MOVES = frozenset({"verify", "send_back", "drop"})
WORDED = frozenset({"analyse", "act", "finish", "send_back", "drop"})  # moves that need words
UNDER_WAY = ("found", "analysed", "acting", "acted")


def moved(state: str, move: str) -> str:
    """The state after ``move``.

    Raises:
        Past: it cannot be done in this state.
    """
    found = MOVES.get(state, {}).get(move)
    if found is None:
        raise Past
    return found
