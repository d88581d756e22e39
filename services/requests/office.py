"""``python -m services.requests office FOLDER``: an office's own departments, places and vehicles, from its tables.

The folder holds ``departments.csv``, ``places.csv`` and, where there are any, ``vehicles.csv``; UTF-8, a head of column
names, one row for each. All is taken or nothing, and every fault is told with its file and line. A row whose code is
there changes what it names; a row that is missing changes nothing, because requests of past years name it. Meeting rooms
and vehicles can be booked from then on.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy import bindparam, insert, select, update

from services.requests import tables
from services.requests.bookings import store as bookings
from services.requests.bookings.model import kinds, read_layouts
from services.requests.compound import LAYOUTS, Place, search_words
from services.requests.service import SERVICE
from shared import process, settings
from shared.bilingual import Words
from shared.contracts.requests import OfficeChanged
from shared.errors import HouqinError
from shared.language import language
from shared.web.schemas import Key, Text, Whole, message_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Table

    from shared.work import Work

MOST_BYTES = 5_000_000
MOST_ROWS = 20_000
MOST_FAULTS = 100
PLACE_KINDS = ("building", "floor", "office", "meeting", "common", "service", "outside", "square")
CARS = ("sedan", "van", "minibus", "bus", "truck")


class DepartmentRow(Schema):
    """``building`` is the code of its building, as places have it."""

    code = Key(required=True)
    name = Text(60, required=True)
    name_en = Text(100, required=True)
    building = Key(load_default="")


class PlaceRow(Schema):
    """``also`` are further words that find it, separated by ``|``; ``equipment`` are codes, separated by blanks.

    ``layouts`` of a meeting room are codes with their seats, ``boardroom:16 u_shape:12``; the first is how it stands.
    """

    code = Key(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(PLACE_KINDS))
    name = Text(60, required=True)
    name_en = Text(100, required=True)
    building = Key(load_default="")
    floor = Key(load_default="")
    room = Key(load_default="")
    capacity = Whole(0, 10_000, load_default=0)
    equipment = Text(200, load_default="")
    layouts = Text(200, load_default="")
    also = Text(200, load_default="")


class VehicleRow(Schema):
    """``seats`` are those of passengers."""

    code = Key(required=True)
    name = Text(60, required=True)
    name_en = Text(100, required=True)
    seats = Whole(1, 200, required=True)
    car = fields.String(required=True, validate=validate.OneOf(CARS))


FILES: Mapping[str, type[Schema]] = {"departments": DepartmentRow, "places": PlaceRow, "vehicles": VehicleRow}


@dataclass
class Read:
    """What the files say.

    Attributes:
        rows: by file, with the line of each.
        faults: sentences, each with its file and line; nothing is taken while there is one.
        digest: SHA-256 over the files, in the order of ``FILES``.
    """

    rows: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    digest: str = ""


def read(folder: Path) -> Read:
    """The files of ``folder``, checked by themselves and against each other."""
    found, digest = Read(), sha256()
    for name, schema in FILES.items():
        path = folder / f"{name}.csv"
        if name == "vehicles" and not path.exists():
            found.rows[name] = []
            continue
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"larger than {MOST_BYTES:,} bytes")
            body = path.read_bytes()
            digest.update(sha256(body).digest())
            found.rows[name] = list(_rows(path.name, body, schema(), found.faults))
        except (OSError, ValueError, csv.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            found.faults.append(f"{path.name}: {reason}")
    found.digest = digest.hexdigest()
    if not found.faults:
        found.faults += _across(found.rows)
    return found


def _rows(name: str, body: bytes, schema: Schema, faults: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start + 1}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    wanted, needed = set(schema.fields), {each for each, kind in schema.fields.items() if kind.required}
    head = [each.strip() for each in reader.fieldnames or ()]
    if len(set(head)) != len(head) or not needed <= set(head) <= wanted:
        raise ValueError(f"the columns are {', '.join(schema.fields)}; {', '.join(sorted(needed))} must be there")
    reader.fieldnames = head
    say, seen = language("en"), set()
    for count, row in enumerate(reader, 1):
        if count > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS:,} rows")
        line = reader.line_num
        if "" in row:
            faults.append(f"{name}:{line}: more cells than columns")
            continue
        try:
            loaded: dict[str, Any] = schema.load({key: value for key, value in row.items() if value})
        except ValidationError as error:
            for column, said in dict(error.messages_dict).items():
                key, parameters = message_of(said[0])
                faults.append(f"{name}:{line}: {column}: {say(key, **parameters)}")
            continue
        if loaded["code"] in seen:
            faults.append(f"{name}:{line}: code: {loaded['code']} comes twice")
        seen.add(loaded["code"])
        yield line, loaded


def _across(rows: Mapping[str, Sequence[tuple[int, dict[str, Any]]]]) -> Iterator[str]:
    """Faults between rows: a building that is none, a meeting room without seats, a code of two kinds of thing."""
    buildings = {row["building"] or row["code"] for _, row in rows["places"] if row["kind"] == "building"}
    for name in ("departments", "places"):
        for line, row in rows[name]:
            if row["building"] and row["building"] not in buildings:
                yield f"{name}.csv:{line}: building: {row['building']} is no building of places.csv"
    halls = set()
    for line, row in rows["places"]:
        if row["kind"] == "meeting":
            halls.add(row["code"])
            if not row["capacity"]:
                yield f"places.csv:{line}: capacity: a meeting room says how many people it holds"
        if row["layouts"]:
            yield from (f"places.csv:{line}: layouts: {fault}" for fault in _layout_faults(row))
    for line, row in rows["vehicles"]:
        if row["code"] in halls:
            yield f"vehicles.csv:{line}: code: {row['code']} is a meeting room"


def _layout_faults(row: Mapping[str, Any]) -> Iterator[str]:
    try:
        found = read_layouts(row["layouts"])
    except ValueError as error:
        yield f"{error} is no layout with its seats, such as boardroom:16; there are {', '.join(LAYOUTS)}, each once"
        return
    if row["kind"] != "meeting":
        yield "only a meeting room has any"
    elif next(iter(found.values()), 0) != row["capacity"]:
        yield "the first is how the room stands, and has as many seats as its capacity says"


def settle(work: Work, found: Read) -> OfficeChanged:
    """All that was read is there; what is told of it.

    Raises:
        ValueError: a row makes another kind of thing of what is there; the argument says which.
    """
    departments = [row for _, row in found.rows["departments"]]
    places = [_place(row) for _, row in found.rows["places"]]
    before = {row.code: row.kind for row in work.connection.execute(select(tables.place.c.code, tables.place.c.kind))}
    for place in places:
        if before.get(place["code"], place["kind"]) != place["kind"]:
            raise ValueError(f"places.csv: {place['code']} is of the kind {before[place['code']]} and stays so")
    bookable = {kind.code: kind for kind in kinds().values()}
    booked = {each.code: each.kind for each in bookings.resources(work.connection)}
    rooms = [
        {"code": place["code"], "zh": place["name"], "en": place["name_en"], "seats": place["capacity"],
         "place": place["code"], "equipment": place["equipment"], "layouts": " ".join(row["layouts"].split())}
        for place, (_, row) in zip(places, found.rows["places"], strict=True) if place["kind"] == "meeting"
    ]  # fmt: skip
    vehicles = [
        {"code": row["code"], "zh": row["name"], "en": row["name_en"], "seats": row["seats"], "car": row["car"]}
        for _, row in found.rows["vehicles"]
    ]
    for kind, listed in (("room", rooms), ("vehicle", vehicles)):
        for each in listed:
            if booked.get(each["code"], kind) != kind:
                raise ValueError(f"{each['code']} is a {booked[each['code']]} and stays so")
    changed = _keep(work, tables.department, departments) + _keep(work, tables.place, places)
    for kind, listed in (("room", rooms), ("vehicle", vehicles)):
        bookings.make_bookable(work.connection, bookable[kind], listed)
        known = [
            {"code": each["code"], "name": each["zh"], "name_en": each["en"], "capacity": each["seats"],
             "equipment": each.get("equipment", each.get("car", "")), "layouts": each.get("layouts", "")}
            for each in listed if each["code"] in booked
        ]  # fmt: skip
        changed += _keep(work, tables.resource, known)
    told = OfficeChanged(
        digest=found.digest, departments=len(departments), places=len(places), vehicles=len(vehicles), changed=changed,
        changed_at=work.now,
    )  # fmt: skip
    if changed:
        work.say(told)
    return told


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    also = tuple(each.strip() for each in row["also"].split("|") if each.strip())
    values = {name: value for name, value in row.items() if name not in {"also", "layouts"}}
    place = Place(
        row["code"], row["kind"], Words(row["name"], row["name_en"]), row["building"], row["floor"], row["room"]
    )
    return {**values, "equipment": " ".join(row["equipment"].split()), "search": search_words(place, also)}


def _keep(work: Work, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Each row is there as given, by its code; how many are new or other than before."""
    if not rows:
        return 0
    names = [name for name in rows[0] if name != "code"]
    columns = [table.c.code, *(table.c[name] for name in names)]
    before = {row.code: row._asdict() for row in work.connection.execute(select(*columns))}
    new = [row for row in rows if row["code"] not in before]
    other = [row for row in rows if row["code"] in before and before[row["code"]] != row]
    if new:
        work.connection.execute(insert(table), new)
    if other:
        change = update(table).where(table.c.code == bindparam("of_code")).values({name: bindparam(f"to_{name}") for name in names})  # fmt: skip
        work.connection.execute(change, [{"of_code": row["code"], **{f"to_{name}": row[name] for name in names}} for row in other])  # fmt: skip
    return len(new) + len(other)


def main(arguments: Sequence[str]) -> int:
    """Take an office's tables; 1 and every fault by file and line when one cannot be taken, and nothing is."""
    parser = argparse.ArgumentParser(prog="python -m services.requests office", description=__doc__)
    parser.add_argument("folder", type=Path, help="where departments.csv, places.csv and vehicles.csv are")
    parser.add_argument("--check", action="store_true", help="only say what is wrong with them")
    options = parser.parse_args(list(arguments))
    found = read(options.folder)
    if found.faults:
        print(*found.faults[:MOST_FAULTS], sep="\n", file=sys.stderr)
        print(f"requests: {len(found.faults)} faults, nothing was taken", file=sys.stderr)
        return 1
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in found.rows.items())
    if options.check:
        print(f"{counts}: nothing is wrong")
        return 0
    try:
        loaded = settings.load(process.declared(SERVICE), process.mine("requests"))
        running = process.assemble(SERVICE, loaded)
        with running.work() as work:
            told = settle(work, found)
    except settings.BadSettings as error:
        print(f"requests: the settings are wrong:\n{error}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"requests: {error}; nothing was taken", file=sys.stderr)
        return 1
    except HouqinError as error:
        print(f"requests: the database does not answer or is not migrated: {error}", file=sys.stderr)
        return 1
    print(f"{counts}: {told.changed} new or changed")
    return 0
