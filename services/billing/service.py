"""The billing service, assembled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.billing import api, intake, pages, webhooks
from services.billing.demonstration import demonstrate
from services.billing.personal import PERSONAL
from services.billing.procurement_tables import metadata
from services.billing.settings import SETTINGS
from services.billing.signing import FeedSigner
from services.billing.subscriptions import SUBSCRIPTIONS
from shared.service import Service, Timer
from shared.web import my_data, waiting_pages
from shared.web.assembly import application

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.service import Running
    from shared.web.routes import Route

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Own:
    """What the views of this service are given beside the request."""

    running: Running
    feed: FeedSigner


def routes() -> tuple[Route, ...]:
    """Every route of this service."""
    return (*api.ROUTES, *intake.ROUTES, *pages.ROUTES, *my_data.routes(), *waiting_pages.routes())


def build(running: Running) -> Callable[..., Any]:
    """The web application of a running billing service."""
    webhooks.hook_of(running.settings)  # a hook that may not be is refused at the start
    return application(running, routes(), folder=FOLDER, own=Own(running, FeedSigner(running.settings)))


SERVICE = Service(
    name="billing",
    settings=SETTINGS,
    metadata=metadata,
    migrations=FOLDER / "migrations",
    subscriptions=SUBSCRIPTIONS,
    application=build,
    demonstrate=demonstrate,
    timers=(Timer("tell_finance", 2.0, webhooks.tell),),
    personal=PERSONAL,
)
