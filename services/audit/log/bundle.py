"""Bundles: everything about one request, or one statement, in one file that proves itself.

The form is described in ``docs/reference/bundles.md``. A bundle carries entries with their proofs in one checkpoint; a
statement's bundle also says which sealed values make up each line, so that a stranger computes the amounts again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.envelope import Opening, check_opening, read_leaf
from services.audit.log.errors import Malformed
from services.audit.log.note import encode_base64
from services.audit.log.tree import check_inclusion, inclusion_path, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.audit.log.note import Note
    from services.audit.log.tiles import Tree

FORMAT = "houqin.bundle/v1"


@dataclass(frozen=True)
class BundleEntry:
    """An entry to put into a bundle.

    Attributes:
        openings: values behind its commitments that this reader may see.
    """

    index: int
    leaf: bytes
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True)
class Ref:
    """A sealed value: a JSON pointer into the envelope of an entry of the bundle."""

    entry: int
    pointer: str

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return {"entry": self.entry, "pointer": self.pointer}


@dataclass(frozen=True)
class Line:
    """How one line of a statement follows from sealed values.

    Attributes:
        kind: ``rate`` (a price applied to facts), ``sealed`` (amounts decided by people and sealed) or ``tax``.
        amount: where the statement states this line's amount.
        card: the price with its terms (``rate``) or the tax rule (``tax``).
        facts: the quantities (``rate``) or amounts (``sealed``) that the line counts.
        named: where the statement lists which facts it counted; ``fact_id`` is where each fact states its own name.
        negative: the sealed amounts reduce what is owed.
    """

    name: str
    kind: str
    amount: Ref
    card: Ref | None = None
    facts: tuple[Ref, ...] = ()
    named: Ref | None = None
    fact_id: str = "/id"
    negative: bool = False

    def form(self) -> dict[str, Any]:
        """As JSON."""
        form: dict[str, Any] = {"name": self.name, "kind": self.kind, "amount": self.amount.form()}
        if self.card is not None:
            form["card"] = self.card.form()
        if self.facts:
            form["facts"] = [fact.form() for fact in self.facts]
        if self.named is not None:
            form |= {"named": self.named.form(), "fact_id": self.fact_id}
        if self.negative:
            form["negative"] = True
        return form


@dataclass(frozen=True)
class Statement:
    """A statement as sealed values: its lines and its total."""

    total: Ref
    lines: tuple[Line, ...]

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return {"total": self.total.form(), "lines": [line.form() for line in self.lines]}


@dataclass(frozen=True)
class Drawn:
    """A statement that follows from its own sealed events alone: the entry that says it was drawn."""

    entry: int

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return {"drawn": self.entry}


@dataclass(frozen=True)
class Part:
    """The entries of one log in a bundle.

    Attributes:
        first: number of the log's first entry; an entry's ``index`` less this is its place in the tree.
    """

    note: Note
    tree: Tree
    entries: Sequence[BundleEntry]
    first: int = 0


def make_bundle(
    subject: str, note: Note, tree: Tree, entries: Sequence[BundleEntry], statement: Statement | Drawn | None = None
) -> bytes:
    """The bytes of a bundle file of one log; every proof and opening was checked before.

    Raises:
        Unproven: tiles, entries, openings and checkpoint do not agree; what is kept has been damaged.
        Malformed: the checkpoint is of another size than the tree, or an entry stands there twice.
    """
    return bundle_of_parts(subject, [Part(note, tree, entries)], statement)


def bundle_of_parts(subject: str, parts: Sequence[Part], statement: Statement | Drawn | None = None) -> bytes:
    """As ``make_bundle``, of entries that stand in several logs; the newest log comes last in ``parts``.

    Raises:
        Unproven, Malformed: as ``make_bundle``.
    """
    indexes = [entry.index for part in parts for entry in part.entries]
    if len(set(indexes)) != len(indexes):
        raise Malformed("an entry stands in a bundle once")
    *earlier, newest = parts
    form: dict[str, Any] = {
        "format": FORMAT, "kind": "statement" if statement else "request", "subject": subject, **_part_form(newest),
    }  # fmt: skip
    if earlier:
        form["earlier"] = [_part_form(part) for part in earlier]
    if statement is not None:
        form["statement"] = statement.form()
    return json.dumps(form, ensure_ascii=False, indent=1).encode() + b"\n"


def _part_form(part: Part) -> dict[str, Any]:
    checkpoint = Checkpoint.parse(part.note.text)
    if checkpoint.size != part.tree.size:
        raise Malformed("the checkpoint is of another size than the tree")
    places = [entry.index - part.first for entry in part.entries]
    paths = [inclusion_path(at, part.tree.size) for at in places]
    ranges = sorted({step for path in paths for step in path})
    roots = dict(zip(ranges, part.tree.roots(ranges), strict=True))
    place = {step: number for number, step in enumerate(ranges)}
    for entry, at, path in zip(part.entries, places, paths, strict=True):
        check_inclusion(leaf_hash(entry.leaf), at, part.tree.size, [roots[step] for step in path], checkpoint.root)
        envelope = read_leaf(entry.leaf) if entry.openings else {}
        for opening in entry.openings:
            check_opening(envelope, opening)
    return {
        **({"first": part.first} if part.first else {}),
        "checkpoint": part.note.encode().decode(),
        "hashes": [encode_base64(roots[step]) for step in ranges],
        "entries": [
            _entry_form(entry, [place[step] for step in path]) for entry, path in zip(part.entries, paths, strict=True)
        ],
    }


def _entry_form(entry: BundleEntry, proof: list[int]) -> dict[str, Any]:
    form: dict[str, Any] = {"index": entry.index, "leaf": entry.leaf.decode(), "proof": proof}
    if entry.openings:
        form["openings"] = [
            {"field": each.field, "salt": encode_base64(each.salt), "value": each.value} for each in entry.openings
        ]
    return form
