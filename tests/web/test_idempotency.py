"""The same key and body get the first answer again, and the thing is made once."""

import threading
import uuid

import pytest

from tests.web.site import OURS, a_person


def post(site, words, key, account="a1"):
    return site.client().post(
        "/toy/api/notes", json={"words": words}, headers=site.bearer(account=account) | {"Idempotency-Key": key}
    )


def test_the_first_answer_is_given_again(both):
    key = str(uuid.uuid4())
    first, second = post(both, "x", key), post(both, "x", key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.data == first.data
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert both.count() == 1


def test_another_body_under_the_same_key_is_refused(both):
    key = str(uuid.uuid4())
    post(both, "x", key)
    assert post(both, "y", key).status_code == 422
    assert both.count() == 1


def test_another_account_with_the_same_key_has_its_own(both):
    key = str(uuid.uuid4())
    assert post(both, "x", key).json["id"] != post(both, "x", key, account="b2").json["id"]
    assert both.count() == 2


def test_a_refusal_is_not_kept(both):
    key = str(uuid.uuid4())
    assert post(both, "taken", key).status_code == 409
    assert post(both, "x", key).status_code == 201


def test_a_repeat_that_now_meets_a_conflict_still_gets_the_first_answer(both, monkeypatch):
    from shared.errors import Conflict
    from tests.web import site as toy

    key = str(uuid.uuid4())
    first = post(both, "x", key)

    def refuse(_context, _given):
        raise Conflict

    monkeypatch.setattr(toy, "_write", refuse)
    assert post(both, "x", key).data == first.data


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é"])
def test_a_key_that_is_none_is_refused(site, key):
    assert post(site, "x", key.encode().decode("latin-1")).status_code == 400
    assert site.count() == 0


def test_a_form_sent_twice_makes_one(both):
    client = both.browser(a_person())
    form = {"words": "x", "_csrf": "proof-a1", "_key": str(uuid.uuid4())}
    places = [client.post("/toy/notes", data=form, headers=OURS).headers["Location"] for _ in range(2)]
    assert places[0] == places[1]
    assert both.count() == 1


def test_many_at_once_make_one_and_all_get_its_answer(both):
    key = str(uuid.uuid4())
    headers = both.bearer() | {"Idempotency-Key": key}
    found = []

    def attempt():
        answer = both.client().post("/toy/api/notes", json={"words": "x"}, headers=headers)
        found.append((answer.status_code, answer.data))

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert found[0][0] == 201
    assert both.count() == 1
