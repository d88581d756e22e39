from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from services.requests import model, passwords, store
from services.requests.handlers import accounts, signing
from services.requests.service import SERVICE, forget
from shared.errors import Absent, Invalid
from shared.web import session
from tests.requests.conftest import NOON, Browser, Program, an_app, desk_of, person, said, token_of

PASSWORD = accounts.DEMONSTRATION_PASSWORD


def sign_in(browser, user="hanbing", password=PASSWORD, **fields):
    return browser.submit("/requests/sign-in", "/requests/sign-in", user=user, password=password, **fields)


def words_of(answer):
    return answer.text.partition('role="alert"')[2].partition("</p>")[0]


@pytest.mark.parametrize(
    ("user", "home"),
    [
        ("hanbing", "/requests/"), ("hejing", "/dispatch/"), ("wangjianguo", "/dispatch/crew/"), ("lina", "/dispatch/supplier/"),
        ("sunli", "/billing/statements/"), ("zhaomin", "/billing/contracts/"), ("chenguang", "/audit/"), ("moli", "/audit/"),
        ("admin", "/requests/admin/"),
    ],
)  # fmt: skip
def test_everyone_comes_home_after_signing_in(house_app, user, home):
    answer = sign_in(Browser(house_app), user)
    assert (answer.status_code, answer.headers["Location"]) == (303, home)


def test_a_user_name_is_the_same_in_capitals(house_app):
    assert sign_in(Browser(house_app), "HanBing").status_code == 303


@pytest.mark.parametrize(
    "evil", ["//evil.example/", "/\\evil.example", "https:evil", "/%0d%0aSet-Cookie:x", "javascript:alert(1)"]
)
def test_signing_in_leads_only_to_our_own_pages(house_app, evil):
    answer = sign_in(Browser(house_app), next=evil)
    assert answer.headers["Location"] in {"/requests/", "/%0d%0aSet-Cookie:x"}


def test_unknown_wrong_and_disabled_get_the_same_answer(quick, quick_app):
    with quick.work() as work:
        accounts.change_account(work, person("sunli").account, person("admin").account, enabled=False)
    answers = [
        sign_in(Browser(quick_app), user, password)
        for user, password in (("nobody", "x"), ("hanbing", "wrong"), ("sunli", PASSWORD))
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert len({words_of(answer) for answer in answers}) == 1
    whats = [envelope["data"]["what"] for envelope in said(quick, "requests.security_noticed")]
    assert whats.count("sign_in_failed") == 3


def test_a_password_is_looked_at_even_when_there_is_no_account(quick):
    stored = signing.hash_password("another")
    assert "m=19456,t=2,p=1" in stored
    assert stored.startswith("$argon2id$")
    assert signing.is_password("", "anything") is False
    assert signing.is_password("rubbish", "anything") is False


def test_unknown_wrong_and_disabled_cost_one_hash_each(quick, quick_app, monkeypatch):
    with quick.work() as work:
        accounts.change_account(work, person("sunli").account, person("admin").account, enabled=False)
    signing.is_password("", "warm")  # the hash that stands for nobody is made once
    looked = []
    verify = signing._HASHER.verify
    monkeypatch.setattr(signing, "apart", lambda do, *given: looked.append(do.__name__) or do(*given))
    for user, password in (("nobody", "x"), ("hanbing", "wrong"), ("sunli", PASSWORD)):
        sign_in(Browser(quick_app), user, password)
        assert looked == [verify.__name__], user
        looked.clear()


def test_after_five_wrong_passwords_one_waits_longer_each_time(quick, quick_app):
    browser = Browser(quick_app)
    answers = [sign_in(browser, password="wrong") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert "4" in words_of(answers[0])
    assert int(answers[5].headers["Retry-After"]) == 2
    assert sign_in(browser).status_code == 429  # the right one waits too
    quick.clock.set(NOON + timedelta(seconds=3))
    assert sign_in(browser, password="wrong").status_code == 422
    assert int(sign_in(browser).headers["Retry-After"]) == 4


def test_strangers_cannot_shut_out_somebody_whose_browser_is_known(quick, quick_app):
    own, stranger = Browser(quick_app), Browser(quick_app)
    sign_in(own)
    own.submit("/requests/", "/requests/sign-out")
    for _ in range(7):
        sign_in(stranger, password="guess")
    assert sign_in(stranger).status_code == 429
    assert sign_in(own).status_code == 303


def peer_times(running):
    with running.database.read() as connection:
        query = "SELECT times FROM failure WHERE subject LIKE 'peer:%%'"
        return connection.exec_driver_sql(
            query if not running.database.is_sqlite else query.replace("%%", "%")
        ).scalar()


def test_an_office_signs_in_from_one_address(quick, quick_app):
    for _ in range(signing.PEER_TRIES + 5):
        assert sign_in(Browser(quick_app)).status_code == 303
    assert peer_times(quick) == 0


def test_who_signs_in_himself_makes_his_guesses_at_others_no_cheaper(quick, quick_app):
    for number in range(signing.PEER_TRIES):
        assert sign_in(Browser(quick_app), f"guess-{number}", password="wrong").status_code == 422
        if number % 7 == 0:
            sign_in(Browser(quick_app))
    assert peer_times(quick) == signing.PEER_TRIES
    assert sign_in(Browser(quick_app), "guess-last", password="wrong").status_code == 429
    assert sign_in(Browser(quick_app)).status_code == 429
    quick.clock.set(NOON + timedelta(seconds=3))
    assert sign_in(Browser(quick_app)).status_code == 303
    assert sign_in(Browser(quick_app), "guess-more", password="wrong").status_code == 422
    assert sign_in(Browser(quick_app)).status_code == 429


def test_guesses_that_wait_are_not_looked_at(quick):
    with quick.work() as work:
        for _ in range(200):
            tried = signing.begin(work, "hanbing", "", "10.0.0.1")
    assert tried.wait > timedelta(0)
    with quick.database.read() as connection:
        rows = dict(connection.exec_driver_sql("SELECT subject, times FROM failure").all())
    assert rows[f"user:{model.digest('hanbing')}"] == 5


def test_waiting_doubles_up_to_a_quarter_of_an_hour():
    waits = [model.wait_after(times).total_seconds() for times in range(4, 20)]
    assert waits[:5] == [0, 2, 4, 8, 16]
    assert waits[-1] == 900


def test_the_session_of_before_is_dead_after_signing_in(quick, quick_app):
    browser = Browser(quick_app)
    sign_in(browser)
    before = browser.cookie("houqin-session")
    desk = desk_of(quick)
    with quick.work() as work:
        tried = signing.begin(work, "hanbing", "", "10.0.0.1")
        signing.sign_in(work, desk, tried, session.new_session(), agent="", peer="", old_secret=before)
    with quick.work() as work:
        assert signing.renew(work, desk, before) is None
    answer = browser.get("/requests/mine")
    assert "/requests/session/renew" in answer.headers["Location"]
    assert "/requests/sign-in" in browser.get(answer.headers["Location"]).headers["Location"]


def test_a_session_chosen_by_somebody_else_opens_nothing(quick_app):
    browser = Browser(quick_app)
    browser.keep("houqin-session", "chosen-by-an-attacker")
    sign_in(browser)
    assert browser.cookie("houqin-session") != "chosen-by-an-attacker"


def test_signing_out_ends_it_at_once_and_is_told(quick, quick_app):
    browser = Browser(quick_app)
    sign_in(browser)
    kept = browser.cookie("houqin-pass"), browser.cookie("houqin-session")
    answer = browser.submit("/requests/", "/requests/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"storage"'
    thief = Browser(quick_app)
    thief.keep("houqin-pass", kept[0])
    thief.keep("houqin-session", kept[1])
    assert thief.get("/requests/mine").status_code == 303
    [envelope] = said(quick, "requests.session_ended")
    assert envelope["data"]["reason"] == "signed_out"


def test_a_pass_is_renewed_without_a_word_and_nothing_typed_is_lost(quick, quick_app):
    browser = Browser(quick_app)
    sign_in(browser)
    quick.clock.set(NOON + timedelta(minutes=11))
    answer = browser.get("/requests/mine?view=open")
    assert answer.headers["Location"].startswith("/requests/session/renew?next=")
    back = browser.get(answer.headers["Location"])
    assert back.headers["Location"] == "/requests/mine?view=open"
    assert browser.get("/requests/mine?view=open").status_code == 200
    quick.clock.set(NOON + timedelta(minutes=25))
    post = browser.post("/requests/1125-001/urge", {"_csrf": "x"})
    assert (post.status_code, post.headers["Location"][:31]) == (307, "/requests/session/renew?next=%2F"[:31])


@pytest.mark.parametrize(
    ("user", "idle", "most"),
    [("hanbing", timedelta(hours=12), timedelta(days=7)), ("sunli", timedelta(minutes=30), timedelta(hours=8)),
     ("wangjianguo", timedelta(hours=12), timedelta(hours=24)), ("admin", timedelta(minutes=30), timedelta(hours=8))],
)  # fmt: skip
def test_sessions_end_by_role_when_unused_and_at_the_latest(quick, quick_app, user, idle, most):
    browser = Browser(quick_app)
    sign_in(browser, user)
    secret = browser.cookie("houqin-session")
    desk = desk_of(quick)

    def renew(at):
        quick.clock.set(at)
        with quick.work() as work:
            return signing.renew(work, desk, secret)

    at = NOON
    while at + idle - timedelta(minutes=1) < NOON + most:
        at += idle - timedelta(minutes=1)
        assert renew(at)
    assert renew(NOON + most) is None
    forget(quick)
    with quick.database.read() as connection:
        assert store.sessions_of(connection, person(user).account) == []


def test_disabling_an_account_ends_it_on_the_next_page(quick, quick_app):
    browser = Browser(quick_app)
    sign_in(browser)
    assert browser.get("/requests/mine").status_code == 200
    with quick.work() as work:
        accounts.change_account(work, person().account, person("admin").account, enabled=False)
    assert browser.get("/requests/mine").status_code == 303
    changed = said(quick, "requests.account_changed")[-1]
    assert (changed["data"]["epoch"], changed["data"]["enabled"], changed["sequence"]) == (2, False, 2)


def test_a_lost_role_ends_older_passes(quick, quick_app):
    program = Program(quick, quick_app, "hejing")
    assert program.get("/requests/api/requests").status_code == 200
    with quick.work() as work:
        accounts.change_account(work, person("hejing").account, person("admin").account, roles=("staff",))
    quick.clock.set(NOON + timedelta(seconds=2))
    assert program.get("/requests/api/requests").status_code == 401


def test_switching_role_gives_a_new_session_and_the_old_one_is_dead(quick, quick_app):
    browser = Browser(quick_app)
    sign_in(browser, "hejing")
    before = browser.cookie("houqin-session")
    answer = browser.submit("/requests/", "/requests/session/role", role="staff")
    assert answer.headers["Location"] == "/requests/"
    assert browser.cookie("houqin-session") != before
    with quick.work() as work:
        assert signing.renew(work, desk_of(quick), before) is None
    assert browser.submit("/requests/", "/requests/session/role", role="administrator").status_code == 422


def test_the_password_is_asked_again_before_it_is_changed(quick, quick_app):
    browser = Browser(quick_app)
    sign_in(browser)
    quick.clock.set(NOON + timedelta(minutes=9))
    browser.get(browser.get("/requests/session/renew?next=/requests/me").headers["Location"])
    quick.clock.set(NOON + timedelta(minutes=12))
    html = browser.get("/requests/me").text
    assert 'action="/requests/me/password"' not in html
    csrf = html.partition('name="_csrf" value="')[2].partition('"')[0]
    new = {"password": "a-long-passphrase-2", "again": "a-long-passphrase-2"}
    assert browser.post("/requests/me/password", {"_csrf": csrf, **new}).status_code == 401
    assert browser.submit("/requests/session/confirm", "/requests/session/confirm", password="wrong").status_code == 422
    again = browser.submit(
        "/requests/session/confirm", "/requests/session/confirm", password=PASSWORD, next="/requests/me"
    )
    assert again.headers["Location"] == "/requests/me"
    assert (
        browser.submit(
            "/requests/me", "/requests/me/password", password="a-long-passphrase-2", again="other"
        ).status_code
        == 422
    )
    done = browser.submit("/requests/me", "/requests/me/password", **new)
    assert done.status_code == 303
    assert sign_in(Browser(quick_app), password=PASSWORD).status_code == 422
    assert sign_in(Browser(quick_app), password="a-long-passphrase-2").status_code == 303


def test_another_password_ends_the_other_sessions(quick, quick_app):
    here, there = Browser(quick_app), Browser(quick_app)
    sign_in(here)
    sign_in(there)
    here.submit("/requests/me", "/requests/me/password", password="九个字的中文口令长句", again="九个字的中文口令长句")
    assert here.get("/requests/mine").status_code == 200
    assert there.get("/requests/mine").status_code == 303


def test_my_devices_are_listed_and_can_be_signed_out(quick, quick_app):
    here, there = Browser(quick_app), Browser(quick_app)
    sign_in(here)
    sign_in(there)
    with quick.database.read() as connection:
        sessions = store.sessions_of(connection, person().account)
    assert "Chrome · Windows" in here.get("/requests/me").text
    mine = here.get("/requests/me").text
    [other] = [each for each in sessions if each.secret != model.digest(here.cookie("houqin-session"))]
    assert other.id in mine
    assert here.submit("/requests/me", "/requests/me/sessions", session=other.id).status_code == 303
    assert there.get("/requests/mine").status_code == 303
    with quick.database.read() as connection:
        assert len(store.sessions_of(connection, person().account)) == 1


def test_nobody_ends_anothers_session(quick, quick_app):
    mine, other = Browser(quick_app), Browser(quick_app)
    sign_in(mine)
    sign_in(other, "hejing")
    with quick.database.read() as connection:
        [foreign] = store.sessions_of(connection, person("hejing").account)
    assert mine.submit("/requests/me", "/requests/me/sessions", session=foreign.id).status_code == 404


@pytest.mark.parametrize(
    ("password", "key"),
    [
        ("short", "short"), ("x" * 129, "long"), ("12345678", "common"), ("PassWord", "common"), ("aaaaaaaaaa", "common"),
        ("5201314520", "common"), ("Corvette", "common"), ("Password123!", "common"), ("hanbing1", "name"), ("韩冰2026", "short"), ("Hanbing2026", "name"), ("houqin2026", "name"),
        ("后勤20262026", "name"), ("binghan#86", "name"), ("Bing.Han86", "name"), ("hb19860412", "name"), ("2026hanbing", "name"),
    ],
)  # fmt: skip
def test_weak_passwords_are_refused(password, key):
    assert passwords.fault(password, ("hb0412", "韩冰", "Ice")) == f"requests.password.{key}"


@pytest.mark.parametrize(
    "password",
    ["correct horse", "一个很长的中文口令" * 7, "Tr0ub4dor&3x", "hanbing loves the long way home", "xkhbq7#zw"],
)
def test_good_passwords_are_taken_whole(password):
    assert passwords.fault(password, ("hanbing", "韩冰", "Han Bing")) == ""
    stored = signing.hash_password(password)
    assert signing.is_password(stored, password)
    assert not signing.is_password(stored, password[:-1])


def test_the_list_of_common_passwords_is_long_and_of_those_that_length_lets_through():
    assert len(passwords.common()) > 10_000
    assert all(len(each) >= passwords.LEAST and each == each.casefold() for each in passwords.common())


def test_a_password_hashed_with_weaker_parameters_is_hashed_anew_at_sign_in(quick, quick_app):
    weaker = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)

    def stored():
        with quick.database.read() as connection:
            return store.account_by_id(connection, person().account)

    with quick.work() as work:
        store.replace_hash(work.connection, stored(), weaker)
    assert sign_in(Browser(quick_app), password="wrong").status_code == 422
    assert stored().password == weaker
    browser = Browser(quick_app)
    assert sign_in(browser).status_code == 303
    renewed = stored().password
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert browser.get("/requests/mine").status_code == 200  # no session ended by it
    # What is strong enough stays as it is.
    assert sign_in(Browser(quick_app)).status_code == 303
    assert stored().password == renewed


def test_a_hash_made_anew_does_not_undo_a_change_of_password_meanwhile(quick):
    with quick.work() as work:
        before = store.account_by_id(work.connection, person().account)
        accounts.set_password(work, before.id, "a longer sentence of mine")
        store.replace_hash(work.connection, before, "anew")
        assert signing.is_password(
            store.account_by_id(work.connection, before.id).password, "a longer sentence of mine"
        )


# ---- API tokens


def test_a_token_is_shown_once_and_kept_as_a_digest(quick, quick_app):
    browser = Browser(quick_app)
    sign_in(browser)
    answer = browser.submit("/requests/me", "/requests/me/tokens", name="接口", services="requests", days="30")
    text = answer.text.partition('class="secret" data-copy="')[2].partition('"')[0]
    assert text.startswith("hq_")
    assert len(text) == 35
    assert text not in browser.get("/requests/me").text
    with quick.database.read() as connection:
        [token] = store.tokens_of(connection, person().account)
    assert token.secret == model.digest(text)
    assert token.verbs == "read"


def test_a_token_that_only_reads_cannot_write(quick, quick_app):
    program = Program(quick, quick_app, verbs=("read",))
    assert program.get("/requests/api/session").json["kind"] == "api"
    assert program.post("/requests/api/requests", {"item": "repair"}).status_code == 403


def test_a_token_for_another_service_opens_nothing_here(quick, quick_app):
    program = Program(quick, quick_app, services=("billing",))
    assert program.get("/requests/api/session").status_code == 401


def test_a_token_ends_when_it_is_revoked_and_when_its_time_is_over(quick, quick_app):
    text = token_of(quick)
    desk = desk_of(quick)
    with quick.work() as work:
        signed, until = signing.exchange(work, desk, text)
    assert until - NOON == timedelta(minutes=10)
    with quick.database.read() as connection:
        [token] = store.tokens_of(connection, person().account)
    with quick.work() as work:
        signing.revoke_token(work, person().account, token.id)
    with quick.work() as work:
        assert signing.exchange(work, desk, text) is None
    client = Browser(quick_app).client
    assert client.get("/requests/api/session", headers={"Authorization": f"Bearer {signed}"}).status_code == 401
    other = token_of(quick)
    quick.clock.set(NOON + timedelta(days=31))
    with quick.work() as work:
        assert signing.exchange(work, desk, other) is None


def test_nobody_revokes_anothers_token(quick):
    token_of(quick)
    with quick.database.read() as connection:
        [token] = store.tokens_of(connection, person().account)
    with pytest.raises(Absent), quick.work() as work:
        signing.revoke_token(work, person("hejing").account, token.id)


def test_a_token_cannot_make_a_token(quick, quick_app):
    assert Program(quick, quick_app).post("/requests/api/tokens", {"name": "x"}).status_code == 401


def test_a_token_in_an_address_is_refused(quick, quick_app):
    answer = Browser(quick_app).get(f"/requests/api/session?token={token_of(quick)}")
    assert answer.status_code == 400


@pytest.mark.parametrize("text", ["", "hq_", "hq_" + "a" * 32, "x" * 101, "hq_\x00"])
def test_a_token_that_is_none_gets_no_pass(house_app, text):
    assert Browser(house_app).client.post("/requests/api/passes", json={"token": text}).status_code in {401, 422}


def test_a_time_boxed_account_ends_by_itself(quick, quick_app):
    quick.clock.set(NOON + timedelta(days=91))
    assert sign_in(Browser(quick_app), "moli").status_code == 422
    assert sign_in(Browser(quick_app), "chenguang").status_code == 303


def test_an_administrator_cannot_shut_himself_out(quick):
    admin = person("admin").account
    for changes in ({"enabled": False}, {"roles": ("staff",)}):
        with pytest.raises(accounts.OwnAccount), quick.work() as work:
            accounts.change_account(work, admin, admin, **changes)


def test_two_accounts_cannot_have_one_name(running):
    account = store.Account(
        id="", user_name="HanBing", name="韩冰", name_en="Han Bing", roles=("staff",), department="", organisation="",
        supplier="", crew="", office="", phone="", password="",
    )  # fmt: skip
    with pytest.raises(accounts.UserTaken), running.work() as work:
        accounts.make_account(work, account)


def test_the_demonstration_is_settled_once(running):
    before = len(said(running))
    SERVICE.demonstrate(running)
    assert len(said(running)) == before


def test_the_demonstration_has_three_hundred_people_and_nine_to_sign_in_as(quick):
    with quick.database.read() as connection:
        assert len(store.list_accounts(connection, limit=1000)) == 309
        assert len(store.shown_accounts(connection)) == 9


def test_outside_a_demonstration_no_account_is_shown(quick, monkeypatch):
    monkeypatch.setattr("services.requests.service.refuse_demonstration", lambda running: None)
    quick.settings = quick.settings.with_(HOUQIN_PROFILE="production")
    html = Browser(an_app(quick)).get("/requests/sign-in").text
    assert PASSWORD not in html
    assert "hanbing" not in html


def test_a_role_that_is_none_is_refused():
    with pytest.raises(Invalid):
        accounts.check_roles(("king",))
    with pytest.raises(Invalid):
        accounts.check_roles(())
