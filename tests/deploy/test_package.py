"""What is installed is what is here: templates, words, data and pictures go with the code."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DATA = PROJECT["tool"]["setuptools"]["package-data"]["*"]
NOT_NEEDED = {".py", ".pyc", ".md"}


def test_every_file_beside_the_code_is_named_as_package_data():
    missing = []
    for top in ("services", "shared"):
        for path in (ROOT / top).rglob("*"):
            if path.is_dir() or path.suffix in NOT_NEEDED or "__pycache__" in path.parts or "vendor" in path.parts:
                continue
            if not any(fnmatch(path.name, pattern) for pattern in DATA):
                missing.append(str(path.relative_to(ROOT)))
    assert missing == []


def test_every_pattern_names_a_file_that_is_there():
    names = {path.name for top in ("services", "shared") for path in (ROOT / top).rglob("*") if path.is_file()}
    assert [pattern for pattern in DATA if not any(fnmatch(name, pattern) for name in names)] == []
