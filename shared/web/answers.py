"""What a view gives back. ``app.Application`` turns it into bytes and headers; a view never builds a response."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(kw_only=True)
class Answer:
    """Base of every answer.

    Attributes:
        status: the HTTP status.
        headers: beside those that every answer carries; values cannot hold line breaks.
        cookies: set or, with an empty value, deleted (``shared.web.cookies``).
        rows: of an export, how many rows it gives, known before the first byte leaves; a CSV that is whole is counted by itself.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[Cookie] = field(default_factory=list)
    rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Cookie:
    """One cookie, by its bare name; the prefix and Secure come from the site's public address.

    Attributes:
        max_age: seconds; 0 deletes it, None lasts until the browser closes.
    """

    name: str
    value: str = ""
    max_age: int | None = None


@dataclass(kw_only=True)
class Page(Answer):
    """An HTML page: ``template`` rendered with ``values``."""

    template: str
    values: dict[str, Any]


@dataclass(kw_only=True)
class Json(Answer):
    """A JSON body; ``data`` is dumped through the route's ``answers`` schema if it has one."""

    data: Any


@dataclass(kw_only=True)
class SeeOther(Answer):
    """Go and look at ``location``, a path of this site."""

    location: str
    said: Said | None = None


@dataclass(frozen=True)
class Said:
    """What was done, shown as a toast on the next page.

    Attributes:
        key: of the message, with its parameters.
        undo: the path that undoes it.
        draft: the draft (``data-draft``) that was sent by it, which the browser forgets.
    """

    key: str
    parameters: dict[str, Any] = field(default_factory=dict)
    undo: str = ""
    draft: str = ""


@dataclass(kw_only=True)
class Stream(Answer):
    """Server-sent events; see ``shared.web.live``."""

    events: Iterator[str]


@dataclass(kw_only=True)
class File(Answer):
    """Bytes with a type of their own.

    Attributes:
        name: offered as file name when saved; empty shows it in place.
        immutable: its address contains its hash, so it may be kept for ever.
    """

    body: bytes | Iterable[bytes]
    content_type: str
    name: str = ""
    immutable: bool = False


@dataclass(kw_only=True)
class Empty(Answer):
    """No body."""

    status: int = 204


def page(template: str, *, status: int = 200, **values: Any) -> Page:
    """An HTML page from ``template`` (``requests/home.html``) with ``values``."""
    return Page(template=template, values=values, status=status)


def answer(data: Any, status: int = 200, **headers: str) -> Json:
    """A JSON answer; headers by keyword with ``_`` for ``-``: ``answer(data, 201, Location="/requests/...")``."""
    return Json(data=data, status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def see_other(
    location: str, *, said: Said | None = None, status: int = 303, cookies: list[Cookie] | None = None
) -> SeeOther:
    """After a form: go to ``location`` (a path of this site; anything else becomes the service's home).

    ``said`` is shown there as a toast: ``Said("dispatch.assigned", {"name": "王建国"}, undo=url("unassign", ref=...))``.
    """
    return SeeOther(location=location, said=said, status=status, cookies=cookies or [])


def events(stream: Iterator[str]) -> Stream:
    """A live stream; ``stream`` comes from ``live.Hub.stream`` and yields text blocks."""
    return Stream(events=stream)


def file(body: bytes | Iterable[bytes], content_type: str, name: str = "", rows: int | None = None) -> File:
    """A download; ``name`` may be any text (RFC 6266 encoding is done here). A stream says how many ``rows`` it gives."""
    return File(body=body, content_type=content_type, name=name, rows=rows)


def nothing() -> Empty:
    """204."""
    return Empty()
