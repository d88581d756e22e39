"""The second factor, links that let somebody in once, and what a production installation refuses: security A7, A8."""

import re
import subprocess
import sys
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from services.requests import store
from services.requests.handlers import accounts, factors, links, signing
from services.requests.service import SERVICE, build, demanding_roles
from shared import process, settings
from shared.errors import Absent, Invalid
from shared.settings import BadSettings
from tests.requests.conftest import NOON, Browser, Program, an_app, desk_of, person, said, token_of

PASSWORD = accounts.DEMONSTRATION_PASSWORD


@pytest.fixture
def strict(quick):
    """Finance, administrators and supervisors need a second factor."""
    quick.settings = quick.settings.with_(REQUESTS_SECOND_FACTOR="finance administrator supervisor")
    return quick


@pytest.fixture
def strict_app(strict):
    return an_app(strict)


def seed_in(html):
    import base64

    text = re.search(r'data-copy="([A-Z2-7]{32})"', html)[1]
    return base64.b32decode(text)


def code_of(seed, at):
    return TOTP(seed, 6, SHA1(), 30, enforce_key_length=False).generate(int(at.timestamp())).decode()


def send(browser, html, path, **fields):
    form = re.search(rf'<form[^>]*action="{re.escape(path)}".*?</form>', html, re.DOTALL)[0]
    return browser.post(
        path, {**dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)), **fields}
    )


def enrolled(running, app, user="sunli"):
    """A browser of somebody who has just set up a second factor; (browser, seed, recovery codes)."""
    browser = Browser(app)
    html = browser.sign_in(user).text
    seed = seed_in(html)
    answer = send(browser, html, "/requests/sign-in/second-factor", code=code_of(seed, running.clock.now()))
    assert answer.status_code == 200, answer.text[-800:]
    return browser, seed, re.findall(r"<code>([A-Z2-7-]{19})</code>", answer.text)


def test_codes_are_those_of_the_standard():
    """RFC 6238 appendix B, the SHA-1 row at 59 s and 1,111,111,109 s."""
    seed = b"12345678901234567890"
    from datetime import UTC, datetime

    for second, code in ((59, "287082"), (1111111109, "081804")):
        assert factors._step_of(seed, code, datetime.fromtimestamp(second, UTC)) == second // 30
    assert factors._step_of(seed, "287082", datetime.fromtimestamp(200, UTC)) is None


def test_a_role_that_demands_it_has_no_session_before_it_is_set_up(strict, strict_app):
    browser = Browser(strict_app)
    answer = browser.sign_in("sunli")
    assert answer.status_code == 200
    assert "houqin-pass" not in answer.headers.get("Set-Cookie", "")
    assert browser.get("/requests/me").status_code == 303
    wrong = send(browser, answer.text, "/requests/sign-in/second-factor", code="000000")
    assert wrong.status_code == 422
    assert seed_in(wrong.text) == seed_in(answer.text)
    browser, _, codes = enrolled(strict, strict_app)
    assert len(codes) == len(set(codes)) == 10
    assert browser.get("/requests/me").status_code == 200
    assert [each["data"]["what"] for each in said(strict, "requests.security")][-2:] == [
        "second_factor_set",
        "signed_in",
    ]


def test_others_may_and_need_not(strict, strict_app):
    assert Browser(strict_app).sign_in("hanbing").status_code == 303


def test_in_a_demonstration_no_role_demands_it_unless_set(quick, strict):
    plain = settings.load(process.declared(SERVICE), {})
    assert demanding_roles(plain) == frozenset()
    assert demanding_roles(strict.settings) == {"finance", "administrator", "supervisor"}
    production = settings.load(process.declared(SERVICE), {"HOUQIN_PROFILE": "production"})
    assert demanding_roles(production) == {"finance", "administrator", "supervisor"}
    with pytest.raises(BadSettings, match="boss"):
        demanding_roles(strict.settings.with_(REQUESTS_SECOND_FACTOR="boss"))


def test_a_code_counts_once_and_none_of_an_earlier_step_counts_after_it(strict, strict_app):
    _, seed, _ = enrolled(strict, strict_app)
    strict.clock.set(NOON + timedelta(seconds=60))
    now = strict.clock.now()

    def come_in(code):
        browser = Browser(strict_app)
        return send(browser, browser.sign_in("sunli").text, "/requests/sign-in/code", code=code)

    assert come_in(code_of(seed, now)).status_code == 303
    assert come_in(code_of(seed, now)).status_code == 422
    assert come_in(code_of(seed, now - timedelta(seconds=30))).status_code == 422
    assert come_in(code_of(seed, now + timedelta(seconds=30))).status_code == 303  # its clock is ahead
    strict.clock.set(NOON + timedelta(minutes=30))
    assert come_in(code_of(seed, now)).status_code == 422


def test_of_two_uses_of_one_code_at_once_one_gets_through(strict, strict_app):
    _, seed, _ = enrolled(strict, strict_app)
    strict.clock.set(NOON + timedelta(seconds=60))
    account, desk = person("sunli").account, desk_of(strict)
    code = code_of(seed, strict.clock.now())
    with strict.work() as work:
        assert [factors.accept(work, desk, account, code) for _ in range(2)] == [True, False]


def test_the_seed_is_shown_once_and_kept_sealed(strict, strict_app):
    browser, seed, _ = enrolled(strict, strict_app)
    import base64

    plain = base64.b32encode(seed).decode()
    with strict.database.read() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM second_factor").all())
    assert plain not in rows
    assert base64.b64encode(seed).decode() not in rows
    assert plain not in browser.get("/requests/me").text
    assert seed_in(browser.get("/requests/me/second-factor", follow_redirects=True).text) != seed


def test_a_recovery_code_lets_in_once_and_is_kept_as_a_digest(strict, strict_app):
    _, _, codes = enrolled(strict, strict_app)
    with strict.database.read() as connection:
        assert not any(each in str(connection.exec_driver_sql("SELECT * FROM recovery_code").all()) for each in codes)
    for code, status in ((codes[0].lower().replace("-", " "), 303), (codes[0], 422), (codes[1], 303)):
        browser = Browser(strict_app)
        answer = send(browser, browser.sign_in("sunli").text, "/requests/sign-in/code", code=code)
        assert answer.status_code == status
    assert [each["data"]["what"] for each in said(strict, "requests.security")].count("recovery_code_used") == 2


def test_wrong_codes_are_counted_like_wrong_passwords(strict, strict_app):
    enrolled(strict, strict_app)
    strict.clock.set(NOON + timedelta(seconds=90))
    stranger = Browser(strict_app)
    html = stranger.sign_in("sunli").text
    statuses = [send(stranger, html, "/requests/sign-in/code", code="123456").status_code for _ in range(6)]
    assert statuses[:4] == [422] * 4
    assert statuses[-1] == 429


@pytest.mark.parametrize("what", ["another browser", "late", "forged", "of a changed account"])
def test_a_ticket_is_good_in_its_browser_for_five_minutes(strict, strict_app, what):
    _, seed, _ = enrolled(strict, strict_app)
    strict.clock.set(NOON + timedelta(seconds=60))
    first, second = Browser(strict_app), Browser(strict_app)
    html = first.sign_in("sunli").text
    ticket = re.search(r'name="ticket" value="([^"]+)"', html)[1]
    user = second if what == "another browser" else first
    if what == "late":
        strict.clock.set(NOON + timedelta(minutes=7))
    if what == "forged":
        ticket = ticket[:-8] + "AAAAAAAA"
    if what == "of a changed account":
        with strict.work() as work:
            accounts.change_account(work, person("sunli").account, person("admin").account, phone="8123")
    answer = user.submit("/requests/sign-in", "/requests/sign-in", user="nobody", password="x")
    proof = re.search(r'name="_csrf" value="([^"]+)"', answer.text)[1]
    fields = {"_csrf": proof, "ticket": ticket, "code": code_of(seed, strict.clock.now())}
    answer = user.post("/requests/sign-in/code", fields)
    assert (answer.status_code, answer.headers.get("Location")) == (303, "/requests/sign-in")


def test_somebody_sets_it_up_by_choice_and_gives_it_up(quick, quick_app):
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    html = browser.get("/requests/me/second-factor").text
    seed = seed_in(html)
    answer = send(browser, html, "/requests/me/second-factor", code=code_of(seed, NOON))
    assert len(re.findall(r"<code>[A-Z2-7-]{19}</code>", answer.text)) == 10
    other = Browser(quick_app)
    assert "/requests/sign-in/code" in other.sign_in("hanbing").text
    assert browser.submit("/requests/me", "/requests/me/recovery-codes").status_code == 200
    assert browser.submit("/requests/me", "/requests/me/second-factor/remove").status_code == 303
    assert Browser(quick_app).sign_in("hanbing").status_code == 303


def test_where_it_is_demanded_it_cannot_be_given_up(strict, strict_app):
    browser, _, _ = enrolled(strict, strict_app)
    assert "/requests/me/second-factor/remove" not in browser.get("/requests/me").text
    proof = re.search(r'data-csrf="([^"]*)"', browser.get("/requests/me").text)[1]
    assert browser.post("/requests/me/second-factor/remove", {"_csrf": proof}).status_code == 409


def test_an_administrator_takes_away_what_was_lost(strict, strict_app):
    browser, _, _ = enrolled(strict, strict_app)
    admin, _, _ = enrolled(strict, strict_app, "admin")
    account = person("sunli").account
    path = f"/requests/admin/people/{account}"
    assert admin.submit(path, f"{path}/second-factor").status_code == 303
    assert browser.get("/requests/me").status_code == 303
    assert "/requests/sign-in/second-factor" in Browser(strict_app).sign_in("sunli").text


def test_a_role_that_is_added_ends_the_session_at_its_next_renewal(strict, strict_app):
    browser = Browser(strict_app)
    browser.sign_in("hanbing")
    with strict.work() as work:
        accounts.change_account(work, person("hanbing").account, person("admin").account, roles=("staff", "finance"))
    assert "sign-in" in browser.get("/requests/session/renew").headers["Location"]


# ---- the link


def test_a_link_lets_in_once_within_half_an_hour_and_opening_it_uses_nothing_up(quick, quick_app):
    with quick.work() as work:
        first, code = (links.invite(work, person("hanbing").account) for _ in range(2))
    browser = Browser(quick_app)
    assert browser.get(f"/requests/welcome/{first}").status_code == 404  # a later link ends an earlier one
    path = f"/requests/welcome/{code}"
    assert "hanbing" in browser.get(path).text
    weak = browser.submit(path, path, password="12345678", again="12345678")
    assert weak.status_code == 422
    assert browser.submit(path, path, password="a fine long one", again="another").status_code == 422
    answer = browser.submit(path, path, password="a fine long one", again="a fine long one")
    assert answer.headers["Location"] == "/requests/sign-in"
    assert browser.get(path).status_code == 404
    assert browser.sign_in("hanbing", "a fine long one").status_code == 303
    with quick.work() as work:
        late = links.invite(work, person("hanbing").account)
    quick.clock.set(NOON + timedelta(minutes=30))
    assert Browser(quick_app).get(f"/requests/welcome/{late}").status_code == 404


def test_a_link_does_not_go_round_the_second_factor(strict, strict_app):
    enrolled(strict, strict_app)
    with strict.work() as work:
        code = links.invite(work, person("sunli").account)
    browser = Browser(strict_app)
    path = f"/requests/welcome/{code}"
    browser.submit(path, path, password="a fine long one", again="a fine long one")
    assert "/requests/sign-in/code" in browser.sign_in("sunli", "a fine long one").text


def test_the_first_administrator_comes_in_by_a_command_and_a_second_one_does_not(tmp_path):
    environment = {"HOUQIN_DATA": str(tmp_path), "PATH": "/usr/bin", "PYTHONWARNINGS": "ignore"}

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "services.requests", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("administrator", "root").returncode == 1  # not migrated: a line, no traceback
    assert run("migrate").returncode == 0
    done = run("administrator", "Root", "--name", "韩管理")
    assert done.returncode == 0, done.stderr
    link = done.stdout.strip()
    assert link.startswith("http://127.0.0.1:8000/requests/welcome/")
    loaded = settings.load(process.declared(SERVICE), {"HOUQIN_DATA": str(tmp_path)})
    running = process.assemble(SERVICE, loaded)
    browser = Browser(build(running))
    path = link.removeprefix("http://127.0.0.1:8000")
    browser.submit(path, path, password="a fine long one", again="a fine long one")
    answer = browser.sign_in("root", "a fine long one")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/requests/admin/")
    running.database.close()
    again = run("administrator", "another")
    assert (again.returncode, again.stdout) == (1, "")
    assert "root" in again.stderr
    assert "Traceback" not in again.stderr


# ---- in earnest


def test_production_refuses_a_database_with_demonstration_accounts(quick):
    quick.settings = quick.settings.with_(HOUQIN_PROFILE="production")
    with pytest.raises(BadSettings, match="demonstration accounts"):
        build(quick)


def test_in_production_the_published_password_is_nobodys(quick, monkeypatch):
    quick.settings = quick.settings.with_(HOUQIN_PROFILE="production", REQUESTS_SECOND_FACTOR="")
    monkeypatch.setattr("services.requests.service.refuse_demonstration", lambda running: None)
    assert Browser(an_app(quick)).sign_in("hanbing").status_code == 422


def test_the_one_process_refuses_demonstration_data_in_production(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "services", "--listen", "127.0.0.1:1"], capture_output=True, text=True, check=False,
        env={"HOUQIN_DATA": str(tmp_path), "HOUQIN_PROFILE": "production", "PATH": "/usr/bin", "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "demonstration" in done.stderr
    assert "Traceback" not in done.stderr


# ---- passes of programs


def test_a_revoked_token_is_dead_in_the_same_instant(quick, quick_app):
    program = Program(quick, quick_app)
    assert program.get("/requests/api/session").status_code == 200
    with quick.database.read() as connection:
        token = store.tokens_of(connection, person().account)[0]
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    assert browser.submit("/requests/me", "/requests/me/tokens/revoke", token=token.id).status_code == 303
    assert program.get("/requests/api/session").status_code == 401


def test_a_disabled_accounts_programs_are_dead_in_the_same_instant(quick, quick_app):
    program = Program(quick, quick_app)
    admin = Browser(quick_app)
    admin.sign_in("admin")
    assert program.get("/requests/api/session").status_code == 200
    account = person().account
    path = f"/requests/admin/people/{account}"
    fields = {"name": "韩冰", "name_en": "Han Bing", "roles": "staff"}
    assert admin.submit(path, path, **fields).status_code == 303  # without the tick that says it may sign in
    assert program.get("/requests/api/session").status_code == 401


def test_a_pass_does_not_outlast_a_time_boxed_account(quick, quick_app):
    desk = desk_of(quick)
    text = token_of(quick)
    with quick.work() as work:
        accounts.change_account(work, person().account, person("admin").account, until=NOON + timedelta(minutes=2))
        signed, ends_at = signing.exchange(work, desk, text)
    assert ends_at == NOON + timedelta(minutes=2)
    with quick.work() as work, pytest.raises(Absent):
        links.invite(work, "nobody")
    with quick.work() as work, pytest.raises(Invalid):
        accounts.set_password(work, person().account, PASSWORD[:6])
