"""Who signs the log of a running service, and when."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.audit import store
from services.audit.log.errors import LogError, WouldFork
from services.audit.log.note import KeyType, generate_key, ml_dsa_is_available
from services.audit.log.signer import FileMemory, Signer, read_keys, write_keys
from services.audit.log.tiles import Tree
from shared.database import Sql
from shared.faults import fault

if TYPE_CHECKING:
    from services.audit.log.note import SigningKey
    from shared.service import Running
    from shared.settings import Settings

log = logging.getLogger(__name__)

_ONE_SIGNER = Sql("SELECT 1", postgresql="SELECT pg_try_advisory_xact_lock(720002)")
_signers: dict[str, Signer] = {}


def _folder(settings: Settings) -> Path:
    folder = Path(settings["HOUQIN_DATA"]) / "keys"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keys(settings: Settings) -> list[SigningKey]:
    """The log's private keys, made at the first call where no file is set: Ed25519, and ML-DSA-44 where it can be.

    Raises:
        LogError: the file is unreadable, or others than its owner can read it.
    """
    given = str(settings["AUDIT_KEY_FILE"])
    path = Path(given) if given else _folder(settings) / "log.key"
    if not given and not path.exists():
        kinds = [KeyType.ED25519, *([KeyType.ML_DSA_44_COSIGNATURE] if ml_dsa_is_available() else [])]
        with suppress(FileExistsError):
            write_keys(path, [generate_key(settings["AUDIT_ORIGIN"], kind) for kind in kinds])
    return read_keys(path)


def signer(running: Running) -> Signer:
    """The one signer of this process."""
    key = running.database.url
    if key not in _signers:
        given = str(running.settings["AUDIT_SIGNER_FILE"])
        memory = FileMemory(Path(given) if given else _folder(running.settings) / "signed.json")
        _signers[key] = Signer(running.settings["AUDIT_ORIGIN"], keys(running.settings), memory)
    return _signers[key]


def sign(running: Running) -> None:
    """Sign the committed head if it has grown since the last checkpoint; never before its commit.

    A head that does not extend what was signed before is refused, loudly, for as long as it stays so.
    """
    with running.database.read() as connection:
        last = store.checkpoint(connection)
        if last is not None and store.head(connection).size == last[0]:
            return
    with running.database.write() as connection:
        if not _ONE_SIGNER.run(connection).scalar_one():
            return
        head = store.head(connection)
        now = running.clock.now()
        try:
            note = signer(running).sign(Tree(store.Tiles(connection), head.size), int(now.timestamp()))
        except WouldFork as error:
            log.critical("the log is not signed: %s", error)
            return
        except LogError as error:
            log.critical("the log cannot be signed: %s", error)
            return
        fault("log.signed")
        store.keep_checkpoint(connection, head.size, note.encode(), now)
    fault("log.published")
