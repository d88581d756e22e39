"""What somebody likes to say each time he asks for an item: level, telephone, and choices that do not name a fault."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from marshmallow import Schema
from sqlalchemy import select

from services.requests import forms, model, tables
from shared.database import Sql
from shared.errors import Invalid
from shared.web.intake import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from services.requests.catalogue import Item
    from services.requests.model import Filing
    from shared.work import Work

KINDS = frozenset({"choice", "choices", "yes_no", "whole"})
_SAVE = Sql(
    """INSERT INTO preference (account, item, answers, changed_at) VALUES (:account, :item, :answers, :now)
       ON CONFLICT (account, item) DO UPDATE SET answers = :answers, changed_at = :now"""
)


def names(item: Item) -> set[str]:
    """Answers of the item that may be liked; never what the fault is, nor numbers of a single occasion."""
    return {each.name for each in item.fields if each.type in KINDS and each.name not in {*item.alike, "headcount"}}


def of(connection: Connection, account: str, item: Item) -> dict[str, Any]:
    """What the account likes to say of the item, as far as its form still asks it; empty when nothing is kept."""
    row = tables.preference.c
    found = connection.execute(select(row.answers).where(row.account == account, row.item == item.code)).scalar()
    known = {*names(item), "level", "contact"}
    return {name: value for name, value in json.loads(found or "{}").items() if name in known}


def of_all(connection: Connection, account: str) -> dict[str, dict[str, Any]]:
    """By item everything that is kept for the account."""
    row = tables.preference.c
    query = select(row.item, row.answers).where(row.account == account).order_by(row.item)
    return {item: json.loads(answers) for item, answers in connection.execute(query)}


def filing(item: Item, body: Mapping[str, Any]) -> Filing:
    """A JSON body as what may be liked.

    Raises:
        Invalid: with messages by field.
    """
    if body["level"] and item.level(body["level"]) is None:
        raise Invalid(fields={"level": ["requests.field.level"]})
    asked = {
        each.name: forms.marshmallow_field(replace(each, required=False), typed=True)
        for each in item.fields
        if each.name in names(item)
    }
    try:
        answers = load(Schema.from_dict(dict(asked), name="Liked"), dict(body["answers"]))
    except Invalid as error:
        raise Invalid(fields={"answers": error.fields}) from error
    quantity = int(answers.pop("quantity", 0) or 0)
    return model.Filing(
        item=item.code, level=body["level"], contact=body["contact"], quantity=quantity, answers=answers
    )


def save(work: Work, account: str, item: Item, filing: Filing) -> None:
    """From now on the form begins with these answers."""
    answers = {
        name: value for name, value in filing.answers.items() if name in names(item) and value not in (None, "", [])
    }
    if "quantity" in names(item) and filing.quantity:
        answers["quantity"] = filing.quantity
    shell = {"level": filing.level, "contact": filing.contact}
    kept = {**answers, **{name: value for name, value in shell.items() if value}}
    _SAVE.run(
        work.connection, account=account, item=item.code, answers=json.dumps(kept, ensure_ascii=False), now=work.now
    )


def forget(work: Work, account: str, item: str) -> None:
    """Nothing is filled in by itself any more."""
    row = tables.preference
    work.connection.execute(row.delete().where(row.c.account == account, row.c.item == item))
