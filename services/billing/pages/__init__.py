"""The pages of money, by what people do on them."""

from services.billing.pages import (
    accounting,
    assessing,
    budgeting,
    comparing,
    contracting,
    deducting,
    pricing,
    reading,
    settling,
    starting,
    stating,
    supplying,
    tendering,
)

ROUTES = (
    *reading.ROUTES,
    *settling.ROUTES,
    *deducting.ROUTES,
    *pricing.ROUTES,
    *contracting.ROUTES,
    *supplying.ROUTES,
    *assessing.ROUTES,
    *accounting.ROUTES,
    *stating.ROUTES,
    *comparing.ROUTES,
    *budgeting.ROUTES,
    *tendering.ROUTES,
    *starting.ROUTES,
)
