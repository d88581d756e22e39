"""An act that is both a posted form and an API call: one function does it, two routes offer it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.billing.pricing.refusal import PricingRefused
from shared.errors import Invalid, Refused
from shared.web.answers import Answer, Said, answer, see_other
from shared.web.intake import Said as Words
from shared.web.routes import Route
from shared.web.schemas import Decimal as Money

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.web.context import Context
    from shared.web.routes import Access


class Bare(Schema):
    """A form of one button."""


class Optional(Money):
    """A number that may be left empty in a form."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return None if value == "" else super()._deserialize(value, attr, data, **kwargs)


class OptionalDate(fields.Date):
    """A day that may be left empty in a form."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return None if value == "" else super()._deserialize(value, attr, data, **kwargs)


class DoneForm(Schema):
    """What came of an act."""

    id = fields.String(metadata={"description": "of what was made; empty where nothing was"})
    state = fields.String(metadata={"description": "in which it is now"})


@dataclass(frozen=True)
class Done:
    """What came of an act, and where to look at it."""

    location: str
    said: str
    id: str = ""
    state: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


def refused(fault: PricingRefused) -> Invalid:
    """A rule of pricing as an error beside the field it names, in the reader's words."""
    name = fault.field.removeprefix("terms.").partition("[")[0].partition(".")[0] or "lines"
    return Invalid(fields={name: [Words(f"refusal.{fault.code}", where=fault.field)]})


def pair(
    path: str, name: str, accepts: type[Schema], do: Callable[..., Done], show: Callable[..., Answer], *, allow: Access,
    summary: str, creates: bool = False, fresh: bool = False,
    read: Callable[..., dict[str, Any] | Answer] | None = None,
) -> tuple[Route, Route]:  # fmt: skip
    """The two routes of an act. ``do(context, asked, **values)`` raises what ``show`` then says beside the fields.

    ``do`` checks before it writes: where something is made, the page that says why not is an answer like any other.
    ``read`` reads a posted form that is no plain set of fields, or answers with the form as it was changed by a button.
    """

    def posted(context: Context, **values: Any) -> Answer:
        try:
            asked = context.form() if read is None else read(context, **values)
            if not isinstance(asked, dict):
                return asked
            found = _done(do, context, asked, values)
        except Refused as fault:
            if fault.status in {401, 404, 412, 429} or (context.unit is not None and context.unit.said):
                raise
            shown = show(
                context, problem=context.language(fault.key, **fault.parameters) if not fault.fields else "",
                errors=context.errors(fault), **values,
            )  # fmt: skip
            shown.status = fault.status
            return shown
        return see_other(found.location, said=Said(found.said, found.parameters))

    def called(context: Context, **values: Any) -> Answer:
        found = _done(do, context, context.json(), values)
        return answer({"id": found.id, "state": found.state}, 201 if creates else 200)

    return (
        Route("POST", path, name, posted, allow=allow, accepts=accepts, creates=creates, fresh=fresh, summary=summary),
        Route("POST", f"/api{path}", f"api_{name}", called, allow=allow, kind="api", accepts=accepts, answers=DoneForm,
              creates=creates, fresh=fresh, status=201 if creates else 200, summary=summary),
    )  # fmt: skip


def _done(do: Callable[..., Done], context: Context, asked: dict[str, Any], values: dict[str, Any]) -> Done:
    try:
        return do(context, asked, **values)
    except PricingRefused as fault:
        raise refused(fault) from fault
