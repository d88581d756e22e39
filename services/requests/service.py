"""The requests service, assembled."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from services.requests import api, catalogue_api, following_api, model, pages, pictures, quotas, store
from services.requests.bookings import api as booking_api
from services.requests.bookings import handlers as booking_handlers
from services.requests.bookings import pages as booking_pages
from services.requests.bookings import resources as booking_resources
from services.requests.bookings import store as bookings
from services.requests.catalogue_reading import load_catalogue
from services.requests.chat import arrivals
from services.requests.chat import views as chat
from services.requests.chat.second import second_of
from services.requests.compound import load_compound
from services.requests.desk import Desk, Open311
from services.requests.handlers import accounts, cataloguing, deciding, following, links, signing
from services.requests.letters import imap, queue, smtp, writing
from services.requests.letters import views as letters
from services.requests.letters.office import office_of
from services.requests.notices import views as notices
from services.requests.open311 import views as open311
from services.requests.personal import PERSONAL
from services.requests.rights import handling
from services.requests.rights import views as rights
from services.requests.settings import SETTINGS
from services.requests.subscriptions import SUBSCRIPTIONS
from services.requests.tables import metadata
from services.requests.voices import api as voice_api
from services.requests.voices import complaints, demand, suggestion_pages, survey_api, survey_pages, surveying
from services.requests.voices import pages as voice_pages
from shared import filed
from shared.errors import Transient
from shared.service import Service, Timer
from shared.settings import BadSettings
from shared.web import live, my_data, waiting_pages
from shared.web.assembly import application, cursor_secret, keys_folder, signer
from shared.web.limits import Limit
from shared.web.principal import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.service import Running
    from shared.settings import Settings
    from shared.web.routes import Route

FOLDER = Path(__file__).parent
BATCH = 100
FILING = {"api_file", "file_form"}  # routes whose limit is a setting


def desk_of(running: Running) -> Desk:
    """What this service's handlers and views need beside the database.

    Raises:
        BadCatalogue: the catalogue does not hold. BadSettings: a secret or key is missing.
    """
    settings = running.settings
    return Desk(
        shipped=load_catalogue(),
        database=running.database,
        clock=running.clock,
        secret=hmac.new(cursor_secret(settings), b"requests", hashlib.sha256).digest(),
        signer=signer(settings, settings["REQUESTS_PASS_PRIVATE_KEY"]),
        site_name=settings["HOUQIN_SITE_NAME"],
        emergency=settings["REQUESTS_EMERGENCY_NUMBER"],
        demonstration=settings["HOUQIN_PROFILE"] == "demonstration",
        second_factor=demanding_roles(settings),
        catalogue_four_eyes=bool(settings["REQUESTS_CATALOGUE_FOUR_EYES"]),
        channels=arrivals.channels_of(settings),
        second=second_of(settings),
        office=office_of(settings),
        open311=Open311(
            on=bool(settings["REQUESTS_OPEN311"]),
            jurisdiction=str(settings["REQUESTS_OPEN311_JURISDICTION"]),
            account=str(settings["REQUESTS_OPEN311_ACCOUNT"]),
            per_minute=int(settings["REQUESTS_OPEN311_PER_MINUTE"]),
        ),
        promises=filed.desk(
            keys_folder(settings),
            f"{urlsplit(str(settings['HOUQIN_PUBLIC_URL'])).netloc or 'office'}/filed",
            str(settings["REQUESTS_LOG_ORIGIN"]),
        ),
    )


def demanding_roles(settings: Settings) -> frozenset[str]:
    """The roles that cannot be used without a second factor.

    Raises:
        BadSettings: one of them is none.
    """
    if settings["HOUQIN_PROFILE"] == "demonstration" and settings.origins["REQUESTS_SECOND_FACTOR"] == "default":
        return frozenset()
    found = frozenset(str(settings["REQUESTS_SECOND_FACTOR"]).split())
    unknown = found - set(ROLES)
    if unknown:
        raise BadSettings(f"REQUESTS_SECOND_FACTOR: no such role: {', '.join(sorted(unknown))}")
    return found


def build(running: Running) -> Callable[..., Any]:
    """The web application."""
    desk = desk_of(running)
    refuse_demonstration(running)
    each = running.settings["REQUESTS_FILINGS_PER_MINUTE"]
    listed = [
        replace(route, limit=Limit(per_minute=each, burst=each)) if route.name in FILING else route
        for route in routes()
    ]
    return application(running, listed, folder=FOLDER, own=desk, alive=signing.alive(desk))


def refuse_demonstration(running: Running) -> None:
    """Return when no account with a published password can sign in where it is meant in earnest (security A8).

    Raises:
        BadSettings: production, and the demonstration's accounts are in the database.
    """
    if running.settings["HOUQIN_PROFILE"] != "production":
        return
    shown = []
    with suppress(Transient), running.database.read() as connection:
        shown = store.shown_accounts(connection)
    if shown:
        raise BadSettings(
            f"HOUQIN_PROFILE: production, but the database holds demonstration accounts ({shown[0].user_name}, …)"
        )


def routes() -> tuple[Route, ...]:
    """Every route of this service."""
    return (
        *api.ROUTES,
        *catalogue_api.ROUTES,
        *following_api.ROUTES,
        *chat.ROUTES,
        *booking_api.ROUTES,
        *booking_pages.ROUTES,
        *booking_resources.ROUTES,
        *notices.ROUTES,
        *voice_api.ROUTES,
        *survey_api.ROUTES,
        *voice_pages.ROUTES,
        *suggestion_pages.ROUTES,
        *survey_pages.ROUTES,
        *demand.ROUTES,
        *letters.ROUTES,
        *open311.ROUTES,
        *pages.ROUTES,
        *rights.ROUTES,
        *my_data.routes(),
        *waiting_pages.routes(),
    )


def demonstrate(running: Running) -> None:
    """The demonstration compound is there: places, departments, people; nothing happens where there are places."""
    with running.work() as work:
        if not store.places(work.connection):
            accounts.settle_compound(work, load_compound())
        bookings.settle_resources(work.connection, store.places(work.connection))
        quotas.settle_quotas(work)


def close_unanswered(running: Running) -> None:
    """Finished work that nobody answered for some days is closed."""
    with running.work() as work:
        following.close_unanswered(work, work.now - timedelta(days=running.settings["REQUESTS_CONFIRM_DAYS"]))


def watch_bookings(running: Running) -> None:
    """Nobody came, an offer lapsed, a booking is over: the time is free again. Late approvals are refused."""
    desk = desk_of(running)
    with running.work() as work:
        booking_handlers.watch(work, desk)
        deciding.expire(work, desk)


def watch_voices(running: Running) -> None:
    """Late complaints go higher, surveys open and close on their days, late cases about personal data are said to be late."""
    with running.work() as work:
        complaints.watch(work)
        surveying.watch(work)
        handling.watch(work)


def keep_catalogue(running: Running) -> None:
    """The shipped versions of items are in the database too."""
    desk = desk_of(running)
    with running.work() as work:
        cataloguing.keep_shipped(work, desk)


def forget(running: Running) -> None:
    """Ended sessions, old failures to sign in and old conversations are forgotten."""
    with running.work() as work:
        store.prune_people(work.connection, work.now, work.now - model.FORGOTTEN_AFTER, work.now - model.UNUSED)
        links.prune(work)
        pictures.prune(work)
        live.prune(work)
        chat.forget(work)
        notices.forget(work)
        queue.forget(work.connection, work.now)


def remove_photos(running: Running) -> None:
    """Photos of requests that ended a term ago are gone; their hashes stay."""
    term = timedelta(days=running.settings["HOUQIN_PHOTO_DAYS"])
    while True:
        with running.work() as work:
            if pictures.remove_old(work, work.now - term, BATCH) < BATCH:
                return


def write_letters(running: Running) -> None:
    """New notices are letters where people want them so; nobody's page waits for that."""
    office = office_of(running.settings)
    with running.database.read() as connection:
        due = writing.due(connection, daily=office.smtp is None)
    if due and office.smtp is None:
        writing.skip(running)
    elif due:
        writing.write(running, desk_of(running), office)


def write_daily(running: Running) -> None:
    """From the hour on, the day's letters are written."""
    office = office_of(running.settings)
    if office.smtp is not None:
        writing.write_daily(running, desk_of(running), office)


def send_letters(running: Running) -> None:
    """Letters that are due have been handed in, or are put off."""
    office = office_of(running.settings)
    smtp.send_due(running, office)
    if office.smtp is not None:
        smtp.measure(running)


def answer_chats(running: Running) -> None:
    """Chat messages that waited have been heard, and answers that are due have been sent."""
    if running.settings["REQUESTS_CHAT_CHANNELS"]:
        arrivals.hear_waiting(running, desk_of)
        arrivals.send_due(running)


def fetch_mail(running: Running) -> None:
    """Requests that came by mail have been dealt with."""
    if running.settings["REQUESTS_IMAP_HOST"]:
        imap.fetch(running, desk_of(running))


SERVICE = Service(
    name="requests",
    settings=SETTINGS,
    metadata=metadata,
    migrations=FOLDER / "migrations",
    subscriptions=SUBSCRIPTIONS,
    application=build,
    demonstrate=demonstrate,
    timers=(
        Timer("close_unanswered", 600, close_unanswered),
        Timer("watch_bookings", 60, watch_bookings),
        Timer("watch_voices", 60, watch_voices),
        Timer("keep_catalogue", 3600, keep_catalogue),
        Timer("forget", 900, forget),
        Timer("remove_photos", 3600, remove_photos),
        Timer("answer_chats", 1, answer_chats),
        Timer("write_letters", 5, write_letters),
        Timer("write_daily", 60, write_daily),
        Timer("send_letters", 3, send_letters),
        Timer("fetch_mail", 30, fetch_mail),
    ),
    personal=PERSONAL,
    private=(
        "account",
        "session",
        "device",
        "failure",
        "token",
        "second_factor",
        "recovery_code",
        "invitation",
        "chat_link_code",
        "complaint",
        "complaint_step",
        "survey_answered",
        "survey_text",
        "notice",
        "mailbox",
        "notice_choice",
        "letter",
        "mail_arrival",
    ),
)
