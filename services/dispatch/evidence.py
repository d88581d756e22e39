"""Evidence of an order: photos and drawn signatures, by page and by API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.dispatch import api, crew_pages, pages, store, views
from services.dispatch import orders as work_orders
from services.dispatch.access import ORDER, WORK, scoped
from shared import photos
from shared.clock import to_text
from shared.errors import Absent, Conflict, Invalid
from shared.web.answers import Answer, Said, answer, file, see_other
from shared.web.routes import Route
from shared.web.schemas import Schema, fields, validate

if TYPE_CHECKING:
    from shared.web.context import Context


KINDS = ("before", "after", "other", "signature")  # what a picture shows; a signature is drawn on the crew's phone


class PhotoQuery(Schema):
    """What the photo shows, and when the phone says it was taken."""

    kind = fields.String(load_default="other", validate=validate.OneOf(KINDS))
    taken_at = fields.AwareDateTime(load_default=None, allow_none=True)


class PhotoForm(Schema):
    """A photo that is kept; ``also_on``: other orders that hold the very same picture."""

    sha256 = fields.String()
    kind = fields.String()
    content_type = fields.String()
    who = fields.String()
    claimed_at = fields.String(allow_none=True)
    received_at = fields.String()
    removed_at = fields.String(
        allow_none=True, metadata={"description": "when the picture was removed, its term being over; its hash stays"}
    )


class SentPhoto(Schema):
    """A photo as it was taken in."""

    sha256 = fields.String()
    also_on = fields.List(fields.String(), metadata={"description": "other orders that hold the very same picture"})
    version = fields.Integer(metadata={"description": "of the order, afterwards"})


class PhotosForm(Schema):
    """The photos of an order."""

    photos = fields.List(fields.Nested(PhotoForm))


def photo_list(context: Context, ref: str) -> Answer:
    """The photos of an order."""
    with context.read() as connection:
        order = store.order(connection, ref)
        context.check(scoped(order))
        assert order is not None
        found = store.photos(connection, order.order_id)
    return answer({"photos": [
        {"sha256": row.sha256, "kind": row.kind, "content_type": row.content_type, "who": row.who,
         "claimed_at": api.text_of(row.claimed_at), "received_at": to_text(row.received_at),
         "removed_at": api.text_of(row.removed_at)}
        for row in found
    ]})  # fmt: skip


def put_photo(context: Context, ref: str) -> Answer:
    """A photo is evidence of the order; the file is the part ``photo`` of a multipart body."""
    given = context.form()
    sent = context.request.files.get("photo")
    body = sent.read(photos.MOST_BYTES + 1) if sent else b""
    with context.work() as work:
        order = store.order(work.connection, ref, lock=True)
        context.check(scoped(order))
        assert order is not None
        sha256, others = work_orders.keep_photo(
            work, order, context.principal.name, given["kind"], body, given["taken_at"]
        )
    also = others if "dispatcher" in context.principal.roles else []
    return answer({"sha256": sha256, "also_on": also, "version": order.version}, 201)


def photo_file(context: Context, ref: str, sha256: str) -> Answer:
    """One photo, reached only through its order."""
    with context.read() as connection:
        order = store.order(connection, ref)
        context.check(scoped(order))
        assert order is not None
        found = store.photo(connection, order.order_id, sha256)
    if found is None:
        raise Absent
    return file(bytes(found.body), found.content_type)


def send_photo(context: Context, ref: str) -> Answer:
    """A photo is evidence of the order; back to where it was sent from."""
    given = context.form()
    sent = context.request.files.get("photo")
    body = sent.read(photos.MOST_BYTES + 1) if sent else b""
    on_phone = bool(context.principal.crew)
    try:
        with context.work() as work:
            order = store.order(work.connection, views.full(ref, context.now), lock=True)
            context.check(scoped(order))
            assert order is not None
            _, others = work_orders.keep_photo(
                work, order, context.principal.name, given["kind"], body, given["taken_at"]
            )
    except (Conflict, Invalid) as error:
        again = crew_pages.crew_job if on_phone else pages.order_page
        return again(context, ref, problem=pages.problem_words(context, error), status=error.status)
    said = Said("dispatch.said.photo_known" if others else "dispatch.said.photo", {"ref": views.short(order.reference)})
    return see_other(context.url("crew_job" if on_phone else "order", ref=order.reference), said=said)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/orders/<ref>/photos", "api_photos", photo_list, allow=ORDER, kind="api", answers=PhotosForm,
          summary="The photos of an order."),
    Route("POST", "/api/orders/<ref>/photos", "api_put_photo", put_photo, allow=WORK, kind="api", accepts=PhotoQuery,
          answers=SentPhoto, creates=True, status=201, limit=api.WORKING, max_body=photos.MOST_BYTES + 100_000,
          summary="Add a photo as evidence."),
    Route("GET", "/orders/<ref>/photos/<sha256>", "photo", photo_file, noted="photo", allow=ORDER, kind="file", summary="One photo."),
    Route("POST", "/orders/<ref>/photos", "send_photo", send_photo, allow=WORK, accepts=PhotoQuery, limit=api.WORKING,
          max_body=photos.MOST_BYTES + 100_000, summary="Add a photo as evidence."),
)  # fmt: skip
