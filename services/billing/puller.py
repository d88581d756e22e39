"""``python -m services.billing pull``: how finance takes a contract's feed. It can be killed anywhere and started again.

What was taken is kept in an SQLite file, entry by entry in the order of the feed; a page and the cursor after it are
written in one transaction, so the next start goes on where the last commit ended. Every entry's head is computed
again, and the signature under each page is checked, before anything is kept.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import urllib.error
import urllib.request
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.billing.model import FIRST_HEAD, chained
from services.billing.signing import verifies

if TYPE_CHECKING:
    from collections.abc import Sequence


class Broken(Exception):
    """What came is not the feed: a gap, a changed entry, or a signature that is not good."""


def pull(arguments: Sequence[str]) -> int:
    """Take what is new; 0 when all is had, 1 when the feed is broken or differs, 2 for wrong arguments, 3 when it is away."""
    parser = argparse.ArgumentParser(prog="python -m services.billing pull", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000/billing", help="address of the billing service")
    parser.add_argument("--contract", required=True)
    parser.add_argument("--into", type=Path, required=True, help="SQLite file that is made at the first run")
    parser.add_argument("--token-file", type=Path, required=True, help="file with an API token or pass of finance")
    parser.add_argument(
        "--key-file", type=Path, help="public key (PEM); without it the first one seen is kept and stays"
    )
    parser.add_argument("--limit", type=int, default=500, help="entries a page")
    parser.add_argument("--compare", action="store_true", help="compare every month with the service afterwards")
    asked = parser.parse_args(arguments)
    keep = sqlite3.connect(asked.into, isolation_level=None)
    keep.execute("PRAGMA synchronous=FULL")
    keep.execute(
        "CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, booked_in TEXT, amount TEXT, body TEXT, head TEXT)"
    )
    keep.execute("CREATE TABLE IF NOT EXISTS place (contract TEXT PRIMARY KEY, cursor TEXT)")
    keep.execute("CREATE TABLE IF NOT EXISTS trusted (contract TEXT PRIMARY KEY, key TEXT)")
    service = Service(asked.url.rstrip("/"), asked.token_file.read_text("utf-8").strip())
    try:
        key = _key(keep, service, asked.contract, asked.key_file)
        taken = take(keep, service, asked.contract, key, asked.limit)
        differing = compare(keep, service, asked.contract) if asked.compare else []
    except Broken as fault:
        print(f"broken: {fault}", file=sys.stderr)
        return 1
    except (urllib.error.URLError, OSError) as fault:
        print(f"away: {fault}", file=sys.stderr)
        return 3
    last, total = keep.execute("SELECT count(*), 0 FROM entry").fetchone()[0], Decimal(0)
    for (amount,) in keep.execute("SELECT amount FROM entry"):
        total += Decimal(amount)
    print(
        json.dumps(
            {
                "contract": asked.contract,
                "new": taken,
                "entries": last,
                "sum": format(total, "f"),
                "differing": differing,
            }
        )
    )
    return 1 if differing else 0


class Service:
    """The billing service as finance reaches it."""

    def __init__(self, url: str, token: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise SystemExit(f"{url} is no http address")
        self.url, self.token = url, token

    def call(self, path: str, body: Any = None) -> Any:
        """The JSON answer of a path; posted when there is a body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=headers)  # noqa: S310  checked above
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None


def _key(keep: sqlite3.Connection, service: Service, contract: str, given: Path | None) -> bytes:
    if given is not None:
        return given.read_bytes()
    known = keep.execute("SELECT key FROM trusted WHERE contract = ?", (contract,)).fetchone()
    if known is not None:
        return str(known[0]).encode()
    found = str(service.call("/api/feed-key")["public"])
    keep.execute("INSERT INTO trusted VALUES (?, ?)", (contract, found))
    return found.encode()


def take(keep: sqlite3.Connection, service: Service, contract: str, key: bytes, limit: int) -> int:
    """Take page after page until nothing is new; how many entries came.

    Raises:
        Broken: a page does not continue what is had.
    """
    taken = 0
    while True:
        row = keep.execute("SELECT number, head FROM entry ORDER BY number DESC LIMIT 1").fetchone()
        number, head = row or (0, FIRST_HEAD)
        (cursor,) = keep.execute("SELECT cursor FROM place WHERE contract = ?", (contract,)).fetchone() or ("",)
        found = _page(service, contract, cursor, limit)
        rows = []
        for each in found["entries"]:
            body = json.loads(each["body"])
            if each["number"] != number + 1 or body["number"] != number + 1 or body["contract"] != contract:
                raise Broken(f"entry {number + 1} is missing")
            number, head = number + 1, chained(head, each["body"])
            if head != each["head"]:
                raise Broken(f"entry {number} is not what was chained")
            rows.append((number, body.get("booked_in") or body["period"], body["amount"], each["body"], head))
        signed = found["signed"]
        if (signed["number"], signed["head"]) != (number, head) and rows:
            raise Broken(f"the signature names another head than that of entry {number}")
        if not verifies(key, contract, signed["number"], signed["head"], signed["signature"]):
            raise Broken(f"the signature under entry {signed['number']} is not good")
        if not rows:
            if (signed["number"], signed["head"]) != (number, head):
                raise Broken(f"the feed ends at entry {signed['number']} with another head")
            return taken
        keep.execute("BEGIN IMMEDIATE")
        keep.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", rows)
        keep.execute("INSERT OR REPLACE INTO place VALUES (?, ?)", (contract, found["next"]))
        keep.execute("COMMIT")
        taken += len(rows)
        service.call(f"/api/feed/{contract}/ack", {"number": number, "head": head})


def _page(service: Service, contract: str, cursor: str, limit: int) -> Any:
    try:
        return service.call(f"/api/feed/{contract}?cursor={cursor}&limit={limit}")
    except urllib.error.HTTPError as refusal:
        if refusal.code != HTTPStatus.CONFLICT:
            raise
        raise Broken("what was taken is not in the service's feed") from refusal


def compare(keep: sqlite3.Connection, service: Service, contract: str) -> list[dict[str, Any]]:
    """Every entry in which a month differs from the service's."""
    months: dict[str, list[tuple[int, str, str]]] = {}
    for number, booked_in, amount, head in keep.execute(
        "SELECT number, booked_in, amount, head FROM entry ORDER BY number"
    ):
        months.setdefault(booked_in, []).append((number, amount, head))
    found = []
    for period, entries in months.items():
        body: dict[str, Any] = {
            "period": period, "count": len(entries), "sum": format(sum((Decimal(amount) for _, amount, _ in entries), Decimal(0)), "f"),
            "head": entries[-1][2],
        }  # fmt: skip
        answer = service.call(f"/api/feed/{contract}/compare", body)
        if not answer["equal"]:
            body["entries"] = [{"number": number, "amount": amount, "head": head} for number, amount, head in entries]
            answer = service.call(f"/api/feed/{contract}/compare", body)
            found += [{"period": period, **each} for each in answer["differing"]]
    return found
