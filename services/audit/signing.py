"""Who signs the log of a running service, when, and what keeps it from signing."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.audit import logs, store, witnessing
from services.audit.log.errors import LogError, RootMismatch, WouldFork
from services.audit.log.note import KeyType, generate_key, ml_dsa_is_available
from services.audit.log.sequencer import load_state
from services.audit.log.signer import FileMemory, Signer, read_keys, write_keys
from services.audit.log.tiles import Tree
from shared.database import Sql
from shared.faults import fault

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.audit.log.note import SigningKey
    from services.audit.log.sequencer import Head
    from services.audit.logs import Log
    from shared.service import Running
    from shared.settings import Settings

log = logging.getLogger(__name__)

ASK_AGAIN = 10.0  # seconds until a log that may not be signed is looked at again

_ONE_SIGNER = Sql("SELECT 1", postgresql="SELECT pg_try_advisory_xact_lock(720002)")
_signers: dict[tuple[str, int], tuple[float, Signer]] = {}  # by database and log
_begun: set[str] = set()  # logs that this process has found sound and that no witness contradicts
_not_before: dict[str, float] = {}


def folder_of_keys(settings: Settings) -> Path:
    """Where keys lie that no setting places elsewhere."""
    folder = Path(settings["HOUQIN_DATA"]) / "keys"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def key_file(settings: Settings) -> Path:
    """The file with the log's private keys."""
    given = str(settings["AUDIT_KEY_FILE"])
    return Path(given) if given else folder_of_keys(settings) / "log.key"


def keys(settings: Settings, origin: str = "") -> list[SigningKey]:
    """The private keys of the log ``origin``, or of every log; made at the first call where no file is set.

    A new file holds an Ed25519 key for the first log, and an ML-DSA-44 key where there can be one.

    Raises:
        LogError: the file is unreadable, or others than its owner can read it.
    """
    path = key_file(settings)
    if not settings["AUDIT_KEY_FILE"] and not path.exists():
        with suppress(FileExistsError):
            write_keys(path, new_keys(settings["AUDIT_ORIGIN"]))
    return [each for each in read_keys(path) if origin in {"", each.name}]


def new_keys(origin: str) -> list[SigningKey]:
    """Keys for a log of this name: Ed25519, and ML-DSA-44 where it can be."""
    kinds = [KeyType.ED25519, *([KeyType.ML_DSA_44_COSIGNATURE] if ml_dsa_is_available() else [])]
    return [generate_key(origin, kind) for kind in kinds]


def memory_file(settings: Settings, number: int) -> Path:
    """Where the signer remembers what it signed last of a log."""
    given = str(settings["AUDIT_SIGNER_FILE"])
    path = Path(given) if given else folder_of_keys(settings) / "signed.json"
    return path.with_stem(f"{path.stem}-{number}") if number else path


def signer(running: Running, log: Log, origin: str) -> Signer:
    """The one signer of this process for a log; made anew when the key file has changed.

    Raises:
        WouldFork: the log was closed already, and this database does not know it.
        Malformed: the key file has no key of this log.
    """
    settings, place = running.settings, (running.database.url, log.number)
    found = keys(settings, origin)
    if memory_file(settings, log.number + 1).exists():
        raise WouldFork(f"{origin} was closed before; this database was restored to a time before that")
    changed = key_file(settings).stat().st_mtime
    if place not in _signers or _signers[place][0] != changed:
        _signers[place] = changed, Signer(origin, found, FileMemory(memory_file(settings, log.number)))
    return _signers[place][1]


def sign(running: Running) -> None:
    """Sign the committed head if it has grown since the last checkpoint; never before its commit.

    A head that does not extend what was signed before, whose tiles do not give its root, or that a witness contradicts
    is refused, loudly, for as long as it stays so.
    """
    with running.database.read() as connection:
        log_, at = store.current(connection)
        last = store.checkpoint(connection, log_)
        if (last is not None and at.size == last[0]) or (log_.number and not at.size):
            return
    if not may_begin(running):
        return
    with running.database.write() as connection:
        if not _ONE_SIGNER.run(connection).scalar_one():
            return
        try:
            sign_head(running, connection, *store.current(connection))
        except WouldFork as error:
            log.critical("the log is not signed: %s", error)
            return
        except LogError as error:
            log.critical("the log cannot be signed: %s", error)
            return
    fault("log.published")


def sign_head(running: Running, connection: Connection, log_: Log, head: Head) -> None:
    """Sign a committed head and keep the checkpoint in the caller's transaction.

    Raises:
        WouldFork: it does not extend what was signed. LogError: tiles or keys are not what they should be.
    """
    tree = Tree(store.Tiles(connection, log_), head.size)
    if tree.root() != head.root:
        raise RootMismatch(f"the tiles of {head.size} entries do not give the root of the head")
    now = running.clock.now()
    origin = logs.origin_of(connection, running.settings, log_)
    note = signer(running, log_, origin).sign(tree, int(now.timestamp()))
    fault("log.signed")
    store.keep_checkpoint(connection, log_, head.size, note.encode(), now)


def may_begin(running: Running) -> bool:
    """Whether this process may sign: asked once, before its first signature, of the tiles and of the witnesses.

    A database that was restored from a backup is behind what the witnesses hold; signing it would fork the log.
    """
    url = running.database.url
    if url in _begun:
        with running.database.read() as connection:
            if not any(each.problem in witnessing.STOPPING for each in store.witnesses(connection)):
                return True
        _begun.discard(url)
    if time.monotonic() < _not_before.get(url, 0.0):
        return False
    _not_before[url] = time.monotonic() + ASK_AGAIN
    try:
        with running.database.read() as connection:
            log_, at = store.current(connection)
            load_state(at, store.Tiles(connection, log_))
        contradictions = witnessing.look(running)
    except LogError as error:
        log.critical("the log is not signed: %s", error)
        return False
    for each in contradictions:
        log.critical("the log is not signed: %s", each)
    if contradictions:
        return False
    _not_before.pop(url, None)
    _begun.add(url)
    return True
