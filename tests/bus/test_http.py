"""Our short way to read and write HTTP says what eventlet's long one says, to the byte."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
PLAIN = b"POST /say?first=1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
REQUESTS = [
    PLAIN,
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /a%20b/%E7%94%B3?q=%20a HTTP/1.1\r\nhost:x\r\nCookie:  a=b; c=d \t\r\nX-Empty:\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET //evil/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://x/y HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nFolded: a\r\n b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\nX: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Y: a\r\nX_Y: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nName : a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: \xe7\x94\xb3\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(120)) + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 7000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 5000 + b"\r\nY: " + b"b" * 3500 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
    b"POST /?unread=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /?status=204+No+Content HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /?status=304+Not+Modified HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /?stream=1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /?unsaid=1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /?fail=1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\n",
    b"nonsense\r\n\r\n",
]
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def ports():
    words = [sys.executable, "-W", "ignore", "tests/bus/echo.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as served:
        yield [int(port) for port in served.stdout.readline().split()]
        served.stdin.close()


def answered(port, *parts):
    """All that comes back on a connection on which ``parts`` are sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found = b""
        with suppress(ConnectionError, BrokenPipeError):
            for part in parts:
                connection.sendall(part)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while chunk := connection.recv(65536):
                found += chunk
    found = re.sub(rb"Date: [^\r]*GMT\r\n", b"", found)
    return re.sub(rb"(HTTP/1\.[01] [^\r]*\r\n)((?:[A-Za-z-]+: [^\r]*\r\n)*)\r\n", plain_head, found)


def plain_head(head):
    """A head of an answer without what says nothing: how names are written, and in which order they stand."""
    lines = [
        name.lower() + colon + value for name, colon, value in (each.partition(b":") for each in head[2].split(b"\r\n"))
    ]
    return head[1] + b"\n".join(sorted(lines)) + b"\n\n"


def same(ports, *parts):
    theirs, ours = (answered(port, *parts) for port in ports)
    assert ours == theirs
    return ours


@pytest.mark.parametrize("request_text", REQUESTS, ids=lambda text: repr(text[:60]))
def test_a_request_is_read_and_answered_as_eventlet_does(ports, request_text):
    same(ports, request_text)
    same(ports, request_text + LAST)


def test_requests_that_come_together_are_answered_one_after_the_other(ports):
    found = same(ports, PLAIN + PLAIN + LAST)
    assert found.count(b"HTTP/1.1 200 OK") == 3


def test_a_request_that_comes_in_pieces_is_read_as_a_whole(ports):
    pieces = [PLAIN[first:last] for first, last in pairwise([0, 20, 37, 60, len(PLAIN) - 1, len(PLAIN)])]
    found = same(ports, *pieces, LAST)
    assert found.count(b"HTTP/1.1 200 OK") == 2


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(PLAIN) - 1), gone=st.integers(0, 3), put=st.binary(max_size=4))
def test_a_request_with_something_changed_in_it_is_answered_as_by_eventlet(ports, at, gone, put):
    same(ports, PLAIN[:at] + put + PLAIN[at + gone :])
