"""How a request stands, by reference and code, for somebody who has not signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.requests import model, store
from services.requests.pages.rows import promise_of
from shared.errors import Absent, TooMany
from shared.web.answers import Answer, answer, page
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, Route
from shared.web.schemas import Instant, Text

if TYPE_CHECKING:
    from services.requests.desk import Desk
    from services.requests.store import Happening, Request
    from shared.web.context import Context

EACH = Limit(per_minute=4, burst=8)  # tries at one reference, from wherever they come


class Track(Schema):
    """Reference and code."""

    reference = Text(40, load_default="")
    code = Text(40, load_default="")


def show(context: Context) -> Answer:
    """The two fields."""
    return page("requests/track.html", reference="", found=None, wrong=False, steps=[])


STEPS = frozenset(
    {"filed", "assigned", "arrived", "paused", "resumed", "finished", "confirmed", "reopened", "withdrawn", "cancelled"}
)


def look(context: Context) -> Answer:
    """State words and times, nothing else; the same answer for an unknown reference and a wrong code."""
    asked = context.form()
    request, steps = _found(context, asked)
    if request is None:
        return page("requests/track.html", status=404, reference=asked["reference"], found=None, wrong=True, steps=[])
    return page(
        "requests/track.html", reference=model.short(request.reference), found=request, wrong=False, steps=steps,
        promise=promise_of(request.due_at, request.filed_at, context.now) if request.state in model.OPEN_STATES else "",
    )  # fmt: skip


def _found(context: Context, asked: dict[str, Any]) -> tuple[Request | None, list[Happening]]:
    """The request of this reference and code with what may be told of it; None for an unknown one and a wrong code alike.

    Raises:
        TooMany: this reference was tried too often, from wherever.
    """
    desk: Desk = context.own
    reference = model.full_reference(asked["reference"], model.day_of(context.now))
    wait = context.application.limits.take(f"track {reference}", EACH)
    if wait:
        raise TooMany(wait)
    with context.read() as connection:
        request = store.request_by_reference(connection, reference)
        # The code of a request that is not there takes as long to compare.
        code = model.tracking_code(desk.secret, request.id if request else "")
        right = model.same_code(asked["code"], code) and request is not None
        steps = store.happenings(connection, request.id) if right and request else []
    return (request if right else None), [step for step in steps if step.what in STEPS]


class Step(Schema):
    """One step, without names."""

    at = Instant()
    what = fields.String()


class TrackOut(Schema):
    """How a request stands: words and times alone. ``due_at``: the next promise of the work under way."""

    reference = fields.String()
    state = fields.String()
    filed_at = Instant()
    due_at = Instant(allow_none=True)
    finished_at = Instant(allow_none=True)
    steps = fields.List(fields.Nested(Step))


def api_look(context: Context) -> Answer:
    """The same for programs."""
    request, steps = _found(context, context.json())
    if request is None:
        raise Absent
    return answer({**request.__dict__, "steps": steps})


ROUTES = (
    Route("GET", "/track", "track", show, allow=PUBLIC, summary="Track by reference and code.", sample={}),
    Route("POST", "/track", "do_track", look, allow=PUBLIC, accepts=Track, summary="Track by reference and code.",
          limit=Limit(per_minute=10, burst=20, peers=1)),
    Route("POST", "/api/track", "api_track", api_look, allow=PUBLIC, kind="api", accepts=Track, answers=TrackOut,
          limit=Limit(per_minute=10, burst=20, peers=1), summary="How a request stands, by reference and code."),
)  # fmt: skip
