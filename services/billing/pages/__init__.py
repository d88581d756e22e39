"""The pages of money, by what people do on them."""

from services.billing.pages import deducting, pricing, reading, settling

ROUTES = (*reading.ROUTES, *settling.ROUTES, *deducting.ROUTES, *pricing.ROUTES)
