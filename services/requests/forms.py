"""One schema for each item, made from its form in the catalogue; page, API and chat read with the same one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validate

from services.requests.catalogue import PARTS, Field, Item
from services.requests.model import Filing
from shared.clock import SITE_ZONE
from shared.errors import Invalid
from shared.web.intake import load
from shared.web.schemas import Instant, Key, Text, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping

PHONE = re.compile(r"[0-9]{4}|1[0-9]{10}")
MOST_CHOSEN = 30


class Phone(Text):
    """A four-digit extension or an eleven-digit mobile number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(20, metadata={"pattern": f"^({PHONE.pattern})?$"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = re.sub(r"[\s-]", "", super()._deserialize(value, attr, data, **kwargs))
        if text and not PHONE.fullmatch(text):
            raise ValidationError("requests.field.phone")
        return text


class SiteTime(fields.Field[datetime | None]):
    """A wall-clock time of the site as a form sends it (``2026-11-25T15:00``), or an instant with its offset.

    Args:
        blank: an empty text is no time, and no fault.
    """

    def __init__(self, *, blank: bool = False, **kwargs: Any) -> None:
        self.blank = blank
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime | None:
        if self.blank and value == "":
            return None
        if not isinstance(value, str) or len(value) > 40:
            raise ValidationError("field.date")
        try:
            moment = datetime.fromisoformat(value.strip())
            return (moment.replace(tzinfo=SITE_ZONE) if moment.tzinfo is None else moment).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("field.date") from error


class Tick(fields.Field[bool]):
    """A checkbox: ticked or not there; true or false in JSON."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value is True or (isinstance(value, str) and value in {"true", "yes", "on", "1"}):
            return True
        if value is False or (isinstance(value, str) and value in {"false", "no", "off", "0", ""}):
            return False
        raise ValidationError("field.yes_no")


def marshmallow_field(each: Field, *, typed: bool) -> fields.Field[Any]:
    """The schema field of one question; ``typed`` for JSON, where instants need their offset."""
    common: dict[str, Any] = {"required": each.required}
    if each.type == "choice":
        codes = [option.code for option in each.options]
        return fields.String(validate=validate.OneOf(codes if each.required else ["", *codes]), **common)
    if each.type == "choices":
        chosen = fields.String(validate=validate.OneOf([option.code for option in each.options]))
        return fields.List(chosen, validate=validate.Length(max=MOST_CHOSEN), **common)
    if each.type in {"text", "lines"}:
        return Text(each.most, lines=each.type == "lines", **common)
    if each.type == "whole":
        return Whole(each.least, each.most, **common)
    if each.type == "yes_no":
        return Tick(**common)
    return Instant(**common) if typed else SiteTime(**common)


@cache
def answers_schema(item: Item) -> type[Schema]:
    """What an item's form asks, beside place, level, urgency and telephone; for JSON."""
    return Schema.from_dict(
        {each.name: marshmallow_field(each, typed=True) for each in item.fields if each.name not in PARTS},
        name=f"{item.code.title()}Answers",
    )


@cache
def form_schema(item: Item) -> type[Schema]:
    """What an item's page posts."""
    own: dict[str, Any] = {each.name: marshmallow_field(each, typed=False) for each in item.fields}
    shell: dict[str, Any] = {
        "place": Key(load_default=""),
        "level": Key(load_default=""),
        "priority": Whole(1, 4, load_default=0),
        "contact": Phone(load_default=""),
        "exception": Text(200, load_default=""),
        "asset": Key(load_default=""),
    }
    return Schema.from_dict({**shell, **own}, name=f"{item.code.title()}Form")


@cache
def parts_schema(item: Item) -> type[Schema]:
    """Parts of the request that this item's form asks for, with its bounds; for JSON."""
    found = {each.name: marshmallow_field(each, typed=True) for each in item.fields if each.name in PARTS}
    return Schema.from_dict(dict(found), name=f"{item.code.title()}Parts")


def list_fields(item: Item) -> set[str]:
    """Questions that take several answers."""
    return {each.name for each in item.fields if each.type == "choices"}


def from_form(item: Item, posted: Mapping[str, Any]) -> Filing:
    """A posted form as a filing; what was left empty is absent.

    Raises:
        Invalid: with messages by field.
    """
    given = {name: value for name, value in posted.items() if value not in ("", [])}
    try:
        loaded = load(form_schema(item), given)
    except Invalid as error:
        raise Invalid(fields={**_no_place(item, given), **error.fields}) from error
    return _filing(item, loaded)


def from_json(item: Item, body: Mapping[str, Any]) -> Filing:
    """A JSON body, already checked as a whole, as a filing of ``item``.

    Raises:
        Invalid: with messages by field; those of answers stand under ``answers``.
    """
    wrong: dict[str, Any] = {}
    parts = {name: body[name] for name in PARTS if body.get(name) not in (None, 0)}
    found: dict[str, Any] = {}
    for schema, data, under in (
        (parts_schema(item), parts, ""),
        (answers_schema(item), body.get("answers") or {}, "answers"),
    ):
        try:
            found |= load(schema, data)
        except Invalid as error:
            wrong |= {under: error.fields} if under else error.fields
    if wrong:
        raise Invalid(fields={**_no_place(item, body), **wrong})
    shell = {name: body.get(name) for name in ("place", "level", "priority", "contact", "exception", "asset")}
    return _filing(item, {**shell, **found})


def _no_place(item: Item, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fault of a missing place, so that it is told together with the others."""
    return {} if given.get("place") or item.place != "required" else {"place": ["field.required"]}


def _filing(item: Item, loaded: Mapping[str, Any]) -> Filing:
    answers = {each.name: loaded[each.name] for each in item.fields if each.name in loaded and each.name not in PARTS}
    return Filing(
        item=item.code,
        place=loaded.get("place") or "",
        level=loaded.get("level") or "",
        priority=loaded.get("priority") or 0,
        contact=loaded.get("contact") or "",
        exception=loaded.get("exception") or "",
        asset=loaded.get("asset") or "",
        starts_at=loaded.get("starts_at"),
        ends_at=loaded.get("ends_at"),
        headcount=loaded.get("headcount") or 0,
        quantity=loaded.get("quantity") or 0,
        answers={name: value.isoformat() if isinstance(value, datetime) else value for name, value in answers.items()},
    )
