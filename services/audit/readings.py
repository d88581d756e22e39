"""``python -m services.audit readings``: who was given what, since when; what one asks first when data may have got out."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.audit import store, wording
from services.audit.figures import midnight
from shared.contracts.base import SERVICES
from shared.database import Sql
from shared.language import CODES, language

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

TYPES = (*(f"{service}.access_noted.v1" for service in SERVICES), "audit.log_read.v1")
PART = 1_000
_KINDS = ", ".join(f"'{each}'" for each in TYPES)
_NEXT = Sql(
    f"""SELECT {store.COLUMNS} FROM log_entry WHERE seq > :after AND type IN ({_KINDS})
        AND received_at >= :since AND received_at < :until ORDER BY seq LIMIT {PART}"""
)


def readings(
    connection: Connection, since: datetime, until: datetime, account: str = "", about: str = ""
) -> Iterator[tuple[store.Entry, dict[str, Any]]]:
    """The entries that tell what ``account`` was given, changed or was refused, or whoever was given ``about``, oldest first."""
    after = -1
    while found := store.entries_from(_NEXT.run(connection, after=after, since=since, until=until)):
        after = found[-1].seq
        for each in found:
            data = json.loads(each.leaf).get("data", {})
            things = f"{data.get('of', '')} {data.get('filter', '')}".split()
            if (not account or data.get("account_id") == account) and (not about or about in things):
                yield each, data


def main(arguments: Sequence[str]) -> int:
    """What people were given, shown or changed, by day, account or thing: one line each, with its number in the log."""
    from services.audit.commands import assembled, told

    parser = argparse.ArgumentParser(prog="python -m services.audit readings", description=main.__doc__)
    parser.add_argument("--since", type=date.fromisoformat, help="first day at the site")
    parser.add_argument("--until", type=date.fromisoformat, help="last day at the site")
    parser.add_argument("--account", default="", help="only what this account was given")
    parser.add_argument("--about", default="", help="only who was given this: a reference, an id, a contract")
    parser.add_argument("--lang", choices=CODES, default="zh-Hans")
    options = parser.parse_args(arguments)
    words = language(options.lang)
    since = midnight(options.since) if options.since else datetime(1970, 1, 1, tzinfo=UTC)
    until = midnight(options.until + timedelta(days=1)) if options.until else datetime(9999, 1, 1, tzinfo=UTC)

    def run() -> int:
        count = 0
        with assembled().database.read() as connection:
            for each, data in readings(connection, since, until, options.account, options.about):
                count += 1
                said = wording.say(each, words).words
                print(f"{each.seq}\t{words.stamp(each.received_at)}\t{said}\t{data.get('route', data.get('what', ''))}")
            covers = store.count(connection)
        print(words("audit.readings.count", n=count, covers=words.entry(covers)), file=sys.stderr)
        return 0

    return told(run)
