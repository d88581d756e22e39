"""The dispatch service, assembled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.dispatch import api, desk_pages, handlers, orders, pages, people, store, upkeep, upkeep_pages
from services.dispatch.roster import demonstration
from services.dispatch.settings import SETTINGS
from services.dispatch.subscriptions import SUBSCRIPTIONS
from services.dispatch.tables import metadata
from shared.service import Service, Timer
from shared.web import waiting_pages
from shared.web.assembly import application
from shared.web.live import Hub

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.service import Running
    from shared.web.routes import Route
    from shared.work import Work

FOLDER = Path(__file__).parent
BATCH = 100


def routes() -> tuple[Route, ...]:
    """Every route of this service."""
    return (
        *api.ROUTES,
        *desk_pages.ROUTES,
        *people.ROUTES,
        *upkeep_pages.ROUTES,
        *pages.ROUTES,
        *waiting_pages.routes(),
    )


def build(running: Running) -> Callable[..., Any]:
    """The web application of a running dispatch service."""
    own = pages.Own(Hub(running.clock, running.database), str(running.settings["DISPATCH_ALARM_SECRET"]))
    # Handlers tell live pages by rows in their own transactions, so the hub reads the table even in one process.
    return application(running, routes(), folder=FOLDER, own=own)


def demonstrate(running: Running) -> None:
    """The demonstration crews, their people and contracts are there; nothing happens where there are crews."""
    with running.work() as work:
        if store.has_crews(work.connection):
            return
        given = demonstration()
        store.put_crews(work.connection, given.teams, given.members, given.suppliers)
        for cover in given.covers:
            store.put_cover(work.connection, cover, 0)
        upkeep.demonstrate(work)


def notice_breaches(running: Running) -> None:
    """Promises that have passed are said to be broken."""
    while True:
        with running.work() as work:
            looked = handlers.notice_breaches(work, BATCH)
        if looked < BATCH:
            return


def warn(running: Running) -> None:
    """Whoever the ladder names is told of promises in danger."""
    _all(running, orders.raise_alerts)


def ask_next(running: Running) -> None:
    """Offers that nobody answered go to the next crew."""
    _all(running, orders.redispatch_silent)


def _all(running: Running, look: Callable[[Work, int], int]) -> None:
    while True:
        with running.work() as work:
            looked = look(work, BATCH)
        if looked < BATCH:
            return


def run_plans(running: Running) -> None:
    """Plans that are due have their orders."""
    _all(running, upkeep.run_plans)


def forget(running: Running) -> None:
    """What has expired is forgotten."""
    with running.work() as work:
        handlers.forget(work)


SERVICE = Service(
    name="dispatch",
    settings=SETTINGS,
    metadata=metadata,
    migrations=FOLDER / "migrations",
    subscriptions=SUBSCRIPTIONS,
    application=build,
    demonstrate=demonstrate,
    timers=(
        Timer("notice_breaches", 5.0, notice_breaches),
        Timer("warn", 5.0, warn),
        Timer("ask_next", 5.0, ask_next),
        Timer("run_plans", 60.0, run_plans),
        Timer("forget", 60.0, forget),
    ),
)
