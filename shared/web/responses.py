"""Answers of views as responses, and the headers that every answer carries."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug import Response

from shared.loading import Writer
from shared.text import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from marshmallow import Schema

    from shared.web import answers
    from shared.web.routes import Route

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FOR_YEARS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}  # under https
FILE_POLICY = "sandbox; default-src 'none'"  # security D3: a stored file is never a document of our origin
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9/._~?&=%:+-]*")


def json_of(data: Any, status: int) -> Response:
    """``data`` as compact JSON."""
    return Response(compact(data), status, content_type="application/json")


def sent(
    response: Response,
    always: Iterable[tuple[str, str]],
    environ: dict[str, Any],
    start_response: Callable[..., Any],
) -> Iterable[bytes]:
    """``response`` with the headers that every answer carries, where it has not its own.

    A finished body with headers that are right already is handed over as it is; Werkzeug mends and guards the others.
    """
    own = response.headers.to_wsgi_list()
    names = {name.lower(): value for name, value in own}
    more = [pair for pair in always if pair[0].lower() not in names]
    if (
        response.status_code in {200, 201}
        and environ["REQUEST_METHOD"] != "HEAD"
        and isinstance(response.response, list)
        and "content-length" in names
        and _PLAIN_ADDRESS.fullmatch(names.get("location", ""))
    ):
        start_response(response.status, own + more)
        return response.response
    response.headers.extend(more)
    return response(environ, start_response)


def dumped(route: Route, data: Any) -> Any:
    """``data`` as the route's ``answers`` schema writes it; pages of a list are ``{"items": [...], "next": ...}``."""
    schema = route.answers
    if schema is None:
        return data
    if isinstance(schema, tuple):
        return {"items": _writer(schema[0]).schema.dump(data["items"], many=True), "next": data.get("next") or None}
    return _writer(schema).dump(data)


@cache
def _writer(schema: type[Schema]) -> Writer:
    """One instance serves all answers: dumping keeps nothing in it."""
    return Writer(schema())


def file_of(found: answers.File) -> Response:
    """A stored or made file: sandboxed, and a download unless it is an unnamed picture."""
    response = Response(found.body, found.status, content_type=found.content_type)
    response.headers["Content-Security-Policy"] = FILE_POLICY
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", found.name)[:80]
    if found.name:  # RFC 6266: an ASCII form, and the true one percent-encoded
        name = quote(re.sub(r"[\x00-\x1f\x7f/\\]", "_", found.name)[:150], safe="")
        response.headers["Content-Disposition"] = f"attachment; filename=\"{plain or 'file'}\"; filename*=UTF-8''{name}"
    elif not found.content_type.startswith("image/"):
        response.headers["Content-Disposition"] = "attachment"
    if found.immutable:
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def repeated(response: Response) -> dict[str, str]:
    """Headers that a repeated answer carries too; cookies are not among them."""
    return {name: value for name, value in response.headers.items() if name in {"Content-Type", "Location", "ETag"}}


def redirect(location: str, status: int) -> Response:
    """To ``location``, as it is written."""
    response = Response(b"", status, content_type="text/plain; charset=utf-8")
    response.headers["Location"] = location
    response.autocorrect_location_header = False
    return response
