"""The limit of intake: an eventlet endpoint that does one INSERT and COMMIT. ``bare_intake.py PORT URL``."""

# ruff: noqa: E402  the patch comes before whatever it patches
from __future__ import annotations

import sys

import eventlet

eventlet.monkey_patch()
import psycogreen.eventlet

psycogreen.eventlet.patch_psycopg()

import eventlet.queue
import eventlet.wsgi
import psycopg2


def main(port: int, url: str) -> None:
    """Serve until ended."""
    pool = eventlet.queue.LifoQueue()
    for _ in range(20):
        pool.put(psycopg2.connect(url))
    with pool.get() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, body text NOT NULL)")
    pool.put(connection)

    def application(environ, start_response):
        body = environ["wsgi.input"].read().decode()
        connection = pool.get()
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bare (body) VALUES (%s)", (body,))
        connection.commit()
        pool.put(connection)
        start_response("201 Created", [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]

    eventlet.wsgi.server(eventlet.listen(("127.0.0.1", port)), application, log_output=False, max_size=200)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
