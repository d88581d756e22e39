"""The catalogue through the API: versions of an item, its draft, publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.requests import access, catalogue_store
from services.requests.catalogue_reading import body_of
from services.requests.handlers import cataloguing
from shared.errors import Absent, Invalid, Stale
from shared.web.answers import Answer, answer, nothing
from shared.web.routes import Route
from shared.web.schemas import Instant

if TYPE_CHECKING:
    from services.requests.catalogue_store import Version
    from services.requests.desk import Desk
    from shared.web.context import Context


class NeedsMatch(Stale):
    """Whoever changes a draft says which state of it they have read."""

    key = "catalogue.error.needs_match"


ItemBody = Schema.from_dict(
    {
        "code": fields.String(),
        **{name: fields.Dict() for name in ("name", "mark", "pledge", "summary", "cost", "standard", "approval")},
        **{name: fields.String() for name in ("purpose", "place", "meter", "price")},
        **{name: fields.List(fields.String()) for name in ("places", "skills", "departments", "roles", "alike")},
        **{name: fields.Boolean() for name in ("restricted", "public", "retired")},
        **{name: fields.List(fields.Dict()) for name in ("level", "urgency", "field")},
    },
    name="ItemBody",
)
ItemBody.__doc__ = (
    "A service item as it is edited; GET …/versions shows the shape. Checked as a whole: 422 names each place."
)


class DraftOut(Schema):
    """The draft of an item; its ETag is what If-Match takes."""

    item = fields.String()
    version = fields.Integer()
    revision = fields.Integer()
    changed_at = Instant()
    body = fields.Dict()


class VersionOut(Schema):
    """One published version of an item."""

    version = fields.Integer()
    effective_at = Instant()
    retired = fields.Boolean()
    body = fields.Dict()


class PublishBody(Schema):
    """From when on the version holds, at least a minute from now; null = as soon as every process can know it."""

    effective_at = Instant(load_default=None, allow_none=True)


class PublishedOut(Schema):
    """The version that was published."""

    item = fields.String()
    version = fields.Integer()
    effective_at = Instant()
    digest = fields.String(metadata={"description": "SHA-256 of the version, as the log holds it"})


def versions(context: Context, code: str) -> Answer:
    """Published versions of an item, the newest first."""
    desk: Desk = context.own
    found = desk.shelf.editions(code)
    if not found:
        raise Absent
    return answer({
        "items": [
            {"version": each.item.version, "effective_at": each.effective_at, "retired": each.item.retired, "body": body_of(each.item)}
            for each in found[:100]
        ],
        "next": "",
    })  # fmt: skip


def draft(context: Context, code: str) -> Answer:
    """The draft of an item."""
    with context.read() as connection:
        found = catalogue_store.draft_of(connection, code)
    if found is None:
        raise Absent
    return answer(_out(found), ETag=_tag(found.revision))


def save_draft(context: Context, code: str) -> Answer:
    """The draft is as in the body: begun with ``If-None-Match: *``, changed with ``If-Match``."""
    body = context.json()
    if body.get("code", code) != code:
        raise Invalid(fields={"code": ["catalogue.fault.other_code"]})
    revision = _revision(context, begins=True)
    with context.work() as work:
        saved = cataloguing.save(work, context.own, code, body, revision, context.principal.account)
        found = catalogue_store.draft_of(work.connection, code)
    if found is None:
        raise Absent
    return answer(_out(found), ETag=_tag(saved))


def drop_draft(context: Context, code: str) -> Answer:
    """The draft is gone; what was published stays."""
    revision = _revision(context)
    with context.work() as work:
        cataloguing.drop(work, code, revision)
    return nothing()


def publish(context: Context, code: str) -> Answer:
    """The draft becomes the next version and holds from its instant on."""
    body = context.json()
    revision = _revision(context)
    desk: Desk = context.own
    with context.work() as work:
        done = cataloguing.publish(
            work,
            desk,
            code,
            revision,
            context.principal.account,
            body["effective_at"],
            four_eyes=desk.catalogue_four_eyes,
        )
    desk.shelf.forget()
    return answer(
        {"item": done.item, "version": done.version, "effective_at": done.effective_at, "digest": done.digest}
    )


def _out(found: Version) -> dict[str, Any]:
    return {
        "item": found.item,
        "version": found.version,
        "revision": found.revision,
        "changed_at": found.changed_at,
        "body": found.body,
    }


def _tag(revision: int) -> str:
    return f'"{revision}"'


def _revision(context: Context, *, begins: bool = False) -> int:
    """The revision that the caller has read; 0 = none, where one may begin.

    Raises:
        NeedsMatch: nothing was said. Stale: it is no revision.
    """
    headers = context.request.headers
    if begins and headers.get("If-None-Match", "").strip() == "*":
        return 0
    said = headers.get("If-Match", "").strip()
    if not said:
        raise NeedsMatch
    text = said.removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) < 10**8:
        raise Stale
    return int(text[:9])


ROUTES = (
    Route("GET", "/api/catalogue/<code>/versions", "api_item_versions", versions, allow=access.LOOK, kind="api", answers=(VersionOut,),
          summary="Published versions of an item."),
    Route("GET", "/api/catalogue/<code>/draft", "api_item_draft", draft, allow=access.ADMINISTER, kind="api", answers=DraftOut,
          summary="The draft of an item."),
    Route("PUT", "/api/catalogue/<code>/draft", "api_save_draft", save_draft, allow=access.ADMINISTER, kind="api", accepts=ItemBody,
          answers=DraftOut, summary="Begin or change the draft of an item (If-None-Match: * or If-Match)."),
    Route("DELETE", "/api/catalogue/<code>/draft", "api_drop_draft", drop_draft, allow=access.ADMINISTER, kind="api", status=204,
          summary="Drop the draft of an item (If-Match)."),
    Route("POST", "/api/catalogue/<code>/publish", "api_publish_item", publish, allow=access.ADMINISTER, kind="api", accepts=PublishBody,
          answers=PublishedOut, summary="Publish the draft of an item (If-Match)."),
)  # fmt: skip
