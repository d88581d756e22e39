"""TLS to broker and database, on servers with certificates of our own: J4 of the security table."""

import ipaddress
import json
import os
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.audit.service import SERVICE
from shared import process
from shared.bus import tls
from shared.bus.topology import declare
from shared.database import Database
from shared.errors import Transient
from tests.failure.conftest import prepare
from tests.failure.nodes import Broker, Postgres
from tests.failure.test_broker import a_relay, once
from tests.system.office import until

pytestmark = [pytest.mark.slow, pytest.mark.own_servers]


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """An authority whose certificates are good for a day."""

    def __init__(self, name):
        self.name, self.key = named(name), ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed(
            self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=None)
        )

    def _signed(self, subject, key, *more):
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        )  # fmt: skip
        for each in more:
            made = made.add_extension(each, critical=isinstance(each, x509.BasicConstraints))
        return made.sign(self.key, hashes.SHA256())

    def write(self, folder):
        path = folder / "ca.pem"
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def server(self, folder, owner, host):
        """A key and a certificate for ``host`` as files that ``owner`` may read."""
        key = ec.generate_private_key(ec.SECP256R1())
        other = x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        certificate = self._signed(named(host), key.public_key(), x509.SubjectAlternativeName([other]))
        files = folder / f"{host}.pem", folder / f"{host}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        for each in files:
            os.chown(each, owner.st_uid, owner.st_gid)
            each.chmod(0o600)
        return files


@pytest.fixture(scope="module")
def authority():
    return Authority("the office's authority")


@pytest.fixture(scope="module")
def tls_postgres(authority):
    found = Postgres()
    certificate, key = authority.server(found.folder, found.folder.stat(), "127.0.0.1")
    found.settings |= {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
    yield found.start()
    found.close()


@pytest.fixture(scope="module")
def tls_broker(authority):
    found = Broker()
    certificate, key = authority.server(found.folder, found.folder.stat(), "127.0.0.1")
    found.speak_tls(authority.write(found.folder), certificate, key)
    yield found.start()
    found.close()


@pytest.fixture
def trusted(authority, tmp_path):
    return authority.write(tmp_path)


@pytest.fixture
def untrusted(tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    return Authority("somebody else's authority").write(folder)


@pytest.fixture
def safe(toy, tls_postgres, tls_broker, trusted):
    """The toy services with both servers spoken to over TLS, and checked."""
    raw = tls_postgres.connect()
    for name in ("requests", "dispatch"):
        raw.cursor().execute(f"CREATE DATABASE {toy.mark}_{name}")
    raw.close()
    tls_broker.control("add_vhost", toy.mark)
    tls_broker.control("set_permissions", "-p", toy.mark, "guest", ".*", ".*", ".*")
    checked = f"sslmode=verify-full&sslrootcert={trusted}"
    toy.settings |= {
        f"TOY_{name.upper()}": f"postgresql+psycopg2://root@127.0.0.1:{tls_postgres.port}/{toy.mark}_{name}?{checked}"
        for name in ("requests", "dispatch")
    } | {"TOY_BROKER": f"amqps://guest:guest@127.0.0.1:{tls_broker.tls_port}/{toy.mark}?cafile={trusted}"}
    prepare(toy)
    return toy


def test_everything_comes_once_over_checked_connections(safe, tls_postgres):
    safe.start("relay")
    safe.start("listener")
    safe.say(count=60)
    once(safe, 60)
    raw = tls_postgres.connect()
    cursor = raw.cursor()
    cursor.execute(
        "SELECT bool_and(ssl), count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname LIKE %s",
        (f"{safe.mark}%",),
    )
    encrypted, connections = cursor.fetchone()
    raw.close()
    assert encrypted and connections >= 3  # the relay, what it listens on, the listener


def swapped(url, one, other):
    found = url.replace(str(one), str(other))
    assert found != url
    return found


def test_another_authority_s_broker_is_refused_and_said_so(safe, trusted, untrusted):
    url = swapped(safe.settings["TOY_BROKER"], trusted, untrusted)
    with pytest.raises(Exception, match="certificate verify failed"):
        declare(url, [])
    worker, thread = a_relay(safe, url)
    try:
        until(lambda: worker.state == "the broker's certificate is not to be trusted", "the word")
    finally:
        worker.stop()
        thread.join(10)
    safe.start("listener", ready=False, TOY_BROKER=url)

    def said():
        try:
            safe.get("/ready")
        except HTTPError as error:
            return "certificate verify failed" in json.loads(error.read())["waits_for"].get("dispatch.broker", "")
        except OSError:
            return False

    until(said, "the reason")


def test_a_certificate_for_another_host_is_refused(safe, trusted):
    url = swapped(safe.settings["TOY_BROKER"], "127.0.0.1", "localhost")
    with pytest.raises(Exception, match="Hostname mismatch"):
        declare(url, [])
    assert tls.context(url).check_hostname


def test_another_authority_s_database_is_refused(safe, trusted, untrusted):
    database = Database(swapped(safe.settings["TOY_REQUESTS"], trusted, untrusted))
    with pytest.raises(Transient), database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.close()


def test_a_file_of_authorities_that_is_not_there_stops_the_start_with_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "empty.pem").write_text("")
    for name in ("nowhere.pem", "empty.pem"):
        monkeypatch.setenv("HOUQIN_BROKER_URL", f"amqps://broker.example/?cafile={tmp_path}/{name}")
        assert process.check([SERVICE.name]) == 2
        said = capsys.readouterr()
        assert name in said.err and said.err.count("\n") == 2 and not said.out


def test_without_a_file_the_system_s_authorities_are_asked_and_other_queries_stay():
    assert tls.parted("amqps://h/v?heartbeat=5&cafile=/a.pem") == ("amqps://h/v?heartbeat=5", "/a.pem")
    assert tls.parted("amqp://h/v?cafile=/a.pem") == ("amqp://h/v?cafile=/a.pem", "")
    assert tls.for_kombu("amqps://h/")["ssl"] == {
        "context": {"cafile": None, "check_hostname": True},
        "server_hostname": "h",
    }
    assert tls.context("amqp://h/") is None
