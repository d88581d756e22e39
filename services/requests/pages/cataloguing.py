"""The administrator's catalogue: an item as its own form, how it will look, and what publishing it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema

from services.requests import access, catalogue_forms, catalogue_store, forms, hours
from services.requests.catalogue import CAUSES, LANGUAGES, METERS, PLACES, PRIORITIES, PURPOSES, TYPES, USUAL_RULE
from services.requests.catalogue_reading import body_of, read_item
from services.requests.handlers import cataloguing
from services.requests.model import day_of
from services.requests.pages.asking import wall
from services.requests.shelf import NOTICE
from shared.errors import Absent, Conflict, Invalid, Refused, Stale
from shared.web.answers import Answer, Said, page, see_other
from shared.web.principal import ROLES
from shared.web.routes import Route
from shared.web.schemas import Key, Whole

if TYPE_CHECKING:
    from services.requests.catalogue import Item
    from services.requests.catalogue_store import Version
    from services.requests.desk import Desk
    from shared.web.context import Context

NEW = "new"
_SLOTS = {
    "starts_at": "start",
    "ends_at": "end",
    "headcount": "headcount",
    "quantity": "quantity",
    "destination": "destination",
}


class ItemQuery(Schema):
    """Which item of the catalogue is open."""

    item = Key(load_default="")


class Revision(Schema):
    """Which state of the draft is meant."""

    revision = Whole(1, 1_000_000, required=True)


class Publishing(Revision):
    """From when on the version holds; empty = as soon as can be."""

    effective_at = forms.SiteTime(load_default=None, blank=True)


def catalogue(context: Context) -> Answer:
    """One item as its form: its draft where there is one, else what was published last."""
    desk: Desk = context.own
    code = context.query()["item"] or desk.shelf.codes()[0]
    return _editor(context, code)


def new_item(context: Context) -> Answer:
    """The form of an item that does not exist yet."""
    return _editor(
        context,
        "",
        body={"roles": [], "purpose": "work", "place": "required", "meter": "hours", "standard": {"time": [{"by": 3}]}},
    )


def _editor(
    context: Context, code: str, *, body: dict[str, Any] | None = None, revision: int | None = None, error: Refused | None = None,
    message: str = "",
) -> Answer:  # fmt: skip
    desk: Desk = context.own
    before = cataloguing.base_of(desk, code) if code else None
    with context.read() as connection:
        draft = catalogue_store.draft_of(connection, code) if code else None
        drafts = {each.item: each for each in catalogue_store.drafts(connection)}
        departments, places = desk.departments(connection), desk.places(connection)
    if code and before is None and draft is None and body is None:
        raise Absent
    shown = body if body is not None else draft.body if draft else body_of(before) if before else {}
    words = context.language
    errors = context.errors(error) if error else {}
    item, faults = read_item({**shown, "code": code or shown.get("code", "")}, version=1, since=day_of(context.now))
    return page(
        "requests/admin_catalogue.html",
        status=error.status if error else 200,
        listed=_listed(desk, drafts, words.code),
        code=words.code,
        current=code,
        before=before,
        draft=draft,
        body=shown,
        revision=revision if revision is not None else draft.revision if draft else 0,
        errors=errors,
        labels={path: catalogue_forms.said(words, path) for path in errors},
        wrong_at={".".join(path.split(".")[:n]) for path in errors for n in range(1, path.count(".") + 1)},
        problem=message or (words(error.key, **error.parameters) if error and not error.fields else ""),
        item=item if not faults else None,
        faults_count=len(faults),
        promises=[(by, list(hours.promised(item.times(by), context.now).items())) for by in item.priorities] if not faults else [],
        chat=_chat(context, item) if not faults else [],
        departments=sorted((each.code, each.name.in_(words.code)) for each in departments.values()),
        kinds=sorted({place.kind for place in places.values()}),
        languages=LANGUAGES, meters=METERS, rules=PLACES, priorities=PRIORITIES, purposes=PURPOSES, types=TYPES, roles=ROLES, causes=CAUSES,
        usual_rule=USUAL_RULE,
    )  # fmt: skip


def _listed(desk: Desk, drafts: dict[str, Version], code: str) -> list[dict[str, Any]]:
    found = []
    for each in dict.fromkeys([*desk.shelf.codes(), *drafts]):
        item = cataloguing.base_of(desk, each)
        draft = drafts.get(each)
        if item is None and draft is not None:
            item, _ = read_item(draft.body, version=draft.version, since=day_of(draft.changed_at))
        if item is not None:
            found.append({
                "code": each, "mark": item.mark.in_(code), "name": item.name.in_(code), "version": item.version,
                "draft": draft is not None, "retired": item.retired and cataloguing.base_of(desk, each) is not None,
            })  # fmt: skip
    return found


def _chat(context: Context, item: Item) -> list[tuple[str, str]]:
    """What the chat would ask for, in its own words: (question, what it fills)."""
    words = context.language
    asked = [("room", words("requests.form.place"))] if item.place == "required" else []
    asked += [
        (slot, each.label.in_(words.code))
        for each in item.fields
        if each.required and (slot := _SLOTS.get(each.name, ""))
    ]
    found = []
    for slot, label in asked:
        special = f"chat.ask.{slot}_{item.code}"
        found.append((words(special if words.has(special) else f"chat.ask.{slot}"), label))
    return found


def edit(context: Context, code: str) -> Answer:
    """A row more or less, a look at it, or the draft as typed; whatever was typed is shown again."""
    posted = context.request.form
    body = catalogue_forms.read(posted)
    name = posted.get("act", "save")
    revision = int(posted.get("revision", "0")) if posted.get("revision", "0").isdigit() else 0
    known = "" if code == NEW else code
    own = known or str(body.get("code", ""))
    if name != "save":
        return _editor(context, known, body=catalogue_forms.act(body, name), revision=revision)
    try:
        if not known and (own in context.own.shelf.codes() or own in {NEW, "preview"}):
            raise Invalid(fields={"code": ["catalogue.fault.code_taken"]})
        with context.work() as work:
            cataloguing.save(work, context.own, own, body, revision, context.principal.account)
    except (Invalid, Conflict, Stale) as error:
        message = context.language("catalogue.error.stale") if isinstance(error, Stale) else ""
        return _editor(context, known, body=body, revision=revision, error=error, message=message)
    return see_other(context.url("admin_publish_item", code=own), said=Said("catalogue.said.saved"))


def drop(context: Context, code: str) -> Answer:
    """The draft is gone."""
    form = context.form()
    with context.work() as work:
        cataloguing.drop(work, code, form["revision"])
    kept = cataloguing.base_of(context.own, code)
    return see_other(context.url("admin_catalogue", item=code if kept else None), said=Said("catalogue.said.dropped"))


def before_publishing(context: Context, code: str) -> Answer:
    """What the draft changes, and how many requests it leaves alone."""
    return _publishing(context, code)


def _publishing(context: Context, code: str, error: Refused | None = None) -> Answer:
    desk: Desk = context.own
    with context.read() as connection:
        draft = catalogue_store.draft_of(connection, code)
        if draft is None:
            raise Absent
        under_way = catalogue_store.under_way(connection, code)
        versions = catalogue_store.versions_of(connection, code)
    words = context.language
    before = cataloguing.base_of(desk, code)
    item, _ = read_item(draft.body, version=draft.version, since=day_of(context.now))
    changes = list(cataloguing.differences(body_of(before) if before else {}, draft.body))
    return page(
        "requests/admin_publish.html",
        status=error.status if error else 200,
        code=words.code,
        item=item,
        before=before,
        draft=draft,
        changes=[(catalogue_forms.said(words, each.path), each.before, each.after) for each in changes],
        under_way=under_way,
        soonest=cataloguing.soonest(context.now),
        given=wall(context.request.form.get("effective_at", "")) if error else "",
        least=wall(context.now + NOTICE),
        versions=[each for each in versions if each.state == "published"],
        own_draft=draft.changed_by == context.principal.account,
        four_eyes=desk.catalogue_four_eyes,
        errors=context.errors(error) if error else {},
        problem=words(error.key, **error.parameters) if error and not error.fields else "",
    )


def publish(context: Context, code: str) -> Answer:
    """The version takes effect at its instant."""
    desk: Desk = context.own
    try:
        form = context.form()
        with context.work() as work:
            done = cataloguing.publish(
                work, desk, code, form["revision"], context.principal.account, form["effective_at"], four_eyes=desk.catalogue_four_eyes,
            )  # fmt: skip
    except (Invalid, Conflict, Stale) as error:
        return _publishing(context, code, error)
    desk.shelf.forget()
    at = context.language.when(done.effective_at, context.now)
    return see_other(
        context.url("admin_item_version", code=code, version=done.version),
        said=Said("catalogue.said.published", {"n": done.version, "time": at}),
    )


def one_version(context: Context, code: str, version: str) -> Answer:
    """A published version, and what it changed."""
    desk: Desk = context.own
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0
    editions = desk.shelf.editions(code)
    shown = next((each for each in editions if each.item.version == number), None)
    if shown is None:
        raise Absent
    earlier = next((each for each in editions if each.item.version < number), None)
    words = context.language
    changes = cataloguing.differences(body_of(earlier.item) if earlier else {}, body_of(shown.item))
    with context.read() as connection:
        rows = {each.version: each for each in catalogue_store.versions_of(connection, code)}
    return page(
        "requests/admin_version.html",
        code=words.code,
        item=shown.item,
        effective_at=shown.effective_at,
        earlier=earlier.item.version if earlier else 0,
        changes=[(catalogue_forms.said(words, each.path), each.before, each.after) for each in changes],
        editions=[(each.item.version, each.effective_at) for each in editions],
        published_at=rows[number].published_at if number in rows else None,
        shipped=number not in rows or not rows[number].published_by,
        holds=shown.item is desk.catalogue.get(code),
    )


ROUTES = (
    Route("GET", "/admin/catalogue", "admin_catalogue", catalogue, allow=access.ADMINISTER, accepts=ItemQuery, summary="The catalogue.",
          sample={}),
    Route("GET", "/admin/catalogue/new", "admin_new_item", new_item, allow=access.ADMINISTER, summary="A new item.", sample={}),
    Route("POST", "/admin/catalogue/<code>", "admin_edit_item", edit, allow=access.ADMINISTER, summary="Save the draft of an item."),
    Route("POST", "/admin/catalogue/<code>/drop", "admin_drop_draft", drop, allow=access.ADMINISTER, accepts=Revision,
          summary="Drop the draft of an item."),
    Route("GET", "/admin/catalogue/<code>/publish", "admin_publish_item", before_publishing, allow=access.ADMINISTER,
          summary="What a draft changes."),
    Route("POST", "/admin/catalogue/<code>/publish", "admin_do_publish", publish, allow=access.ADMINISTER, accepts=Publishing,
          summary="Publish the draft of an item."),
    Route("GET", "/admin/catalogue/<code>/<version>", "admin_item_version", one_version, allow=access.ADMINISTER,
          summary="One version of an item.", sample={"code": "repair", "version": "4"}),
)  # fmt: skip
