"""The audit service, assembled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.audit import (
    api,
    closing,
    digest,
    pages,
    searching,
    supervision,
    target_pages,
    targets,
    things,
    vault,
    watching,
)
from services.audit.personal import PERSONAL
from services.audit.publishing import publish
from services.audit.settings import SETTINGS
from services.audit.signing import keys, sign
from services.audit.subscriptions import SUBSCRIPTIONS
from services.audit.tables import APPEND_ONLY, APPEND_ONLY_CLOSED, APPEND_ONLY_LATER, APPEND_ONLY_TARGETS, metadata
from services.audit.witnessing import collect
from shared.service import Service, Timer
from shared.web import my_data, waiting_pages
from shared.web.assembly import application

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.service import Running
    from shared.web.routes import Route

FOLDER = Path(__file__).parent


def build(running: Running) -> Callable[..., Any]:
    """The web application; the log's keys and the settings of mail are read now, so that a fault is noticed at the start."""
    keys(running.settings)
    digest.server_of(running.settings)
    vault.use(running)
    return application(running, routes(), folder=FOLDER)


def routes() -> tuple[Route, ...]:
    """Every route of this service."""
    return (
        *api.ROUTES,
        *pages.ROUTES,
        *supervision.ROUTES,
        *target_pages.ROUTES,
        *my_data.routes(),
        *waiting_pages.routes("/dead-letters"),
    )


def demonstrate(_running: Running) -> None:
    """The log needs no demonstration data: it fills from what happens."""


SERVICE = Service(
    name="audit",
    settings=SETTINGS,
    metadata=metadata,
    migrations=FOLDER / "migrations",
    subscriptions=SUBSCRIPTIONS,
    application=build,
    demonstrate=demonstrate,
    timers=(
        Timer("moment_sign", 0.2, sign),
        Timer("moment_witness", 0.5, collect),
        Timer("moment_things", 0.2, things.index),
        Timer("second_publish", 1.0, publish),
        Timer("second_index", 1.0, searching.index),
        Timer("second_tally", 1.0, targets.tally),
        Timer("seconds_watch", 5.0, watching.tell),
        Timer("minutes_digest", 300.0, digest.send),
        Timer("minute_yearly", 60.0, closing.yearly),
        Timer("hour_expire", 3600.0, vault.expire),
    ),
    append_only=(*APPEND_ONLY, *APPEND_ONLY_LATER, *APPEND_ONLY_CLOSED, *APPEND_ONLY_TARGETS),
    private=("vault", "subscription"),
    personal=PERSONAL,
)
