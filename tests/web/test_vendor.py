"""The front-end packages: locked by checksum, fetched by npm without scripts, and one clear line when they cannot be."""

import json
import stat

import pytest

from shared.web import vendor


def a_npm(folder, says, status):
    """A program called npm that fails as npm fails, first on the path."""
    path = folder / "npm"
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {status}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    (folder / "node").symlink_to("/bin/true")
    return str(folder)


@pytest.fixture
def target(tmp_path, monkeypatch):
    monkeypatch.setattr(vendor, "TARGET", tmp_path / "vendor")
    monkeypatch.setattr(vendor, "ROOT", tmp_path)
    return tmp_path


def test_every_package_in_the_lock_file_has_a_checksum_and_is_what_the_manifest_names():
    assert len(vendor.wanted()) == 64
    manifest = json.loads(vendor.MANIFEST.read_text("utf-8"))
    assert set(manifest["dependencies"]) == set(vendor.TAKEN)
    assert "scripts" not in manifest


@pytest.mark.parametrize(
    ("says", "line"),
    [
        ("npm error code ENOTFOUND", "the npm registry cannot be reached"),
        ("npm error code ECONNREFUSED", "the npm registry cannot be reached"),
        ("npm error code EINTEGRITY sha512-x integrity checksum failed", "does not have the checksum"),
        ("npm error code EUSAGE", "npm failed: npm error code EUSAGE"),
    ],
)
def test_a_failure_is_one_line_and_leaves_nothing_behind(target, monkeypatch, capsys, says, line):
    (target / "bin").mkdir()
    monkeypatch.setenv("PATH", a_npm(target / "bin", says, 1) + ":/bin:/usr/bin")
    assert vendor.main([]) == 1
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not vendor.TARGET.exists()


def test_without_npm_the_way_to_get_it_is_said(target, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(target))
    monkeypatch.setattr(vendor.importlib.util, "find_spec", lambda _name: None)
    assert vendor.main([]) == 1
    assert "install Node.js" in capsys.readouterr().err


def test_a_lock_file_without_a_checksum_is_refused(target, monkeypatch, capsys):
    lock = target / "package-lock.json"
    lock.write_text(json.dumps({"packages": {"": {}, "node_modules/x": {"version": "1.0.0"}}}))
    monkeypatch.setattr(vendor, "LOCK", lock)
    assert vendor.main([]) == 1
    assert "node_modules/x has no SHA-512" in capsys.readouterr().err


def test_nothing_is_fetched_twice(target, monkeypatch, capsys):
    vendor.TARGET.mkdir()
    for files in vendor.TAKEN.values():
        for name in files.values():
            (vendor.TARGET / name).write_text("x")
    (vendor.TARGET / vendor.MARK).write_text(vendor.wanted())
    monkeypatch.setenv("PATH", str(target))
    assert vendor.main([]) == 0
    assert "up to date" in capsys.readouterr().out
