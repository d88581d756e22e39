"""Targets by month (short term) and year (medium term), and what the log says was reached.

The figures are tallies by month, made from sealed entries alone and made anew at any time; a year is the sum of its
months. An entry counts in the month in which the log received it, so what is over changes no more. Making the tallies is a
timer's work, and asking for them reads a row for each figure and month, however long the history.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from services.audit import store, tables
from services.audit.figures import FINISHED
from services.audit.wording import fact_of
from shared.apart import by_the_piece
from shared.clock import SITE_ZONE
from shared.contracts.audit import TargetSet
from shared.database import Sql, as_moment
from shared.errors import Conflict, Invalid
from shared.web.intake import Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from services.audit.bodies import Reads
    from shared.service import Running
    from shared.work import Work

BATCH = 500  # entries tallied in one transaction
TURN = 5_000  # entries tallied in one turn of the timer
AHEAD = 10  # years for which a target may be set beforehand
MONTHS, YEARS = 12, 3  # that are shown, up to the current one
PERIOD = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2]))?")

ANSWERED, CONFIRMED, REOPENED = (
    "requests.complaint_answered",
    "requests.request_confirmed",
    "requests.request_reopened",
)

Data = dict[str, Any]
Counted = tuple[int, int]  # what an entry adds: to the part, and to the whole of which it is a part


def _truth(value: Any) -> Counted:
    return (int(value), 1) if isinstance(value, bool) else (0, 0)


def response(_fact: str, data: Data) -> Counted:
    """Of the finished work orders for which a response was promised, those whose response was in time."""
    return _truth(data.get("response_kept"))


def arrival(_fact: str, data: Data) -> Counted:
    """Of the finished work orders for which an arrival was promised, those whose crew arrived in time."""
    return _truth(data.get("arrival_kept"))


def finish(_fact: str, data: Data) -> Counted:
    """Of the finished work orders for which a finish was promised, those that were finished in time."""
    return _truth(data.get("finish_kept"))


def complaints(_fact: str, data: Data) -> Counted:
    """Of the answers given to complaints and appeals, those given in time."""
    late = data.get("late")
    return _truth(not late) if isinstance(late, bool) else (0, 0)


def rating(_fact: str, data: Data) -> Counted:
    """The sum of all stars, 1 to 5, over the number of ratings; a confirmation without stars is none."""
    stars = data.get("stars")
    return (stars, 1) if type(stars) is int and 1 <= stars <= 5 else (0, 0)


def reopened(fact: str, _data: Data) -> Counted:
    """Requests to do work again, over work orders finished in the same period."""
    return (0, 1) if fact == FINISHED else (1, 0)


@dataclass(frozen=True)
class Kpi:
    """A figure that can have a target.

    Attributes:
        facts: the entries it is counted from; only who reads all that their services say is shown it.
        count: what one entry adds; its docstring is the formula.
        least, most: between which a target lies.
        scale: 100 for a share in per cent, 1 for a mean.
        falling: less is better.
    """

    code: str
    facts: tuple[str, ...]
    count: Callable[[str, Data], Counted]
    least: int = 0
    most: int = 100
    scale: int = 100
    falling: bool = False


KPIS = {
    each.code: each
    for each in (
        Kpi("response", (FINISHED,), response),
        Kpi("arrival", (FINISHED,), arrival),
        Kpi("finish", (FINISHED,), finish),
        Kpi("complaints", (ANSWERED,), complaints),
        Kpi("rating", (CONFIRMED,), rating, least=1, most=5, scale=1),
        Kpi("reopened", (FINISHED, REOPENED), reopened, falling=True),
    )
}
FACTS = sorted({fact for each in KPIS.values() for fact in each.facts})

# ---- tallies

_NAMES = {f"fact{n}": f"{fact}.v" for n, fact in enumerate(FACTS)} | {
    f"beyond{n}": f"{fact}.w" for n, fact in enumerate(FACTS)
}
_COUNTED = Sql(
    f"""SELECT e.type, e.received_at, e.leaf FROM log_entry e WHERE e.seq >= :first AND e.seq < :beyond
        AND ({" OR ".join(f"(e.type >= :fact{n} AND e.type < :beyond{n})" for n in range(len(FACTS)))})"""
)
_UPTO = Sql("SELECT upto FROM search_progress WHERE one = 3")
_BEGIN = Sql("INSERT INTO search_progress (one, upto) VALUES (3, 0) ON CONFLICT DO NOTHING")
_MOVE = Sql("UPDATE search_progress SET upto = :upto WHERE one = 3 AND upto = :old")
_ADD = Sql(
    """INSERT INTO kpi_tally (kpi, month, part, whole) VALUES (:kpi, :month, :part, :whole)
       ON CONFLICT (kpi, month) DO UPDATE SET part = kpi_tally.part + excluded.part, whole = kpi_tally.whole + excluded.whole"""
)
_TALLIES = Sql("SELECT kpi, month, part, whole FROM kpi_tally WHERE month >= :since")
_FORGET = Sql("DELETE FROM kpi_tally")


def reach(connection: Connection) -> int:
    """The tallies cover entries 0 to this number - 1."""
    row = _UPTO.run(connection).first()
    return int(row[0]) if row else 0


def tally(running: Running) -> int:
    """Bring the tallies nearer to what is sealed; how many entries were gone through."""
    done = 0
    while done < TURN:
        with running.database.read() as connection:
            old = reach(connection)
            upto = min(store.covered(connection), old + BATCH)
            if upto <= old:
                return done
            rows = _COUNTED.run(connection, first=old, beyond=upto, **_NAMES).all()
        parts: Counter[tuple[str, str]] = Counter()
        wholes: Counter[tuple[str, str]] = Counter()
        for kpi, month, (part, whole) in _counted(rows):
            parts[kpi, month] += part
            wholes[kpi, month] += whole
        with running.database.write() as connection:
            _BEGIN.run(connection)
            if not _MOVE.run(connection, upto=upto, old=old).rowcount:
                return done  # another process is at it
            for kpi, month in wholes:
                _ADD.run(connection, kpi=kpi, month=month, part=parts[kpi, month], whole=wholes[kpi, month])
        done += upto - old
    return done


def _counted(rows: Any) -> Iterator[tuple[str, str, Counted]]:
    """Of each entry: the figures that it counts in, with its month and what it adds."""
    for type_, received_at, leaf in by_the_piece(rows):
        fact, at = fact_of(type_), as_moment(received_at)
        assert at is not None
        data = json.loads(bytes(leaf)).get("data")
        for kpi in KPIS.values():
            if fact in kpi.facts:
                yield (
                    kpi.code,
                    f"{at.astimezone(SITE_ZONE):%Y-%m}",
                    kpi.count(fact, data if isinstance(data, dict) else {}),
                )


def forget(connection: Connection) -> None:
    """Empty the tallies; the timer, or ``reindex``, makes them anew from the log."""
    _BEGIN.run(connection)
    _FORGET.run(connection)
    _MOVE.run(connection, upto=0, old=reach(connection))


# ---- targets


@dataclass(frozen=True)
class Target:
    """A version of the target of a figure: in force from a month or year on, until one that begins later.

    Attributes:
        starts: a month (2026-12) or a year (2027); months and years have targets of their own.
        hundredths: the target, exactly, in hundredths of a per cent or of a star.
    """

    kpi: str
    starts: str
    version: int
    hundredths: int
    reason: str
    set_by: str
    set_at: datetime

    @property
    def value(self) -> Decimal:
        """The target with its two decimals."""
        return Decimal(self.hundredths).scaleb(-2)


def term_of(period: str) -> str:
    """``month`` or ``year``."""
    return "month" if "-" in period else "year"


def current(now: datetime) -> tuple[str, str]:
    """The month and the year at the site."""
    month = f"{now.astimezone(SITE_ZONE):%Y-%m}"
    return month, month[:4]


def versions(connection: Connection) -> list[Target]:
    """Every target that was ever set, the newest first."""
    table = tables.target
    rows = connection.execute(select(table).order_by(table.c.set_at.desc(), table.c.kpi, table.c.version.desc()))
    return [
        Target(row.kpi, row.starts, row.version, row.hundredths, row.reason, row.set_by, row.set_at) for row in rows
    ]


def in_force(found: list[Target], kpi: str, period: str) -> Target | None:
    """The target of a month or year: of those that begin no later the one that begins last, and of these the newest."""
    term = term_of(period)
    fits = [each for each in found if each.kpi == kpi and term_of(each.starts) == term and each.starts <= period]
    return max(fits, key=lambda each: (each.starts, each.version), default=None)


def put(work: Work, kpi: str, starts: str, value: Decimal, reason: str) -> Target:
    """The target of a figure is ``value`` from the month or year ``starts`` on, and it is said; again the same is no version.

    Raises:
        Invalid: the period is over or too far ahead, or the figure cannot have this value.
        Conflict: somebody else set it in the same moment.
    """
    of, wrong = KPIS[kpi], {}
    if not of.least <= value <= of.most:
        wrong["value"] = Said("field.between", least=of.least, most=of.most)
    month, year = current(work.now)
    if starts < (month if term_of(starts) == "month" else year):
        wrong["starts"] = Said("audit.targets.over")
    elif int(starts[:4]) > int(year) + AHEAD:
        wrong["starts"] = Said("audit.targets.far", years=AHEAD)
    if wrong:
        raise Invalid(fields=wrong)
    there = [each for each in versions(work.connection) if each.kpi == kpi and term_of(each.starts) == term_of(starts)]
    newest = max(there, key=lambda each: each.version, default=None)
    hundredths = int(value.scaleb(2))
    if newest and (newest.starts, newest.hundredths, newest.reason) == (starts, hundredths, reason):
        return newest
    made = Target(
        kpi,
        starts,
        newest.version + 1 if newest else 1,
        hundredths,
        reason,
        work.actor.removeprefix("account:"),
        work.now,
    )
    if not _PUT.run(work.connection, term=term_of(starts), **vars(made)).rowcount:
        raise Conflict
    work.say(TargetSet(kpi=kpi, starts=starts, value=made.value, version=made.version, reason=reason, set_at=work.now))
    return made


_PUT = Sql(
    """INSERT INTO target (kpi, term, version, starts, hundredths, reason, set_by, set_at)
       VALUES (:kpi, :term, :version, :starts, :hundredths, :reason, :set_by, :set_at) ON CONFLICT DO NOTHING"""
)


# ---- what was reached


@dataclass(frozen=True)
class Reading:
    """A figure in a month or year beside its target.

    Attributes:
        part, whole: what was counted; the figure is their quotient.
        running: the period is not over.
    """

    kpi: Kpi
    period: str
    part: int
    whole: int
    target: Target | None
    running: bool

    @property
    def actual(self) -> Decimal | None:
        """The figure with two decimals, never better than it is: it equals the target only where the target is reached."""
        if not self.whole:
            return None
        exact = Fraction(self.part * self.kpi.scale * 100, self.whole)
        hundredths = (
            -(-exact.numerator // exact.denominator) if self.kpi.falling else exact.numerator // exact.denominator
        )
        return Decimal(hundredths).scaleb(-2)

    @property
    def state(self) -> str:
        """reached, missed; on_the_way, behind while the period runs; none without a target, unknown without a figure."""
        actual = self.actual
        if self.target is None:
            return "none"
        if actual is None:
            return "unknown"
        good = actual <= self.target.value if self.kpi.falling else actual >= self.target.value
        return ("on_the_way" if good else "behind") if self.running else ("reached" if good else "missed")


def periods(now: datetime) -> tuple[list[str], list[str]]:
    """The months and the years that are shown, the oldest first."""
    month, year = current(now)
    last = int(year) * 12 + int(month[5:]) - 1
    months = [f"{at // 12:04d}-{at % 12 + 1:02d}" for at in range(last - MONTHS + 1, last + 1)]
    return months, [f"{at:04d}" for at in range(int(year) - YEARS + 1, int(year) + 1)]


def to_come(now: datetime) -> list[str]:
    """From when a target may begin, as the form offers it: this month and those that follow, then the years."""
    month, year = current(now)
    first = int(year) * 12 + int(month[5:]) - 1
    months = [f"{at // 12:04d}-{at % 12 + 1:02d}" for at in range(first, first + MONTHS)]
    return months + [f"{at:04d}" for at in range(int(year), int(year) + YEARS)]


def readings(connection: Connection, now: datetime, reads: Reads) -> list[tuple[Kpi, list[Reading], list[Reading]]]:
    """Of each figure that may be read: its months and its years, the oldest first."""
    months, years = periods(now)
    counted: dict[tuple[str, str], list[int]] = {}
    for kpi, month, part, whole in _TALLIES.run(connection, since=min(months[0], f"{years[0]}-01")):
        for period in (month, month[:4]):
            sums = counted.setdefault((kpi, period), [0, 0])
            sums[0], sums[1] = sums[0] + int(part), sums[1] + int(whole)
    found = versions(connection)
    running = current(now)

    def of(kpi: Kpi, period: str) -> Reading:
        part, whole = counted.get((kpi.code, period), (0, 0))
        return Reading(kpi, period, part, whole, in_force(found, kpi.code, period), period in running)

    return [
        (kpi, [of(kpi, month) for month in months], [of(kpi, year) for year in years])
        for kpi in KPIS.values()
        if all(reads.whole(fact.partition(".")[0]) for fact in kpi.facts)
    ]
