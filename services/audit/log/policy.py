"""C2SP tlog-policy: which log signs, which witnesses cosign, and how many of them make a checkpoint valid."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import Malformed, NotSigned
from services.audit.log.note import KeyType, Verified, VerifierKey, check_signatures, parse_vkey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.audit.log.note import Note

MAX_POLICY = 1 << 20  # bytes
MAX_LINES = 4096
COSIGNING = {KeyType.ED25519_COSIGNATURE, KeyType.ML_DSA_44_COSIGNATURE}
_THRESHOLD = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True)
class Party:
    """A log or a witness: a key and, perhaps, where it is reached."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True)
class Group:
    """A group of witnesses and groups of which ``threshold`` members must have cosigned."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Policy:
    """What makes a checkpoint valid.

    Attributes:
        witnesses: by their names within the policy, in order of definition.
        groups: by name; members are defined before the group.
        quorum: name of a witness or group; ``none`` asks for no witness.
    """

    logs: tuple[Party, ...]
    witnesses: dict[str, Party]
    groups: dict[str, Group]
    quorum: str

    @property
    def keys(self) -> list[VerifierKey]:
        """Every key of the policy."""
        return [party.key for party in (*self.logs, *self.witnesses.values())]

    def is_met_by(self, cosigned: Iterable[str]) -> bool:
        """Whether these witnesses, by name, make up the quorum."""
        if self.quorum == "none":
            return True
        met = set(cosigned) & self.witnesses.keys()
        for name, group in self.groups.items():
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(name)
        return self.quorum in met

    def judge(self, note: Note) -> Judgement:
        """What the signatures of a checkpoint are worth under this policy.

        Raises:
            BadSignature: a signature of a key of the policy is false.
            NotSigned: no log of the policy signed it.
            Malformed: it is not a checkpoint.
        """
        checkpoint = Checkpoint.parse(note.text)
        valid = {each.key: each for each in check_signatures(note, self.keys)}
        logs = [party for party in self.logs if party.key in valid and party.key.name == checkpoint.origin]
        if self.logs and not logs:
            raise NotSigned(f"no log of the policy has signed the checkpoint of {checkpoint.origin}")
        # A cosignature without a time makes no statement about the newest tree, so it witnesses nothing.
        witnesses = {
            name: valid[party.key]
            for name, party in self.witnesses.items()
            if party.key in valid and valid[party.key].time
        }
        return Judgement(checkpoint, tuple(logs), witnesses, self.is_met_by(witnesses))


@dataclass(frozen=True)
class Judgement:
    """A checkpoint with what is known of its signatures.

    Attributes:
        witnesses: those that validly cosigned it, by name, with their times.
        valid: whether the quorum is met; a checkpoint without it is to be shown as not witnessed.
    """

    checkpoint: Checkpoint
    logs: tuple[Party, ...]
    witnesses: dict[str, Verified]
    valid: bool


def parse_policy(data: bytes) -> Policy:
    """The policy that a file states. Names are kept as the text of their bytes in Latin-1: opaque, compared exactly.

    Raises:
        Malformed: it breaks a rule of the format; the message names the line.
    """
    if len(data) > MAX_POLICY or data.count(b"\n") > MAX_LINES:
        raise Malformed("the policy is too long")
    if any((each < 0x20 and each not in b"\t\n") or each == 0x7F for each in data):
        raise Malformed("the policy has control characters")
    draft = _Draft()
    for number, line in enumerate(data.decode("latin-1").split("\n"), 1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            draft.take(words)
        except Malformed as error:
            raise Malformed(f"line {number} of the policy: {error}") from None
    if not draft.quorum:
        raise Malformed("the policy has no quorum line")
    return Policy(tuple(draft.logs), draft.witnesses, draft.groups, draft.quorum)


@dataclass
class _Draft:
    """A policy while its lines are read."""

    logs: list[Party] = field(default_factory=list)
    witnesses: dict[str, Party] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = ""
    members: set[str] = field(default_factory=set)

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) < 2:
                self.logs.append(self._party(vkey, url, self.logs, set(KeyType)))
            case ["witness", name, vkey, *url] if len(url) < 2:
                self._check_new(name)
                self.witnesses[name] = self._party(vkey, url, self.witnesses.values(), COSIGNING)
            case ["group", name, threshold, *members] if members:
                self._check_new(name)
                for member in members:
                    self._check_defined(member)
                    if member in self.members:
                        raise Malformed(f"{_shown(member)} is a member twice")
                    self.members.add(member)
                self.groups[name] = Group(_threshold(threshold, len(members)), tuple(members))
            case ["quorum", name]:
                if self.quorum:
                    raise Malformed("there is a second quorum")
                if name != "none":
                    self._check_defined(name)
                self.quorum = name
            case _:
                raise Malformed("this is no line of a policy")

    def _check_new(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise Malformed(f"{_shown(name)} is defined already")

    def _check_defined(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise Malformed(f"{_shown(name)} is not defined above")

    @staticmethod
    def _party(vkey: str, url: list[str], others: Iterable[Party], kinds: set[KeyType]) -> Party:
        try:
            key = parse_vkey(vkey.encode("latin-1").decode())
        except UnicodeDecodeError:
            raise Malformed("the name of a key is UTF-8") from None
        if key.kind not in kinds:
            raise Malformed(f"a key of type {key.kind:#04x} does not fit here")
        if any(each.key.public == key.public for each in others):
            raise Malformed("this key is listed twice")
        return Party(key, _shown(url[0]) if url else "")


def _threshold(word: str, members: int) -> int:
    if word in {"all", "any"}:
        return members if word == "all" else 1
    if not _THRESHOLD.fullmatch(word) or int(word) > members:
        raise Malformed(f"a threshold is all, any or a number up to {members}")
    return int(word)


def _shown(name: str) -> str:
    return name.encode("latin-1").decode("utf-8", "replace")
