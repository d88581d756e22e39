"""What every figure stands on: PostgreSQL in memory, a scratch virtual host, processes that end, paired ratios."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg2

from deploy import local
from shared.clock import SystemClock
from shared.contracts.base import Envelope, seal
from shared.contracts.requests import Answer, RequestFiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[2]
RAM = Path("/dev/shm")
BROKER = os.environ.get("HOUQIN_TEST_BROKER", "amqp://guest:guest@127.0.0.1:5672/")
# Each post names another asset in this place, so that none is the duplicate of one before and the check is measured.
ASSET = "0" * 24
REPAIR = {
    "item": "repair", "place": "B2-302", "priority": 2, "asset": ASSET, "answers": {"what": "aircon", "details": "不制冷，滴水"},
}  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """How much is measured; ``short`` proves that a figure can be taken, and proves nothing else."""

    pairs: int = 9
    rows: int = 20_000
    seconds: float = 1.0
    long: bool = False


class Unmeasured(Exception):
    """Something needed is absent or did not come about; one line says what."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(question: Callable[[], Any], what: str, limit: float = 60.0, pause: float = 0.02) -> Any:
    """The first true answer to ``question``.

    Raises:
        Unmeasured: none came within ``limit`` seconds.
    """
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        with suppress(OSError):
            if found := question():
                return found
        time.sleep(pause)
    raise Unmeasured(f"{what} did not come about in {limit:.0f} s")


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of our own with its data in memory; yields the URL of its first database.

    Raises:
        Unmeasured: PostgreSQL's programs or ``/dev/shm`` are absent, or it does not start.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs or not RAM.is_dir():
        raise Unmeasured("PostgreSQL's programs or /dev/shm are absent")
    folder = Path(tempfile.mkdtemp(prefix="houqin_bench_", dir=RAM))
    who = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if who:
        shutil.chown(folder, "postgres")
    port = free_port()
    options = (
        f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=300 -c shared_buffers=256MB"
        " -c max_wal_size=4GB -c track_commit_timestamp=on"
    )
    control = [*who, str(programs[-1] / "pg_ctl"), "-D", str(folder / "data"), "-s", "-w"]
    try:
        _quiet([*who, str(programs[-1] / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "-N"])
        _quiet([*control, "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=False, cwd="/", capture_output=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _quiet(command: list[str]) -> None:
    done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise Unmeasured(f"{Path(command[0]).name}: {done.stderr.decode()[-200:].strip()}")


@contextmanager
def virtual_host() -> Iterator[str]:
    """The URL of an empty virtual host that is gone afterwards."""
    name = f"houqin_bench_{os.getpid()}_{time.monotonic_ns() % 10**8}"
    url = urlsplit(BROKER)._replace(path=f"/{name}").geturl()
    if not local.make_host(url):
        raise Unmeasured("no virtual host can be made on the broker")
    try:
        yield url
    finally:
        subprocess.run(["rabbitmqctl", "-q", "delete_vhost", name], capture_output=True, check=False)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder in memory for keys and logs."""
    with tempfile.TemporaryDirectory(prefix="houqin_bench_", dir=RAM if RAM.is_dir() else None) as name:
        yield Path(name)


@contextmanager
def process(words: Sequence[str], settings: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of this project, ended with the block; its standard input is a pipe."""
    with log.open("ab") as out:
        started = subprocess.Popen(
            [sys.executable, "-W", "ignore", *words],
            env=settings,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
        )
    try:
        yield started
    finally:
        local.stop({"it": started})
        if started.stdin:
            started.stdin.close()


def ready(port: int, limit: float = 60) -> None:
    """A service answers that it is ready."""
    until(lambda: urlopen(f"http://127.0.0.1:{port}/ready", timeout=2).status == 200, f"readiness on {port}", limit)


def connect(url: str) -> Any:
    """A psycopg2 connection in autocommit to an SQLAlchemy URL."""
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    return connection


def value(connection: Any, statement: str, *parameters: Any) -> Any:
    """The first column of the first row; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        row = cursor.fetchone()
    return row and row[0]


MARK = "00000000-0000-7000-8000-000000000000"  # stands for the id in a body that is copied


def sealed_body() -> str:
    """A filed repair as the outbox keeps it, with ``MARK`` for its id."""
    now = SystemClock().now()
    event = RequestFiled(
        request_id=MARK, reference="2026-1124-087", item="repair", item_version=1, priority=2, place="B2-302",
        building="2", floor="3", room="302", department="D07", requester="a" * 26, filed_at=now,
        summary="空调不制冷，滴水", answers=(Answer(name="what", value="aircon"), Answer(name="details", value="不制冷，滴水")), contact="80231",
        response_due_at=now, arrival_due_at=now, finish_due_at=now, skills=("hvac",),
    )  # fmt: skip
    return seal(Envelope(id=MARK, source="requests", type=event.TYPE, subject=MARK, time=now, data=event.data(),
                         sequence=1, actor="account:" + "a" * 26))  # fmt: skip


FILL = """INSERT INTO outbox (type, sealed) SELECT 'requests.request_filed.v1', replace(%s, %s, gen_random_uuid()::text)
          FROM generate_series(1, %s)"""


def fill(connection: Any, rows: int) -> None:
    """``rows`` more events wait in the outbox, and the relay has been told."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(FILL, (sealed_body(), MARK, rows))
        cursor.execute("NOTIFY houqin_outbox")
        cursor.execute("COMMIT")


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of ``values`` lie, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


@dataclass(frozen=True)
class Paired:
    """Rates of ours and of a limit, taken in turn."""

    ours: list[float]
    limit: list[float]

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.ours, self.limit, strict=True)]

    def line(self, name: str, goal: float) -> str:
        """A row of the table: both medians, the median ratio with its quartiles, the goal and whether it is met."""
        ratio = statistics.median(self.ratios)
        low, high = quantile(self.ratios, 0.25), quantile(self.ratios, 0.75)
        met = "yes" if ratio >= goal and low >= 0.85 * goal else "no"
        return (
            f"| {name} | {statistics.median(self.ours):,.0f} | {statistics.median(self.limit):,.0f} |"
            f" {ratio:.2f} ({low:.2f}–{high:.2f}) | {len(self.ratios)} | ≥ {goal:.2f} | {met} |"
        )


PAIRED_HEAD = "| | ours /s | limit /s | ratio, median (quartiles) | pairs | goal | met |\n| --- | --- | --- | --- | --- | --- | --- |"


def busy(pid: int) -> float:
    """Seconds of processor time that a process has used so far, all its threads."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9


def memory(pid: int) -> float:
    """Proportional set size of a process, MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
