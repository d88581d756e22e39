"""Bodies, mandates and digests as people set them up; the check of an entry in a real browser."""

import json
import re
import socketserver
import threading
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from services.audit import bodies, digest
from services.audit.bodies import Body
from services.audit.handlers import change_account
from services.audit.log.note import KeyType, generate_key
from services.audit.service import SERVICE
from services.audit.signing import keys
from shared.contracts.requests import AccountChanged
from shared.settings import BadSettings
from shared.web import passes
from shared.web.principal import Principal
from tests.audit.conftest import a_client, leaves
from tests.people import NOON, headers_of

CITY = {"code": "city", "kind": "government", "level": "city", "name": "市局", "name_en": "City bureau"}
TRADE = {"code": "trade", "parent": "city", "kind": "third", "level": "unit", "name": "第三方", "name_en": "Third", "sources": ["dispatch"],
         "things": "HY-2026-01，JJ-2026-02"}  # fmt: skip


def test_an_administrator_sets_up_bodies_and_mandates_and_ends_them(told):
    client, admin = a_client(told), headers_of(told, "administrator", language="en")
    for form in (CITY, TRADE):
        assert client.post("/audit/bodies", data=form, headers=admin).status_code == 303
    until = (NOON + timedelta(days=30)).date().isoformat()
    given = {"account_id": "account-of-auditor", "body": "trade", "ends_on": until}
    assert client.post("/audit/mandates", data=given, headers=admin).status_code == 303
    page = client.get("/audit/bodies", headers=admin).text
    assert "Third" in page
    assert "account-of-auditor" in page
    assert "Dispatch" in page
    assert "JJ-2026-02" in page
    auditor = headers_of(told, "auditor")
    assert client.get("/audit/api/entries", headers=auditor).status_code == 200
    ended = {"account_id": "account-of-auditor", "body": "trade"}
    assert client.post("/audit/mandates/end", data=ended, headers=admin).status_code == 303
    assert client.get("/audit/api/entries", headers=auditor).status_code == 401
    assert client.post("/audit/mandates/end", data=ended, headers=admin).status_code == 404


@pytest.mark.parametrize(
    ("path", "form", "words"),
    [
        ("bodies", {**CITY, "parent": "nowhere"}, "no such body above"),
        ("bodies", {**CITY, "name": ""}, ""),
        ("bodies", {**CITY, "kind": "club"}, ""),
        ("mandates", {"account_id": "a", "body": "city", "ends_on": "2020-01-01"}, "within a year"),
        ("mandates", {"account_id": "a", "body": "city", "ends_on": "9999-12-31"}, "within a year"),
        ("mandates", {"account_id": "a", "body": "city", "ends_on": "soon"}, ""),
    ],
)
def test_a_form_that_is_wrong_comes_back_with_its_reason(told, path, form, words):
    client, admin = a_client(told), headers_of(told, "administrator", language="en")
    client.post("/audit/bodies", data=CITY, headers=admin)
    answer = client.post(f"/audit/{path}", data=form, headers=admin)
    assert answer.status_code == 422
    assert words in answer.text
    assert "aria-invalid" in answer.text


@pytest.mark.parametrize("role", ["supervisor", "auditor", "staff", "finance"])
def test_nobody_else_gives_mandates(told, role):
    client, who = a_client(told), headers_of(told, role)
    assert client.post("/audit/bodies", data=CITY, headers=who).status_code == 403
    given = {"account_id": "a", "body": "city", "ends_on": "2026-12-01"}
    assert client.post("/audit/mandates", data=given, headers=who).status_code == 403


# ---- the digest


class Mailbox(socketserver.StreamRequestHandler):
    """As much SMTP as a letter needs."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        body, taking = b"", False
        for line in self.rfile:
            if taking:
                if line == b".\r\n":
                    taking = False
                    self.server.letters.append(message_from_bytes(body, policy=policy.default))
                    self.wfile.write(b"250 kept\r\n")
                else:
                    body += line
            elif line.upper().startswith(b"DATA"):
                body, taking = b"", True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def mail():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)
    server.letters = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_subscriber_is_sent_each_day_once_with_its_checkpoint(told, mail):
    told.settings = told.settings.with_(AUDIT_MAIL_URL=f"smtp://127.0.0.1:{mail.server_address[1]}")
    client, who = a_client(told), headers_of(told, "auditor", language="en")
    assert (
        client.post("/audit/digest/subscription", data={"address": "pan@audit.example"}, headers=who).status_code == 303
    )
    assert digest.send(told) == 1  # yesterday: nothing happened, and that is said too
    assert digest.send(told) == 0
    told.clock.set(NOON + timedelta(days=1))
    assert digest.send(told) == 1
    quiet, busy = mail.letters
    assert "No entries" in text_of(quiet)
    point = a_client(told).get("/audit/log/checkpoint").text
    for kind in ("plain", "html"):
        assert point.split("\n")[2] in text_of(busy, kind)
    assert "Requests: Request filed: 1" in text_of(busy)
    assert "/audit/digest/2026-11-25" in text_of(busy, "html")
    assert busy["Auto-Submitted"] == "auto-generated"
    assert quiet["Message-ID"] != busy["Message-ID"]
    assert busy["To"] == "pan@audit.example"
    client.post(
        "/audit/digest/subscription", data={"address": ""}, headers=headers_of(told, "auditor", now=told.clock.now())
    )
    told.clock.set(NOON + timedelta(days=2))
    assert digest.send(told) == 0


def text_of(letter, kind="plain"):
    return letter.get_body((kind,)).get_content()


def test_each_subscriber_is_told_what_it_may_read_and_nothing_once_its_time_is_over(told, mail):
    told.settings = told.settings.with_(AUDIT_MAIL_URL=f"smtp://127.0.0.1:{mail.server_address[1]}")
    with told.work(actor="account:admin") as work:
        bodies.put_body(work, Body("city", "", "government", "city", "市局", "City"))
        bodies.put_body(work, Body("third", "city", "third", "unit", "第三方", "Third", ("dispatch",), ()))
        bodies.give(work, "a1", "city", work.now, NOON + timedelta(days=30))
        bodies.give(work, "a2", "third", work.now, NOON + timedelta(days=30))
        for account in ("a1", "a2", "a3"):  # the third never had a mandate
            digest.subscribe(work.connection, told, account, f"{account}@audit.example", "en")
    told.clock.set(NOON + timedelta(days=1))
    assert digest.send(told) == 2
    whole, part = sorted(mail.letters, key=lambda letter: letter["To"])
    assert "Requests: Request filed: 1" in text_of(whole)
    assert "Request filed" not in text_of(part)
    assert "Dispatch: Assigned: 1" in text_of(part)
    told.clock.set(NOON + timedelta(days=31))
    assert digest.send(told) == 0


def test_whoever_reads_the_log_no_more_is_sent_nothing(told):
    changed = AccountChanged(
        account_id="a1", epoch=2, name="潘", roles=("auditor",), changed_at=NOON, organisation="cn", enabled=True
    )
    for event, left in ((changed, "pan@audit.example"), (replace(changed, epoch=3, roles=("staff",)), "")):
        with told.work() as work:
            digest.subscribe(work.connection, told, "a1", "pan@audit.example", "en")
            change_account(work, event, None)
            assert digest.address_of(work.connection, "a1") == left


@pytest.mark.parametrize(
    "settings",
    [
        {"AUDIT_MAIL_URL": "mail.example"},
        {"AUDIT_MAIL_URL": "smtp://mail.example:port"},
        {"AUDIT_MAIL_URL": "smtp://someone:secret@mail.example"},  # the password would go unencrypted
        {"AUDIT_MAIL_URL": "https://mail.example"},
        {"AUDIT_MAIL_URL": "smtps://mail.example", "AUDIT_MAIL_FROM": "nobody"},
    ],
)
def test_a_mail_server_that_is_none_is_noticed_at_the_start(told, settings):
    told.settings = told.settings.with_(**settings)
    with pytest.raises(BadSettings):
        SERVICE.application(told)


def test_a_letter_that_could_not_be_sent_is_sent_later(told, mail):
    told.settings = told.settings.with_(AUDIT_MAIL_URL="smtp://127.0.0.1:9")
    with told.database.write() as connection:
        digest.subscribe(connection, told, "a1", "pan@audit.example", "zh-Hans")
    assert digest.send(told) == 0
    told.settings = told.settings.with_(AUDIT_MAIL_URL=f"smtp://127.0.0.1:{mail.server_address[1]}")
    assert digest.send(told) == 1


@pytest.mark.parametrize(
    "address", ["nobody", "a@b", "a b@c.example", "a@c.example,b@d.example", "a@c.example\r\nBcc: x@y.example"]
)
def test_what_is_no_address_is_refused(told, address):
    answer = a_client(told).post(
        "/audit/digest/subscription", data={"address": address}, headers=headers_of(told, "auditor")
    )
    assert answer.status_code == 422


def test_the_digest_of_a_day_is_a_sheet_with_its_checkpoint(told):
    client, who = a_client(told), headers_of(told, "supervisor", language="en")
    page = client.get("/audit/digest/2026-11-25", headers=who).text
    assert "data:image/svg+xml" in page
    assert "Entries 0 to 6" in page
    for path in ("2026-11-26", "soon", "1999-01-01", "2026-13-01", "20261125aa"):
        assert client.get(f"/audit/digest/{path}", headers=who).status_code == 404, path
    assert client.get("/audit/digest/", headers=who).headers["Location"].endswith("/audit/digest/2026-11-24")


# ---- in the browser


@pytest.fixture
def site(told):
    """The pages under an address, with the pass of a supervisor."""
    app = SERVICE.application(told)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    app.public_url = address
    private, _ = passes.keep_key(Path(told.settings["HOUQIN_DATA"]) / "keys")
    person = Principal(
        account="s1",
        name="陈",
        roles=frozenset({"supervisor"}),
        role="supervisor",
        session="s",
        epoch=1,
        signed_in_at=NOON,
        proof="p",
    )
    yield address, passes.Signer.of(private.read_bytes()).sign(person, NOON)
    server.shutdown()


@pytest.mark.browser
def test_a_reader_checks_an_entry_in_the_browser_against_a_pinned_key(told, site, browser):
    address, signed = site
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en")
    context.add_cookies(
        [
            {"name": "houqin-pass", "value": signed, "url": address},
            {"name": "houqin-language", "value": "en", "url": address},
        ]
    )
    page = context.new_page()
    page.goto(f"{address}/audit/entries/3")

    def verdict(key):
        page.fill("#pinned", key)
        page.click("[data-check-here] button")
        page.wait_for_function("document.querySelector('[data-check-here] output').dataset.verdict")
        page.wait_for_timeout(100)
        return page.get_attribute("[data-check-here] output", "data-verdict")

    key = str(keys(told.settings)[0].public)
    assert verdict("nonsense") == "bad_key"
    assert verdict(key) == "proven"
    page.goto(f"{address}/audit/entries/6")  # the key is pinned: checked at once
    page.wait_for_selector("[data-check-here] output[data-verdict=proven]")
    assert verdict(str(generate_key("other.example/log", KeyType.ED25519).public)) == "other_log"
    assert verdict(str(generate_key(told.settings["AUDIT_ORIGIN"], KeyType.ED25519).public)) == "not_signed"
    bent = page.evaluate(
        """async (key) => {
          const { check } = await import(document.querySelector('script[src*="audit"]').src);
          const proof = JSON.parse(document.getElementById("entry-proof-data").textContent);
          const verdicts = [];
          for (const change of [(p) => { p.leaf = p.leaf.replace("HY", "JJ"); }, (p) => { p.index += 1; }, (p) => { p.hashes.pop(); },
            (p) => { p.hashes.push(p.hashes[0]); }, (p) => { p.note = p.note.replace("\\n7\\n", "\\n8\\n"); }]) {
            const copy = structuredClone(proof); change(copy); verdicts.push((await check(copy, key))[0]);
          }
          return verdicts;
        }""",
        key,
    )
    assert bent[:4] == ["not_there"] * 4
    assert bent[4] in {"not_there", "bad_signature"}
    context.close()


def test_the_leaf_on_the_page_is_byte_for_byte_that_of_the_log(told):
    page = a_client(told).get("/audit/entries/0", headers=headers_of(told, "auditor")).text
    block = re.search(r'id="entry-proof-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1]
    assert json.loads(unescape(block))["leaf"].encode() == leaves(told)[0]
