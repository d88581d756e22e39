"""Where a POST's processor time goes: the WSGI application alone, called in a loop, on a PostgreSQL in memory.

``python -m benchmarks.house.posts [--profile] [COUNT]`` prints milliseconds of processor time a post (user and system,
this process alone), which other work on the machine hardly moves; with ``--profile`` also what cost most.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import os
import pstats
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy

from benchmarks.house import ground
from shared import process, settings
from shared.web import assembly
from shared.web.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Callable

ROUND = 100


def poster(url: str, data: str) -> Callable[[], None]:
    """Files one more request in a requests service over the database ``url``, which is migrated and filled first."""
    service = process.of("requests")
    environment = {"HOUQIN_DATA": data, "REQUESTS_DATABASE_URL": url, "REQUESTS_FILINGS_PER_MINUTE": "10000000"}
    running = process.assemble(service, settings.load(process.declared(service), environment))
    process.prepare(running)
    service.demonstrate(running)
    application: Any = service.application(running)
    with running.database.read() as connection:
        account, department, organisation = connection.execute(
            sqlalchemy.text("SELECT id, department, organisation FROM account WHERE user_name = 'hanbing'")
        ).one()
    now = datetime.now(UTC)
    person = Principal(account=account, name="韩冰", roles=frozenset({"staff"}), role="staff", session="bench", epoch=1,
                       signed_in_at=now, kind="api", organisation=organisation, department=department)  # fmt: skip
    bearer = assembly.signer(running.settings).sign(person, now, audience=["requests"])
    body = json.dumps(ground.REPAIR, ensure_ascii=False).encode()

    def started(status: str, _headers: Any, _info: Any = None) -> None:
        if not status.startswith("201"):
            raise ground.Unmeasured(status)

    def post() -> None:
        environ = {
            "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/requests/api/requests", "QUERY_STRING": "",
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8001", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:8001",
            "HTTP_AUTHORIZATION": f"Bearer {bearer}", "HTTP_IDEMPOTENCY_KEY": os.urandom(12).hex(),
            "wsgi.input": io.BytesIO(body.replace(ground.ASSET.encode(), os.urandom(12).hex().encode())), "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
            "wsgi.errors": io.StringIO(), "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
        }  # fmt: skip
        found = application(environ, started)
        b"".join(found)
        if hasattr(found, "close"):
            found.close()

    return post


def processor(post: Callable[[], None], count: int) -> float:
    """Milliseconds of processor time a post, of the best round: what the caches of a shared machine cost is not ours."""
    took = []
    for _ in range(max(count // ROUND, 1)):
        began = time.process_time()
        for _ in range(ROUND):
            post()
        took.append((time.process_time() - began) / ROUND * 1000)
    return min(took)


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.house.posts", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=2000)
    parser.add_argument("--profile", action="store_true", help="and the functions that cost most")
    parser.add_argument("--by", default="tottime", help="tottime or cumtime")
    options = parser.parse_args()
    with ground.postgres() as url, ground.folder() as folder:
        post = poster(url, str(folder))
        for _ in range(100):
            post()
        print(f"{processor(post, options.count):.3f} ms of processor time a POST")
        if options.profile:
            profile = cProfile.Profile()
            profile.enable()
            for _ in range(options.count):
                post()
            profile.disable()
            pstats.Stats(profile).sort_stats(options.by).print_stats(60)


if __name__ == "__main__":
    main()
