"""Calendars as RFC 5545 text."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.bookings.model import Resource
    from services.requests.bookings.store import Booking
    from shared.language import Language

CONTENT_TYPE = "text/calendar; charset=utf-8"


def calendar(
    words: Language,
    name: str,
    bookings: Iterable[tuple[Booking, Resource]],
    *,
    host: str,
    private: bool,
    method: str = "PUBLISH",
    organizer: str = "",
    attendee: str = "",
) -> bytes:
    """Bookings as a calendar; ``private``: everything is told, else only that the time is taken.

    Instants are written in UTC, so that no time zone need be described; each event keeps its UID when it moves and
    counts its SEQUENCE, so that calendars replace it instead of showing it twice.
    """  # fmt: skip
    from icalendar import Calendar, Event  # 4 MiB and 0.1 s, read where it is first needed

    found = Calendar()
    found.add("prodid", "-//Houqin//bookings//EN")
    found.add("version", "2.0")
    found.add("calscale", "GREGORIAN")
    found.add("method", method)
    found.add("x-wr-calname", name)
    found.add("refresh-interval", timedelta(minutes=15), parameters={"value": "DURATION"})
    for booking, resource in bookings:
        event = Event()
        event.add("uid", f"{booking.id}@{host}")
        event.add("sequence", booking.version - 1)
        event.add("dtstamp", booking.changed_at.replace(microsecond=0))
        event.add("dtstart", booking.starts_at)
        event.add("dtend", booking.ends_at)
        place = resource.name.in_(words.code)
        event.add("location", place)
        event.add("summary", subject(words, booking, resource) if private else words("booking.busy"))
        if private and booking.layout:
            event.add("description", words("booking.laid_out", layout=words(f"booking.layout.{booking.layout}")))
        event.add("status", _status(booking.state))
        if organizer:
            event.add("organizer", f"mailto:{organizer}", parameters={"cn": name})
        if attendee:
            event.add("attendee", f"mailto:{attendee}", parameters={"partstat": "ACCEPTED", "rsvp": "FALSE"})
        if not private:
            event.add("class", "PRIVATE")
        found.add_component(event)
    return bytes(found.to_ical())


def _status(state: str) -> str:
    if state in {"cancelled", "refused", "released", "lapsed"}:
        return "CANCELLED"
    return "TENTATIVE" if state in {"pending", "offered"} else "CONFIRMED"


def subject(words: Language, booking: Booking, resource: Resource) -> str:
    """What a booking is called: a meeting by its name; an appointment by its room, because a calendar is seen by others."""
    return (
        resource.name.in_(words.code) if resource.kind == "slot" else booking.subject or resource.name.in_(words.code)
    )
