"""What is written of persons and secrets stays out of the program's own log, whatever happens to it."""

import io
import json
import logging
import re
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import services
from services.requests import store
from services.requests.handlers import accounts, signing
from shared import observe
from shared.errors import Transient
from shared.language import CODES, language
from shared.web import noting
from tests.requests.conftest import Browser, Program, person, said, token_of
from tests.requests.test_requests_pages import a_browser

WORDS, PHONE, PASSWORD = '金丝雀漏水\n{"level": "CRITICAL"}', "13912340987", "canary-password-2026"
SECRETS = ("金丝雀", PHONE, PASSWORD)


@pytest.fixture
def written():
    """Everything that is logged, in the form in which a process writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(observe.JsonLines("requests"))
    root = logging.getLogger()
    before, root.level = root.level, logging.DEBUG
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def test_user_text_neither_starts_a_line_nor_forges_a_field(written):
    try:
        raise ValueError(WORDS)
    except ValueError:
        logging.getLogger("houqin.web").exception("refused: %s", WORDS)
    [line] = written.getvalue().splitlines()
    found = json.loads(line)
    assert (found["level"], found["service"]) == ("ERROR", "requests")
    written_at = datetime.fromisoformat(found["at"])
    assert written_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - written_at) < timedelta(hours=1)
    assert found["message"] == f"refused: {WORDS}"


def test_no_text_telephone_password_or_token_of_a_day_is_in_the_log(quick, quick_app, written):
    token = token_of(quick)
    staff, stranger = a_browser(quick_app), Browser(quick_app)
    assert stranger.sign_in("hanbing", PASSWORD).status_code in {401, 422}
    assert stranger.sign_in(PHONE, PASSWORD).status_code in {401, 422}
    api = Program(quick, quick_app, "hanbing")
    body = {
        "item": "repair",
        "place": "B2-302",
        "contact": PHONE,
        "answers": {"what": "other", "details": WORDS.replace("\n", " ")},
    }
    filed = api.post("/requests/api/requests", body)
    assert filed.status_code == 201, filed.text
    wrong = api.post("/requests/api/requests", body | {"place": WORDS, "price": PHONE})
    assert wrong.status_code == 422
    bad = api.client.post(
        "/requests/api/requests", data=b"{" + WORDS.encode(), content_type="application/json", headers=api.headers
    )
    assert bad.status_code == 400
    assert staff.get(f"/requests/{filed.json['reference']}").status_code == 200
    assert staff.get(f"/requests/mine?words={PHONE}").status_code < 500
    assert (
        stranger.client.get("/requests/api/session", headers={"Authorization": f"Bearer {token}x"}).status_code == 401
    )
    assert stranger.client.get(f"/requests/mine?access_token={token}").status_code == 400
    log = written.getvalue()
    for secret in (*SECRETS, token, token.removeprefix("hq_")):
        assert secret not in log, secret


def test_what_concerns_access_is_told_by_a_name_that_the_log_knows(quick, quick_app):
    admin, lina = person("admin").account, person("lina").account
    a_browser(quick_app)
    for _ in range(30):
        Browser(quick_app).sign_in("hanbing", "wrong-password")
    token_of(quick)
    with quick.database.read() as connection:
        [token] = store.tokens_of(connection, person("hanbing").account)
    with quick.work() as work:
        signing.revoke_token(work, person("hanbing").account, token.id)
        accounts.change_account(work, lina, admin, roles=("supplier", "staff"))
        accounts.set_password(work, lina, "another-good-password-2026")
    told = [each["data"]["what"] for each in said(quick, "requests.security_noticed")]
    assert {
        "signed_in",
        "sign_in_failed",
        "limit_hit",
        "token_made",
        "token_revoked",
        "rights_changed",
        "password_changed",
    } <= set(told)
    assert told.count("limit_hit") < 30  # one who goes on trying does not fill the log


def test_every_name_of_what_concerns_access_has_its_words():
    folder = Path(services.__file__).parent / "requests"
    text = "".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    named = set(re.findall(r'_noticed\(.*"(\w+)"\)|SecurityNoticed\([^)]*what="(\w+)"', text))
    names = {name for pair in named for name in pair if name}
    assert len(names) >= 9
    for code in CODES:
        for name in names:
            assert language(code).has(f"audit.what.{name}"), (code, name)


def test_who_asks_beyond_their_rights_is_noted_once_an_hour_and_refused_without_the_database_too(
    quick, quick_app, monkeypatch
):
    monkeypatch.setattr(noting, "_seen", OrderedDict())
    browser = a_browser(quick_app, "hanbing")
    account = person("hanbing").account
    for _ in range(3):
        assert browser.get("/requests/admin/people").status_code == 403
    (noted,) = [each["data"] for each in said(quick, "requests.access_noted")]
    assert (noted["account_id"], noted["what"], noted["route"]) == (account, "refused", "admin_people")
    monkeypatch.setattr(noting, "AGAIN", timedelta(0))  # an hour later
    assert browser.get("/requests/admin/people").status_code == 403
    assert len(said(quick, "requests.access_noted")) == 2
    monkeypatch.setattr(noting, "_seen", OrderedDict())

    def away(*_, **__):
        raise Transient

    monkeypatch.setattr(noting, "note", away)
    assert browser.get("/requests/admin/people").status_code == 403
