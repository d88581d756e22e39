"""A running dispatch service with its demonstration crews, what it hears, what it has said, and people who use it."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

from werkzeug.test import Client

from services.dispatch import handlers, store
from services.dispatch.service import SERVICE
from shared import process, settings
from shared.bus.base import Delivery
from shared.clock import ManualClock
from shared.contracts.base import Envelope, numbered, seal, unseal
from shared.contracts.requests import (
    Answer,
    RequestConfirmed,
    RequestFiled,
    RequestReopened,
    RequestUrged,
    RequestWithdrawn,
)
from shared.database import Database
from shared.service import Running
from shared.web import cookies, passes
from shared.web.principal import Principal

NOON = datetime(2026, 11, 25, 2, 42, tzinfo=UTC)  # Wednesday 10:42 at the site
SITE = "http://127.0.0.1:8000"
SUBSCRIPTIONS = {each.name: each for each in SERVICE.subscriptions}
WHERE = {event: each for each in SERVICE.subscriptions for event in each.events}


def a_request(number=87, **changes):
    """A repair of an air conditioner in office 2-302, filed now, priority 2, unless told otherwise."""
    given = {
        "request_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"request {number}")),
        "reference": f"2026-1125-{number:03}",
        "item": "repair",
        "item_version": 4,
        "priority": 2,
        "place": "B2-302",
        "building": "2",
        "floor": "3",
        "room": "302",
        "department": "secretariat",
        "requester": "account-hanbing",
        "filed_at": NOON,
        "summary": "空调：不制冷、滴水",
        "answers": (Answer(name="什么坏了", value="空调"), Answer(name="怎么回事", value="不制冷、滴水")),
        "contact": "8302",
        "skills": ("hvac",),
    }
    return RequestFiled(**(given | changes))


def withdrawn(request, at=NOON):
    return RequestWithdrawn(request_id=request.request_id, withdrawn_at=at, reason="not_needed")


def urged(request, times=1, at=NOON):
    return RequestUrged(request_id=request.request_id, urged_at=at, times=times)


def confirmed(request, stars=5, at=NOON):
    return RequestConfirmed(request_id=request.request_id, confirmed_at=at, stars=stars)


def reopened(request, times=1, at=NOON):
    return RequestReopened(request_id=request.request_id, reopened_at=at, times=times)


class World:
    """The service on one database; time moves only by ``later``."""

    def __init__(self, url, folder, *, new=True):
        loaded = settings.load(process.declared(SERVICE), {"HOUQIN_DATA": str(folder)})
        self.clock = ManualClock(NOON)
        self.running = Running(SERVICE, Database(url), loaded, self.clock)
        if new:
            SERVICE.metadata.create_all(self.running.database.engine)
            SERVICE.demonstrate(self.running)
        self.folder = folder
        self._numbers = {}
        self._app = None

    def close(self):
        self.running.database.close()

    # ---- hearing

    def envelope(self, event, sequence=1):
        """The event as it arrives, under the next number of its type."""
        place = self._numbers[event.TYPE] = self._numbers.get(event.TYPE, 0) + 1
        sealed = seal(
            Envelope(
                id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{event.TYPE} {place}")),
                source=event.TYPE.partition(".")[0],
                type=event.TYPE,
                subject=event.subject,
                time=self.clock.now(),
                data=event.data(),
                sequence=sequence,
                actor="account:somebody",
            )
        )
        return unseal(numbered(sealed, 1, place, place))

    def delivery(self, event, sequence=1):
        envelope = self.envelope(event, sequence)
        return Delivery(envelope, numbered(seal(envelope), 1, envelope.sourcenumber, envelope.typenumber))

    def hear(self, *events, sequence=1):
        """All of them in one batch; they are of one type."""
        return self.take([self.delivery(event, sequence) for event in events])

    def take(self, deliveries):
        return self.running.consumer.deliver(WHERE[type_of(deliveries[0])], deliveries)

    def retry(self):
        """Try again what waits, a second later."""
        self.later(seconds=2)
        return self.running.consumer.retry(self.running.subscriptions)

    def file(self, number=87, **changes):
        """A request is filed and heard; its order."""
        request = a_request(number, **({"filed_at": self.clock.now()} | changes))
        self.hear(request)
        return self.order(f"{request.reference}-1")

    # ---- looking

    def order(self, reference="2026-1125-087-1"):
        with self.running.database.read() as connection:
            return store.order(connection, reference)

    def loads(self):
        with self.running.database.read() as connection:
            return store.loads(connection)

    def said(self, kind=""):
        """Everything said so far: (type without service and version, data, sequence), oldest first."""
        with self.running.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT sealed FROM outbox ORDER BY row_id").all()
        found = []
        for (sealed,) in rows:
            body = json.loads(sealed)
            name = body["type"].split(".")[1]
            if not kind or name == kind:
                found.append((name, body["data"], body["sequence"]))
        return found

    def waiting(self):
        with self.running.database.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql("SELECT handler, state FROM waiting")]

    # ---- acting

    def later(self, **length):
        self.clock.set(self.clock.now() + timedelta(**length))

    def do(self, name, *given, reference="2026-1125-087-1", who="何静", **named):
        """One command in a transaction of its own; the order afterwards."""
        if name == "assign":
            given = (given[0], who, *given[1:])
        else:
            given = (who, *given)
        with self.running.work(actor="account:x") as work:
            getattr(handlers, name)(work, handlers.found(work, reference), *given, **named)
        return self.order(reference)

    def cancel(self, reference="2026-1125-087-1"):
        """A dispatcher ends an order as filed twice."""
        with self.running.work() as work:
            handlers.cancel(work, handlers.found(work, reference), "duplicate", "何静")

    def notice(self):
        """The timer looks at the promises."""
        with self.running.work() as work:
            return handlers.notice_breaches(work)

    # ---- the web

    @property
    def app(self):
        if self._app is None:
            self._app = SERVICE.application(self.running)
        return self._app

    def client(self, person=None, **headers):
        """A browser, signed in as ``person``."""
        client = Client(self.app)
        if person is not None:
            private, _ = passes.keep_key(self.folder / "keys")
            signer = passes.Signer.of(private.read_bytes())
            client.set_cookie(cookies.PASS, signer.sign(person, self.clock.now()), domain="127.0.0.1")
        return Caller(client, person, headers)


class Caller:
    """A werkzeug client that speaks as our pages and programs do."""

    def __init__(self, client, person, headers):
        self.client, self.person, self.headers = client, person, headers

    def get(self, path, **options):
        options.setdefault("headers", {**self.headers, **options.pop("headers", {})})
        return self.client.get(path, base_url=SITE, **options)

    def post(self, path, body=None, **options):
        """JSON with the proof and origin that a page of ours would send."""
        headers = {"Origin": SITE, "X-CSRF-Token": self.person.proof if self.person else "", **self.headers}
        return self.client.post(path, json={} if body is None else body, base_url=SITE, headers=headers, **options)

    def send(self, path, **form):
        """A form."""
        data = {"_csrf": self.person.proof if self.person else "", **form}
        return self.client.post(path, data=data, base_url=SITE, headers={"Origin": SITE, **self.headers})

    def photo(self, ref, kind, number=0, body=None):
        """A photo sent as the crew's page does; pictures of different numbers differ."""
        sent = BytesIO(a_photo(number) if body is None else body)
        data = {"_csrf": self.person.proof, "kind": kind, "photo": (sent, "photo.jpg")}
        path = f"/dispatch/orders/{ref}/photos"
        return self.client.post(path, data=data, base_url=SITE, headers={"Origin": SITE, **self.headers})


def a_photo(number=0, kind="JPEG", **extra):
    """A small picture that a camera wrote its place and words into."""
    from PIL import Image

    picture = Image.new("RGB", (32, 24), (number * 37 % 256, 80, 120))
    exif = Image.Exif()
    exif[0x010F] = "secret camera"
    exif[0x8825] = {1: "N", 2: (27.0, 47.0, 3.0)}
    made = BytesIO()
    picture.save(made, kind, exif=exif, **extra)
    return made.getvalue()


def type_of(delivery):
    return next(event for event in WHERE if delivery.envelope.type == event.TYPE)


def a_person(role="dispatcher", **changes):
    """He Jing the dispatcher, unless told otherwise."""
    given = {
        "account": f"account-{role}", "name": "何静", "roles": frozenset({role}), "role": role, "session": f"s-{role}",
        "epoch": 1, "signed_in_at": NOON, "proof": "p" * 32, "department": "logistics", "organisation": "cn/zj/city/compound",
    }  # fmt: skip
    return replace(Principal(**given), **changes)


HEJING = a_person()
WANG = a_person("crew", name="王建国", crew="in-elec-1")
LINA = a_person("supplier", name="李娜", supplier="HY", department="", organisation="")
HANBING = a_person("staff", name="韩冰", account="account-hanbing", department="secretariat")
