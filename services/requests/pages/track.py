"""How a request stands, by reference and code, for somebody who has not signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import Schema

from services.requests import model, store
from shared.errors import TooMany
from shared.web.answers import Answer, page
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, Route
from shared.web.schemas import Text

if TYPE_CHECKING:
    from services.requests.desk import Desk
    from shared.web.context import Context

EACH = Limit(per_minute=4, burst=8)  # tries at one reference, from wherever they come


class Track(Schema):
    """Reference and code."""

    reference = Text(40, load_default="")
    code = Text(40, load_default="")


def show(context: Context) -> Answer:
    """The two fields."""
    return page("requests/track.html", reference="", found=None, wrong=False, steps=[])


def look(context: Context) -> Answer:
    """State words and times, nothing else; the same answer for an unknown reference and a wrong code."""
    asked = context.form()
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
    if not right or request is None:
        return page("requests/track.html", status=404, reference=asked["reference"], found=None, wrong=True, steps=[])
    shown = [
        step
        for step in steps
        if step.what
        in {
            "filed",
            "assigned",
            "arrived",
            "paused",
            "resumed",
            "finished",
            "confirmed",
            "reopened",
            "withdrawn",
            "cancelled",
        }
    ]
    return page(
        "requests/track.html", reference=model.short(request.reference), found=request, wrong=False, steps=shown
    )


ROUTES = (
    Route("GET", "/track", "track", show, allow=PUBLIC, summary="Track by reference and code.", sample={}),
    Route("POST", "/track", "do_track", look, allow=PUBLIC, accepts=Track, summary="Track by reference and code.",
          limit=Limit(per_minute=10, burst=20, peers=1)),
)  # fmt: skip
