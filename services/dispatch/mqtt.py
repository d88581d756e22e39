"""``python -m services.dispatch mqtt``: alarms and readings that devices publish over MQTT, taken as those sent over HTTP are.

Which of the two a message is, its topic says: so the broker's rights decide which device may sound alarms.

The session at the broker is lasting and messages of QoS 1 are acknowledged after the commit, so nothing published while this
process was away is missed and nothing counts twice. A message that cannot be read is acknowledged, logged and counted: a
broker would send it for ever.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import signal
import ssl
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho

from services.dispatch import telemetry, upkeep
from services.dispatch.telemetry import Readings
from services.dispatch.upkeep_pages import Alarm
from shared import observe, process, settings
from shared.errors import Refused, Transient
from shared.settings import BadSettings
from shared.web.intake import load, read_json
from shared.web.schemas import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.service import Running
    from shared.settings import Settings
    from shared.web.schemas import Schema

log = logging.getLogger("houqin.mqtt")
MOST_BYTES = 20_000
PAUSES = (0.1, 0.5, 2.0, 5.0, 10.0)  # seconds between attempts while the database does not answer
KEEPALIVE = 60  # seconds; longer than all pauses together


class AlarmMessage(Alarm):
    """An alarm as a device publishes it; ``id`` names this one message, so that the same twice counts once."""

    id = Key(load_default="")


class ReadingsMessage(Readings):
    """Readings as a device publishes them; ``id`` as with alarms."""

    id = Key(load_default="")


# By kind of message: how it is read, and what is done with it; the latter is what the routes over HTTP do too.
KINDS: dict[str, tuple[type[Schema], Callable[..., object]]] = {
    "alarm": (AlarmMessage, upkeep.sound_alarm),
    "readings": (ReadingsMessage, telemetry.take),
}


def take(running: Running, kind: str, topic: str, body: bytes, *, again: bool = False) -> str:
    """Take one message of a kind; ``taken``, ``known`` (it had been taken) or ``refused`` (it cannot be read).

    Without an id, a message is known only where the broker says that it sends it once more (``again``): two equal alarms a
    minute apart are two.

    Raises:
        Transient: the database does not answer; the message must come again.
    """
    schema, act = KINDS[kind]
    try:
        if len(body) > MOST_BYTES:
            raise Refused("error.too_large", most=MOST_BYTES)
        given = load(schema, read_json(body))
        ident = given.pop("id")
        same = hashlib.sha256(b"\0".join((topic.encode(), body))).hexdigest()
        own = f"mqtt:{topic}:{ident}" if ident else f"mqtt:{same}"
        with running.work(actor="device:mqtt") as work:
            if not upkeep.first_time(work, own) and (ident or again):
                return "known"
            act(work, **given)
    except Refused as error:
        log.warning("refused a message on %r (%s): %s %s", topic, kind, error.key, sorted(error.fields))
        return "refused"
    return "taken"


class Listener:
    """A connection to the broker that takes alarms and readings until it is stopped."""

    def __init__(self, running: Running, loaded: Settings) -> None:
        """Raises: BadSettings: the address is none, topics overlap or are none, or a certificate cannot be read."""
        parts = urlsplit(str(loaded["DISPATCH_MQTT_URL"]))
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise BadSettings("DISPATCH_MQTT_URL: mqtt://host:port or mqtts://host:port")
        self._running = running
        self._topics = _topics(loaded)
        self._host, self._port = parts.hostname, parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self.failed = False
        self.state = "not connected"  # what is waited for; empty while the broker sends messages
        self._connected_now = observe.MQTT_CONNECTED.labels(str(loaded["DISPATCH_MQTT_CLIENT"]))
        self._connected_now.set(0)
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=str(loaded["DISPATCH_MQTT_CLIENT"]), clean_session=False,
            protocol=paho.MQTTv311, manual_ack=True, reconnect_on_failure=True,
        )  # fmt: skip
        user = str(loaded["DISPATCH_MQTT_USER"])
        if user:
            self._client.username_pw_set(user, str(loaded["DISPATCH_MQTT_PASSWORD"]))
        if parts.scheme == "mqtts":
            authority = str(loaded["DISPATCH_MQTT_CA"]) or None
            try:
                self._client.tls_set_context(ssl.create_default_context(cafile=authority))
            except (OSError, ssl.SSLError) as error:
                raise BadSettings(f"DISPATCH_MQTT_CA: {error}") from error
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._connected
        for kind, topic in self._topics.items():
            self._client.message_callback_add(topic, partial(self._message, kind))
        self._client.on_disconnect = self._gone
        self._client.on_subscribe = self._subscribed
        self._client.on_connect_fail = self._unreachable

    def run(self) -> None:
        """Listen until ``stop``; connects again by itself, the first time too.

        Raises:
            Transient: the database did not answer for a long while; what was not taken comes again after a restart.
        """
        self._client.connect_async(self._host, self._port, KEEPALIVE)
        self._client.loop_forever(retry_first_connection=True)
        if self.failed:
            raise Transient("the database does not answer")

    def stop(self) -> None:
        """End ``run``; the session at the broker stays and collects what is published meanwhile."""
        self._client.disconnect()

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error("the broker refuses: %s", reason)
            self.state = f"refused: {reason}"
            return
        client.subscribe([(topic, 1) for topic in self._topics.values()])

    def _subscribed(self, _client: paho.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [topic for topic, reason in zip(self._topics.values(), reasons, strict=True) if reason.is_failure]
        if refused:
            log.error("the broker does not let us read %s", ", ".join(refused))
            self.state = f"may not read {', '.join(refused)}"
            return
        log.info("listening on %s", ", ".join(self._topics.values()))
        self.state = ""
        self._connected_now.set(1)

    def _gone(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        log.info("disconnected: %s", reason)
        self.state = self.state or "disconnected"
        self._connected_now.set(0)

    def _unreachable(self, _client: paho.Client, _data: Any) -> None:
        self.state = "cannot be reached, or its certificate is not one we trust"

    def _message(self, kind: str, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        for pause in (*PAUSES, None):
            try:
                outcome = take(self._running, kind, message.topic, bytes(message.payload), again=message.dup)
                break
            except Transient as error:
                log.warning("not now: %s", error)
                if pause is None:  # not acknowledged: it comes again to whoever connects next
                    self.failed = True
                    client.disconnect()
                    return
                time.sleep(pause)
        observe.MQTT_MESSAGES.labels(kind, outcome).inc()
        if message.qos:
            client.ack(message.mid, message.qos)


def _topics(loaded: Settings) -> dict[str, str]:
    """The topic of each kind of message that is listened to.

    Raises:
        BadSettings: there is none, or one message could be of both kinds.
    """
    given = {"alarm": str(loaded["DISPATCH_MQTT_TOPIC"]), "readings": str(loaded["DISPATCH_MQTT_READINGS"])}
    topics = {kind: topic for kind, topic in given.items() if topic}
    if not topics:
        raise BadSettings("DISPATCH_MQTT_TOPIC, DISPATCH_MQTT_READINGS: at least one topic")
    alarms, readings = given.values()
    if all(given.values()) and (paho.topic_matches_sub(alarms, readings) or paho.topic_matches_sub(readings, alarms)):
        raise BadSettings(f"DISPATCH_MQTT_READINGS: {readings} and {alarms} overlap")
    return topics


def main(arguments: Sequence[str]) -> int:
    """Listen until SIGTERM or SIGINT; 1 when the database stays away, 2 when the settings are wrong."""
    parser = argparse.ArgumentParser(prog="python -m services.dispatch mqtt", description=__doc__)
    parser.add_argument("--listen", default="", help="host:port for /health, /ready and /metrics")
    options = parser.parse_args(arguments)
    service = process.of("dispatch")
    try:
        loaded = settings.load(process.declared(service), dict(os.environ))
        observe.start_logging("dispatch-mqtt", loaded["HOUQIN_LOG_LEVEL"])
        running = process.assemble(service, loaded)
        listener = Listener(running, loaded)
    except BadSettings as error:
        print(f"dispatch: the settings are wrong:\n{error}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: listener.stop())
    if options.listen:
        process.watch(options.listen, lambda: {"mqtt": listener.state} if listener.state else {})
    try:
        listener.run()
    except Transient as error:
        log.error("%s", error)  # noqa: TRY400  the message says all
        return 1
    finally:
        running.database.close()
    return 0
