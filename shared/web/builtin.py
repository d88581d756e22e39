"""Routes that every service has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import Schema, fields, validate

from shared.web import answers
from shared.web.routes import PUBLIC, Route

if TYPE_CHECKING:
    from shared.web.context import Context


class Look(Schema):
    """How pages look to this reader."""

    language = fields.String(load_default="", validate=validate.OneOf(["", "zh-Hans", "en"]))
    theme = fields.String(load_default="", validate=validate.OneOf(["", "light", "dark", "system"]))
    back = fields.String(load_default="", validate=validate.Length(max=2000))


def look(context: Context) -> answers.Answer:
    """Language or theme are as chosen; nothing else has changed."""
    from shared.web.cookies import look_cookies

    chosen = context.form()
    cookies = look_cookies(language_code=chosen["language"], theme=chosen["theme"])
    return answers.see_other(chosen["back"], cookies=cookies)


def openapi(context: Context) -> answers.Answer:
    """The service's OpenAPI 3.1 document."""
    from shared.web.openapi import document

    return answers.answer(document(context.application))


def parts(context: Context) -> answers.Answer:
    """Every part in all its states."""
    from shared.web.parts_page import EXAMPLES

    return answers.page("parts_page.html", **EXAMPLES(context.now))


def _nowhere(context: Context) -> answers.Answer:
    raise NotImplementedError


NOWHERE = Route("GET", "/", "nowhere", _nowhere, allow=PUBLIC, proof=False)  # stands for an address that leads nowhere

_ALWAYS = (
    Route("POST", "/look", "look", look, allow=PUBLIC, accepts=Look, summary="Choose language and theme."),
    Route("GET", "/api/openapi.json", "openapi", openapi, allow=PUBLIC, kind="api", summary="This document."),
)
_PARTS = Route("GET", "/parts", "parts", parts, allow=PUBLIC, summary="Every part in all its states.")


def routes(*, development: bool) -> tuple[Route, ...]:
    """Language and theme, the OpenAPI document and, in development, the page of parts."""
    return (*_ALWAYS, _PARTS) if development else _ALWAYS
