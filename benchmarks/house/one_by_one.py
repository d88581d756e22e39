"""A service with one plain handler that takes its events one by one, on the real host: one event, one transaction.

``one_by_one.py prepare|serve URL BROKER PORT``.
"""

# ruff: noqa: I001  the host patches the process and comes first
from __future__ import annotations

import sys

import shared.bus.nameko_host as host

from pathlib import Path

from sqlalchemy import Column, Table, Text

from shared import process, settings
from shared.bus.base import on
from shared.bus.topology import declare
from shared.contracts.requests import RequestFiled
from shared.database import Database, Sql
from shared.service import Running, Service, metadata_of_floor

metadata = metadata_of_floor()
Table("effect", metadata, Column("subject", Text, primary_key=True), Column("summary", Text, nullable=False))
PUT = Sql("INSERT INTO effect (subject, summary) VALUES (:subject, :summary)")


def write_down(work, event, _envelope) -> None:
    """One row for each request."""
    work.later(PUT, subject=event.request_id, summary=event.summary)


def main(mode: str, url: str, broker: str, port: str) -> int:
    """Make schema and queue, or serve until ended."""
    subscriptions = (on(RequestFiled, do=write_down, service="dispatch", batch=1),)
    service = Service("dispatch", (), metadata, Path(), subscriptions, lambda _running: None, lambda _running: None)
    loaded = settings.load((*settings.COMMON, *settings.of_service("dispatch", 0)), {})
    running = Running(service, Database(url), loaded)
    if mode == "prepare":
        metadata.create_all(running.database.engine)
        declare(broker, running.subscriptions)
        return 0
    one = host.Host(running, broker)
    return process.run_hosts(
        [one], ("127.0.0.1", int(port)), process.with_operations(process.operations(dict), [one]), 20
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
