"""Passes in the browser: how requests gives them, renews them and takes them back.

Two cookies: the pass (at most ten minutes, believed by all four services) and the session's secret (opaque, worth
something only to requests, which keeps its hash). When a pass has ended, any service sends the browser to
``/requests/session/renew?next=...``: a GET by 303, a form by 307 with its body, so nothing that was typed is lost and no
script is needed. A small script renews silently while somebody is at work.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from marshmallow import Schema, fields

from shared.errors import SignInNeeded
from shared.web.addresses import own_path
from shared.web.answers import Answer, Cookie, SeeOther, nothing, see_other
from shared.web.app import SIGN_IN
from shared.web.cookies import PASS, SESSION
from shared.web.passes import LIFE
from shared.web.routes import PUBLIC, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.web.context import Context

__all__ = ["NewSession", "clear", "give", "new_session", "routes", "secret_of"]


class NewSession:
    """A session's three random parts: ``id`` names it in passes and events, ``secret`` goes into the cookie and is kept
    as ``digest`` only, ``proof`` is the form token.
    """

    def __init__(self) -> None:
        self.id = secrets.token_hex(16)
        self.secret = secrets.token_urlsafe(32)
        self.proof = secrets.token_urlsafe(24)
        self.digest = digest(self.secret)


def new_session() -> NewSession:
    """A session that nobody has had before: at sign-in, at a change of role, at re-authentication."""
    return NewSession()


def digest(secret: str) -> str:
    """What requests keeps of a session's secret or an API token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def give(signed: str, *, secret: str = "", seconds: int | None = None) -> list[Cookie]:
    """Cookies of a new pass and, at sign-in, of the session; ``seconds`` is the session's absolute limit."""
    found = [Cookie(name=PASS, value=signed, max_age=int(LIFE.total_seconds()))]
    if secret:
        found.append(Cookie(name=SESSION, value=secret, max_age=seconds))
    return found


def clear() -> list[Cookie]:
    """Cookies that end it in this browser."""
    return [Cookie(name=PASS, max_age=0), Cookie(name=SESSION, max_age=0)]


def secret_of(context: Context) -> str:
    """The session's secret in this request; empty when there is none."""
    found = context.request.cookies.get(context.application.jar.name(SESSION), "")
    return found if len(found) <= 200 else ""


class Next(Schema):
    """Where to go on."""

    next = fields.String(load_default="/requests/")


def routes(renew: Callable[[Context, str], str | None]) -> tuple[Route, ...]:
    """The two renewal routes of requests.

    Args:
        renew: given the session's secret, a new pass, or None when the session has ended (idle, absolute, revoked).
    """

    def renewed(context: Context) -> Answer:
        """The browser has a new pass and is back where it was."""
        target = own_path(context.request.args.get("next", "")) or "/requests/"
        if target.startswith(SIGN_IN):
            target = "/requests/"
        signed = renew(context, secret_of(context))
        if signed is None:
            cookies = clear()
            return SeeOther(location=f"{SIGN_IN}?next={_quoted(target)}", status=303, cookies=cookies)
        status = 303 if context.request.method == "GET" else 307
        return see_other(target, status=status, cookies=give(signed))

    def quietly(context: Context) -> Answer:
        """The browser has a new pass; asked for by a script while somebody is at work."""
        signed = renew(context, secret_of(context))
        if signed is None:
            raise SignInNeeded
        found = nothing()
        found.cookies = give(signed)
        return found

    return (
        Route("GET", "/session/renew", "renew", renewed, allow=PUBLIC, accepts=Next, proof=False, summary="Renew the pass."),
        Route(
            "POST", "/session/renew", "renew_form", renewed, allow=PUBLIC, proof=False, max_body=50_000_000,
            summary="Renew the pass and send the form on.",
        ),
        Route("POST", "/session/quiet", "renew_quietly", quietly, allow=PUBLIC, proof=False, summary="Renew by script."),
    )  # fmt: skip


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="/")
