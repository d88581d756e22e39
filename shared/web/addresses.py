"""Where things are: the addresses of routes, and paths that stay on this site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.routing import BuildError, Map, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.web.incoming import Incoming
    from shared.web.routes import Route

_PART = re.compile(r"<[a-z_]+>")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")


class Addresses:
    """The addresses of a service's routes."""

    def __init__(self, prefix: str, routes: Iterable[Route]) -> None:
        routes = tuple(routes)
        self._prefix = prefix
        self._paths = {route.name: route.path for route in routes}
        # Paths with at most one part, a text: what is most often asked for is not built anew.
        self._plain = {
            route.name: prefix + _PART.sub("%s", route.path)
            for route in routes
            if "%" not in route.path and route.path.count("<") == len(_PART.findall(route.path)) <= 1
        }
        # One map finds routes and builds addresses: compiling rules is a sixth of a start.
        self._map = Map(
            [Rule(prefix + route.path, endpoint=route.name, methods=[route.method]) for route in routes],
            strict_slashes=False,
            merge_slashes=False,
        )
        self._bound = self._map.bind("")
        # A path without parts stands before every rule with parts.
        self._fixed: dict[tuple[str, str], str] = {
            (route.method, prefix + route.path): route.name
            for route in routes
            if "<" not in route.path and not route.path.endswith("/")
        }

    def match(self, path: str, method: str) -> tuple[str, Mapping[str, Any]]:
        """The name of the route at ``path`` and its parts.

        Raises:
            werkzeug.exceptions.NotFound: there is none. werkzeug.exceptions.MethodNotAllowed: none for ``method``.
        """
        fixed = self._fixed.get((method, path))
        return (fixed, {}) if fixed else self._bound.match(path, method)

    def match_upgrade(self, environ: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """The same for a request that asks for another protocol, such as a websocket, which no route speaks."""
        return self._map.bind_to_environ(environ).match()

    def url(self, name: str, **values: Any) -> str:
        """The path of the route ``name``; values without a place become the query.

        Raises:
            KeyError: there is no such route, or a place has no value.
        """
        plain = self._plain.get(name)
        if plain is not None and len(values) == plain.count("%s") <= 1:
            value = next(iter(values.values()), "")
            if not values:
                return plain
            if (
                isinstance(value, str)
                and _UNRESERVED.fullmatch(value)
                and f"<{next(iter(values))}>" in self._paths[name]
            ):
                return plain % value
        try:
            return self._bound.build(name, {key: value for key, value in values.items() if value is not None})
        except BuildError as error:
            raise KeyError(f"{self._prefix}: no address for {name} with {sorted(values)}") from error


def own_path(location: str) -> str:
    r"""``location`` if it is a path of this site, else nothing: ``//evil``, ``/\evil``, ``https:evil`` are not."""
    if not location.startswith("/") or location.startswith(("//", "/\\")) or len(location) > 2000:
        return ""
    if any(ord(character) <= 0x20 or character in {"\\", "\x7f"} for character in location):
        return ""
    return location


def full_path(request: Incoming) -> str:
    """The path and query that were asked for, as a path of this site."""
    query = request.query_string.decode("ascii", "replace")
    path = quote(request.path, safe="/:@!$&'()*+,;=~-._")
    return own_path(f"{path}?{query}" if query else path) or "/"
