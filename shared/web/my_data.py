"""What a service keeps of whoever is signed in, and why: a page and a JSON file, the same in all four services.

Both are made from ``shared.personal``; the password is asked again, since all of it is given at once.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from shared import personal
from shared.clock import to_text
from shared.errors import Absent
from shared.web.answers import Answer, answer, page
from shared.web.routes import SIGNED_IN, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.web.context import Context

MOST_SHOWN = 20  # rows of one table on the page; all of them stand in the file


class KeptOut(Schema):
    """Rows of one table about the person, and why they are kept."""

    table = fields.String()
    purpose = fields.String()
    ground = fields.String(metadata={"description": "of the Personal Information Protection Law"})
    sensitive = fields.Boolean()
    term = fields.String(metadata={"description": "how long they are kept"})
    days = fields.Integer(allow_none=True, metadata={"description": "the days of the term, where it counts days"})
    rows = fields.List(fields.Dict())


class MyDataOut(Schema):
    """Everything that this service keeps of the person and can be found by the account."""

    account = fields.String()
    service = fields.String()
    made_at = fields.String()
    kept = fields.List(fields.Nested(KeptOut))


def _given(context: Context, written: Callable[[datetime], str] = to_text) -> list[dict[str, Any]]:
    running = context.application.running
    if running is None:
        raise Absent
    with context.read() as connection:
        found = personal.copy(running, connection, context.principal.account)
    here = context.language.code
    return [
        {
            "table": each.table, "purpose": each.kept.purpose.in_(here), "ground": each.kept.ground.in_(here), "sensitive": each.kept.sensitive,
            "term": each.kept.term.words.in_(here),
            "days": running.settings[each.kept.term.setting] if each.kept.term.setting else None,
            "rows": [{name: _plain(value, written) for name, value in row.items()} for row in each.rows],
        }
        for each in found
    ]  # fmt: skip


def _plain(value: Any, written: Callable[[datetime], str]) -> Any:
    match value:
        case datetime():
            return written(value)
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
    return value


def show(context: Context) -> Answer:
    """What is kept of me here, by purpose."""
    return page("my_data.html", kept=_given(context, context.language.stamp), most=MOST_SHOWN)


def give(context: Context) -> Answer:
    """The same, whole, as JSON."""
    name = f"{context.application.service}-my-data.json"
    return answer(
        {
            "account": context.principal.account, "service": context.application.service, "made_at": to_text(context.now),
            "kept": _given(context),
        },
        200,
        **{"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip


def routes() -> tuple[Route, ...]:
    """The copy that everybody may have of what is kept of him."""
    return (
        Route("GET", "/my-data", "own_data", show, allow=SIGNED_IN, fresh=True, summary="What is kept of me here, and why.", sample={}),
        Route("GET", "/api/my-data", "api_own_data", give, allow=SIGNED_IN, kind="api", answers=MyDataOut, fresh=True, noted="export",
              summary="What is kept of me here, and why, as a file."),
    )  # fmt: skip
