"""How one fact's amount came about, also where it came in with hundreds of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from services.billing import store
from services.billing.model import Place, agreement_of
from services.billing.pricing.exact import read_number
from services.billing.pricing.rating import rate

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from services.billing.model import Agreement


def ladder(connection: Connection, fact: Row[Any]) -> list[dict[str, Any]]:
    """The rungs of a fact's amount as data; they add up to it.

    A fact of a batch keeps only what its line had come to before it. Its ladder is made from that, under the version of
    the card that priced it; where a later version has since cut the days of that one short, so that its monthly sums
    count for fewer days, what is left is the rungs that do not depend on them.
    """
    kept = json.loads(fact.steps)
    if isinstance(kept, list):
        return kept
    before, billed = read_number(kept["before"]), read_number(kept["billed"])
    final = bool(kept.get("final"))
    place = Place(fact.period, f"{fact.item}/{fact.meter}", fact.card_version)
    line = _agreement(connection, fact.contract, fact.card_version).line(place, final=final)
    found = rate(line.price, fact.quantity, line.terms, prior_quantity=before, prior_billed=billed, final=final)
    steps = found.steps
    if found.amount != fact.amount:
        steps = tuple(step for step in steps if step.key in {"cumulative", "quantity"})
    return [step.data() for step in steps]


def _agreement(connection: Connection, ref: str, version: int) -> Agreement:
    """The contract as it was while that version of its card held: in the place of the one that has replaced it since."""
    every = store.every_card(connection, ref)
    [asked] = [(card, lines) for card, lines in every if card.version == version]
    others = [(card, lines) for card, lines in store.cards(connection, ref) if card.starts_on != asked[0].starts_on]
    row = store.contract(connection, ref)
    assert row is not None
    return agreement_of(
        ref=ref, supplier=row.supplier, budget_line=row.budget_line, starts_on=row.starts_on, ends_on=row.ends_on,
        zone=row.zone, terms=json.loads(row.terms),
        cards=[(card.starts_on, card.version, lines) for card, lines in [*others, asked]],
    )  # fmt: skip
