"""The crew's phone: today's orders, what is offered, what to know, and one job with one big button for the next step."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.dispatch import api, emergency, emergency_plans, model, store, views
from services.dispatch.access import CREW, scoped
from services.dispatch.pages import FORMS, Listening, acting, stream
from services.dispatch.panel import panel_of, reasons
from services.dispatch.roster import midnight
from shared.errors import Absent
from shared.web.answers import Answer, page
from shared.web.routes import Route

if TYPE_CHECKING:
    from services.dispatch.model import Order
    from services.dispatch.roster import Roster
    from shared.web.context import Context

ON_PHONE = ("accept", "refuse", "set_off", "arrive", "start", "pause", "resume", "finish", "transfer")


def crew_home(context: Context, only: str = "") -> Answer:
    """The crew's orders today: what is at hand first."""
    lang, now = context.language, context.now
    place = context.own.hub.place()
    code = context.principal.crew
    with context.read() as connection:
        roster = store.roster(connection)
        orders = store.of_crew(connection, code, midnight(now)) if code else []
        people = store.members(connection, [code])
        calls = [
            (emergency_plans.name_of(connection, row.plan, lang), row.kind, row.emergency_id, row.position)
            for row in emergency.calls_for(connection, code)
        ]
    if only:
        orders = [order for order in orders if order.state == only]
    return page(
        "dispatch/crew.html", place=place, jobs=[_job(context, order, roster) for order in orders], only=only,
        done=sum(1 for order in orders if not order.open), team=roster.crew_name(code, lang.code) if code else "",
        calls=calls,
        people=[member.name for member in people], refusals=reasons(lang)["refusals"],
    )  # fmt: skip


def crew_offers(context: Context) -> Answer:
    """What the crew has been offered and not answered."""
    return crew_home(context, model.OFFERED)


def crew_messages(context: Context) -> Answer:
    """What the crew should know: who urges, what was taken back, what ran late."""
    lang, now = context.language, context.now
    code = context.principal.crew
    with context.read() as connection:
        roster = store.roster(connection)
        orders = store.of_crew(connection, code, midnight(now)) if code else []
        rows = store.told_crew(connection, code, now - timedelta(days=2)) if code else []
    found = [
        {
            "at": at,
            "words": lang(f"dispatch.told.{kind}", ref=views.short(reference)),
            "place": views.summary_words_of(item, summary, lang),
            "href": context.url("crew_job", ref=reference)
            if any(each.reference == reference for each in orders)
            else "",
        }
        for kind, at, reference, item, summary in rows
    ]
    return page("dispatch/messages.html", messages=found, team=roster.crew_name(code, lang.code) if code else "")


def _job(context: Context, order: Order, roster: Roster) -> dict[str, Any]:
    lang, now = context.language, context.now
    return {
        "order": order,
        "href": context.url("crew_job", ref=order.reference),
        "summary": views.summary_words(order, lang),
        "place": views.place_words(order, lang),
        "promise": views.next_promise_view(order, now, lang),
        "at": order.started_at or order.planned_at or order.assigned_at or order.opened_at,
        "mark": views.item_mark(order.item, lang),
    }


def crew_job(
    context: Context, ref: str, *, problem: str = "", status: int = 200, wrong: dict[str, Any] | None = None
) -> Answer:
    """One job on the phone: where, what, by when, and one big button for the next step."""
    lang, now = context.language, context.now
    place = context.own.hub.place()
    with context.read() as connection:
        order = store.order(connection, views.full(ref, now))
        context.check(scoped(order))
        assert order is not None
        roster = store.roster(connection)
        jobs = store.of_crew(connection, context.principal.crew, midnight(now))
        panel = panel_of(context, connection, order, roster)
    at = next((number for number, each in enumerate(jobs, 1) if each.order_id == order.order_id), 0)
    big, small = views.where_big(order, lang)
    return page(
        "dispatch/job.html", status=status, panel=panel, order=order, jobs=[_job(context, each, roster) for each in jobs],
        at=at, where=big, room=small, steps=views.steps(order, lang), step=model.STEPS.get(order.state, ""),
        problem=problem, wrong=wrong or {}, place=place,
        promise=views.next_promise_view(order, now, lang), must=views.must_do(order, lang),
        done=sum(1 for each in jobs if not each.open),
    )  # fmt: skip


def _crew_channel(context: Context) -> list[str]:
    if not context.principal.crew:
        raise Absent
    return [f"crew:{context.principal.crew}"]


ROUTES: tuple[Route, ...] = (
    Route("GET", "/crew/", "crew", crew_home, allow=CREW, sample={}, summary="My crew's day."),
    Route("GET", "/crew/offers", "offers", crew_offers, allow=CREW, sample={}, summary="What my crew is offered."),
    Route("GET", "/crew/messages", "messages", crew_messages, allow=CREW, sample={}, summary="What my crew should know."),
    Route("GET", "/crew/live", "crew_live", stream(_crew_channel), allow=CREW, kind="events", accepts=Listening,
          summary="What changes for my crew."),
    Route("GET", "/crew/<ref>", "crew_job", crew_job, allow=CREW, summary="One job on the phone."),
    *(
        Route("POST", f"/crew/<ref>/{name}", f"phone_{name}", acting(name, crew_job), allow=CREW, accepts=FORMS[name],
              limit=api.WORKING, summary=api.SUMMARIES[name])
        for name in ON_PHONE
    ),
)  # fmt: skip
