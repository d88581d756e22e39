"""What a newcomer meets when the first start cannot work: one line that says why, status 1, no traceback."""

import ast
import fcntl
import os
import pkgutil
import re
import runpy
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "deploy" / "setup.py"


def line_of(found):
    """The one line that was said, of a process that ended with 1."""
    assert found.returncode == 1, found.stderr
    (line,) = found.stderr.splitlines()
    assert line.startswith("houqin: ")
    return line


def start(listen, data):
    return subprocess.run(
        [sys.executable, "-m", "services", "--listen", listen], cwd=ROOT, env=os.environ | {"HOUQIN_DATA": str(data)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_taken_port_is_named_with_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = line_of(start(f"127.0.0.1:{port}", tmp_path))
    assert f"127.0.0.1:{port} is taken" in line
    assert "make up" in line


def test_a_second_house_on_the_same_data_is_refused(tmp_path):
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = line_of(start("127.0.0.1:0", tmp_path))
    assert str(tmp_path) in line


@pytest.mark.parametrize("listen", ["127.0.0.1:http", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_refused(tmp_path, listen):
    line_of(start(listen, tmp_path))


def test_an_old_python_is_told_which_one_is_needed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(sys, "argv", ["setup.py", "requirements.lock"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SETUP), run_name="__main__")
    assert ended.value.code == 1
    assert (
        capsys.readouterr().err == "houqin: Python 3.11 or newer is needed, this is 3.9; try PYTHON=python3.11 make\n"
    )


def test_an_old_python_can_read_the_file_that_tells_it():
    ast.parse(SETUP.read_text(), feature_version=(3, 7))


def setup(folder, locked, **environment):
    """What ``setup.py`` says of a lock file; the environment is that of this run, as nothing comes to be installed."""
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / "deploy").mkdir()
    shutil.copy(SETUP, folder / "deploy")
    (folder / "some.lock").write_text(locked)
    found = subprocess.run(
        [sys.executable, "deploy/setup.py", "some.lock"], cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PIP_NO_CACHE_DIR": "1"} | environment,
    )  # fmt: skip
    assert not list((folder / ".venv").glob("installed-*"))
    return line_of(found)


def test_without_a_network_it_says_so(tmp_path):
    locked = "wrapt==1.16.0 --hash=sha256:" + "0" * 64 + "\n"
    with socket.create_server(("127.0.0.1", 0)) as away:
        port = away.getsockname()[1]
    said = setup(tmp_path, locked, PIP_INDEX_URL=f"http://127.0.0.1:{port}/simple", PIP_RETRIES="0")
    assert "is there a network?" in said


@pytest.mark.parametrize(
    ("locked", "says"), [("a-brush==1 --hash=sha256:" + "0" * 64, "hash differs"), ("a-brush==1", "pip failed")]
)
def test_a_package_that_is_not_the_one_that_was_locked_is_not_installed(tmp_path, locked, says):
    with zipfile.ZipFile(tmp_path / "a_brush-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("a_brush.py", "")
        wheel.writestr("a_brush-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: a-brush\nVersion: 1\n")
        wheel.writestr("a_brush-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("a_brush-1.dist-info/RECORD", "")
    assert says in setup(tmp_path, locked + "\n", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert "a_brush" not in {each.name for each in pkgutil.iter_modules()}


def test_every_package_of_the_lock_files_has_its_hashes():
    for name in ("requirements.lock", "requirements-dev.lock"):
        whole = (ROOT / name).read_text("utf-8").replace("\\\n", "")
        lines = [line for line in whole.splitlines() if line and not line.lstrip().startswith("#")]
        assert len(lines) > 40
        assert [
            line
            for line in lines
            if not re.fullmatch(r"[\w.\[\],-]+==\S+( ; .+?)?( +--hash=sha256:[0-9a-f]{64})+ *", line)
        ] == []
