"""Webhooks: signed as the specification says, told once taken, tried again, and only where they may go."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from services.billing import webhooks
from services.billing.handlers.facts import Report, record
from shared.settings import BadSettings
from tests.failure.test_tls import Authority
from tests.people import NOON

SECRETS = [bytes(range(24)), bytes(range(32))]
GIVEN = {
    "BILLING_WEBHOOK_URL": "https://finance.example/hook",
    "BILLING_WEBHOOK_HOSTS": "finance.example",
    "BILLING_WEBHOOK_SECRETS": " ".join("whsec_" + base64.b64encode(each).decode() for each in SECRETS),
}


def a_fact(running, number):
    with running.work() as work:
        record(
            work,
            [
                Report(
                    source="x",
                    id=str(number),
                    contract="HY-2026-01",
                    item="repair",
                    meter="hours",
                    unit="hours",
                    quantity=Decimal(1),
                    service_at=NOON,
                )
            ],
        )


def test_a_message_is_signed_with_every_secret_and_sent_until_it_is_taken(running):
    running.settings = running.settings.with_(**GIVEN)
    sent, answers = [], [500, 200, 200]

    def send(url, headers, body):
        sent.append((url, headers, body))
        return answers.pop(0)

    a_fact(running, 1)
    assert webhooks.tell(running, send) == 0
    assert webhooks.tell(running, send) == 0  # not again at once
    running.clock.set(NOON + timedelta(seconds=6))
    assert webhooks.tell(running, send) == 1
    assert webhooks.tell(running, send) == 0  # nothing new
    a_fact(running, 2)
    assert webhooks.tell(running, send) == 1
    assert [json.loads(body)["data"]["number"] for _, _, body in sent] == [1, 1, 2]
    first, again, other = (headers for _, headers, _ in sent)
    assert first["webhook-id"] == again["webhook-id"] != other["webhook-id"]
    for _, headers, body in sent:
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = [
            f"v1,{base64.b64encode(hmac.new(each, text, hashlib.sha256).digest()).decode()}" for each in SECRETS
        ]
        assert headers["webhook-signature"].split(" ") == expected


def test_who_is_away_for_days_is_given_up(quick):
    quick.settings = quick.settings.with_(**GIVEN)
    a_fact(quick, 1)
    tries = []

    def away(_url, _headers, _body):
        tries.append(quick.clock.now())
        raise OSError

    for hour in range(24 * 9):
        quick.clock.set(NOON + timedelta(hours=hour))
        webhooks.tell(quick, away)
    assert 40 < len(tries) < 80
    assert max(tries) <= NOON + timedelta(days=5, hours=1)


@pytest.mark.parametrize(
    "change",
    [{"BILLING_WEBHOOK_URL": "http://finance.example/hook"}, {"BILLING_WEBHOOK_HOSTS": ""}, {"BILLING_WEBHOOK_HOSTS": "example"},
     {"BILLING_WEBHOOK_SECRETS": ""}, {"BILLING_WEBHOOK_SECRETS": "whsec_c2hvcnQ="}, {"BILLING_WEBHOOK_SECRETS": "x!"},
     {"BILLING_WEBHOOK_URL": "https://finance.example@evil.example/"}],
)  # fmt: skip
def test_a_hook_that_may_not_be_is_refused(quick, change):
    with pytest.raises(BadSettings):
        webhooks.hook_of(quick.settings.with_(**{**GIVEN, **change}))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0", "0.0.0.0", "169.254.169.254", "::1", "::ffff:127.0.0.1", "2130706433"]
)
def test_this_machine_is_never_connected_to(host):
    with pytest.raises(OSError):
        webhooks.public_address(host, 443)


class Answering(BaseHTTPRequestHandler):
    """Finance, as ``/taken``, ``/elsewhere`` or ``/endless``."""

    def do_POST(self):
        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(302 if self.path == "/elsewhere" else 200)
        self.send_header("Location", "https://127.0.0.1/")
        self.end_headers()
        with suppress(OSError):  # who asked has gone
            while self.path == "/endless":
                self.wfile.write(b"x" * 65_536)

    def log_message(self, *_):
        pass


@pytest.fixture
def finance(tmp_path, monkeypatch):
    """A server of finance.example that every connection leads to; the name means this machine from the second look on."""
    authority = Authority("the office's authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.write(tmp_path)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server(tmp_path, tmp_path.stat(), "finance.example"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.asked, server.connected, looked = [], [], []

    def look_up(host, port, **_):
        looked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.7" if len(looked) == 1 else "127.0.0.1", port))]

    def connect(address, timeout):
        server.connected.append(address)
        found = socket.socket()
        found.settimeout(timeout)
        found.connect(server.server_address)
        return found

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("path", "status"), [("/taken", 200), ("/elsewhere", 302), ("/endless", 200)])
def test_a_name_is_looked_up_once_no_redirect_followed_and_no_more_read_than_needed(finance, path, status):
    assert webhooks.post(f"https://finance.example{path}", {}, b"{}") == status
    assert finance.connected == [("203.0.113.7", 443)]
    assert finance.asked == [path]


def test_a_server_whose_certificate_is_for_another_name_is_told_nothing(finance):
    with pytest.raises(ssl.SSLCertVerificationError):
        webhooks.post("https://other.example/taken", {}, b"{}")
    assert finance.asked == []
