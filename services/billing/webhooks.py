"""Webhooks that say how far a feed goes, by the Standard Webhooks specification: finance then pulls.

The message carries no money and no names, only contract, number and head; whoever misses one loses nothing, because the
feed itself is pulled. The id of a message is the same at every attempt.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import logging
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import delete, insert, select

from services.billing import tables
from shared.clock import to_text
from shared.retries import pause
from shared.settings import BadSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from shared.service import Running
    from shared.settings import Settings

log = logging.getLogger("houqin.billing.webhooks")
TIMEOUT = 10  # seconds
MOST_READ = 64_000  # bytes of an answer
WAITS = (5, 60, 300, 1800, 7200)  # seconds after the first, second, ... failure
GIVEN_UP_AFTER = timedelta(days=5)


@dataclass(frozen=True)
class Hook:
    """Where messages go, and what they are signed with; all secrets sign, so that they can be rotated."""

    url: str
    secrets: tuple[bytes, ...]


def hook_of(settings: Settings) -> Hook | None:
    """The hook of the settings; None where none is set.

    Raises:
        BadSettings: it is not https, its host is not allowed, or a secret is none of at least 192 bits.
    """
    url = str(settings["BILLING_WEBHOOK_URL"])
    if not url:
        return None
    parts = urlsplit(url)
    hosts = {each.strip() for each in str(settings["BILLING_WEBHOOK_HOSTS"]).split(",") if each.strip()}
    if parts.scheme != "https" or parts.hostname not in hosts or parts.username or parts.password:
        raise BadSettings("BILLING_WEBHOOK_URL: https, and its host named in BILLING_WEBHOOK_HOSTS")
    secrets = []
    for each in str(settings["BILLING_WEBHOOK_SECRETS"]).split():
        try:
            secret = base64.b64decode(each.removeprefix("whsec_"), validate=True)
        except ValueError as fault:
            raise BadSettings("BILLING_WEBHOOK_SECRETS: whsec_ and base64, by blanks") from fault
        if not 24 <= len(secret) <= 64:
            raise BadSettings("BILLING_WEBHOOK_SECRETS: 24 to 64 bytes each")
        secrets.append(secret)
    if not secrets:
        raise BadSettings("BILLING_WEBHOOK_SECRETS: needed with BILLING_WEBHOOK_URL")
    return Hook(url, tuple(secrets))


def message(hook: Hook, contract: str, number: int, head: str, now: datetime) -> tuple[dict[str, str], bytes]:
    """Headers and body of one message, signed with every secret."""
    body = json.dumps(
        {"type": "billing.feed_extended", "timestamp": to_text(now), "data": {"contract": contract, "number": number, "head": head}},
        separators=(",", ":"),
    ).encode()  # fmt: skip
    name = "msg_" + hashlib.sha256(f"{contract}/{number}/{head}".encode()).hexdigest()[:32]
    stamp = str(int(now.timestamp()))
    signed = f"{name}.{stamp}.".encode() + body
    signatures = [
        base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode() for secret in hook.secrets
    ]
    return {
        "webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
        "content-type": "application/json", "user-agent": "houqin",
    }, body  # fmt: skip


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """The status of the answer; nothing of it is kept, and no redirect is followed.

    The name is resolved once and that address is connected to, with the certificate checked against the name. A loopback,
    link-local or unspecified address is never connected to, whatever the name.

    Raises:
        OSError, http.client.HTTPException: nobody answered, or not in time.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = public_address(host, parts.port or 443)
    raw = socket.create_connection((address, parts.port or 443), timeout=TIMEOUT)
    try:
        secure = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise
    connection = http.client.HTTPSConnection(host, parts.port or 443, timeout=TIMEOUT)
    connection.sock = secure
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read(MOST_READ)
        return answer.status
    finally:
        connection.close()


def public_address(host: str, port: int) -> str:
    """The address of a host, looked up once.

    Raises:
        OSError: it has none, or one that is this machine's own.
    """
    import ipaddress

    found = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    address = ipaddress.ip_address(found.partition("%")[0])
    inner = getattr(address, "ipv4_mapped", None) or address
    if inner.is_loopback or inner.is_link_local or inner.is_unspecified or inner.is_multicast:
        raise OSError(f"{host} is {found}")
    return found


def tell(running: Running, send: Callable[[str, dict[str, str], bytes], int] = post) -> int:
    """Tell of every feed that grew since finance last took a message; how many were taken.

    Of several replicas each may send; the id of a message is the same, so the receiver drops the second.
    """
    hook = hook_of(running.settings)
    if hook is None:
        return 0
    now, taken = running.clock.now(), 0
    heads, progress = tables.feed_head, tables.webhook_progress
    with running.database.read() as connection:
        rows = connection.execute(
            select(heads.c.contract, heads.c.number, heads.c.head, progress.c.number.label("told"), progress.c.failures,
                   progress.c.failing_since, progress.c.next_at)
            .outerjoin(progress, progress.c.contract == heads.c.contract)
            .where(heads.c.contract != "", heads.c.number > 0)
        ).all()  # fmt: skip
    for row in rows:
        if row.number <= (row.told or 0) or (row.next_at is not None and now < row.next_at):
            continue
        since = row.failing_since
        if since is not None and now - since > GIVEN_UP_AFTER:
            continue
        headers, body = message(hook, row.contract, row.number, row.head, now)
        try:
            status = send(hook.url, headers, body)
        except (OSError, http.client.HTTPException) as fault:
            log.warning("webhook of %s: %s", row.contract, type(fault).__name__)
            status = 0
        if 200 <= status < 300:
            _note(running, row.contract, number=row.number, failures=0, failing_since=None, next_at=None)
            taken += 1
            continue
        failures = (row.failures or 0) + 1
        wait = pause(WAITS, failures)
        _note(
            running,
            row.contract,
            number=row.told or 0,
            failures=failures,
            failing_since=since or now,
            next_at=now + wait,
        )
        if now - (since or now) + wait > GIVEN_UP_AFTER:
            log.error(
                "webhook of %s has failed for %s days and is given up; acknowledging the feed by pull starts it again",
                row.contract,
                GIVEN_UP_AFTER.days,
            )
    return taken


def _note(running: Running, contract: str, **values: Any) -> None:
    table = tables.webhook_progress
    with running.work() as work:
        work.connection.execute(delete(table).where(table.c.contract == contract))
        work.connection.execute(insert(table), {"contract": contract, **values})
