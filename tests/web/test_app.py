"""What holds for every request, whatever the view does."""

import re
import uuid

import pytest

from shared.web import revocation
from shared.web.addresses import own_path
from tests.web.site import NOW, OURS, SIGNER, Site, a_person


def test_every_answer_carries_the_protecting_headers(site):
    for found in (
        site.client().get("/toy/"),
        site.client().get("/toy/nowhere"),
        site.client().get("/toy/broken"),
        site.client().get("/toy/api/notes"),
        site.client().post("/toy/", headers={"Origin": "https://evil.example"}),
        site.client().get("/toy/mine"),
        site.client().get(site.app._assets.address("tokens.css")),
    ):
        assert found.headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'; style-src 'self';"
        )
        assert "unsafe" not in found.headers["Content-Security-Policy"]
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["Referrer-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in found.headers
        assert re.fullmatch(r"(text/\S+; charset=utf-8|application/(problem\+)?json)", found.headers["Content-Type"])


def test_pages_are_not_stored_and_hashed_files_are_kept_for_ever(site):
    assert site.client().get("/toy/").headers["Cache-Control"] == "no-store"
    style = site.client().get(site.app._assets.address("tokens.css"))
    assert style.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert site.client().get("/static/00000000/tokens.css").status_code == 404


def test_https_cookies_are_bound_to_the_host_and_plain_ones_refused(tmp_path):
    site = Site(f"sqlite:///{tmp_path / 'x.db'}", public_url="https://hq.example")
    found = site.client().get("/toy/")
    cookie = found.headers["Set-Cookie"]
    assert cookie.startswith("__Host-houqin-visitor=")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"))
    assert "max-age=31536000" in found.headers["Strict-Transport-Security"]
    client = site.client()
    client.set_cookie("houqin-pass", SIGNER.sign(a_person(), NOW, audience=["toy"]))
    assert client.get("/toy/mine").status_code == 303
    assert site.browser(a_person()).get("/toy/mine").status_code == 200


def test_nobody_is_sent_to_sign_in_and_back(site):
    found = site.client().get("/toy/mine?x=1")
    assert found.status_code == 303
    assert found.headers["Location"] == "/requests/sign-in?next=%2Ftoy%2Fmine%3Fx%3D1"
    assert site.client().get("/toy/api/notes").status_code == 401


def test_an_expired_pass_with_a_living_session_renews_and_keeps_the_form(site):
    person = a_person()
    client = site.browser(person, secret="keep")
    site.renewed["keep"] = person
    site.later(minutes=11)
    found = client.get("/toy/mine")
    assert (found.status_code, found.headers["Location"]) == (303, "/requests/session/renew?next=%2Ftoy%2Fmine")
    found = client.post("/toy/notes", data={"words": "x", "_csrf": person.proof}, headers=OURS)
    assert found.status_code == 307
    assert found.headers["Location"] == "/requests/session/renew?next=%2Ftoy%2Fnotes"
    renewed = client.post(
        "/toy/session/renew?next=/toy/notes", data={"words": "x", "_csrf": person.proof}, headers=OURS
    )
    assert (renewed.status_code, renewed.headers["Location"]) == (307, "/toy/notes")
    assert client.post("/toy/notes", data={"words": "x", "_csrf": person.proof}, headers=OURS).status_code == 303
    assert site.count() == 1


def test_an_ended_session_goes_to_sign_in_and_its_cookies_are_gone(site):
    client = site.browser(secret="dead")
    found = client.get("/toy/session/renew?next=/toy/mine")
    assert found.headers["Location"] == "/requests/sign-in?next=/toy/mine"
    assert any("houqin-session=;" in cookie for cookie in found.headers.getlist("Set-Cookie"))


def test_a_script_learns_that_its_pass_has_ended(site):
    client = site.browser(a_person(), secret="keep")
    site.later(minutes=11)
    found = client.get("/toy/api/notes")
    assert (found.status_code, found.json["type"]) == (401, "urn:houqin:problem:pass_ended")


def test_a_revoked_session_is_dead_at_the_next_second(site):
    client = site.browser(a_person())
    assert client.get("/toy/mine").status_code == 200
    with site.work() as work:
        revocation.end_session(work, "s-a1")
    site.later(seconds=1)
    assert client.get("/toy/mine").status_code == 303


def test_an_older_epoch_dies_and_the_new_one_lives(site):
    old, new = site.browser(a_person()), site.browser(a_person(epoch=2))
    with site.work() as work:
        revocation.change_account(work, "a1", 2)
        revocation.change_account(work, "a1", 1)
    assert old.get("/toy/mine").status_code == 303
    assert new.get("/toy/mine").status_code == 200


def test_the_database_has_the_last_word_where_it_is_asked(tmp_path):
    dead = set()
    site = Site(f"sqlite:///{tmp_path / 'x.db'}", alive=lambda person, _now: None if person.session in dead else person)
    client = site.browser(a_person())
    assert client.get("/toy/mine").status_code == 200
    dead.add("s-a1")
    assert client.get("/toy/mine").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://evil.example"},
        {"Origin": "null"}, {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, {"Origin": "http://127.0.0.1:9"},
    ],
)  # fmt: skip
def test_a_form_that_does_not_come_from_our_pages_does_nothing(site, headers):
    found = site.browser(a_person()).post("/toy/notes", data={"words": "x", "_csrf": "proof-a1"}, headers=headers)
    assert found.status_code == 403
    assert site.count() == 0


@pytest.mark.parametrize("token", [None, "", "wrong", "proof-b2", "词"])
def test_a_form_without_the_sessions_token_does_nothing(site, token):
    form = {"words": "x"} | ({"_csrf": token} if token is not None else {})
    assert site.browser(a_person()).post("/toy/notes", data=form, headers=OURS).status_code == 403
    assert site.count() == 0


def test_json_sent_as_plain_text_does_nothing(site):
    found = site.browser(a_person()).post(
        "/toy/api/notes", data='{"words":"x"}', content_type="text/plain", headers=OURS
    )
    assert found.status_code == 403
    found = site.client().post("/toy/api/notes", data='{"words":"x"}', content_type="text/plain", headers=site.bearer())
    assert found.status_code == 415
    assert site.count() == 0


def test_a_page_script_may_use_the_api_with_the_token_in_a_header(site):
    client = site.browser(a_person())
    assert client.post("/toy/api/notes", json={"words": "x"}, headers=OURS).status_code == 403
    assert (
        client.post("/toy/api/notes", json={"words": "x"}, headers=OURS | {"X-CSRF-Token": "proof-a1"}).status_code
        == 201
    )


def test_language_and_theme_are_chosen_by_anybody_and_change_nothing_else(site):
    client = site.client()
    text = client.get("/toy/", headers={"Accept-Language": "en"}).text
    assert '<html lang="en">' in text
    token = re.search(r'name="_csrf" value="([^"]+)"', text)[1]
    found = client.post("/toy/look", data={"_csrf": token, "language": "zh-Hans", "back": "/toy/?a=1"}, headers=OURS)
    assert (found.status_code, found.headers["Location"]) == (303, "/toy/?a=1")
    assert '<html lang="zh-Hans">' in client.get("/toy/", headers={"Accept-Language": "en"}).text
    client.post("/toy/look", data={"_csrf": token, "theme": "dark", "back": "//evil.example"}, headers=OURS)
    assert 'data-theme="dark"' in client.get("/toy/").text


@pytest.mark.parametrize(
    "target",
    ["//evil", "/\\evil", "https:evil", "https://evil", "/%0d%0a\r\nx", "javascript:x", "evil", "", "/\tx", "/ x"],
)
def test_redirects_lead_only_to_own_paths(target):
    assert own_path(target) == ""


def test_an_unexpected_failure_shows_an_id_and_nothing_else(site, caplog):
    found = site.client().get("/toy/broken")
    assert found.status_code == 500
    assert "12345" not in found.text
    assert "Traceback" not in found.text
    assert found.headers["X-Correlation-ID"].replace("-", "")[-6:-2] in found.text
    assert "secret detail 12345" in caplog.text
    found = site.client().get("/toy/broken", headers={"Accept": "application/json"})
    assert found.status_code == 500


def test_a_database_that_is_away_is_said_so_with_a_time_to_come_back(site):
    found = site.client().get("/toy/away")
    assert (found.status_code, found.headers["Retry-After"]) == (503, "2")
    assert "connection" not in found.text


def test_problems_speak_the_callers_language(site):
    for wanted, word in (("en", "Sign in first"), ("zh-CN", "请先登录")):
        found = site.client().get("/toy/api/notes", headers={"Accept-Language": wanted})
        assert found.json["title"] == word
        assert set(found.json) == {"type", "title", "status", "detail", "instance", "correlation_id"}


def test_a_correlation_id_is_carried_on_when_it_is_one(site):
    given = str(uuid.uuid4())
    assert site.client().get("/toy/", headers={"X-Correlation-ID": given}).headers["X-Correlation-ID"] == given
    assert site.client().get("/toy/", headers={"X-Correlation-ID": "x"}).headers["X-Correlation-ID"] != "x"


def test_values_in_pages_are_escaped(site):
    assert "&lt;b&gt;&amp;" in site.client().get("/toy/").text


def test_a_method_that_is_not_there_names_those_that_are(site):
    found = site.client().delete("/toy/api/notes", headers=site.bearer())
    assert found.status_code == 405
    assert "POST" in found.headers["Allow"]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "DEBUG"])
def test_methods_that_no_route_has_do_nothing_and_echo_nothing(site, method):
    found = site.client().open("/toy/", method=method, headers={"X-Asked": "canary"})
    assert found.status_code == 405
    assert "canary" not in found.text + str(found.headers)


@pytest.mark.parametrize(
    "path", [".git/config", "toy/.git/config", "toy/console", "toy/../pyproject.toml", "static/%2e%2e/x"]
)
def test_nothing_beside_the_routes_is_served(site, path):
    assert site.client().get(f"/{path}").status_code == 404


def test_a_foreign_thing_and_an_absent_one_have_the_same_answer(site):
    made = site.client().post("/toy/api/notes", json={"words": "x"}, headers=site.bearer()).json["id"]
    assert site.client().get(f"/toy/api/notes/{made}", headers=site.bearer()).status_code == 200

    def answer_to(note):
        found = site.client().get(f"/toy/api/notes/{note}", headers=site.bearer(account="b2"))
        body = found.json
        del body["correlation_id"], body["instance"]
        return found.status_code, body

    assert answer_to(made) == answer_to("absent") == (404, answer_to("absent")[1])


def test_a_role_that_may_not_is_refused(site):
    assert site.client().get("/toy/api/notes", headers=site.bearer(role="crew")).status_code == 403


def test_a_reading_token_cannot_write(site):
    reading = site.bearer(verbs=frozenset({"read"}))
    assert site.client().get("/toy/api/notes", headers=reading).status_code == 200
    assert site.client().post("/toy/api/notes", json={"words": "x"}, headers=reading).status_code == 403


def test_a_token_in_an_address_is_refused(site):
    assert site.client().get("/toy/api/notes?cursor=hq_abc", headers=site.bearer()).status_code == 400


def test_a_step_that_needs_the_password_again_asks_for_it(site):
    client = site.browser(a_person(signed_in_at=NOW))
    assert client.get("/toy/secret").status_code == 200
    older = site.browser(a_person(signed_in_at=NOW.replace(hour=1)))
    assert older.get("/toy/secret").headers["Location"].startswith("/requests/session/confirm?next=")


def test_a_limit_counts_by_account_and_says_when_to_come_back(site):
    calls = [site.client().post("/toy/api/often", json={}, headers=site.bearer()).status_code for _ in range(4)]
    assert calls == [200, 200, 200, 429]
    assert site.client().post("/toy/api/often", json={}, headers=site.bearer(account="b2")).status_code == 200
    found = site.client().post("/toy/api/often", json={}, headers=site.bearer())
    assert found.headers["Retry-After"] == "1"
    site.later(seconds=1)
    assert site.client().post("/toy/api/often", json={}, headers=site.bearer()).status_code == 200


def test_a_forwarded_address_is_believed_only_from_the_proxy(tmp_path, site):
    from werkzeug.test import EnvironBuilder

    from shared.web.incoming import Incoming

    def asked(app, peer):
        environ = EnvironBuilder(
            headers={"X-Forwarded-For": "6.6.6.6, 9.9.9.9"}, environ_overrides={"REMOTE_ADDR": peer}
        ).get_environ()
        return app.peer(Incoming(environ))

    assert asked(site.app, "10.0.0.1") == "10.0.0.1"
    proxied = Site(f"sqlite:///{tmp_path / 'x.db'}", trusted_proxies=["10.0.0.1"]).app
    assert asked(proxied, "10.0.0.1") == "9.9.9.9"
    assert asked(proxied, "10.0.0.2") == "10.0.0.2"


def test_a_file_name_cannot_carry_a_header(site):
    found = site.browser(a_person()).get("/toy/notes.csv")
    assert "\r" not in found.headers["Content-Disposition"]
    assert "Bcc" not in found.headers
    assert found.headers["Content-Disposition"].endswith("filename*=UTF-8''%E5%BC%A0%E4%B8%89__Bcc%3A%20x%40y.csv")
    assert found.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_what_was_done_is_said_once_on_the_next_page(site):
    client = site.browser(a_person())
    client.post("/toy/notes", data={"words": "x", "_csrf": "proof-a1"}, headers=OURS)
    text = client.get("/toy/mine").text
    assert 'action="/toy/undo"' in text
    assert 'action="/toy/undo"' not in client.get("/toy/mine").text


def test_a_list_goes_on_by_a_cursor_that_nobody_can_forge(site):
    for words in "abc":
        site.client().post("/toy/api/notes", json={"words": words}, headers=site.bearer())
    first = site.client().get("/toy/api/notes?limit=2", headers=site.bearer()).json
    assert [note["words"] for note in first["items"]] == ["a", "b"]
    second = site.client().get(f"/toy/api/notes?limit=2&cursor={first['next']}", headers=site.bearer()).json
    assert ([note["words"] for note in second["items"]], second["next"]) == (["c"], None)
    for bad in ("x", "AAAA", first["next"][:-2] + "zz", "é"):
        assert site.client().get(f"/toy/api/notes?cursor={bad}", headers=site.bearer()).status_code == 400


def test_get_changes_nothing(site):
    def everything():
        with site.database.read() as connection:
            lines = connection.connection.driver_connection.iterdump()
            # An export says in the outbox that it was given; nothing else may differ.
            return [line for line in lines if "toy.access_noted.v1" not in line and "sqlite_sequence" not in line]

    client = site.browser(a_person())
    before = everything()
    for route in site.app.routes:
        if route.method == "GET" and "<" not in route.path and route.kind != "events":
            client.get(f"/toy{route.path}")
    assert everything() == before
