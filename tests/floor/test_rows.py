"""Many rows inserted at once are the rows that were given, on each database."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Integer, MetaData, Numeric, Table, Text, delete, exc, select

from shared.database import Database, Moment, Rows, Sql, run_last
from tests.conftest import scratch_postgres

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("words", Text),
    Column("amount", Numeric(38, 12)),
    Column("number", Integer),
    Column("large", BigInteger),
    Column("at", Moment),
    Column("more", Text, nullable=False, server_default="left out"),
)
ROWS = Rows(THING)
NOON = datetime(2026, 11, 25, 4, 0, 0, 123456, tzinfo=UTC)
words = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "NULL", "null", '"', "\\", '\\"', "{}", "{a,b}", ",", "'; DROP TABLE thing; --", "%s %(x)s :name", "一\n二"]
)  # fmt: skip
rows = st.lists(
    st.fixed_dictionaries(
        {
            "words": words,
            "amount": st.none() | st.decimals(-(10**9), 10**9, places=6).map(lambda value: value.quantize(Decimal("1e-12"))),
            "number": st.none() | st.integers(-(2**31), 2**31 - 1),
            "large": st.integers(-(2**63), 2**63 - 1),
            "at": st.none() | st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),
        }
    ),
    max_size=30,
)  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], scope="module")
def database(request, tmp_path_factory):
    where = tmp_path_factory.mktemp("rows")
    url, drop = (f"sqlite:///{where / 'rows.db'}", None) if request.param == "sqlite" else scratch_postgres()
    found = Database(url)
    METADATA.create_all(found.engine)
    yield found
    found.close()
    if drop:
        drop()


def there(connection):
    return [dict(row._mapping) for row in connection.execute(select(THING).order_by(THING.c.name))]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(rows)
def test_what_was_given_is_there(database, given_rows):
    if database.is_sqlite:  # it has no exact numbers; who needs them there declares text
        given_rows = [each | {"amount": None} for each in given_rows]
    numbered = [{"name": f"{number:03}", **each} for number, each in enumerate(given_rows)]
    with database.write() as connection:
        connection.execute(delete(THING))
        ROWS.insert(connection, numbered)
        assert there(connection) == [each | {"more": "left out"} for each in numbered]


def test_one_row_that_breaks_a_constraint_keeps_all_of_them_out(database):
    full = {"words": "w", "amount": None, "number": 1, "large": 2, "at": NOON}
    with database.write() as connection:
        connection.execute(delete(THING))
    with pytest.raises(exc.IntegrityError), database.write() as connection:
        ROWS.insert(connection, [{"name": name, **full} for name in ("a", "b", "a")])
    with database.read() as connection:
        assert there(connection) == []


PUT = Sql(
    "INSERT INTO thing (name, words, amount, number, large, at) VALUES (:name, :words, :amount, :number, :large, :at)"
)
# No insert: its values are written into the text itself. A minus sign and a percent sign stand before them.
LESS = Sql("UPDATE thing SET number = number -:number, words = words || '%' || :words WHERE name = :name")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(rows)
def test_what_was_given_in_one_message_is_there(database, given_rows):
    if database.is_sqlite:
        given_rows = [each | {"amount": None} for each in given_rows]
    numbered = [{"name": f"{number:03}'\\", **each} for number, each in enumerate(given_rows)]
    with database.write() as connection:
        connection.execute(delete(THING))
    database.write_at_once([(PUT, each) for each in numbered])
    with database.read() as connection:
        assert there(connection) == [each | {"more": "left out"} for each in numbered]


def test_a_negative_number_and_a_percent_sign_mean_what_they_say_in_one_message(database):
    with database.write() as connection:
        connection.execute(delete(THING))
    full = {"name": "a", "words": "w", "amount": None, "number": 1, "large": 2, "at": NOON}
    less = (LESS, {"name": "a", "number": -5, "words": "50%s"})
    database.write_at_once([(PUT, full), less])
    with database.write() as connection:  # nothing was sent before it in this transaction, and then something was
        run_last(connection, [less])
    with database.write() as connection:
        there(connection)
        run_last(connection, [less])
    with database.read() as connection:
        assert there(connection) == [full | {"number": 16, "words": "w%50%s%50%s%50%s", "more": "left out"}]


@pytest.mark.postgres
def test_what_no_column_holds_is_refused():
    url, drop = scratch_postgres()
    found = Database(url)
    METADATA.create_all(found.engine)
    with pytest.raises(ValueError, match="zone"), found.write() as connection:
        ROWS.insert(connection, [{"name": "a", "at": datetime(2026, 1, 1)}])
    with pytest.raises(TypeError), found.write() as connection:
        ROWS.insert(connection, [{"name": "a", "words": b"bytes"}])
    found.close()
    drop()
