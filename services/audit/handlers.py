"""What audit does with what it hears: every event becomes one entry, in the transaction that marks it as seen."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from functools import cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from services.audit import digest, store, tables, vault
from services.audit.log.envelope import canonical, seal_event, seal_text
from services.audit.log.errors import LeafRefused, LogError
from services.audit.log.sequencer import LogState, append
from services.audit.personal import PERSONAL
from shared import personal
from shared.contracts import REGISTRY
from shared.contracts.audit import ConflictNoticed
from shared.errors import Transient
from shared.faults import fault
from shared.web import revocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.bus.base import Delivery
    from shared.contracts.base import Envelope
    from shared.contracts.requests import AccountChanged, DataCaseClosed, SessionEnded
    from shared.work import Work

log = logging.getLogger(__name__)

READERS = frozenset({"supervisor", "auditor"})
MOST_ATTRIBUTE = 2000  # characters of an attribute that is kept in the leaf of an event that has no canonical form

# The right edge after the last batch of this process. Only a hint: it is used when the database's head equals it.
_edge: dict[str, LogState] = {}
_turn = threading.Lock()


def keep_entries(work: Work, deliveries: Sequence[Delivery]) -> None:
    """Append every event that is not in the log yet; one batch, one head."""
    with _turn:
        into, at = store.lock_head(work.connection)
        fresh = _fresh(work, deliveries)
        if not fresh:
            return
        key = str(work.connection.engine.url)
        try:
            state = store.state_of(work.connection, into, at, _edge.get(key))
        except LogError as error:
            # Nothing is appended to a log that is not sound. The events stay with the broker until a person has mended it.
            log.critical("nothing is appended to the log: %s", error)
            raise Transient("the log is not sound") from error
        entries = [_sealed(delivery) for delivery in fresh]
        batch = append(state, [each.leaf for each in entries])
        try:
            store.keep(work.connection, into, batch, entries, work.now, partial(vault.stored, work.connection))
        except store.TwoSequencers as error:
            raise Transient("another sequencer moved the head") from error
        fault("log.batched")
        _edge[key] = batch.state


def _fresh(work: Work, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Deliveries whose event id is new to the log; one that came with other bytes is kept as a finding."""
    by_id: dict[str, Delivery] = {}
    for delivery in deliveries:
        by_id.setdefault(delivery.envelope.id, delivery)
    doubled = [each for each in deliveries if by_id[each.envelope.id] is not each]
    there = store.known(work.connection, by_id)
    for delivery in [*doubled, *(by_id[event_id] for event_id in there)]:
        digest = sha256(delivery.body).hexdigest()
        if store.note_conflict(work.connection, delivery.envelope.id, digest, delivery.body.decode(), work.now):
            work.say(ConflictNoticed(event_id=delivery.envelope.id, sha256=digest, noticed_at=work.now))
        log.error("event %s came again under another number or with other bytes", delivery.envelope.id)
    return [delivery for event_id, delivery in by_id.items() if event_id not in there]


def _sealed(delivery: Delivery) -> store.NewEntry:
    envelope = delivery.envelope
    data = envelope.data
    try:
        sealed = seal_text(delivery.body, [f"/data/{name}" for name in _personal(envelope.type) if data.get(name)])
    except LeafRefused:
        # Too long or without canonical form: what is sealed is a salted commitment to its bytes, which wait in the vault
        # as evidence. A plain hash would let anybody who can guess a short body confirm it.
        event: dict[str, Any] = json.loads(delivery.body)
        text = delivery.body.decode("utf-8", "backslashreplace")
        held = {"refused": True, "bytes": len(delivery.body), "body": text}
        sealed = seal_event({**_plain(event), "data": held}, ["/data/body"])
    # What a database refuses in a column, NUL and half a surrogate pair, comes through JSON only as an escape.
    kept = store.column if b"\\u" in delivery.body else str
    return store.NewEntry(
        event_id=envelope.id,
        source=kept(envelope.source),
        sourcenumber=envelope.sourcenumber,
        type=kept(envelope.type),
        subject=kept(envelope.subject),
        actor=kept(envelope.actor),
        time=envelope.time,
        leaf=sealed.leaf,
        openings=sealed.openings,
        person=kept(str(data.get("requester") or data.get("account_id") or _account(envelope.actor))),
    )


@cache
def _personal(type_: str) -> tuple[str, ...]:
    """The fields of an event type that the log commits to instead of holding them."""
    return tuple(getattr(REGISTRY.get(type_), "PERSONAL", ()))


def _account(actor: str) -> str:
    kind, _, name = actor.partition(":")
    return name if kind == "account" else ""


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """The envelope without its data; attributes that have no canonical form themselves are left out."""
    kept = {}
    for name, value in event.items():
        short = isinstance(value, int) or (isinstance(value, str) and len(value) <= MOST_ATTRIBUTE)
        if name != "data" and short:
            with suppress(LeafRefused):
                canonical(value)
                kept[name] = value
    return kept


def end_session(work: Work, event: SessionEnded, _envelope: Envelope) -> None:
    """Passes of the session are no longer good here."""
    revocation.end_session(work, event.session_id)


def change_account(work: Work, event: AccountChanged, _envelope: Envelope) -> None:
    """Passes of an earlier epoch of the account are no longer good here; one that reads the log no more is sent no digest."""
    revocation.change_account(work, event.account_id, event.epoch)
    if not event.enabled or READERS.isdisjoint(event.roles):
        digest.unsubscribe(work.connection, event.account_id)


def erase_person(work: Work, event: DataCaseClosed, _envelope: Envelope) -> None:
    """What may be erased of the person is, where that was granted: values behind entries too, unless only consent ended."""
    if not event.erases:
        return
    personal.erase(work, tables.metadata, PERSONAL, event.account_id, consent_alone=event.kind == "object")
    if event.kind == "erase":
        vault.erase_person(work, event.account_id, "request_of_person")
