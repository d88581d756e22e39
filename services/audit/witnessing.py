"""Witnesses of a running log: asking them, keeping what they answer, and what is shown as the checkpoint.

Who they are and how many count is said by a C2SP tlog-policy file (``AUDIT_POLICY_FILE``). A checkpoint is published
whether or not they answered; one that lacks the quorum is shown as such, by the pages and by every verifier.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from services.audit import logs, store
from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import LogError, NotSigned
from services.audit.log.note import Note, check_signatures, parse_note
from services.audit.log.policy import parse_policy
from services.audit.log.tiles import Tree
from services.audit.witness.client import WitnessAhead, WitnessRefused, WitnessUnreachable, cosign, newest_seen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from services.audit.log.note import VerifierKey
    from services.audit.log.policy import Judgement, Policy
    from services.audit.log.sequencer import Head
    from services.audit.logs import Closed, Log
    from shared.service import Running
    from shared.settings import Settings

log = logging.getLogger(__name__)

TIMEOUT = 3.0  # seconds for each step of an exchange with a witness
PATIENCE = 60  # seconds between two questions to a witness that does not answer, at most
GRACE = timedelta(seconds=60)  # how old a witnessed checkpoint may be and still be shown before a newer one without
STOPPING = frozenset({"ahead", "fork"})  # what a witness may know that forbids every further signature


@dataclass(frozen=True)
class Reached:
    """A witness that is reached at an address, with all its keys of the policy."""

    url: str
    keys: tuple[VerifierKey, ...]

    @property
    def names(self) -> str:
        """The names of its keys."""
        return ", ".join(sorted({key.name for key in self.keys}))


@dataclass(frozen=True)
class Shown:
    """The checkpoint that readers are given.

    Attributes:
        note: the log's signatures and those of the witnesses that answered.
        judgement: what the policy makes of it; None where there is no policy.
        log: the log that it is of.
        asked: whether there is a policy.
    """

    size: int
    note: Note
    at: datetime
    log: Log
    judgement: Judgement | None = None
    asked: bool = False

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note states."""
        return Checkpoint.parse(self.note.text)

    @property
    def witnessed(self) -> bool | None:
        """Whether the quorum has cosigned; None where nobody is asked for."""
        if not self.asked:
            return None
        return self.judgement is not None and self.judgement.valid


@lru_cache(maxsize=4)
def _policy(path: str, _changed: float) -> Policy:
    return parse_policy(Path(path).read_bytes())


def policy_of(settings: Settings) -> Policy | None:
    """The policy of this log, read again when its file changes; None where none is set.

    Raises:
        LogError: the file is no policy. OSError: it cannot be read.
    """
    path = str(settings["AUDIT_POLICY_FILE"])
    return _policy(path, Path(path).stat().st_mtime) if path else None


def reached(policy: Policy | None) -> list[Reached]:
    """The witnesses that have an address, those of one address together."""
    found: dict[str, list[VerifierKey]] = {}
    for party in policy.witnesses.values() if policy else ():
        if party.url:
            found.setdefault(party.url, []).append(party.key)
    return [Reached(url, tuple(keys)) for url, keys in found.items()]


@lru_cache(maxsize=64)
def _judged(policy: Policy, note: bytes) -> Judgement | None:
    try:
        return policy.judge(parse_note(note))
    except LogError as error:
        log.warning("the log's own policy refuses its checkpoint: %s", error)
        return None


def shown(connection: Connection, policy: Policy | None, covering: int = -1) -> Shown | None:
    """The newest checkpoint with its cosignatures; None before the first. A closed log has only its final one.

    Cosignatures come a moment after the signature. So that a reader does not find every checkpoint without them, the
    newest witnessed one goes before a newer one for up to a minute, unless it does not cover entry ``covering``.
    """
    of, closed = logs.holding(connection, covering) if covering >= 0 else (logs.current(connection), None)
    return shown_of(connection, policy, of, closed, covering)


def shown_of(
    connection: Connection, policy: Policy | None, of: Log, closed: Closed | None, covering: int = -1
) -> Shown | None:
    """As ``shown``, of one log."""
    newest = store.newest_checkpoint(connection, of, closed)
    if newest is None:
        return None
    if policy is None:
        return Shown(newest[0], parse_note(newest[1]), newest[2], of)
    others = [] if closed else [each for each in store.cosigned(connection, of) if each[0] != newest[0]]
    first: Shown | None = None
    for size, body, at in (newest, *others):
        note = parse_note(body).with_signatures(store.cosignatures(connection, of, size))
        judgement = _judged(policy, note.encode())
        found = Shown(size, note, at, of, judgement, asked=True)
        first = first or found
        fresh = newest[2] - at <= GRACE and covering - of.first < size
        if fresh and judgement is not None and judgement.valid:
            return found
    return first


# ---- asking


_not_before: dict[str, tuple[float, float]] = {}  # by address: when to ask again, and how long was waited before


def collect(running: Running) -> None:
    """Have the newest checkpoint cosigned by whoever has not yet, and the final one of the log before; all at once."""
    policy = policy_of(running.settings)
    if policy is None:
        return
    with running.database.read() as connection:
        before = logs.closed(connection)[-1:]
        points = [
            (each, point) for each in (*(one.log for one in before), logs.current(connection))
            if (point := store.checkpoint(connection, each)) is not None
        ]  # fmt: skip
        done = {
            (each, line.name, line.key_id)
            for each, point in points
            for line in store.cosignatures(connection, each, point[0])
        }
        known = {each.url: each.size for each in store.witnesses(connection)}
    for of, point in points:
        now = time.monotonic()
        waiting = [
            each
            for each in reached(policy)
            if not {(of, key.name, key.key_id) for key in each.keys} & done
            and _not_before.get(each.url, (0.0, 0.0))[0] <= now
        ]
        note = parse_note(point[1])
        if len(waiting) == 1:
            _ask(running, waiting[0], of, point[0], note, known.get(waiting[0].url, 0))
            continue
        threads = [
            threading.Thread(target=_ask, args=(running, each, of, point[0], note, known.get(each.url, 0)))
            for each in waiting
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _ask(running: Running, witness: Reached, of: Log, size: int, note: Note, known: int) -> None:
    """``known`` is the number after the last entry that the witness cosigned, over all logs."""

    def prove(old: int) -> Sequence[bytes]:
        with running.database.read() as connection:
            return Tree(store.Tiles(connection, of), size).consistency_proof(old)

    problem, detail = "", ""
    try:
        seen = min(max(known - of.first, 0), size)
        lines = cosign(witness.url, witness.keys, note, prove, known=seen, timeout=TIMEOUT)
        with running.database.write() as connection:
            store.keep_cosignatures(connection, of, size, lines, running.clock.now())
    except (WitnessAhead, WitnessRefused) as error:
        problem, detail = "refused", str(error)
        log.warning("witness %s: %s", witness.names, error)
    except LogError as error:
        problem, detail = "unreachable", str(error)
    waited = min(PATIENCE, 2 * _not_before.get(witness.url, (0.0, 0.5))[1] or 1.0)
    if problem:
        _not_before[witness.url] = (time.monotonic() + waited, waited)
    else:
        _not_before.pop(witness.url, None)
    _note(running, witness, of.first + size if not problem else known, problem, detail)
    if problem == "refused":
        look(running, only=witness.url)


def _note(running: Running, witness: Reached, size: int, problem: str, detail: str) -> None:
    with running.database.write() as connection:
        store.keep_witness(connection, witness.url, witness.names, size, problem, detail[:300], running.clock.now())


# ---- looking back: has anybody seen more than we have?


def look(running: Running, only: str = "") -> list[str]:
    """Ask the witnesses for the newest checkpoint they hold of this log; the ones that contradict it, in words.

    Only a checkpoint that this log itself signed counts: nobody else can stop it.
    """
    policy = policy_of(running.settings)
    found = []
    with running.database.read() as connection:
        of = logs.current(connection)
        origin = logs.origin_of(connection, running.settings, of)
    for witness in reached(policy):
        if only and witness.url != only:
            continue
        assert policy is not None
        try:
            seen = newest_seen(witness.url, origin, timeout=TIMEOUT)
        except WitnessUnreachable as error:
            if not only:
                log.warning("witness %s cannot be asked what it has seen: %s", witness.names, error)
                _note(running, witness, 0, "unreachable", str(error))
            continue
        with running.database.read() as connection:
            problem, size = _contradiction(connection, seen, policy, witness.keys)
        if problem:
            detail = f"{witness.names} holds a checkpoint of {size} entries that this log signed"
            _note(running, witness, of.first + size, problem, detail)
            found.append(f"{problem}: {detail}")
        elif seen is not None:
            _note(running, witness, of.first + size, "", "")
    return found


def _contradiction(
    connection: Connection, seen: Note | None, policy: Policy, keys: Sequence[VerifierKey]
) -> tuple[str, int]:
    if seen is None:
        return "", 0
    try:
        point = Checkpoint.parse(seen.text)
        check_signatures(seen, keys)
        if not any(each.key in {party.key for party in policy.logs} for each in check_signatures(seen, policy.keys)):
            raise NotSigned("the log did not sign what the witness shows")
    except LogError as error:
        log.warning("a witness shows a checkpoint that proves nothing: %s", error)
        return "", 0
    head = store.head(connection)
    if point.size > head.size:
        return "ahead", point.size
    return ("fork" if _root_at(connection, head, point.size) != point.root else ""), point.size


def _root_at(connection: Connection, head: Head, size: int) -> bytes:
    """Root of the first ``size`` entries as the tiles of this log give it; empty when they give none."""
    try:
        return (
            Tree(store.Tiles(connection), head.size).roots([(0, size)])[0]
            if size
            else Tree(store.Tiles(connection), 0).root()
        )
    except LogError:
        return b""
