"""Events put aside, for administrators: listed, read without personal data, sent again, or discarded with a reason.

``routes("/admin/waiting")`` gives a service its pages; all four have the same.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from marshmallow import Schema

from shared import waiting
from shared.contracts.base import REGISTRY
from shared.errors import Absent, Conflict, Invalid
from shared.web.answers import Answer, page, see_other
from shared.web.routes import Access, Route
from shared.web.schemas import Text, Whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.errors import Refused
    from shared.web.context import Context

log = logging.getLogger("houqin.waiting")

ADMINISTER = Access.to(administrator="all")
PAGE = 60
MOST_BODY = 20_000  # characters of a body that are shown
COVERED = "…"


class ListQuery(Schema):
    """Above which row the list goes on."""

    after = Whole(0, load_default=0)


class Bare(Schema):
    """A form of one button."""


class Reason(Schema):
    """Why an event is given up."""

    reason = Text(300, load_default="")


def rows(context: Context) -> Answer:
    """What this service put aside, oldest first."""
    return _list(context, context.query()["after"], [])


def _list(context: Context, after: int, results: list[tuple[int, str]]) -> Answer:
    with context.read() as connection:
        found = waiting.rows(connection, after, PAGE + 1)
    shown = found[:PAGE]
    return page(
        "waiting.html",
        rows=shown,
        results=dict(results),
        parked=sum(row.state == "parked" for row in shown),
        onward=context.url("waiting", after=shown[-1].row_id) if len(found) > PAGE else "",
        first=context.url("waiting") if after else "",
    )


def one(context: Context, row: int) -> Answer:
    """One event as it came, with what is said of persons covered."""
    return _one(context, row)


def _one(context: Context, row: int, error: Refused | None = None) -> Answer:
    with context.read() as connection:
        found = next((each for each in waiting.rows(connection, row - 1, 1) if each.row_id == row), None)
        if found is None:
            raise Absent
        body = waiting.body(connection, row)
    return page(
        "waiting_one.html",
        status=error.status if error else 200,
        row=found,
        body=covered(body)[:MOST_BODY],
        errors=context.errors(error) if error else {},
        problem=context.language(error.key, **error.parameters) if error and not error.fields else "",
    )


def covered(body: str) -> str:
    """The body, laid out, with the values of personal fields covered; one that is no event as it is."""
    try:
        event = json.loads(body)
        data = event["data"]
        personal = getattr(REGISTRY.get(event["type"]), "PERSONAL", ())
        event["data"] = {name: COVERED if name in personal and value else value for name, value in data.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return body
    return json.dumps(event, ensure_ascii=False, indent=2)


def again(context: Context, row: int) -> Answer:
    """The event will be tried once more, from the beginning of its patience."""
    context.form()
    try:
        with context.work() as work:
            waiting.send_again(work, row)
    except Conflict as error:
        return _one(context, row, error)
    _note(context, "sent again", [row])
    return see_other(context.url("waiting"))


def again_all(context: Context) -> Answer:
    """Every parked event will be tried once more; the page says what became of each."""
    context.form()
    results: list[tuple[int, str]] = []
    with context.work() as work:
        for row in waiting.rows(work.connection, 0, 10_000):
            if row.state == "parked":
                waiting.send_again(work, row.row_id)
                results.append((row.row_id, context.language("waiting.sent")))
    _note(context, "sent again", [row for row, _ in results])
    return _list(context, 0, results)


def discard(context: Context, row: int) -> Answer:
    """The event is given up, with a reason."""
    reason = context.form()["reason"]
    try:
        with context.work() as work:
            given_up = waiting.discard(work, row, reason)
    except Invalid as error:
        return _one(context, row, error)
    log.warning("discarded event %s: reason %r, body %d characters", row, reason, len(given_up))
    _note(context, "discarded", [row])
    return see_other(context.url("waiting"))


def _note(context: Context, what: str, which: Iterable[Any]) -> None:
    """Who did what, for the operator's log; giving up an event is a matter of security."""
    log.warning(
        "%s in %s by %s: rows %s",
        what, context.application.service, context.principal.actor, ", ".join(str(each) for each in which) or "none",
    )  # fmt: skip


def routes(path: str = "/admin/waiting") -> tuple[Route, ...]:
    """The pages of what a service put aside, at ``path``."""
    route = partial(Route, allow=ADMINISTER)
    return (
        route("GET", path, "waiting", rows, accepts=ListQuery, summary="Events put aside.", sample={}),
        route("POST", path, "waiting_again_all", again_all, accepts=Bare, summary="Try every parked event again."),
        route("GET", f"{path}/<int:row>", "waiting_one", one, summary="One event put aside."),
        route("POST", f"{path}/<int:row>/again", "waiting_again", again, accepts=Bare, summary="Try an event again."),
        route("POST", f"{path}/<int:row>/discard", "waiting_discard", discard, accepts=Reason, fresh=True,
              summary="Give an event up, with a reason."),
    )  # fmt: skip
