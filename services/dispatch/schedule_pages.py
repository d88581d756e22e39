"""The plan of the whole area for people: what it proposes, how planning stands, and orders set to an hour."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from services.dispatch import api, handlers, schedule, store, views
from services.dispatch.access import DISPATCH, QUEUE
from services.dispatch.away import suggestion_now
from services.dispatch.model import WAITING
from shared.clock import to_text
from shared.errors import Absent, Conflict, Invalid, Refused
from shared.web.answers import Answer, Said, answer, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Key, Schema, fields, validate

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from services.dispatch.model import Order
    from services.dispatch.roster import Roster
    from shared.language import Language
    from shared.web.context import Context
    from shared.work import Work

MOST_AT_ONCE = 50


class RunForm(Schema):
    """One plan and what became of it."""

    run_id = fields.String()
    state = fields.String()
    who = fields.String()
    started_at = fields.String()
    ended_at = fields.String(allow_none=True)
    orders = fields.Integer()
    crews = fields.Integer()
    placed = fields.Integer()
    proposed = fields.Integer()
    moved = fields.Integer()
    milliseconds = fields.Integer()
    mebibytes = fields.Integer()


class ProposalForm(Schema):
    """What the plan proposes for one order."""

    reference = fields.String()
    version = fields.Integer()
    crew_now = fields.String()
    crew = fields.String()
    starts_at = fields.String()
    ends_at = fields.String()
    gain = fields.Integer(metadata={"description": "yuan-equivalents saved; ranks, is never billed"})
    reasons = fields.Raw()
    next_crews = fields.Raw()


class ScheduleForm(Schema):
    """How planning stands, the latest plans, and what the newest one proposes."""

    made_at = fields.String(allow_none=True)
    failed_at = fields.String(allow_none=True)
    why = fields.String(metadata={"description": "late, failed, or empty"})
    under_way = fields.Boolean()
    runs = fields.List(fields.Nested(RunForm))
    proposals = fields.List(fields.Nested(ProposalForm))


class AskedForm(Schema):
    """The plan that was asked for."""

    run_id = fields.String()


class Marked(Schema):
    """Orders as they were seen, to be given as suggested or as planned; with a crew all of them to it."""

    crew = Key(load_default="")
    orders = fields.List(
        fields.String(validate=validate.Regexp(r"^[0-9A-Za-z.-]{1,40}@[0-9]{1,9}\Z")),
        required=True, validate=validate.Length(min=1, max=MOST_AT_ONCE),
        metadata={"description": "each as reference@version"},
    )  # fmt: skip


class Chosen(Schema):
    """Orders marked in the queue, each as ``reference@version``; with a crew all of them are given to it."""

    order = fields.List(
        fields.String(validate=validate.Regexp(r"^[0-9A-Za-z.-]{1,40}@[0-9]{1,9}\Z")),
        required=True, validate=validate.Length(min=1, max=MOST_AT_ONCE, error="dispatch.field.marked"),
    )  # fmt: skip
    crew = Key(load_default="")


class OutcomeForm(Schema):
    """What became of one of them."""

    reference = fields.String()
    outcome = fields.String(metadata={"description": "done, changed (somebody was faster), nobody (no suitable crew)"})
    crew = fields.String()
    detail = fields.String()


class OutcomesForm(Schema):
    """What became of each."""

    outcomes = fields.List(fields.Nested(OutcomeForm))


# ---- words


def proposal_view(row: Row[Any], order: Order, roster: Roster, lang: Language) -> dict[str, Any]:
    """What the plan proposes for an order, for the panel."""
    best = views.best_view(row.crew, json.loads(row.reasons), roster, lang)
    return {
        **best,
        "gain": row.gain,
        "now": roster.crew_name(order.crew, lang.code) if order.crew else "",
        "from": row.starts_at,
        "until": row.ends_at,
        "next": [
            each for each in views.next_view(json.loads(row.next_crews), roster, lang) if each["code"] != order.crew
        ],
    }


def note(connection: Connection, lang: Language, now: Any) -> dict[str, Any]:
    """How planning stands, for the top of the queue: a sentence only where somebody should know."""
    found = schedule.standing(connection)
    words = ""
    if found["why"]:
        since = lang.when(found["made_at"], now) if found["made_at"] else lang("schedule.never")
        words = lang(f"schedule.{found['why']}", at=lang.when(found["failed_at"], now), since=since)
    return {**found, "words": words}


# ---- pages


def schedule_page(context: Context) -> Answer:
    """What the newest plan proposes, and the latest plans."""
    lang, now = context.language, context.now
    with context.read() as connection:
        roster = store.roster(connection)
        found = schedule.proposals(connection)
        runs = schedule.runs(connection)
        standing = note(connection, lang, now)
    place = context.own.hub.place()
    rows = [
        {
            **views.row(order, roster, now, lang, context.url("order", ref=order.reference)),
            "short": views.short(order.reference),
            "proposal": proposal_view(row, order, roster, lang),
            "order": order,
        }
        for order, row in found
    ]
    shown = [
        [
            lang.when(row.started_at, now),
            row.who or lang("dispatch.log.system"),
            lang(f"schedule.state.{row.state}"),
            lang("schedule.figures", orders=row.orders, crews=row.crews, placed=row.placed)
            if row.state == "done"
            else "–",
            str(row.proposed),
            str(row.moved),
            f"{row.milliseconds / 1000:.1f}" if row.state == "done" else "–",
        ]
        for row in runs
    ]
    return page("dispatch/schedule.html", rows=rows, runs=shown, standing=standing, place=place)


def ask_page(context: Context) -> Answer:
    """A plan is made now, not at the next interval."""
    with context.work() as work:
        schedule.ask(work, context.principal.name)
    return see_other(context.url("schedule"), said=Said("schedule.asked"))


def undo_pin(context: Context, ref: str) -> Answer:
    """The order's hour is what it was."""
    from services.dispatch.pages import order_page, problem_words

    try:
        order = api.act(context, views.full(ref, context.now), schedule.undo_pin)
    except (Conflict, Invalid) as error:
        return order_page(context, ref, problem=problem_words(context, error), status=error.status)
    return see_other(
        context.url("queue", order=order.reference),
        said=Said("dispatch.said.undone", {"ref": views.short(order.reference)}),
    )


# ---- many at once


def adopt(work: Work, order: Order, who: str, version: int) -> None:
    """The order is given as the plan proposes, else to its suggested crew.

    Raises:
        Conflict: somebody was faster, or it does not wait and nothing is proposed. Absent: nobody can do it.
    """
    handlers.need(work, "assign", order, version)
    row = schedule.slot_of(work.connection, order)
    if row is not None and row.act == "propose" and row.crew != order.crew:
        schedule.follow(work, order, who, version)
        return
    if order.state not in WAITING:
        raise schedule.NothingPlanned
    found, _ = suggestion_now(work, order, store.roster(work.connection), store.loads(work.connection))
    if found.best is None:
        raise Absent
    handlers.assign(work, order, found.crew, who, version)


def adopt_all(context: Context, chosen: list[str], crew: str = "") -> list[dict[str, Any]]:
    """Each of ``chosen`` (``reference@version``) is given in a transaction of its own; what became of each.

    ``crew``: to this crew, not to the suggested one.
    """
    outcomes = []
    for each in chosen:
        ref, _, version = each.partition("@")

        def do(work: Work, order: Order, who: str, version: int = int(version)) -> None:
            if crew:
                handlers.assign(work, order, crew, who, version)
            else:
                adopt(work, order, who, version)

        try:
            order = api.act(context, views.full(ref, context.now), do)
            outcomes.append({"reference": order.reference, "outcome": "done", "crew": order.crew, "detail": ""})
        except Conflict as error:
            outcomes.append({"reference": ref, "outcome": "changed", "crew": "", "detail": _words(context, error)})
        except Absent:
            outcomes.append({"reference": ref, "outcome": "nobody", "crew": "", "detail": ""})
        except Invalid as error:
            outcomes.append({"reference": ref, "outcome": "nobody", "crew": "", "detail": _words(context, error)})
    return outcomes


def _words(context: Context, error: Refused) -> str:
    if not error.fields:
        return context.language(error.key, **error.parameters)
    return "; ".join(each for found in context.errors(error).values() for each in found)


def accept_many(context: Context) -> Answer:
    """Each marked order is given as the plan proposes, to its suggested crew, or to one crew for all; what became of each."""
    try:
        given = context.form()
    except Invalid:
        return see_other(context.url("queue"), said=Said("dispatch.said.many_none"))
    outcomes = adopt_all(context, given["order"], given["crew"])
    lang = context.language
    with context.read() as connection:
        roster = store.roster(connection)
    counts = {name: sum(each["outcome"] == name for each in outcomes) for name in ("done", "changed", "nobody")}
    for each in outcomes:
        each["short"] = views.short(each["reference"])
        each["href"] = context.url("order", ref=each["reference"])
        each["words"] = each["detail"] or (
            lang("schedule.outcome_done", crew=roster.crew_name(each["crew"], lang.code))
            if each["outcome"] == "done"
            else lang("schedule.outcome_nobody")
        )
    said = lang("dispatch.said.many", n=counts["done"], late=counts["changed"], nobody=counts["nobody"])
    return page("dispatch/many.html", outcomes=outcomes, summary=said)


# ---- API


def api_schedule(context: Context) -> Answer:
    """How planning stands and what the newest plan proposes."""
    with context.read() as connection:
        found = schedule.standing(connection)
        runs = schedule.runs(connection)
        proposed = schedule.proposals(connection)
    return answer(
        {
            **found,
            "made_at": to_text(found["made_at"]) if found["made_at"] else None,
            "failed_at": to_text(found["failed_at"]) if found["failed_at"] else None,
            "runs": [
                {
                    **{name: getattr(row, name) for name in RunForm().fields if not name.endswith("_at")},
                    "started_at": to_text(row.started_at),
                    "ended_at": to_text(row.ended_at) if row.ended_at else None,
                }
                for row in runs
            ],
            "proposals": [
                {
                    "reference": order.reference, "version": order.version, "crew_now": order.crew, "crew": row.crew,
                    "starts_at": to_text(row.starts_at), "ends_at": to_text(row.ends_at), "gain": row.gain,
                    "reasons": json.loads(row.reasons), "next_crews": json.loads(row.next_crews),
                }
                for order, row in proposed
            ],
        }
    )  # fmt: skip


def api_ask(context: Context) -> Answer:
    """A plan is made as soon as there is somebody to make it."""
    context.json()
    with context.work() as work:
        return answer({"run_id": schedule.ask(work, context.principal.name)})


def api_accept(context: Context) -> Answer:
    """Many orders are given as suggested or as planned; what became of each."""
    given = context.json()
    return answer({"outcomes": adopt_all(context, given["orders"], given["crew"])})


ROUTES: tuple[Route, ...] = (
    Route("GET", "/schedule", "schedule", schedule_page, allow=QUEUE, sample={}, summary="What the plan of the whole area proposes."),
    Route("POST", "/schedule", "ask_schedule", ask_page, allow=DISPATCH, summary="Have all work planned anew now."),
    Route("POST", "/accept-many", "accept_many", accept_many, allow=DISPATCH, accepts=Chosen, limit=api.WORKING,
          summary="Give all marked orders to their suggested crews, or to one."),
    Route("POST", "/orders/<ref>/undo-hour", "undo_pin", undo_pin, allow=DISPATCH, summary="Undo the setting of an hour."),
    Route("GET", "/api/schedule", "api_schedule", api_schedule, allow=QUEUE, kind="api", answers=ScheduleForm,
          summary="What the plan of the whole area proposes, and how planning stands."),
    Route("POST", "/api/schedule", "api_ask_schedule", api_ask, allow=DISPATCH, kind="api", accepts=Schema, answers=AskedForm,
          creates=True, summary="Have all work planned anew now."),
    Route("POST", "/api/accept", "api_accept_many", api_accept, allow=DISPATCH, kind="api", accepts=Marked, answers=OutcomesForm,
          creates=True, limit=api.WORKING, summary="Give many orders as suggested or as planned."),
)  # fmt: skip
