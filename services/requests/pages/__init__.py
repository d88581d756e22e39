"""HTML routes: signing in, filing and following requests, administering."""

from __future__ import annotations

from services.requests.pages import (
    admin,
    amending,
    approving,
    asking,
    cataloguing,
    labels,
    mine,
    one,
    people,
    quotas,
    second,
    track,
    using,
)

ROUTES = (
    *labels.ROUTES,
    *approving.ROUTES,
    *quotas.ROUTES,
    *people.ROUTES,
    *second.ROUTES,
    *asking.ROUTES,
    *mine.ROUTES,
    *one.ROUTES,
    *amending.ROUTES,
    *track.ROUTES,
    *using.ROUTES,
    *cataloguing.ROUTES,
    *admin.ROUTES,
)
