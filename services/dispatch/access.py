"""Who may do what here, and where one order belongs. This service serves one site: a dispatcher sees all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.web.routes import Access, Scoped

if TYPE_CHECKING:
    from services.dispatch.model import Order
    from services.dispatch.roster import Team

# Dispatchers see the queue; whoever answers for the whole may look at it.
QUEUE = Access.to(dispatcher="all", supervisor="all", auditor="all", administrator="all")
DISPATCH = Access.to(dispatcher="all")
# One order: also the requester, the crew and the supplier that hold it, and those who pay for it.
ORDER = Access.to(
    staff="own", dispatcher="all", crew="own", supplier="supplier", finance="all", contract_manager="all",
    supervisor="all", auditor="all", administrator="all",
)  # fmt: skip
# Steps of the work: the crew itself, its supplier's manager, and the dispatcher for those who cannot.
# Crews, what contracts cover, emergency plans: who keeps them.
KEEP = Access.to(dispatcher="all", administrator="all")
WORK = Access.to(dispatcher="all", crew="own", supplier="supplier")
CREW = Access.to(crew="own")
SUPPLIER = Access.to(supplier="supplier")
CREWS = Access.to(dispatcher="all", supplier="supplier", supervisor="all", auditor="all", administrator="all")


def scoped(order: Order | None) -> Scoped | None:
    """Where the order belongs; None for none."""
    if order is None:
        return None
    return Scoped(
        owners=frozenset({order.requester}),
        crews=frozenset({order.crew} - {""}),
        department=order.department,
        supplier=order.supplier,
    )


def scoped_crew(team: Team | None) -> Scoped | None:
    """Where the crew belongs; None for none."""
    return None if team is None else Scoped(crews=frozenset({team.code}), supplier=team.supplier)
