"""What a newcomer meets when the first start cannot work: one line that says why, status 1, no traceback."""

import ast
import fcntl
import os
import runpy
import shutil
import socket
import subprocess
import sys
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


def test_without_a_network_it_says_so(tmp_path):
    python = tmp_path / ".venv" / "bin" / "python"  # the environment of this run; nothing comes to be installed
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "deploy").mkdir()
    shutil.copy(SETUP, tmp_path / "deploy")
    (tmp_path / "some.lock").write_text("wrapt==1.16.0 --hash=sha256:" + "0" * 64 + "\n")
    with socket.create_server(("127.0.0.1", 0)) as away:
        port = away.getsockname()[1]
    found = subprocess.run(
        [sys.executable, "deploy/setup.py", "some.lock"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"},
    )  # fmt: skip
    assert "is there a network?" in line_of(found)
    assert not list((tmp_path / ".venv").glob("installed-*"))
