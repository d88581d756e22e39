"""Pages of the log: where it stands, single entries with their proof, what is about a thing, how to check it oneself."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.audit import (
    bodies,
    complaints,
    figures,
    logs,
    searching,
    store,
    things,
    vault,
    watching,
    witnessing,
    wording,
)
from services.audit.api import (
    BEYOND,
    READERS,
    Sought,
    list_of_logs,
    note_reading,
    readable,
    reads_of,
    shown,
    state_of,
    wanted_of,
)
from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import LogError
from services.audit.log.note import check_signatures, parse_note
from services.audit.log.tiles import Tree
from services.audit.log.tree import check_inclusion, inclusion_path, leaf_hash
from services.audit.signing import keys
from shared.clock import SITE_ZONE, from_text
from shared.contracts.base import SERVICES
from shared.errors import Absent
from shared.web import chart
from shared.web.answers import Answer, events, page, see_other
from shared.web.routes import PUBLIC, Route
from shared.web.schemas import Key, Whole

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.audit.bodies import Reads
    from services.audit.log.policy import Policy
    from shared.web.context import Context

PAGE = 50
NEWEST = 12
SEES_ALL = "audit.keep_entries"  # the handler whose inbox says what has come
MOST_ABOUT = 200  # entries of one thing on one page

_SHORT = re.compile(
    r"\d{4}-\d{3,}(-\d{1,2})?"
)  # of a request or its order; a whole one ends in three digits or more, or has four parts


class ScopeQuery(Schema):
    """Through the eyes of which body."""

    body = Key(load_default="")


class ListQuery(Schema):
    """Below which number a list goes on."""

    before = Whole(0, BEYOND, load_default=BEYOND)


class EntriesQuery(ListQuery, ScopeQuery):
    """Which part of the list of entries."""


class Listening(Schema):
    """From where a live page goes on."""

    last = fields.String(load_default="")


def row_of(context: Context, entry: store.Entry, sealed: int) -> dict[str, Any]:
    """An entry as a line of a timeline."""
    said = wording.say(entry, context.language)
    return {
        "at": entry.received_at,
        "words": said.words,
        "note": said.note,
        "kind": wording.title_of(entry.type, context.language),
        "source": entry.source,
        "number": entry.seq,
        "seal": {
            "key": "sealed" if entry.seq < sealed else "received",
            "entry": entry.seq,
            "href": context.url("entry", number=entry.seq),
        },
    }


def choices(context: Context, connection: Connection) -> list[tuple[str, str]]:
    """The bodies through whose eyes the person may look, with their names as a tree."""
    found = bodies.choices(connection, context.principal, context.now)
    return [(each.code, "\u3000" * depth + context.language.named(each.name, each.name_en)) for depth, each in found]


# ---- where the log stands


def overview(context: Context) -> Answer:
    """Size, root, checkpoint, completeness by source, newest entries."""
    code = context.query()["body"]
    place = watching.hub(context.own).place()
    with context.read() as connection:
        reads = reads_of(context, connection, code)
        state = state_of(context, connection)
        point = store.checkpoint(connection)
        newest = store.newest(connection, BEYOND, NEWEST, reads)
        counts = store.counts(connection)
        conflicts = store.conflicts(connection)
        put_aside = store.put_aside(connection)
        gaps = store.missing(connection, SEES_ALL)
        today = context.now.astimezone(SITE_ZONE).date()
        days = figures.by_day(connection, today, state["size"], reads=reads)
        backlog = figures.backlog(connection, reads)
        ages = figures.open_by_age_lately(connection, context.now, reads)
        weeks = figures.kept_by_week(connection, today, reads)
        waiting = complaints.waiting(connection, context.now, reads)
        complained = figures.complaints_by_item(connection, today, reads)
        until = bodies.until(connection, context.principal.account, context.now)
        given = witnessing.shown(connection, witnessing.policy_of(context.own.settings))
        shown_bodies = choices(context, connection)
    upto = {(each["source"], each["epoch"]): each["complete_to"] for each in state["sources"]}
    sources = [
        {
            "source": source, "epoch": epoch, "missing": absent, "entries": counts.get(source, 0),
            "complete_to": last if not absent else upto.get((source, epoch), 0),
        }
        for (source, epoch), (last, absent) in sorted(gaps.items())
    ]  # fmt: skip
    sealed = state["signed_size"]
    if watching.newly(context.application.database.url, context.principal.account, context.now):
        note_reading(context, "overview", "", len(newest))
    return page(
        "audit/overview.html",
        body=code,
        bodies=shown_bodies,
        state=state,
        point=None if point is None else {"size": point[0], "text": point[1].decode(), "at": point[2]},
        sources=sources,
        missing=sum(each["missing"] for each in sources),
        conflicts=conflicts,
        put_aside=put_aside,
        rows=[row_of(context, each, sealed) for each in newest],
        place=place,
        figures=[
            (_promise_figure(context, weeks), figures.FINISHED),
            (_age_figure(context, ages), figures.OPENED),
            *([(_complaint_figure(context, complained), figures.COMPLAINED)] if complained else []),
            (_figure(context, days), figures.FILED),
            (_open_figure(context, days, backlog), figures.OPENED),
        ],
        until=until,
        unusual=[
            (wording.title_of(f"{fact}.v1", context.language), context.url("search", kind=fact), count)
            for fact in figures.UNUSUAL
            if (count := sum(each.get(fact, 0) for each in days.values()))
        ],
        backlog=backlog,
        complaints=waiting,
        window=len(days),
        witnessed=given.witnessed if given else None,
    )


def _figure(context: Context, days: dict[date, dict[str, int]]) -> chart.Figure:
    """Filed, finished and late by day."""
    words = context.language
    names = (("filed", figures.FILED), ("finished", figures.FINISHED), ("late", figures.LATE))
    sums = {name: sum(each.get(fact, 0) for each in days.values()) for name, fact in names}
    return chart.lines(
        words("audit.live.days", days=len(days), **{name: words.number(total) for name, total in sums.items()}),
        [f"{day.month}-{day.day}" for day in days],
        [
            chart.Series(words(f"audit.live.{name}"), [each.get(fact, 0) for each in days.values()])
            for name, fact in names
        ],
        head=words("audit.live.day"),
        source=words("audit.live.source_words"),
    )


def _promise_figure(context: Context, weeks: list[tuple[date, dict[str, tuple[int, int]]]]) -> chart.Figure:
    """The share of promises that were kept, by week, of crews of the office and of suppliers."""
    words = context.language

    def share(kept: int, made: int) -> float | None:
        return round(100 * kept / made, 1) if made else None

    kept, made = (sum(each[place] for _, sides in weeks for each in sides.values()) for place in (0, 1))
    title = words("audit.live.no_promises", weeks=len(weeks))
    if made:
        title = words("audit.live.promises", weeks=len(weeks), rate=words.percent(kept / made), n=made)
    return chart.lines(
        title,
        [words.short_day(monday) for monday, _ in weeks],
        [
            chart.Series(words(f"audit.live.side_{side}"), [share(*sides[side]) for _, sides in weeks])
            for side in ("own", "supplier")
        ],
        head=words("audit.live.week"),
        source=words("audit.live.promise_source"),
        unit="%",
    )


def _age_figure(context: Context, ages: list[int]) -> chart.Figure:
    """Open work orders by how long they have been open."""
    words = context.language
    names = [
        words("audit.live.under_days", n=figures.AGES[0]),
        *(words("audit.live.days_from_to", low=low, high=high) for low, high in pairwise(figures.AGES)),
        words("audit.live.over_days", n=figures.AGES[-1]),
    ]
    return chart.bars(
        words("audit.live.ages", n=sum(ages), old=words.number(sum(ages[3:])), days=figures.AGES[2]),
        list(zip(names, ages, strict=True)),
        head=(words("audit.live.age"), words("audit.live.open_orders")),
        source=words("audit.live.source_words"),
    )


def _complaint_figure(context: Context, found: list[tuple[str, int]]) -> chart.Figure:
    """Complaints of the last weeks by item."""
    words = context.language
    named = [(wording.item_of(item, words) if item else words("audit.live.no_item"), count) for item, count in found]
    return chart.bars(
        words("audit.live.complained", n=sum(count for _, count in found), weeks=figures.WEEKS, most=named[0][0]),
        named,
        head=(words("audit.live.item"), words("audit.live.complaints_filed")),
        source=words("audit.live.source_words"),
    )


def _open_figure(context: Context, days: dict[date, dict[str, int]], now: int) -> chart.Figure:
    """Work orders that were open at the end of each day, back from those that are open now."""
    words, values = context.language, [now]
    for counts in reversed([*days.values()][1:]):
        closed = counts.get(figures.FINISHED, 0) + counts.get(figures.CANCELLED, 0)
        values.insert(0, max(0, values[0] + closed - counts.get(figures.OPENED, 0)))
    return chart.lines(
        words("audit.live.open", n=now, before=words.number(values[0]), days=len(days) - 1),
        [f"{day.month}-{day.day}" for day in days],
        [chart.Series(words("audit.live.open_orders"), values)],
        head=words("audit.live.day"),
        source=words("audit.live.source_words"),
    )


def follow(context: Context) -> Answer:
    """That the log has grown, as it happens."""
    context.query()
    with context.read() as connection:
        reads_of(context, connection)
    return events(watching.hub(context.own).stream(context, [watching.CHANNEL]))


def entries(context: Context) -> Answer:
    """Every entry, newest first."""
    asked = context.query()
    before, code = asked["before"], asked["body"]
    with context.read() as connection:
        reads = reads_of(context, connection, code)
        sealed = store.covered(connection)
        found = store.newest(connection, before, PAGE, reads)
        shown_bodies = choices(context, connection)
    note_reading(context, "search", "", len(found))
    chosen = {"body": code} if code else {}
    return page(
        "audit/entries.html",
        body=code,
        bodies=shown_bodies,
        rows=[row_of(context, each, sealed) for each in found],
        onward=context.url("entries", **chosen, before=found[-1].seq) if len(found) == PAGE and found[-1].seq else "",
        first=context.url("entries", **chosen) if before != BEYOND else "",
    )


# ---- one entry


def entry(context: Context, number: int) -> Answer:
    """One entry in words and bytes, with its proof worked out here and now."""
    with context.read() as connection:
        found = readable(context, connection, number)
        reads = reads_of(context, connection)
        beside = [
            each for each in store.timeline(connection, found.subject, BEYOND, MOST_ABOUT, reads) if each.seq != number
        ]
        proof = _proof(context, connection, found)
        openings = vault.openings(connection, number, context.own.settings)
        sealed = store.covered(connection)
    note_reading(context, "entry", str(number), 1)
    body = json.loads(found.leaf)
    before = max((each.seq for each in beside if each.seq < number), default=None)
    after = min((each.seq for each in beside if each.seq > number), default=None)
    kept = {opening.field for opening in openings}
    return page(
        "audit/entry.html",
        number=number,
        entry=found,
        row=row_of(context, found, sealed),
        data=[
            (field_words(context, name), _shown(context, value), _trail(context, name, value))
            for name, value in body.get("data", {}).items()
        ],
        actor=_trail(context, *_acting(found.actor)),
        committed=[
            (field_words(context, name.removeprefix("/data/")), name in kept) for name in body.get("commitments", {})
        ],
        canonical=found.leaf.decode(),
        leaf=leaf_hash(found.leaf).hex(),
        checked=proof,
        before=before,
        after=after,
        thing=body.get("data", {}).get("request_id") or found.subject,
        address=_address(context),
    )


def field_words(context: Context, name: str) -> str:
    """What people call a field of an event; one that this version has no word for by its own name, without signs."""
    words = context.language
    return words(f"fact.{name}") if words.has(f"fact.{name}") else name.replace("_", " ")


def _trail(context: Context, name: str, value: Any) -> str:
    """Where the trail of the thing, company or person lies that a field names; empty where it names none."""
    return context.url("about", thing=value) if name in things.FIELDS and isinstance(value, str) and value else ""


def _acting(actor: str) -> tuple[str, str]:
    kind, _, name = actor.partition(":")
    return ("account_id", name) if kind in things.ACTORS else ("", "")


def _shown(context: Context, value: Any) -> str:
    """A value as people read it: moments in the office's zone, yes and no in words, lists one after another."""
    words = context.language
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return words("audit.yes" if value else "audit.no")
    if isinstance(value, str):
        return words.stamp(datetime.fromisoformat(value)) if _MOMENT.fullmatch(value) else value
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        return words.listed([str(each) for each in value])
    return json.dumps(value, ensure_ascii=False)


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


def _address(context: Context) -> str:
    """Where anybody reads this log."""
    return f"{str(context.own.settings['HOUQIN_PUBLIC_URL']).rstrip('/')}/audit/log"


def _proof(context: Context, connection: Connection, found: store.Entry) -> dict[str, Any]:
    """The proof of an entry against the newest checkpoint, and what came of checking it.

    ``key`` is received while no checkpoint covers it, proven when every step holds, broken otherwise.
    """
    try:
        given = shown(context, connection, found.seq)
    except Absent:
        return {
            "key": "received", "checks": [False, False, False], "path": [], "hashes": [], "size": 0, "text": "",
            "cosigned": None,
        }  # fmt: skip
    size, note = given.size, given.note.encode()
    origin, index = given.checkpoint.origin, found.seq - given.log.first
    tree = Tree(store.Tiles(connection, given.log), size)
    hashes: list[bytes] = []
    leaf, root = leaf_hash(found.leaf), b""
    checks = [False, False, False]
    try:
        point = Checkpoint.parse(parse_note(note).text)
        root = point.root
        checks[0] = tree.leaf_hash(index) == leaf
        hashes = tree.inclusion_proof(index)
        check_inclusion(leaf, index, size, hashes, root)
        checks[1] = point.size == size
        check_signatures(parse_note(note), [key.public for key in keys(context.own.settings, origin)])
        checks[2] = True
    except LogError:
        pass  # the checks that were not reached stay undone, and the verdict is "broken"
    return {
        "key": "proven" if all(checks) else "broken",
        "checks": checks,
        "path": ["left" if high <= index else "right" for _, high in inclusion_path(index, size)],
        "hashes": [each.hex() for each in hashes],
        "origin": origin,
        "index": index,
        "closed": given.log != logs.current(connection),
        "size": size,
        "root": root.hex(),
        "text": note.decode(),
        "witnessed": given.witnessed,
        "cosigned": None
        if given.judgement is None
        else [(name, datetime.fromtimestamp(each.time, UTC)) for name, each in given.judgement.witnesses.items()],
    }


# ---- what is about a thing


def about(context: Context, thing: str) -> Answer:
    """Everything in the log about a request, order, contract, crew or account, newest first."""
    before = context.query()["before"]
    thing = full_reference(thing, context.now)
    with context.read() as connection:
        sealed = store.covered(connection)
        covers = things.reach(connection)
        thing, found = _about(connection, thing, before, reads_of(context, connection))
    if not found:
        raise Absent
    note_reading(context, "timeline", thing, len(found))
    named: dict[str, Any] = next(
        (
            json.loads(each.leaf).get("data", {})
            for each in found
            if each.type.startswith(("requests.request_filed", "dispatch.work_order_opened"))
        ),
        {},
    )
    return page(
        "audit/about.html",
        thing=thing,
        covers=covers,
        reference=_reference(named),
        item=named.get("item", ""),
        rows=[row_of(context, each, sealed) for each in found],
        onward=context.url("about", thing=thing, before=found[-1].seq) if len(found) >= MOST_ABOUT else "",
    )


def _about(connection: Connection, thing: str, before: int, reads: Reads) -> tuple[str, list[store.Entry]]:
    """The thing and its entries; a reference leads to its request, and a request has its money's entries too."""
    found = store.timeline(connection, thing, before, MOST_ABOUT, reads)
    if found and _looks_like_reference(thing):
        request = next((json.loads(each.leaf).get("data", {}).get("request_id") for each in found), "")
        if isinstance(request, str) and request and request != thing:
            thing, found = request, store.timeline(connection, request, before, MOST_ABOUT, reads)
    facts = {each.subject for each in found if each.type.startswith("billing.usage_recorded")} - {thing}
    if facts:
        by_number = {each.seq: each for each in found}
        for fact in sorted(facts):
            by_number |= {each.seq: each for each in store.timeline(connection, fact, before, MOST_ABOUT, reads)}
        found = [by_number[seq] for seq in sorted(by_number, reverse=True)]
    return thing, found


def _reference(data: dict[str, Any]) -> str:
    text = data.get("request_reference") or data.get("reference") or ""
    return str(text).partition("-")[2] or str(text)


def _looks_like_reference(thing: str) -> bool:
    return bool(re.fullmatch(r"\d{4}-\d{4}-\d{3,}(-\d+)?", thing))


def full_reference(text: str, now: datetime) -> str:
    """``1124-087`` with this year before it; anything else as it is."""
    text = text.strip()
    return f"{now.astimezone(SITE_ZONE):%Y}-{text}" if _SHORT.fullmatch(text) else text


def search(context: Context) -> Answer:
    """A number, a reference or an id leads to its entry or timeline; words and filters give a list."""
    asked = context.query()
    wanted = wanted_of(asked)
    text = asked["q"].strip().removeprefix("回").strip()
    with context.read() as connection:
        reads = reads_of(context, connection, asked["body"])
        if (
            text
            and asked["before"] == BEYOND
            and not any((wanted.source, wanted.fact, wanted.actor, wanted.since, wanted.until))
        ):
            place = _exact(context, connection, text, reads)
            if place:
                return see_other(place)
        found = searching.search(connection, wanted, asked["before"], PAGE, reads) if wanted.anything else []
        covers = searching.reach(connection) if asked["q"] else store.count(connection)
        shown_bodies = choices(context, connection)
        sealed = store.covered(connection)
    if wanted.anything:
        note_reading(context, "search", asked["q"], len(found))
    words = context.language
    filters = {name: str(value) for name, value in asked.items() if name != "before" and value}
    return page(
        "audit/search.html",
        asked=asked,
        bodies=shown_bodies,
        anything=wanted.anything,
        rows=[row_of(context, each, sealed) for each in found],
        covers=covers,
        onward=context.url("search", **filters, before=found[-1].seq) if len(found) == PAGE else "",
        kinds=wording.kinds(words),
        sources=[(each, words(f"audit.source.{each}")) for each in SERVICES],
    )


def _exact(context: Context, connection: Connection, text: str, reads: Reads) -> str:
    """The address of the one thing that ``text`` names; empty when it names none."""
    number = text.replace(",", "")
    if number.isascii() and number.isdigit() and len(number) <= 15 and store.entry(connection, int(number)):
        return context.url("entry", number=int(number))
    one = store.entry_of_event(connection, text)
    if one is not None:
        return context.url("entry", number=one.seq)
    thing = full_reference(text, context.now)
    return context.url("about", thing=thing) if store.timeline(connection, thing, BEYOND, 1, reads) else ""


# ---- for everybody


def verify(context: Context) -> Answer:
    """How anybody checks the log without trusting whoever runs it, and its keys."""
    with context.read() as connection:
        point = store.checkpoint(connection)
        origin = logs.origin_of(connection, context.own.settings, logs.current(connection))
    return page(
        "audit/verify.html",
        keys=[str(key.public) for key in keys(context.own.settings, origin)],
        origin=origin,
        logs=[
            each
            | {
                "keys": [str(key.public) for key in keys(context.own.settings, each["origin"])],
                "closed_at": from_text(each["closed_at"]) if each["closed_at"] else None,
            }
            for each in list_of_logs(context)
        ],
        address=_address(context),
        point=None if point is None else {"size": point[0], "text": point[1].decode(), "at": point[2]},
    )


# ---- witnesses


def witnesses(context: Context) -> Answer:
    """Who cosigns, how far each has come, and whether the newest checkpoint counts as witnessed."""
    rule = witnessing.policy_of(context.own.settings)
    with context.read() as connection:
        point = witnessing.shown(connection, rule)
        size = store.count(connection)
        seen = {each.url: each for each in store.witnesses(connection)}
    signed_by = point.judgement.witnesses if point and point.judgement else {}
    rows = [
        {
            "name": name,
            "key": str(party.key),
            "url": party.url,
            "seen": seen.get(party.url),
            "cosigned_at": datetime.fromtimestamp(signed_by[name].time, UTC) if name in signed_by else None,
        }
        for name, party in (rule.witnesses.items() if rule else ())
    ]
    return page("audit/witnesses.html", rows=rows, point=point, size=size, rule=rule, groups=_groups(rule))


def _groups(rule: Policy | None) -> list[dict[str, Any]]:
    """The groups of the policy, each as: how many of whom."""
    return [
        {"name": name, "threshold": each.threshold, "members": each.members}
        for name, each in (rule.groups.items() if rule else ())
    ]


ROUTES = (
    Route("GET", "/", "overview", overview, allow=READERS, accepts=ScopeQuery, summary="Where the log stands.", sample={}),
    Route("GET", "/live", "live", follow, allow=READERS, kind="events", accepts=Listening, summary="What happens on the overview."),
    Route("GET", "/entries/", "entries", entries, allow=READERS, accepts=EntriesQuery, summary="Every entry, newest first.", sample={}),
    Route("GET", "/entries/<int:number>", "entry", entry, allow=READERS, summary="One entry with its proof.", sample={"number": "0"}),
    Route("GET", "/about/<path:thing>", "about", about, allow=READERS, accepts=ListQuery, summary="What the log holds about a thing.",
          sample={"thing": "HY-2026-01"}),
    Route("GET", "/search", "search", search, allow=READERS, accepts=Sought, summary="Find an entry or a thing.", sample={}),
    Route("GET", "/witnesses", "witnesses", witnesses, allow=READERS, summary="Who cosigns the log.", sample={}),
    Route("GET", "/verify", "verify", verify, allow=PUBLIC, summary="How to check the log oneself.", sample={}),
)  # fmt: skip
