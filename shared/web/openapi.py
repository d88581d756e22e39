"""The OpenAPI 3.1 document of a service, made from its routes and schemas; nothing in it is written by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

if TYPE_CHECKING:
    from marshmallow import Schema

    from shared.web.app import Application
    from shared.web.routes import Route

_PLACE = re.compile(r"<(?:(?P<kind>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "correlation_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "correlation_id": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
}
_MEANING = {
    400: "What was sent cannot be read.",
    401: "Nobody is signed in, or the pass has ended.",
    403: "This account may not do this.",
    404: "There is no such thing, or none that this account may know of.",
    409: "Somebody else was first, or the thing is past the state where this is possible.",
    412: "The thing has changed since it was read.",
    413: "The body is larger than this address takes.",
    415: "The body is not JSON.",
    422: "Something in what was sent is wrong; errors says what.",
    429: "Too often; Retry-After says how many seconds to wait.",
    503: "Not now; Retry-After says when to try again.",
}


def document(application: Application) -> dict[str, Any]:
    """The document for the API routes of ``application``."""
    spec = APISpec(
        title=f"Houqin {application.service}",
        version="1",
        openapi_version="3.1.0",
        info={"description": "Generated from the routes and schemas of this service."},
        plugins=[MarshmallowPlugin(schema_name_resolver=_name)],  # type: ignore[arg-type]  # its type forgets instances
    )
    spec.components.schema("Problem", _PROBLEM)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for route in application.routes:
        if route.kind == "api" and route.failure is None:
            path = application.prefix + _PLACE.sub(lambda found: "{" + found["name"] + "}", route.path)
            spec.path(path=path, operations={route.method.lower(): _operation(route)})
    return dict(spec.to_dict())


def _name(schema: type[Schema] | Schema) -> str | bool:
    cls = schema if isinstance(schema, type) else type(schema)
    return f"{cls.__module__.rpartition('.')[2].title()}{cls.__name__}".replace("_", "")


def _operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": (route.view.__doc__ or "").strip(),
        "parameters": [
            {
                "in": "path",
                "name": place["name"],
                "required": True,
                "schema": {"type": "integer", "minimum": 0} if place["kind"] == "int" else {"type": "string"},
            }
            for place in _PLACE.finditer(route.path)
        ],
        "security": [] if route.allow.public else [{"bearer": []}],
        "responses": {str(route.status): _good(route)},
    }
    if route.accepts and route.method == "GET":
        found["parameters"].append({"in": "query", "schema": route.accepts})
    elif route.accepts:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": route.accepts}}}
    if route.creates:
        found["parameters"].append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "required": False,
                "schema": {"type": "string", "maxLength": 255, "pattern": r"^[\x21-\x7e]+$", "minLength": 1},
                "description": "The same key and body get the first answer again; another body gets 422.",
            }
        )
    for status in _failures(route):
        found["responses"][str(status)] = {
            "description": _MEANING[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return found


def _failures(route: Route) -> list[int]:
    found = {400, 401, 429, 503}  # a bad bearer is refused even where none is needed
    if not route.allow.public:
        found.add(403)
    if "<" in route.path:
        found |= {404, 409}
    if route.changes:
        found |= {403, 409, 412, 413, 415, 422}
    if route.accepts:  # a query or a body may name a thing as well as an address can
        found |= {404, 422}
    return sorted(found)


def _good(route: Route) -> dict[str, Any]:
    if route.status == 204:
        return {"description": "Done."}
    schema: Any = {}
    if isinstance(route.answers, tuple):
        schema = {
            "type": "object",
            "required": ["items", "next"],
            "properties": {
                "items": {"type": "array", "items": route.answers[0]},
                "next": {"type": ["string", "null"], "description": "Give it as cursor to read on; null at the end."},
            },
        }
    elif route.answers:
        schema = route.answers
    return {"description": "The answer.", "content": {"application/json": {"schema": schema}}}
