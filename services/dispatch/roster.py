"""Who can be sent: crews with their skills, shifts and contracts, what they have in hand, and whom to suggest.

The rules are those of ``assignment``; this module says in its terms what a compound's crews are. Everything is a plain
function of what it is given.
"""

from __future__ import annotations

import math
import random
import tomllib
import uuid
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.dispatch.assignment import Area, Crew, CrewState, Job, Message, Pay, Suggestion, suggest, unable
from services.dispatch.assignment.model import BUSY, IDLE, URGENT
from services.dispatch.assignment.suggestion import refusal
from services.dispatch.promises import Calendar
from services.dispatch.standards import item as item_of
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.dispatch.model import Order

FILE = Path(__file__).parent / "data" / "crews.toml"
SITE = "site"
DAY = 1440  # minutes
OVERTIME = 60  # minutes a shift may be overrun
AHEAD = 14  # days looked ahead for a shift with room; beyond it a crew is taken to be free at their end
ACCEPT = 3  # minutes until a crew answers an offer
SOON = 480  # minutes: an appointment further away does not wait behind today's work
HANDS_FULL = 15  # minutes until somebody of a crew at work can go to an emergency

# Walking minutes in the compound: buildings stand in one row from the gate, made up for the demonstration.
PLACES = ("gate", "1", "2", "3", "4", "5", "6", "7")
TRAVEL = tuple(tuple(2 if a == b else 3 + abs(a - b) for b in range(len(PLACES))) for a in range(len(PLACES)))


def place_of(building: str) -> int:
    """The place of a building on the map; anything else lies at the gate."""
    return PLACES.index(building) if building in PLACES else 0


@dataclass(frozen=True)
class Cover:
    """A contract and the items a supplier does under it, from the first day to the day before the last."""

    contract: str
    supplier: str
    items: frozenset[str]
    starts_on: date
    ends_on: date


@dataclass(frozen=True)
class Team:
    """A crew as it is kept.

    Attributes:
        shift: from and until, minutes since midnight. days: "worked" days of the calendar or "all".
        supplier: empty = in-house.
    """

    code: str
    name: str
    name_en: str
    leader: str
    leader_en: str
    account: str
    supplier: str
    size: int
    seats: int
    skills: Mapping[str, int]
    shift: tuple[int, int]
    days: str
    base: str
    hourly: str
    active: bool = True
    retired: bool = False

    @property
    def shown(self) -> str:
        """As events and pages name it in Chinese: the crew and who leads it."""
        return f"{self.name} {self.leader}".strip()

    @property
    def shown_en(self) -> str:
        return ", ".join(part for part in (self.name_en, self.leader_en) if part)

    def name_in(self, code: str) -> str:
        """The crew in the reader's language."""
        return self.shown_en if code == "en" else self.shown


@dataclass
class Load:
    """What a crew has in hand: open orders, their expected minutes, how many are under way."""

    orders: int = 0
    minutes: int = 0
    running: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(self.orders + other.orders, self.minutes + other.minutes, self.running + other.running)


@dataclass(frozen=True)
class Roster:
    """All crews, what the suppliers' contracts cover, and how items find their crews."""

    teams: Mapping[str, Team]
    covers: tuple[Cover, ...]
    suppliers: Mapping[str, tuple[str, str]]
    modes: Mapping[str, str] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)
    leaves: tuple[tuple[str, int, date, date], ...] = ()  # crew, member, first day, last day
    papers: tuple[tuple[str, int, str, date], ...] = ()  # crew, member, skill, first day it is no longer good
    interests: frozenset[tuple[str, str]] = frozenset()  # crew, an account or "department:<code>"
    scores: Mapping[str, tuple[float, str]] = field(default_factory=dict)  # contract or own crew: 0 to 1, consequence
    _crews: dict[date, tuple[tuple[Team, Crew], ...]] = field(default_factory=dict, compare=False, repr=False)

    _able: dict[Any, tuple[list[tuple[Team, Crew, bool]], dict[str, Message]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def crews_on(self, day: date) -> tuple[tuple[Team, Crew], ...]:
        """The crews in service as assignment sees them on a day, their shifts aside."""
        if day not in self._crews:
            self._crews[day] = tuple((team, crew_of(team, self, day)) for team in self.teams.values() if team.active)
        return self._crews[day]

    def able_on(self, day: date, job: Job, today: date) -> tuple[list[tuple[Team, Crew, bool]], dict[str, Message]]:
        """Who may do jobs like ``job`` on a day: (team, crew with its score, held back), and why the others may not.

        Asked once for each kind of job. Who refused, declared an interest or was chosen is the caller's to ask.
        """
        kind = (
            day,
            today,
            job.item,
            tuple(sorted(job.skills.items())),
            job.site,
            job.is_trip,
            job.headcount,
            job.seats,
        )
        known = self._able.get(kind)
        if known is None:
            plain = replace(job, refused_by=frozenset(), conflicts=frozenset(), pinned="")
            fit, unfit = [], {}
            for team, crew in self.crews_on(day):
                why = unable(plain, crew)
                if why is not None:
                    unfit[team.code] = why
                    continue
                score, consequence = self.performance(team, job.item, today)
                fit.append((team, replace(crew, score=score * ALLOTTED.get(consequence, 1.0)), consequence in HELD))
            known = self._able[kind] = fit, unfit
        return known

    def away(self, crew: str, on: date) -> frozenset[int]:
        """Members of a crew that are on leave on a day."""
        return frozenset(number for code, number, first, last in self.leaves if code == crew and first <= on <= last)

    def skills_on(self, team: Team, on: date) -> dict[str, int]:
        """What a crew can do on a day: a skill for which it keeps certificates needs one that is good and whose holder is there."""
        away = self.away(team.code, on)
        kept = {skill for code, _, skill, _ in self.papers if code == team.code}
        good = {s for code, n, s, until in self.papers if code == team.code and until > on and n not in away}
        return {skill: level for skill, level in team.skills.items() if skill not in kept or skill in good}

    def performance(self, team: Team, item: str, on: date) -> tuple[float, str]:
        """How well a crew did by its last score (1 where it has none), and what that leads to for ``item`` on a day.

        A supplier's crew stands under the score of the contract for the item; without one, under its lowest.
        """
        if not team.supplier:
            return self.scores.get(team.code, (1.0, "none"))
        contract = self.contract_for(team.supplier, item, on)
        mine = [contract] if contract else [each.contract for each in self.covers if each.supplier == team.supplier]
        return min((self.scores[each] for each in mine if each in self.scores), default=(1.0, "none"))

    def conflicts_of(self, order: Order) -> frozenset[str]:
        """Crews that declared an interest in who asks."""
        about = {order.requester, f"department:{order.department}"}
        return frozenset(crew for crew, each in self.interests if each in about)

    def contract_for(self, supplier: str, item: str, on: date) -> str:
        """The contract under which ``supplier`` does ``item`` on a day; empty when there is none (or in-house)."""
        for cover in self.covers:
            if cover.supplier == supplier and item in cover.items and cover.starts_on <= on < cover.ends_on:
                return cover.contract
        return ""

    def supplier_name(self, code: str, language: str) -> str:
        """A supplier as shown; its code where it is not known here."""
        zh, en = self.suppliers.get(code, (code, code))
        return en if language == "en" else zh

    def crew_name(self, code: str, language: str) -> str:
        """A crew as shown; its code where it is not known here."""
        team = self.teams.get(code)
        return team.name_in(language) if team else code

    def automatic(self, item: str) -> bool:
        """Whether orders of ``item`` are given to a crew without a dispatcher."""
        return self.modes.get(item, "automatic") == "automatic"


# ---- from what is kept to what assignment knows


def midnight(now: datetime) -> datetime:
    """The beginning of the day at the site."""
    return now.astimezone(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def job_of(order: Order, now: datetime) -> Job:
    """The order as assignment sees it; minutes count from midnight at the site."""
    item = item_of(order.item)
    start = midnight(now)

    def minute(at: datetime) -> int:
        return math.floor((at - start) / timedelta(minutes=1))

    due = order.finish_due_at or order.arrival_due_at or order.response_due_at
    begin = minute(now)
    earliest = begin
    if order.starts_at is not None:
        earliest = max(begin, minute(order.starts_at) - item.lead)
    trip = order.item == "vehicle"
    place = place_of(order.building)
    return Job(
        id=order.order_id,
        item=order.item,
        skills=dict.fromkeys(order.skills, 1),
        site=SITE,
        place=place,
        to=place if trip else None,
        seats=order.headcount if trip else 0,
        earliest=earliest,
        due=minute(due) if due is not None else max(begin, earliest) + DAY,
        due_on_start=order.finish_due_at is None,
        est=order.minutes,
        priority=order.priority,
        refused_by=frozenset(crew for crew, _ in order.refused_by),
    )


def crew_of(team: Team, roster: Roster, on: date) -> Crew:
    """The crew as assignment sees it, its shift aside."""
    items = None
    if team.supplier:
        items = frozenset(
            item
            for cover in roster.covers
            if cover.supplier == team.supplier and cover.starts_on <= on < cover.ends_on
            for item in cover.items
        )
    return Crew(
        id=team.code,
        skills=roster.skills_on(team, on),
        shift=team.shift,
        sites=frozenset({SITE}),
        place=place_of(team.base),
        supplier=team.supplier or None,
        group=team.supplier or "in-house",
        size=max(0, team.size - len(roster.away(team.code, on))),
        seats=team.seats,
        overtime_max=OVERTIME,
        items=items,
        accept=ACCEPT,
        pay=Pay("per_hour", rate=float(team.hourly)) if team.supplier and team.hourly else Pay(),
    )


def standing(
    team: Team, load: Load, job: Job, at: int, today: date, calendar: Calendar, *, behind: bool
) -> tuple[tuple[int, int], CrewState]:
    """The shift in which the crew could do ``job`` from minute ``at`` on, and where it will stand then.

    What it has in hand comes first and is shared among its people; an emergency goes before everything that has not
    begun. Work that does not fit before the end of a shift falls into the next one.
    """
    queue = math.ceil(load.minutes / team.size) if behind else 0
    if job.priority == URGENT:
        queue = HANDS_FULL if load.running >= team.size else 0
    left, found = queue, None
    for day in range(AHEAD):
        if team.days != "all" and not calendar.days.is_workday(today + timedelta(day)):
            continue
        start, end = day * DAY + team.shift[0], day * DAY + team.shift[1]
        if team.shift == (0, DAY) and team.days == "all":
            end = start + 2 * DAY  # somebody else of the crew goes on after midnight
        begin = max(at, start)
        if left + job.est <= end + OVERTIME - begin - ACCEPT - TRAVEL[0][-1]:
            found = (start, end), begin + left
            break
        left -= max(0, min(left, end - begin))
    if found is None:
        begin = at + AHEAD * DAY
        found = (begin, begin + DAY + left + job.est), begin + left
    shift, free_at = found
    free = free_at <= at
    state = CrewState(
        id=team.code,
        status=IDLE if free else BUSY,
        place=place_of(team.base),
        free_at=max(free_at, at),
        orders=load.orders,
        busy_min=queue,
    )
    return shift, state


def suggestion(
    order: Order, roster: Roster, loads: Mapping[str, Load], now: datetime, *, away: frozenset[str] = frozenset()
) -> tuple[Suggestion, datetime]:
    """Whom to send, why, and who comes next; with the instant from which its minutes count.

    Crews that are ``away`` at that time are asked where nobody else can, and that is said.
    """
    job = replace(job_of(order, now), conflicts=roster.conflicts_of(order))
    start = midnight(now)
    today = start.date()
    begin = math.floor((now - start) / timedelta(minutes=1))
    at = max(begin, job.earliest)
    crews, states = [], {}
    excluded: dict[str, Message] = {}
    able = []
    fit, unfit = roster.able_on(today + timedelta(days=at // DAY), job, today)
    excluded |= unfit
    for each in fit:
        why = unable(job, each[1])
        if why is None:
            able.append(each)
        else:
            excluded[each[0].code] = why
    if not all(held for *_, held in able):  # where nobody else can, the work is done all the same
        excluded |= {team.code: Message("dispatch.why.held") for team, _, held in able if held}
        able = [each for each in able if not each[2]]
    if not all(team.code in away for team, *_ in able):
        excluded |= {team.code: Message("dispatch.why.away") for team, *_ in able if team.code in away}
        able = [each for each in able if each[0].code not in away]
    for team, crew, _ in able:
        shift, state = standing(
            team, loads.get(team.code, NOTHING), job, at, today, roster.calendar, behind=at - begin < SOON
        )
        crews.append(replace(crew, shift=shift))
        states[team.code] = state
    if not crews:
        return Suggestion(job.id, None, (), refusal(excluded.values()), excluded), start
    found = suggest(job, Area(tuple(crews), TRAVEL, at + AHEAD * DAY), states, at)
    if found.best is not None and found.crew in away:
        found = replace(found, best=replace(found.best, reasons=(Message("dispatch.reason.away"), *found.best.reasons)))
    return replace(found, excluded={**excluded, **(found.excluded or {})}), start


NOTHING = Load()
# What a score below a mark leads to: a smaller share of the orders, or none while somebody else can.
ALLOTTED = {"fewer_orders": 0.5, "no_new_orders": 0.0, "end_of_contract": 0.0}
HELD = frozenset({"no_new_orders", "end_of_contract"})


def why_unable(order: Order, team: Team, roster: Roster, now: datetime) -> Message | None:
    """Why a dispatcher may not give the order to this crew; None when he may.

    Only what never changes with the hour counts: a dispatcher may send a busy crew, or one off shift.
    """
    if not team.active:
        return Message("dispatch.why.off")
    job = replace(job_of(order, now), refused_by=frozenset(), conflicts=roster.conflicts_of(order))
    return unable(job, crew_of(team, roster, now.astimezone(SITE_ZONE).date()))


# ---- the demonstration crews


@dataclass(frozen=True)
class Member:
    """One person of a crew; ``post``: leader or worker."""

    crew: str
    number: int
    name: str
    post: str


@dataclass(frozen=True)
class Demonstration:
    """The crews of the demonstration compound with their people and contracts."""

    teams: tuple[Team, ...]
    members: tuple[Member, ...]
    suppliers: Mapping[str, tuple[str, str]]
    covers: tuple[Cover, ...]


def demonstration() -> Demonstration:
    """The crews of ``data/crews.toml`` with names drawn by its seed: the same on every machine and Python."""
    data = tomllib.loads(FILE.read_text("utf-8"))
    named = {row["leader"]["zh"] for row in data["crew"] if "leader" in row}
    draw = (name for name in _names(data["names"], data["seed"]) if name not in named)
    accounts = uuid.UUID(data["accounts"])
    teams, members = [], []
    for row in data["crew"]:
        leader = row.get("leader") or _with_pinyin(next(draw))
        user = row.get("leader_user", "")
        teams.append(
            Team(
                code=row["code"],
                name=row["name"]["zh"],
                name_en=row["name"]["en"],
                leader=leader["zh"],
                leader_en=leader["en"],
                account=str(uuid.uuid5(accounts, user)) if user else "",
                supplier=row.get("supplier", ""),
                size=row["size"],
                seats=row.get("seats", 0),
                skills=row["skills"],
                shift=(row["shift"][0], row["shift"][1]),
                days=row.get("days", "worked"),
                base=row["base"],
                hourly=row.get("hourly", ""),
            )
        )
        members.append(Member(row["code"], 1, leader["zh"], "leader"))
        members += [Member(row["code"], number, next(draw), "worker") for number in range(2, row["size"] + 1)]
    covers = tuple(
        Cover(each["ref"], row["code"], frozenset(each["items"]), each["starts_on"], each["ends_on"])
        for row in data["supplier"]
        for each in row["contracts"]
    )
    suppliers = {row["code"]: (row["name"]["zh"], row["name"]["en"]) for row in data["supplier"]}
    return Demonstration(tuple(teams), tuple(members), suppliers, covers)


def _names(parts: Mapping[str, Any], seed: int) -> Iterable[Any]:
    """Names without end, each once."""
    chance = random.Random(seed)
    everything = [surname + given for surname in parts["surnames"] for given in parts["given"]]
    chance.shuffle(everything)
    return iter(everything)


def _with_pinyin(name: str) -> dict[str, str]:
    from pypinyin import lazy_pinyin

    syllables = lazy_pinyin(name)
    return {"zh": name, "en": f"{syllables[0].capitalize()} {''.join(syllables[1:]).capitalize()}"}
