"""One act as two routes: a form's, which shows its page again with what is wrong, and the API's, which answers JSON."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from shared.errors import Conflict, Invalid, Refused
from shared.web.answers import Answer, Said, answer, file, see_other
from shared.web.limits import Limit
from shared.web.routes import Access, Route
from shared.web.schemas import Schema, fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.web.context import Context

WORKING = Limit(per_minute=240, burst=120)


class Nothing(Schema):
    """No fields."""


class Done(Schema):
    """What the act made, by its id; empty where it only changed something."""

    id = fields.String(load_default="")


def both(
    path: str, name: str, do: Callable[..., str | None], accepts: type[Schema], allow: Access, summary: str, *,
    again: Callable[..., Answer], back: Callable[..., str], said: str, api: str = "",
) -> tuple[Route, Route]:  # fmt: skip
    """Routes of a form and of the API that call ``do(context, given, **places)``, which writes through ``context.work()``.

    ``again`` is the page that holds the form, called with ``problem``, ``errors`` and ``status`` when it was refused;
    ``back`` gives the address to go to afterwards; ``said`` is the toast; ``api`` the API's path where it is not the form's.
    """

    def by_form(context: Context, **places: str) -> Answer:
        try:
            do(context, context.form(), **places)
        except (Conflict, Invalid) as error:
            return again(
                context, **places, problem=in_words(context, error), errors=context.errors(error), status=error.status
            )
        return see_other(back(context, **places), said=Said(said))

    def by_api(context: Context, **places: str) -> Answer:
        return answer({"id": do(context, context.json(), **places) or ""}, 201)

    by_form.__name__, by_api.__name__ = f"{name}_by_form", f"{name}_by_api"
    by_form.__doc__ = by_api.__doc__ = summary
    return (
        Route("POST", path, name, by_form, allow=allow, accepts=accepts, creates=True, limit=WORKING, summary=summary),
        Route("POST", api or f"/api{path}", f"api_{name}", by_api, allow=allow, kind="api", accepts=accepts, answers=Done,
              creates=True, status=201, limit=WORKING, summary=summary),
    )  # fmt: skip


def in_words(context: Context, error: Refused) -> str:
    """What is wrong, in one line."""
    if not error.fields:
        return context.language(error.key, **error.parameters)
    found = dict.fromkeys(each for messages in context.errors(error).values() for each in messages)
    return ("；" if context.language.chinese else "; ").join(found)


def table_file(name: str, head: Iterable[str], rows: Iterable[Iterable[Any]]) -> Answer:
    """Rows as CSV, UTF-8 with a mark; text that a spreadsheet would take for a formula begins with an apostrophe."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(head)
    for row in rows:
        table.writerow([plain(each) if isinstance(each, str) else "" if each is None else each for each in row])
    return file(("\ufeff" + out.getvalue()).encode(), "text/csv; charset=utf-8", name)


def plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} else text
