"""The log against the database under it and against pymerkle: durable commits on the server's own disk, 700-byte events.

``HOUQIN_PYMERKLE=/folder`` names where pymerkle 7 is unpacked (``pip install --target``); it is no dependency of ours.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import sqlalchemy

from benchmarks.house import ground
from benchmarks.house.ground import PAIRED_HEAD, Paired, Scale, Unmeasured
from services.audit import publishing, store, vault
from services.audit.log.tiles import Tree
from services.audit.service import SERVICE
from services.audit.signing import keys, sign
from shared import process, settings
from shared.bus.base import Delivery
from shared.clock import SystemClock
from shared.contracts.base import Envelope, numbered, seal, unseal
from shared.database import Database, Sql, numbers, texts
from shared.ids import new_id
from shared.service import Running

SERVER = os.environ.get("HOUQIN_TEST_POSTGRES", "postgresql+psycopg2://root@127.0.0.1:5432/postgres")
BATCH = 1000
EVENT_BYTES = 700
GOAL, GOAL_FILES, GOAL_SINGLE = 0.55, 0.40, 50.0
EVERYTHING = next(each for each in SERVICE.subscriptions if each.whole)

RAW = """CREATE TABLE raw_entry (LIKE log_entry INCLUDING DEFAULTS, PRIMARY KEY (seq), UNIQUE (event_id));
         CREATE INDEX raw_entry_type ON raw_entry (type, seq)"""

RAW_INSERT = Sql(
    "SELECT 1",
    postgresql="""INSERT INTO raw_entry (seq, event_id, source, sourcenumber, type, subject, actor, time, received_at,
       leaf) SELECT * FROM unnest(CAST(:seq AS bigint[]), CAST(:event_id AS text[]), CAST(:source AS text[]),
       CAST(:sourcenumber AS bigint[]), CAST(:type AS text[]), CAST(:subject AS text[]), CAST(:actor AS text[]),
       CAST(:time AS timestamptz[]), CAST(:received_at AS timestamptz[]), CAST(:leaf AS bytea[]))""",
)

LEAN_INSERT = Sql(
    "SELECT 1",
    postgresql="""INSERT INTO raw_entry (seq, event_id, source, sourcenumber, type, subject, actor, time, received_at, leaf)
       SELECT :first + e.place - 1, e.event_id, e.source, e.sourcenumber, e.type, e.subject, e.actor, e.time, :received_at,
              convert_to(e.leaf, 'UTF8')
       FROM unnest(CAST(:event_id AS text[]), CAST(:source AS text[]), CAST(:sourcenumber AS bigint[]), CAST(:type AS text[]),
              CAST(:subject AS text[]), CAST(:actor AS text[]), CAST(:time AS timestamptz[]), string_to_array(:leaves, chr(10)))
            WITH ORDINALITY AS e(event_id, source, sourcenumber, type, subject, actor, time, leaf, place)""",
)


class Speaker:
    """Numbered events of one service, about ``EVENT_BYTES`` long, as the bus hands them over."""

    def __init__(self) -> None:
        self.number = 0

    def deliveries(self, count: int) -> list[Delivery]:
        found = []
        for _ in range(count):
            self.number += 1
            now = SystemClock().now()
            data = {"request_id": new_id(), "order_id": new_id(), "item": "repair", "place": "B2-302", "note": ""}
            envelope = Envelope(id=new_id(), source="dispatch", type="dispatch.work_order_arrived.v1", subject=data["order_id"],
                                time=now, data=data, sequence=3, actor="crew:hy-elec-1")  # fmt: skip
            short = EVENT_BYTES - len(numbered(seal(envelope), 1, self.number, self.number))
            data["note"] = "值" * (short // 3)
            body = numbered(seal(envelope), 1, self.number, self.number)
            found.append(Delivery(unseal(body), body, False))
        return found


def a_service(url: str, folder: Path) -> Running:
    """The audit service over an empty database."""
    loaded = settings.load(process.declared(SERVICE), {"HOUQIN_DATA": str(folder)})
    running = Running(SERVICE, Database(url), loaded)
    SERVICE.metadata.create_all(running.database.engine)
    vault.use(running)
    keys(running.settings)
    return running


def seconds(work: Any, *arguments: Any) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def take_in(running: Running, batches: list[list[Delivery]], files: Path | None = None, every: float = 0.0) -> None:
    """Inbox, entries, tiles and head of each batch, durable, and a signed checkpoint after each or ``every`` so many seconds
    and at the end; with ``files`` the log as files once a second.
    """
    published = signed = time.perf_counter()
    for batch in batches:
        running.consumer.deliver(EVERYTHING, batch)
        if time.perf_counter() - signed >= every or batch is batches[-1]:
            sign(running)
            signed = time.perf_counter()
        if files and time.perf_counter() - published >= 1:
            publishing.publish_to(running, files)
            published = time.perf_counter()
    if files:
        publishing.publish_to(running, files)


def raw(running: Running, batches: list[list[Delivery]], first: int) -> None:
    """The same rows by one ``unnest`` insert a batch, each its own durable commit, and nothing else."""
    now, at = SystemClock().now(), first
    for batch in batches:
        rows = [
            {"seq": at + place, "event_id": each.envelope.id, "source": each.envelope.source, "sourcenumber": each.envelope.sourcenumber,
             "type": each.envelope.type, "subject": each.envelope.subject, "actor": each.envelope.actor, "time": each.envelope.time,
             "received_at": now, "leaf": each.body}
            for place, each in enumerate(batch)
        ]  # fmt: skip
        at += len(rows)
        with running.database.write() as connection:
            RAW_INSERT.run(connection, **{name: [row[name] for row in rows] for name in rows[0]})


def lean(running: Running, batches: list[list[Delivery]], first: int) -> None:
    """As ``raw``, in the form that we use: each column one literal, the leaves one text."""
    now, at = SystemClock().now(), first
    for batch in batches:
        with running.database.write() as connection:
            LEAN_INSERT.run(
                connection, first=at, received_at=now, event_id=texts([each.envelope.id for each in batch]),
                source=texts([each.envelope.source for each in batch]), type=texts([each.envelope.type for each in batch]),
                sourcenumber=numbers([each.envelope.sourcenumber for each in batch]),
                subject=texts([each.envelope.subject for each in batch]), actor=texts([each.envelope.actor for each in batch]),
                time=texts([each.envelope.time.isoformat() for each in batch]),
                leaves=b"\n".join([each.body for each in batch]).decode(),
            )  # fmt: skip
        at += len(batch)


def measured(pairs: int, running: Running, speaker: Speaker, files: Path | None) -> tuple[Paired, Paired]:
    """Our rate and the raw insert's, in turn: as the driver sends lists, and as we send them."""
    ours: list[float] = []
    limits: tuple[list[float], list[float]] = ([], [])
    first = int(time.time_ns() // 1000)
    for turn in range(pairs + 1):
        batches, same, again = ([speaker.deliveries(BATCH) for _ in range(5)] for _ in range(3))
        count = sum(map(len, batches))
        work = [
            lambda: take_in(running, batches, files),  # noqa: B023
            lambda: raw(running, same, first),  # noqa: B023
            lambda: lean(running, again, first + count),  # noqa: B023
        ]
        order = [(turn + step) % 3 for step in range(3)]
        found = {which: seconds(work[which]) for which in order}
        first += 2 * count
        if turn:  # the first turn warms caches
            ours.append(count / found[0])
            for limit, which in zip(limits, (1, 2), strict=True):
                limit.append(count / found[which])
    return Paired(ours, limits[0]), Paired(ours, limits[1])


def singles(pairs: int, running: Running, speaker: Speaker, folder: Path) -> Paired:
    """64 durable single appends that wait at once, taken as one batch, as the consumer does, against pymerkle's, one by one.

    Signed every 0.2 seconds, as the service does; pymerkle signs nothing.
    """
    place = os.environ.get("HOUQIN_PYMERKLE", "")
    if place:
        sys.path.insert(0, place)
    try:
        from pymerkle import SqliteTree
    except ImportError as error:
        raise Unmeasured("pymerkle is absent: set HOUQIN_PYMERKLE") from error
    tree = SqliteTree(str(folder / "pymerkle.db"))
    ours, limit = [], []
    for turn in range(pairs + 1):
        waiting = [speaker.deliveries(64) for _ in range(8)]
        bodies = [each.body for each in speaker.deliveries(64)]
        mine = seconds(take_in, running, waiting, None, 0.2)
        theirs = seconds(lambda entries: [tree.append_entry(entry) for entry in entries], bodies)
        if turn:
            ours.append(64 * 8 / mine)
            limit.append(64 / theirs)
    return Paired(ours, limit)


def proofs(running: Running) -> tuple[float, float]:
    """Median and p99 of a proof read from the database, milliseconds."""
    found = []
    with running.database.read() as connection:
        point = store.checkpoint(connection)
        assert point is not None
        for number in range(0, point[0], max(1, point[0] // 300)):
            began = time.perf_counter()
            Tree(store.Tiles(connection), point[0]).inclusion_proof(number)
            found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found), ground.quantile(found, 0.99)


def run(scale: Scale) -> str:
    """The figures as a section."""
    name = f"houqin_bench_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    server = sqlalchemy.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
            durable = connection.exec_driver_sql("SELECT current_setting('fsync')").scalar_one()
    except sqlalchemy.exc.OperationalError as error:
        raise Unmeasured("no PostgreSQL to measure on") from error
    pairs = min(scale.pairs, 5)
    lines = [PAIRED_HEAD]
    try:
        with tempfile.TemporaryDirectory(prefix="houqin_bench_") as scratch:
            folder = Path(scratch)
            running = a_service(
                str(sqlalchemy.make_url(SERVER).set(database=name).render_as_string(hide_password=False)), folder
            )
            with running.database.write() as connection:
                connection.exec_driver_sql(RAW)
            speaker = Speaker()
            alone, leaner = measured(pairs, running, speaker, None)
            lines.append(
                alone.line(
                    "inbox → entries, tiles, head, signed checkpoint, batches of 1,000; limit: raw unnest insert", GOAL
                )
            )
            published, published_leaner = measured(pairs, running, speaker, folder / "www")
            lines.append(published.line("the same with files published and synced once a second", GOAL_FILES))
            try:
                lines.append(
                    singles(pairs, running, speaker, folder).line(
                        "64 durable single appends at once; limit: pymerkle 7 SqliteTree.append_entry", GOAL_SINGLE
                    )
                )
            except Unmeasured as error:
                lines.append(
                    f"| 64 durable single appends at once | – | – | not measured: {error} | | ≥ {GOAL_SINGLE:.0f} | |"
                )
            middle, slow = proofs(running)
            running.database.close()
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        server.dispose()
    lines += ["", "The limit sends each column as a list, which the driver writes as an expression of a thousand constants. Against the same "
              f"insert with each column as one literal, the form that the log itself uses: {statistics.median(leaner.ratios):.2f}, "
              f"with files {statistics.median(published_leaner.ratios):.2f}.", "", f"A proof read from the database: median {middle:.1f} ms, p99 {slow:.1f} ms.", "",
              f"PostgreSQL on the machine's disk, fsync {durable}; events of {EVENT_BYTES} bytes. Whole-log figures: `python -m benchmarks.log`."]  # fmt: skip
    return "\n".join(lines)
