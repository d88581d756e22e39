"""The bar of each role, as data. Words are ``shell.nav.<key>``; a service is never named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.web.principal import Role


@dataclass(frozen=True)
class Place:
    """One word of navigation.

    Attributes:
        phone: stands in the bottom bar of a phone too, with its icon.
        go: the letter after ``G``.
        later: its page is not built yet, so the word is not shown; a test notices when it is.
        leads: other pages that are found under this word.
    """

    key: str
    path: str
    icon: str = "list"
    phone: bool = False
    go: str = ""
    later: bool = False
    leads: tuple[str, ...] = ()


VOICES = tuple(f"/requests/{each}" for each in ("complaints", "suggestions", "forums", "improvements", "surveys"))
MOST = 6  # words in a bar; what is beyond them stands under one word, 更多

BARS: dict[Role, tuple[Place, ...]] = {
    "staff": (
        Place("home", "/requests/", "home", phone=True),
        Place("mine", "/requests/mine", "list", phone=True),
        Place(
            "rooms",
            "/requests/rooms",
            "calendar",
            phone=True,
            leads=("/requests/vehicles", "/requests/slots", "/requests/bookings"),
        ),
        Place("chat", "/requests/chat", "chat", phone=True),
        Place("suggestions", "/requests/suggestions", "send", leads=VOICES),
    ),
    "dispatcher": (
        Place("queue", "/dispatch/", "list", phone=True, go="q"),
        Place("day", "/dispatch/day", "calendar", phone=True, go="d"),
        Place("map", "/dispatch/map", "map", phone=True, go="m"),
        Place("handover", "/dispatch/handover", "people", phone=True, go="h"),
        Place("approvals", "/requests/approvals", "seal"),
        Place("report", "/dispatch/report", "chart", go="r"),
        Place("escalations", "/requests/escalations", "alert"),
        Place("use", "/requests/use", "meter"),
        Place("suggestions", "/requests/suggestions", "send", leads=(*VOICES, "/requests/demand")),
        Place("targets", "/audit/targets", "chart"),
    ),
    "crew": (
        Place("today", "/dispatch/crew/", "list", phone=True),
        Place("offers", "/dispatch/crew/offers", "bell", phone=True),
        Place("messages", "/dispatch/crew/messages", "chat", phone=True),
        Place("me", "/requests/me", "people", phone=True),
    ),
    "supplier": (
        Place("orders", "/dispatch/supplier/", "list", phone=True),
        Place("people", "/dispatch/supplier/people", "people", phone=True),
        Place("statements", "/billing/statements/", "document", phone=True),
        Place("scores", "/billing/deductions", "alert", phone=True),
        Place("about_us", "/requests/complaints/about-us", "alert"),
        Place("tenders", "/billing/tenders", "document"),
    ),
    "finance": (
        Place("statements", "/billing/statements/", "document", phone=True),
        Place("contracts_cards", "/billing/contracts/", "seal", phone=True),
        Place("budget", "/billing/budget", "chart", phone=True),
        Place("feed", "/billing/feed", "send", phone=True),
    ),
    "contract_manager": (
        Place("contracts", "/billing/contracts/", "document", phone=True),
        Place("statements", "/billing/statements/", "document"),
        Place("cards", "/billing/cards/", "list", later=True),
        Place("usage", "/billing/usage", "meter", phone=True),
        Place("deductions", "/billing/deductions", "alert", phone=True),
        Place("budget", "/billing/budget", "chart", phone=True),
        Place("complaints", "/requests/complaints", "chat", leads=VOICES),
        Place("demand", "/requests/demand", "chart"),
    ),
    "supervisor": (
        Place("overview", "/audit/", "home", phone=True),
        Place("search", "/audit/search", "search", phone=True),
        Place("entries", "/audit/entries/", "list"),
        Place("witnesses", "/audit/witnesses", "people", phone=True),
        Place("findings", "/audit/findings", "alert", phone=True, later=True),
        Place("complaints", "/requests/complaints", "chat", phone=True, leads=VOICES),
    ),
    "auditor": (
        Place("overview", "/audit/", "home", phone=True),
        Place("search", "/audit/search", "search", phone=True),
        Place("entries", "/audit/entries/", "list"),
        Place("witnesses", "/audit/witnesses", "people", phone=True),
        Place("findings", "/audit/findings", "alert", phone=True, later=True),
    ),
    "administrator": (
        Place("catalogue", "/requests/admin/catalogue", "list", phone=True),
        Place("accounts", "/requests/admin/people", "people", phone=True),
        Place("quotas", "/requests/admin/quotas", "meter"),
        Place("contracts", "/billing/contracts/", "document"),
        Place("running", "/requests/admin/running", "chart", phone=True),
        Place("dead_letters", "/audit/dead-letters", "alert", phone=True),
        Place("resources", "/requests/admin/resources", "calendar"),
        Place("use", "/requests/use", "chart"),
        Place("demand", "/requests/demand", "chart"),
        Place("labels", "/requests/admin/labels", "qr"),
        Place("surveys", "/requests/surveys", "document", leads=VOICES),
        Place("data_cases", "/requests/admin/data-cases", "people"),
        Place("targets", "/audit/targets", "chart"),
    ),
}

# At the foot of every page, for everybody. Words are ``shell.<key>``.
FOOT = (Place("track", "/requests/track"), Place("verify", "/audit/verify"))

# Who may open the log's own pages; a test holds it to the routes of audit, which nobody else may ask.
LOG_READERS: frozenset[Role] = frozenset({"supervisor", "auditor", "administrator"})

HOMES: dict[Role, str] = {
    "staff": "/requests/",
    "dispatcher": "/dispatch/",
    "crew": "/dispatch/crew/",
    "supplier": "/dispatch/supplier/",
    "finance": "/billing/statements/",
    "contract_manager": "/billing/contracts/",
    "supervisor": "/audit/",
    "auditor": "/audit/",
    "administrator": "/requests/admin/",
}


def bar(role: Role) -> tuple[Place, ...]:
    """What stands in the bar of ``role`` today."""
    return tuple(place for place in BARS[role] if not place.later)


def here(places: tuple[Place, ...], path: str) -> Place | None:
    """The place of the bar on which ``path`` lies: the one with the longest address that leads it."""
    found = [
        (len(each), place)
        for place in places
        for each in (place.path, *place.leads)
        if path == each or _leads(each, path)
    ]
    return max(found, key=lambda pair: pair[0], default=(0, None))[1]


def _leads(place: str, path: str) -> bool:
    """Whether ``path`` lies below ``place``; a service's own home leads nothing but itself."""
    return place.strip("/").count("/") > 0 and path.startswith(place.rstrip("/") + "/")
