"""What of a request is above the standard or outside it, and what it would cost: known before filing and checked at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import Invalid
from shared.web.intake import Said

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.catalogue import Item
    from services.requests.model import Filing
    from services.requests.store import Request
    from shared.bilingual import Words


@dataclass(frozen=True)
class Excess:
    """One thing that is more than the standard holds: the field, and what is chosen there."""

    field: str
    words: Words
    usual: int = 0  # of a number: what the standard holds


def excesses(filing: Filing | Request, item: Item) -> list[Excess]:
    """Everything in ``filing`` that is above the standard of ``item``."""
    found = []
    level = item.level(filing.level)
    if level is not None and level.above:
        found.append(Excess("level", level.name))
    for each in item.fields:
        value: Any = (
            getattr(filing, each.name) if each.name in {"headcount", "quantity"} else filing.answers.get(each.name)
        )
        if each.type == "choice" and (option := each.option(str(value or ""))) and option.above:
            found.append(Excess(each.name, option.words))
        elif each.type == "choices" and isinstance(value, list | tuple):
            found += [
                Excess(each.name, option.words) for code in value if (option := each.option(str(code))) and option.above
            ]
        elif each.type == "whole" and each.usual and isinstance(value, int) and value > each.usual:
            found.append(Excess(each.name, each.label, each.usual))
    return found


def causes(filing: Filing, item: Item, roles: Iterable[str], department: str) -> list[str]:
    """Why the request needs approval by the item's rule, its quota aside; nothing when it needs none.

    Raises:
        Invalid: it is above the standard, or not for this person, and the rule leaves no way; or a reason is missing.
    """
    refused = item.may_ask(roles, department)
    if refused and "outside" not in item.rule.causes:
        raise Invalid(fields={"item": [refused]})
    above = excesses(filing, item)
    if above and "above" not in item.rule.causes:
        wrong: dict[str, list[str]] = {}
        for each in above:
            key = "approval.field.above_number" if each.usual else "approval.field.above"
            wrong.setdefault(each.field, []).append(Said(key, usual=each.usual) if each.usual else key)
        raise Invalid(fields=wrong)
    found = [
        *(["above"] if above else []),
        *(["outside"] if refused else []),
        *(["always"] if "always" in item.rule.causes else []),
    ]
    if (above or refused) and not filing.exception:
        raise Invalid(fields={"exception": ["approval.field.why"]})
    return found


def may_need_reason(item: Item, *, outside: bool = False) -> bool:
    """Whether the form of ``item`` asks for a reason: something in it may go to approval for this person."""
    if outside:
        return "outside" in item.rule.causes
    marked = (
        any(level.above for level in item.levels)
        or any(each.usual for each in item.fields)
        or any(option.above for each in item.fields for option in each.options)
    )
    return marked and "above" in item.rule.causes
