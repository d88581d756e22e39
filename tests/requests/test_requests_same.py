"""Of the open requests that are the same one stands in the way of the next, however they came to be open."""

import threading

from services.requests import store
from services.requests.handlers import filing, following
from services.requests.model import OPEN_STATES, Filing
from tests.requests.conftest import Dispatch, Program, an_app, desk_of, person, said
from tests.requests.test_requests_following import a_day, act, play

PATH = "/requests/api/requests"
LIGHT = {"item": "repair", "place": "B2-302", "answers": {"what": "light"}}
OTHER = {**LIGHT, "place": "B2-303"}


def a_request(running, reference):
    with running.database.read() as connection:
        return store.request_by_reference(connection, reference)


def holders(running):
    """By what makes them the same: references of open requests that stand in the way."""
    with running.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT alone, reference, state FROM request WHERE alone IS NOT NULL").all()
    assert all(state in OPEN_STATES for _, _, state in rows)
    return {key: reference for key, reference, _ in rows}


def finished(running, program, dispatch, **more):
    reference = program.post(PATH, {**LIGHT, **more}).json["reference"]
    play(running, enumerate(a_day(a_request(running, reference), order=running.ids()), 1), dispatch)
    return reference


def test_what_was_opened_again_stands_in_the_way(running):
    program, other = Program(running, app := an_app(running)), Program(running, app, "sunli")
    reference = finished(running, program, Dispatch(running))
    assert holders(running) == {}
    assert program.post(f"{PATH}/{reference}/reopen").status_code == 204
    refused = other.post(PATH, LIGHT)
    assert refused.status_code == 409
    assert refused.json["alike"]


def test_what_was_opened_again_beside_another_stands_in_the_way_when_that_is_done(running):
    program, other = Program(running, app := an_app(running)), Program(running, app, "sunli")
    reference = finished(running, program, Dispatch(running))
    second = other.post(PATH, LIGHT).json["reference"]
    assert program.post(f"{PATH}/{reference}/reopen").status_code == 204
    assert list(holders(running).values()) == [second]
    assert other.post(f"{PATH}/{second}/withdraw").status_code == 204
    assert list(holders(running).values()) == [reference]
    assert other.post(PATH, LIGHT).status_code == 409


def test_what_came_by_chat_stands_in_the_way(running):
    wanted = Filing(item="repair", place="B2-302", answers={"what": "light"})
    with running.work() as work:
        filed = filing.file_request(work, desk_of(running), person(), wanted, "chat")
        filing.file_request(work, desk_of(running), person("sunli"), wanted, "chat")
    assert list(holders(running).values()) == [filed.reference]
    assert Program(running, an_app(running), "sunli").post(PATH, LIGHT).status_code == 409


def test_what_was_changed_into_what_another_asked_for_waits_for_its_turn(running):
    program, other = Program(running, app := an_app(running)), Program(running, app, "sunli")
    first, second = program.post(PATH, LIGHT).json["reference"], other.post(PATH, OTHER).json["reference"]
    assert other.open("PATCH", f"{PATH}/{second}", {"place": "B2-302", "anyway": True}).status_code == 200
    assert list(holders(running).values()) == [first]
    assert program.post(PATH, OTHER).status_code == 201  # nothing is open there any more
    assert program.post(f"{PATH}/{first}/withdraw").status_code == 204
    assert second in holders(running).values()
    assert program.post(PATH, LIGHT).status_code == 409


def test_what_follows_a_booking_is_not_the_same_as_what_is_reported(quick):
    wanted = Filing(item="cleaning", place="B2-302", answers={"what": "floor"})
    with quick.work() as work:
        filing.file_request(work, desk_of(quick), person(), wanted, "booking", claimed=True)
    program = Program(quick, an_app(quick), "sunli")
    assert program.get("/requests/api/open?item=cleaning&place=B2-302").json["items"] == []
    body = {"item": "cleaning", "place": "B2-302", "answers": {"what": "floor"}}
    assert program.post(PATH, body).status_code == 201


def at_once(*acts):
    """Does all of ``acts`` at the same moment; what they answered."""
    answers, gate = [None] * len(acts), threading.Barrier(len(acts))

    def run(place):
        gate.wait()
        answers[place] = acts[place]()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return answers


def test_of_many_opened_again_and_filed_at_once_one_stands_in_the_way(running):
    app = an_app(running)
    programs, dispatch = [Program(running, app, user) for user in ("hanbing", "sunli", "hejing")], Dispatch(running)
    old = [(each, finished(running, each, dispatch)) for each in programs for _ in range(3)]
    told = len(said(running, "requests.request_filed"))
    answers = at_once(
        *(lambda each=each, ref=ref: each.post(f"{PATH}/{ref}/reopen") for each, ref in old),
        *(lambda each=each: each.post(PATH, LIGHT) for each in programs for _ in range(3)),
    )
    opened, filed = answers[:9], answers[9:]
    assert [each.status_code for each in opened] == [204] * 9
    assert {each.status_code for each in filed} <= {201, 409}
    assert sum(each.status_code == 201 for each in filed) <= 1
    assert len(said(running, "requests.request_filed")) - told == sum(each.status_code == 201 for each in filed)
    assert len(holders(running)) == 1
    assert programs[0].post(PATH, LIGHT).status_code == 409


def test_of_many_changed_into_the_same_at_once_one_stands_in_the_way(running):
    app = an_app(running)
    program = Program(running, app)
    references = [program.post(PATH, {**LIGHT, "place": f"B2-3{n:02}"}).json["reference"] for n in range(3, 11)]
    answers = at_once(
        *(
            lambda ref=ref: program.open("PATCH", f"{PATH}/{ref}", {"place": "B2-302", "anyway": True})
            for ref in references
        ),
        lambda: program.post(PATH, LIGHT),
    )
    assert [each.status_code for each in answers[:-1]] == [200] * len(references)
    assert len(holders(running)) == 1
    assert program.post(PATH, LIGHT).status_code == 409


def test_of_many_changed_into_the_same_at_once_one_is_and_the_others_are_told(running):
    program = Program(running, an_app(running))
    references = [program.post(PATH, {**LIGHT, "place": f"B2-3{n:02}"}).json["reference"] for n in range(3, 9)]
    answers = at_once(
        *(lambda ref=ref: program.open("PATCH", f"{PATH}/{ref}", {"place": "B2-302"}) for ref in references),
        lambda: program.post(PATH, LIGHT),
    )
    assert sum(each.status_code in {200, 201} for each in answers) == 1
    assert {each.status_code for each in answers} <= {200, 201, 409}
    assert all(each.json["alike"] for each in answers if each.status_code == 409)
    with running.database.read() as connection:
        there = connection.exec_driver_sql("SELECT count(*) FROM request WHERE place = 'B2-302'").scalar()
    assert there == 1
    assert len([key for key in holders(running) if "B2-302" in key]) == 1
    changed = said(running, "requests.request_amended")
    assert len(changed) == sum(each.status_code == 200 for each in answers)


def test_whoever_would_repeat_another_by_a_change_is_told_and_joins_or_keeps_both(running):
    program, other = Program(running, app := an_app(running)), Program(running, app, "sunli")
    first, second = program.post(PATH, LIGHT).json["reference"], other.post(PATH, OTHER).json["reference"]
    told = other.open("PATCH", f"{PATH}/{second}", {"place": "B2-302"})
    assert (told.status_code, told.json["type"].rpartition(":")[2]) == (409, "following.error.alike")
    [alike] = told.json["alike"]
    assert set(alike) == {"item", "place", "filed_at", "join"}  # never whose it is, nor his words
    now = other.get(f"{PATH}/{second}").json
    assert (now["place"], now["version"]) == ("B2-303", 1)
    assert said(running, "requests.request_amended") == []
    # Its own other request is named, not offered to be joined.
    third = program.post(PATH, OTHER | {"anyway": True}).json["reference"]
    [own] = program.open("PATCH", f"{PATH}/{third}", {"place": "B2-302"}).json["alike"]
    assert (own["reference"], "join" in own) == (first, False)
    # What does not change what makes it the same is not asked about.
    assert program.open("PATCH", f"{PATH}/{third}", {"contact": "8304"}).status_code == 200
    assert other.post("/requests/api/joins", {"join": alike["join"]}).json == {"reference": first, "joined": 2}


def test_what_was_filed_all_the_same_stands_in_the_way_where_nothing_else_does(running):
    program, other = Program(running, app := an_app(running)), Program(running, app, "sunli")
    first = program.post(PATH, {**LIGHT, "anyway": True}).json["reference"]
    assert list(holders(running).values()) == [first]
    assert other.post(PATH, LIGHT).status_code == 409
    second = other.post(PATH, {**LIGHT, "anyway": True}).json["reference"]
    assert list(holders(running).values()) == [first]
    assert program.post(f"{PATH}/{first}/withdraw").status_code == 204
    assert list(holders(running).values()) == [second]


def test_of_many_filed_all_the_same_at_once_one_stands_in_the_way(running):
    program = Program(running, an_app(running))
    answers = at_once(*(lambda: program.post(PATH, {**LIGHT, "anyway": True}) for _ in range(6)))
    assert [each.status_code for each in answers] == [201] * 6
    assert len(holders(running)) == 1
    assert program.post(PATH, LIGHT).status_code == 409


def test_of_many_done_at_once_whoever_is_left_stands_in_the_way(running):
    program = Program(running, an_app(running))
    references = [program.post(PATH, {**LIGHT, "anyway": True}).json["reference"] for _ in range(6)]
    at_once(*(lambda ref=ref: act(running, a_request(running, ref), following.withdraw) for ref in references[:5]))
    assert a_request(running, references[5]).state == "filed"
    last = holders(running)
    if not last:  # it was passed on to one that was done at that moment: the next word of the work mends it
        play(running, list(enumerate(a_day(a_request(running, references[5])), 1))[:1])
        last = holders(running)
    assert list(last.values()) == [references[5]]


def test_those_done_in_one_batch_let_go_and_whoever_is_left_stands_in_the_way(running):
    program, dispatch = Program(running, an_app(running)), Dispatch(running)
    first = program.post(PATH, LIGHT).json["reference"]
    second, third = (program.post(PATH, {**LIGHT, "anyway": True}).json["reference"] for _ in range(2))
    assert list(holders(running).values()) == [first]
    bodies = [
        dispatch.envelope(event, sequence)
        for reference in (first, second)
        for sequence, event in enumerate(a_day(a_request(running, reference), order=running.ids()), 1)
    ]
    dispatch.deliver(*bodies)
    assert [a_request(running, each).state for each in (first, second)] == ["to_confirm", "to_confirm"]
    assert list(holders(running).values()) == [third]
    assert program.post(PATH, LIGHT).status_code == 409
    play(running, enumerate(a_day(a_request(running, third), order=running.ids()), 1), dispatch)
    assert holders(running) == {}
    assert program.post(PATH, LIGHT).status_code == 201
