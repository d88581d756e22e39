"""The crew's phone through lost signal: the worker that keeps its pages, and claims that came too late to be steps.

The phone writes each step down first and sends it once under a key of its own (``static/crew.js``); here it is an act like
any other. What the worker keeps belongs to one person and goes with the sign-out.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from services.dispatch import api, desk, model, store
from services.dispatch.access import CREW
from shared.errors import Absent
from shared.web.answers import Answer, answer, file
from shared.web.routes import PUBLIC, Route
from shared.web.schemas import Schema, Text, fields, validate

if TYPE_CHECKING:
    from shared.web.context import Context

SOURCE = Path(__file__).parent / "static" / "crew-worker.js"
KEPT = (
    "tokens.css", "base.css", "layout.css", "components.css", "utilities.css", "dispatch.css", "houqin.js", "dispatch.js",
    "crew.js", "sign.js", "hui.svg",
)  # fmt: skip
POLICY = "default-src 'none'; connect-src 'self'"  # of the worker itself, which loads nothing but what it keeps


@lru_cache(maxsize=4)
def _script(addresses: tuple[str, ...]) -> bytes:
    source = SOURCE.read_text("utf-8")
    version = hashlib.sha256("\n".join((source, *addresses)).encode()).hexdigest()[:8]
    head = f"const VERSION = {json.dumps(version)};\nconst ASSETS = {json.dumps(addresses)};\n"
    return (head + source).encode()


def worker(context: Context) -> Answer:
    """The service worker of the crew's pages: code alone, its version the hash of all it keeps."""
    addresses = tuple(address for name in KEPT if (address := context.application.asset(name)))
    found = file(_script(addresses), "text/javascript; charset=utf-8")
    found.headers |= {
        "Content-Security-Policy": POLICY, "Content-Disposition": "inline", "Cache-Control": "no-cache",
    }  # fmt: skip
    return found


class Claim(Schema):
    """A step that a crew did and that the order no longer takes."""

    step = fields.String(required=True, validate=validate.OneOf((*model.ACTS, "photo")))
    claimed_at = fields.AwareDateTime(required=True)
    words = Text(200, load_default="")


class ClaimKept(Schema):
    """Where the dispatchers find it."""

    order = fields.String()


def claim(context: Context, ref: str) -> Answer:
    """What the crew did although the order had moved on stands in the dispatchers' hand-over notes.

    Raises:
        Absent: there is no such order, or the crew never had it.
    """
    given = context.json()
    lang, crew = context.language, context.principal.crew
    with context.work() as work:
        order = store.order(work.connection, ref)
        if order is None or not crew or not store.had_order(work.connection, order.order_id, crew):
            raise Absent
        roster = store.roster(work.connection)
        step = lang("dispatch.act.send_photo") if given["step"] == "photo" else lang(f"dispatch.act.{given['step']}")
        words = lang(
            "crew.claim", crew=roster.crew_name(crew, lang.code), step=step, time=lang.when(given["claimed_at"], work.now)
        )  # fmt: skip
        words = f"{words} {given['words']}".strip()
        desk.hand_over(work, context.principal.name, words, order.reference)
        store.tell(work, "queue", "alert", {"ref": order.reference, "role": "dispatcher"})
    return answer({"order": ref}, 201)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/crew/worker.js", "crew_worker", worker, allow=PUBLIC, kind="file",
          summary="The worker that keeps the crew's pages on the phone."),
    Route("POST", "/api/orders/<ref>/claims", "api_claim", claim, allow=CREW, kind="api", accepts=Claim, answers=ClaimKept,
          creates=True, status=201, limit=api.WORKING,
          summary="Tell the dispatchers of a step that the order no longer takes."),
)  # fmt: skip
