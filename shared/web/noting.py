"""What is shown or given away stands in the log: exports, photos, contacts, and what administrators change.

A route says so with ``noted``, and every spreadsheet or print is an export; a page that shows such data only to some says
it itself with :func:`note`. The entry is written before the answer leaves: whoever was given something was noted, with the
rows that were ready for them, however many they waited for. A change of what is not one's own that tells nothing of itself
is noted in its own transaction.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import threading
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.contracts import REGISTRY
from shared.errors import Transient
from shared.web.answers import File

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from shared.web.answers import Answer
    from shared.web.context import Context
    from shared.web.routes import Route
    from shared.work import Work

log = logging.getLogger("houqin.web")

AGAIN = timedelta(
    hours=1
)  # a second look at the same photo or contact by the same person within it is the same reading
MOST_KEPT = 20_000
IN_ONE = 50  # references that one event of a list names
MOST_WORDS = 1_000  # characters of what was asked or set that are kept
OFFICES = frozenset({"dispatcher", "finance", "contract_manager", "supervisor", "auditor", "administrator"})
_HIDDEN = frozenset({"_csrf", "_key", "password", "code", "secret", "token"})

_seen: OrderedDict[tuple[str, ...], datetime] = OrderedDict()
_turn = threading.Lock()


def note(context: Context, what: str, of: str, *, count: int = 0, words: str = "", once: bool = False) -> None:
    """That the person was given ``what`` of ``of`` is an event of this service, committed when this returns.

    Raises:
        Transient: it could not be written; nothing may be given then.
    """
    seen = (context.application.service, context.principal.account, what, of or context.route.name)
    if once and not _fresh(seen, context.now):
        return
    with context.work() as work:
        _say(context, work, what, of, count=count, words=words)


def _say(context: Context, work: Work, what: str, of: str, *, count: int = 0, words: str = "") -> None:
    noted: Any = REGISTRY[f"{context.application.service}.access_noted.v1"]
    work.say(
        noted(
            account_id=context.principal.account, what=what, route=context.route.name, of=of[:2000], count=count,
            words=words[:MOST_WORDS], noted_at=work.now,
        )
    )  # fmt: skip


def note_silent(context: Context, work: Work) -> None:
    """What ``work`` changed is told, by this event where by no other; nothing of it for what a person keeps for themselves.

    Only of those who hold an office: what staff answer without a name stays without one. Called before the work is
    committed. What was written is not repeated: it may be anything.
    """
    route = context.route
    if work.said or not work.begun or not route.changes or route.noted or context.principal_or_none is None:
        return
    person = context.principal_or_none
    if route.allow.public or not any({*route.allow.scopes.get(role, ())} - {"own"} for role in person.roles & OFFICES):
        return
    _say(context, work, "change", " ".join(str(each) for each in context.places.values()))


def note_refused(context: Context) -> None:
    """That the person asked for what their rights do not hold is an event, once an hour for each address.

    A refusal gives nothing away, so it stands whether or not this can be written.
    """
    route = context.route.name
    if not _fresh((context.application.service, context.principal.account, "refused", route), context.now):
        return
    try:
        note(context, "refused", " ".join(str(each) for each in context.places.values()))
    except Transient as error:
        log.warning("a refusal at %s was not noted: %s", route, error)


def note_each(context: Context, what: str, references: Iterable[str]) -> None:
    """As ``note`` with ``once``, for a list: one event names those that the person had not been given within the hour."""
    service, account = context.application.service, context.principal.account
    fresh = [each for each in references if _fresh((service, account, what, each), context.now)]
    for at in range(0, len(fresh), IN_ONE):
        part = fresh[at : at + IN_ONE]
        note(context, what, " ".join(part), count=len(part))


def _fresh(place: tuple[str, ...], now: datetime) -> bool:
    with _turn:
        last = _seen.get(place)
        if last is not None and now - last < AGAIN:
            return False
        _seen[place] = now
        _seen.move_to_end(place)
        while len(_seen) > MOST_KEPT:
            _seen.popitem(last=False)
        return True


def noted_as(route: Route) -> str:
    """What the answers of a route are to the log; a spreadsheet or a print is an export without being told so."""
    if route.noted or route.allow.public:
        return route.noted
    return "export" if route.kind == "file" and route.path.endswith((".csv", ".xlsx", ".pdf")) else ""


def note_answer(context: Context, values: dict[str, Any], found: Answer) -> None:
    """What ``route.noted`` asks for, after a view that did not refuse."""
    what = noted_as(context.route)
    if not what or found.status >= 400 or context.principal_or_none is None:
        return
    count = _rows(found)
    if what == "export" and context.route.kind == "api" and not count:
        return  # whoever asks again and again is noted when there was something to give
    given = {name: value for name, value in context.request.args.items(multi=True) if name not in _HIDDEN}
    if context.route.changes:
        given |= {name: value for name, value in context.request.form.items(multi=True) if name not in _HIDDEN}
    note(
        context,
        what,
        " ".join(str(each) for each in values.values()),
        count=count,
        words=json.dumps(given, ensure_ascii=False, sort_keys=True) if any(given.values()) else "",
        once=what in {"photo", "contact", "person", "draft"},
    )


def _rows(found: Answer) -> int:
    """As the answer says, or the rows of a CSV without its head; 0 for what is not made of rows."""
    if found.rows is not None:
        return found.rows
    if not isinstance(found, File):
        return 0
    if not isinstance(found.body, bytes):
        raise TypeError("a stream that is exported says how many rows it gives")
    if not found.content_type.startswith("text/csv"):
        return 0
    text = found.body.decode("utf-8-sig", "replace")
    return max(0, sum(1 for row in csv.reader(io.StringIO(text)) if row) - 1)
