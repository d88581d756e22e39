"""Builders for tests of the floor: a service's store, events, deliveries."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, Integer, Table, Text, func, select

from shared.bus.base import Delivery
from shared.clock import ManualClock
from shared.contracts.base import Envelope, numbered, seal, unseal
from shared.contracts.requests import RequestUrged
from shared.database import Sql
from shared.delivery import Consumer
from shared.ids import new_id
from shared.service import metadata_of_floor

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)  # twelve o'clock at the site
metadata = metadata_of_floor()
effects = Table("effects", metadata, Column("id", Integer, primary_key=True), Column("subject", Text))
PUT = Sql("INSERT INTO effects (subject) VALUES (:subject)")


def an_event(subject="r1", times=1):
    return RequestUrged(request_id=subject, urged_at=NOON, times=times)


def an_envelope(number=1, subject="r1", *, event=None, typenumber=None, epoch=1, source="requests", sequence=0):
    event = event or an_event(subject)
    text = seal(
        Envelope(id=new_id(), source=source, type=event.TYPE, subject=event.subject, time=NOON, data=event.data(),
                 sequence=sequence)
    )  # fmt: skip
    return unseal(numbered(text, epoch, number, typenumber or number))


def a_delivery(number=1, subject="r1", *, redelivered=False, **options):
    envelope = an_envelope(number, subject, **options)
    body = numbered(seal(envelope), envelope.sourceepoch, envelope.sourcenumber, envelope.typenumber)
    return Delivery(envelope, body, redelivered)


def a_consumer(database, now=NOON):
    metadata.create_all(database.engine)
    return Consumer("dispatch", database, ManualClock(now))


def note(work, event, _envelope):
    work.later(PUT, subject=event.request_id)


def subjects(database):
    with database.read() as connection:
        return sorted(connection.execute(select(effects.c.subject)).scalars())


def count(database, table):
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(metadata.tables[table])).scalar_one()
