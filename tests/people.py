"""People of every role with passes of a running service, for tests of its routes."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.web import assembly
from shared.web.principal import Principal

NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # Wednesday 12:00 at the site


def headers_of(running, role, *, supplier="", language="zh-Hans", now=NOON, **changes):
    """Headers of a program of somebody with this role; pages answer it too."""
    person = Principal(
        **{
            "account": f"account-of-{role}", "name": "测试", "roles": frozenset({role}), "role": role, "session": f"session-of-{role}",
            "epoch": 1, "signed_in_at": now, "kind": "api", "organisation": "cn/site", "department": "docs", "supplier": supplier,
            "crew": "", **changes,
        }
    )  # fmt: skip
    token = assembly.signer(running.settings).sign(person, now, audience=[running.name])
    return {"Authorization": f"Bearer {token}", "Accept-Language": language}
