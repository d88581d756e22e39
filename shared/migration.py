"""Schema changes run forward, each service by itself, with Alembic; revisions live in ``services/<name>/migrations``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.database import Database
    from shared.service import Service


def scripts(service: Service) -> ScriptDirectory:
    """The revisions of a service."""
    config = Config()
    config.set_main_option("script_location", str(service.migrations))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def upgrade(database: Database, service: Service) -> None:
    """Bring the schema to the newest revision; each revision is one transaction where the database can.

    Raises:
        Transient: the database is away.
    """
    directory = scripts(service)

    def steps(revision: Any, _context: object) -> object:
        return directory._upgrade_revs("head", revision)  # noqa: SLF001  the documented way of EnvironmentContext

    with database.write() as connection:
        _run(connection, service, directory, steps)


def _run(connection: Connection, service: Service, directory: ScriptDirectory, steps: Any) -> None:
    config = Config()
    config.set_main_option("script_location", str(service.migrations))
    with EnvironmentContext(config, directory, fn=steps) as context:
        context.configure(connection=connection, target_metadata=service.metadata, transactional_ddl=True)
        context.run_migrations()


def pending(connection: Connection, service: Service) -> bool:
    """Whether the schema is behind the code."""
    from alembic.runtime.migration import MigrationContext

    current = MigrationContext.configure(connection).get_current_revision()
    return current != scripts(service).get_current_head()
