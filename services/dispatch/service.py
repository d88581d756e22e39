"""The dispatch service, assembled."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.dispatch import (
    api,
    costs,
    crew_pages,
    crews_pages,
    desk_pages,
    emergency,
    evidence,
    handlers,
    offline,
    orders,
    pages,
    people,
    planner,
    pool,
    register,
    report_pages,
    schedule,
    schedule_pages,
    store,
    supplier,
    supplies,
    telemetry,
    training,
    upkeep,
    upkeep_pages,
    workforce,
    workforce_pages,
)
from services.dispatch.personal import PERSONAL
from services.dispatch.roster import demonstration
from services.dispatch.settings import SETTINGS
from services.dispatch.subscriptions import SUBSCRIPTIONS
from services.dispatch.work_tables import metadata
from shared.service import Service, Timer
from shared.web import my_data, waiting_pages
from shared.web.assembly import application
from shared.web.live import Hub

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shared.service import Running
    from shared.web.principal import Principal
    from shared.web.routes import Route
    from shared.work import Work

FOLDER = Path(__file__).parent
BATCH = 100


def routes() -> tuple[Route, ...]:
    """Every route of this service."""
    return (
        *api.ROUTES,
        *desk_pages.ROUTES,
        *schedule_pages.ROUTES,
        *report_pages.ROUTES,
        *people.ROUTES,
        *crews_pages.ROUTES,
        *upkeep_pages.ROUTES,
        *telemetry.ROUTES,
        *offline.ROUTES,
        *workforce_pages.ROUTES,
        *training.ROUTES,
        *supplier.ROUTES,
        *supplies.ROUTES,
        *pool.ROUTES,
        *emergency.ROUTES,
        *register.ROUTES,
        *pages.ROUTES,
        *evidence.ROUTES,
        *crew_pages.ROUTES,
        *my_data.routes(),
        *waiting_pages.routes(),
    )


def build(running: Running) -> Callable[..., Any]:
    """The web application of a running dispatch service."""
    settings = running.settings
    own = pages.Own(
        Hub(running.clock, running.database),
        str(settings["DISPATCH_ALARM_SECRET"]),
        int(settings["DISPATCH_PERFORMANCE_SHARE"]),
        int(settings["DISPATCH_OVERHEAD_PERCENT"]),
    )
    # Handlers tell live pages by rows in their own transactions, so the hub reads the table even in one process.

    def as_now(person: Principal, now: datetime) -> Principal:
        if "crew" not in person.roles:
            return person
        with running.database.read() as connection:
            return workforce.as_now(connection, person, now)

    return application(running, routes(), folder=FOLDER, own=own, as_now=as_now)


def demonstrate(running: Running) -> None:
    """The demonstration crews, their people and contracts are there; nothing happens where there are crews."""
    with running.work() as work:
        if store.has_crews(work.connection):
            return
        given = demonstration()
        store.put_crews(work.connection, given.teams, given.members, given.suppliers)
        for cover in given.covers:
            store.put_cover(work.connection, cover, 0)
        workforce.demonstrate(work, given)
        supplies.demonstrate(work)
        pool.demonstrate(work)
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


def call_next(running: Running) -> None:
    """Where nobody answered an emergency's call, the next is called."""
    _all(running, emergency.call_next)


def settle_moves(running: Running) -> None:
    """People who have moved are members of their new crews."""
    _all(running, workforce.settle_moves)


def settle_shares(running: Running) -> None:
    """What was booked and is over has told its cost."""
    _all(running, costs.settle_shares)


def run_plans(running: Running) -> None:
    """Plans that are due have their orders."""
    _all(running, upkeep.run_plans)


def forget(running: Running) -> None:
    """What has expired is forgotten."""
    with running.work() as work:
        handlers.forget(work)
        schedule.forget(work)
        upkeep.forget(work)


def remove_photos(running: Running) -> None:
    """Photos of orders that ended a term ago are gone; their hashes stay."""
    term = timedelta(days=running.settings["HOUQIN_PHOTO_DAYS"])
    _all(running, lambda work, most: store.remove_photos(work, work.now - term, most))


def plan_area(running: Running) -> None:
    """All work that has not begun is planned anew when it is time; a process of its own computes it."""
    planner.run_due(running)


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
        Timer("call_next", 5.0, call_next),
        Timer("settle_moves", 5.0, settle_moves),
        Timer("run_plans", 60.0, run_plans),
        Timer("settle_shares", 60.0, settle_shares),
        Timer("forget", 60.0, forget),
        Timer("remove_photos", 3600.0, remove_photos),
        Timer("plan_area", 15.0, plan_area),
    ),
    personal=PERSONAL,
)
