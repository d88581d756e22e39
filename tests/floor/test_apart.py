"""Heavy work inside the host: others go on meanwhile, and what it raises arrives."""

import subprocess
import sys

_IN_THE_HOST = """
from shared.bus import nameko_host  # patches the process: first
import eventlet
from services.requests.handlers import signing

stored = signing.hash_password("houqin-demo-2026")
ticks = 0

def tick():
    global ticks
    while True:
        ticks += 1
        eventlet.sleep(0)

eventlet.spawn(tick)
before = ticks
assert signing.is_password(stored, "houqin-demo-2026")
during = ticks - before
assert not signing.is_password(stored, "another")
assert not signing.is_password("", "houqin-demo-2026")
print(during)
"""


def test_others_go_on_while_a_password_is_looked_at():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _IN_THE_HOST], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


_A_NAME = """
from shared.bus import nameko_host  # patches the process: first
import eventlet, socket, sys

slow = eventlet.patcher.original("time").sleep
looked_up = nameko_host._system_getaddrinfo

def slowly(*arguments, **named):
    slow(0.2)
    return looked_up(*arguments, **named)

nameko_host._system_getaddrinfo = slowly
listener = eventlet.listen(("127.0.0.1", 0))
ticks = 0

def tick():
    global ticks
    while True:
        ticks += 1
        eventlet.sleep(0.01)

eventlet.spawn(tick)
socket.create_connection(("localhost", listener.getsockname()[1]), timeout=5).close()
assert ticks > 2, ticks
try:
    socket.create_connection(("no-such-host.invalid", 80), timeout=5)
except socket.gaierror:
    pass
else:
    raise AssertionError("a name that does not exist was found")
# Memory that a host has no use for: eventlet's own resolver, and the relay's publisher.
assert not [name for name in sys.modules if name.split(".")[0] in {"dns", "pika"}]
"""


def test_others_go_on_while_the_system_looks_up_a_name():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _A_NAME], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


_BY_THE_PIECE = """
from shared.bus import nameko_host  # patches the process: first
import time
import eventlet
from functools import partial
from shared import apart

class Gate:
    active = 0

apart.SLICE = 0.0  # every piece ends a slice
apart.give_way_by(partial(nameko_host._let_others_go_on, Gate))
done = []

def work():
    for piece in apart.by_the_piece(range(50)):
        done.append(piece)

seen = []

def other():
    while len(done) < 50:
        seen.append(len(done))
        eventlet.sleep(0)

thread = eventlet.spawn(work)
eventlet.spawn(other)
thread.wait()
assert done == list(range(50)) and seen == sorted(seen), (done, seen)
print(len(set(seen)))

# While a request is being answered it goes first, but work in the background is not kept from going on for ever.
done.clear()
Gate.active = 1
nameko_host.POLITE = 3600
thread = eventlet.spawn(work)
for _ in range(20):
    eventlet.sleep(0.001)
assert len(done) == 1, done
Gate.active = 0
thread.wait()
assert len(done) == 50
done.clear()
Gate.active = 1
nameko_host.POLITE = 0.001
work()
assert len(done) == 50
"""


def test_others_go_on_between_the_pieces_of_work_in_the_background():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _BY_THE_PIECE], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 25
