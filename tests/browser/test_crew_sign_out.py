"""Signing out on a crew's phone: what was kept on it is asked about first, and then gone."""

import time

from tests.browser.house import people, signed_in

PAGES = "async () => (await caches.keys()).filter((name) => name.startsWith('houqin-crew-pages-')).length"
STEPS = """() => new Promise((done) => {
  const asked = indexedDB.open("houqin-crew");
  asked.onupgradeneeded = () => asked.result.createObjectStore("steps", { keyPath: "number", autoIncrement: true });
  asked.onsuccess = () => {
    const found = asked.result.transaction("steps").objectStore("steps").count();
    found.onsuccess = () => { asked.result.close(); done(found.result); };
  };
})"""
KEEP = """() => new Promise((done) => {
  const asked = indexedDB.open("houqin-crew");
  asked.onsuccess = () => {
    const turn = asked.result.transaction("steps", "readwrite");
    turn.objectStore("steps").put({ account: document.body.dataset.account, ref: "2026-1125-001-1", act: "accept",
                                    at: new Date().toISOString(), key: "k", state: "clash", words: "", body: {} });
    turn.oncomplete = () => { asked.result.close(); localStorage.setItem("houqin.unsent", "1"); done(true); };
  };
})"""


def until(page, script, wanted):
    end = time.monotonic() + 10
    while page.evaluate(script) != wanted:
        assert time.monotonic() < end, (script, page.evaluate(script))
        page.wait_for_timeout(50)


def test_signing_out_asks_about_unsent_steps_and_clears_the_phone(browser, house):
    window = signed_in(browser, house, people()["crew"], width=390, height=844)
    page = window.new_page()
    page.goto(f"{house}/dispatch/crew/")
    until(page, PAGES, 1)
    page.evaluate(KEEP)
    page.locator(".bar-end details.who > summary").click()
    page.locator("form[action='/requests/sign-out'] button").click()
    page.wait_for_selector("details.who [role=alert]")
    assert "/dispatch/crew/" in page.url
    page.locator("form[action='/requests/sign-out'] button").click()
    page.wait_for_url("**/requests/sign-in*")
    until(page, PAGES, 0)
    until(page, STEPS, 0)
    assert page.evaluate("() => localStorage.getItem('houqin.unsent')") is None
    page.goto(f"{house}/dispatch/crew/")
    assert "/requests/sign-in" in page.url
    window.close()
