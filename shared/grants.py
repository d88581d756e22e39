"""Who may do what in a service's PostgreSQL database; ``migrate`` writes it down after each change of the schema.

``deploy/postgres/roles.sql`` makes the roles of a database ``NAME``: ``NAME_owner`` (nobody signs in as it),
``NAME_migrate``, ``NAME`` itself (serve), ``NAME_relay`` and ``NAME_read`` for reports. Where they do not exist (one
role for everything, as on a developer's machine) nothing is granted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.database import Database
    from shared.service import Service

RELAY = (
    "SELECT, UPDATE (sourcenumber, typenumber, epoch) ON outbox",
    "SELECT, INSERT, UPDATE ON heads",
    "SELECT, INSERT, UPDATE ON sent",
    "SELECT, INSERT, DELETE ON resend",
)
# What the relay alone writes: who serves may add to the outbox and ask for a repetition, and change nothing there.
NOT_FOR_SERVE = (
    "UPDATE, DELETE, TRUNCATE ON outbox",
    "INSERT, UPDATE, DELETE, TRUNCATE ON heads",
    "INSERT, UPDATE, DELETE, TRUNCATE ON sent",
    "INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version",
)
# Sessions, one-time answers and what people wrote into events are no matter for a report.
NOT_FOR_REPORTS = ("outbox", "waiting", "idempotency", "revoked", "starts")


def statements(name: str, service: Service, tables: set[str]) -> Iterator[str]:
    """The grants of the database ``name``; saying them again changes nothing."""
    serve, relay, read = f'"{name}"', f'"{name}_relay"', f'"{name}_read"'
    yield "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    yield f"GRANT USAGE ON SCHEMA public TO {serve}, {relay}, {read}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {serve}, {relay}, {read}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {serve}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {serve}"
    for each in NOT_FOR_SERVE:
        yield f"REVOKE {each} FROM {serve}"
    for table in service.append_only:
        yield f'REVOKE UPDATE, DELETE, TRUNCATE ON "{table}" FROM {serve}'
    for each in RELAY:
        yield f"GRANT {each} TO {relay}"
    yield f"GRANT USAGE ON SEQUENCE resend_row_id_seq TO {relay}"
    for table in sorted(tables - {*NOT_FOR_REPORTS, *service.private}):
        yield f'GRANT SELECT ON "{table}" TO {read}'


def grant(database: Database, service: Service) -> bool:
    """Each role of the service's database has what its process needs and no more; false where there are no such roles.

    Raises:
        Transient: the database is away.
    """
    if database.is_sqlite:
        return False
    with database.write() as connection:
        name = str(connection.exec_driver_sql("SELECT current_database()").scalar_one())
        wanted = [name, f"{name}_relay", f"{name}_read"]
        found = connection.exec_driver_sql("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", (wanted,))
        if int(found.scalar_one()) < len(wanted):
            return False
        tables = set(
            connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
        )
        for each in statements(name, service, tables):
            connection.exec_driver_sql(each)
    return True
