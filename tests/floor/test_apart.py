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
