"""Letters: who gets which, what is in them, and what becomes of them with servers of every kind."""

import contextlib
import email
import re
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import default

import icalendar
import pytest
import vobject
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from services.requests import notices, service
from services.requests.letters import boxes, composing, queue, smtp, tables, writing
from services.requests.letters.office import office_of
from services.requests.notices.telling import About
from services.requests.service import desk_of
from shared.clock import SITE_ZONE
from shared.errors import Absent
from shared.mail import smtp as connections
from shared.mail.smtp import Server, is_address
from shared.settings import BadSettings
from tests.requests.conftest import NOON, Browser, Program, person

MINE = "han.bing@office.example"


class Postbox:
    """A mail server that keeps what it takes, or answers as it was told to."""

    def __init__(self, **answers):
        self.answers = answers
        self.taken = []
        self.drop = False

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.answers.get("rcpt", {}).get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        if self.drop:
            server.transport.abort()
            return "250 never heard"
        if not self.answers.get("data", "250").startswith("250"):
            return self.answers["data"]
        self.taken.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@contextlib.contextmanager
def a_server(postbox, **options):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(postbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@contextlib.contextmanager
def a_bad_server(does):
    """A server that takes a connection and then ``does(connection)``."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    over = threading.Event()

    def serve():
        while not over.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    does(connection, over)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.close()
        thread.join(5)


def mailing(running, port=25, **more):
    running.settings = running.settings.with_(
        REQUESTS_SMTP_HOST="127.0.0.1", REQUESTS_SMTP_PORT=port, REQUESTS_SMTP_SECURITY="none",
        REQUESTS_MAIL_FROM="houqin@office.example", HOUQIN_SITE_NAME="市机关大院", **more,
    )  # fmt: skip
    return office_of(running.settings)


def has_mail(running, user="hanbing", address=MINE, language="en", **chosen):
    with running.work() as work:
        account = person(user).account
        code = boxes.want(work, account, address, language)
        assert boxes.verify(work, account, code)
        boxes.choose(work, account, chosen)


def tell(running, kind="request.to_confirm", user="hanbing", **words):
    with running.work() as work:
        about = About(
            subject="request", id="x", address="/requests/1125-001", words={"what": "a lamp", **words},
            people={"requester": (person(user).account,), "owner": (person(user).account,)}, restricted=words.pop("restricted", False),
        )  # fmt: skip
        notices.tell(work, kind, about)


def write(running):
    return writing.write(running, desk_of(running), office_of(running.settings))


def letters(running):
    with running.database.read() as connection:
        rows = connection.execute(tables.letter.select().order_by(tables.letter.c.id)).mappings().all()
    return [queue.Letter(**row) for row in rows]


def opened(message):
    return email.message_from_string(message, policy=default)


def send(running, **how):
    office = office_of(running.settings)
    short = {"seconds": how.pop("seconds", 2), "most": how.pop("most", 5)}
    return smtp.send_due(running, office, opened=lambda server: smtp.session(server, **short), **how)


# ---- settings and addresses


@pytest.mark.parametrize(
    "text",
    ["a@b", "a b@example.com", "a@example.com\r\nBcc: x@y.com", "张三@example.com", "<a@example.com>", "a@-b.com", "a..b@example.com", "@example.com", "a@example.com,b@example.com", f"{'a' * 65}@example.com", "a@" + "b." * 130 + "com", ""],
)  # fmt: skip
def test_what_is_no_address_is_not_taken(text):
    assert not is_address(text)


def test_mail_is_off_until_a_server_is_set_and_settings_must_fit(quick):
    assert office_of(quick.settings).smtp is None
    with pytest.raises(BadSettings, match="MAIL_FROM"):
        office_of(quick.settings.with_(REQUESTS_SMTP_HOST="x"))
    with pytest.raises(BadSettings, match="unencrypted"):
        office_of(mailing_settings(quick, REQUESTS_SMTP_HOST="mail.example", REQUESTS_SMTP_PASSWORD="p"))
    with pytest.raises(BadSettings, match="IMAP"):
        office_of(mailing_settings(quick, REQUESTS_IMAP_HOST="x"))


def mailing_settings(running, **more):
    return running.settings.with_(REQUESTS_MAIL_FROM="houqin@office.example", REQUESTS_SMTP_SECURITY="none", **more)


def test_without_a_server_notices_stay_in_the_bell(quick):
    has_mail(quick)
    tell(quick)
    service.write_letters(quick)
    service.write_daily(quick)
    assert letters(quick) == []
    mailing(quick)
    service.write_letters(quick)
    assert letters(quick) == []  # what was told while mail was off is not sent afterwards


# ---- what is written


def test_a_notice_is_one_letter_in_the_persons_language_with_both_forms(running):
    mailing(running)
    has_mail(running, language="zh-Hans")
    tell(running)
    assert write(running) == 1
    assert write(running) == 0
    (letter,) = letters(running)
    message = opened(letter.message)
    assert message["Subject"] == "a lamp：已完工，请您确认"
    assert message["To"] == MINE
    assert message["From"] == "市机关大院 <houqin@office.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content()
    for each in (text, html):
        assert "http://127.0.0.1:8000/requests/1125-001" in each
        assert "a lamp：已完工，请您确认" in each
    assert '<html lang="zh-Hans">' in html
    assert letter.message.isascii()
    assert all(len(line) <= 998 for line in letter.message.split("\r\n"))


def test_nobody_without_a_verified_address_is_written_to(quick):
    mailing(quick)
    with quick.work() as work:
        boxes.want(work, person().account, MINE, "en")
    tell(quick)
    assert write(quick) == 0


def test_whoever_has_left_is_written_to_no_more(quick):
    mailing(quick)
    has_mail(quick)
    tell(quick)
    with quick.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE account SET enabled = FALSE WHERE id = '{person().account}'")
    assert write(quick) == 0


def test_each_topic_comes_as_it_was_chosen(quick):
    mailing(quick)
    has_mail(quick, request="daily", booking="none")
    tell(quick)
    tell(quick, "booking.refused")
    tell(quick, "chat.answered", user="hanbing")
    assert write(quick) == 0
    has_mail(quick, request="at_once", booking="urgent")
    tell(quick, "request.assigned", crew="x")
    tell(quick, "booking.lapsed")
    assert write(quick) == 1


def test_what_was_read_already_and_what_is_old_is_not_mailed(quick):
    mailing(quick)
    has_mail(quick)
    tell(quick)
    with quick.database.write() as connection:
        connection.exec_driver_sql("UPDATE notice SET read_at = made_at")
    assert write(quick) == 0
    tell(quick)
    quick.clock.set(NOON + timedelta(days=2))
    assert write(quick) == 0


def test_what_is_restricted_is_not_said_in_a_letter(quick):
    mailing(quick)
    has_mail(quick)
    tell(quick, what="clinic visit", restricted=True)
    write(quick)
    message = opened(letters(quick)[0].message)
    assert message["Subject"] == "There is a new notice; sign in to read it"
    whole = message.get_body(("plain",)).get_content() + message.get_body(("html",)).get_content()
    assert "clinic" not in whole
    assert "1125-001" not in whole


@pytest.mark.parametrize(
    "hostile",
    [
        "张三\r\nBcc: x@y",
        "a\nSubject: b",
        "x\u2028y\x00z\u202e",
        "=?utf-8?q?a=0d=0ab?=",
        "\ud800x",
        "<script>alert(1)</script>",
    ],
)
def test_no_value_breaks_a_header_or_the_page(hostile):
    office = replace(OFFICE, name=hostile)
    text = composing.message(
        office, MINE, "<1@x>", hostile, "notice", "en", NOON, stop="a.request.b", thread=["<evil@x>\r\nBcc: x@y", hostile, "<good@x>"],
        values={"text": hostile.encode("utf-8", "replace").decode(), "link": "https://x"},
    )  # fmt: skip
    message = opened(text)
    names = {"Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "X-Auto-Response-Suppress", "In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type"}  # fmt: skip
    assert set(message.keys()) == names
    assert len(message.keys()) == len(names)
    assert message["In-Reply-To"] == "<good@x>"
    assert message["To"] == MINE
    assert "<script>" not in message.get_body(("html",)).get_content()


OFFICE = office_of(__import__("shared.settings", fromlist=["x"]).load(
    __import__("shared.process", fromlist=["x"]).declared(service.SERVICE),
    {"HOUQIN_CURSOR_SECRET": "x" * 40, "REQUESTS_SMTP_HOST": "127.0.0.1", "REQUESTS_MAIL_FROM": "houqin@office.example", "HOUQIN_PUBLIC_URL": "https://houqin.example"},
))  # fmt: skip


# ---- calendar entries


def booked(program, **changes):
    body = {
        "resource": "B2-305",
        "starts_at": "2026-11-26T02:00:00Z",
        "ends_at": "2026-11-26T03:00:00Z",
        "subject": "例会",
        "headcount": 4,
    }
    answer = program.post("/requests/api/bookings", {**body, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json["items"][0]


def entry(letter):
    (part,) = [part for part in opened(letter.message).iter_attachments() if part.get_content_type() == "text/calendar"]
    calendar = icalendar.Calendar.from_ical(part.get_content())
    (event,) = calendar.walk("VEVENT")
    assert part["Content-Type"].params["method"] == calendar["method"]
    assert part.get_filename() == "houqin.ics"
    assert vobject.readOne(part.get_content()).vevent.uid.value == str(event["uid"])
    return calendar["method"], event


def test_a_booking_is_an_entry_that_moves_and_goes(quick, quick_app):
    mailing(quick)
    has_mail(quick)
    program = Program(quick, quick_app)
    made = booked(program)
    write(quick)
    moved = program.open(
        "PATCH", f"/requests/api/bookings/{made['id']}", {"starts_at": "2026-11-26T06:00:00Z", "ends_at": "2026-11-26T07:00:00Z"},
        **{"If-Match": f'"{made["version"]}"'},
    )  # fmt: skip
    assert moved.status_code in {200, 204}, moved.text
    write(quick)
    assert program.post(f"/requests/api/bookings/{made['id']}/cancel", {}).status_code in {200, 204}
    write(quick)
    first, second, last = map(entry, letters(quick))
    assert [each[0] for each in (first, second, last)] == ["REQUEST", "REQUEST", "CANCEL"]
    assert len({str(event["uid"]) for _, event in (first, second, last)}) == 1
    assert first[1]["sequence"] < second[1]["sequence"] < last[1]["sequence"]
    assert str(last[1]["status"]) == "CANCELLED"
    # No day is “tomorrow” in a letter, which may be read next week.
    assert opened(letters(quick)[0].message)["Subject"].endswith("room 305 · 26 Nov 2026, 10:00–11:00")
    assert second[1].decoded("dtstart") == datetime(2026, 11, 26, 6, tzinfo=UTC)
    assert str(first[1]["organizer"]) == "mailto:houqin@office.example"
    assert str(first[1]["attendee"]) == f"mailto:{MINE}"


def test_a_series_is_one_letter_with_all_its_dates(quick, quick_app):
    mailing(quick)
    has_mail(quick)
    program = Program(quick, quick_app)
    body = {
        "resource": "B2-305",
        "starts_at": "2026-11-26T02:00:00Z",
        "ends_at": "2026-11-26T03:00:00Z",
        "subject": "周会",
        "headcount": 4,
        "repeat": "FREQ=WEEKLY;COUNT=3",
    }
    answer = program.post("/requests/api/bookings", body)
    assert answer.status_code == 201, answer.text
    assert write(quick) == 1
    (letter,) = letters(quick)
    message = opened(letter.message)
    assert message["Subject"].startswith("Booked 3 times, the first: 周会")
    (part,) = list(message.iter_attachments())
    calendar = icalendar.Calendar.from_ical(part.get_content())
    assert str(calendar["method"]) == "PUBLISH"
    assert len({str(event["uid"]) for event in calendar.walk("VEVENT")}) == 3
    assert not any("attendee" in event for event in calendar.walk("VEVENT"))


def test_what_stopped_is_counted_for_whoever_watches(quick):
    with a_server(Postbox(data="554 content refused")) as port:
        ready(quick, port)
        quick.settings = quick.settings.with_(REQUESTS_SMTP_PORT=port)
        service.send_letters(quick)
    assert smtp.observe.LETTERS.labels("parked")._value.get() == 1
    assert smtp.observe.LETTERS.labels("waiting")._value.get() == 0


# ---- the daily letter


def test_the_daily_letter_comes_once_at_its_hour_and_names_what_waited(quick):
    mailing(quick)
    has_mail(quick, request="daily")
    eight = datetime(2026, 11, 26, 8, tzinfo=SITE_ZONE)
    for _ in range(3):
        tell(quick)
    with quick.database.write() as connection:
        connection.exec_driver_sql("UPDATE notice SET read_at = made_at WHERE id = (SELECT min(id) FROM notice)")
    write(quick)
    daily = lambda: writing.write_daily(quick, desk_of(quick), office_of(quick.settings))  # noqa: E731
    quick.clock.set(eight - timedelta(seconds=1))
    assert daily() == 0
    quick.clock.set(eight + timedelta(minutes=1))
    assert daily() == 1
    tell(quick)  # after the hour: tomorrow's
    write(quick)
    assert daily() == 0
    quick.clock.set(eight + timedelta(hours=23))
    assert daily() == 0
    quick.clock.set(eight + timedelta(days=1))
    assert daily() == 1
    first, second = letters(quick)
    assert opened(first.message)["Subject"] == "2 new notices since yesterday"
    assert opened(second.message)["Subject"] == "1 new notice since yesterday"
    assert first.message_id != second.message_id
    assert "daily" in opened(first.message)["List-Unsubscribe"]


def test_several_processes_write_one_daily_letter(running):
    mailing(running)
    has_mail(running, request="daily")
    tell(running)
    write(running)
    running.clock.set(datetime(2026, 11, 26, 9, tzinfo=SITE_ZONE))
    desk, office = desk_of(running), office_of(running.settings)
    threads = [threading.Thread(target=writing.write_daily, args=(running, desk, office)) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(letters(running)) == 1


# ---- stopping


def test_a_letter_is_stopped_by_one_click_and_by_its_page_but_not_by_opening_it(quick, quick_app):
    mailing(quick)
    app = service.SERVICE.application(quick)
    has_mail(quick)
    tell(quick)
    write(quick)
    link = re.fullmatch(
        r"<http://127.0.0.1:8000(/requests/letters/stop/\S+)>", opened(letters(quick)[0].message)["List-Unsubscribe"]
    )[1]
    browser = Browser(app)
    page = browser.get(link).text
    with quick.database.read() as connection:
        assert boxes.choices(connection, [person().account]) == {}
    assert browser.submit(link, "/requests/letters/stop").status_code == 200
    assert "stop" in page
    tell(quick)
    assert write(quick) == 0
    from werkzeug.test import Client

    mail_program = Client(app)  # no cookies, no Origin
    other = link.replace(".request.", ".booking.")
    assert mail_program.post(other, data={"List-Unsubscribe": "One-Click"}).status_code == 404
    with quick.work() as work:
        boxes.choose(work, person().account, {"request": ""})
    assert mail_program.post(link, data={"a": "b"}).status_code == 422
    assert mail_program.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 204
    assert mail_program.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 204
    with quick.database.read() as connection:
        assert boxes.choices(connection, [person().account]) == {person().account: {"request": "none"}}


def test_stopping_the_daily_letter_leaves_what_is_urgent(quick):
    with quick.work() as work:
        boxes.choose(work, "a", {"booking": "daily", "chat": "at_once"})
        boxes.stop(work, "a", "daily")
        chosen = boxes.choices(work.connection, ["a"])["a"]
    assert boxes.way(chosen, "request.to_confirm") == "at_once"
    assert boxes.way(chosen, "request.breached") == "none"
    assert boxes.way(chosen, "booking.lapsed") == "none"
    assert boxes.way(chosen, "chat.answered") == "at_once"


@pytest.mark.parametrize("token", ["", "x", "a.request.00", "a..b", "a.nothing." + "0" * 32, "é.request.x"])
def test_a_forged_link_stops_nothing(token):
    with pytest.raises(Absent):
        boxes.stop_wanted(b"secret", token)


# ---- addresses


def test_an_address_is_verified_by_its_code_alone(running):
    with running.work() as work:
        account = person().account
        code = boxes.want(work, account, MINE, "en")
        assert not boxes.verify(work, account, "AAAAAAAA")
        assert boxes.verify(work, account, f" {code[:4].lower()} {code[4:]}")
        assert not boxes.verify(work, account, code)
        assert boxes.by_address(work.connection, MINE.upper()).account == account


def test_a_code_ends_after_an_hour_and_five_tries(quick):
    with quick.work() as work:
        account = person().account
        code = boxes.want(work, account, MINE, "en")
        for _ in range(5):
            assert not boxes.verify(work, account, "AAAAAAAA")
        assert not boxes.verify(work, account, code)
        code = boxes.want(work, account, MINE, "en")
    quick.clock.set(NOON + timedelta(minutes=61))
    with quick.work() as work:
        assert not boxes.verify(work, account, code)


def test_one_address_is_one_persons(quick, quick_app):
    has_mail(quick)
    mailing(quick)
    app = service.SERVICE.application(quick)
    other = Browser(app)
    other.sign_in("hejing")
    with quick.work() as work:
        code = boxes.want(work, person("hejing").account, MINE.upper(), "en")
    answer = other.submit("/requests/me/mail", "/requests/me/mail/code", code=code)
    assert answer.status_code == 422
    with quick.database.read() as connection:
        assert boxes.by_address(connection, MINE).account == person().account


def test_the_page_sends_a_code_and_takes_it(quick):
    mailing(quick)
    browser = Browser(service.SERVICE.application(quick))
    browser.sign_in("hanbing")
    assert browser.submit("/requests/me/mail", "/requests/me/mail/address", address="no address").status_code == 422
    assert browser.submit("/requests/me/mail", "/requests/me/mail/address", address=MINE).status_code == 303
    (letter,) = letters(quick)
    code = re.search(
        r"^\s+([0-9A-Z]{4} [0-9A-Z]{4})\s*$", opened(letter.message).get_body(("plain",)).get_content(), re.MULTILINE
    )[1]
    assert "List-Unsubscribe" not in opened(letter.message)
    assert browser.submit("/requests/me/mail", "/requests/me/mail/code", code="WRONG234").status_code == 422
    assert browser.submit("/requests/me/mail", "/requests/me/mail/code", code=code).status_code == 303
    assert MINE in browser.get("/requests/me/mail").text
    choice = {"request": "daily", "language": "en"}
    assert browser.submit("/requests/me/mail", "/requests/me/mail/choices", **choice).status_code == 303
    assert browser.json("GET", "/requests/api/me/mail").json["topics"]["request"] == "daily"
    assert browser.json("PUT", "/requests/api/me/mail", {"topics": {"request": "nonsense"}}).status_code == 422
    assert (
        browser.json("PUT", "/requests/api/me/mail", {"topics": {"request": "none"}}).json["topics"]["request"]
        == "none"
    )
    assert browser.json("DELETE", "/requests/api/me/mail/address").status_code == 204
    proof = re.search(r'data-csrf="([^"]*)"', browser.get("/requests/me/mail").text)[1]
    quick.clock.set(NOON + timedelta(minutes=9))
    assert browser.get("/requests/session/renew", follow_redirects=True).status_code == 200
    quick.clock.set(NOON + timedelta(minutes=11))  # the password must be asked for again
    asked = browser.post("/requests/api/me/mail/address", json={"address": MINE}, headers={"X-CSRF-Token": proof})
    assert asked.status_code == 401


# ---- handing in


def ready(running, port, count=1, **more):
    mailing(running, port, **more)
    has_mail(running)
    for _ in range(count):
        tell(running)
    assert write(running) == count


def test_a_letter_arrives_once_as_it_was_written(quick):
    box = Postbox()
    with a_server(box) as port:
        ready(quick, port, 3)
        assert send(quick) == {"sent": 3}
        assert send(quick) == {}
    assert sorted(each["Message-ID"] for each in box.taken) == sorted(each.message_id for each in letters(quick))
    assert {(each.state, each.message) for each in letters(quick)} == {("sent", "")}
    assert box.taken[0]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_server_is_signed_in_to_where_that_is_set(quick):
    seen = []

    def check(server, session, envelope, mechanism, data):
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"right")

    box = Postbox()
    with a_server(box, authenticator=check, auth_require_tls=False) as port:
        ready(quick, port, REQUESTS_SMTP_USER="houqin", REQUESTS_SMTP_PASSWORD="right")
        assert send(quick) == {"sent": 1}
        assert seen == [(b"houqin", b"right")]
        quick.settings = quick.settings.with_(REQUESTS_SMTP_PASSWORD="wrong")
        tell(quick)
        write(quick)
        assert send(quick) == {"unreachable": 1}
    assert letters(quick)[-1].state == "waiting"


def test_a_server_without_encryption_gets_nothing_where_it_was_demanded(quick):
    box = Postbox()
    with a_server(box) as port:
        ready(quick, port)
        quick.settings = quick.settings.with_(REQUESTS_SMTP_SECURITY="starttls")
        assert send(quick) == {"unreachable": 1}
    assert box.taken == []


def test_an_address_that_will_never_be_is_parked_and_left_alone(quick, quick_app):
    box = Postbox(rcpt={MINE: f"550 5.1.1 no such user <{MINE}>"})
    with a_server(box) as port:
        ready(quick, port)
        has_mail(quick, "hejing", "he.jing@office.example")
        tell(quick, user="hejing")
        write(quick)
        assert send(quick) == {"refused": 1, "sent": 1}
        tell(quick)
        assert write(quick) == 0
    parked, sent = letters(quick)
    assert (parked.state, parked.problem, sent.state) == ("parked", "550 5.1.1 no such user <…>", "sent")
    administrator = Browser(service.SERVICE.application(quick))
    administrator.sign_in("admin")
    page = administrator.get("/requests/admin/letters").text
    assert "550 5.1.1 no such user" in page
    assert MINE not in page
    assert (
        administrator.submit("/requests/admin/letters", f"/requests/admin/letters/{parked.id}/again").status_code == 303
    )
    assert letters(quick)[0].state == "waiting"
    has_mail(quick)  # verified again
    tell(quick)
    assert write(quick) == 1


def test_a_letter_that_is_never_taken_is_parked_and_its_address_stays(quick):
    with a_server(Postbox(data="554 content refused")) as port:
        ready(quick, port)
        assert send(quick) == {"poison": 1}
    assert letters(quick)[0].state == "parked"
    with quick.database.read() as connection:
        assert boxes.of_account(connection, person().account).takes


def test_not_now_is_tried_again_with_growing_pauses_and_then_parked(quick):
    with a_server(Postbox(rcpt={MINE: "451 4.7.1 greylisted"})) as port:
        ready(quick, port)
        pauses = []
        for _ in range(20):
            before = quick.clock.now()
            if send(quick) != {"later": 1}:
                break
            (letter,) = letters(quick)
            if letter.state == "parked":
                break
            pauses.append((letter.due_at - before).total_seconds())
            assert send(quick) == {}  # not before it is due
            quick.clock.set(letter.due_at)
    assert pauses == list(queue.WAITS)
    assert (letter.state, letter.tries) == ("parked", len(queue.WAITS) + 1)


def test_a_refused_sender_is_no_fault_of_the_letter(quick):
    with a_server(Postbox(mail="550 who are you")) as port:
        ready(quick, port)
        assert send(quick) == {"later": 1}
    with quick.database.read() as connection:
        assert boxes.of_account(connection, person().account).takes


def silent(connection, over):
    over.wait(5)


def dripping(connection, over):
    connection.sendall(b"220")
    while not over.wait(0.1):
        connection.sendall(b"-")


def closing(connection, over):
    connection.close()


def talking(connection, over):
    connection.sendall(b"554 go away\r\n")


def nonsense(connection, over):
    connection.sendall(b"\x00\xff" * 50_000 + b"\r\n")


def endless(connection, over):
    while not over.is_set():
        connection.sendall(b"220-more\r\n" * 1000)


@pytest.mark.parametrize("does", [silent, dripping, closing, talking, nonsense, endless])
def test_a_server_that_is_none_costs_a_bounded_time_and_no_letter(quick, does):
    with a_bad_server(does) as port:
        ready(quick, port, 2)
        began = datetime.now(UTC)
        assert send(quick, seconds=0.3, most=0.8) == {"unreachable": 2}
        assert datetime.now(UTC) - began < timedelta(seconds=4)
    assert {(each.state, each.tries) for each in letters(quick)} == {("waiting", 0)}
    assert all(each.due_at > quick.clock.now() for each in letters(quick))


def test_nobody_listening_costs_nothing_but_a_minute(quick):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ready(quick, port)
    assert send(quick) == {"unreachable": 1}
    quick.clock.set(NOON + timedelta(days=4))
    assert send(quick) == {"unreachable": 1}
    assert letters(quick)[0].state == "parked"  # three days are enough


def test_a_connection_that_breaks_in_the_middle_is_counted_and_the_others_wait(quick):
    box = Postbox()
    box.drop = True
    with a_server(box) as port:
        ready(quick, port, 2)
        assert send(quick) == {"gone": 1}
        first, second = letters(quick)
        assert (first.state, first.tries, second.tries) == ("waiting", 1, 0)
        box.drop = False
        assert send(quick) == {"sent": 1}
        quick.clock.set(NOON + timedelta(minutes=2))
        assert send(quick) == {"sent": 1}
    assert {each["Message-ID"] for each in box.taken} == {first.message_id, second.message_id}


def test_what_was_being_sent_when_the_process_died_is_handed_in_under_the_same_id(running):
    box = Postbox()
    with a_server(box) as port:
        ready(running, port)
        (letter,) = letters(running)
        with running.database.write() as connection:
            assert queue.claim(connection, letter, running.clock.now())
            assert not queue.claim(connection, letter, running.clock.now())  # another process, at the same time
        assert letters(running)[0].state == "sending"
        assert send(running) == {}
        running.clock.set(NOON + queue.LEASE)
        assert send(running) == {"sent": 1}
    assert [each["Message-ID"] for each in box.taken] == [letter.message_id]


def test_two_processes_hand_in_each_letter_once(running):
    box = Postbox()
    with a_server(box) as port:
        ready(running, port, 10)
        threads = [threading.Thread(target=send, args=(running,)) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(box.taken) == 10
    assert len({each["Message-ID"] for each in box.taken}) == 10


def test_a_turn_hands_in_a_bounded_number(quick):
    box = Postbox()
    with a_server(box) as port:
        ready(quick, port, 5)
        assert send(quick, limit=2) == {"sent": 2}


def test_old_letters_are_forgotten(quick):
    with a_server(Postbox()) as port:
        ready(quick, port)
        send(quick)
    quick.clock.set(NOON + timedelta(days=31))
    service.forget(quick)
    assert letters(quick) == []


def test_encryption_is_checked_against_the_servers_name(monkeypatch):
    seen = []

    class Client:
        sock = None

        def __init__(self, **_):
            pass

        def connect(self, host, port):
            seen.append(self._host)
            raise OSError

        def close(self):
            pass

    monkeypatch.setattr(connections, "Plain", Client)
    with pytest.raises(smtp.Unreachable), smtp.session(Server("mail.example", 587, "starttls")):
        pass
    assert seen == ["mail.example"]
