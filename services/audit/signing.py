"""Who signs the log of a running service, when, and what keeps it from signing."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.audit import store, witnessing
from services.audit.log.errors import LogError, RootMismatch, WouldFork
from services.audit.log.note import KeyType, generate_key, ml_dsa_is_available
from services.audit.log.sequencer import load_state
from services.audit.log.signer import FileMemory, Signer, read_keys, write_keys
from services.audit.log.tiles import Tree
from shared.database import Sql
from shared.faults import fault

if TYPE_CHECKING:
    from services.audit.log.note import SigningKey
    from shared.service import Running
    from shared.settings import Settings

log = logging.getLogger(__name__)

ASK_AGAIN = 10.0  # seconds until a log that may not be signed is looked at again

_ONE_SIGNER = Sql("SELECT 1", postgresql="SELECT pg_try_advisory_xact_lock(720002)")
_signers: dict[str, tuple[float, Signer]] = {}
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


def keys(settings: Settings) -> list[SigningKey]:
    """The log's private keys, made at the first call where no file is set: Ed25519, and ML-DSA-44 where it can be.

    Raises:
        LogError: the file is unreadable, or others than its owner can read it.
    """
    path = key_file(settings)
    if not settings["AUDIT_KEY_FILE"] and not path.exists():
        kinds = [KeyType.ED25519, *([KeyType.ML_DSA_44_COSIGNATURE] if ml_dsa_is_available() else [])]
        with suppress(FileExistsError):
            write_keys(path, [generate_key(settings["AUDIT_ORIGIN"], kind) for kind in kinds])
    return read_keys(path)


def signer(running: Running) -> Signer:
    """The one signer of this process; made anew when the key file has changed."""
    settings, url = running.settings, running.database.url
    found = keys(settings)
    changed = key_file(settings).stat().st_mtime
    if url not in _signers or _signers[url][0] != changed:
        given = str(settings["AUDIT_SIGNER_FILE"])
        memory = FileMemory(Path(given) if given else folder_of_keys(settings) / "signed.json")
        _signers[url] = changed, Signer(settings["AUDIT_ORIGIN"], found, memory)
    return _signers[url][1]


def sign(running: Running) -> None:
    """Sign the committed head if it has grown since the last checkpoint; never before its commit.

    A head that does not extend what was signed before, whose tiles do not give its root, or that a witness contradicts
    is refused, loudly, for as long as it stays so.
    """
    with running.database.read() as connection:
        last = store.checkpoint(connection)
        if last is not None and store.head(connection).size == last[0]:
            return
    if not may_begin(running):
        return
    with running.database.write() as connection:
        if not _ONE_SIGNER.run(connection).scalar_one():
            return
        head = store.head(connection)
        now = running.clock.now()
        tree = Tree(store.Tiles(connection), head.size)
        try:
            if tree.root() != head.root:
                raise RootMismatch(f"the tiles of {head.size} entries do not give the root of the head")
            note = signer(running).sign(tree, int(now.timestamp()))
        except WouldFork as error:
            log.critical("the log is not signed: %s", error)
            return
        except LogError as error:
            log.critical("the log cannot be signed: %s", error)
            return
        fault("log.signed")
        store.keep_checkpoint(connection, head.size, note.encode(), now)
    fault("log.published")


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
            load_state(store.head(connection), store.Tiles(connection))
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
