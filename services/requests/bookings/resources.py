"""What can be booked, as the administrator sets it: which rooms and vehicles need approval, which are out of use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import update

from services.requests import access, tables
from services.requests.bookings import store
from services.requests.bookings.api import ResourceOut, resource_out
from services.requests.bookings.model import KINDS
from shared.contracts.requests import ResourceChanged
from shared.errors import Absent
from shared.web.answers import Answer, Said, answer, page, see_other
from shared.web.routes import Route

if TYPE_CHECKING:
    from services.requests.bookings.model import Resource
    from shared.web.context import Context
    from shared.work import Work


class ResourceBody(Schema):
    """What changes; what is left out stays."""

    approval = fields.Boolean(metadata={"description": "bookings await approval"})
    enabled = fields.Boolean(metadata={"description": "it can be booked"})


class ResourceChangedOut(ResourceOut):
    """The resource as it is now."""

    enabled = fields.Boolean()


def change(work: Work, resource: Resource, by: str, *, approval: bool, enabled: bool) -> bool:
    """The resource is so from now on; bookings that stand go on standing. False when it was so already."""
    if (resource.approval, resource.enabled) == (approval, enabled):
        return False
    work.connection.execute(
        update(tables.resource)
        .where(tables.resource.c.number == resource.number)
        .values(approval=approval, enabled=enabled)
    )
    work.say(
        ResourceChanged(
            resource=resource.code,
            kind=resource.kind,
            approval=approval,
            enabled=enabled,
            changed_by=by,
            changed_at=work.now,
        )
    )
    return True


def listed(context: Context) -> Answer:
    """Everything that can be booked, by kind."""
    with context.read() as connection:
        found = store.resources(connection)
    return page(
        "requests/admin_resources.html",
        kinds=[(kind, [each for each in found if each.kind == kind]) for kind in KINDS],
        code=context.language.code,
    )


def save(context: Context) -> Answer:
    """What was ticked otherwise than it was shown is so from now on; what others changed meanwhile stays."""
    posted = context.request.form
    changed = 0
    with context.work() as work:
        known = {each.code: each for each in store.resources(work.connection)}
        for code in posted.getlist("shown")[:500]:
            resource = known.get(code)
            before = posted.get(f"was.{code}", "")
            after = ("a" if f"approval.{code}" in posted else "") + ("e" if f"enabled.{code}" in posted else "")
            if resource is None or before == after:
                continue
            locked = store.lock(work.connection, [resource.number])[resource.number]
            changed += change(
                work, locked, context.principal.account,
                approval="a" in after if ("a" in before) != ("a" in after) else locked.approval,
                enabled="e" in after if ("e" in before) != ("e" in after) else locked.enabled,
            )  # fmt: skip
    return see_other(context.url("admin_resources"), said=Said("booking.said.resources", {"n": changed}))


def api_change(context: Context, code: str) -> Answer:
    """The resource is so from now on."""
    body = context.json()
    with context.work() as work:
        found = store.resource_by_code(work.connection, code)
        if found is None:
            raise Absent
        locked = store.lock(work.connection, [found.number])[found.number]
        wanted: dict[str, Any] = {name: body.get(name, getattr(locked, name)) for name in ("approval", "enabled")}
        change(work, locked, context.principal.account, **wanted)
    return answer({**resource_out(locked), **wanted})


ROUTES = (
    Route("GET", "/admin/resources", "admin_resources", listed, allow=access.ADMINISTER, summary="What can be booked.", sample={}),
    Route("POST", "/admin/resources", "admin_save_resources", save, allow=access.ADMINISTER, summary="Which rooms need approval."),
    Route("PATCH", "/api/resources/<code>", "api_change_resource", api_change, allow=access.ADMINISTER, kind="api", accepts=ResourceBody,
          answers=ResourceChangedOut, summary="Whether a resource needs approval, and whether it can be booked."),
)  # fmt: skip
