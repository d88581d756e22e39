"""What every bus must do; each implementation runs this suite with two toy services as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.system.office import free_port, until

ROOT = Path(__file__).parents[2]


class Toy:
    """The toy services on one kind of bus."""

    def __init__(self, folder, settings):
        self.folder = folder
        self.settings = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT), **settings}
        self.port = free_port()
        self.processes = {}

    def run(self, *words, **settings):
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            command = [sys.executable, "tests/bus/toy.py", *words]
            return subprocess.Popen(command, env={**self.settings, **settings}, cwd=ROOT, stdout=log, stderr=log)

    def prepare(self):
        assert self.run("prepare").wait(60) == 0

    def start(self, name, *, ready=True, **settings):
        """Start ``relay``, ``relay dispatch``, ``listener`` or ``embedded``, with settings of its own."""
        words = name.split() if name.startswith("relay") else [name, str(self.port)]
        self.processes[name] = self.run(*words, **settings)
        if ready and not name.startswith("relay"):
            until(lambda: self.get("/ready"), "readiness")

    def ended(self, name, limit=30):
        """How the process ended, waited for."""
        return self.processes[name].wait(limit)

    def kill(self, name):
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def close(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()

    def get(self, path="/"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return json.loads(answer.read())

    def say(self, **query):
        words = "&".join(f"{name}={value}" for name, value in query.items())
        urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{self.port}/say?{words}", method="POST"), timeout=30
        ).close()

    def say_unheard(self, **query):
        """Say something while no listener runs."""
        words = "&".join(f"{name}={value}" for name, value in query.items())
        code = ("import sys; sys.argv = ['toy.py', 'relay']; sys.path.insert(0, 'tests/bus'); import toy;"
                f" toy.says({{'QUERY_STRING': '{words}'}}, lambda *given: None)")  # fmt: skip
        subprocess.run([sys.executable, "-c", code], env=self.settings, cwd=ROOT, check=True, timeout=60)

    def heard(self, count):
        """Waits until both handlers have heard ``count`` requests, and says what they did."""

        def all_of_them():
            state = self.get()
            done = state["effects"]
            return state if done.get("one", [0, 0])[1] >= count and done.get("all", [0, 0])[1] >= count else None

        return until(all_of_them, f"{count} effects", 60)


class BusSuite:
    """Subclasses give a fixture ``toy``: prepared, nothing started."""

    names: tuple[str, ...] = ()

    def start(self, toy):
        for name in self.names:
            toy.start(name)

    def test_every_event_reaches_every_handler_once(self, toy):
        self.start(toy)
        toy.say(count=500)
        state = toy.heard(500)
        assert state["effects"]["one"] == [500, 500]
        assert state["effects"]["all"] == [550, 500]  # one in ten is said to be withdrawn as well
        assert state["put_aside"] == {}

    def test_poison_waits_and_its_neighbours_pass(self, toy):
        self.start(toy)
        toy.say(count=1, subject="poison", first=1)
        toy.say(count=20, first=11)
        state = until(
            lambda: (lambda s: s if s["effects"].get("one", [0, 0])[1] >= 20 else None)(toy.get()), "neighbours"
        )
        assert state["effects"]["one"] == [20, 20]
        assert state["put_aside"] == {"waiting": 1}

    def test_a_killed_consumer_loses_nothing_and_doubles_nothing(self, toy):
        self.start(toy)
        toy.say(count=400)
        toy.kill(self.names[-1])
        toy.start(self.names[-1])
        toy.say(count=100, first=400)
        state = toy.heard(500)
        assert state["effects"]["one"] == [500, 500]
        assert state["effects"]["all"][1] == 500

    def test_two_half_sent_bodies_hold_up_no_event(self, toy):
        self.start(toy)
        slow = []
        for _ in range(2):
            connection = socket.create_connection(("127.0.0.1", toy.port))
            connection.sendall(b"POST /say HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
            slow.append(connection)
        began = time.monotonic()
        toy.say(count=10)
        toy.heard(10)
        assert time.monotonic() - began < 10  # they are given fifteen seconds; events must not wait for that
        for connection in slow:
            connection.close()

    def test_a_body_that_is_too_large_or_lies_about_its_length_is_refused(self, toy):
        self.start(toy)
        for head in (b"Content-Length: 999999999\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"):
            with socket.create_connection(("127.0.0.1", toy.port)) as connection:
                connection.sendall(b"POST /say HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n12345")
                assert connection.recv(100).split(b" ")[1] in {b"400", b"413"}

    def test_idle_connections_hold_nobody_up(self, toy):
        self.start(toy)
        idle = [socket.create_connection(("127.0.0.1", toy.port)) for _ in range(100)]
        assert toy.get("/health") == {"status": "ok"}
        for connection in idle:
            connection.close()
