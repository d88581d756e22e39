"""The crew's phone through lost signal: steps kept on the device and sent once, conflicts, photos, and what claims change."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from werkzeug.serving import make_server

from shared.web import passes
from tests.browser.harness import shoot
from tests.dispatch.world import HEJING, WANG, a_person, a_photo

REF = "2026-1125-087-1"
SHOWN = 40_000  # milliseconds; a phone whose first attempt fails tries again after fifteen seconds


def kinds(world, ref=REF):
    history = world.client(HEJING).get(f"/dispatch/api/orders/{ref}").json["history"]
    return [each["kind"] for each in history]


# ---- what a claim changes: nothing but what is shown


def test_a_claimed_time_stands_beside_the_time_of_receipt(quick):
    quick.file()
    done = quick.clock.now() + timedelta(minutes=3)
    quick.later(hours=2)
    answer = quick.client(WANG).post(f"/dispatch/api/orders/{REF}/accept", {"claimed_at": done.isoformat()})
    assert answer.status_code == 200
    step = quick.client(HEJING).get(f"/dispatch/api/orders/{REF}").json["history"][-1]
    assert (step["kind"], step["claimed_at"]) == ("accepted", "2026-11-25T02:45:00.000000Z")
    assert quick.order().accepted_at == quick.clock.now()
    assert "手机记今天 10:45" in quick.client(HEJING).get(f"/dispatch/orders/{REF}").text
    said = quick.said("step_claimed")[-1][1]
    assert (said["step"], said["crew"]) == ("accept", "in-elec-1")


def test_no_claim_turns_a_promise_back(quick):
    quick.file()
    early = quick.clock.now() + timedelta(minutes=10)
    quick.do("accept")
    quick.later(hours=2)
    quick.client(WANG).post(f"/dispatch/api/orders/{REF}/arrive", {"claimed_at": early.isoformat()})
    quick.notice()
    assert quick.order().arrival_kept is False
    assert [data["promise"] for _, data, _ in quick.said("promise_breached")] == ["arrival"]


def test_a_claim_in_time_is_not_pointed_out(quick):
    quick.file()
    body = {"claimed_at": quick.clock.now().isoformat()}
    quick.client(WANG).post(f"/dispatch/api/orders/{REF}/accept", body)
    assert quick.said("step_claimed") == []


@pytest.mark.parametrize("at", ["10:45", "2026-11-25T10:45:00", 7, "tomorrow"])
def test_a_claim_that_is_no_time_is_refused(quick, at):
    quick.file()
    assert quick.client(WANG).post(f"/dispatch/api/orders/{REF}/accept", {"claimed_at": at}).status_code == 422
    assert quick.order().state == "offered"


def test_the_same_step_under_the_same_key_is_one_step(world):
    world.file()
    crew = world.client(WANG, **{"Idempotency-Key": "k-1"})
    body = {"claimed_at": "2026-11-25T02:45:00Z"}
    first, second = (crew.post(f"/dispatch/api/orders/{REF}/accept", body) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert kinds(world) == ["opened", "assigned", "accepted"]


def test_a_photo_sent_twice_under_one_key_is_one_photo(world):
    from io import BytesIO

    world.file()
    world.do("accept")
    crew = world.client(WANG, **{"Idempotency-Key": "p-1"})
    for _ in range(2):
        data = {"_csrf": WANG.proof, "kind": "before", "photo": (BytesIO(a_photo(3)), "photo.jpg")}
        answer = crew.client.post(f"/dispatch/api/orders/{REF}/photos", data=data, base_url="http://127.0.0.1:8000",
                                  headers={"Origin": "http://127.0.0.1:8000", **crew.headers})  # fmt: skip
        assert answer.status_code == 201
        assert answer.json["version"] == 4
    assert kinds(world).count("photo") == 1


def test_what_came_too_late_is_told_to_the_dispatchers(quick):
    quick.file()
    quick.do("accept")
    quick.do("assign", "hy-air-1")
    crew = quick.client(WANG)
    assert crew.post(f"/dispatch/api/orders/{REF}/arrive").status_code == 404
    told = crew.post(f"/dispatch/api/orders/{REF}/claims", {"step": "arrive", "claimed_at": "2026-11-25T02:45:00Z"})
    assert told.status_code == 201
    assert "电工一班 王建国报告：今天 10:45已「到了」" in quick.client(HEJING).get("/dispatch/handover").text
    stranger = a_person("crew", account="account-crew-2", crew="in-net-1")
    body = {"step": "arrive", "claimed_at": "2026-11-25T02:45:00Z"}
    assert quick.client(stranger).post(f"/dispatch/api/orders/{REF}/claims", body).status_code == 404


def test_the_worker_is_code_alone_and_named_by_its_hash(quick):
    answer = quick.client().get("/dispatch/crew/worker.js")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "/crew.js" in answer.text.splitlines()[1]
    assert answer.text == quick.client(WANG).get("/dispatch/crew/worker.js").text


# ---- in a browser


class Phone:
    """Wang Jianguo's phone; time passes by itself, at the browser as at the service."""

    def __init__(self, world, browser, person=WANG):
        self.world = world
        self.server = make_server("127.0.0.1", 0, world.app, threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        world.app.public_url = self.address
        private, _ = passes.keep_key(world.folder / "keys")
        signed = passes.Signer.of(private.read_bytes()).sign(person, world.clock.now())
        self.window = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
        self.window.add_cookies([{"name": "houqin-pass", "value": signed, "url": self.address}])
        self.page = self.window.new_page()
        self.problems = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda said: "Content Security" in said.text and self.problems.append(said.text))

    def open(self, path=""):
        self.page.goto(f"{self.address}/dispatch/crew/{path}")

    def until(self, script, *given):
        """Return once ``script`` says true; the page's policy lets Playwright's own waiting evaluate nothing."""
        end = time.monotonic() + SHOWN / 1000
        while not self.page.evaluate(script, *given):
            assert time.monotonic() < end, (script, self.page.locator("main").inner_text())
            self.page.wait_for_timeout(40)

    def ready(self):
        """The worker holds the page, and has kept it and its jobs."""
        self.until("() => Boolean(navigator.serviceWorker.controller)")
        self.until(
            """async (ref) => { for (const name of await caches.keys()) if (name.startsWith("houqin-crew-pages-"))
                 if (await (await caches.open(name)).match(`/dispatch/crew/${ref}`)) return true; return false; }""",
            REF,
        )

    def steps(self):
        return self.page.locator("#outbox li").evaluate_all("items => items.map((each) => each.dataset.state)")

    def press(self, words):
        self.page.locator(f".dock [data-next] button:has-text('{words}')").click()

    def sent(self, count):
        self.until(
            """(n) => document.querySelectorAll("#outbox li[data-state=sent]").length >= n
                 && !document.querySelector("#outbox li:not([data-state=sent])")""",
            count,
        )

    def close(self):
        self.window.close()
        self.world.app.own.hub.stop()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def phone(quick, browser):
    quick.file()
    made = Phone(quick, browser)
    yield made
    made.close()


@pytest.mark.browser
def test_a_job_done_without_signal_is_there_once_when_signal_returns(phone):
    phone.open()
    phone.ready()
    phone.window.set_offline(True)
    phone.open(REF)
    assert phone.page.locator("h1.what").inner_text() == "空调：不制冷、滴水"
    for words, following in (("接单", "出发"), ("出发", "到了"), ("到了", "开工"), ("开工", "办好了")):
        phone.press(words)
        phone.page.wait_for_selector(f".dock [data-next] button:has-text('{following}')")
    assert "没有信号" in phone.page.locator("#outbox .signal").inner_text()
    for kind in ("before", "after"):
        phone.page.locator(".evidence select[name=kind]").select_option(kind)
        phone.page.locator(".evidence input[type=file]").set_input_files(
            {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": a_photo(40 if kind == "before" else 90)}
        )
        phone.page.locator(".evidence button[type=submit]").click()
        phone.page.wait_for_selector(f"#outbox li:has-text('{'作业前' if kind == 'before' else '完成后'}')")
    phone.page.locator("#used input[name=usage_hours]").fill("0.5")
    for box in phone.page.locator("#used input[type=checkbox]").all():
        box.check()
    phone.press("办好了")
    phone.until("() => document.querySelectorAll('#outbox li').length === 7")
    assert kinds(phone.world) == ["opened", "assigned"]
    shoot(phone.page, "crew-offline")
    phone.open(REF)  # the phone is put away and taken out again
    phone.until("() => document.querySelectorAll('#outbox li').length === 7")
    phone.until("() => [...document.querySelectorAll('#outbox li')].every((each) => each.dataset.state === 'kept')")

    phone.window.set_offline(False)
    phone.sent(7)
    found = kinds(phone.world)
    assert found == ["opened", "assigned", "accepted", "set_off", "arrived", "started", "photo", "photo", "finished"]
    order = phone.world.order()
    assert order.state == "finished"
    assert order.usage[0] == ["hours", "0.5", "hours"]
    assert len(order.evidence) == 2
    assert phone.problems == []


@pytest.mark.browser
def test_a_conflict_shows_both_and_one_tap_decides(phone):
    phone.world.do("accept")
    phone.open(REF)
    phone.ready()
    phone.window.set_offline(True)
    phone.press("出发")
    phone.page.wait_for_selector("#outbox li[data-state=kept]")
    phone.world.do("pause", "awaiting_parts", who="何静")
    phone.window.set_offline(False)
    phone.page.wait_for_selector("#outbox li[data-state=clash]", timeout=SHOWN)
    both = phone.page.locator("#outbox .both").inner_text()
    shoot(phone.page, "crew-conflict")
    assert "出发" in both
    assert "何静" in both
    assert phone.world.order().state == "paused"
    phone.page.locator("#outbox button:has-text('按现在的')").click()
    phone.until("() => !document.querySelector('#outbox li')")
    assert phone.world.order().state == "paused"
    assert kinds(phone.world).count("set_off") == 0


@pytest.mark.browser
def test_ones_own_step_may_be_sent_all_the_same(phone):
    phone.world.do("accept")
    phone.open(REF)
    phone.ready()
    phone.window.set_offline(True)
    phone.press("出发")
    phone.page.wait_for_selector("#outbox li[data-state=kept]")
    phone.world.do("pause", "awaiting_parts", who="何静")
    phone.world.do("resume", who="何静")
    phone.window.set_offline(False)
    phone.page.locator("#outbox button:has-text('照我的发')").click(timeout=SHOWN)
    phone.sent(1)
    assert phone.world.order().state == "on_the_way"


@pytest.mark.browser
def test_a_step_on_an_order_that_went_elsewhere_reaches_the_dispatcher(phone):
    phone.world.do("accept")
    phone.open(REF)
    phone.ready()
    phone.window.set_offline(True)
    phone.press("出发")
    phone.page.wait_for_selector("#outbox li[data-state=kept]")
    phone.world.do("assign", "hy-air-1")
    phone.window.set_offline(False)
    phone.page.locator("#outbox button:has-text('告诉调度')").click(timeout=SHOWN)
    phone.sent(1)
    assert "「出发」" in phone.world.client(HEJING).get("/dispatch/handover").text
    assert phone.world.order().crew == "hy-air-1"


@pytest.mark.browser
def test_an_answer_that_was_lost_on_the_way_is_no_second_step(phone):
    phone.open(REF)
    phone.ready()
    lost = []

    def cut(route):  # the service does it, the phone never hears of it
        route.fetch()
        lost.append(1)
        route.abort()

    phone.window.route("**/api/orders/*/accept", cut, times=1)
    phone.press("接单")
    phone.until("() => document.querySelector('#outbox .signal')?.textContent.includes('没有信号')")
    assert lost
    phone.page.evaluate("dispatchEvent(new Event('online'))")
    phone.sent(1)
    assert kinds(phone.world) == ["opened", "assigned", "accepted"]


@pytest.mark.browser
def test_pages_of_one_person_are_not_shown_to_the_next(phone):
    phone.open()
    phone.ready()
    names = "caches.keys().then((names) => names.filter((name) => name.startsWith('houqin-crew-pages-')))"
    assert phone.page.evaluate(names) == ["houqin-crew-pages-account-crew"]
    private, _ = passes.keep_key(phone.world.folder / "keys")
    other = a_person("crew", name="别人", account="account-crew-2", crew="in-net-1", session="s-2")
    signed = passes.Signer.of(private.read_bytes()).sign(other, phone.world.clock.now())
    phone.window.add_cookies([{"name": "houqin-pass", "value": signed, "url": phone.address}])
    phone.open()
    phone.until(f"() => {names}.then((found) => found.join() === 'houqin-crew-pages-account-crew-2')")
    phone.window.set_offline(True)
    phone.open(REF)
    assert "不制冷" not in phone.page.content()


@pytest.mark.browser
def test_a_signature_is_drawn_survives_a_fresher_page_and_is_sent_like_a_photo(quick, browser):
    order = quick.file(item="printing", skills=("printing",))
    for act in ("accept", "arrive", "start"):
        quick.do(act)
    phone = Phone(quick, browser, replace(WANG, crew=order.crew))
    try:
        phone.open(REF)
        page = phone.page
        assert "还差签名" in page.locator("[data-next] button small").inner_text()
        assert page.locator("[data-sign-keep]").get_attribute("aria-disabled") == "true"
        canvas = page.locator("[data-sign] canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + 30, box["y"] + 40)
        page.mouse.down()
        for step in range(1, 8):
            page.mouse.move(box["x"] + 30 + 30 * step, box["y"] + 40 + 20 * (step % 2))
        page.mouse.up()
        ink = """() => { const it = document.querySelector("[data-sign] canvas"), at = it.getContext("2d").getImageData(0, 0, it.width, it.height).data;
                  let n = 0; for (let i = 0; i < at.length; i += 4) if (at[i] < 100) n += 1; return n; }"""
        drawn = page.evaluate(ink)
        assert drawn > 100
        page.evaluate("document.querySelector('#job').replaceWith(document.querySelector('#job').cloneNode(true))")
        page.evaluate("document.querySelector('[data-sign]').hidden = true")  # as the server sends it
        page.evaluate(
            "document.querySelector('[data-used-here]').append(document.querySelector('#used').cloneNode(true))"
        )
        page.evaluate("document.querySelector('#used').remove()")
        phone.until(ink.replace("return n", f"return n === {drawn}"))
        shoot(page, "crew-signature")
        page.locator("[data-sign-keep]").click()
        phone.sent(1)
        assert quick.client(HEJING).get(f"/dispatch/api/orders/{REF}/photos").json["photos"][0]["kind"] == "signature"
        phone.until("() => !document.querySelector('[data-next] button small')?.textContent.includes('签名')")
        assert phone.problems == []
    finally:
        phone.close()
