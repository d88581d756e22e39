"""Make ``.venv`` hold exactly what a lock file says. Run by any Python, so that a wrong one gets a clear line.

usage: setup.py LOCKFILE
"""

import hashlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(HERE, ".venv")
LOG = os.path.join(HERE, ".venv", "setup.log")


def sorry(line):
    sys.stderr.write("houqin: " + line + "\n")
    sys.exit(1)


def run(arguments):
    with open(LOG, "ab") as log:
        return subprocess.call(arguments, stdout=log, stderr=log, cwd=HERE)


def reason():
    with open(LOG, "rb") as log:
        text = log.read().decode("utf-8", "replace")
    if "DO NOT MATCH THE HASHES" in text:
        return "a package is not the one that was locked (hash differs)"
    for sign in (
        "Connection",
        "Name or service not known",
        "Temporary failure",
        "No matching distribution",
        "timed out",
    ):
        if sign in text:
            return "the package index cannot be reached; is there a network?"
    if "No space left" in text:
        return "the disk is full"
    return "pip failed"


def main():
    if sys.version_info < (3, 11):
        sorry("Python 3.11 or newer is needed, this is %d.%d; try PYTHON=python3.11 make" % sys.version_info[:2])
    lock = sys.argv[1]
    with open(os.path.join(HERE, lock), "rb") as file:
        wanted = hashlib.sha256(file.read() + sys.version.encode()).hexdigest()
    stamp = os.path.join(VENV, "installed-" + os.path.basename(lock))
    if os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == wanted:
                return
    python = os.path.join(VENV, "bin", "python")
    try:
        if not os.path.exists(python):
            print("making .venv ...", flush=True)
            import venv

            venv.create(VENV, with_pip=True)
        open(LOG, "wb").close()
    except (OSError, subprocess.CalledProcessError, ImportError) as error:
        if isinstance(error, OSError) and error.errno in (13, 30):
            sorry("the folder %s cannot be written" % HERE)
        sorry("no virtual environment can be made here (on Debian: apt install python3-venv): %s" % error)
    print("installing what %s lists ..." % lock, flush=True)
    code = run(
        [
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--no-input",
            "--require-hashes",
            "-r",
            lock,
        ]
    )
    if code:
        sorry("%s; the whole story is in .venv/setup.log" % reason())
    with open(stamp, "w") as file:
        file.write(wanted)


if __name__ == "__main__":
    main()
