"""JSON and machine routes: the log as C2SP tlog-tiles, entries, timelines, receipts, completeness."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, pre_load, validate

from services.audit import bodies, searching, store, vault, witnessing
from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import LogError, Malformed
from services.audit.log.note import encode_base64, parse_note
from services.audit.log.receipt import make_receipt
from services.audit.log.tiles import ENTRIES, FULL, Tree, pack_entries, parse_tile_path
from services.audit.log.tree import leaf_hash
from services.audit.signing import keys
from services.audit.taking import bundle_of
from shared.clock import SITE_ZONE, to_text
from shared.contracts.audit import LogRead
from shared.contracts.base import SERVICES
from shared.errors import Absent
from shared.web.answers import Answer, answer, file
from shared.web.routes import PUBLIC, Access, Route
from shared.web.schemas import Text, Whole

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.audit.bodies import Reads
    from shared.web.context import Context

READERS = Access.to(supervisor="all", auditor="all", administrator="all")
DISCLOSED_TO = Access.to(supervisor="all", auditor="all")
BEYOND = 2**53 - 1
MOST_FOUND = 50

OPEN_TO_ALL = {"Access-Control-Allow-Origin": "*"}
FOR_EVER = {**OPEN_TO_ALL, "Cache-Control": "public, max-age=31536000, immutable"}


def signed(connection: Connection) -> tuple[int, bytes]:
    """(size, note) of the newest checkpoint.

    Raises:
        Absent: nothing has been signed yet.
    """
    found = store.checkpoint(connection)
    if found is None:
        raise Absent
    return found[0], found[1]


def shown(context: Context, connection: Connection, covering: int = -1) -> witnessing.Shown:
    """The checkpoint that readers are given, with its cosignatures.

    Raises:
        Absent: nothing has been signed yet, or no checkpoint covers entry ``covering``.
    """
    point = witnessing.shown(connection, witnessing.policy_of(context.own.settings), covering)
    if point is None or point.size <= covering:
        raise Absent
    return point


def checkpoint(context: Context) -> Answer:
    """The newest checkpoint with the witnesses' cosignatures, as C2SP tlog-checkpoint says."""
    with context.read() as connection:
        point = shown(context, connection)
    found = file(point.note.encode(), "text/plain; charset=utf-8")
    found.headers |= {**OPEN_TO_ALL, "Cache-Control": "public, max-age=2"}
    return found


def tile(context: Context, path: str) -> Answer:
    """A hash tile or a bundle of entries, as C2SP tlog-tiles says; only what the newest checkpoint covers."""
    try:
        wanted = parse_tile_path(f"tile/{path}")
    except Malformed as error:
        raise Absent from error
    with context.read() as connection:
        size, _ = signed(connection)
        tiles = store.Tiles(connection)
        if wanted.level == ENTRIES:
            if wanted.index * FULL + wanted.width > size:
                raise Absent
            body = pack_entries(tiles.read_entries(wanted.index * FULL, wanted.width))
        else:
            if wanted.index * FULL + wanted.width > size >> 8 * wanted.level:
                raise Absent
            found = tiles.read_tiles([wanted]).get(wanted)
            if found is None:
                raise Absent
            body = found
    result = file(body, "application/octet-stream")
    result.headers |= FOR_EVER
    return result


def vkeys(context: Context) -> Answer:
    """The log's verifier keys; pin them from paper, not from here."""
    lines = [str(key.public) for key in keys(context.own.settings)]
    found = file(("\n".join(lines) + "\n").encode(), "text/plain; charset=utf-8")
    found.headers |= OPEN_TO_ALL
    return found


def policy(context: Context) -> Answer:
    """What makes a checkpoint valid: the C2SP tlog-policy of this log; keep your own copy."""
    found = str(context.own.settings["AUDIT_POLICY_FILE"])
    if not found:
        raise Absent
    answered = file(Path(found).read_bytes(), "text/plain; charset=utf-8")
    answered.headers |= OPEN_TO_ALL
    return answered


class Opened(Schema):
    """A value behind a commitment."""

    field = fields.String()
    salt = fields.String(metadata={"description": "base64"})
    value = fields.Raw()


class EntryForm(Schema):
    """One entry of the log."""

    number = fields.Integer()
    event_id = fields.String()
    source = fields.String()
    sourcenumber = fields.Integer()
    type = fields.String()
    subject = fields.String()
    actor = fields.String()
    time = fields.String()
    received_at = fields.String()
    sealed = fields.Boolean(metadata={"description": "whether a signed checkpoint covers it"})
    leaf_hash = fields.String(metadata={"description": "RFC 6962 leaf hash, hexadecimal"})
    event = fields.Raw()


def form_of(entry: store.Entry, covered: int) -> dict[str, Any]:
    """An entry for a reader; ``covered`` is the size of the newest checkpoint."""
    return {
        "number": entry.seq,
        "event_id": entry.event_id,
        "source": entry.source,
        "sourcenumber": entry.sourcenumber,
        "type": entry.type,
        "subject": entry.subject,
        "actor": entry.actor,
        "time": to_text(entry.time),
        "received_at": to_text(entry.received_at),
        "sealed": entry.seq < covered,
        "leaf_hash": leaf_hash(entry.leaf).hex(),
        "event": json.loads(entry.leaf),
    }


class Slice(Schema):
    """Which part of a list."""

    about = Text(200, load_default="", metadata={"description": "only entries about this thing"})
    before = Whole(0, BEYOND, load_default=BEYOND)
    limit = Whole(1, 200, load_default=50)


class EntriesForm(Schema):
    """Entries, newest first, and how much of the log they were taken from."""

    entries = fields.List(fields.Nested(EntryForm))
    covers = fields.Integer(metadata={"description": "the answer covers entries 0 to covers - 1"})
    next = fields.Integer(allow_none=True, metadata={"description": "pass as `before` for the next part"})


def reads_of(context: Context, connection: Connection) -> Reads:
    """What the person who asks may read.

    Raises:
        Forbidden: bodies are set up, and the person has no mandate in force.
    """
    return bodies.reads(connection, context.principal, context.now)


def readable(context: Context, connection: Connection, number: int) -> store.Entry:
    """The entry with this number.

    Raises:
        Absent: there is none, or it lies outside what the person may read; the answers are equal.
    """
    found = store.entry(connection, number)
    if found is None or not store.may_read(connection, number, reads_of(context, connection)):
        raise Absent
    return found


def covered(connection: Connection) -> int:
    """Size of the newest checkpoint; 0 before the first."""
    found = store.checkpoint(connection)
    return 0 if found is None else found[0]


def entries(context: Context) -> Answer:
    """Entries, newest first; with ``about`` only those that concern a request, order, contract or account."""
    asked = context.query()
    with context.read() as connection:
        size = store.head(connection).size
        sealed = covered(connection)
        reads = reads_of(context, connection)
        if asked["about"]:
            found = store.timeline(connection, asked["about"], asked["before"], asked["limit"], reads)
        else:
            found = store.newest(connection, asked["before"], asked["limit"], reads)
    note_reading(context, "timeline" if asked["about"] else "search", asked["about"], len(found))
    return answer(
        {
            "entries": [form_of(each, sealed) for each in found],
            "covers": size,
            "next": found[-1].seq if len(found) == asked["limit"] else None,
        }
    )


class Sought(Schema):
    """Words and filters; every one that is given must hold."""

    q = Text(120, load_default="")
    source = fields.String(load_default="", validate=validate.OneOf(["", *SERVICES]))
    kind = Text(80, load_default="", metadata={"description": "as dispatch.work_order_finished"})
    actor = Text(120, load_default="", metadata={"description": "as account:… or crew:…"})
    since = fields.Date(load_default=None, allow_none=True, metadata={"description": "first day at the site"})
    until = fields.Date(load_default=None, allow_none=True, metadata={"description": "last day at the site"})
    before = Whole(0, BEYOND, load_default=BEYOND)

    @pre_load
    def _blank_days(self, data: Any, **_: Any) -> Any:
        return {name: value for name, value in data.items() if name not in {"since", "until"} or value}


def wanted_of(asked: dict[str, Any]) -> searching.Wanted:
    """The query as it is looked for."""
    midnight = time(tzinfo=SITE_ZONE)
    return searching.Wanted(
        text=asked["q"],
        source=asked["source"],
        fact=asked["kind"],
        actor=asked["actor"],
        since=datetime.combine(asked["since"], midnight) if asked["since"] else None,
        until=datetime.combine(asked["until"] + timedelta(days=1), midnight)
        if asked["until"] and asked["until"] < date(9999, 12, 31)
        else None,
    )


def found_by(context: Context) -> Answer:
    """Entries that fit words and filters, newest first, and how much of the log the answer covers."""
    asked = context.query()
    with context.read() as connection:
        found = searching.search(
            connection, wanted_of(asked), asked["before"], MOST_FOUND, reads_of(context, connection)
        )
        reach = searching.reach(connection) if asked["q"] else store.head(connection).size
        sealed_to = covered(connection)
    note_reading(context, "search", asked["q"], len(found))
    return answer(
        {
            "entries": [form_of(each, sealed_to) for each in found],
            "covers": reach,
            "next": found[-1].seq if len(found) == MOST_FOUND else None,
        }
    )


def entry(context: Context, number: int) -> Answer:
    """One entry."""
    with context.read() as connection:
        found = readable(context, connection, number)
        sealed = covered(connection)
    note_reading(context, "entry", str(number), 1)
    return answer(form_of(found, sealed))


def note_reading(context: Context, what: str, filter_: str, count: int) -> None:
    """That a person read the log is itself an entry."""
    with context.work() as work:
        work.say(
            LogRead(account_id=context.principal.account, what=what, filter=filter_, count=count, read_at=work.now)
        )


class ProofForm(Schema):
    """An inclusion proof against the newest checkpoint."""

    number = fields.Integer()
    size = fields.Integer()
    leaf_hash = fields.String()
    proof = fields.List(fields.String(), metadata={"description": "sibling hashes from the leaf up, hexadecimal"})
    checkpoint = fields.String()


def proof_of(context: Context, connection: Connection, number: int) -> dict[str, Any]:
    """The inclusion proof of an entry against the newest checkpoint.

    Raises:
        Absent: no checkpoint covers it.
    """
    point = shown(context, connection, number)
    tree = Tree(store.Tiles(connection), point.size)
    return {
        "number": number,
        "size": point.size,
        "leaf_hash": tree.leaf_hash(number).hex(),
        "proof": [each.hex() for each in tree.inclusion_proof(number)],
        "checkpoint": point.note.encode().decode(),
    }


def proof(context: Context, number: int) -> Answer:
    """The inclusion proof of an entry; it says nothing of what the entry holds, so anybody may ask."""
    with context.read() as connection:
        try:
            return answer(proof_of(context, connection, number))
        except LogError as error:
            raise Absent from error


def receipt(context: Context, number: int) -> Answer:
    """An entry's receipt, which proves it offline for ever (C2SP tlog-proof)."""
    with context.read() as connection:
        point = shown(context, connection, number)
        found = readable(context, connection, number)
        tree = Tree(store.Tiles(connection), point.size)
        body = make_receipt(tree, number, point.note, found.leaf).encode()
    return file(body, "text/plain; charset=utf-8", name=f"entry-{number}.tlog-proof")


def bundle(context: Context, thing: str) -> Answer:
    """Every sealed entry about a thing in one file that proves itself; a statement's also holds what it follows from."""
    with context.read() as connection:
        body, count = bundle_of(connection, thing, shown(context, connection), reads_of(context, connection))
    note_reading(context, "export", thing, count)
    name = "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "-" for each in thing)[:80]
    return file(body, "application/json", name=f"bundle-{name}.json")


def openings(context: Context, number: int) -> Answer:
    """The values behind an entry's commitments with their salts; whoever holds them can check them against the entry."""
    with context.read() as connection:
        readable(context, connection, number)
        found = vault.openings(connection, number, context.own.settings)
    note_reading(context, "disclosure", str(number), len(found))
    return answer(
        {
            "number": number,
            "openings": [
                {"field": each.field, "salt": encode_base64(each.salt), "value": each.value} for each in found
            ],
        }
    )


class OpeningsForm(Schema):
    """Disclosed values of one entry."""

    number = fields.Integer()
    openings = fields.List(fields.Nested(Opened))


class Ids(Schema):
    """Events whose place is asked for."""

    event = fields.List(Text(64), load_default=list, validate=validate.Length(max=50))


class SealedForm(Schema):
    """Where one event stands."""

    event_id = fields.String()
    number = fields.Integer(metadata={"description": "of its entry"})
    sealed = fields.Boolean(metadata={"description": "whether a signed checkpoint covers it"})


class PlacesForm(Schema):
    """Where events stand in the log; an event that is not listed has not arrived."""

    covers = fields.Integer(metadata={"description": "size of the newest checkpoint"})
    found = fields.List(fields.Nested(SealedForm))


def sealed(context: Context) -> Answer:
    """Where events stand in the log. It tells nothing of what they hold, so anybody who knows an event's id may ask."""
    asked = context.query()["event"]
    with context.read() as connection:
        size = covered(connection)
        found = store.entries_of_events(connection, set(asked))
    places = [{"event_id": each.event_id, "number": each.seq, "sealed": each.seq < size} for each in found]
    return answer({"covers": size, "found": places})


class SourceForm(Schema):
    """How complete a source is in the log."""

    source = fields.String()
    epoch = fields.Integer()
    complete_to = fields.Integer()
    last_known = fields.Integer()


class StateForm(Schema):
    """Where the log stands."""

    origin = fields.String()
    size = fields.Integer()
    root = fields.String(metadata={"description": "base64"})
    signed_size = fields.Integer()
    sources = fields.List(fields.Nested(SourceForm))


def state_of(context: Context, connection: Connection) -> dict[str, Any]:
    """Size, root and completeness of the log."""
    head = store.head(connection)
    found = store.checkpoint(connection)
    origin = context.own.settings["AUDIT_ORIGIN"]
    if found is not None:
        origin = Checkpoint.parse(parse_note(found[1]).text).origin
    return {
        "origin": origin,
        "size": head.size,
        "root": base64.b64encode(head.root).decode(),
        "signed_size": found[0] if found else 0,
        "sources": [
            {"source": source, "epoch": epoch, "complete_to": upto, "last_known": last}
            for source, epoch, upto, last in store.completeness(connection, "audit.keep_entries")
        ],
    }


def state(context: Context) -> Answer:
    """Size, root and completeness of the log."""
    with context.read() as connection:
        return answer(state_of(context, connection))


ROUTES = (
    Route("GET", "/log/checkpoint", "log_checkpoint", checkpoint, allow=PUBLIC, kind="file", summary="The signed checkpoint."),
    Route("GET", "/log/tile/<path:path>", "log_tile", tile, allow=PUBLIC, kind="file", summary="A tile of the log.",
          sample={"path": "entries/000"}),
    Route("GET", "/log/vkey", "log_vkey", vkeys, allow=PUBLIC, kind="file", summary="The log's verifier keys."),
    Route("GET", "/log/policy", "log_policy", policy, allow=PUBLIC, kind="file", summary="Which witnesses make a checkpoint valid."),
    Route("GET", "/api/state", "api_state", state, allow=READERS, kind="api", answers=StateForm, summary="Where the log stands."),
    Route("GET", "/api/entries", "api_entries", entries, allow=READERS, kind="api", accepts=Slice, answers=EntriesForm,
          summary="Entries, newest first."),
    Route("GET", "/api/search", "api_search", found_by, allow=READERS, kind="api", accepts=Sought, answers=EntriesForm,
          summary="Entries that fit words and filters."),
    Route("GET", "/api/entries/<int:number>", "api_entry", entry, allow=READERS, kind="api", answers=EntryForm,
          summary="One entry.", sample={"number": "0"}),
    Route("GET", "/api/entries/<int:number>/proof", "api_proof", proof, allow=PUBLIC, kind="api", answers=ProofForm,
          summary="An entry's inclusion proof.", sample={"number": "0"}),
    Route("GET", "/api/sealed", "api_sealed", sealed, allow=PUBLIC, kind="api", accepts=Ids, answers=PlacesForm,
          summary="Where events stand in the log."),
    Route("GET", "/api/entries/<int:number>/openings", "api_openings", openings, allow=DISCLOSED_TO, kind="api",
          answers=OpeningsForm, summary="The personal values behind an entry, for those who may see them.", sample={"number": "0"}),
    Route("GET", "/api/bundles/<path:thing>", "api_bundle", bundle, allow=READERS, kind="file",
          summary="Everything about a thing, provable offline.", sample={"thing": "HY-2026-01"}),
    Route("GET", "/api/entries/<int:number>/receipt", "api_receipt", receipt, allow=READERS, kind="file",
          summary="An entry's receipt.", sample={"number": "0"}),
)  # fmt: skip
