"""A request as it came in: Werkzeug's, with short ways for what every request is asked."""

from __future__ import annotations

from functools import cached_property
from io import BytesIO
from typing import Any

from werkzeug import Request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

_NOTHING: MultiDict[str, str] = ImmutableMultiDict()
_NO_COOKIES: dict[str, str] = {}  # never written; Werkzeug's own looks up what is absent by an exception


class Incoming(Request):
    """One HTTP request."""

    def header(self, name: str, standard: str = "") -> str:
        """The value of a header by its WSGI name (``HTTP_ACCEPT_LANGUAGE``); ``standard`` when it did not come."""
        value: str = self.environ.get(name, standard)
        return value

    # The hot path of an API call has neither a query nor a cookie; Werkzeug reads even their absence at length.

    @cached_property
    def args(self) -> MultiDict[str, str]:
        return super().args if self.query_string else _NOTHING

    @cached_property
    def cookies(self) -> Any:
        return super().cookies if "HTTP_COOKIE" in self.environ else _NO_COOKIES

    def body(self) -> bytes:
        """The whole body; the host has read it, and bounded it, before."""
        found: bytes | None = self.__dict__.get("_body")
        if found is None:
            come = self.environ["wsgi.input"]
            found = come.getvalue() if type(come) is BytesIO else self.get_data(cache=True)
            self.__dict__["_body"] = found
        return found

    @cached_property
    def mimetype(self) -> str:
        kind = self.environ.get("CONTENT_TYPE", "")
        return kind if kind == "application/json" else super().mimetype
