"""What pages show of orders, crews and suggestions: words and places for a reader, no markup."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from services.dispatch import model
from services.dispatch.assignment.reasons import TEXTS
from services.dispatch.orders import LATE
from services.dispatch.promises import KINDS
from services.dispatch.roster import NOTHING, Load, Roster, Team, midnight, why_unable
from services.dispatch.standards import item as item_of
from services.dispatch.standards import items
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Row

    from services.dispatch.assignment import Suggestion
    from services.dispatch.model import Order
    from shared.language import Language

WARN_SHARE, WARN_MOST = 0.25, timedelta(minutes=60)  # as promises.clock.Standard has them
SOON = timedelta(minutes=30)
QUARTERS, QUARTER = 40, timedelta(minutes=15)  # a day of lanes: ten hours in quarters
FIRST_HOUR = 8
# Reasons that speak against a crew.
MINUS = frozenset(
    f"dispatch.reason.{name}"
    for name in ("late", "lost", "away", "free_in", "price", "overtime", "more_loaded", "interrupts", "others")
)
PLANNED = frozenset({"plan", ""})  # tones of what has not begun
TONES = {"to_assign": "", "redo": "", "offered": "plan", "accepted": "", "on_the_way": "move", "on_site": "move",
         "under_way": "move", "paused": "off", "finished": "done", "checked": "done", "cancelled": "off"}  # fmt: skip


def short(reference: str) -> str:
    """The reference as it is spoken: without the year."""
    year, _, rest = reference.partition("-")
    return rest if len(year) == 4 and rest else reference


def full(reference: str, now: datetime) -> str:
    """The reference with its year; one spoken without it is of this year, or of the last when that day is ahead."""
    head = reference.partition("-")[0]
    if len(head) != 4 or not head.isdecimal() or reference.count("-") != 2:
        return reference
    today = now.astimezone(SITE_ZONE)
    year = today.year if head <= f"{today:%m%d}" else today.year - 1
    return f"{year}-{reference}"


def place_words(order: Order, lang: Language) -> str:
    """Where it is, in one breath: 2号楼 3层 302 / Building 2, floor 3, 302."""
    if lang.has(f"dispatch.place.{order.place}"):
        return lang(f"dispatch.place.{order.place}")
    room = order.room or _part(order, lang)
    if not order.building:
        return room or order.place
    if order.floor and room:
        return lang("dispatch.where.room", building=order.building, floor=order.floor, room=room)
    if order.floor:
        return lang("dispatch.where.floor", building=order.building, floor=order.floor)
    return lang("dispatch.where.building", building=order.building)


def _part(order: Order, lang: Language) -> str:
    """A part of a floor that has a name and no number: the corridor, the tea room."""
    name = order.place.rpartition("-")[2]
    return lang(f"dispatch.part.{name}") if lang.has(f"dispatch.part.{name}") else ""


def where_big(order: Order, lang: Language) -> tuple[str, str]:
    """(building and floor, room) for the crew's page, where the room is the largest thing on it."""
    room = order.room or _part(order, lang)
    if room and order.building and order.floor and not lang.has(f"dispatch.place.{order.place}"):
        return lang("dispatch.where.floor", building=order.building, floor=order.floor), room
    return "", place_words(order, lang)


def summary_words(order: Order, lang: Language) -> str:
    """What it is about; of restricted items only the item."""
    item = item_of(order.item)
    return order.summary or lang.named(item.name, item.name_en)


def summary_words_of(item: str, summary: str, lang: Language) -> str:
    """The same where only these two are known."""
    return summary or item_name(item, lang)


def must_do(order: Order, lang: Language) -> list[str]:
    """What the standard of the item demands, in words."""
    return [lang.named(zh, en) for zh, en in item_of(order.item, order.filed_at).checklist]


def item_name(code: str, lang: Language) -> str:
    item = item_of(code)
    return lang.named(item.name, item.name_en)


def item_mark(code: str, lang: Language) -> str:
    item = item_of(code)
    return lang.named(item.mark, item.mark_en)


def promise_view(order: Order, kind: str, now: datetime, lang: Language) -> dict[str, Any]:
    """One promise for ``parts/promise.html``."""
    due = order.due()[kind]
    assert due is not None
    begin = next((model.Term.of(each).began_at for each in order.terms if each[0] == kind), order.filed_at)
    soon_at = due - min((due - begin) * WARN_SHARE, WARN_MOST)
    judged = order.judged(kind)
    if judged is True:
        key = "kept"
    elif order.state == model.CANCELLED:
        key = "stopped"
    elif judged is False or now > due:
        key = "breached"
    elif order.state == model.PAUSED:
        key = "stopped"
    else:
        key = "soon" if now >= soon_at else "running"
    return {
        "key": key,
        "kind": kind,
        "what": lang(f"dispatch.promise.{kind}"),
        "due": due,
        "started": begin,
        "soon_at": soon_at,
        "note": lang(f"dispatch.paused.{order.pause_reason}") if key == "stopped" and order.pause_reason else "",
    }


def next_promise_view(order: Order, now: datetime, lang: Language) -> dict[str, Any]:
    """The promise a row shows: the next one to keep, else how it ended."""
    kind, _ = order.next_promise()
    if kind and order.state != model.CANCELLED:
        return promise_view(order, kind, now, lang)
    broken = any(order.judged(kind) is False for kind in KINDS)
    if order.state == model.CANCELLED or not order.terms:
        return {"key": "stopped", "what": "", "note": " "}
    if broken:
        return {"key": "stopped", "what": "", "note": lang("dispatch.promise.was_late")}
    return {"key": "kept", "what": ""}


def row(
    order: Order, roster: Roster, now: datetime, lang: Language, href: str, *, selected: bool = False, suggested: str = "",
    proposed: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """One row of the queue, for ``parts/queue.html``; ``suggested`` is a crew's code, ``proposed``: by the plan."""
    notes = [lang("dispatch.row.urged", n=order.urged)] if order.urged and order.open else []
    if proposed and order.crew:
        notes.append(lang("schedule.row"))
    if order.pinned_at is not None:
        notes.append(lang("schedule.at_hour", time=lang.when(order.pinned_at, now)))
    if order.round > 1:
        notes.append(lang("dispatch.row.round", n=order.round))
    notes += changed_words(order, now, lang)
    place = place_words(order, lang)
    return {
        "ref": order.reference,
        "joined": order.joined if order.joined > 1 else 0,
        "version": order.version,
        "href": href,
        "promise": next_promise_view(order, now, lang),
        "mark": item_mark(order.item, lang),
        "item": item_name(order.item, lang),
        "summary": summary_words(order, lang),
        "place": "，".join((place, *notes)) if lang.chinese else ", ".join((place, *notes)),
        "crew": roster.crew_name(order.crew, lang.code) if order.crew else "",
        "suggested": roster.crew_name(suggested, lang.code) if suggested else "",
        "state": order.state,
        "selected": selected,
        "urgent": order.priority == 1,
    }


def changed_words(order: Order, now: datetime, lang: Language) -> list[str]:
    """That the requester has changed what is asked for, while the order is open."""
    if order.amended_at is None or not order.open:
        return []
    return [lang("dispatch.row.amended", time=lang.when(order.amended_at, now))]


GROUPS = ("late", "soon", "today", "later", "paused", "none")


def group_of(order: Order, now: datetime) -> str:
    """The band of the queue a row stands in, by time left."""
    _, due = order.next_promise()
    if order.state == model.PAUSED:
        return "paused"
    if due is None:
        return "none"
    if due <= now:
        return "late"
    if due - now <= SOON:
        return "soon"
    return "today" if due < midnight(now) + timedelta(days=1) else "later"


def grouped(
    orders: Iterable[Order], now: datetime, make: Callable[[Order], dict[str, Any]]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Rows by band, the bands in order, empty ones left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    for order in orders:
        found.setdefault(group_of(order, now), []).append(make(order))
    return [(name, found[name]) for name in GROUPS if name in found]


# ---- reasons


def reason_words(key: str, parameters: Mapping[str, Any], roster: Roster, lang: Language) -> str:
    """A reason of assignment in words; codes become names, long minutes hours."""
    text = TEXTS[key][0 if lang.chinese else 1]
    values = dict(parameters)
    minutes = values.get("minutes")
    if isinstance(minutes, int) and minutes >= 60:
        length = lang.duration(timedelta(minutes=minutes))
        text = text.replace("{minutes}分钟", "{length}").replace("{minutes} minutes", "{length}")
        values["length"] = length
    for name, value in parameters.items():
        if name == "skill":
            values[name] = skill_words(str(value), lang)
        elif name == "crew":
            values[name] = roster.crew_name(str(value), lang.code)
        elif name == "supplier":
            values[name] = roster.supplier_name(str(value), lang.code)
        elif name == "item":
            values[name] = item_name(str(value), lang)
        elif name == "why":
            values[name] = (
                TEXTS[str(value)][0 if lang.chinese else 1].partition("：")[0].partition("（")[0].partition(" {")[0]
            )
        elif name == "because":
            said = [reason_words(inner, given, roster, lang) for inner, given in value]
            values[name] = ("；" if lang.chinese else "; ").join(said[:3])
    return text.format(**values)


def skill_words(skill: str, lang: Language) -> str:
    """A skill in words; its code where it has none."""
    return lang(f"dispatch.skill.{skill}") if lang.has(f"dispatch.skill.{skill}") else skill


def reasons(found: Iterable[Sequence[Any]], roster: Roster, lang: Language) -> list[dict[str, Any]]:
    """Reasons for ``parts/suggestion.html``, those against marked."""
    return [{"words": reason_words(key, given, roster, lang), "minus": key in MINUS} for key, given in found]


def best_view(code: str, found: Iterable[Sequence[Any]], roster: Roster, lang: Language) -> dict[str, Any]:
    """The crew chosen or suggested, with why."""
    team = roster.teams.get(code)
    return {
        "code": code,
        "name": roster.crew_name(code, lang.code),
        "face": (lang.named(team.leader, team.leader_en) or lang.named(team.name, team.name_en)) if team else code,
        "kind": kind_words(team, roster, lang) if team else "",
        "reasons": reasons(found, roster, lang),
    }


def kind_words(team: Team, roster: Roster, lang: Language) -> str:
    """自有, or the supplier."""
    return roster.supplier_name(team.supplier, lang.code) if team.supplier else lang("dispatch.crew.in_house")


def next_view(found: Iterable[Mapping[str, Any]], roster: Roster, lang: Language) -> list[dict[str, Any]]:
    """The next best crews with what is worse about them."""
    shown = []
    for place, each in enumerate(found, 2):
        words = [reason_words(key, given, roster, lang) for key, given in each["reasons"]]
        shown.append(
            {
                "key": str(place),
                "code": each["crew"],
                "name": roster.crew_name(each["crew"], lang.code),
                "words": ("，" if lang.chinese else ", ").join(words[:2]),
                "price": lang("dispatch.panel.worse", n=round(each["difference"])),
            }
        )
    return shown


def crew_options(
    order: Order, roster: Roster, loads: Mapping[str, Load], now: datetime, lang: Language
) -> list[tuple[str, str]]:
    """Crews a dispatcher may choose, least burdened first: (code, words)."""
    able = [
        team
        for team in roster.teams.values()
        if team.code != order.crew and why_unable(order, team, roster, now) is None
    ]
    able.sort(key=lambda team: (loads.get(team.code, NOTHING).minutes / team.size, team.code))
    return [
        (team.code, lang("dispatch.crew.option", name=team.name_in(lang.code), n=loads.get(team.code, NOTHING).orders))
        for team in able
    ]


def suggestion_view(
    found: Suggestion,
    roster: Roster,
    lang: Language,
    keyed: Callable[[Any], list[Any]],
    advice: Callable[..., dict[str, Any]],
    start: datetime,
) -> dict[str, Any]:
    """A fresh suggestion for the panel."""
    if found.best is None:
        because = keyed(found.refusal) if found.refusal else None
        return {
            "best": None,
            "next": [],
            "because": reason_words(because[0], because[1], roster, lang) if because else "",
        }
    best = best_view(found.crew, [keyed(each) for each in found.best.reasons], roster, lang)
    return {
        "best": best,
        "next": next_view([advice(each, start) for each in found.next_two], roster, lang),
        "because": "",
    }


# ---- what happened


def timeline(
    rows: Iterable[Row[Any]], heard: Iterable[Row[Any]], breaches: Iterable[Row[Any]], roster: Roster, lang: Language
) -> list[dict[str, Any]]:
    """What happened to an order, newest first."""
    found = []
    for each in rows:
        who = each.who or lang("dispatch.log.system")
        kind = each.kind
        crew = roster.crew_name(each.crew, lang.code) if each.crew else ""
        words = lang(f"dispatch.log.{kind}", who=who, crew=crew)
        note = ""
        if kind == "refused":
            note = (
                lang(f"dispatch.refusal.{each.detail}") if lang.has(f"dispatch.refusal.{each.detail}") else each.detail
            )
        elif kind == "paused":
            note = lang(f"dispatch.pause.{each.detail}") if lang.has(f"dispatch.pause.{each.detail}") else each.detail
        elif kind == "escalated":
            role, _, said = each.detail.partition(" ")
            note = (
                "，".join(filter(None, (lang(f"dispatch.rung.{role}"), said)))
                if lang.chinese
                else ", ".join(filter(None, (lang(f"dispatch.rung.{role}"), said)))
            )
        elif kind == "asked":
            note = each.detail
        elif kind == "assigned" and each.detail == "plan":
            note = lang("schedule.by_plan")
        elif kind == "scheduled":
            at = each.detail.partition(">")[2]
            note = (
                lang("schedule.at_hour", time=lang.when(datetime.fromisoformat(at), each.at))
                if at
                else lang("schedule.free_hour")
            )
        elif kind == "cancelled":
            note = lang(f"dispatch.cancel.{each.detail}") if lang.has(f"dispatch.cancel.{each.detail}") else each.detail
        if each.claimed_at is not None and abs(each.at - each.claimed_at) > LATE:
            said = lang("crew.claimed", time=lang.when(each.claimed_at, each.at))
            note = f"{note}；{said}" if note and lang.chinese else f"{note}; {said}" if note else said
        found.append({"at": each.at, "words": words, "note": note, "place": each.sequence})
    for each in heard:
        if each.kind in {"urged", "confirmed", "reopened"}:
            detail = each.detail if each.detail.isdecimal() else "0"
            key = "confirmed_stars" if each.kind == "confirmed" and int(detail) else each.kind
            found.append({"at": each.at, "words": lang(f"dispatch.log.{key}", n=int(detail)), "note": "", "place": 0})
        elif each.kind in {"joined", "left"}:
            n = json.loads(each.detail)["joined"]
            found.append({"at": each.at, "words": lang(f"dispatch.log.{each.kind}", n=n), "note": "", "place": 0})
    for each in breaches:
        what = lang(f"dispatch.promise.{each.promise}")
        found.append({"at": each.noticed_at, "words": lang("dispatch.log.breached", what=what), "note": "", "place": 0})
    return sorted(found, key=lambda event: (event["at"], event["place"]), reverse=True)


# ---- crews


def lanes(
    roster: Roster, orders: Iterable[Order], loads: Mapping[str, Load], now: datetime, lang: Language,
    href: Callable[[Order], str], *, codes: Iterable[str] | None = None,
    slots: Mapping[str, Row[Any]] | None = None, proposed: Iterable[tuple[Order, Row[Any]]] = (),
) -> tuple[list[dict[str, Any]], int | None]:  # fmt: skip
    """Today's lanes of crews and the quarter that is now (None outside the ten hours shown).

    What has not begun stands where the plan has it (``slots``), or at the hour that was set; what the plan proposes to give
    another crew stands there too, as planned.
    """
    first = midnight(now) + timedelta(hours=FIRST_HOUR)
    bars: dict[str, list[dict[str, Any]]] = {}
    for order, row in proposed:
        at, long = int((row.starts_at - first) // QUARTER) + 1, max(1, round((row.ends_at - row.starts_at) / QUARTER))
        if 1 <= at <= QUARTERS:
            bars.setdefault(row.crew, []).append(
                {
                    "at": at,
                    "long": min(long, QUARTERS - at + 1, 20),
                    "tone": "plan",
                    "words": place_words(order, lang),
                    "title": f"{lang('schedule.proposes')} {lang.time(row.starts_at)}–{lang.time(row.ends_at)} {summary_words(order, lang)}",
                    "href": href(order),
                }
            )
    for order in orders:
        begin = order.started_at or order.planned_at or order.assigned_at
        slot = (slots or {}).get(order.order_id)
        if slot is not None and slot.crew == order.crew and order.started_at is None and order.pinned_at is None:
            begin = slot.starts_at
        if begin is None:
            continue
        end = order.finished_at or max(begin + timedelta(minutes=order.minutes), now if order.running else begin)
        at = int((begin - first) // QUARTER) + 1
        long = max(1, round((end - begin) / QUARTER))
        if at + long <= 1 or at > QUARTERS:
            continue
        if at < 1:
            long, at = long + at - 1, 1
        late = group_of(order, now) == "late" and order.open
        words = place_words(order, lang)
        bars.setdefault(order.crew, []).append(
            {
                "at": at,
                "long": min(long, QUARTERS - at + 1, 20),
                "tone": "late" if late else TONES[order.state],
                "words": words,
                "title": f"{lang.time(begin)}–{lang.time(end)} {summary_words(order, lang)}",
                "href": href(order),
                "ref": order.reference if model.may("pin", order.state) else "",
                "version": order.version,
            }
        )
    for each in bars.values():
        _side_by_side(each)
    shown = []
    for code in codes if codes is not None else roster.teams:
        team = roster.teams[code]
        load = loads.get(code, NOTHING)
        shown.append(
            {
                "name": lang.named(team.name, team.name_en),
                "kind": kind_words(team, roster, lang),
                "code": team.code,
                "load": lang("dispatch.crew.load", n=load.orders),
                "bars": bars.get(code, []),
            }
        )
    quarter = int((now - first) // QUARTER) + 1
    return shown, quarter if 1 <= quarter <= QUARTERS else None


LINES = 4  # of one lane: what a crew's people do at the same time


def _side_by_side(bars: list[dict[str, Any]]) -> None:
    """No bar covers another: each stands in the first line that is free; beyond the last, what is planned moves behind."""
    bars.sort(key=lambda bar: (bar["at"], bar["tone"] in PLANNED))
    ends = [1] * LINES
    for bar in bars:
        line = next((place for place, end in enumerate(ends) if end <= bar["at"]), None)
        if line is None:
            line = min(range(LINES), key=lambda place: ends[place])
            bar["at"] = min(ends[line], QUARTERS)
        bar["long"] = max(1, min(bar["long"], QUARTERS - bar["at"] + 1))
        bar["line"] = line + 1
        ends[line] = bar["at"] + bar["long"]


def busiest(roster: Roster, loads: Mapping[str, Load], orders: Iterable[Order], most: int) -> list[str]:
    """The crews worth a lane under the queue: those with most in hand, then those with work today."""
    today: dict[str, int] = {}
    for order in orders:
        today[order.crew] = today.get(order.crew, 0) + 1
    ranked = sorted(roster.teams, key=lambda code: (-loads.get(code, NOTHING).orders, -today.get(code, 0), code))
    return ranked[:most]


STEPS = ("accepted", "arrived", "started", "finished")


def steps(order: Order, lang: Language) -> list[dict[str, Any]]:
    """The four steps of a job with their times; exactly one is next while it is open."""
    times = {"accepted": order.accepted_at, "arrived": order.arrived_at, "started": order.started_at,
             "finished": order.finished_at}  # fmt: skip
    found, here = [], False
    for step in STEPS:
        at = times[step]
        look = "done" if at else "ahead"
        if not at and not here and order.open:
            look, here = "here", True
        found.append({"words": lang(f"dispatch.step.{step}"), "at": at, "look": look})
    return found


def meters(
    order: Order, lang: Language, measured: Decimal | None = None, known: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Fields for what was used: one for each meter of the item. Hours left empty are those measured at the finish;
    ``known`` are those that a trip log or the store say.
    """
    found = []
    for place, meter in enumerate(item_of(order.item, order.filed_at).meters):
        hours = meter.code in {"hours", "room_hours"}
        found.append(
            {
                "name": f"usage_{meter.code}",
                "label": lang(f"dispatch.meter.{meter.code}"),
                "unit": lang(f"dispatch.unit.{meter.unit}"),
                "least": str(meter.least),
                "most": str(meter.most),
                "step": str(meter.step),
                "optional": bool(place) or hours,
                "steps": {"materials": 10, "hours": "", "room_hours": ""}.get(meter.code, 1),
                "value": ""
                if hours
                else (known or {}).get(meter.code)
                or (str(order.quantity) if meter.code in {"meals", "visits", "pages"} and order.quantity > 1 else ""),
                "hint": (lang("crew.measured", n=str(measured)) if measured else lang("dispatch.finish.measured"))
                if hours
                else "",
            }
        )
    return found


def usage_words(order: Order, lang: Language) -> list[tuple[str, str]]:
    """What was used: (meter, quantity and unit)."""
    return [
        (lang(f"dispatch.meter.{meter}") if lang.has(f"dispatch.meter.{meter}") else meter,
         f"{lang.number(Decimal(quantity))}{'' if lang.chinese else ' '}{lang(f'dispatch.unit.{unit}') if lang.has(f'dispatch.unit.{unit}') else unit}")
        for meter, quantity, unit in order.usage
    ]  # fmt: skip


def item_options(lang: Language) -> list[tuple[str, str]]:
    """All items as a choice."""
    return [(code, item_name(code, lang)) for code in items()]
