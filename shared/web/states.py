"""The one table of states: which tone each has. The words are in ``shared/language/state.*.toml``.

Tone gives shape and colour: ``wait`` nobody has begun, ``move`` somebody is at it, ``soon`` needs you, ``late`` a
promise is broken or a check failed, ``done`` finished, ``off`` ended without being done or clock stopped.
"""

from __future__ import annotations

from typing import Literal

Tone = Literal["wait", "move", "soon", "late", "done", "off"]

STATES: dict[str, dict[str, Tone]] = {
    "request": {
        "draft": "wait",
        "awaiting_approval": "wait",
        "refused": "off",
        "filed": "wait",
        "assigned": "move",
        "under_way": "move",
        "paused": "off",
        "to_confirm": "soon",
        "closed": "done",
        "reopened": "move",
        "withdrawn": "off",
    },
    "order": {
        "to_assign": "wait",
        "offered": "wait",
        "accepted": "move",
        "on_the_way": "move",
        "on_site": "move",
        "under_way": "move",
        "paused": "off",
        "finished": "done",
        "checked": "done",
        "redo": "soon",
        "refused": "off",
        "cancelled": "off",
    },
    "promise": {"running": "move", "soon": "soon", "breached": "late", "stopped": "off", "kept": "done"},
    "booking": {
        "offered": "soon",
        "pending": "wait",
        "booked": "done",
        "in_use": "move",
        "ended": "done",
        "cancelled": "off",
        "released": "off",
        "refused": "off",
        "lapsed": "off",
    },
    "complaint": {
        "received": "wait",
        "investigating": "move",
        "answered": "done",
        "appealed": "soon",
        "closed": "done",
        "withdrawn": "off",
    },
    "data_case": {"open": "wait", "granted": "done", "in_part": "done", "refused": "off", "withdrawn": "off"},
    "suggestion": {"received": "wait", "adopted": "move", "declined": "off", "done": "done", "withdrawn": "off"},
    "improvement": {
        "found": "soon",
        "analysed": "move",
        "acting": "move",
        "acted": "wait",
        "verified": "done",
        "dropped": "off",
    },
    "survey": {"draft": "wait", "planned": "wait", "open": "move", "closed": "done"},
    "usage": {"recorded": "done", "unpriced": "soon", "over_budget": "late", "corrected": "off", "void": "off"},
    "deduction": {"proposed": "wait", "contested": "soon", "decided": "move", "posted": "done", "dropped": "off"},
    "statement": {
        "draft": "wait",
        "with_supplier": "wait",
        "disputed": "soon",
        "in_approval": "move",
        "stated": "done",
        "paid": "done",
        "overdue": "late",
    },
    "proposal": {"proposed": "soon", "in_force": "done", "dropped": "off"},
    "review": {"open": "soon", "qualified": "done", "rejected": "off"},
    "licence": {"good": "done", "soon": "soon", "expired": "late", "ended": "off"},
    "tender": {"published": "move", "opened": "soon", "awarded": "done", "failed": "off"},
    "startup": {"open": "wait", "passed": "done", "failed": "late"},
    "risk": {"high": "late", "middle": "soon", "low": "wait"},
    "centre_month": {"open": "move", "closed": "done"},
    "feed": {"pulled": "move", "acknowledged": "done", "equal": "done", "differs": "late"},
    "entry": {
        "received": "wait",
        "sealed": "done",
        "cosigned": "done",
        "proven": "done",
        "broken": "late",
        "erased": "off",
    },
    "finding": {"found": "soon", "ordered": "move", "mended": "wait", "rechecked": "done"},
    "sync": {"kept": "soon", "sending": "move", "sent": "done", "conflict": "late"},
}


def tone(thing: str, key: str) -> Tone:
    """The tone of a state; a mistake in the key raises KeyError."""
    return STATES[thing][key]
