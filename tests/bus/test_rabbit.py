"""RabbitMQ with a relay and a consumer as processes of their own, on PostgreSQL."""

import os
import subprocess
import uuid
from urllib.parse import urlsplit

import pika
import pytest

from deploy import local
from tests.bus.bus_suite import BusSuite, Toy
from tests.conftest import BROKER, scratch_postgres
from tests.system.office import until


@pytest.mark.broker
@pytest.mark.postgres
class TestRabbit(BusSuite):
    names = ("relay", "listener")

    @pytest.fixture
    def toy(self, tmp_path):
        mark = f"houqin_bus_{os.getpid()}_{uuid.uuid4().hex[:6]}"
        self.url = urlsplit(BROKER)._replace(path=f"/{mark}").geturl()
        assert local.make_host(self.url)
        (requests, drop_requests), (dispatch, drop_dispatch) = scratch_postgres(), scratch_postgres()
        found = Toy(tmp_path, {"TOY_REQUESTS": requests, "TOY_DISPATCH": dispatch, "TOY_BROKER": self.url})
        found.prepare()
        yield found
        found.close()
        drop_requests()
        drop_dispatch()
        subprocess.run(["rabbitmqctl", "-q", "delete_vhost", mark], capture_output=True, check=False)

    def channel(self):
        return pika.BlockingConnection(pika.URLParameters(self.url)).channel()

    def test_a_killed_relay_leaves_nothing_behind(self, toy):
        self.start(toy)
        toy.say(count=300)
        toy.kill("relay")
        toy.say(count=200, first=300)
        toy.start("relay")
        assert toy.heard(500)["effects"]["one"] == [500, 500]

    def test_a_second_relay_stands_by_and_takes_over(self, toy):
        self.start(toy)
        second = toy.run("relay")
        toy.processes["second"] = second
        toy.say(count=50)
        toy.heard(50)
        toy.kill("relay")
        toy.say(count=50, first=50)
        assert toy.heard(100)["effects"]["one"] == [100, 100]

    def test_what_is_no_event_is_kept_for_reading_and_goes_to_the_dead_queue(self, toy):
        self.start(toy)
        channel = self.channel()
        for body in (b"not json", b'{"specversion":"1.0"}', b"\xff\x00"):
            channel.basic_publish("", "dispatch.count_one", body)
        toy.say(count=5)
        toy.heard(5)
        assert until(lambda: toy.get()["put_aside"].get("dead") == 3, "burying")
        assert until(
            lambda: channel.queue_declare("dispatch.dead", passive=True).method.message_count == 3, "dead letters"
        )

    def test_the_same_message_published_twice_counts_once(self, toy):
        self.start(toy)
        channel = self.channel()
        channel.queue_declare("copy", exclusive=True)
        channel.queue_bind("copy", "requests.events", "requests.request_urged.v1")
        toy.say(count=30)
        toy.heard(30)
        copies = []
        until(
            lambda: (
                copies.append(channel.basic_get("copy", auto_ack=True)[2])
                or len([each for each in copies if each]) >= 30
            ),
            "copies",
        )
        for body in filter(None, copies):
            channel.basic_publish("requests.events", "requests.request_urged.v1", body)
        toy.say(count=1, first=31)
        assert toy.heard(31)["effects"]["one"] == [31, 31]

    def test_a_forgotten_queue_is_found_by_its_gap_and_filled(self, toy):
        toy.start("relay", TOY_ASK_SECONDS="1")
        toy.start("relay dispatch", TOY_ASK_SECONDS="1")
        toy.start("listener", TOY_ASK_SECONDS="1")
        toy.say(count=20)
        toy.heard(20)
        toy.kill("listener")
        toy.say_unheard(count=20, first=20)
        channel = self.channel()

        def arrived():
            return channel.queue_declare("dispatch.count_one", passive=True).method.message_count >= 20

        until(arrived, "arrival at the queue")
        channel.queue_purge("dispatch.count_one")
        toy.start("listener", TOY_ASK_SECONDS="1")
        assert toy.heard(40)["effects"]["one"] == [40, 40]
