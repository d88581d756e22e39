"""Alarms and readings over MQTT: a Mosquitto of one's own, the lasting session, acknowledgement after the commit, and broken messages."""

import json
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from urllib.error import HTTPError
from urllib.request import urlopen

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.dispatch import mqtt, upkeep
from services.dispatch.service import SERVICE, forget
from shared import process, settings
from shared.errors import Transient
from shared.settings import BadSettings
from tests.conftest import MOSQUITTO
from tests.dispatch.world import HEJING

SHOWN = 10  # seconds


def alarm(**changes):
    given = {
        "source": "bms",
        "key": "chiller-1-temp",
        "severity": "critical",
        "words": "1号机组高温",
        "asset": "chiller-1",
    }
    return json.dumps(given | changes, ensure_ascii=False).encode()


def reading(*values, **more):
    """What the points (code, reading) show, as a building's controller publishes it."""
    return json.dumps({"readings": [{"point": point, "reading": text} for point, text in values]} | more).encode()


def sounded(world):
    with world.running.database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT key, times FROM alarm ORDER BY key")]


def orders(world):
    with world.running.database.read() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM work_order WHERE origin = 'alarm'").scalar_one()


# ---- one message


def test_an_alarm_opens_one_order_however_often_it_sounds(world):
    assert [mqtt.take(world.running, "alarm", "houqin/alarms/a", alarm()) for _ in range(3)] == ["taken"] * 3
    assert sounded(world) == [("chiller-1-temp", 3)]
    assert orders(world) == 1


def test_a_message_that_the_broker_sends_again_counts_once(world):
    assert mqtt.take(world.running, "alarm", "t", alarm()) == "taken"
    assert mqtt.take(world.running, "alarm", "t", alarm(), again=True) == "known"
    assert mqtt.take(world.running, "alarm", "t", alarm(id="m-1")) == "taken"
    assert mqtt.take(world.running, "alarm", "t", alarm(id="m-1")) == "known"
    assert sounded(world) == [("chiller-1-temp", 2)]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"\xff\xfe", b"null", alarm(severity="worst"), alarm(words=""), alarm(more=1), alarm(key="a b"),
    b'{"source": "a", "source": "b", "key": "k", "words": "w"}', b"[" * 5000, alarm(words="x" * 30_000), alarm(words="\x00"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_and_nothing_is_opened(quick, body):
    assert mqtt.take(quick.running, "alarm", "houqin/alarms/a", body) == "refused"
    assert (sounded(quick), orders(quick)) == ([], 0)


@pytest.mark.parametrize("url", ["", "http://broker", "mqtt://", "broker:1883"])
def test_an_address_that_is_none_is_said(quick, url):
    with pytest.raises(BadSettings, match="DISPATCH_MQTT_URL"):
        mqtt.Listener(quick.running, loaded(url))


def loaded(url, **more):
    return settings.load(process.declared(SERVICE), {"DISPATCH_MQTT_URL": url, **more})


def read(world):
    with world.running.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT checkpoint, reading, outside FROM device_reading ORDER BY checkpoint, at"
        )
        return [tuple(row) for row in rows]


def test_a_reading_is_kept_and_one_that_breaks_a_limit_opens_one_order(world):
    take = partial(mqtt.take, world.running, "readings", "houqin/readings/plant")
    assert take(reading(("pt-tr1", "61.5"), ("pt-gen", "26"))) == "taken"
    assert (sounded(world), orders(world)) == ([], 0)
    for _ in range(3):
        world.later(minutes=1)
        assert take(reading(("pt-tr1", "91.5"), id=f"m-{world.clock.now():%M}")) == "taken"
    assert read(world) == [("pt-gen", "26", 0), ("pt-tr1", "61.5", 0), *[("pt-tr1", "91.5", 1)] * 3]
    assert (sounded(world), orders(world)) == ([("pt-tr1", 3)], 1)
    (opened,) = {(data["place"], data["priority"]) for _, data, _ in world.said("work_order_opened")}
    assert opened == ("plant-room", 2)


def test_readings_that_the_broker_sends_again_count_once_hours_later_too(world):
    take = partial(mqtt.take, world.running, "readings", "t")
    assert take(reading(("pt-tr1", "95"), id="m-1")) == "taken"
    assert take(reading(("pt-gen", "26"))) == "taken"
    world.later(hours=5)
    forget(world.running)
    assert take(reading(("pt-tr1", "95"), id="m-1")) == "known"
    assert take(reading(("pt-gen", "26")), again=True) == "known"
    assert (len(read(world)), sounded(world)) == (2, [("pt-tr1", 1)])
    world.later(hours=20)
    forget(world.running)
    with world.running.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alarm_message").scalar_one() == 0


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", alarm(), reading(), reading(("nowhere", "1")), reading(("pt-door", "1")), reading(("pt-tr1", "hot")),
    reading(("pt-tr1", "NaN")), reading(("pt-gen", "26"), ("pt-tr1", "")), reading(*[("pt-tr1", "1")] * 101),
    reading(("pt-tr1", "95"), at="2027-01-01T00:00:00Z"), reading(("pt-tr1", "95"), at="2026-11-25"), reading(("pt-tr1", "1"), more=1),
])  # fmt: skip
def test_readings_that_cannot_be_read_are_refused_whole(quick, body):
    assert mqtt.take(quick.running, "readings", "houqin/readings/a", body) == "refused"
    assert (read(quick), sounded(quick), orders(quick)) == ([], [], 0)
    # It was not taken, so the same may come again, mended.
    assert mqtt.take(quick.running, "readings", "houqin/readings/a", reading(("pt-tr1", "60")), again=True) == "taken"


def test_which_of_the_two_a_message_is_its_topic_says(quick):
    assert mqtt.take(quick.running, "alarm", "t", reading(("pt-tr1", "95"))) == "refused"
    assert mqtt.take(quick.running, "readings", "t", alarm()) == "refused"
    assert (read(quick), sounded(quick)) == ([], [])


@pytest.mark.parametrize(("alarms", "readings"), [
    ("houqin/#", "houqin/readings/#"), ("houqin/alarms/#", "#"), ("a/+", "a/b"), ("a", "a"), ("", ""),
])  # fmt: skip
def test_topics_that_leave_open_what_a_message_is_are_said(quick, alarms, readings):
    more = {"DISPATCH_MQTT_TOPIC": alarms, "DISPATCH_MQTT_READINGS": readings}
    with pytest.raises(BadSettings, match="DISPATCH_MQTT_READINGS"):
        mqtt.Listener(quick.running, loaded("mqtt://broker", **more))


@pytest.mark.postgres
def test_a_storm_that_begins_in_two_processes_at_once_is_one_order(on_postgres):
    """Both have found no such alarm before either commits."""
    both = threading.Barrier(2)
    outcomes = []

    def first(process):
        with on_postgres.running.work(actor="device:mqtt") as work:
            assert work.connection.exec_driver_sql("SELECT count(*) FROM alarm").scalar_one() == 0
            both.wait(SHOWN)
            upkeep.first_time(work, f"m-{process}")
            given = json.loads(alarm())
            outcomes.append(upkeep.sound_alarm(work, place="", **given))

    threads = [threading.Thread(target=first, args=(process,)) for process in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SHOWN)
    assert len(outcomes) == 2
    assert len(set(outcomes)) == 1
    assert (sounded(on_postgres), orders(on_postgres)) == ([("chiller-1-temp", 2)], 1)


# ---- with a broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A Mosquitto on a port of its own that asks for a password; its port."""
    folder = tmp_path_factory.mktemp("mosquitto")
    port = a_port()
    passwords = folder / "passwords"
    passwords.write_text("crew:secret-word\n")
    passwords.chmod(0o600)
    subprocess.run([f"{MOSQUITTO}_passwd".replace("/sbin/", "/bin/"), "-U", str(passwords)], check=True)
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\npersistence false\n"
    )
    yield from started(config, port, port)


def started(config, port, given):
    """A Mosquitto that answers, until it is no longer wanted."""
    server = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + SHOWN
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield given
    server.terminate()
    server.wait(10)


def publish(port, *bodies, topic="houqin/alarms/plant", qos=1):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set("crew", "secret-word")
    client.connect("127.0.0.1", port)
    client.loop_start()
    for body in bodies:
        client.publish(topic, body, qos=qos).wait_for_publish(SHOWN)
    client.disconnect()
    client.loop_stop()


class Listening:
    """The process's listener in a thread."""

    def __init__(self, world, port, client):
        more = {"DISPATCH_MQTT_USER": "crew", "DISPATCH_MQTT_PASSWORD": "secret-word", "DISPATCH_MQTT_CLIENT": client}
        self.listener = mqtt.Listener(world.running, loaded(f"mqtt://127.0.0.1:{port}", **more))
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.subscribed = threading.Event()
        self.listener._client.on_subscribe = lambda *_: self.subscribed.set()
        self.thread.start()

    def _run(self):
        try:
            self.listener.run()
        except Transient as error:
            self.error = error

    def __enter__(self):
        assert self.subscribed.wait(SHOWN)
        return self

    def __exit__(self, *_):
        self.listener.stop()
        self.thread.join(SHOWN)
        assert not self.thread.is_alive()


def until(check):
    end = time.monotonic() + SHOWN
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A Mosquitto that speaks TLS alone: (its port, the authority that signed it, another authority)."""
    folder = tmp_path_factory.mktemp("secure")
    ours, theirs = an_authority("ours"), an_authority("theirs")
    for name, (_, certificate) in (("ours", ours), ("theirs", theirs)):
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key, certificate = a_certificate("127.0.0.1", *ours)
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(as_pem(key))
    port = a_port()
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key\n"
        "tls_version tlsv1.2\nuser root\npersistence false\n"
    )
    yield from started(folder / "mosquitto.conf", port, (port, folder / "ours.pem", folder / "theirs.pem"))


def a_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def an_authority(name):
    return a_certificate(name, None, None)


def a_certificate(name, key, issuer):
    """(key, certificate) of ``name``, signed by an authority; by itself, as an authority, where there is none."""
    own = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.subject if issuer else subject)
        .public_key(own.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )  # fmt: skip
    if issuer is None:
        usage = x509.KeyUsage(*([False] * 5), True, True, False, False)  # signs certificates
        made = made.add_extension(usage, critical=True)
    else:
        made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
    return own, made.sign(key or own, hashes.SHA256())


def as_pem(key):
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


@pytest.mark.mqtt
def test_alarms_come_over_tls_from_a_broker_whose_authority_is_ours(quick, secure):
    port, ours, _ = secure
    listener = mqtt.Listener(quick.running, loaded(f"mqtts://127.0.0.1:{port}", DISPATCH_MQTT_CA=str(ours)))
    thread = threading.Thread(target=listener.run, daemon=True)
    thread.start()
    until(lambda: listener.state == "")
    device = paho.Client(paho.CallbackAPIVersion.VERSION2)
    device.tls_set(ca_certs=str(ours))
    device.connect("127.0.0.1", port)
    device.loop_start()
    device.publish("houqin/alarms/plant", alarm(), qos=1).wait_for_publish(SHOWN)
    until(lambda: sounded(quick) == [("chiller-1-temp", 1)])
    device.disconnect()
    device.loop_stop()
    listener.stop()
    thread.join(SHOWN)
    assert listener.state == "disconnected"


@pytest.mark.mqtt
def test_a_broker_of_another_authority_or_another_name_is_not_listened_to(quick, secure):
    port, _, theirs = secure
    for url, authority in ((f"mqtts://127.0.0.1:{port}", theirs), (f"mqtts://localhost:{port}", secure[1])):
        listener = mqtt.Listener(quick.running, loaded(url, DISPATCH_MQTT_CA=str(authority)))
        thread = threading.Thread(target=listener.run, daemon=True)
        thread.start()
        until(lambda listener=listener: "certificate" in listener.state)
        listener.stop()
        thread.join(SHOWN)
    assert sounded(quick) == []


def test_the_process_says_what_it_waits_for(quick):
    listener = mqtt.Listener(quick.running, loaded("mqtt://127.0.0.1:1"))
    where = f"127.0.0.1:{a_port()}"
    process.watch(where, lambda: {"mqtt": listener.state} if listener.state else {})
    assert urlopen(f"http://{where}/health").status == 200
    with pytest.raises(HTTPError) as answer:
        urlopen(f"http://{where}/ready")
    assert answer.value.code == 503
    assert json.load(answer.value)["waits_for"] == {"mqtt": "not connected"}
    assert b"houqin_mqtt_connected" in urlopen(f"http://{where}/metrics").read()


@pytest.mark.mqtt
def test_a_storm_over_the_broker_is_one_order(quick, broker):
    with Listening(quick, broker, "one"):
        publish(broker, *[alarm()] * 50, b"broken", alarm(key="other", severity="minor"))
        until(lambda: len(sounded(quick)) == 2)
    assert sounded(quick) == [("chiller-1-temp", 50), ("other", 1)]
    assert orders(quick) == 2


@pytest.mark.mqtt
def test_readings_over_the_broker_are_kept_and_open_an_order(quick, broker):
    with Listening(quick, broker, "five"):
        bodies = reading(("pt-gen", "26")), b"broken", reading(("pt-tr1", "95"))
        publish(broker, *bodies, topic="houqin/readings/plant")
        until(lambda: len(read(quick)) == 2)
        publish(broker, alarm(key="beside"))
        until(lambda: len(sounded(quick)) == 2)
    assert read(quick) == [("pt-gen", "26", 0), ("pt-tr1", "95", 1)]
    assert sounded(quick) == [("beside", 1), ("pt-tr1", 1)]
    assert orders(quick) == 2


@pytest.mark.mqtt
def test_readings_published_meanwhile_keep_the_time_at_which_they_were_read(quick, broker):
    with Listening(quick, broker, "six"):
        pass
    for minute in (10, 20):
        body = reading(("pt-tr1", str(minute)), at=f"2026-11-25T08:{minute}:00+08:00")
        publish(broker, body, topic="houqin/readings/plant")
    with Listening(quick, broker, "six"):
        until(lambda: len(read(quick)) == 2)
    shown = quick.client(HEJING).get("/dispatch/api/assets/transformer-1").json["readings"]
    assert [(each["reading"], each["at"]) for each in shown] == [
        ("20", "2026-11-25T00:20:00.000000Z"), ("10", "2026-11-25T00:10:00.000000Z")
    ]  # fmt: skip


@pytest.mark.mqtt
def test_what_was_published_meanwhile_is_not_missed(quick, broker):
    with Listening(quick, broker, "two"):
        pass
    publish(broker, alarm(key="away"))
    with Listening(quick, broker, "two"):
        until(lambda: sounded(quick) == [("away", 1)])


@pytest.mark.mqtt
def test_a_message_is_acknowledged_only_after_the_commit(quick, broker, monkeypatch):
    monkeypatch.setattr(mqtt, "PAUSES", (0.01,))
    take, calls = mqtt.take, []

    def away(*given, **named):
        calls.append(named)
        raise Transient("the database is away")

    monkeypatch.setattr(mqtt, "take", away)
    listening = Listening(quick, broker, "three")
    assert listening.subscribed.wait(SHOWN)
    publish(broker, alarm(key="kept"))
    listening.thread.join(SHOWN)
    assert isinstance(listening.error, Transient)
    assert len(calls) == 2
    monkeypatch.setattr(mqtt, "take", take)
    with Listening(quick, broker, "three"):
        until(lambda: sounded(quick) == [("kept", 1)])
    assert orders(quick) == 1


@pytest.mark.mqtt
def test_a_commit_whose_acknowledgement_was_lost_counts_once(quick, broker, monkeypatch):
    with Listening(quick, broker, "four") as listening:
        listening.listener._client.ack = lambda *_: None  # dies after the commit
        publish(broker, alarm(key="twice"))
        until(lambda: sounded(quick) == [("twice", 1)])
    with Listening(quick, broker, "four"):
        publish(broker, alarm(key="after"))
        until(lambda: len(sounded(quick)) == 2)
    assert sounded(quick) == [("after", 1), ("twice", 1)]
