"""Our logs read by Go's own transparency-log library, from Debian's golang-golang-x-mod-dev."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from services.audit.log.folder import Folder
from services.audit.log.note import KeyType
from services.audit.signing import keys
from tests.audit.a_log import ALog, a_key, some_leaves
from tests.audit.conftest import Voices, a_client
from tests.audit.test_audit_closed import fetched, followed

GO = shutil.which("go")
GOCODE = os.environ.get("HOUQIN_TEST_GOCODE", "/usr/share/gocode")

pytestmark = pytest.mark.go


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Go without a network, with what Debian installed, and a cache that is gone with the tests."""
    cache = tmp_path_factory.getbasetemp() / "go-cache"
    return {
        **os.environ, "GO111MODULE": "off", "GOPATH": GOCODE, "GOFLAGS": "", "GOPROXY": "off", "GOTOOLCHAIN": "local",
        "GOCACHE": str(cache), "CGO_ENABLED": "0",
    }  # fmt: skip


@pytest.fixture(scope="module")
def check_log(tmp_path_factory, environment):
    program = tmp_path_factory.mktemp("go") / "check_log"
    source = Path(__file__).parent / "go" / "check_log.go"
    subprocess.run([GO, "build", "-o", program, source], check=True, env=environment)

    def run(*arguments):
        return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    log = ALog(keys=[a_key(), a_key(kind=KeyType.ML_DSA_44_COSIGNATURE)])
    folder = Folder(tmp_path_factory.mktemp("log"))
    for count in (3, 250, 300, 1500):
        log.add(*some_leaves(count, b"%d" % count))
        folder.publish(log.note(), log, log, sync=False)
    return log, folder


def test_go_verifies_checkpoint_tiles_entries_and_growth(check_log, published):
    log, folder = published
    for old in (1, 253, 553, 2053):
        found = check_log(folder.path, a_key().public, old, base64.b64encode(log.tree(old).root()).decode())
        assert (found.stdout, found.stderr) == ("2053 entries verified\n", "")


def test_go_refuses_what_we_refuse(check_log, published, tmp_path):
    _, folder = published
    assert check_log(folder.path, a_key(seed=9).public).returncode == 1
    assert check_log(folder.path, a_key().public, 3, base64.b64encode(bytes(32)).decode()).returncode == 1
    for path in ("tile/0/000", "tile/entries/003", "tile/1/000.p/8", "checkpoint"):
        copy = tmp_path / path.replace("/", "-")
        shutil.copytree(folder.path, copy)
        data = bytearray((copy / path).read_bytes())
        data[20] ^= 1
        (copy / path).write_bytes(data)
        assert check_log(copy, a_key().public).returncode == 1, path


def test_go_signs_with_the_key_file_we_write(environment, tmp_path):
    source = tmp_path / "sign.go"
    source.write_text(
        'package main\nimport ("fmt"; "os"; "golang.org/x/mod/sumdb/note")\nfunc main() {\n'
        "\tsigner, err := note.NewSigner(os.Args[1])\n\tif err != nil { panic(err) }\n"
        '\tsigned, err := note.Sign(&note.Note{Text: "后勤\\n"}, signer)\n\tif err != nil { panic(err) }\n'
        "\tfmt.Print(string(signed))\n}\n",
        "utf-8",
    )
    from services.audit.log.note import Note

    signed = subprocess.run(
        [GO, "run", source, a_key().secret()], capture_output=True, check=True, env=environment
    ).stdout
    text = "后勤\n".encode()
    assert signed == Note(text, (a_key().sign(text, 0),)).encode()


def test_go_reads_a_closed_log_of_the_service_and_the_one_that_follows(check_log, quick, tmp_path):
    followed(quick, Voices())
    client = a_client(quick)
    for number, origin, size in ((0, "houqin.example/log", 10), (1, "houqin.example/log/2026", 5)):
        folder = fetched(client, number, tmp_path / str(number))
        found = check_log(folder, keys(quick.settings, origin)[0].public)
        assert (found.stdout, found.stderr) == (f"{size} entries verified\n", "")
