"""The names of our cookies and how they are set.

Under https they carry ``__Host-``: Secure, no domain, path ``/``, so no other host and no plain page can set them. On
plain http, which is allowed on this machine only, they have other names, which are refused under https.
"""

from __future__ import annotations

from werkzeug.http import dump_cookie

from shared.web.answers import Cookie

PASS = "houqin-pass"  # noqa: S105  a cookie's name; the short-lived pass
SESSION = "houqin-session"  # what requests exchanges for the next pass; opaque
VISITOR = "houqin-visitor"  # random; binds the form token of somebody who has not signed in
SAID = "houqin-said"  # what was just done, for the next page's toast
LANGUAGE = "houqin-language"
THEME = "houqin-theme"
_SIGHT = {LANGUAGE, THEME}  # how pages look: readable by scripts, worth nothing
YEAR = 365 * 24 * 3600


class Jar:
    """Cookies of a site that is reached by https (``secure``) or by plain http on this machine."""

    def __init__(self, *, secure: bool) -> None:
        self.secure = secure

    def name(self, name: str) -> str:
        """The name on the wire."""
        return f"__Host-{name}" if self.secure else name

    def header(self, cookie: Cookie) -> str:
        """The value of ``Set-Cookie``."""
        return dump_cookie(
            self.name(cookie.name),
            cookie.value,
            max_age=cookie.max_age,
            path="/",
            secure=self.secure,
            httponly=cookie.name not in _SIGHT,
            samesite="Lax",
        )


def look_cookies(*, language_code: str = "", theme: str = "") -> list[Cookie]:
    """The cookies that keep how pages look, for a year; theme ``system`` forgets it."""
    found = []
    if language_code in {"zh-Hans", "en"}:
        found.append(Cookie(name=LANGUAGE, value=language_code, max_age=YEAR))
    if theme in {"light", "dark", "system"}:
        found.append(
            Cookie(name=THEME, value="" if theme == "system" else theme, max_age=0 if theme == "system" else YEAR)
        )
    return found
