"""What audit does with what it hears: every event becomes one entry, in the transaction that marks it as seen."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from services.audit import store, vault
from services.audit.log.envelope import canonical, seal_event
from services.audit.log.errors import LeafRefused, LogError
from services.audit.log.sequencer import LogState, append
from shared.contracts import REGISTRY
from shared.contracts.audit import ConflictNoticed
from shared.errors import Transient
from shared.faults import fault
from shared.web import revocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.bus.base import Delivery
    from shared.contracts.base import Envelope
    from shared.contracts.requests import AccountChanged, SessionEnded
    from shared.work import Work

log = logging.getLogger(__name__)

# Fields by which an entry is found again, beside the event's own subject.
THINGS = ("request_id", "request_reference", "reference", "order_id", "fact_id", "contract", "supplier", "crew",
          "account_id", "requester", "statement", "deduction_id", "corrects", "complaint_id", "scored")  # fmt: skip

MOST_ATTRIBUTE = 2000  # characters of an attribute that is kept in the leaf of an event that has no canonical form

# The right edge after the last batch of this process. Only a hint: it is used when the database's head equals it.
_edge: dict[str, LogState] = {}
_turn = threading.Lock()


def keep_entries(work: Work, deliveries: Sequence[Delivery]) -> None:
    """Append every event that is not in the log yet; one batch, one head."""
    with _turn:
        at = store.lock_head(work.connection)
        fresh = _fresh(work, deliveries)
        if not fresh:
            return
        key = str(work.connection.engine.url)
        try:
            state = store.state_of(work.connection, at, _edge.get(key))
        except LogError as error:
            # Nothing is appended to a log that is not sound. The events stay with the broker until a person has mended it.
            log.critical("nothing is appended to the log: %s", error)
            raise Transient("the log is not sound") from error
        entries = [_sealed(delivery) for delivery in fresh]
        batch = append(state, [each.leaf for each in entries])
        try:
            store.keep(work.connection, batch, entries, work.now, partial(vault.stored, work.connection))
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
    event: dict[str, Any] = json.loads(delivery.body)
    declared = REGISTRY.get(envelope.type)
    personal = [f"/data/{name}" for name in getattr(declared, "PERSONAL", ()) if envelope.data.get(name)]
    try:
        sealed = seal_event(event, personal)
    except LeafRefused:
        # Too long or without canonical form: what is sealed is a salted commitment to its bytes, which wait in the vault
        # as evidence. A plain hash would let anybody who can guess a short body confirm it.
        text = delivery.body.decode("utf-8", "backslashreplace")
        held = {"refused": True, "bytes": len(delivery.body), "body": text}
        sealed = seal_event({**_plain(event), "data": held}, ["/data/body"])
    things = {envelope.subject, *(str(envelope.data[name]) for name in THINGS if envelope.data.get(name))}
    return store.NewEntry(
        event_id=envelope.id,
        source=envelope.source,
        sourcenumber=envelope.sourcenumber,
        type=envelope.type,
        subject=envelope.subject,
        actor=envelope.actor,
        time=envelope.time,
        leaf=sealed.leaf,
        things=tuple(sorted(things)),
        openings=sealed.openings,
        person=str(envelope.data.get("requester") or envelope.data.get("account_id") or _account(envelope.actor)),
    )


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
    """Passes of an earlier epoch of the account are no longer good here."""
    revocation.change_account(work, event.account_id, event.epoch)
