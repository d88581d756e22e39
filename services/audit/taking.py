"""What a reader takes home: bundles of everything about a request, a contract, or a statement and what it follows from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from services.audit import logs, store, witnessing
from services.audit.bodies import EVERYTHING
from services.audit.log.bundle import BundleEntry, Drawn, Part, bundle_of_parts
from services.audit.log.tiles import Tree
from shared.errors import Absent, Conflict

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.audit.bodies import Reads
    from services.audit.log.policy import Policy

MOST = 5_000  # entries of one bundle

DRAWN = "billing.statement_drawn.v1"
LINE = "billing.statement_line_drawn.v1"
ISSUED = "billing.statement_issued.v1"
CONTRACT = "billing.contract_in_force.v1"
CARD = "billing.card_in_force.v1"
ADJUSTED = "billing.adjustment_booked.v1"
FED = "billing.feed_extended.v1"
MOVED = "billing.retention_moved.v1"
PAID = "billing.statement_paid.v1"


def bundle_of(
    connection: Connection, thing: str, policy: Policy | None, reads: Reads = EVERYTHING
) -> tuple[bytes, int]:
    """The bundle of ``thing`` as of the newest checkpoints, and how many entries it holds.

    The bundle of a statement holds besides its own entries the events behind its lines and the cards that priced them.

    Raises:
        Absent: no sealed entry is about it. Conflict: more entries than a bundle takes.
    """
    size = store.covered(connection)
    found = {each.seq: each for each in store.timeline(connection, thing, size, MOST + 1, reads)}
    drawn = max((seq for seq, each in found.items() if each.type == DRAWN and each.subject == thing), default=None)
    if drawn is not None:
        for each in _behind(connection, thing, list(found.values()), found[drawn]):
            if each.seq < size and store.may_read(connection, each.seq, reads):
                found[each.seq] = each
    elif facts := {each.subject for each in found.values() if each.type.startswith("billing.usage_recorded")} - {thing}:
        for fact in sorted(facts):
            found |= {each.seq: each for each in store.timeline(connection, fact, size, MOST, reads)}
    if not found:
        raise Absent
    if len(found) > MOST:
        raise Conflict("audit.bundle.too_many", most=MOST)
    statement = None if drawn is None else Drawn(drawn)
    return bundle_of_parts(thing, _parts(connection, found, policy), statement), len(found)


def _parts(connection: Connection, found: dict[int, store.Entry], policy: Policy | None) -> list[Part]:
    """The entries by the log that holds them, oldest first, each under the newest checkpoint of its log."""
    parts = []
    for of, closed in (*((each.log, each) for each in logs.closed(connection)), (logs.current(connection), None)):
        beyond = closed.beyond if closed else store.MOST_ENTRIES
        entries = [BundleEntry(seq, found[seq].leaf) for seq in sorted(found) if of.first <= seq < beyond]
        if entries:
            point = witnessing.shown_of(connection, policy, of, closed, entries[-1].index)
            assert point is not None  # its entries are below what checkpoints cover
            tree = Tree(store.Tiles(connection, of), point.size)
            parts.append(Part(point.note, tree, entries, of.first))
    return parts


def _behind(
    connection: Connection, statement: str, entries: list[store.Entry], drawn: store.Entry
) -> list[store.Entry]:
    """The entries from which the lines of a statement follow."""
    wanted: set[str] = set()
    for each in entries:
        if each.type == LINE and each.subject == statement:
            data = _data(each)
            wanted |= {str(one) for one in data.get("events", ())} | {str(data.get("card_event", ""))}
    contract = str(_data(drawn).get("contract", ""))
    period = _data(drawn).get("period")
    booked = [
        each
        for type_ in (ADJUSTED, FED)
        for each in store.timeline_of_type(connection, contract, type_, MOST)
        if _data(each).get("booked_in") == period and _data(each).get("kind") not in {"charge", "closing"}
    ]
    numbers = {_data(each).get("number") for each in booked}
    moved = [
        each
        for each in store.timeline_of_type(connection, contract, MOVED, MOST)
        if _data(each).get("number") in numbers
    ]
    paid = [
        each
        for each in store.timeline_of_type(connection, contract, PAID, MOST)
        if any(_data(one).get("kind") == "interest" for one in booked)
    ]
    agreed = [
        each
        for type_ in (CONTRACT, CARD)
        for each in store.timeline_of_type(connection, contract, type_, MOST)
        if each.seq < drawn.seq
    ]
    return [*store.entries_of_events(connection, wanted - {""}), *agreed, *booked, *moved, *paid]


def _data(entry: store.Entry) -> dict[str, Any]:
    found = json.loads(entry.leaf).get("data", {})
    return found if isinstance(found, dict) else {}
