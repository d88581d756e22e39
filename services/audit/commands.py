"""``python -m services.audit export | mirror | keys | reindex | erase``: what operators and supervisors type."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from services.audit import closing, logs, publishing, searching, signing, store, targets, things, vault
from services.audit.log.errors import LogError, Malformed
from services.audit.log.folder import Folder
from services.audit.log.mirror import fetcher
from services.audit.log.mirror import mirror as copy_log
from services.audit.log.note import KeyType, generate_key, parse_vkey
from services.audit.log.policy import Party, Policy, parse_policy
from services.audit.log.signer import replace_file
from services.audit.service import SERVICE
from shared import process
from shared.clock import SITE_ZONE, to_text
from shared.contracts.audit import KeyRotated
from shared.errors import Transient
from shared.settings import BadSettings, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.audit.log.note import SigningKey
    from shared.service import Running

PROGRAM = "python -m services.audit"


def assembled() -> Running:
    """The service as the environment sets it."""
    import os

    mine = {
        name: value for name, value in os.environ.items() if not name.startswith(("REQUESTS_", "DISPATCH_", "BILLING_"))
    }
    return process.assemble(SERVICE, load(process.declared(SERVICE), mine))


def told(work: Callable[[], int]) -> int:
    """Run it; what is wrong becomes one line and status 1."""
    try:
        return work()
    except (LogError, OSError, Transient, BadSettings, store.TwoSequencers) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1


def export(arguments: Sequence[str]) -> int:
    """The log with its keys, its policy and the verifier, in a folder of its own."""
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} export", description=export.__doc__)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)

    def run() -> int:
        print(f"{publishing.export(assembled(), options.folder)} files written to {options.folder}")
        return 0

    return told(run)


def mirror(arguments: Sequence[str]) -> int:
    """Bring a copy of a log up to date; 0 when every entry was checked, 4 when its witnesses are missing, else 1."""
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} mirror", description=mirror.__doc__)
    parser.add_argument("address", help="as https://office.example/audit/log")
    parser.add_argument("folder", type=Path)
    known = parser.add_mutually_exclusive_group(required=True)
    known.add_argument("--key", action="append", help="public key of the log, from paper")
    known.add_argument("--policy", type=Path, help="C2SP tlog-policy file")
    options = parser.parse_args(arguments)

    def run() -> int:
        if options.policy:
            policy = parse_policy(options.policy.read_bytes())
        else:
            policy = Policy(tuple(Party(parse_vkey(each)) for each in options.key), {}, {}, "none")
        options.folder.mkdir(parents=True, exist_ok=True)
        judgement, added = copy_log(fetcher(options.address), Folder(options.folder), policy)
        print(f"{judgement.checkpoint.origin}: {judgement.checkpoint.size} entries, {added} new, all checked")
        if not judgement.valid:
            print("the checkpoint lacks the witnesses that the policy asks for", file=sys.stderr)
        return 0 if judgement.valid else 4

    return told(run)


def keys(arguments: Sequence[str]) -> int:
    """Show the public keys; ``--add`` makes a new key that signs beside the old, ``--retire ID`` ends one.

    The change is an entry of the log. A log keeps its name for life; only its keys change.
    """
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} keys", description=keys.__doc__)
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--add", choices=["ed25519", "ml-dsa-44"], help="make a key of this kind")
    change.add_argument("--retire", metavar="ID", help="the eight digits of the key that ends")
    options = parser.parse_args(arguments)
    kinds = {"ed25519": KeyType.ED25519, "ml-dsa-44": KeyType.ML_DSA_44_COSIGNATURE}

    def run() -> int:
        running = assembled()
        with running.database.read() as connection:
            origin = logs.origin_of(connection, running.settings, logs.current(connection))
        found = signing.keys(running.settings, origin)
        if options.add:
            found = rotate(running, [*found, generate_key(origin, kinds[options.add])])
        elif options.retire:
            kept = [each for each in found if f"{each.public.key_id:08x}" != options.retire]
            if len(kept) == len(found):
                raise Malformed(f"no key has the id {options.retire}")
            found = rotate(running, kept)
        for each in found:
            print(each.public)
        return 0

    return told(run)


def rotate(running: Running, after: list[SigningKey]) -> list[SigningKey]:
    """The current log signs with these keys from now on, and says so in an entry; the file is replaced whole.

    Raises:
        Malformed: no plain Ed25519 key would be left, which every C2SP reader needs.
    """
    origin = after[0].name if after else str(running.settings["AUDIT_ORIGIN"])
    every = signing.keys(running.settings)
    before = [each for each in every if each.name == origin]
    if not any(each.kind is KeyType.ED25519 for each in after):
        raise Malformed("a log keeps at least one Ed25519 key; add the new one first")
    with running.work() as work:
        work.say(
            KeyRotated(
                origin=origin,
                added=tuple(str(each.public) for each in after if each not in before),
                retired=tuple(str(each.public) for each in before if each not in after),
                rotated_at=work.now,
            )
        )
        others = [each for each in every if each.name != origin]
        text = "".join(each.secret() + "\n" for each in (*others, *after)).encode()
        replace_file(signing.key_file(running.settings), text, sync=True, mode=0o400)
    return after


def logs_(arguments: Sequence[str]) -> int:
    """Show the logs; ``--prepare`` makes the keys of the next one, ``--close`` ends the current one and begins the next.

    The final checkpoint is signed at once, and the next log names it in an entry. The closed log stays where it is.
    """
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} logs", description=logs_.__doc__)
    change = parser.add_mutually_exclusive_group()
    change.add_argument(
        "--prepare", action="store_true", help="make and show the keys of the next log, for the policies"
    )
    change.add_argument("--close", action="store_true", help="close the current log now")
    options = parser.parse_args(arguments)

    def run() -> int:
        running = assembled()
        if options.close:
            closing.close(running)
        with running.database.read() as connection:
            of, head = store.current(connection)
            for each in logs.closed(connection):
                print(
                    f"{each.log.number} {each.origin}: entries {each.log.first} to {each.beyond - 1}, closed {to_text(each.closed_at)}"
                )
            origin = logs.origin_of(connection, running.settings, of)
            print(f"{of.number} {origin}: {head.size} entries from {of.first} on, open")
            following = closing.name_of_next(connection, running, running.clock.now().astimezone(SITE_ZONE).year)
        shown = closing.prepare(running, following) if options.prepare else signing.keys(running.settings, origin)
        for key in shown:
            print(key.public)
        return 0

    return told(run)


def reindex(arguments: Sequence[str]) -> int:
    """Forget the indexes of words and of things and the tallies of targets, and make them anew from the log."""
    argparse.ArgumentParser(prog=f"{PROGRAM} reindex", description=reindex.__doc__).parse_args(arguments)

    def run() -> int:
        running = assembled()
        with running.database.write() as connection:
            searching.forget(connection)
            things.forget(connection)
            targets.forget(connection)
        while things.index(running):
            pass
        while searching.index(running):
            pass
        while targets.tally(running):
            pass
        with running.database.read() as connection:
            print(f"{min(things.reach(connection), searching.reach(connection))} entries indexed")
        return 0

    return told(run)


def erase(arguments: Sequence[str]) -> int:
    """Erase personal values for good; the entries stay provable, and the erasure is an entry."""
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} erase", description=erase.__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--person", help="account id")
    what.add_argument("--entries", type=int, nargs="+", help="numbers of entries")
    parser.add_argument("--ground", required=True, choices=vault.GROUNDS)
    options = parser.parse_args(arguments)

    def run() -> int:
        with assembled().work() as work:
            if options.person:
                gone = vault.erase_person(work, options.person, options.ground)
            else:
                gone = vault.erase(work, options.entries, options.ground)
        print(f"{gone} values erased")
        return 0

    return told(run)
