"""An application that answers with what it was given, behind eventlet's own reading of HTTP and behind ours.

Run as a process of its own: prints two ports, eventlet's and ours, and serves until its standard input ends.
"""

from __future__ import annotations

import json
import sys
from urllib.parse import parse_qs

import eventlet.wsgi

import shared.bus.nameko_host as host  # patches: first
from shared.bus.http import Protocol

KEPT = ("HTTP_", "REQUEST_", "PATH_", "RAW_PATH", "QUERY_", "CONTENT_", "SERVER_PROTOCOL", "REMOTE_ADDR", "SERVER_NAME")


def application(environ, start_response):
    asked = parse_qs(environ.get("QUERY_STRING", ""))
    if "fail" in asked:
        raise RuntimeError("as asked")
    body = environ["wsgi.input"].read() if "unread" not in asked else b""
    given = {name: value for name, value in sorted(environ.items()) if name.startswith(KEPT)}
    text = json.dumps([given, body.decode("latin-1")]).encode()
    status = asked.get("status", ["200 OK"])[0]
    if "stream" in asked:
        start_response(status, [("Content-Type", "text/plain")])
        return iter([text[:10], text[10:]])
    headers = [("Content-Type", "application/json"), ("ETag", '"1"'), ("Content-Length", str(len(text)))]
    start_response(status, headers[:2] if "unsaid" in asked else headers)
    return [text]


def main():
    ports = []
    for protocol in (eventlet.wsgi.HttpProtocol, Protocol):
        listener = host.listen(("127.0.0.1", 0))
        ports.append(listener.getsockname()[1])
        eventlet.spawn(
            eventlet.wsgi.server,
            listener,
            application,
            log_output=False,
            debug=False,
            protocol=protocol,
            socket_timeout=5,
        )
    print(*ports, flush=True)
    eventlet.tpool.execute(sys.stdin.read)


if __name__ == "__main__":
    main()
