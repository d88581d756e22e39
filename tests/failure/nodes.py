"""A PostgreSQL and a RabbitMQ of a test's own, on free ports and a RAM disk: they may be killed, stopped, frozen.

Every process is ended by the id it was started with. The machine's own servers are never spoken to.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from tests.system.office import free_port, until

RAM = "/dev/shm" if os.path.isdir("/dev/shm") else None
POSTGRES_BIN = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), "")
RABBIT_BIN = "/usr/lib/rabbitmq/bin"


class Server:
    """A process with a folder of its own, owned by the account that Debian gives it."""

    account = ""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="houqin-own-", dir=RAM))
        who = pwd.getpwnam(self.account)
        os.chown(self.folder, who.pw_uid, who.pw_gid)
        self.folder.chmod(0o755)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def as_account(self, *words: str) -> list[str]:
        return ["setpriv", f"--reuid={self.account}", f"--regid={self.account}", "--clear-groups", *words]

    def run(self, *words: str, environment: dict[str, str]) -> None:
        with (self.folder / "output").open("ab") as out:
            self.process = subprocess.Popen(
                self.as_account(*words), env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True,
            )  # fmt: skip

    def listening(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def main_id(self) -> int:
        """The process that is the server."""
        assert self.process is not None
        return self.process.pid

    def freeze(self) -> None:
        os.kill(self.main_id(), signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.main_id(), signal.SIGCONT)

    def end_group(self) -> None:
        """End whatever the start left in its session."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        self.end_group()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    """One PostgreSQL cluster; ``url`` is that of its first database."""

    account = "postgres"

    def __init__(self, **settings: str) -> None:
        super().__init__()
        self.data = self.folder / "data"
        self.settings = settings
        subprocess.run(
            self.as_account(f"{POSTGRES_BIN}/initdb", "-D", str(self.data), "-A", "trust", "-U", "root", "-E", "UTF8",
                            "--no-sync", "--locale=C"),
            env={"PATH": os.environ["PATH"]}, cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://root@127.0.0.1:{self.port}/postgres"

    def start(self) -> Postgres:
        given = {"max_connections": "300", "shared_buffers": "64MB", "unix_socket_directories": str(self.folder)}
        options = [word for name, value in (given | self.settings).items() for word in ("-c", f"{name}={value}")]
        self.run(f"{POSTGRES_BIN}/postgres", "-D", str(self.data), "-p", str(self.port), "-h", "127.0.0.1", *options,
                 environment={"PATH": os.environ["PATH"], "LC_ALL": "C"})  # fmt: skip
        until(self.answers, "the test's own PostgreSQL", 60)
        return self

    def answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def connect(self, database: str = "postgres"):
        raw = psycopg2.connect(host="127.0.0.1", port=self.port, user="root", dbname=database, connect_timeout=2)
        raw.autocommit = True
        return raw

    def kill(self) -> None:
        """As a crash of the machine's software: the server and its children are gone at once, nothing is written."""
        assert self.process is not None
        children = _children(self.process.pid)
        self.process.kill()
        self.process.wait()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        until(lambda: not self.listening(), "the end of PostgreSQL", 10)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT is the immediate mode, SIGINT the fast one."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(20)


class Broker(Server):
    """One RabbitMQ node with the virtual host ``/``; ``url`` reaches it as guest."""

    account = "rabbitmq"

    def __init__(self) -> None:
        super().__init__()
        self.distribution, self.names = free_port(), free_port()
        self.name_server: subprocess.Popen[bytes] | None = None
        self.pid_file = self.folder / "pid"
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "env").write_text("")
        (self.folder / "rabbit.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\nlog.file.level = warning\n"
        )
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"houqin{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.pid_file),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbit.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "env"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",
            "ERL_EPMD_PORT": str(self.names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def speak_tls(self, authority: Path, certificate: Path, key: Path) -> None:
        """It also listens on ``tls_port``; to be said before the start."""
        self.tls_port = free_port()
        with (self.folder / "rabbit.conf").open("a") as conf:
            conf.write(
                f"listeners.ssl.local = 127.0.0.1:{self.tls_port}\nssl_options.cacertfile = {authority}\n"
                f"ssl_options.certfile = {certificate}\nssl_options.keyfile = {key}\nssl_options.verify = verify_none\n"
            )

    def start(self) -> Broker:
        self.pid_file.unlink(missing_ok=True)
        if self.name_server is None:
            self.name_server = subprocess.Popen(
                self.as_account("epmd", "-port", str(self.names), "-address", "127.0.0.1"), env=self.environment,
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self.run(f"{RABBIT_BIN}/rabbitmq-server", environment=self.environment)
        until(self.answers, "the test's own RabbitMQ", 90)
        return self

    def answers(self) -> bool:
        """Its virtual host takes a connection."""
        import pika

        try:
            pika.BlockingConnection(pika.URLParameters(self.url + "?socket_timeout=2&stack_timeout=4")).close()
        except (OSError, pika.exceptions.AMQPError):
            return False
        return True

    def main_id(self) -> int:
        return int(self.pid_file.read_text())

    def kill(self) -> None:
        os.kill(self.main_id(), signal.SIGKILL)
        self.end_group()
        until(lambda: not self.listening(), "the end of RabbitMQ", 10)

    def stop(self) -> None:
        os.kill(self.main_id(), signal.SIGTERM)
        assert self.process is not None
        self.process.wait(60)

    def restore(self, copy: Path) -> None:
        """Put a copy of its data in place of what it has; it must not run."""
        shutil.copytree(copy, self.folder / "mnesia")
        subprocess.run(["chown", "-R", f"{self.account}:{self.account}", str(self.folder / "mnesia")], check=True)

    def control(self, *words: str) -> str:
        """``rabbitmqctl`` of this node."""
        done = subprocess.run(
            self.as_account(f"{RABBIT_BIN}/rabbitmqctl", "-q", *words), env=self.environment, cwd=self.folder,
            capture_output=True, text=True, check=False, timeout=90,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            os.kill(self.main_id(), signal.SIGKILL)
        self.end_group()
        if self.name_server is not None:
            self.name_server.kill()
            self.name_server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _children(parent: int) -> list[int]:
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = Path(path).read_text()
            number, rest = int(text.split(" ", 1)[0]), text.rpartition(")")[2].split()
            if int(rest[1]) == parent:
                found.append(number)
    return found
