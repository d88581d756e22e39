"""What is given away or changed silently is told, with the right count, whether or not the reader stays to the end."""

import json

import pytest

from tests.web import site as toy
from tests.web.site import OURS, Site, a_person


@pytest.fixture
def site(tmp_path):
    return Site(f"sqlite:///{tmp_path / 'toy.db'}")


def noted(site):
    with site.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT sealed FROM outbox WHERE type LIKE '%access_noted%' ORDER BY row_id")
        return [json.loads(row)["data"] for (row,) in rows]


def test_a_stream_is_noted_with_all_its_rows_before_its_first_byte_leaves(site):
    answer = site.browser(a_person()).get("/toy/three.csv", buffered=False)
    (said,) = noted(site)  # nothing has been read, and the reader goes away
    answer.close()
    assert (said["what"], said["route"], said["count"]) == ("export", "pour", 3)


def test_a_stream_that_does_not_say_its_rows_is_a_mistake_that_gives_nothing(site, monkeypatch):
    monkeypatch.setattr(toy, "file", lambda body, *more, **_: toy_file(body, *more))
    from shared.web.answers import file as toy_file

    answer = site.browser(a_person()).get("/toy/three.csv")
    assert answer.status_code == 500
    assert noted(site) == []


def test_a_program_that_asks_again_and_again_is_noted_when_there_was_something(site, monkeypatch):
    monkeypatch.setattr(toy, "NEW", [])
    client = site.client()
    assert client.get("/toy/api/new", headers=site.bearer()).status_code == 200
    assert noted(site) == []
    monkeypatch.setattr(toy, "NEW", ["a", "b"])
    client.get("/toy/api/new", headers=site.bearer())
    assert [(each["what"], each["route"], each["count"]) for each in noted(site)] == [("export", "new", 2)]


def test_a_change_beyond_ones_own_that_says_nothing_is_told_with_it(site):
    client = site.client()
    staff = {"json": {"words": "x"}, "headers": site.bearer()}
    assert client.post("/toy/api/notes", **staff).status_code == 201
    assert noted(site) == []  # what people write for themselves is theirs
    dispatcher = a_person("d1", kind="api", role="dispatcher", organisation="cn/zj")
    assert client.post("/toy/api/notes", json={"words": "secret"}, headers=site.bearer(dispatcher)).status_code == 201
    (said,) = noted(site)
    assert (said["account_id"], said["what"], said["route"]) == ("d1", "change", "add")
    assert "secret" not in json.dumps(said)


def test_what_somebody_with_an_office_does_as_one_of_the_staff_is_theirs_too(site):
    """As the answers to a survey, which stay without a name."""
    both = a_person("d1", kind="api", role="staff", roles=frozenset({"staff", "finance"}), organisation="cn/zj")
    assert site.client().post("/toy/api/notes", json={"words": "x"}, headers=site.bearer(both)).status_code == 201
    assert noted(site) == []


def test_a_change_that_was_refused_is_not_told(site):
    dispatcher = a_person("d1", kind="api", role="dispatcher", organisation="cn/zj")
    client = site.client()
    assert client.post("/toy/api/notes", json={"words": "taken"}, headers=site.bearer(dispatcher)).status_code == 409
    assert client.post("/toy/api/notes", json={"no": 1}, headers=site.bearer(dispatcher)).status_code == 422
    assert noted(site) == []
    assert site.count() == 0


def test_a_change_by_form_names_what_it_was_about(site):
    dispatcher = a_person("d1", role="dispatcher", organisation="cn/zj")
    given = {"words": "x", "_csrf": "proof-d1"}
    assert site.browser(dispatcher).post("/toy/notes", data=given, headers=OURS).status_code == 303
    assert [(each["route"], each["of"]) for each in noted(site)] == [("add_form", "")]
