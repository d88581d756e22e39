"""The real services with their demonstration data, each over its own SQLite file, without a broker."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from shared import process, settings
from shared.web import assembly
from shared.web.principal import ROLES, Principal


@contextlib.contextmanager
def running(name, folder):
    """(application, running) of one service, migrated and with its demonstration data."""
    service = process.of(name)
    loaded = settings.load(process.declared(service), {"HOUQIN_DATA": str(folder)})
    found = process.assemble(service, loaded)
    process.prepare(found)
    service.demonstrate(found)
    yield service.application(found), found
    found.database.close()


def bearer(loaded, name, roles=ROLES):
    """Headers of a program that has every role, so that no route refuses it for its role."""
    now = datetime.now(UTC)
    person = Principal(
        account="00000000-0000-7000-8000-000000000001", name="测试", roles=frozenset(roles), role="administrator", session="token-of-tests",
        epoch=1, signed_in_at=now, kind="api", organisation="cn", department="d1", supplier="", crew="",
    )  # fmt: skip
    return {"Authorization": "Bearer " + assembly.signer(loaded).sign(person, now, audience=[name])}
