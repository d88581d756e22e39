"""A small service on the real web floor: notes that belong to people, departments and suppliers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Column, MetaData, Table, Text, insert, select
from werkzeug.test import Client

from shared import outbox
from shared.clock import ManualClock
from shared.contracts.billing import BillingAccessNoted
from shared.database import Database
from shared.errors import Absent, Conflict, Transient
from shared.web import live, passes, revocation, session, tables
from shared.web.answers import Said, answer, events, file, page, see_other
from shared.web.app import Application
from shared.web.limits import Limit
from shared.web.principal import Principal
from shared.web.routes import PUBLIC, SIGNED_IN, Access, Route, Scoped
from shared.web.schemas import Decimal, Page, Schema, Whole, fields
from shared.web.schemas import Text as Words

NOW = datetime(2026, 11, 24, 2, 42, tzinfo=UTC)  # 10:42 in the office
KEY = passes.new_key()
SIGNER = passes.Signer.of(KEY)
PUBLIC_KEY = passes.public_half(KEY)


@dataclass(frozen=True, kw_only=True)
class ToyAccessNoted(BillingAccessNoted):
    """What was given away by the toy service."""

    TYPE: ClassVar[str] = "toy.access_noted.v1"


metadata = MetaData()
outbox.add_tables(metadata)
tables.add_tables(metadata)
notes = Table(
    "note",
    metadata,
    Column("id", Text, primary_key=True),
    Column("words", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("supplier", Text, nullable=False),
)


class NewNote(Schema):
    words = Words(20, required=True)
    pages = Whole(1, 99, load_default=1)
    cost = Decimal(2, load_default=None)
    tags = fields.List(Words(5), load_default=list)


class NoteOut(Schema):
    id = fields.String(required=True)
    words = fields.String(required=True)


def _write(context, given):
    with context.work() as work:
        if given["words"] == "taken":
            raise Conflict
        note = {"id": work.new_id(), "words": given["words"], "owner": context.principal.account}
        place = {"department": "d1", "organisation": "cn/zj", "supplier": ""}
        work.connection.execute(insert(notes).values(**note, **place))
    return note


def add(context):
    """A note is written."""
    note = _write(context, context.json())
    return answer(note, 201, Location=context.url("note", note=note["id"]))


def add_form(context):
    """A note is written by form."""
    note = _write(context, context.form())
    return see_other(context.url("note", note=note["id"]), said=Said("parts.shown", {"n": 1}, undo="/toy/undo"))


def show(context, note):
    """One note."""
    with context.read() as connection:
        row = connection.execute(select(notes).where(notes.c.id == note)).mappings().first()
    context.check(row and scoped(row))
    return answer({"id": row["id"], "words": row["words"]})


def scoped(row):
    return Scoped(
        owners=frozenset({row["owner"]}), department=row["department"], organisation=row["organisation"], supplier=row["supplier"]
    )  # fmt: skip


def listed(context):
    """Notes, one page."""
    given = context.query()
    after = context.application.cursors.read("notes", given["cursor"])
    with context.read() as connection:
        found = select(notes).order_by(notes.c.id).limit(given["limit"] + 1)
        rows = connection.execute(found.where(notes.c.id > after[0]) if after else found).mappings().all()
    more = rows[given["limit"] :]
    rows = rows[: given["limit"]]
    after = context.application.cursors.write("notes", rows[-1]["id"]) if more else ""
    return answer({"items": [dict(row) for row in rows], "next": after})


def home(context):
    return page("toy/home.html", words="<b>&")


def broken(context):
    raise RuntimeError("secret detail 12345")


def away(context):
    raise Transient("connection to server lost")


def stream(context):
    return events(context.application.own.stream(context, ["notes"]))


BOARD = {}  # reference: summary; what the live board of the browser tests shows


def _row(ref, selected):
    return {
        "ref": ref, "href": f"/toy/board/{ref}", "promise": {"key": "running", "what": "到场", "due": NOW + timedelta(minutes=30), "started": NOW},
        "mark": "修", "item": "维修", "summary": BOARD[ref], "place": "2号楼", "crew": "王建国", "state": "accepted", "selected": selected,
    }  # fmt: skip


def board(context, ref=None):
    """The live board; one row is chosen."""
    place = context.own.place()
    if ref is not None and ref not in BOARD:
        raise Absent
    rows = [_row(each, each == (ref or next(iter(BOARD), ""))) for each in BOARD]
    return page("toy/board.html", rows=rows, chosen=ref, place=place)


def change(context, ref):
    """The row has other words."""
    BOARD[ref] = context.form()["words"]
    context.application.own.publish("notes", "row", {"ref": ref, "href": f"/toy/board/{ref}"})
    return see_other(f"/toy/board/{ref}", said=Said("parts.shown", {"n": 1}, undo="/toy/undo"))


def download(context):
    return file(b"a,b", "text/csv; charset=utf-8", "张三\r\nBcc: x@y.csv")


def pour(context):
    """A long file, as it is made."""
    return file((f"{n}\r\n".encode() for n in range(3)), "text/csv; charset=utf-8", "three.csv", rows=3)


def give(context):
    """What came since the last time, for a program."""
    given = answer({"entries": NEW})
    given.rows = len(NEW)
    return given


NEW = []  # what the interface has to give
STAFF = Access.to(staff="own", dispatcher="organisation", supplier="supplier", auditor="all")
ROUTES = (
    Route("GET", "/", "home", home, allow=PUBLIC, sample={}),
    Route("GET", "/mine", "mine", home, allow=SIGNED_IN),
    Route("GET", "/board", "board", board, allow=SIGNED_IN),
    Route("GET", "/board/<ref>", "row", board, allow=SIGNED_IN),
    Route("POST", "/board/<ref>", "change", change, allow=SIGNED_IN, accepts=NewNote),
    Route("GET", "/broken", "broken", broken, allow=PUBLIC),
    Route("GET", "/away", "away", away, allow=PUBLIC),
    Route("POST", "/notes", "add_form", add_form, allow=STAFF, accepts=NewNote, creates=True),
    Route("GET", "/notes.csv", "download", download, allow=SIGNED_IN, kind="file"),
    Route("GET", "/three.csv", "pour", pour, allow=SIGNED_IN, kind="file"),
    Route("GET", "/api/new", "new", give, allow=SIGNED_IN, kind="api", noted="export"),
    Route("GET", "/live", "live", stream, allow=SIGNED_IN, kind="events"),
    Route("GET", "/secret", "secret", home, allow=SIGNED_IN, fresh=True),
    Route("POST", "/api/notes", "add", add, allow=STAFF, kind="api", accepts=NewNote, answers=NoteOut, creates=True, status=201,
          summary="Write a note."),
    Route("GET", "/api/notes", "list", listed, allow=STAFF, kind="api", accepts=Page, answers=(NoteOut,), summary="Notes."),
    Route("GET", "/api/notes/<note>", "note", show, allow=STAFF, kind="api", answers=NoteOut, summary="One note."),
    Route("POST", "/api/often", "often", lambda context: answer({}), allow=SIGNED_IN, kind="api", limit=Limit(60, 3)),
)  # fmt: skip


def a_person(account="a1", **given):
    """A member of staff unless told otherwise."""
    given.setdefault("role", "staff")
    given.setdefault("roles", frozenset({given["role"]}))
    given = {
        "name": "周敏",
        "session": f"s-{account}",
        "epoch": 1,
        "signed_in_at": NOW,
        "proof": f"proof-{account}",
    } | given
    return Principal(account=account, **given)


class Site:
    """The toy service, its clock and what one needs to speak with it."""

    def __init__(self, url: str, **options) -> None:
        self.clock = ManualClock(NOW)
        self.database = Database(url)
        metadata.create_all(self.database.engine)
        self.hub = options.pop("hub", None) or live.Hub(self.clock)
        self.renewed: dict[str, Principal] = {}
        self.app = Application(
            "toy",
            (*ROUTES, *session.routes(self._renew)),
            database=self.database,
            verifier=passes.Verifier([PUBLIC_KEY], "toy"),
            revocations=revocation.Revocations(self.database),
            secret=b"s" * 32,
            clock=self.clock,
            own=self.hub,
            templates=Path(__file__).parent / "templates",
            **options,
        )

    def _renew(self, context, secret):
        person = self.renewed.get(secret)
        return SIGNER.sign(person, context.now, audience=["toy"]) if person else None

    def bearer(self, person=None, **given):
        """Headers of a program that acts for ``person``."""
        person = person or a_person(kind="api", **given)
        return {"Authorization": "Bearer " + SIGNER.sign(person, self.clock.now(), audience=["toy"])}

    def browser(self, person=None, *, secret=""):
        """A browser, signed in as ``person``."""
        client = Client(self.app)
        if person:
            client.set_cookie(self.app.jar.name("houqin-pass"), SIGNER.sign(person, self.clock.now(), audience=["toy"]))
        if secret:
            client.set_cookie(self.app.jar.name("houqin-session"), secret)
        return client

    def client(self):
        return Client(self.app)

    def count(self):
        with self.database.read() as connection:
            return len(connection.execute(select(notes.c.id)).all())

    @contextlib.contextmanager
    def work(self):
        from shared.work import work

        with work("toy", self.database, self.clock) as unit:
            yield unit

    def later(self, **amount):
        self.clock.set(self.clock.now() + timedelta(**amount))


OURS = {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8000"}
