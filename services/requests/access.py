"""Who may do what here, as data; and where a request belongs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.requests import store
from services.requests.model import OPEN_STATES
from shared.web.routes import Access, Scoped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.requests.store import KnownOrder, Request
    from shared.web.principal import Principal
    from shared.web.routes import Scope

ASK = Access.to(staff="own", dispatcher="own", administrator="own")
# Whoever signs in may look at the catalogue and at places; prices and people stand elsewhere.
LOOK = Access.to(
    staff="own", dispatcher="organisation", crew="own", supplier="own", finance="own", contract_manager="own",
    supervisor="organisation", auditor="organisation", administrator="own",
)  # fmt: skip
READ = Access.to(
    staff="own", dispatcher=("own", "organisation"), supervisor="organisation", auditor="organisation",
    administrator="own",
)  # fmt: skip
ACT = Access.to(staff="own", dispatcher="own", administrator="own")
ADMINISTER = Access.to(administrator="all")
BOOKINGS = Access.to(staff="own", dispatcher=("own", "organisation"), administrator="own")
ESCALATED = Access.to(dispatcher="organisation", supervisor="organisation")
# Whom an approval names decides it, whatever their role; what is not for them is absent.
APPROVE = Access.to(
    staff="own", dispatcher="organisation", finance="own", contract_manager="own", supervisor="own", administrator="own",
)  # fmt: skip
OVERSEE = Access.to(dispatcher="organisation", supervisor="organisation", auditor="organisation", administrator="all")
# Photos also go to whoever does the work at the moment.
PHOTOS = Access.to(
    staff="own", dispatcher=("own", "organisation"), crew="own", supplier="supplier", supervisor="organisation",
    auditor="organisation", administrator="own",
)  # fmt: skip
DECIDE = Access.to(dispatcher="organisation")  # who approves bookings of chosen rooms


def where(request: Request, joined: Iterable[str] = ()) -> Scoped:
    """Where a request belongs: to its own people and who ``joined`` them. A restricted one to them alone (security B5)."""
    owners = frozenset({request.requester, request.filed_by, *joined} - {""})
    if request.restricted:
        return Scoped(owners=owners)
    return Scoped(owners=owners, department=request.department, organisation=request.organisation)


def with_workers(request: Request, orders: Mapping[str, KnownOrder]) -> Scoped:
    """Where what crews need of a request belongs: also to the crew and supplier of its latest order, while that is open."""
    thing = where(request)
    current = [each for each in orders.values() if (each.round or request.round) == request.round]
    latest = max(current, key=lambda each: (each.sequence, each.order_id), default=None)
    if latest is None or request.state not in OPEN_STATES or latest.happening in {"refused", "cancelled", "finished"}:
        return thing
    return replace(thing, crews=frozenset({latest.crew} - {""}), supplier=latest.supplier)


def seen(principal: Principal, scopes: frozenset[Scope]) -> store.Seen:
    """What a list shows to somebody with these scopes; the same rule as :func:`where`."""
    return store.Seen(
        account=principal.account,
        everywhere="all" in scopes,
        organisation=principal.organisation if "organisation" in scopes else "",
        department=principal.department if "department" in scopes else "",
    )
