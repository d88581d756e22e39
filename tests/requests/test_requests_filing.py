import threading
from dataclasses import replace
from datetime import timedelta

import psycopg2.extensions
import psycopg2.extras
import pytest
from sqlalchemy import event

from services.requests import model, store
from services.requests.handlers import filing
from services.requests.model import Filing
from shared.errors import Invalid
from tests.requests.conftest import NOON, REPAIR, Program, an_app, desk_of, person, said
from tests.wire import counted

A_REPAIR = Filing(item="repair", place="B2-302", priority=2, answers={"what": "aircon", "details": "不制冷"})


def file(running, desk, wanted=A_REPAIR, who=None, channel="form", **options):
    with running.work(actor="account:x") as work:
        return filing.file_request(work, desk, who or person(), wanted, channel, **options)


def refused(running, desk, wanted, who=None):
    with pytest.raises(Invalid) as raised:
        file(running, desk, wanted, who)
    return raised.value.fields


def test_a_filed_request_has_a_spoken_reference_and_is_told_to_all(running, desk):
    filed = file(running, desk)
    [envelope] = said(running, "requests.request_filed")
    assert filed.reference == "2026-1125-001"
    assert envelope["subject"] == filed.id
    assert envelope["sequence"] == 1
    assert envelope["data"]["reference"] == filed.reference
    assert (envelope["data"]["building"], envelope["data"]["floor"], envelope["data"]["room"]) == ("2", "3", "302")
    assert envelope["data"]["summary"] == "空调：不制冷"
    assert envelope["data"]["answers"] == [
        {"name": "什么坏了", "value": "空调"},
        {"name": "怎么回事", "value": "不制冷"},
    ]
    assert envelope["data"]["contact"] == "8302"
    with running.database.read() as connection:
        request = store.request_by_reference(connection, filed.reference)
        assert request.state == "filed"
        assert [each.what for each in store.happenings(connection, request.id)] == ["filed"]


def test_numbers_of_a_day_are_never_given_twice(running, desk):
    references = [file(running, desk).reference for _ in range(30)]
    desk.numbers.refill()
    references += [file(running, desk).reference for _ in range(30)]
    other_process = desk_of(running)
    other_process.numbers.refill()
    references += [file(running, other_process).reference for _ in range(5)] + [
        file(running, desk).reference for _ in range(5)
    ]
    assert len(set(references)) == 70


def test_the_next_day_begins_at_one_again(running, desk):
    file(running, desk)
    desk.numbers.refill()
    running.clock.set(NOON + timedelta(days=1))
    assert file(running, desk).reference == "2026-1126-001"


def test_the_day_is_the_sites_and_not_that_of_utc(running, desk):
    running.clock.set(NOON.replace(hour=16, minute=30))
    assert file(running, desk).reference == "2026-1126-001"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"item": "unicorn"}, {"item": ["requests.field.item"]}),
        ({"place": "B9-999"}, {"place": ["requests.field.place"]}),
        ({"place": ""}, {"place": ["field.required"]}),
        ({"level": "luxury"}, {"level": ["requests.field.level"]}),
        ({"starts_at": NOON - timedelta(hours=1)}, {"starts_at": ["requests.field.past"]}),
        ({"starts_at": NOON + timedelta(days=500)}, {"starts_at": ["requests.field.far"]}),
        ({"headcount": 4}, {"headcount": ["field.unknown"]}),
        ({"answers": {}}, {"what": ["field.required"]}),
        ({"answers": {"what": "unicorn"}}, {"what": ["field.choice"]}),
        ({"answers": {"what": "aircon", "price": "0"}}, {"price": ["field.unknown"]}),
        ({"item": "residence", "place": "", "answers": {"what": "bedding"}}, {"item": ["requests.ask.department"]}),
        ({"item": "square", "answers": {"what": "order"}}, {"place": ["requests.field.place_kind"]}),
        ({"item": "meeting", "priority": 1, "place": "B2-305", "headcount": 9, "starts_at": NOON + timedelta(hours=4),
          "ends_at": NOON + timedelta(hours=3), "answers": {"subject": "会"}},
         {"priority": ["requests.field.priority"], "ends_at": ["requests.field.end_first"]}),
    ],
)  # fmt: skip
def test_what_the_catalogue_does_not_allow_is_refused_by_field_and_nothing_is_kept(quick, changes, fields):
    assert refused(quick, desk_of(quick), replace(A_REPAIR, **changes)) == fields
    assert said(quick) == []


def test_several_faults_are_told_at_once(quick):
    fields = refused(quick, desk_of(quick), replace(A_REPAIR, place="nowhere", level="x", answers={}))
    assert set(fields) == {"place", "level", "what"}


def test_a_fixed_place_needs_not_be_said(quick):
    desk = desk_of(quick)
    file(quick, desk, Filing(item="canteen", starts_at=NOON + timedelta(days=1), quantity=3))
    assert said(quick, "requests.request_filed")[0]["data"]["place"] == "canteen"


@pytest.mark.parametrize("item", ["clinic", "security", "residence"])
def test_what_a_restricted_request_is_about_never_leaves_this_service(quick, item):
    desk = desk_of(quick)
    secret = "胸口疼杏"
    wanted = Filing(
        item=item,
        place="B2-302" if item == "security" else "",
        answers={"what": {"clinic": "visit", "security": "order", "residence": "bedding"}[item], "details": secret},
    )
    file(quick, desk, wanted, person(department="reception"))
    [envelope] = said(quick)
    assert envelope["data"]["restricted"] is True
    assert secret not in str(envelope)
    assert envelope["data"]["summary"] == ""
    assert envelope["data"]["answers"] == []


def cost_on_sqlite(running, act):
    """Statements and commits of ``act``; on PostgreSQL messages say it better."""
    statements, commits = [], []
    engine = running.database.engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    event.listen(engine, "commit", lambda _connection: commits.append(1))
    act()
    return [text for text in statements if not text.startswith("BEGIN")], len(commits)


@pytest.mark.parametrize(("same", "place"), [("refuse", "B2-303"), ("anyway", "B2-302")])
def test_filing_is_one_message_and_one_commit(running, desk, same, place):
    file(running, desk)
    desk.numbers.refill()
    wanted = replace(A_REPAIR, place=place)
    if running.database.is_sqlite:  # no round trip away; it takes its number in line
        spoken, commits = cost_on_sqlite(running, lambda: file(running, desk, wanted, same_open=same))
        assert (len(spoken) <= 4, commits) == (True, 1), spoken
        return
    with counted(running.database) as cost:
        file(running, desk, wanted, same_open=same)
    assert cost.within(messages=1, commits=1), cost  # one simple query is one transaction


def test_filing_by_api_is_at_most_three_messages_with_its_key(running, app):
    program = Program(running, app)
    for _ in range(9):  # numbers are in hand
        program.post("/requests/api/requests", REPAIR)
    answers = []

    def post():
        answers.append(program.post("/requests/api/requests", REPAIR, **{"Idempotency-Key": "k-1"}))

    if running.database.is_sqlite:
        spoken, commits = cost_on_sqlite(running, post)
        assert (len(spoken) <= 6, commits) == (True, 1), spoken
    else:
        with counted(running.database) as cost:
            post()
        assert cost.within(messages=3, commits=1), cost
    assert answers[0].status_code == 201


def test_sixty_four_posts_with_one_key_make_one_request(running, app):
    program = Program(running, app)
    answers = []

    def post():
        answers.append(program.post("/requests/api/requests", REPAIR, **{"Idempotency-Key": "the-same"}))

    threads = [threading.Thread(target=post) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [answer for answer in answers if answer.status_code == 201]
    assert len(answers) == 64
    assert {answer.status_code for answer in answers} <= {201, 503, 429}  # 503: no connection was free in time
    assert len({answer.json["reference"] for answer in done}) == 1
    assert len(said(running, "requests.request_filed")) == 1


def test_one_key_with_another_body_is_refused(quick, quick_app):
    program = Program(quick, quick_app)
    program.post("/requests/api/requests", REPAIR, **{"Idempotency-Key": "a"})
    answer = program.post("/requests/api/requests", {**REPAIR, "priority": 4}, **{"Idempotency-Key": "a"})
    assert answer.status_code == 422
    assert len(said(quick, "requests.request_filed")) == 1


def test_one_key_of_two_accounts_makes_two_requests(quick, quick_app):
    references = {
        Program(quick, quick_app, user)
        .post("/requests/api/requests", REPAIR, **{"Idempotency-Key": "a"})
        .json["reference"]
        for user in ("hanbing", "hejing")
    }
    assert len(references) == 2


def test_a_short_reference_is_of_this_year_or_of_the_last():
    today = NOON.date()
    assert model.full_reference("1124-087", today) == "2026-1124-087"
    assert model.full_reference("1224-087", today) == "2025-1224-087"
    assert model.full_reference(" 2024-1224-087 ", today) == "2024-1224-087"
    assert model.full_reference("rubbish", today) == "rubbish"


def test_tracking_codes_differ_and_are_read_as_people_type_them():
    codes = {model.tracking_code(b"s", str(number)) for number in range(1000)}
    assert len(codes) == 1000
    code = model.tracking_code(b"s", "1")
    assert len(code.replace("-", "")) == 12  # 60 bits
    assert model.same_code(code.lower().replace("-", " ").replace("1", "l").replace("0", "o"), code)
    assert not model.same_code("", code)
    assert not model.same_code("é" * 12, code)


def test_an_account_files_no_more_than_its_limit(quick):
    quick.settings = quick.settings.with_(REQUESTS_FILINGS_PER_MINUTE=3)
    app = an_app(quick)
    program = Program(quick, app)
    answers = [program.post("/requests/api/requests", REPAIR) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
    assert int(answers[3].headers["Retry-After"]) > 0
    assert Program(quick, app, "hejing").post("/requests/api/requests", REPAIR).status_code == 201


@pytest.mark.parametrize("running", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_on_the_wire_a_filing_by_api_is_one_message_and_no_new_connection(running, app):
    program = Program(running, app)
    for number in range(10):  # passes, places, the telephone and a block of numbers are in hand
        program.post("/requests/api/requests", REPAIR, **{"Idempotency-Key": f"warm-{number}"})
    messages, connections = [], []

    def wait(connection):
        messages.append(1)
        psycopg2.extras.wait_select(connection)

    event.listen(running.database.engine, "connect", lambda *_: connections.append(1))
    psycopg2.extensions.set_wait_callback(wait)
    try:
        answer = program.post("/requests/api/requests", REPAIR, **{"Idempotency-Key": "one"})
    finally:
        psycopg2.extensions.set_wait_callback(None)
    assert answer.status_code == 201
    assert (len(messages), len(connections)) == (1, 0)
