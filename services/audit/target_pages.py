"""Targets on a page and as JSON: each figure by month and year beside its target, and the setting of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.audit import bodies, targets
from services.audit.bodies import EVERYTHING
from services.audit.targets import KPIS, PERIOD, Kpi, Reading, Target
from shared.errors import Refused
from shared.web import chart
from shared.web.answers import Answer, answer, page, see_other
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal, Instant, Text

if TYPE_CHECKING:
    from decimal import Decimal as Number

    from sqlalchemy import Connection

    from services.audit.bodies import Reads
    from shared.language import Language
    from shared.web.context import Context

READ = Access.to(supervisor="all", auditor="all", administrator="all", dispatcher="all")
SET = Access.to(administrator="all")
TONES = {"reached": "done", "missed": "late", "on_the_way": "move", "behind": "soon"}


class TargetForm(Schema):
    """A target of a figure from a month or year on."""

    kpi = fields.String(required=True, validate=validate.OneOf(list(KPIS)))
    starts = fields.String(
        required=True,
        validate=validate.Regexp(rf"(?:{PERIOD.pattern})\Z", error="audit.targets.no_period"),
        metadata={"pattern": f"^{PERIOD.pattern}$", "description": "a month (2026-12) or a year (2027), not over"},
    )
    value = Decimal(
        2, least="0", most="100", required=True, metadata={"description": "per cent; stars, 1 to 5, of rating"}
    )
    reason = Text(400, required=True)


class VersionForm(TargetForm):
    """A version of a target."""

    version = fields.Integer(metadata={"description": "from 1, of the figure's months or years"})
    set_by = fields.String(metadata={"description": "account"})
    set_at = Instant()


class ReadingForm(Schema):
    """A figure in a month or year beside its target."""

    kpi = fields.String()
    period = fields.String()
    part = fields.Integer()
    whole = fields.Integer()
    actual = fields.String(
        allow_none=True, metadata={"description": "two decimals, never better than part and whole say"}
    )
    target = fields.String(allow_none=True)
    version = fields.Integer(allow_none=True, metadata={"description": "of the target"})
    state = fields.String(validate=validate.OneOf(["reached", "missed", "on_the_way", "behind", "none", "unknown"]))


class TargetsForm(Schema):
    """Figures beside their targets, and every version of these."""

    covers = fields.Integer(metadata={"description": "sealed entries that the figures count"})
    readings = fields.List(fields.Nested(ReadingForm))
    versions = fields.List(fields.Nested(VersionForm))


def _reads(context: Context, connection: Connection) -> Reads:
    """A dispatcher sees the figures of his own office; others as far as they read the log."""
    if "dispatcher" in context.principal.roles:
        return EVERYTHING
    return bodies.reads(connection, context.principal, context.now)


def all_targets(context: Context) -> Answer:
    """Figures beside their targets as JSON."""
    with context.read() as connection:
        found = targets.readings(connection, context.now, _reads(context, connection))
        versions = targets.versions(connection)
        covers = targets.reach(connection)
    seen = {kpi.code for kpi, _, _ in found}
    return answer(
        {
            "covers": covers,
            "readings": [_reading(each) for _, months, years in found for each in (*years, *months)],
            "versions": [_version(each) for each in versions if each.kpi in seen],
        }
    )


def _reading(each: Reading) -> dict[str, Any]:
    return {
        "kpi": each.kpi.code, "period": each.period, "part": each.part, "whole": each.whole,
        "actual": None if each.actual is None else str(each.actual),
        "target": each.target and str(each.target.value), "version": each.target and each.target.version, "state": each.state,
    }  # fmt: skip


def _version(each: Target) -> dict[str, Any]:
    return {
        "kpi": each.kpi, "starts": each.starts, "value": str(each.value), "reason": each.reason, "version": each.version,
        "set_by": each.set_by, "set_at": each.set_at,
    }  # fmt: skip


def put(context: Context) -> Answer:
    """A figure has a target from a month or year on."""
    form = context.json()
    with context.work() as work:
        made = targets.put(work, **form)
    return answer(_version(made))


def set_target(context: Context) -> Answer:
    """A figure has a target from a month or year on; a form that is wrong comes back with its reasons."""
    try:
        form = context.form()
        with context.work() as work:
            targets.put(work, **form)
    except Refused as error:
        if not error.fields:
            raise
        return _page(context, error)
    return see_other(context.url("targets"))


def overview(context: Context) -> Answer:
    """Each figure of this month and year, of the months and years before, and the versions of its targets."""
    return _page(context)


def _page(context: Context, error: Refused | None = None) -> Answer:
    with context.read() as connection:
        found = targets.readings(connection, context.now, _reads(context, connection))
        versions = targets.versions(connection)
        covers = targets.reach(connection)
    words = context.language
    return page(
        "audit/targets.html",
        status=error.status if error else 200,
        covers=covers,
        rows=[
            {
                "code": kpi.code,
                "name": words(f"audit.code.kpi.{kpi.code}"),
                "formula": words(f"audit.targets.formula.{kpi.code}"),
                "now": [(term, _shown(words, readings[-1])) for term, readings in (("month", months), ("year", years))],
                "figure": _figure(words, kpi, months),
                "periods": [_shown(words, each) for each in (*reversed(years), *reversed(months))],
                "versions": [
                    (named(words, each.starts), _value(words, kpi, each.value), each)
                    for each in versions
                    if each.kpi == kpi.code
                ],
            }
            for kpi, months, years in found
        ],
        sets=context.may("set_target"),
        kpis=[(code, words(f"audit.code.kpi.{code}")) for code in KPIS],
        starts=[(each, named(words, each)) for each in targets.to_come(context.now)],
        errors=context.errors(error) if error else {},
        posted=context.posted if error else {},
    )


def named(words: Language, period: str) -> str:
    """2026年11月, 2027年 / November 2026, 2027."""
    year, _, month = period.partition("-")
    return words.month(int(year), int(month)) if month else words("audit.targets.year", year=year)


def _value(words: Language, kpi: Kpi, value: Number | None) -> str:
    return words.number(value, 2) + ("%" if kpi.scale == 100 and value is not None else "")


def _shown(words: Language, each: Reading) -> dict[str, Any]:
    target = "–" if each.target is None else _value(words, each.kpi, each.target.value)
    if each.target is not None:
        target = words("audit.targets.at_most" if each.kpi.falling else "audit.targets.at_least", value=target)
    return {
        "period": named(words, each.period),
        "target": target,
        "actual": _value(words, each.kpi, each.actual),
        "part": words.number(each.part), "whole": words.number(each.whole),
        "tone": TONES.get(each.state, "off"),
        "state": words(f"audit.targets.is.{each.state}"),
    }  # fmt: skip


def _figure(words: Language, kpi: Kpi, months: list[Reading]) -> chart.Figure | None:
    """The figure and its target by month; None where no month has a figure."""
    if all(each.actual is None for each in months):
        return None
    over = [each for each in months if each.state in {"reached", "missed"}]
    reached = sum(each.state == "reached" for each in over)
    name = words(f"audit.code.kpi.{kpi.code}")
    return chart.lines(
        words("audit.targets.drawn", n=len(over), kpi=name, reached=words.number(reached))
        if over
        else words("audit.targets.drawn_none", kpi=name),
        [each.period[2:] for each in months],
        [
            chart.Series(words("audit.targets.actual"), [None if each.actual is None else float(each.actual) for each in months]),
            chart.Series(words("audit.targets.target"), [None if each.target is None else float(each.target.value) for each in months]),
        ],
        head=words("audit.targets.period"),
        source=words(f"audit.targets.formula.{kpi.code}"),
        unit="%" if kpi.scale == 100 else "",
    )  # fmt: skip


ROUTES = (
    Route("GET", "/targets", "targets", overview, allow=READ, summary="Figures beside their targets.", sample={}),
    Route("POST", "/targets", "set_target", set_target, allow=SET, accepts=TargetForm, summary="Set a target from a month or year on."),
    Route("GET", "/api/targets", "api_targets", all_targets, allow=READ, kind="api", answers=TargetsForm,
          summary="Figures beside their targets."),
    Route("PUT", "/api/targets", "api_put_target", put, allow=SET, kind="api", accepts=TargetForm, answers=VersionForm,
          summary="Set a target from a month or year on."),
)  # fmt: skip
