"""F3 to F29: relays, consumers and the broker die, stall and lie; every event takes effect once."""

import json
import os
import shutil
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pika
import pytest

from shared.bus.rabbit import RabbitRelay
from shared.database import Database
from tests.failure.conftest import prepare
from tests.system.office import free_port, until

pytestmark = [pytest.mark.slow, pytest.mark.own_servers]

RELAY_POINTS = ("relay.before_numbering", "relay.numbered", "relay.published:25", "relay.confirmed", "relay.marked")
CONSUMER_POINTS = ("consumer.claimed", "consumer.before_commit", "consumer.before_ack", "consumer.acked")


def channel_of(toy):
    return pika.BlockingConnection(pika.URLParameters(toy.settings["TOY_BROKER"])).channel()


def arrived(channel, queue, count):
    """So many events lie in the queue; an announcement of heads may lie there too."""
    until(lambda: channel.queue_declare(queue, passive=True).method.message_count >= count, "arrival")


def once(toy, count):
    """All of them came, each once, at both handlers."""
    state = toy.heard(count)
    assert state["effects"]["one"] == [count, count]
    assert state["effects"]["all"][1] == count
    return state


def test_a_relay_that_dies_at_any_point_loses_nothing(toy):
    toy.start("listener")
    for round_, point in enumerate(RELAY_POINTS, 1):
        toy.start("relay", HOUQIN_FAULT=point)
        toy.say(count=40, first=40 * round_ - 40)
        assert toy.ended("relay") == 137, point
        toy.start("relay")
        once(toy, 40 * round_)
        toy.kill("relay")


def test_a_consumer_that_dies_at_any_point_doubles_nothing(toy):
    toy.start("relay")
    said = 0
    for point in CONSUMER_POINTS:
        toy.say_unheard(count=30, first=said)
        said += 30
        toy.start("listener", ready=False, HOUQIN_FAULT=f"{point}:2")
        assert toy.ended("listener") == 137, point
    toy.start("listener")
    once(toy, said)


def test_an_event_that_kills_is_parked_after_five_starts_and_its_neighbours_are_not(toy):
    toy.start("relay")
    toy.say_unheard(count=1, subject="deadly")
    toy.say_unheard(count=40, first=10)
    deaths = 0

    def lives():
        with suppress(OSError):
            return toy.get()["put_aside"] == {"parked": 1}

    for _ in range(8):
        toy.start("listener", ready=False)
        if (
            until(
                lambda: toy.processes["listener"].poll() or lives(), "its end, or the word that it put the event aside"
            )
            is True
        ):
            break
        assert toy.processes["listener"].poll() == 137
        deaths += 1
    state = until(lambda: (s := toy.get())["effects"].get("one", [0])[0] >= 40 and s, "neighbours")
    assert (state["effects"]["one"], state["put_aside"]) == ([40, 40], {"parked": 1})
    assert deaths in {5, 6}  # the first delivery is no suspect yet


def test_a_second_relay_takes_over_and_a_cut_lock_ends_the_first(toy, bystander):
    toy.start("listener")
    toy.start("relay", TOY_REQUESTS=toy.database(bystander.port, "requests"))
    toy.say(count=20)
    once(toy, 20)
    toy.processes["second"] = toy.run("relay")
    time.sleep(1.5)  # it stands by
    bystander.refuses = True
    bystander.reset_all()  # the lock's connection is gone; that to the broker lives
    began = time.monotonic()
    toy.say(count=20, first=20)
    once(toy, 40)
    assert time.monotonic() - began < 20  # at once; not after a deadline of the connection
    assert toy.processes["relay"].poll() is None, "the first waits for its database"
    bystander.heal()
    toy.processes["second"].kill()
    toy.processes["second"].wait()
    toy.say(count=20, first=40)
    once(toy, 60)


def test_a_stalled_database_stops_the_relay_and_nothing_is_numbered_twice(toy, bystander):
    toy.start("listener")
    toy.start("relay", TOY_REQUESTS=toy.database(bystander.port, "requests"))
    toy.say(count=10)
    once(toy, 10)
    bystander.up.stalled = True
    toy.say(count=10, first=10)
    time.sleep(1.5)
    assert toy.get()["effects"]["one"] == [10, 10]
    bystander.heal()
    once(toy, 20)


def test_a_lost_notification_is_caught_up_by_polling(toy, own_postgres):
    toy.start("listener")
    toy.start("relay")
    toy.say(count=1)
    once(toy, 1)
    raw = own_postgres.connect()
    raw.cursor().execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND datname = %s",
        [f"{toy.mark}_requests"],
    )
    raw.close()
    began = time.monotonic()
    toy.say(count=1, first=1)
    once(toy, 2)
    assert time.monotonic() - began < 4


# ---- the broker


def test_without_a_broker_services_answer_and_say_so_and_the_relay_does_not_spin(toy):
    nowhere = f"amqp://guest:guest@127.0.0.1:{free_port()}/x"
    toy.start("listener", ready=False, TOY_BROKER=nowhere)
    until(lambda: toy.get("/health"), "health")
    toy.say(count=30)  # answered 201

    def says_why():
        try:
            toy.get("/ready")
        except OSError as error:
            return "broker" in error.read().decode() if hasattr(error, "read") else False

    assert until(says_why, "the reason")
    toy.start("relay", TOY_BROKER=nowhere)

    def busy():
        words = Path(f"/proc/{toy.processes['relay'].pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def rests():  # its start may last longer than one look
        before = busy()
        time.sleep(3)
        return busy() - before < 0.25

    assert any(rests() for _ in range(5))
    toy.kill("relay")
    toy.kill("listener")
    toy.start("listener")
    toy.start("relay")
    once(toy, 30)


def test_a_killed_broker_forgets_nothing_it_confirmed(toy, own_broker):
    toy.start("listener")
    toy.start("relay")
    toy.say(count=100)
    own_broker.kill()
    toy.say(count=100, first=100)  # intake goes on
    own_broker.start()
    once(toy, 200)


@pytest.mark.parametrize(
    ("alarm", "end"),
    [
        (("set_vm_memory_high_watermark", "0.000001"), ("set_vm_memory_high_watermark", "0.4")),
        (("set_disk_free_limit", "100000GB"), ("set_disk_free_limit", "50MB")),
    ],
    ids=["memory", "disk"],
)
def test_during_an_alarm_intake_and_acknowledgements_go_on(toy, own_broker, alarm, end):
    toy.start("relay")
    toy.say_unheard(count=50)
    channel = channel_of(toy)
    arrived(channel, "dispatch.count_one", 50)
    own_broker.control(*alarm)
    try:
        toy.start("listener")
        once(toy, 50)
        toy.say(count=50, first=50)

        def acknowledged():
            lines = own_broker.control("list_queues", "-p", toy.mark, "name", "messages").splitlines()
            return dict(line.split("\t") for line in lines if "\t" in line).get("dispatch.count_one") == "0"

        until(acknowledged, "acknowledgements during the alarm")
        assert toy.get()["effects"]["one"] == [50, 50]
    finally:
        own_broker.control(*end)
    once(toy, 100)


def a_relay(toy, url):
    """A relay in a thread of this process, so that its state can be seen."""
    worker = RabbitRelay("requests", Database(toy.settings["TOY_REQUESTS"]), url)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    return worker, thread


def test_a_type_without_a_queue_is_kept_and_named(toy):
    toy.start("listener")
    worker, thread = a_relay(toy, toy.settings["TOY_BROKER"])
    try:
        toy.say(count=5)
        once(toy, 5)
        channel = channel_of(toy)
        for key in ("requests.request_urged.v1", "#"):
            for queue in ("dispatch.count_one", "dispatch.count_all"):
                channel.queue_unbind(queue, "requests.events", key)
        toy.say(count=5, first=5)
        until(lambda: worker.state == "no queue takes requests.request_urged.v1", "the word")
        channel.queue_bind("dispatch.count_one", "requests.events", "requests.request_urged.v1")
        channel.queue_bind("dispatch.count_all", "requests.events", "#")
        once(toy, 10)
        until(lambda: worker.state == "", "calm")
    finally:
        worker.stop()
        thread.join(10)


def test_a_deleted_queue_is_named_and_its_events_come_after_it_was_declared_again(toy):
    for name in ("relay", "relay dispatch", "listener"):
        toy.start(name, TOY_ASK_SECONDS="1")
    toy.say(count=10)
    once(toy, 10)
    channel = channel_of(toy)
    channel.queue_delete("dispatch.count_one")
    toy.say(count=10, first=10)

    def says_why():
        try:
            toy.get("/ready")
        except OSError as error:
            return "broker" in error.read().decode() if hasattr(error, "read") else False

    until(says_why, "the reason")
    prepare(toy)  # what migrate does
    once(toy, 20)


def test_a_reset_between_publish_and_confirm_leaves_the_window_in_doubt_and_all_comes_once(toy, wire):
    toy.start("listener")
    toy.start("relay", TOY_BROKER=toy.broker(wire.port))
    toy.say(count=10)
    once(toy, 10)
    wire.down.cut_after = 60  # in the midst of the confirms
    toy.say(count=400, first=10)
    once(toy, 410)
    # All of it may have come before the cut; what it left in doubt is then said again.
    until(lambda: wire.connections >= 2, "another connection")
    once(toy, 410)


def test_a_relay_that_was_frozen_beyond_its_heartbeats_comes_back(toy):
    toy.start("listener")
    toy.start("relay", TOY_BROKER=toy.settings["TOY_BROKER"] + "?heartbeat=1")
    toy.say(count=10)
    once(toy, 10)
    toy.processes["relay"].send_signal(signal.SIGSTOP)
    toy.say(count=10, first=10)
    time.sleep(4)
    toy.processes["relay"].send_signal(signal.SIGCONT)
    once(toy, 20)
    assert toy.processes["relay"].poll() is None


def test_a_handler_that_stalls_while_its_connection_dies_is_done_once_and_the_host_lives(toy, wire):
    toy.start("relay")
    toy.start("listener", TOY_BROKER=toy.broker(wire.port))
    toy.say(count=1, subject="block", first=1)
    time.sleep(0.7)
    wire.reset_all()
    toy.say(count=10, first=10)
    state = until(lambda: (s := toy.get())["effects"].get("one", [0, 0])[0] >= 11 and s, "effects", 30)
    assert state["effects"]["one"] == [11, 11]
    assert toy.processes["listener"].poll() is None
    assert "the event loop was silent" in (toy.folder / "listener.log").read_text()


def test_swallowed_acknowledgements_bring_known_events_again(toy, wire):
    toy.start("relay")
    toy.start("listener", TOY_BROKER=toy.broker(wire.port))
    wire.up.dropped = True  # acknowledgements go nowhere; deliveries still come
    toy.say(count=50)
    once(toy, 50)
    wire.reset_all()
    wire.heal()
    toy.say(count=1, first=50)
    once(toy, 51)


def test_events_sent_again_by_the_relay_change_nothing(toy):
    toy.start("listener")
    toy.start("relay")
    toy.say(count=100)
    once(toy, 100)
    raw = Database(toy.settings["TOY_REQUESTS"])
    with raw.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO resend (epoch, type, numbers) SELECT 1, '*', json_agg(n)::text FROM generate_series(1, 110) AS n"
        )
    raw.close()
    toy.say(count=1, first=100)
    once(toy, 101)
    until(lambda: "resent" if _copies(toy) == 0 else None, "draining")
    once(toy, 101)


def _copies(toy):
    channel = channel_of(toy)
    return channel.queue_declare("dispatch.count_all", passive=True).method.message_count


def test_five_megabytes_and_a_missing_dead_letter_exchange_lose_nothing(toy):
    toy.start("relay")
    toy.start("listener")
    channel = channel_of(toy)
    channel.exchange_delete("dispatch.dead")
    channel.basic_publish("", "dispatch.count_one", b"x" * 5_000_000)
    channel.basic_publish("", "dispatch.count_one", b"not json")
    toy.say(count=5)
    once(toy, 5)
    assert until(lambda: toy.get()["put_aside"].get("dead") == 2, "burying")


def test_a_newer_type_is_parked_and_not_thrown_away(toy):
    toy.start("listener")
    toy.start("relay")
    toy.say(count=1)
    once(toy, 1)
    raw = Database(toy.settings["TOY_REQUESTS"])
    with raw.read() as connection:
        (sealed,) = connection.exec_driver_sql("SELECT sealed FROM outbox").first()
    raw.close()
    body = json.loads(sealed) | {
        "type": "requests.request_urged.v9",
        "sourceepoch": 1,
        "sourcenumber": 2,
        "typenumber": 1,
    }
    body["id"] = "0190a000-0000-7000-8000-000000000009"
    channel_of(toy).basic_publish("", "dispatch.count_one", json.dumps(body).encode())
    assert until(lambda: toy.get()["put_aside"] == {"parked": 1}, "parking")


def test_a_broker_rolled_back_to_an_old_copy_brings_known_events_only(toy, own_broker, tmp_path):
    toy.start("relay")
    toy.say_unheard(count=60)
    channel = channel_of(toy)
    arrived(channel, "dispatch.count_one", 60)
    arrived(channel, "dispatch.count_all", 66)
    own_broker.kill()
    shutil.copytree(own_broker.folder / "mnesia", tmp_path / "copy", ignore=shutil.ignore_patterns("*.pid"))
    own_broker.start()
    toy.start("listener")
    once(toy, 60)
    until(lambda: _copies(toy) == 0, "draining")
    own_broker.kill()
    shutil.rmtree(own_broker.folder / "mnesia")
    own_broker.restore(tmp_path / "copy")
    own_broker.start()
    toy.say(count=10, first=60)
    once(toy, 70)
    until(lambda: _copies(toy) == 0, "draining the old messages")
    once(toy, 70)


def test_a_broker_that_lost_everything_is_filled_again_by_the_gaps(toy, own_broker):
    toy.start("relay", TOY_ASK_SECONDS="1")
    toy.say_unheard(count=40)
    channel = channel_of(toy)
    arrived(channel, "dispatch.count_one", 40)
    own_broker.control("delete_vhost", toy.mark)
    own_broker.control("add_vhost", toy.mark)
    own_broker.control("set_permissions", "-p", toy.mark, "guest", ".*", ".*", ".*")
    prepare(toy)
    toy.start("relay dispatch", TOY_ASK_SECONDS="1")
    toy.start("listener", TOY_ASK_SECONDS="1")
    once(toy, 40)
