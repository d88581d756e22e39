"""What the side panel, the order's own page and the phone show of one order, for who reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.dispatch import api, handlers, model, pool, schedule, schedule_pages, store, supplies, views, workforce
from services.dispatch.access import scoped
from services.dispatch.away import suggestion
from services.dispatch.promises import KINDS
from services.dispatch.roster import why_unable
from services.dispatch.standards import item as item_of
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.dispatch.model import Order
    from services.dispatch.roster import Roster
    from shared.language import Language
    from shared.web.context import Context


def panel_of(context: Context, connection: Connection, order: Order, roster: Roster) -> dict[str, Any]:
    """Everything the side panel shows of an order, for this reader."""
    lang, now = context.language, context.now
    dispatching = "dispatcher" in context.principal.roles
    rows = store.happenings(connection, order.order_id)
    found: dict[str, Any] = {
        "order": order,
        "short": views.short(order.reference),
        "summary": views.summary_words(order, lang),
        "place": views.place_words(order, lang),
        "item": views.item_name(order.item, lang),
        "mark": views.item_mark(order.item, lang),
        "promises": [views.promise_view(order, kind, now, lang) for kind in KINDS if order.due()[kind]],
        "timeline": views.timeline(
            rows, store.heard(connection, order.request_id), store.breaches_of(connection, order.order_id), roster, lang
        ),
        "working": api.works_on(context, order),
        "acts": acts(context, order),
        "best": None,
        "next": [],
        "because": "",
        "crews": [],
        "guessed": roster.calendar.unknown_years(
            order.filed_at, max((at for at in order.due().values() if at is not None), default=order.filed_at)
        ),
        "proposal": None,
        "slot": None,
        "usage": views.usage_words(order, lang),
        "meters": [],
        **reasons(lang),
    }
    if dispatching and order.state in model.WAITING and roster.modes.get(order.item) != "manual":
        fresh, start = suggestion(connection, order, roster, store.loads(connection), now)
        found |= views.suggestion_view(fresh, roster, lang, handlers.keyed, handlers.advice, start)
    elif order.crew:
        found["best"] = views.best_view(order.crew, order.reasons, roster, lang)
        found["next"] = views.next_view(order.next_crews, roster, lang) if dispatching else []
    slot = schedule.slot_of(connection, order) if dispatching and order.state in schedule.PLANNED else None
    if slot is not None:
        found["slot"] = (slot.starts_at, slot.ends_at)
        if slot.act == "propose" and slot.crew != order.crew:
            found["proposal"] = schedule_pages.proposal_view(slot, order, roster, lang)
            found["next"] = []
            if order.state in model.WAITING:
                found["best"] = None
    if not found["working"]:
        found["next"] = []
        if found["best"]:
            found["best"]["reasons"] = []
    if dispatching and order.open:
        found["crews"] = views.crew_options(order, roster, store.loads(connection), now, lang)
        own = [(order.crew, roster.crew_name(order.crew, lang.code))] if order.crew else []
        found["hour_crews"] = [*own, *found["crews"]]
        begins = (order.pinned_at or order.planned_at or now + timedelta(minutes=30)).astimezone(SITE_ZONE)
        found["hour"] = f"{begins:%Y-%m-%dT%H:%M}"
    found["conflict"] = dispatching and order.open and order.crew in roster.conflicts_of(order)
    found["photos"] = [
        {
            "href": context.url("photo", ref=order.reference, sha256=row.sha256),
            "words": lang(f"dispatch.photo.{row.kind}"),
            "kind": row.kind,
            "at": row.received_at,
            "removed_at": row.removed_at,
            "also": [views.short(each) for each in store.orders_with_photo(connection, row.sha256, order.order_id)]
            if dispatching
            else [],
        }
        for row in store.photos(connection, order.order_id)
    ]
    found["checks"] = views.must_do(order, lang)
    found["signature"] = item_of(order.item, order.filed_at).signature
    found["wanted"] = [
        (kind, lang(f"dispatch.photo.{kind}"))
        for kind in ("before", "after")
        if item_of(order.item, order.filed_at).photos.get(kind)
    ]
    found["wanted_photos"] = dict(item_of(order.item).photos)
    found["parts"] = [
        (each.reference, context.url("order", ref=each.reference), views.summary_words(each, lang), each.state)
        for each in store.parts(connection, order.order_id)
    ]
    found["peers"] = [
        (team.code, team.name_in(lang.code))
        for team in roster.teams.values()
        if "transfer" in found["acts"]
        and team.supplier == order.supplier
        and team.code != order.crew
        and why_unable(order, team, roster, now) is None
    ]
    found["doers"] = workforce.named_on(connection, order.order_id) if found["working"] else []
    found["people"] = (
        [(each.person_id, each.name) for each in workforce.people_at(connection, now, crew=order.crew)]
        if order.crew and order.state in model.HELD and context.may("name_people", scoped(order))
        else []
    )
    found["supplies"] = supplies.on_order(connection, order, lang) if found["working"] else None
    found["journey"] = pool.on_order(connection, order, lang) if found["working"] else None
    found["answer_by"] = order.answer_by if order.state == model.OFFERED else None
    found["told"] = [
        {
            "at": row.told_at,
            "words": lang(
                f"dispatch.alert.{row.message.partition('.')[2] if 'by_hand' in row.message else row.role}",
                what=lang(f"dispatch.promise.{row.promise}"),
            ),
        }
        for row in store.alerts_of(connection, order.order_id)
    ]
    if order.open and (order.started_at or context.principal.crew):
        measured = model.hours_worked(store.heard_by_clock(rows), now) if order.started_at else None
        known = {
            "km": (found["journey"] or {}).get("km", ""),
            # Parts of our own store are nothing that a supplier is paid for.
            "materials": "" if order.supplier else (found["supplies"] or {}).get("worth", ""),
        }
        found["meters"] = views.meters(order, lang, measured, known)
    return found


def reasons(lang: Language) -> dict[str, list[tuple[str, str]]]:
    """The reasons a form offers, in words."""
    return {
        "pauses": [(code, lang(f"dispatch.pause.{code}")) for code in model.PAUSES],
        "refusals": [(code, lang(f"dispatch.refusal.{code}")) for code in model.REFUSALS],
        "cancels": [(code, lang(f"dispatch.cancel.{code}")) for code in model.CANCELS if code != "withdrawn"],
        "transfers": [(code, lang(f"dispatch.transfer.{code}")) for code in model.TRANSFERS],
        "rungs": [(code, lang(f"dispatch.rung.{code}")) for code in model.RUNGS],
        "redos": [(code, lang(f"dispatch.redo.{code}")) for code in model.REDOS],
    }


def acts(context: Context, order: Order) -> list[str]:
    """What this reader may do to the order now."""
    thing = scoped(order)
    return [act for act in api.ACTS if model.may(act, order.state) and context.may(f"do_{act}", thing)]
