"""What a failure says: its status, its words in the reader's language, and RFC 9457 for programs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from shared.errors import (
    Absent,
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    OutOfSpace,
    Refused,
    SignInNeeded,
    Stale,
    TooMany,
    Transient,
)
from shared.web.responses import json_of
from shared.web.schemas import message_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug import Response

    from shared.language import Language

log = logging.getLogger("houqin.web")

# Which status each family of failure has. ``Refused`` carries its own; what is not here is a bug and answers 500.
STATUS: dict[type[Exception], int] = {
    Malformed: 400,
    SignInNeeded: 401,
    Forbidden: 403,
    Absent: 404,
    Conflict: 409,
    Stale: 412,
    Invalid: 422,
    TooMany: 429,
    OutOfSpace: 507,
    Transient: 503,
}
_HTTP_KEYS = {
    400: "error.malformed",
    404: "error.absent",
    405: "error.method",
    408: "error.timeout",
    411: "error.malformed",
    413: "error.too_large",
    414: "error.too_large",
    415: "error.media_type",
    431: "error.too_large",
}


class Fresh(SignInNeeded):
    """The password must be asked for again."""

    key = "error.fresh"


class UnsupportedMedia(Refused):
    """The body is of a kind this address does not read."""

    status = 415
    key = "error.media_type"


class TooLarge(Refused):
    """The body is larger than this address takes."""

    status = 413
    key = "error.too_large"


def short_reference(correlation_id: str) -> str:
    """What a caller reads out on the phone: the last six digits, ``7f3a-22``."""
    digits = correlation_id.replace("-", "")[-6:]
    return f"{digits[:4]}-{digits[4:]}"


def field_messages(words: Language, fields: Mapping[str, Any]) -> dict[str, list[str]]:
    """Messages by field name (``materials.0.quantity``) in the reader's language."""
    found: dict[str, list[str]] = {}

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                part = "" if key in {"_schema", ""} else str(key)
                walk(f"{name}.{part}".strip("."), inner)
            return
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, dict):
                walk(name, each)
            else:
                key, parameters = message_of(each)
                found.setdefault(name, []).append(said_in(words, key, parameters))

    for name, value in fields.items():
        walk("" if name == "_schema" else str(name), value)
    return found


def said_in(words: Language, key: str, parameters: Mapping[str, Any]) -> str:
    """The message in the reader's language; a general one, and a loud log, where there are no words for it."""
    try:
        return words(key, **parameters)
    except KeyError:
        log.exception("no words for %s", key)
        return words("error.refused")


def failure_of(error: Exception) -> tuple[int, str, dict[str, Any], dict[str, Any], dict[str, str]]:
    """Status, message key, its parameters, messages by field and headers of a failure."""
    if isinstance(error, TooMany):
        wait = str(error.retry_after)
        return 429, error.key, {"n": error.retry_after, **error.parameters}, {}, {"Retry-After": wait}
    if isinstance(error, Refused):
        return error.status, error.key, error.parameters, error.fields, {}
    if isinstance(error, Transient):
        return (
            STATUS[OutOfSpace if isinstance(error, OutOfSpace) else Transient],
            "error.not_now",
            {},
            {},
            {"Retry-After": "2"},
        )
    if isinstance(error, MethodNotAllowed):
        return 405, "error.method", {}, {}, {"Allow": ", ".join(sorted(error.valid_methods or ()))}
    if isinstance(error, RequestEntityTooLarge):
        return 413, "error.too_large", {"most": 1_000_000}, {}, {}
    if isinstance(error, HTTPException) and error.code and error.code < 500:
        return error.code, _HTTP_KEYS.get(error.code, "error.malformed"), {"most": 1_000_000}, {}, {}
    return 500, "error.unexpected", {}, {}, {}


def problem(
    words: Language,
    status: int,
    key: str,
    parameters: Mapping[str, Any],
    fields: Mapping[str, Any],
    correlation: str,
    path: str,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """RFC 9457."""
    title = f"shell.error.{status}.title"
    body: dict[str, Any] = {
        "type": f"urn:houqin:problem:{key.removeprefix('error.')}",
        "title": words(title if words.has(title) else "shell.error.500.title"),
        "status": status,
        "detail": said_in(words, key, parameters),
        "instance": quote(path, safe="/:@!$&'()*+,;=~"),
        "correlation_id": correlation,
    }
    if fields:
        body["errors"] = field_messages(words, fields)
    body |= {name: value for name, value in (extra or {}).items() if name not in body}
    response = json_of(body, status)
    response.headers["Content-Type"] = "application/problem+json"
    response.headers["Content-Language"] = words.code
    return response
