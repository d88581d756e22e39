"""Door labels and the page that they open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import Schema

from services.requests import access, model
from shared.apart import apart
from shared.errors import Absent, Invalid
from shared.web.answers import Answer, file, page
from shared.web.limits import Limit
from shared.web.routes import Route
from shared.web.schemas import Key

if TYPE_CHECKING:
    from services.requests.desk import Desk
    from shared.web.context import Context

KINDS = ("office", "meeting")
LIKELY = ("repair", "cleaning", "meeting", "landscaping", "security", "square")


class SheetQuery(Schema):
    """Which building and floor; empty = all 502 doors."""

    building = Key(load_default="")
    floor = Key(load_default="")


def overview(context: Context) -> Answer:
    """The sheets that can be printed, by building and floor."""
    desk: Desk = context.own
    found: dict[str, dict[str, int]] = {}
    with context.read() as connection:
        places = desk.places(connection)
    for place in places.values():
        if place.kind in KINDS:
            floors = found.setdefault(place.building, {})
            floors[place.floor] = floors.get(place.floor, 0) + 1
    code = context.language.code
    names = {place.building: place.name.in_(code) for place in places.values() if place.kind == "building"}
    return page(
        "requests/admin_labels.html",
        buildings=[(each, names.get(each, each), sorted(floors.items())) for each, floors in sorted(found.items())],
        total=sum(sum(floors.values()) for floors in found.values()),
    )


def sheet(context: Context) -> Answer:
    """The labels as a PDF."""
    asked = context.query()
    desk: Desk = context.own
    with context.read() as connection:
        places = [
            place for place in desk.places(connection).values()
            if place.kind in KINDS and asked["building"] in {"", place.building} and asked["floor"] in {"", place.floor}
        ]  # fmt: skip
    if not places:
        raise Invalid(fields={"building": ["field.choice"]})
    places.sort(key=lambda place: (place.building, place.floor, place.room))
    address = context.application.public_url + context.url("at", code="CODE").replace("CODE", "{code}")
    from services.requests import labels  # and with it 15 MiB of reportlab, read where it is first needed

    body = apart(labels.sheet, places, address, context.language("quota.label_advice"), desk.site_name or "Houqin")
    name = "-".join(["labels", *(each for each in (asked["building"], asked["floor"]) if each)])
    return file(body, "application/pdf", f"{name}.pdf")


def at(context: Context, code: str) -> Answer:
    """Where a scanned label leads: the likely items, with the place filled in."""
    desk: Desk = context.own
    with context.read() as connection:
        place = desk.place(connection, code)
    if place is None:
        raise Absent
    language = context.language.code
    person = context.principal
    items = [
        item for item in desk.catalogue
        if item.place != "fixed" and model.place_fits(item, place.kind, place.code) and not item.may_ask(person.roles, person.department)
    ]  # fmt: skip
    items.sort(key=lambda item: LIKELY.index(item.code) if item.code in LIKELY else len(LIKELY))
    return page(
        "requests/at.html",
        place=place.name.in_(language),
        code=place.code,
        items=[
            {"code": item.code, "mark": item.mark.in_(language), "name": item.name.in_(language), "pledge": item.pledge.in_(language)}
            for item in items
        ],
        room=place.code if place.kind == "meeting" else "",
    )  # fmt: skip


ROUTES = (
    Route("GET", "/at/<code>", "at", at, allow=access.ASK, summary="What may be asked for at a place.", sample={"code": "B2-302"}),
    Route("GET", "/admin/labels", "admin_labels", overview, allow=access.ADMINISTER, summary="Door labels.", sample={}),
    Route("GET", "/admin/labels.pdf", "admin_labels_pdf", sheet, allow=access.ADMINISTER, kind="file", accepts=SheetQuery,
          limit=Limit(per_minute=20, burst=10), summary="Door labels as a PDF."),
)  # fmt: skip
