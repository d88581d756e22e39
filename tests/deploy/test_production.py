"""In earnest: what the production profile refuses, said by ``check`` and held to by what serves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared import process
from shared.contracts.base import SERVICES

ROOT = Path(__file__).parents[2]
SOUND = {
    "HOUQIN_PROFILE": "production",
    "HOUQIN_PUBLIC_URL": "https://houqin.example",
    "HOUQIN_BROKER_URL": "amqp://requests:x9@broker.example/houqin",
}
UNFIT = {
    "an address of plain http": {"HOUQIN_PUBLIC_URL": "http://houqin.example"},
    "the broker's default account": {"HOUQIN_BROKER_URL": "amqp://guest:guest@broker.example/houqin"},
    "the same with another password": {"HOUQIN_BROKER_URL": "amqps://guest:other@broker.example/houqin"},
    "the same for one service": {"{}_BROKER_URL": "amqp://guest:guest@broker.example/houqin"},
    "a short secret": {"HOUQIN_CURSOR_SECRET": "x" * 31},
}


def checked(monkeypatch, name, given):
    for key in [each for each in os.environ if each.startswith(("HOUQIN_", *(f"{one.upper()}_" for one in SERVICES)))]:
        monkeypatch.delenv(key)
    for key, value in given.items():
        monkeypatch.setenv(key.format(name.upper()), value)
    return process.check([name])


@pytest.mark.parametrize("name", SERVICES)
def test_sound_settings_are_fit_for_production(monkeypatch, name):
    assert checked(monkeypatch, name, SOUND | {"HOUQIN_CURSOR_SECRET": "x" * 32}) == 0


@pytest.mark.parametrize("what", UNFIT)
@pytest.mark.parametrize("name", SERVICES)
def test_what_is_unfit_for_production_is_said_by_check(monkeypatch, capsys, name, what):
    assert checked(monkeypatch, name, SOUND | UNFIT[what]) == 2
    said = capsys.readouterr().err
    [setting] = UNFIT[what]
    assert ("PUBLIC_URL" in said, "default account" in said, "32 characters" in said) == (
        "PUBLIC_URL" in setting, "BROKER_URL" in setting, "SECRET" in setting,
    )  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_a_demonstration_may_be_on_plain_http(monkeypatch, name):
    assert checked(monkeypatch, name, {"HOUQIN_BROKER_URL": "amqp://guest:guest@127.0.0.1/"}) == 0


@pytest.mark.parametrize(
    "command", [("services.requests", "serve"), ("services", "--empty", "--listen", "127.0.0.1:1")]
)
def test_what_is_unfit_for_production_does_not_serve(tmp_path, command):
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": os.environ["PATH"], "HOUQIN_DATA": str(tmp_path), **SOUND, "HOUQIN_PUBLIC_URL": "http://houqin.example"},
    )  # fmt: skip
    assert found.returncode in {1, 2}
    assert "HOUQIN_PUBLIC_URL must be https" in found.stderr
    assert "Traceback" not in found.stderr
