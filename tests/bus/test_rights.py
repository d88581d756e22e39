"""What each process may do at the broker, tried on a real RabbitMQ with the rights of deploy/broker: security J1, J2."""

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest

from tests.bus.bus_suite import Toy
from tests.conftest import BROKER, DEMANDED, scratch_postgres
from tests.system.office import until

DEFINITIONS = json.loads((Path(__file__).parents[2] / "deploy/broker/definitions.json").read_text("utf-8"))
USERS = ("migrate", "requests", "requests-relay", "dispatch", "dispatch-relay")
EVENT = "requests.request_urged.v1"
pytestmark = [pytest.mark.broker, pytest.mark.postgres]


def rabbitmqctl(*words, given=None):
    done = subprocess.run(["rabbitmqctl", "-q", *words], capture_output=True, text=True, check=False, input=given)
    assert done.returncode == 0, done.stdout + done.stderr


class Broker:
    """A virtual host with the users of ``docker-compose.yml`` under a prefix, so that nobody else is touched."""

    def __init__(self):
        self.mark = f"houqin_rights_{os.getpid()}_{uuid.uuid4().hex[:6]}"
        text = json.dumps(
            {
                "vhosts": [{"name": self.mark}],
                "users": [
                    {"name": self.user(each), "password": self.mark, "tags": []} for each in USERS
                ],
                **{
                    kind: [
                        {**each, "user": self.user(each["user"]), "vhost": self.mark}
                        for each in DEFINITIONS[kind] if each["user"] in USERS
                    ]
                    for kind in ("permissions", "topic_permissions")
                },
            }
        )  # fmt: skip
        rabbitmqctl("import_definitions", given=text)

    def user(self, name):
        return f"{self.mark}-{name}"

    def url(self, name):
        parts = urlsplit(BROKER)
        host = f"{parts.hostname}:{parts.port or 5672}"
        return f"amqp://{self.user(name)}:{self.mark}@{host}/{self.mark}"

    def close(self):
        users = ", ".join(f'<<"{self.user(each)}">>' for each in USERS)
        rabbitmqctl(
            "eval",
            f'rabbit_vhost:delete(<<"{self.mark}">>, <<"tests">>), '
            f'[rabbit_auth_backend_internal:delete_user(U, <<"tests">>) || U <- [{users}]].',
        )

    def tries(self, name, act):
        """What the broker says to ``act`` of this user: a reply code, or 200."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url(name)))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            act(channel)
        except pika.exceptions.ChannelClosedByBroker as error:
            return error.reply_code
        finally:
            if connection.is_open:
                connection.close()
        return 200


@pytest.fixture(scope="module")
def broker():
    if shutil.which("rabbitmqctl") is None:
        (pytest.fail if DEMANDED else pytest.skip)("users are made with rabbitmqctl, which is not here")
    found = Broker()
    yield found
    found.close()


@pytest.fixture(scope="module")
def toy(broker, tmp_path_factory):
    """A relay and a consumer, each as its own user; the queues were made by the administrator's."""
    (requests, drop_requests), (dispatch, drop_dispatch) = scratch_postgres(), scratch_postgres()
    found = Toy(tmp_path_factory.mktemp("toy"), {"TOY_REQUESTS": requests, "TOY_DISPATCH": dispatch})
    found.settings["TOY_BROKER"] = broker.url("migrate")
    found.prepare()
    for name, user in (("relay", "requests-relay"), ("listener", "dispatch")):
        found.settings["TOY_BROKER"] = broker.url(user)
        found.start(name)
    yield found
    found.close()
    drop_requests()
    drop_dispatch()


def test_the_processes_work_with_the_rights_they_have(toy):
    toy.say(count=40)
    assert toy.heard(40)["put_aside"] == {}


def publish(exchange, key, **properties):
    return lambda channel: channel.basic_publish(exchange, key, b"{}", pika.BasicProperties(**properties))


FORBIDDEN = {
    "a relay says another's event": ("requests-relay", publish("requests.events", "dispatch.work_order_opened.v1")),
    "a relay speaks in another's exchange": ("requests-relay", publish("dispatch.events", "dispatch.work_order_opened.v1")),
    "a relay writes into a queue": ("requests-relay", publish("", "dispatch.count_one")),
    "a relay reads": ("requests-relay", lambda channel: channel.basic_get("dispatch.count_one")),
    "a relay declares": ("requests-relay", lambda channel: channel.queue_declare("mine")),
    "a relay changes an exchange": ("requests-relay", lambda channel: channel.exchange_delete("requests.events")),
    "a consumer says its own event": ("dispatch", publish("dispatch.events", "dispatch.work_order_opened.v1")),
    "a consumer says another's event": ("dispatch", publish("requests.events", EVENT)),
    "a consumer writes into its queue": ("dispatch", publish("", "dispatch.count_one")),
    "a consumer reads another's queue": ("requests", lambda channel: channel.basic_get("dispatch.count_one")),
    "a consumer empties another's queue": ("requests", lambda channel: channel.queue_purge("dispatch.count_one")),
    "a consumer declares": ("dispatch", lambda channel: channel.queue_declare("mine")),
    "a consumer binds": ("dispatch", lambda channel: channel.queue_bind("dispatch.count_one", "billing.events", "#")),
    "a consumer deletes its queue": ("dispatch", lambda channel: channel.queue_delete("dispatch.count_one")),
    "a consumer declares again what is there": (
        "dispatch", lambda channel: channel.queue_declare("dispatch.count_one", durable=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_is_not_a_process_s_own_is_refused(toy, broker, what):
    user, act = FORBIDDEN[what]
    assert broker.tries(user, act) == 403


def test_nobody_signs_as_another(toy, broker):
    as_dispatch = publish("requests.events", EVENT, user_id=broker.user("dispatch-relay"))
    assert broker.tries("requests-relay", as_dispatch) == 406
    assert (
        broker.tries("requests-relay", publish("requests.events", EVENT, user_id=broker.user("requests-relay"))) == 200
    )


def test_an_event_of_the_right_shape_from_another_user_is_a_dead_letter(toy, broker):
    toy.say(count=1, first=100)
    before = toy.heard(1)["put_aside"].get("dead", 0)
    body = _a_true_event(toy)
    for properties in ({"user_id": broker.user("migrate")}, {}):
        said = pika.BasicProperties(content_type="application/json", **properties)
        assert broker.tries("migrate", lambda channel, said=said: channel.basic_publish(
            "requests.events", EVENT, body, said)) == 200  # fmt: skip
    until(lambda: toy.get()["put_aside"].get("dead", 0) == before + 4, "burying")  # two handlers, two messages
    assert toy.get()["effects"]["one"][0] == toy.get()["effects"]["one"][1]


def _a_true_event(toy):
    from shared import outbox
    from shared.database import Database

    database = Database(toy.settings["TOY_REQUESTS"])
    with database.read() as connection:
        found = next(each for each in outbox.after(connection, 1, 0, 50) if each.type == EVENT)
    database.close()
    return found.body
