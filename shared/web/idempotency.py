"""The same key and body get the first answer again.

The answer is written in the commit of what it answers, in the same round trip as the events. A second attempt does
its work too, meets the first one's row at its own commit, is rolled back whole, and gives the first answer; so the
common case costs no extra round trip, and two at once cannot both succeed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.database import Sql
from shared.errors import Invalid, Malformed
from shared.text import compact

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.web.incoming import Incoming
    from shared.work import Work

KEPT = timedelta(days=2)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PUT = Sql(
    """INSERT INTO idempotency (account, route, key, digest, status, headers, body, at)
       VALUES (:account, :route, :key, :digest, :status, :headers, :body, :at)"""
)
_FIND = Sql(
    "SELECT digest, status, headers, body FROM idempotency WHERE account = :account AND route = :route AND key = :key"
)
_PRUNE = Sql("DELETE FROM idempotency WHERE at < :before")


@dataclass(frozen=True)
class Claim:
    """One attempt: who, where, under which key, with which body."""

    account: str
    route: str
    key: str
    digest: str


@dataclass(frozen=True)
class Kept:
    """An answer as it was first given."""

    status: int
    headers: dict[str, str]
    body: str


def claim(request: Incoming, account: str) -> Claim | None:
    """What this request claims; None when it carries no key.

    Raises:
        Malformed: the key is not 1 to 255 visible ASCII characters.
    """
    key = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None and request.mimetype != "application/json":
        key = request.form.get("_key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Malformed("error.idempotency_key")
    return Claim(account, f"{request.method} {request.path}", key, _digest(request))


def _digest(request: Incoming) -> str:
    found = hashlib.sha256(request.query_string + b"\0")
    if request.mimetype == "application/json":
        found.update(request.body())
        return found.hexdigest()
    pairs = sorted((name, value) for name, value in request.form.items(multi=True) if name not in {"_csrf", "_key"})
    found.update(json.dumps(pairs, ensure_ascii=True).encode())
    for name, file in sorted(request.files.items(multi=True), key=lambda pair: pair[0]):
        found.update(name.encode("utf-8", "replace") + hashlib.sha256(file.stream.read()).digest())
        file.stream.seek(0)
    return found.hexdigest()


def keep(work: Work, claim: Claim, answer: Kept) -> None:
    """Write the answer with the work; a first answer under the same key makes the commit fail."""
    work.later(
        _PUT,
        account=claim.account,
        route=claim.route,
        key=claim.key,
        digest=claim.digest,
        status=answer.status,
        headers=compact(answer.headers),
        body=answer.body,
        at=work.now,
    )


def find(connection: Connection, claim: Claim) -> Kept | None:
    """The first answer under this key; None when there is none.

    Raises:
        Invalid: the key was used with another body.
    """
    row: Any = _FIND.run(connection, account=claim.account, route=claim.route, key=claim.key).first()
    if row is None:
        return None
    digest, status, headers, body = row
    if digest != claim.digest:
        raise Invalid("error.idempotency_body")
    return Kept(int(status), json.loads(headers), body)


def prune(work: Work) -> None:
    """Forget answers older than two days."""
    work.later(_PRUNE, before=work.now - KEPT)
