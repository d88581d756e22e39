"""Who may do what here, as data; and where a request belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.requests import store
from shared.web.routes import Access, Scoped

if TYPE_CHECKING:
    from services.requests.store import Request
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
DECIDE = Access.to(dispatcher="organisation")  # who approves bookings of chosen rooms


def where(request: Request) -> Scoped:
    """Where a request belongs. A restricted one belongs to its own people alone (security B5)."""
    owners = frozenset({request.requester, request.filed_by} - {""})
    if request.restricted:
        return Scoped(owners=owners)
    return Scoped(owners=owners, department=request.department, organisation=request.organisation)


def seen(principal: Principal, scopes: frozenset[Scope]) -> store.Seen:
    """What a list shows to somebody with these scopes; the same rule as :func:`where`."""
    return store.Seen(
        account=principal.account,
        everywhere="all" in scopes,
        organisation=principal.organisation if "organisation" in scopes else "",
        department=principal.department if "department" in scopes else "",
    )
