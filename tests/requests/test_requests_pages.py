import re
from datetime import timedelta

import pytest
from markupsafe import escape

from services.requests import model, store
from services.requests.catalogue_reading import load_catalogue
from services.requests.handlers import accounts, filing, following
from services.requests.model import Filing
from services.requests.service import routes
from shared.contracts import dispatch as told
from shared.errors import Invalid
from shared.language import CODES, language
from shared.web.routes import SAFE
from shared.web.states import STATES
from tests.requests.conftest import NOON, SITE, Browser, Dispatch, an_app, desk_of, person, said, token_of
from tests.requests.test_requests_following import a_day

ITEMS = [item.code for item in load_catalogue()]


def a_browser(app, user="hanbing", language="zh-Hans"):
    browser = Browser(app, language)
    assert browser.sign_in(user).status_code == 303
    return browser


@pytest.fixture(scope="module")
def hanbing(house_app):
    """Somebody signed in to the house that all share."""
    return a_browser(house_app)


def filed(running, who="hanbing", **changes):
    wanted = {"item": "repair", "place": "B2-302", "answers": {"what": "light"}, **changes}
    with running.work() as work:
        return filing.file_request(work, desk_of(running), person(who), Filing(**wanted), "form")


def path_of(request):
    return f"/requests/{model.short(request.reference)}"


def in_state(running, state, dispatch=None):
    """A request of hanbing's that stands in this state."""
    request = filed(running)
    dispatch = dispatch or Dispatch(running)
    order = running.ids()
    base = {"order_id": order, "request_id": request.id}
    upto = {"assigned": 2, "under_way": 5, "paused": 5, "to_confirm": 6, "closed": 6, "reopened": 6, "refused": 1}.get(
        state, 0
    )
    for sequence, event in enumerate(a_day(request, order=order)[:upto], 1):
        dispatch.say(event, sequence)
    if state == "paused":
        dispatch.say(told.WorkOrderPaused(**base, paused_at=NOON, reason="awaiting_parts", by="crew"), 9)
    if state == "refused":
        dispatch.say(told.WorkOrderCancelled(**base, cancelled_at=NOON, reason="other"), 9)
    acts = {"closed": following.confirm, "reopened": following.reopen, "withdrawn": following.withdraw}
    if state in acts:
        with running.work() as work:
            acts[state](work, store.request_by_id(work.connection, request.id, lock=True), ("韩冰", "Han Bing"))
    with running.database.read() as connection:
        assert store.request_by_id(connection, request.id).state == state
    return request


def test_a_form_files_a_request_and_shows_it(running, app):
    browser = a_browser(app)
    answer = browser.submit(
        "/requests/new/repair",
        "/requests/new/repair",
        what="aircon",
        details="不制冷，滴水",
        priority="2",
        contact="8302",
    )
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/requests/1125-001?filed=1"
    html = browser.get(answer.headers["Location"]).text
    assert "空调：不制冷，滴水" in html
    assert "已提交，编号 1125-001" in html
    [envelope] = said(running, "requests.request_filed")
    assert envelope["data"]["place"] == "B2-302"  # the usual office was filled in
    assert envelope["data"]["channel"] == "form"


def test_a_form_sent_twice_makes_one_request(quick, quick_app):
    browser = a_browser(quick_app)
    html = browser.get("/requests/new/repair").text
    hidden = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html.partition('class="with-aside')[2])
    )
    answers = [browser.post("/requests/new/repair", {**hidden, "what": "light"}) for _ in range(3)]
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len(said(quick, "requests.request_filed")) == 1


@pytest.mark.parametrize("language", CODES)
def test_a_form_with_faults_comes_back_with_words_and_with_what_was_typed(house, hanbing, language):
    hanbing.keep("houqin-language", language)
    before = len(said(house))
    answer = hanbing.submit(
        "/requests/new/meeting",
        "/requests/new/meeting",
        subject="处务会",
        starts_at="2020-01-01T09:00",
        headcount="many",
        contact="12",
    )
    assert answer.status_code == 422
    assert 'value="处务会"' in answer.text
    assert 'value="2020-01-01T09:00"' in answer.text
    wanted = {
        "zh-Hans": ("请填4位分机号或11位手机号", "请填整数"),
        "en": ("Enter a 4-digit extension", "Enter a whole number"),
    }[language]
    assert wanted[0] in answer.text
    assert 'href="#f-headcount"' in answer.text
    assert 'href="#f-place"' in answer.text
    assert len(said(house)) == before


def test_a_place_is_found_by_the_words_typed_when_there_is_no_script(quick, quick_app):
    browser = a_browser(quick_app)
    answer = browser.submit(
        "/requests/new/repair", "/requests/new/repair", what="light", place_words="2号楼 茶水间 3层"
    )
    assert answer.status_code == 303
    assert said(quick, "requests.request_filed")[0]["data"]["place"] == "B2-3-tea"
    lost = browser.submit("/requests/new/repair", "/requests/new/repair", what="light", place_words="火星")
    assert lost.status_code == 422
    assert "没找到这个地方" in lost.text


def test_a_recent_place_is_a_button_that_fills_the_form_and_files_nothing(quick, quick_app):
    filed(quick, place="B2-3-tea")
    before = len(said(quick))
    browser = a_browser(quick_app)
    assert 'value="B2-3-tea"' in browser.get("/requests/new/repair").text
    answer = browser.submit(
        "/requests/new/repair", "/requests/new/repair", what="pipe", details="滴水", place_pick="B2-3-tea"
    )
    assert answer.status_code == 200
    assert "3层茶水间</b>" in answer.text
    assert "滴水" in answer.text
    assert len([each for each in said(quick) if each["type"].startswith("requests.request")]) == before


def test_a_door_label_fills_in_the_place_and_asks_nothing_else(quick, quick_app):
    html = a_browser(quick_app).get("/requests/new/cleaning?place=B1-901").text
    assert "1号楼 9层 901办公室" in html


def test_what_one_may_not_ask_for_is_shown_with_the_reason_and_has_no_form(quick, quick_app):
    browser = a_browser(quick_app)
    home = browser.get("/requests/").text
    assert "仅限授权人员" in home
    assert "/requests/new/residence" not in home
    form = browser.get("/requests/new/residence").text
    assert '<form class="with-aside' not in form
    csrf = re.search(r'data-csrf="([^"]*)"', home)[1]
    assert browser.post("/requests/new/residence", {"_csrf": csrf, "what": "bedding"}).status_code == 422
    assert said(quick, "requests.request_filed") == []


def test_home_begins_with_what_one_asks_for_most(quick, quick_app):
    for _ in range(2):
        filed(quick, item="landscaping", answers={"what": "plants"})
    filed(quick, item="barber", place="", answers={"what": "cut"}, starts_at=NOON + timedelta(days=1))
    codes = re.findall(r'href="/requests/new/(\w+)"', a_browser(quick_app).get("/requests/").text)
    assert codes[:3] == ["landscaping", "barber", "meeting"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("state", [state for state in STATES["request"] if state not in {"draft", "awaiting_approval"}])
def test_a_request_is_shown_in_every_state_in_both_languages(house, house_dispatch, hanbing, state, code):
    request = in_state(house, state, house_dispatch)
    browser = hanbing
    browser.keep("houqin-language", code)
    words = language(code)
    answer = browser.get(path_of(request))
    assert answer.status_code == 200
    assert words.state("request", state) in answer.text
    for act in ("withdraw", "urge", "confirm", "reopen"):
        assert (f'action="{path_of(request)}/{act}"' in answer.text) == (act in model.ACTS[state])
    assert words.state("request", state) in browser.get("/requests/mine").text


def test_stars_words_and_tags_are_sent_with_one_form(quick, quick_app):
    request = in_state(quick, "to_confirm")
    browser = a_browser(quick_app)
    answer = browser.submit(path_of(request), f"{path_of(request)}/confirm", stars="4", tags="on_time", words="很快")
    assert answer.status_code == 303
    assert "★★★★☆" in browser.get(path_of(request)).text
    assert "★★★★☆" in browser.get("/requests/mine").text


def test_an_act_that_came_too_late_is_answered_in_place(quick, quick_app):
    request = in_state(quick, "to_confirm")
    browser = a_browser(quick_app)
    html = browser.get(path_of(request)).text
    csrf = re.search(r'data-csrf="([^"]*)"', html)[1]
    answer = browser.post(f"{path_of(request)}/withdraw", {"_csrf": csrf, "reason": "mistake"})
    assert answer.status_code == 409
    assert "已经过了能这样办的时候" in answer.text


def test_a_foreign_request_looks_like_none(quick, quick_app):
    request = filed(quick)
    browser = a_browser(quick_app, "sunli")
    foreign, absent = browser.get(path_of(request)), browser.get("/requests/1125-999")
    assert foreign.status_code == absent.status_code == 404
    assert re.sub(r"1125-\d+|[0-9a-f]{4}-[0-9a-f]{2}|[0-9a-f-]{36}", "", foreign.text) == re.sub(
        r"1125-\d+|[0-9a-f]{4}-[0-9a-f]{2}|[0-9a-f-]{36}", "", absent.text
    )


def test_no_word_of_a_restricted_request_is_seen_by_others(quick, quick_app):
    filed(quick, item="clinic", place="", answers={"what": "visit", "details": "杏"})
    filed(quick, item="security", answers={"what": "order", "details": "杏"})
    for user in ("hejing", "chenguang", "moli", "admin"):
        browser = a_browser(quick_app, user)
        for path in (
            "/requests/1125-001",
            "/requests/1125-002",
            "/requests/",
            "/requests/mine",
            "/requests/api/requests",
        ):
            assert "杏" not in browser.get(path).text


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}",
    "'; DROP TABLE request; --",
    "=cmd|' /C calc'!A0",
    "%s%n",
    "𠮷" * 50,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_only_words(hanbing, text):
    browser = hanbing
    answer = browser.submit("/requests/new/repair", "/requests/new/repair", what="other", details=text)
    assert answer.status_code == 303
    assert str(escape(text)) in browser.get(answer.headers["Location"]).text
    for path in (answer.headers["Location"], "/requests/mine", "/requests/"):
        html = browser.get(path).text
        assert "<script>alert" not in html
        assert "<img src=x" not in html


@pytest.mark.parametrize("text", ["a\x00b", "\u202etxt.exe", "\u2066x\u2069", "\x1b[31m", "\x85", "\ufeffx"])
def test_characters_that_nobody_types_are_refused(house, hanbing, text):
    before = len(said(house))
    answer = hanbing.submit("/requests/new/repair", "/requests/new/repair", what="other", details=text)
    assert answer.status_code == 422
    assert len(said(house)) == before


def test_a_scalar_given_twice_is_refused(quick, quick_app):
    browser = a_browser(quick_app)
    csrf = re.search(r'data-csrf="([^"]*)"', browser.get("/requests/").text)[1]
    answer = browser.post("/requests/new/repair", {"_csrf": csrf, "what": ["light", "pipe"]})
    assert answer.status_code == 400


def test_forms_of_other_sites_and_other_sessions_do_nothing(quick, quick_app):
    browser, other = a_browser(quick_app), a_browser(quick_app, "sunli")
    csrf = re.search(r'data-csrf="([^"]*)"', browser.get("/requests/").text)[1]
    foreign = re.search(r'data-csrf="([^"]*)"', other.get("/requests/").text)[1]
    body = {"what": "light", "place": "B2-302"}
    assert browser.post("/requests/new/repair", body).status_code == 403
    assert browser.post("/requests/new/repair", {**body, "_csrf": foreign}).status_code == 403
    cross = browser.client.post(
        "/requests/new/repair", base_url=SITE, data={**body, "_csrf": csrf}, headers={"Origin": "https://evil.example"}
    )
    assert cross.status_code == 403
    assert said(quick, "requests.request_filed") == []


def test_getting_pages_changes_nothing(quick, quick_app):
    filed(quick)
    browser = a_browser(quick_app)
    before = len(said(quick))
    for path in (
        "/requests/",
        "/requests/mine",
        "/requests/new/repair?place=B2-302",
        "/requests/1125-001",
        "/requests/track",
        "/requests/me",
    ):
        assert browser.get(path).status_code == 200
    assert len(said(quick)) == before


# ---- tracking


def test_a_request_is_tracked_by_reference_and_code_and_shows_state_words_only(quick, quick_app):
    request = filed(quick, answers={"what": "light", "details": "杏"})
    browser = Browser(quick_app)
    answer = browser.submit("/requests/track", "/requests/track", reference="1125-001", code=request.code.lower())
    assert answer.status_code == 200
    assert "待派单" in answer.text
    for word in ("杏", "韩冰", "B2-302", "302办公室", "8302"):
        assert word not in answer.text


def test_an_unknown_reference_and_a_wrong_code_look_alike_and_are_limited(quick, quick_app):
    filed(quick)
    browser = Browser(quick_app)
    wrong = browser.submit("/requests/track", "/requests/track", reference="1125-001", code="AAAA-AAAA-AAAA")
    unknown = browser.submit("/requests/track", "/requests/track", reference="1125-777", code="AAAA-AAAA-AAAA")
    assert wrong.status_code == unknown.status_code == 404
    clean = [re.sub(r'value="[^"]*"', "", answer.text) for answer in (wrong, unknown)]
    assert clean[0] == clean[1]
    codes = [
        browser.submit("/requests/track", "/requests/track", reference="1125-001", code=f"{n:012}").status_code
        for n in range(25)
    ]
    assert set(codes) == {404, 429}
    assert codes.count(404) < 10


# ---- the administrator


def test_an_administrator_makes_changes_and_disables_an_account(quick, quick_app):
    admin = a_browser(quick_app, "admin")
    answer = admin.submit(
        "/requests/admin/people/new",
        "/requests/admin/people/new",
        user="LiSi",
        name="李四",
        name_en="Li Si",
        roles="staff",
        department="treasury",
        office="B1-101",
        phone="2999",
        enabled="on",
    )
    assert answer.status_code == 303
    path = answer.headers["Location"]
    assert Browser(quick_app).sign_in("lisi", "").status_code == 422  # no password yet
    assert admin.submit(path, f"{path}/password", password="short").status_code == 422
    assert admin.submit(path, f"{path}/password", password="一个很长的口令一个").status_code == 303
    person_ = Browser(quick_app)
    assert person_.sign_in("lisi", "一个很长的口令一个").status_code == 303
    form = {"name": "李四", "name_en": "Li Si", "roles": "crew", "crew": "in-elec-1"}
    assert admin.submit(path, path, **form).status_code == 303
    assert person_.get("/requests/me").status_code == 303
    changed = [each["data"] for each in said(quick, "requests.account_changed")]
    assert [(each["epoch"], each["roles"], each["enabled"]) for each in changed] == [
        (1, ["staff"], True),
        (2, ["crew"], False),
    ]


def test_an_administrator_revokes_a_token_of_somebody(quick, quick_app):
    text = token_of(quick)
    admin = a_browser(quick_app, "admin")
    path = f"/requests/admin/people/{person().account}"
    with quick.database.read() as connection:
        [token] = store.tokens_of(connection, person().account)
    assert admin.submit(path, f"{path}/tokens", token=token.id).status_code == 303
    assert Browser(quick_app).client.post("/requests/api/passes", json={"token": text}).status_code == 401


def test_what_is_wrong_with_an_account_is_said(quick, quick_app):
    admin = a_browser(quick_app, "admin")
    good = {"user": "lisi", "name": "李四", "name_en": "Li Si", "roles": "staff", "enabled": "on"}
    path = "/requests/admin/people/new"
    for name, value, words in (
        ("user", "hanbing", "requests.error.user_taken"), ("user", "", "field.required"), ("roles", "king", "field.choice"),
        ("department", "nowhere", "field.choice"), ("office", "B9-1", "requests.field.place"), ("name", "", "field.required"),
        ("phone", "12", "requests.field.phone"), ("organisation", "../x", "field.key"),
    ):  # fmt: skip
        answer = admin.submit(path, path, **{**good, name: value})
        assert answer.status_code in {409, 422}, (name, value)
        assert language("zh-Hans")(words) in answer.text, (name, value)


@pytest.mark.parametrize("role", ["finance", "contract_manager", "supervisor", "auditor", "administrator"])
def test_whoever_decides_about_suppliers_is_employed_by_none(quick, quick_app, role):
    admin = a_browser(quick_app, "admin")
    refused = language("zh-Hans")("requests.field.contractor")
    new = "/requests/admin/people/new"
    made = {"user": "lisi", "name": "李四", "name_en": "Li Si", "roles": ["supplier", role], "enabled": "on"}
    answer = admin.submit(new, new, **made, supplier="HY")
    assert answer.status_code == 422
    assert refused in answer.text
    assert admin.submit(new, new, **made).status_code == 303  # nobody's employee

    lina = f"/requests/admin/people/{person('lina').account}"
    form = {"name": "李娜", "name_en": "Li Na", "supplier": "HY", "enabled": "on"}
    answer = admin.submit(lina, lina, **form, roles=["supplier", role])
    assert answer.status_code == 422
    assert refused in answer.text
    with quick.work() as work, pytest.raises(Invalid):
        accounts.change_account(work, person("lina").account, "", roles=("supplier", role))


def test_people_are_found_and_the_list_goes_on(quick, quick_app):
    admin = a_browser(quick_app, "admin")
    first = admin.get("/requests/admin/people").text
    onward = re.search(r'rel="next" href="([^"]*)"', first)[1].replace("&amp;", "&")
    second = admin.get(onward).text
    names = [set(re.findall(r"/requests/admin/people/([0-9a-f-]{36})", html)) for html in (first, second)]
    assert len(names[0]) == len(names[1]) == 60
    assert not names[0] & names[1]
    assert "韩冰" in admin.get("/requests/admin/people?q=韩冰").text
    assert (
        len(
            set(
                re.findall(
                    r"/requests/admin/people/([0-9a-f-]{36})", admin.get("/requests/admin/people?role=crew").text
                )
            )
        )
        == 1
    )
    assert "没有符合" in admin.get("/requests/admin/people?q=%25_nobody").text


@pytest.mark.parametrize("code", CODES)
def test_every_page_is_there_in_both_languages(quick, quick_app, code):
    filed(quick)
    admin, staff, visitor = (
        a_browser(quick_app, "admin", code),
        a_browser(quick_app, "hanbing", code),
        Browser(quick_app, code),
    )
    lang = f'<html lang="{code}"'
    for path in (
        "catalogue",
        "people",
        "people/new",
        f"people/{person().account}",
        "running",
        *(f"catalogue?item={item}" for item in ITEMS),
    ):
        answer = admin.get(f"/requests/admin/{path}")
        assert answer.status_code == 200, path
        assert lang in answer.text
    for path in (
        "",
        "mine",
        "mine?view=ended",
        "me",
        "1125-001",
        "session/confirm",
        *(f"new/{item}" for item in ITEMS),
    ):
        answer = staff.get(f"/requests/{path}")
        assert answer.status_code == 200, path
        assert lang in answer.text
    for path in ("sign-in", "track"):
        assert visitor.get(f"/requests/{path}").status_code == 200


# ---- who may what

ROLES = {
    "staff": "hanbing", "dispatcher": "hejing", "crew": "wangjianguo", "supplier": "lina", "finance": "sunli",
    "contract_manager": "zhaomin", "supervisor": "chenguang", "auditor": "moli", "administrator": "admin",
}  # fmt: skip


@pytest.mark.parametrize(("role", "user"), ROLES.items())
def test_every_route_lets_in_the_roles_of_its_table_and_no_others(quick, role, user):
    with quick.work() as work:  # each role alone
        accounts.change_account(work, person(user).account, "", roles=(role,))
    app = an_app(quick)
    browser = a_browser(app, user)
    csrf = re.search(r'data-csrf="([^"]*)"', browser.get("/requests/me").text)[1]
    values = {
        "reference": "1125-404",
        "code": "nothing",
        "account_id": "nobody",
        "token_id": "none",
        "item": "repair",
        "row": "7",
        "booking_id": "none",
        "waiter_id": "none",
        "feed_id": "none",
        "quota_id": "none",
    }
    for route in routes():
        if route.allow.public or route.name in {"sign_out", "end_session"}:
            continue
        path = "/requests" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values.get(found[1], "none"), route.path)
        options = (
            {}
            if route.method in SAFE
            else ({"json": {}, "headers": {"X-CSRF-Token": csrf}} if route.kind == "api" else {"data": {"_csrf": csrf}})
        )
        headers = {**browser.headers, **options.pop("headers", {})}
        answer = browser.client.open(path, method=route.method, base_url=SITE, headers=headers, **options)
        if role in route.allow.scopes:
            assert answer.status_code not in {401, 403, 500}, (route.name, answer.status_code)
        else:
            assert answer.status_code == 403, (route.name, answer.status_code)


def test_what_is_handed_over_on_the_home_page_is_the_first_sentence_of_the_talk(quick_app):
    staff = Browser(quick_app)
    staff.sign_in("hanbing")
    answer = staff.submit("/requests/", "/requests/chat", text="B2-302的灯坏了")
    assert answer.status_code == 303 and answer.headers["Location"].endswith("/requests/chat#end")
    assert "B2-302的灯坏了" in staff.get("/requests/chat").text


@pytest.mark.parametrize(("asked", "shown"), [("", ""), ("?level=deep", "deep"), ("?level=special", "")])
def test_the_form_holds_the_promises_of_each_level_and_shows_those_of_the_one_chosen(hanbing, asked, shown):
    html = hanbing.get(f"/requests/new/cleaning{asked}").text
    found = re.findall(
        r'<ol class="promises" data-level="(\w*)" data-by="(\d)"( data-usual)?( hidden)?>(.*?)</ol>', html, re.DOTALL
    )
    assert [(level, by) for level, by, *_ in found] == [(level, by) for level in ("", "deep") for by in "123"]
    assert {level for level, _, _, hidden, _ in found if not hidden} == {shown}
    usual = {level: times for level, _, chosen, _, times in found if chosen}
    assert usual[""] != usual["deep"]  # the standard's own finish is later
    assert "消毒，静置10分" in html or "Disinfect, leave for 10 minutes" in html
