"""Coming in: what every way to a session shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.requests.handlers import signing
from shared.web import session
from shared.web.answers import Cookie
from shared.web.cookies import YEAR

if TYPE_CHECKING:
    from shared.web.context import Context

DEVICE = "houqin-device"  # random; tells a known browser from a stranger's when passwords are tried


def signing_in(context: Context, tried: signing.Try) -> tuple[signing.SignedIn, list[Cookie]]:
    """A new session of whoever ``tried``, and its cookies."""
    new = session.new_session()
    with context.work() as work:
        done = signing.sign_in(
            work, context.own, tried, new, agent=agent_of(context), peer=context.peer,
            old_secret=session.secret_of(context), device=device_of(context),
        )  # fmt: skip
    seconds = int((done.ends_at - context.now).total_seconds())
    cookies = session.give(done.signed, secret=new.secret, seconds=seconds)
    return done, [*cookies, Cookie(name=DEVICE, value=done.device, max_age=YEAR)]


def device_of(context: Context) -> str:
    """The secret by which this browser is known; empty when it is not."""
    return str(context.request.cookies.get(context.application.jar.name(DEVICE), ""))[:100]


_AGENTS = (
    ("MicroMessenger", "WeChat"), ("DingTalk", "DingTalk"), ("Edg/", "Edge"), ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def agent_of(context: Context) -> str:
    """What the browser is, in two words; empty when it does not say."""
    text = context.request.headers.get("User-Agent", "")[:400]
    words = [next((name for sign, name in table if sign in text), "") for table in (_AGENTS, _SYSTEMS)]
    return " · ".join(word for word in words if word)
