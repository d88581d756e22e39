"""Revisions of a service are one line, and what they make is what the code declares."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from shared import migration, process
from shared.contracts.base import SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_revisions_are_one_line(name):
    found = migration.scripts(process.of(name))
    assert len(found.get_heads()) == 1
    numbers = [each.revision for each in found.walk_revisions()]
    assert numbers == [f"{number:04}" for number in range(len(numbers), 0, -1)]


@pytest.mark.parametrize("name", SERVICES)
def test_the_migrated_schema_is_the_declared_one(name, database):
    service = process.of(name)
    migration.upgrade(database, service)
    with database.read() as connection:
        found = compare_metadata(MigrationContext.configure(connection), service.metadata)
    apart = {*service.metadata.info.get("apart", ())}
    assert [each for each in found if not is_of(each, apart)] == []


def is_of(difference, tables):
    """Whether a difference is about tables that migrations make beside the declared ones, or their shadows."""
    thing = difference[1] if isinstance(difference, tuple) else None
    name = getattr(getattr(thing, "table", thing), "name", "")
    return any(name == table or name.startswith(f"{table}_") for table in tables)
