"""``python -m services.audit witness``: what a supervisor types."""

from __future__ import annotations

import argparse
import signal
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from services.audit.log.errors import LogError, Malformed
from services.audit.log.note import KeyType, generate_key, ml_dsa_is_available, parse_vkey, usable
from services.audit.log.signer import read_keys, write_keys
from services.audit.witness.rules import Witness
from services.audit.witness.server import WitnessServer
from services.audit.witness.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.audit.log.note import VerifierKey

COSIGNING = {KeyType.ED25519_COSIGNATURE, KeyType.ML_DSA_44_COSIGNATURE}
PROGRAM = "python -m services.audit witness"

EPILOG = f"""\
examples:
  {PROGRAM} init --name witness.example/internal --key witness.key
  {PROGRAM} --listen 127.0.0.1:7470 --store witness.db --key witness.key --log 'houqin.example/log+8f3a...+AX...'
  {PROGRAM} vkey --key witness.key          the public keys, to hand to the log and into policies
  {PROGRAM} evidence --store witness.db     signed heads that contradict what was cosigned
"""


def witness(arguments: Sequence[str]) -> int:
    """Run the witness, or one of its small commands; 0 when all went well, 1 when not, 2 for a wrong call."""
    name = arguments[0] if arguments else ""
    run = {"init": _init, "vkey": _vkey, "evidence": _evidence}.get(name)
    try:
        return run(arguments[1:]) if run else _serve(arguments)
    except (LogError, OSError, sqlite3.Error) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"{PROGRAM} {name}".strip(),
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _init(arguments: Sequence[str]) -> int:
    parser = _parser("init", "Create the witness's keys and print the public ones.")
    parser.add_argument("--name", required=True, help="name of the witness, like an address without https://")
    parser.add_argument("--key", required=True, type=Path, help="file to create; an existing one is never overwritten")
    options = parser.parse_args(arguments)
    keys = [generate_key(options.name, KeyType.ED25519_COSIGNATURE)]
    if ml_dsa_is_available():
        keys.append(generate_key(options.name, KeyType.ML_DSA_44_COSIGNATURE))
    else:
        print("no ML-DSA-44 key was made: the cryptography installed here cannot sign with it", file=sys.stderr)
    write_keys(options.key, keys)
    _print_keys([key.public for key in keys])
    return 0


def _vkey(arguments: Sequence[str]) -> int:
    parser = _parser("vkey", "Print the witness's public keys.")
    parser.add_argument("--key", required=True, type=Path)
    _print_keys([key.public for key in usable(read_keys(parser.parse_args(arguments).key))])
    return 0


def _print_keys(keys: Sequence[VerifierKey]) -> None:
    for key in keys:
        print(key)


def _evidence(arguments: Sequence[str]) -> int:
    parser = _parser("evidence", "Show signed heads that contradict what was cosigned; status 1 when there are any.")
    parser.add_argument("--store", required=True, type=Path)
    path = parser.parse_args(arguments).store
    if not path.exists():
        raise LogError(f"{path} does not exist")
    store = Store(path)
    found = store.evidence()
    store.close()
    for each in found:
        at = datetime.fromtimestamp(each.at, UTC).isoformat()
        print(f"{at} {each.kind}: {each.origin} signed {each.size} entries; {each.seen_size} were cosigned before")
        print(each.note.decode())
    return 1 if found else 0


def _serve(arguments: Sequence[str]) -> int:
    parser = _parser(
        "", "Cosign checkpoints of logs that only grow (C2SP tlog-witness). Other words: init, vkey, evidence."
    )
    parser.add_argument("--listen", default="127.0.0.1:7470", help="address and port, default 127.0.0.1:7470")
    parser.add_argument("--store", required=True, type=Path, help="SQLite file; back it up, never restore an older one")
    parser.add_argument("--key", required=True, type=Path, help="key file made by init")
    parser.add_argument("--log", required=True, action="append", nargs="+", help="public key of a log to watch")
    options = parser.parse_args(arguments)
    keys = usable(read_keys(options.key))
    if not keys or any(key.kind not in COSIGNING for key in keys):
        raise Malformed("a witness signs with cosignature keys; make them with init")
    logs: dict[str, list[VerifierKey]] = {}
    for key in (parse_vkey(text) for group in options.log for text in group):
        logs.setdefault(key.name, []).append(key)
    store = Store(options.store)
    server = WitnessServer(_address(options.listen), Witness(store, logs, keys))
    host, port = server.server_address[:2]
    print(f"witness {keys[0].name} listens on {host!s}:{port} for {', '.join(sorted(logs))}", flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for serve_forever, which this very thread runs.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    try:
        server.serve_forever()
    finally:
        server.server_close()
        store.close()
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Malformed("an address to listen on reads host:port")
    return host.strip("[]"), int(port)
