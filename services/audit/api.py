"""JSON and machine routes: the log as C2SP tlog-tiles, entries, timelines, receipts, completeness."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, pre_load, validate

from services.audit import bodies, logs, searching, store, things, vault, witnessing
from services.audit.log.errors import LogError, Malformed
from services.audit.log.note import encode_base64
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
from shared.web.schemas import Key, Text, Whole

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.audit.bodies import Reads
    from services.audit.logs import Closed, Log
    from shared.web.context import Context

READERS = Access.to(supervisor="all", auditor="all", administrator="all")
DISCLOSED_TO = Access.to(supervisor="all", auditor="all")
BEYOND = 2**53 - 1
MOST_FOUND = 50

OPEN_TO_ALL = {"Access-Control-Allow-Origin": "*"}
FOR_EVER = {**OPEN_TO_ALL, "Cache-Control": "public, max-age=31536000, immutable"}


def shown(context: Context, connection: Connection, covering: int = -1) -> witnessing.Shown:
    """The checkpoint that readers are given, with its cosignatures.

    Raises:
        Absent: nothing has been signed yet, or no checkpoint covers entry ``covering``.
    """
    point = witnessing.shown(connection, witnessing.policy_of(context.own.settings), covering)
    if point is None or point.log.first + point.size <= covering:
        raise Absent
    return point


def log_of(connection: Connection, number: int) -> tuple[Log, Closed | None]:
    """The log with this number, and how it was closed.

    Raises:
        Absent: there is none.
    """
    now = logs.current(connection)
    if number == now.number:
        return now, None
    found = next((each for each in logs.closed(connection) if each.log.number == number), None)
    if found is None:
        raise Absent
    return found.log, found


def checkpoint(context: Context) -> Answer:
    """The newest checkpoint with the witnesses' cosignatures, as C2SP tlog-checkpoint says."""
    with context.read() as connection:
        point = shown(context, connection)
    return _note(point)


def numbered_checkpoint(context: Context, number: int) -> Answer:
    """The newest checkpoint of one of the logs; of a closed one its final checkpoint."""
    with context.read() as connection:
        of, closed = log_of(connection, number)
        point = witnessing.shown_of(connection, witnessing.policy_of(context.own.settings), of, closed)
    if point is None:
        raise Absent
    return _note(point)


def _note(point: witnessing.Shown) -> Answer:
    found = file(point.note.encode(), "text/plain; charset=utf-8")
    found.headers |= {**OPEN_TO_ALL, "Cache-Control": "public, max-age=2"}
    return found


def tile(context: Context, path: str) -> Answer:
    """A hash tile or a bundle of entries, as C2SP tlog-tiles says; only what the newest checkpoint covers."""
    with context.read() as connection:
        return _tile(connection, logs.current(connection), path)


def numbered_tile(context: Context, number: int, path: str) -> Answer:
    """A tile of one of the logs."""
    with context.read() as connection:
        return _tile(connection, log_of(connection, number)[0], path)


def _tile(connection: Connection, of: Log, path: str) -> Answer:
    try:
        wanted = parse_tile_path(f"tile/{path}")
    except Malformed as error:
        raise Absent from error
    point = store.checkpoint(connection, of)
    size = 0 if point is None else point[0]
    tiles = store.Tiles(connection, of)
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
    with context.read() as connection:
        return _vkeys(context, connection, logs.current(connection))


def numbered_vkeys(context: Context, number: int) -> Answer:
    """The verifier keys of one of the logs."""
    with context.read() as connection:
        return _vkeys(context, connection, log_of(connection, number)[0])


def _vkeys(context: Context, connection: Connection, of: Log) -> Answer:
    origin = logs.origin_of(connection, context.own.settings, of)
    lines = [str(key.public) for key in keys(context.own.settings, origin)]
    found = file(("\n".join(lines) + "\n").encode(), "text/plain; charset=utf-8")
    found.headers |= OPEN_TO_ALL
    return found


class LogForm(Schema):
    """One of the logs that follow each other."""

    number = fields.Integer()
    origin = fields.String()
    first = fields.Integer(metadata={"description": "number of its first entry"})
    size = fields.Integer(metadata={"description": "that its newest checkpoint states"})
    closed_at = fields.String(allow_none=True, metadata={"description": "null while it takes entries"})
    address = fields.String(metadata={"description": "below which checkpoint, tiles and vkey are read, for ever"})


class LogsForm(Schema):
    """The logs in their order; the last takes entries."""

    logs = fields.List(fields.Nested(LogForm))


def list_of_logs(context: Context) -> list[dict[str, Any]]:
    """The logs in their order."""
    with context.read() as connection:
        now = logs.current(connection)
        before = logs.closed(connection)
        point = store.checkpoint(connection, now)
        origin = logs.origin_of(connection, context.own.settings, now)
    root = f"{str(context.own.settings['HOUQIN_PUBLIC_URL']).rstrip('/')}/audit/logs"
    rows = [(each.log, each.origin, each.size, each.closed_at) for each in before]
    return [
        {
            "number": of.number, "origin": name, "first": of.first, "size": size,
            "closed_at": to_text(at) if at else None, "address": f"{root}/{of.number}",
        }
        for of, name, size, at in (*rows, (now, origin, point[0] if point else 0, None))
    ]  # fmt: skip


def all_logs(context: Context) -> Answer:
    """The logs that follow each other: a log is closed with a final checkpoint, and the next names it in an entry."""
    return answer({"logs": list_of_logs(context)})


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


def reads_of(context: Context, connection: Connection, body: str = "") -> Reads:
    """What the person who asks may read or, of that, what a chosen body reads.

    Raises:
        Forbidden: bodies are set up, and the person has no mandate in force.
        Absent: there is no such body, or it is neither one that the person reads for nor below one.
    """
    found = bodies.reads(connection, context.principal, context.now)
    if not body:
        return found
    there = (each for _, each in bodies.choices(connection, context.principal, context.now) if each.code == body)
    chosen = next(there, None)
    if chosen is None:
        raise Absent
    return bodies.narrowed(found, chosen)


def readable(context: Context, connection: Connection, number: int) -> store.Entry:
    """The entry with this number.

    Raises:
        Absent: there is none, or it lies outside what the person may read; the answers are equal.
    """
    found = store.entry(connection, number)
    if found is None or not store.may_read(connection, number, reads_of(context, connection)):
        raise Absent
    return found


def entries(context: Context) -> Answer:
    """Entries, newest first; with ``about`` only those that concern a request, order, contract or account."""
    asked = context.query()
    with context.read() as connection:
        size = things.reach(connection) if asked["about"] else store.count(connection)
        sealed = store.covered(connection)
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
    body = Key(load_default="", metadata={"description": "code of a body: only what it reads"})
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
            connection, wanted_of(asked), asked["before"], MOST_FOUND, reads_of(context, connection, asked["body"])
        )
        reach = searching.reach(connection) if asked["q"] else store.count(connection)
        sealed_to = store.covered(connection)
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
        sealed = store.covered(connection)
    note_reading(context, "entry", str(number), 1)
    return answer(form_of(found, sealed))


def note_reading(context: Context, what: str, filter_: str, count: int) -> None:
    """That a person read the log is itself an entry."""
    filter_, words = ("", filter_) if what == "search" else (filter_, "")
    with context.work() as work:
        work.say(
            LogRead(
                account_id=context.principal.account, what=what, filter=filter_, count=count, read_at=work.now, words=words
            )
        )  # fmt: skip


class ProofForm(Schema):
    """An inclusion proof against the newest checkpoint."""

    number = fields.Integer()
    log = fields.String(metadata={"description": "origin of the log that holds the entry"})
    index = fields.Integer(metadata={"description": "of the entry in that log, from 0: what the proof is about"})
    size = fields.Integer(metadata={"description": "of that log, as its checkpoint states"})
    leaf_hash = fields.String()
    proof = fields.List(fields.String(), metadata={"description": "sibling hashes from the leaf up, hexadecimal"})
    checkpoint = fields.String()


def proof_of(context: Context, connection: Connection, number: int) -> dict[str, Any]:
    """The inclusion proof of an entry against the newest checkpoint.

    Raises:
        Absent: no checkpoint covers it.
    """
    point = shown(context, connection, number)
    tree = Tree(store.Tiles(connection, point.log), point.size)
    index = number - point.log.first
    leaf, path = tree.leaf_and_proof(index)
    return {
        "number": number,
        "log": point.checkpoint.origin,
        "index": index,
        "size": point.size,
        "leaf_hash": leaf.hex(),
        "proof": [each.hex() for each in path],
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
        tree = Tree(store.Tiles(connection, point.log), point.size)
        body = make_receipt(tree, number - point.log.first, point.note, found.leaf).encode()
    note_reading(context, "export", str(number), 1)
    return file(body, "text/plain; charset=utf-8", name=f"entry-{number}.tlog-proof")


def bundle(context: Context, thing: str) -> Answer:
    """Every sealed entry about a thing in one file that proves itself; a statement's also holds what it follows from."""
    with context.read() as connection:
        policy = witnessing.policy_of(context.own.settings)
        body, count = bundle_of(connection, thing, policy, reads_of(context, connection))
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
        size = store.covered(connection)
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

    origin = fields.String(metadata={"description": "of the log that takes entries"})
    size = fields.Integer(metadata={"description": "entries in all logs; the number of the next one"})
    root = fields.String(metadata={"description": "of the log that takes entries, base64"})
    signed_size = fields.Integer(metadata={"description": "entries that a signed checkpoint covers, over all logs"})
    log = fields.Integer(metadata={"description": "number of the log that takes entries"})
    log_first = fields.Integer(metadata={"description": "number of its first entry"})
    sources = fields.List(fields.Nested(SourceForm))


def state_of(context: Context, connection: Connection) -> dict[str, Any]:
    """Size, root and completeness of the log."""
    now, head = store.current(connection)
    return {
        "origin": logs.origin_of(connection, context.own.settings, now),
        "size": now.first + head.size,
        "root": base64.b64encode(head.root).decode(),
        "signed_size": store.covered(connection),
        "log": now.number,
        "log_first": now.first,
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
    Route("GET", "/logs", "logs", all_logs, allow=PUBLIC, kind="api", answers=LogsForm, summary="The logs that follow each other."),
    Route("GET", "/logs/<int:number>/checkpoint", "logs_checkpoint", numbered_checkpoint, allow=PUBLIC, kind="file",
          summary="The newest checkpoint of one log, the final one of a closed log.", sample={"number": "0"}),
    Route("GET", "/logs/<int:number>/tile/<path:path>", "logs_tile", numbered_tile, allow=PUBLIC, kind="file",
          summary="A tile of one log.", sample={"number": "0", "path": "entries/000"}),
    Route("GET", "/logs/<int:number>/vkey", "logs_vkey", numbered_vkeys, allow=PUBLIC, kind="file",
          summary="The verifier keys of one log.", sample={"number": "0"}),
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
