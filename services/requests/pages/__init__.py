"""HTML routes: signing in, filing and following requests, administering."""

from __future__ import annotations

from services.requests.pages import admin, asking, labels, people, quotas, second, track

ROUTES = (*labels.ROUTES, *quotas.ROUTES, *people.ROUTES, *second.ROUTES, *asking.ROUTES, *track.ROUTES, *admin.ROUTES)
