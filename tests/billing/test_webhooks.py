"""Webhooks: signed as the specification says, told once taken, tried again, and only where they may go."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from services.billing import webhooks
from services.billing.handlers.facts import Report, record
from shared.settings import BadSettings
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
    "host", ["127.0.0.1", "localhost", "0.0.0.0", "169.254.169.254", "::1", "::ffff:127.0.0.1", "2130706433"]
)
def test_this_machine_is_never_connected_to(host):
    with pytest.raises(OSError):
        webhooks.public_address(host, 443)
