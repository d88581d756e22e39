"""Notices become letters: at once, in the daily one, or not at all, as each person wants them.

Run by timers of any replica: what is written once is guarded by the letter's Message-ID.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from services.requests.bookings import ics
from services.requests.bookings import store as bookings
from services.requests.letters import boxes, composing, queue
from services.requests.notices import tables as notice_tables
from services.requests.notices import wording
from services.requests.notices.rules import RULES
from services.requests.notices.store import Notice, read
from shared.clock import SITE_ZONE
from shared.language import language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from services.requests.desk import Desk
    from services.requests.letters.boxes import Box
    from services.requests.letters.office import Office
    from shared.service import Running
    from shared.work import Work

BATCH = 100
EVER = datetime(1970, 1, 1, tzinfo=UTC)  # seen from here no day is today: a letter may be read next week
STALE = timedelta(days=1)  # a notice that was not mailed by then is in the bell only: mail was off, or the service
_notice = notice_tables.notice
# Bookings that a calendar should hold, and those it should let go.
ENTERED = frozenset({"booking.made", "booking.series", "booking.approved", "booking.moved"})
STRUCK = frozenset({"booking.cancelled", "booking.refused", "booking.released", "booking.lapsed"})


def due(connection: Connection, *, daily: bool = False) -> bool:
    """Whether a notice waits to be looked at; ``daily``: those that wait for the daily letter too."""
    mail = ("due", "daily") if daily else ("due",)
    return connection.execute(select(_notice.c.id).where(_notice.c.mail.in_(mail)).limit(1)).first() is not None


def skip(running: Running) -> int:
    """Mail is off: notices are in the bell only; how many were let go."""
    with running.database.write() as connection:
        some = select(_notice.c.id).where(_notice.c.mail.in_(("due", "daily"))).limit(1000)
        return connection.execute(update(_notice).where(_notice.c.id.in_(some)).values(mail="done")).rowcount


def write(running: Running, desk: Desk, office: Office) -> int:
    """New notices are letters, wait for the daily one, or are in the bell only; how many letters were written."""
    written = 0
    with running.work() as work:
        query = select(_notice).where(_notice.c.mail == "due").order_by(_notice.c.id).limit(BATCH)
        found = [read(row) for row in work.connection.execute(query.with_for_update(skip_locked=True)).mappings()]
        if not found:
            return 0
        accounts = {each.account for each in found}
        accounts = boxes.usable(work.connection, accounts, work.now)
        known, chosen = boxes.of_accounts(work.connection, accounts), boxes.choices(work.connection, accounts)
        marked: dict[str, list[str]] = {"daily": [], "done": []}
        for each in found:
            box = known.get(each.account)
            way = boxes.way(chosen.get(each.account, {}), each.kind)
            rule = RULES.get(each.kind)
            seen = each.read_at is not None and not (rule is not None and rule.own)
            if box is None or not box.takes or seen or work.now - each.made_at > STALE or way == "none":
                marked["done"].append(each.id)
            elif way == "daily":
                marked["daily"].append(each.id)
            else:
                written += _letter(work, desk, office, each, box)
                marked["done"].append(each.id)
        for mail, ids in marked.items():
            if ids:
                work.connection.execute(update(_notice).where(_notice.c.id.in_(ids)).values(mail=mail))
    return written


def _letter(work: Work, desk: Desk, office: Office, notice: Notice, box: Box) -> bool:
    words = language(box.language)
    message_id = composing.id_of(office, notice.id)
    if notice.restricted:
        text = words("letter.restricted")
    else:
        text = wording.said(words, notice, desk.catalogue, desk.places(work.connection), EVER)
    message = composing.message(
        office, box.address, message_id, text, "notice", box.language, work.now,
        stop=composing.stop_of(office, box.account, notice.kind.partition(".")[0]),
        calendar=None if notice.restricted else calendar(work.connection, office, notice, box),
        values={"text": text, "link": office.public_url + ("/requests/notices" if notice.restricted else notice.address)},
    )  # fmt: skip
    return queue.put(
        work.connection, work.new_id, work.now, message_id=message_id, account=box.account, address=box.address,
        kind="notice", message=message,
    )  # fmt: skip


def calendar(connection: Connection, office: Office, notice: Notice, box: Box) -> tuple[bytes, str] | None:
    """The calendar entry that goes with a notice of a booking, and its method; None with any other.

    One booking is a request or a cancellation under its own UID, with the sequence it has by now; several of a series are
    published together, because a request names one (RFC 5546, 3.2.2).
    """
    if notice.kind not in ENTERED | STRUCK:
        return None
    found = bookings.booking(connection, notice.subject_id)
    if found is None:
        return None
    several = [found]
    n = notice.words.get("n", 1)
    if found.series and isinstance(n, int) and n > 1:
        states = (*bookings.CLAIMING, "cancelled") if notice.kind != "booking.series" else bookings.CLAIMING
        several = bookings.of_series(connection, found.series, since=found.starts_at, states=states)[:60] or several
    known = {each.number: each for each in bookings.resources(connection)}
    rows = [(each, known[each.resource]) for each in several if each.resource in known]
    if not rows:
        return None
    method = "PUBLISH" if len(rows) > 1 else "CANCEL" if notice.kind in STRUCK else "REQUEST"
    words = language(box.language)
    body = ics.calendar(
        words, office.name, rows, host=office.host, private=True, method=method,
        organizer=office.sender, attendee="" if method == "PUBLISH" else box.address,
    )  # fmt: skip
    return body, method


# ---- the daily letter


def write_daily(running: Running, desk: Desk, office: Office) -> int:
    """From the hour on, everybody for whom something waited at that hour has the day's letter, once; how many."""
    now = running.clock.now()
    local = now.astimezone(SITE_ZONE)
    cutoff = datetime.combine(local.date(), time(office.hour), SITE_ZONE)
    if local < cutoff:
        return 0
    waiting = (_notice.c.mail == "daily", _notice.c.made_at < cutoff)
    with running.database.read() as connection:
        query = select(_notice.c.account).where(*waiting).distinct().limit(BATCH)
        accounts = [account for (account,) in connection.execute(query)]
    written = 0
    for account in accounts:
        with running.work() as work:
            query = select(_notice).where(_notice.c.account == account, *waiting).order_by(_notice.c.id).limit(1000)
            found = [read(row) for row in work.connection.execute(query.with_for_update(skip_locked=True)).mappings()]
            fresh = [each for each in found if each.read_at is None and work.now - each.made_at < 3 * STALE]
            there = boxes.usable(work.connection, [account], work.now)
            box = boxes.of_account(work.connection, account) if there else None
            if fresh and box is not None and box.takes:
                written += _daily(work, desk, office, fresh, box, local.date().isoformat())
            if found:
                ids = [each.id for each in found]
                work.connection.execute(update(_notice).where(_notice.c.id.in_(ids)).values(mail="done"))
    return written


def _daily(work: Work, desk: Desk, office: Office, found: Sequence[Notice], box: Box, day: str) -> bool:
    words = language(box.language)
    places = desk.places(work.connection)
    lines: list[Any] = []
    for each in found[-composing.MOST_LISTED :]:
        text = (
            words("letter.restricted") if each.restricted else wording.said(words, each, desk.catalogue, places, EVER)
        )
        link = office.public_url + ("/requests/notices" if each.restricted else each.address)
        lines.append(composing.Line(text, link, each.made_at))
    message_id = composing.id_of(office, f"daily.{day}.{box.account}")
    message = composing.message(
        office, box.address, message_id, words("letter.daily", n=len(found)), "digest", box.language, work.now,
        stop=composing.stop_of(office, box.account, "daily"),
        values={
            "lines": lines, "count": len(found), "now": work.now, "more": len(found) - len(lines),
            "list_link": f"{office.public_url}/requests/notices",
        },
    )  # fmt: skip
    return queue.put(
        work.connection, work.new_id, work.now, message_id=message_id, account=box.account, address=box.address,
        kind="digest", message=message,
    )  # fmt: skip


def write_code(work: Work, office: Office, account: str, address: str, code: str, of: Any) -> None:
    """The code that verifies an address is on its way there."""
    words = language(of)
    message_id = composing.id_of(office, f"code.{work.new_id()}")
    subject = words("letter.code_subject")
    message = composing.message(
        office, address, message_id, subject, "code", of, work.now, values={"code": f"{code[:4]} {code[4:]}"}
    )
    queue.put(
        work.connection, work.new_id, work.now, message_id=message_id, account=account, address=address, kind="code",
        message=message,
    )  # fmt: skip
