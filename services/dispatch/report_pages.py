"""The dispatcher's day report as a page, a file and through the API."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.dispatch import report, store, views
from services.dispatch.access import QUEUE
from services.dispatch.roster import midnight
from shared.clock import SITE_ZONE, to_text
from shared.errors import Absent
from shared.web import chart
from shared.web.answers import Answer, answer, file, page
from shared.web.routes import Route
from shared.web.schemas import Schema, fields

if TYPE_CHECKING:
    from services.dispatch.roster import Roster
    from shared.language import Language
    from shared.web.context import Context


class LineForm(Schema):
    """What one item or crew did on the day."""

    name = fields.String()
    opened = fields.Integer()
    finished = fields.Integer()
    on_time = fields.Integer()
    breaches = fields.Integer()
    refused = fields.Integer()
    redone = fields.Integer()
    worked = fields.Float(metadata={"description": "hours"})
    cost = fields.Float(metadata={"description": "yuan, an estimate of what suppliers will charge"})
    wait = fields.Float(allow_none=True, metadata={"description": "median minutes from filing to the first crew"})
    arrival = fields.Float(allow_none=True, metadata={"description": "median minutes from assignment to being there"})


class LateForm(Schema):
    """One promise that was broken."""

    reference = fields.String()
    promise = fields.String()
    due_at = fields.String()
    minutes_late = fields.Integer()
    kept = fields.Boolean(metadata={"description": "it was fulfilled, too late"})
    crew = fields.String()
    state = fields.String()


class ReportForm(Schema):
    """A dispatcher's day."""

    opened = fields.Integer()
    finished = fields.Integer()
    breaches = fields.Integer()
    redone = fields.Integer()
    left = fields.Integer()
    in_hand = fields.Integer()
    share = fields.Float(allow_none=True, metadata={"description": "percent of finished orders that were on time"})
    before = fields.Float(allow_none=True, metadata={"description": "the same of the day before"})
    hours = fields.List(fields.List(fields.Integer()), metadata={"description": "[hour, opened, finished]"})
    items = fields.List(fields.Nested(LineForm))
    crews = fields.List(fields.Nested(LineForm))
    late = fields.List(fields.Nested(LateForm))


def _day(text: str) -> tuple[datetime, datetime]:
    try:
        day = date.fromisoformat(text)
        since = datetime(day.year, day.month, day.day, tzinfo=SITE_ZONE)
        return since, since + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise Absent from error


def _found(context: Context, day: str) -> tuple[report.Report, Roster, datetime, datetime]:
    since, until = _day(day)
    with context.read() as connection:
        roster = store.roster(connection)
        found = report.report(connection, since, until, context.now, roster)
    return found, roster, since, until


def report_today(context: Context) -> Answer:
    """Today's report."""
    return report_page(context, midnight(context.now).date().isoformat())


def report_page(context: Context, day: str) -> Answer:
    """What came in and was done on a day, what was late, how long each item waited, and the crews side by side."""
    lang = context.language
    found, roster, since, until = _found(context, day)
    shown = [row for row in found.hours if row[1] or row[2]]
    span = range(min((row[0] for row in shown), default=8), max((row[0] for row in shown), default=18) + 1)
    busiest = max(found.hours, key=lambda row: row[1])
    figures = [
        chart.lines(
            lang("report.busiest", hour=busiest[0], n=busiest[1], done=busiest[2]) if busiest[1] else lang("dispatch.report.quiet"),
            [f"{hour}:00" for hour in span],
            [chart.Series(lang("dispatch.report.opened"), [found.hours[hour][1] for hour in span]),
             chart.Series(lang("dispatch.report.finished"), [found.hours[hour][2] for hour in span])],
            head=lang("dispatch.report.hour"),
        )
    ]  # fmt: skip
    waits = sorted(((line.wait, line.name) for line in found.items if line.wait is not None), reverse=True)
    if waits and waits[0][0]:
        named = [(views.item_name(name, lang), round(wait, 1)) for wait, name in waits if wait is not None]
        title = lang("dispatch.report.waited", item=named[0][0], n=named[0][1])
        figures.append(chart.bars(title, named, head=(lang("dispatch.report.item"), lang("dispatch.report.wait"))))
    return page(
        "dispatch/report.html", found=found, figures=figures, day=lang.day(since), code=day,
        share=_percent(found.share), yesterday=_percent(found.before),
        before=context.url("report", day=(since - timedelta(days=1)).date().isoformat()),
        after=context.url("report", day=until.date().isoformat()) if until <= context.now else "",
        items=[_line(line, views.item_name(line.name, lang), lang) for line in found.items],
        crews=[_line(line, _crew(line.name, roster, lang), lang, priced=_priced(line.name, roster)) for line in found.crews],
        late=[
            {
                "href": context.url("order", ref=each.order.reference),
                "cells": [
                    f"{views.short(each.order.reference)} {views.summary_words(each.order, lang)}",
                    lang(f"dispatch.promise.{each.promise}"),
                    lang.time(each.due_at),
                    lang.duration(each.by) if each.kept else lang("report.still", length=lang.duration(each.by)),
                    lang(each.reason) if each.reason and lang.has(each.reason) else "–",
                    roster.crew_name(each.order.crew, lang.code) if each.order.crew else "–",
                ],
            }
            for each in found.late
        ],
    )  # fmt: skip


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1f}%"


def _crew(code: str, roster: Roster, lang: Language) -> str:
    return roster.crew_name(code, lang.code)


def _priced(code: str, roster: Roster) -> bool:
    team = roster.teams.get(code)
    return bool(team and team.supplier)


def _line(line: report.Line, name: str, lang: Language, *, priced: bool = True) -> list[str]:
    def minutes(length: float | None) -> str:
        return "–" if length is None else lang("dispatch.report.minutes", n=round(length))

    return [
        name,
        str(line.opened),
        str(line.finished),
        _percent(line.share),
        str(line.breaches),
        minutes(line.wait),
        minutes(line.arrival),
        str(line.redone),
        str(line.refused),
        f"{line.worked:.1f}",
        lang.number(round(line.cost)) if line.cost or priced else "–",
    ]


CSV = ("kind", "name", "opened", "finished", "breaches", "refused", "wait", "worked")  # the columns there always were
MORE = ("on_time", "arrival", "redone", "cost")


def report_csv(context: Context, day: str) -> Answer:
    """The same figures as a file, UTF-8 with a mark so that spreadsheets read Chinese."""
    lang = context.language
    found, roster, _, _ = _found(context, day)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([*(lang(f"dispatch.report.{name}") for name in CSV), *(lang(f"report.{name}") for name in MORE)])
    for kind, lines in (("item", found.items), ("crew", found.crews)):
        for line in lines:
            name = views.item_name(line.name, lang) if kind == "item" else roster.crew_name(line.name, lang.code)
            cells: list[Any] = [
                lang(f"dispatch.report.{kind}"), _plain(name), line.opened, line.finished, line.breaches, line.refused,
                _number(line.wait), f"{line.worked:.2f}", _number(line.share), _number(line.arrival), line.redone,
                f"{line.cost:.2f}",
            ]  # fmt: skip
            table.writerow(cells)
    table.writerow([])
    table.writerow([lang(f"report.late_{name}") for name in ("order", "promise", "due", "by", "reason", "crew")])
    for each in found.late:
        table.writerow(
            [
                each.order.reference, lang(f"dispatch.promise.{each.promise}"), each.due_at.astimezone(SITE_ZONE).isoformat(),
                round(each.by.total_seconds() / 60), lang(each.reason) if each.reason and lang.has(each.reason) else "",
                _plain(roster.crew_name(each.order.crew, lang.code)) if each.order.crew else "",
            ]
        )  # fmt: skip
    return file(("\ufeff" + out.getvalue()).encode(), "text/csv; charset=utf-8", f"dispatch-{day}.csv")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t"} else text


def api_report(context: Context, day: str) -> Answer:
    """A day's report as JSON."""
    found, _, _, _ = _found(context, day)
    lines = {
        kind: [{name: getattr(line, name) for name in LineForm().fields} for line in each]
        for kind, each in (("items", found.items), ("crews", found.crews))
    }
    same = ("opened", "finished", "breaches", "redone", "left", "in_hand", "share", "before")
    return answer(
        {
            **{name: getattr(found, name) for name in same},
            **lines,
            "hours": [list(row) for row in found.hours],
            "late": [
                {
                    "reference": each.order.reference, "promise": each.promise, "due_at": to_text(each.due_at),
                    "minutes_late": round(each.by.total_seconds() / 60), "kept": each.kept, "crew": each.order.crew,
                    "state": each.order.state,
                }
                for each in found.late
            ],
        }
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    Route("GET", "/report", "report_today", report_today, allow=QUEUE, sample={}, summary="Today's report."),
    Route("GET", "/report/<day>", "report", report_page, allow=QUEUE, sample={"day": "2026-11-24"}, summary="A day's report."),
    Route("GET", "/report/<day>.csv", "report_csv", report_csv, allow=QUEUE, kind="file", summary="A day's report as CSV."),
    Route("GET", "/api/report/<day>", "api_report", api_report, allow=QUEUE, kind="api", answers=ReportForm,
          summary="A day's report: load, promises kept, waits, crews, broken promises."),
)  # fmt: skip
