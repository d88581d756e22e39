"""The rules of bookings: what may be claimed, which times are free, which dates a rule of recurrence means."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dateutil.rrule import rrulestr

from services.requests.compound import LAYOUTS
from shared.clock import SITE_ZONE, to_text
from shared.errors import Conflict, Invalid
from shared.web.intake import Said
from shared.working_time import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shared.bilingual import Words

FILE = Path(__file__).parents[1] / "data" / "resources.toml"
KINDS = ("room", "vehicle", "slot")
CLAIMING = ("offered", "pending", "booked", "in_use")
HORIZON = timedelta(days=366)
LATENESS = timedelta(minutes=5)
EARLY = timedelta(minutes=15)  # before the start, from when one may check in
OFFER = timedelta(minutes=30)  # how long a freed slot is kept for whoever waited
MOST_DATES = 60  # in one series
LONGEST_SEARCH = timedelta(days=28)
SITE = Calendar()

# What may be done to a booking in each state, by its own people.
ACTS: dict[str, frozenset[str]] = {
    "offered": frozenset({"accept", "cancel"}),
    "pending": frozenset({"cancel", "move"}),
    "booked": frozenset({"cancel", "move", "check_in"}),
    "in_use": frozenset({"end"}),
}

Span = tuple[datetime, datetime]  # [from, until)


class Taken(Conflict):
    """Somebody else has that time.

    Attributes:
        free: the next starts at which it is free for as long.
        others: codes of others of its kind that are free at the time asked for.
    """

    key = "booking.error.taken"

    def __init__(self, free: Sequence[datetime] = (), others: Sequence[str] = (), **parameters: Any) -> None:
        super().__init__(**parameters)
        self.free, self.others = tuple(free), tuple(others)

    def told(self) -> Taken:
        """The same, with what the caller can do instead as members of the problem document."""
        self.extra = {"free": [to_text(each) for each in self.free], "others": list(self.others)}
        return self


class NotInThisState(Conflict):
    """The booking is past the point where this can be done."""

    key = "booking.error.state"


class TooEarly(Conflict):
    """Checking in begins fifteen minutes before the start."""

    key = "booking.error.early"


@dataclass(frozen=True)
class Task:
    """A request that a booking files: for the whole of it, or when it is over."""

    item: str
    at: str  # whole, after
    answers: dict[str, str]


@dataclass(frozen=True)
class Kind:
    """What holds for every resource of a kind; minutes."""

    code: str
    item: str
    before: int
    after: int
    step: int
    least: int
    most: int
    opens: int  # minutes since midnight
    closes: int
    grace: int
    workdays: bool = False
    approval_from: int = 0
    task: tuple[Task, ...] = ()
    listed: tuple[dict[str, Any], ...] = field(default=(), hash=False)


@cache
def kinds() -> dict[str, Kind]:
    """The kinds of ``data/resources.toml`` by code."""
    found = tomllib.loads(FILE.read_text("utf-8"))
    return {code: _kind(code, found[code]) for code in KINDS}


def _kind(code: str, row: dict[str, Any]) -> Kind:
    plain = {name: row[name] for name in ("item", "before", "after", "step", "least", "most", "grace")}
    return Kind(
        code=code, **plain, opens=_minutes(row["opens"]), closes=_minutes(row["closes"]),
        workdays=row.get("workdays", False), approval_from=row.get("approval_from", 0),
        task=tuple(Task(each["item"], each["at"], dict(each["answers"])) for each in row.get("task", ())),
        listed=tuple(row.get("resource", ())),
    )  # fmt: skip


def _minutes(text: str) -> int:
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


@dataclass(frozen=True)
class Resource:
    """Something that can be claimed for a time."""

    number: int
    code: str
    kind: str
    item: str
    place: str
    name: Words
    capacity: int
    equipment: tuple[str, ...]
    approval: bool
    enabled: bool = True
    layouts: dict[str, int] = field(default_factory=dict, hash=False)  # of a room, with their seats; as it stands first

    @property
    def rules(self) -> Kind:
        return kinds()[self.kind]

    def seats(self, layout: str = "") -> int:
        """How many it holds in this layout, or as it stands; 0 where it cannot be laid out so."""
        return self.layouts.get(layout, 0) if layout else self.capacity

    def claim(self, starts_at: datetime, ends_at: datetime) -> Span:
        """What a booking of these times claims: with set-up and clean-down."""
        rules = self.rules
        return starts_at - timedelta(minutes=rules.before), ends_at + timedelta(minutes=rules.after)


def read_layouts(text: str) -> dict[str, int]:
    """The layouts of a room as they are written, ``boardroom:16 u_shape:12``, with the seats of each.

    Raises:
        ValueError: one is none of ``LAYOUTS``, comes twice, or has no seats.
    """
    found: dict[str, int] = {}
    for each in text.split():
        name, _, seats = each.partition(":")
        if name not in LAYOUTS or name in found or not re.fullmatch("[1-9][0-9]{0,4}", seats):
            raise ValueError(each)
        found[name] = int(seats)
    return found


def write_layouts(layouts: Mapping[str, int]) -> str:
    """As :func:`read_layouts` reads them."""
    return " ".join(f"{name}:{seats}" for name, seats in layouts.items())


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants to book, read and of the right types."""

    resource: str
    starts_at: datetime
    ends_at: datetime
    subject: str = ""
    headcount: int = 0
    equipment: tuple[str, ...] = ()
    details: str = ""
    level: str = ""
    layout: str = ""  # empty: as it stands


def near(now: datetime, **moments: datetime | None) -> None:
    """Return when every instant given lies within two years of now, so that sums with it stay within the calendar.

    Raises:
        Invalid: one does not; by name.
    """
    for name, moment in moments.items():
        if moment is not None and not now - 2 * HORIZON < moment < now + 2 * HORIZON:
            raise Invalid(fields={name: ["requests.field.past" if moment < now else "requests.field.far"]})


def refusals(wish: Wish, resource: Resource, now: datetime) -> dict[str, list[Any]]:
    """Message keys by field for everything that the resource's rules do not allow."""
    rules = resource.rules
    wrong: dict[str, list[Any]] = {}
    length = (wish.ends_at - wish.starts_at) / timedelta(minutes=1)
    if not resource.enabled:
        wrong.setdefault("resource", []).append("booking.field.closed")
    if wish.starts_at < now - LATENESS:
        wrong.setdefault("starts_at", []).append("requests.field.past")
    elif wish.starts_at > now + HORIZON:
        wrong.setdefault("starts_at", []).append("requests.field.far")
    elif not within_hours(resource, wish.starts_at, wish.ends_at):
        wrong.setdefault("starts_at", []).append(Said("booking.field.hours", hours=open_hours(rules)))
    elif _minute(wish.starts_at) % rules.step or wish.starts_at.second or wish.starts_at.microsecond:
        wrong.setdefault("starts_at", []).append("booking.field.step")
    if length <= 0:
        wrong.setdefault("ends_at", []).append("requests.field.end_first")
    elif not rules.least <= length <= rules.most or length % rules.step:
        wrong.setdefault("ends_at", []).append("booking.field.length")
    if resource.kind != "slot" and not wish.headcount:
        wrong.setdefault("headcount", []).append("field.required")
    seats, most = resource.seats(wish.layout), max(resource.layouts.values(), default=0)
    if wish.layout and not seats:
        wrong.setdefault("layout", []).append("booking.field.layout")
    elif wish.headcount > seats and wish.layout:
        wrong.setdefault("layout", []).append(Said("booking.field.layout_small", n=seats))
    elif wish.headcount > seats and wish.headcount <= most:
        wrong.setdefault("headcount", []).append(Said("booking.field.small_so", n=seats, most=most))
    elif wish.headcount > seats:
        wrong.setdefault("headcount", []).append("booking.field.small")
    if not wish.subject:
        wrong.setdefault("subject", []).append("field.required")
    return wrong


def _minute(moment: datetime) -> int:
    local = moment.astimezone(SITE_ZONE)
    return local.hour * 60 + local.minute


def within_hours(resource: Resource, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether the resource may be used from start to end: its hours and, for slots, the site's working time."""
    rules = resource.rules
    if rules.workdays:
        return SITE.between(starts_at, ends_at) == ends_at - starts_at
    if rules.opens == 0 and rules.closes == 1440:
        return True
    begin, end = starts_at.astimezone(SITE_ZONE), ends_at.astimezone(SITE_ZONE)
    if begin.date() != end.date():
        return False
    return rules.opens <= begin.hour * 60 + begin.minute and end.hour * 60 + end.minute <= rules.closes


def open_hours(rules: Kind) -> str:
    """When a kind may be used, for people: ``08:30–12:00 14:00–18:00``."""
    spans = SITE.hours.workday if rules.workdays else ((rules.opens, rules.closes),)
    return " ".join("–".join(f"{minute // 60:02}:{minute % 60:02}" for minute in span) for span in spans)


def overlaps(a: Span, b: Span) -> bool:
    """Whether two half-open spans share an instant."""
    return a[0] < b[1] and b[0] < a[1]


def free_starts(
    resource: Resource, busy: Iterable[Span], earliest: datetime, latest: datetime, length: timedelta
) -> Iterator[datetime]:
    """Starts from ``earliest`` to ``latest`` at which the resource is free for ``length``, with its buffers; ascending.

    One pass over the busy spans: O(n log n) to sort them, then constant for each start looked at.
    """
    taken = sorted(busy)
    step = timedelta(minutes=resource.rules.step)
    start = round_up(earliest, resource.rules.step)
    place = 0
    while start <= latest:
        claim = resource.claim(start, start + length)
        while place < len(taken) and taken[place][1] <= claim[0]:
            place += 1
        if place < len(taken) and overlaps(taken[place], claim):
            start = max(
                start + step,
                round_up(taken[place][1] + timedelta(minutes=resource.rules.before), resource.rules.step),
            )
            continue
        if within_hours(resource, start, start + length):
            yield start
            start += step
        else:
            start = _next_chance(resource, start, length)


def _next_chance(resource: Resource, start: datetime, length: timedelta) -> datetime:
    """The next start after ``start`` that the hours could allow."""
    rules = resource.rules
    if rules.workdays:
        return start + timedelta(minutes=rules.step)
    local = start.astimezone(SITE_ZONE)
    minute = local.hour * 60 + local.minute
    day = local.date()
    if minute >= rules.opens:
        day += timedelta(days=1)
    return datetime.combine(day, time(rules.opens // 60, rules.opens % 60), SITE_ZONE).astimezone(UTC)


def round_up(moment: datetime, step: int) -> datetime:
    """The first instant from ``moment`` on that lies on a multiple of ``step`` minutes of the hour; UTC."""
    moment = moment.astimezone(UTC)
    floor = moment.replace(minute=moment.minute - moment.minute % step, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=step)


def next_free(resource: Resource, busy: Iterable[Span], wish: Wish, now: datetime, most: int = 3) -> list[datetime]:
    """The next starts at which the resource is free for as long as wished, within two weeks."""
    earliest = max(wish.starts_at, now)
    return list(
        islice(
            free_starts(resource, busy, earliest, earliest + timedelta(days=14), wish.ends_at - wish.starts_at), most
        )
    )


# ---- recurrence

_PART = re.compile(r"[A-Z]+=[A-Z0-9,+:-]+")
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LONGEST_RULE = 200


def dates(rule: str, first: datetime) -> list[date]:
    """The days that a rule of RFC 5545 means, from the day of ``first`` on; at most sixty, within a year.

    Only FREQ (DAILY, WEEKLY, MONTHLY), INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYSETPOS and WKST are read, the
    rule must end, and its first day must be the booking's own: so every rule that is accepted is found out in a
    bounded number of steps (no day is ever more than some years from the next).

    Raises:
        Invalid: the rule is none, or asks for more than that.
    """
    day = first.astimezone(SITE_ZONE).date()
    parts = _parts(rule)
    freq, interval = parts["FREQ"], int(parts.get("INTERVAL", "1"))
    _need("COUNT" in parts or "UNTIL" in parts, "booking.rule.endless")
    _need(not ("COUNT" in parts and "UNTIL" in parts), "booking.rule.both")
    _need(1 <= interval <= 53, "booking.rule.unread")
    _need(int(parts.get("COUNT", "1")) in range(1, MOST_DATES + 1), "booking.rule.many")
    _check_days(parts, freq, day)
    limit = day + HORIZON
    if "UNTIL" in parts:
        limit = min(limit, _until(parts.pop("UNTIL")))
        _need(limit >= day, "booking.rule.unread")
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001  dates of the site, no instants
    last = datetime(limit.year, limit.month, limit.day)  # noqa: DTZ001
    try:
        found = []
        for moment in rrulestr(text, dtstart=start):
            if moment > last:
                break
            found.append(moment.date())
            _need(len(found) <= MOST_DATES, "booking.rule.many")
    except (ValueError, TypeError, OverflowError) as error:
        raise Invalid(fields={"repeat": ["booking.rule.unread"]}) from error
    _need(bool(found) and found[0] == day, "booking.rule.first")
    return found


def _need(holds: bool, key: str) -> None:
    if not holds:
        raise Invalid(fields={"repeat": [key]})


def _parts(rule: str) -> dict[str, str]:
    text = rule.strip().upper().removeprefix("RRULE:")
    _need(0 < len(text) <= LONGEST_RULE, "booking.rule.unread")
    pairs = text.rstrip(";").split(";")
    _need(all(_PART.fullmatch(pair) for pair in pairs), "booking.rule.unread")
    parts = dict(pair.split("=", 1) for pair in pairs)
    allowed = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYSETPOS", "WKST"}
    _need(len(parts) == len(pairs) and not set(parts) - allowed, "booking.rule.unread")
    _need(parts.get("FREQ") in {"DAILY", "WEEKLY", "MONTHLY"}, "booking.rule.often")
    _need(all(parts.get(name, "1").isdigit() and len(parts.get(name, "1")) <= 4 for name in ("INTERVAL", "COUNT")), "booking.rule.unread")  # fmt: skip
    return parts


def _check_days(parts: dict[str, str], freq: str, day: date) -> None:
    named = parts.get("BYDAY", "").split(",") if "BYDAY" in parts else []
    matches = [_DAY.fullmatch(each) for each in named]
    _need(all(matches), "booking.rule.unread")
    # Without these two a rule may never meet a day and would be looked for until the year 9999.
    _need(not named or _WEEKDAYS[day.weekday()] in {match[2] for match in matches if match}, "booking.rule.first")
    _need(freq == "MONTHLY" or not any(match and match[1] for match in matches), "booking.rule.unread")
    in_month = parts.get("BYMONTHDAY", "")
    if in_month:
        numbers = [int(each) for each in in_month.split(",") if re.fullmatch(r"[+-]?\d{1,2}", each)]
        _need(freq == "MONTHLY" and len(numbers) == len(in_month.split(",")), "booking.rule.unread")
        _need(all(1 <= abs(number) <= 31 for number in numbers), "booking.rule.unread")
        after = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        _need(day.day in numbers or -(after - day).days in numbers, "booking.rule.first")
    if "BYSETPOS" in parts:
        _need(freq == "MONTHLY" and bool(named) and not in_month, "booking.rule.unread")
        _need(parts["BYSETPOS"] in {"1", "2", "3", "4", "-1"}, "booking.rule.unread")


def _until(text: str) -> date:
    match = re.fullmatch(r"(\d{4})(\d{2})(\d{2})(T(\d{6})Z?)?", text)
    _need(match is not None, "booking.rule.unread")
    try:
        return date(*(int(match[number]) for number in (1, 2, 3)))  # type: ignore[index]
    except ValueError as error:
        raise Invalid(fields={"repeat": ["booking.rule.unread"]}) from error


def on_day(first: datetime, day: date) -> datetime:
    """The same wall-clock time as ``first`` on another day of the site; UTC."""
    local = first.astimezone(SITE_ZONE)
    return datetime.combine(day, local.timetz()).astimezone(UTC)


@dataclass(frozen=True)
class Date:
    """One date of a series as it would come out.

    Attributes:
        problem: empty, ``taken``, ``day_off`` or ``hours``.
        free: when taken: other starts of that day at which the resource is free.
        others: when taken: others of its kind that are free at that time.
    """

    day: date
    starts_at: datetime
    ends_at: datetime
    problem: str = ""
    free: tuple[datetime, ...] = ()
    others: tuple[str, ...] = ()
