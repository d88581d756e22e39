"""What each role of PostgreSQL may do, tried on a real server with the real migrations: security J3."""

import contextlib
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from shared import grants, process, settings
from shared.contracts.requests import RequestUrged
from shared.relay import Relay, sole_writer
from tests.conftest import POSTGRES

ROLES_SQL = (Path(__file__).parents[2] / "deploy/postgres/roles.sql").read_text("utf-8")
pytestmark = pytest.mark.postgres
ROLES = ("", "_owner", "_migrate", "_relay", "_read")


class Place:
    """One service's database with its roles, migrated by the role that may."""

    def __init__(self, service, name):
        self.service, self.name = process.of(service), name
        self.running("_migrate", process.prepare)

    def url(self, role):
        return make_url(POSTGRES).set(database=self.name, username=f"{self.name}{role}").render_as_string(False)

    def running(self, role, act):
        key = f"{self.service.name.upper()}_DATABASE_URL"
        running = process.assemble(self.service, settings.load(process.declared(self.service), {key: self.url(role)}))
        try:
            return act(running)
        finally:
            running.database.close()

    @contextlib.contextmanager
    def session(self, role, database=""):
        engine = sqlalchemy.create_engine(make_url(self.url(role)).set(database=database or self.name))
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def refuses(self, role, statement):
        with self.session(role) as connection:
            try:
                connection.exec_driver_sql(statement)
            except sqlalchemy.exc.ProgrammingError as error:
                return "permission denied" in str(error) or "must be owner" in str(error)
        return False

    def tables(self):
        with self.session("_migrate") as connection:
            found = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            return set(found.scalars())


def say_roles(connection, name):
    """Run ``roles.sql`` as psql would."""
    text = ROLES_SQL
    for role in ROLES:
        text = text.replace(f':"name{role}"', f'"{name}{role}"').replace(f":'name{role}'", f"'{name}{role}'")
    for word in ("serve", "migrate", "relay"):
        text = text.replace(f":'{word}'", f"'{uuid.uuid4().hex}'")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    for statement in filter(str.strip, lines.split(";")):
        connection.exec_driver_sql(statement)


@pytest.fixture(scope="module")
def places():
    mark = f"houqin_test_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    server = sqlalchemy.create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    names = {service: f"{mark}_{service}" for service in ("requests", "audit")}
    with server.connect() as connection:
        for name in names.values():
            say_roles(connection, name)
    yield {service: Place(service, name) for service, name in names.items()}
    with server.connect() as connection:
        for name in names.values():
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            for role in reversed(ROLES):
                connection.exec_driver_sql(f'DROP ROLE IF EXISTS "{name}{role}"')
    server.dispose()


def test_the_schema_belongs_to_the_owner_whom_nobody_can_sign_in_as(places):
    place = places["requests"]
    with place.session("_migrate") as connection:
        owners = connection.exec_driver_sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert list(owners.scalars()) == [f"{place.name}_owner"]
    with pytest.raises(sqlalchemy.exc.OperationalError, match="not permitted to log in"), place.session("_owner"):
        pass


def test_migrating_again_changes_nothing(places):
    before = rights(places["requests"])
    places["requests"].running("_migrate", process.prepare)
    assert rights(places["requests"]) == before


def rights(place):
    with place.session("_migrate") as connection:
        found = connection.exec_driver_sql(
            "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants "
            "WHERE table_schema = 'public'"
        )
        return {tuple(row) for row in found}


@pytest.mark.parametrize("service", ["requests", "audit"])
def test_no_role_of_a_process_changes_the_schema(places, service):
    for role in ("", "_relay"):  # nobody signs in as _read; it is given to people's own roles
        for statement in ("CREATE TABLE mine (n int)", "DROP TABLE outbox", "ALTER TABLE outbox ADD COLUMN n int",
                          "TRUNCATE outbox", "CREATE SCHEMA mine"):  # fmt: skip
            assert places[service].refuses(role, statement), (role, statement)


@pytest.mark.parametrize("service", ["requests", "audit"])
def test_serving_reads_and_writes_and_leaves_the_relays_part_and_the_log_alone(places, service):
    place = places[service]
    closed = {"outbox", "heads", "sent", "alembic_version", *place.service.append_only}
    for table in place.tables():
        assert not place.refuses("", f'SELECT * FROM "{table}" LIMIT 0'), table
        assert place.refuses("", f'DELETE FROM "{table}" WHERE false') == (table in closed), table
        assert place.refuses("", f'TRUNCATE "{table}"'), table
    assert place.refuses("", "UPDATE outbox SET sealed = sealed WHERE false")
    assert place.refuses("", "UPDATE alembic_version SET version_num = 'x' WHERE false")
    if service == "audit":
        assert place.refuses("", "UPDATE log_entry SET leaf = leaf WHERE false")


def test_the_relay_touches_its_four_tables_and_of_the_outbox_the_numbers_only(places):
    place = places["requests"]
    for table in place.tables():
        mine = table in {"outbox", "heads", "sent", "resend"}
        assert place.refuses("_relay", f'SELECT * FROM "{table}" LIMIT 0') != mine, table
        assert place.refuses("_relay", f'DELETE FROM "{table}" WHERE false') == (table != "resend"), table
    assert not place.refuses("_relay", "UPDATE outbox SET sourcenumber = 1 WHERE false")
    for forbidden in (
        "UPDATE outbox SET sealed = '' WHERE false",
        "INSERT INTO outbox (type, sealed) VALUES ('a', 'b')",
    ):
        assert place.refuses("_relay", forbidden), forbidden


def test_reports_read_and_never_what_is_private(places):
    place = places["requests"]
    given = {(table, verb) for grantee, table, verb in rights(place) if grantee == f"{place.name}_read"}
    assert {verb for _, verb in given} == {"SELECT"}
    assert {table for table, _ in given} == place.tables() - {*grants.NOT_FOR_REPORTS, *place.service.private}


def test_nobody_comes_into_anothers_database(places):
    for role in ("", "_migrate", "_relay"):
        inside = places["requests"].session(role, places["audit"].name)
        with pytest.raises(sqlalchemy.exc.OperationalError, match="permission denied for database"), inside:
            pass


def test_what_one_role_says_the_other_role_sends(places):
    place = places["requests"]

    def say(running):
        with running.work() as work:
            work.say(RequestUrged(request_id="r1", urged_at=datetime.now(UTC), times=1))

    def send(running):
        with sole_writer(running.database) as begin:
            relay = Relay("requests", begin)
            relay.start()
            events = relay.take()
            relay.confirm(each.number for each in events)
            relay.note()
            return [each.type for each in events]

    place.running("", say)
    assert place.running("_relay", send) == [RequestUrged.TYPE]
    assert place.running("_relay", send) == []
