"""The log as plain files: for a web server, for mirrors, for a supervisor's disk."""

from __future__ import annotations

import fcntl
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from services.audit import logs, store, witnessing
from services.audit.log.errors import LogError
from services.audit.log.folder import Folder
from services.audit.log.signer import replace_file
from services.audit.signing import keys

if TYPE_CHECKING:
    from shared.service import Running

log = logging.getLogger(__name__)

VERIFIER = Path(__file__).parents[2] / "deploy" / "verify" / "houqin_verify.py"


def publish(running: Running) -> None:
    """Bring the folder of files up to the checkpoint that is shown; nothing happens where no folder is set."""
    given = str(running.settings["AUDIT_PUBLISH_FOLDER"])
    if given:
        try:
            publish_to(running, Path(given))
        except (LogError, OSError) as error:
            log.warning("the log is not published as files: %s", error)


def publish_to(running: Running, path: Path, *, anew: bool = False) -> int:
    """Publish to ``path``, each log but the first in its folder below ``logs``; how many files were written.

    One process at a time: others leave it alone.

    Raises:
        LogError: something that the checkpoint covers is not kept; what was published before is unchanged.
    """
    path.mkdir(parents=True, exist_ok=True)
    with (path / ".publishing").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        policy, written = witnessing.policy_of(running.settings), 0
        with running.database.read() as connection:
            for of, closed in (
                *((each.log, each) for each in logs.closed(connection)),
                (logs.current(connection), None),
            ):
                point = witnessing.shown_of(connection, policy, of, closed)
                folder = Folder(place_of(path, of.number))
                there = folder.checkpoint()
                if point is None or point.size < folder.size or (there == point.note and not anew):
                    continue
                tiles = store.Tiles(connection, of)
                written += folder.publish(point.note, tiles, tiles, anew=anew)
        return written


def place_of(path: Path, number: int) -> Path:
    """Where below ``path`` a log lies as files."""
    return path / "logs" / str(number) if number else path


README = """\
This folder is a whole transparency log (C2SP tlog-tiles). 本文件夹是一份完整的透明日志。

checkpoint            what the log signed last                     日志最近签署的检查点
logs/                 the logs that follow it, if it was closed    其后各卷日志（本卷关闭后才有）
tile/                 hashes and entries                           哈希与条目
log.vkey              the log's public keys; compare them with the ones you have on paper
                                                                   日志公钥，请与纸面核对
policy                which witnesses make a checkpoint valid      哪些见证算数
houqin_verify.py      checks all this with Python and the package cryptography alone

python3 houqin_verify.py log . --keys log.vkey
"""


def export(running: Running, path: Path) -> int:
    """A folder that a stranger verifies without us: the log, its public keys, its policy and the verifier.

    Returns:
        Number of log files written.
    """
    written = publish_to(running, path, anew=True)
    replace_file(
        path / "log.vkey",
        "".join(f"{key.public}\n" for key in keys(running.settings, running.settings["AUDIT_ORIGIN"])).encode(),
        sync=True,
    )
    replace_file(path / "README.txt", README.encode(), sync=True)
    policy = str(running.settings["AUDIT_POLICY_FILE"])
    if policy:
        shutil.copyfile(policy, path / "policy")
    if VERIFIER.exists():
        shutil.copyfile(VERIFIER, path / VERIFIER.name)
    return written
