"""Every column that can hold something about a person has a purpose, a class, a ground and a term, and terms are kept."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Boolean, Date, Integer, LargeBinary, Numeric, Text, insert, select

from deploy import docs
from shared import personal, process, settings
from shared.clock import ManualClock, to_text
from shared.contracts.base import SERVICES
from shared.database import Database, Moment
from shared.service import Running
from shared.upkeep import UPKEEP

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
LONG_AGO = datetime(1999, 10, 1, 4, 0, tzinfo=UTC)
HOLDS = (Text, LargeBinary, Date)


def not_personal(name):
    own = importlib.import_module(f"services.{name}.personal").NOT_PERSONAL
    return {**personal.NOT_PERSONAL_FLOOR, **own}


@pytest.mark.parametrize("name", SERVICES)
def test_every_column_that_can_hold_personal_data_is_classified_or_declared_not_to(name):
    service, harmless = process.of(name), not_personal(name)
    said = [
        (table.name, column)
        for kept in personal.declared(service)
        for table, columns in personal.tables(service.metadata, kept)
        for column in columns
    ]
    assert len(said) == len(set(said)), "declared twice"
    there = {(table.name, column.name) for table in service.metadata.sorted_tables for column in table.c}
    assert set(said) <= there
    single = {(table, column) for table, columns in harmless.items() if table != "*" for column in columns.split()}
    assert single <= there
    assert not single & set(said), "declared personal and not"
    anywhere = set(harmless.get("*", "").split())
    assert anywhere <= {column for _, column in there}
    missing = [
        f"{table.name}.{column.name}"
        for table in service.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, HOLDS)
        and (table.name, column.name) not in {*said, *single}
        and column.name not in anywhere
    ]
    assert missing == []


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_declared_of_persons_can_be_used(name):
    """A copy, an erasure and a term name columns, timers and settings that exist."""
    service = process.of(name)
    timers = {timer.name for timer in (*UPKEEP, *service.timers)}
    names = {each.name for each in process.declared(service)}
    for kept in personal.declared(service):
        assert kept.term.timer in {"", *timers}
        assert kept.term.setting in {"", *names}
        assert kept.on_request in personal.ON_REQUEST
        assert not kept.on_request or kept.whose, "erased on request, and cannot be found"
        for table, columns in personal.tables(service.metadata, kept):
            if kept.whose:
                str(personal.rows_of(table, kept.whose, "x"))
            if kept.on_request == "empty":
                assert all(isinstance(table.c[column].type, Text | LargeBinary) for column in columns)
        for words in (kept.purpose, kept.ground, kept.term.words):
            assert words.zh and words.en


def a_row(table, at, **given):
    """Of every column something; all instants are ``at``."""

    def value(column):
        match column.type:
            case Moment():
                return at
            case Boolean():
                return False
            case LargeBinary():
                return b"x"
            case Date():
                return at.date()
            case Integer() | Numeric():
                return 0
        return "x"

    return {column.name: value(column) for column in table.c if column.name != "row_id"} | given


# What a row needs beside its age to be past its term: the state of what it belongs to.
STATES = {
    ("requests", "request"): {"state": "closed"},
    ("requests", "photo"): {"request_id": "x", "removed_at": None},
    ("requests", "booking"): {"state": "over"},
    ("requests", "waiting_for"): {"state": "over"},
    ("dispatch", "photo"): {"removed_at": None},
    ("audit", "log_entry"): {"seq": 0},
}
BESIDE = {("requests", "photo"): ["request"], ("dispatch", "photo"): ["work_order"], ("audit", "vault"): ["log_entry"]}


def timed():
    """Every table of which a declaration says that something of it goes by itself."""
    for name in SERVICES:
        service = process.of(name)
        for kept in personal.declared(service):
            for table, columns in personal.tables(service.metadata, kept) if kept.term.timer else ():
                yield pytest.param(name, kept, table.name, columns, id=f"{name}-{table.name}-{columns[0]}")


@pytest.mark.parametrize(("name", "kept", "table", "columns"), list(timed()))
def test_what_is_past_its_term_is_gone_and_what_is_not_stays(name, kept, table, columns, tmp_path):
    service = process.of(name)
    loaded = settings.load(process.declared(service), {"HOUQIN_DATA": str(tmp_path)})
    running = Running(service, Database(f"sqlite:///{tmp_path}/{name}.db"), loaded, ManualClock(NOW))
    service.metadata.create_all(running.database.engine)
    held = service.metadata.tables[table]
    run = next(timer.run for timer in (*UPKEEP, *service.timers) if timer.name == kept.term.timer)

    def holds(at):
        with running.database.write() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            for each in (*BESIDE.get((name, table), ()), table):
                given = dict(STATES.get((name, each), {}))
                if each == "outbox":
                    given |= {"epoch": 0, "sealed": json.dumps({"time": to_text(at)})}
                connection.execute(insert(service.metadata.tables[each]).values(a_row(service.metadata.tables[each], at, **given)))  # fmt: skip
        run(running)
        with running.database.write() as connection:
            rows = [row for row in connection.execute(select(*(held.c[column] for column in columns))) if any(row)]
            if name != "audit":
                for each in (*BESIDE.get((name, table), ()), table):
                    connection.execute(service.metadata.tables[each].delete())
        return len(rows)

    fresh = NOW + timedelta(days=1) if table in {"session", "revoked", "invitation", "chat_link_code"} else NOW
    assert holds(LONG_AGO) == 0
    if name != "audit":  # its log takes no second entry of the same number
        assert holds(fresh) == 1
    running.database.close()


def test_the_reference_page_says_what_is_declared():
    page = docs.personal_reference()
    assert (Path(docs.REFERENCE) / "personal-data.md").read_text("utf-8") == page
    assert "| `photo`: body, thumbnail |" in page
    for name in SERVICES:
        for kept in personal.declared(process.of(name)):
            for table, columns in kept.columns.items():
                assert f"`{table}`: {', '.join(columns.split())}" in page
