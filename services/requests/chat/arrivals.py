"""Messages from chat programs: taken once, said for whom they are linked to, answered by a timer."""

from __future__ import annotations

import http.client
import json
import logging
import ssl
import time
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from services.requests import store
from services.requests.chat import conversation, links
from services.requests.chat.channels import KINDS, Challenge, Channel, Inbound, Post
from services.requests.chat.conversation import Message, spoken_lines
from shared.clock import SITE_ZONE
from shared.language import language
from shared.settings import BadSettings
from shared.web.principal import ROLES, Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from services.requests.chat.understanding import Understanding
    from services.requests.desk import Desk
    from shared.language import Code
    from shared.service import Running
    from shared.settings import Settings
    from shared.work import Work

log = logging.getLogger("houqin.requests.chat")
SECONDS = 10  # for one call to a platform
MOST_ANSWER = 64_000  # bytes that are read of its answer
TOKEN_LIVES = 3600.0  # seconds; the platforms give two hours


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The chat programs that are switched on, by name.

    Raises:
        BadSettings: one is unknown, or lacks a secret: verification is never off.
    """
    found: dict[str, Channel] = {}
    for name in str(settings["REQUESTS_CHAT_CHANNELS"]).split():
        if name not in KINDS:
            raise BadSettings(f"REQUESTS_CHAT_CHANNELS: no such channel: {name}")
        prefix = f"REQUESTS_{name.upper()}_"
        own = {
            key.removeprefix(prefix).lower(): str(settings[key]) for key in settings.values if key.startswith(prefix)
        }
        try:
            found[name] = KINDS[name](own)
        except ValueError as error:
            raise BadSettings(f"REQUESTS_CHAT_CHANNELS: {error}") from error
    return found


def arrive(
    work: Work, desk: Desk, channel: Channel, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> bytes | Challenge:
    """What the platform is answered; whatever the message asked for is done with this work.

    Raises:
        Rejected: the call is not the platform's.
    """
    said = channel.receive(headers, query, body, work.now)
    if isinstance(said, Challenge):
        return said
    if not links.first_time(work, channel.name, said.once, channel.keep):
        return channel.ack()
    if isinstance(said, Inbound):
        if _waits(work, desk, channel.name, said):
            links.keep_unheard(work, channel.name, asdict(said))
            return channel.ack()
        words = heard(work, desk, channel.name, said)
        if words:
            links.send(work, channel.name, said.to, words)
    return channel.ack()


def _waits(work: Work, desk: Desk, platform: str, said: Inbound) -> bool:
    """Whether the message is heard later: somebody else is asked about it first, or about one before it.

    The platform is never kept waiting for that: it has its acknowledgement at once.
    """
    if desk.second is None or links.looks_like_code(said.text):
        return False
    if any(one.platform == platform and one.to["user"] == said.user for one in links.unheard(work.connection)):
        return True  # in the order in which they were said
    account = links.account_of(work.connection, platform, said.user)
    person = principal_for(work, account, f"chat:{platform}") if account else None
    return (
        person is not None
        and conversation.asks_elsewhere(work.connection, desk, person, _message(platform, said), work.now)
        and desk.second.wanted(said.text, local(work.now)) is not None
    )


def _message(platform: str, said: Inbound) -> Message:
    code: Code = "zh-Hans" if any("\u3400" <= c <= "\u9fff" for c in said.text) or not said.text.isascii() else "en"
    return Message(platform, said.message, said.text, code, said.private)


def local(now: datetime) -> datetime:
    """``now`` as the site's clock shows it."""
    return now.astimezone(SITE_ZONE).replace(tzinfo=None, second=0, microsecond=0)


def hear_waiting(running: Running, desk_of: Callable[[Running], Desk]) -> int:
    """Messages that waited for a second opinion have been heard with it or without it; how many.

    While the endpoint is asked no transaction is open and nobody waits; a message is heard once, whoever retries it.
    """
    with running.database.read() as connection:
        waiting = links.unheard(connection)
    if not waiting:
        return 0
    desk = desk_of(running)
    done = 0
    behind: set[tuple[str, str]] = set()  # whose earlier message is not heard yet
    for one in waiting:
        now = running.clock.now()
        whose = (one.platform, str(one.to["user"]))
        mine = whose not in behind and one.due_at is not None and one.due_at <= now
        behind.add(whose)
        if not mine:
            continue
        with running.database.write() as connection:
            mine = links.claim(connection, one, now)
            if mine:  # should hearing it fail, it is tried again, and given up in the end
                links.put_off(connection, one, now + timedelta(seconds=6 * SECONDS))
        if not mine:
            continue
        said = Inbound(**{**one.to, "once": tuple(one.to["once"])})
        second = desk.second.opinion(said.text, local(now)) if desk.second is not None else None
        with running.work() as work:
            words = heard(work, desk, one.platform, said, second)
            if words:
                links.send(work, one.platform, said.to, words)
            links.sent(work.connection, one.row_id, work.now)
        desk.numbers.refill()
        behind.discard(whose)
        done += 1
    return done


def heard(work: Work, desk: Desk, platform: str, said: Inbound, second: Understanding | None = None) -> str:
    """The answer to a message of a platform's user."""
    message = _message(platform, said)
    words = language(message.language)
    if links.looks_like_code(said.text):
        if not said.private:
            links.void(work, said.text)
            return words("chat.link.private")
        outcome = links.redeem(work, platform, said.user, said.text)
        if outcome == "done":
            account = store.account_by_id(work.connection, links.account_of(work.connection, platform, said.user) or "")
            return words("chat.link.done", name=account.name if account else "")
        if outcome == "taken":
            log.warning("chat account bound to another", extra={"platform": platform})
        return words(f"chat.link.{outcome}")
    account_id = links.account_of(work.connection, platform, said.user)
    person = principal_for(work, account_id, f"chat:{platform}") if account_id else None
    if person is None:
        return words("chat.link.needed")
    if second is not None and not conversation.asks_elsewhere(work.connection, desk, person, message, work.now):
        second = None  # a question of ours was opened meanwhile
    work.actor = person.actor
    return "\n".join(spoken_lines(conversation.hear(work, desk, person, message, second)))


def principal_for(work: Work, account_id: str, session: str) -> Principal | None:
    """The person of an account as a platform speaks for them; None when the account may not be used any more."""
    account = store.account_by_id(work.connection, account_id)
    if account is None or not account.enabled or (account.until is not None and account.until <= work.now):
        return None
    roles: frozenset[Role] = frozenset(role for role in ROLES if role in account.roles)
    if not roles:
        return None
    return Principal(
        account=account.id, name=account.name, name_en=account.name_en, roles=roles,
        role=next(role for role in ROLES if role in roles), session=session, epoch=account.epoch,
        signed_in_at=work.now, department=account.department, organisation=account.organisation,
        supplier=account.supplier, crew=account.crew,
    )  # fmt: skip


# ---- answers


class Tokens:
    """Access tokens of this process, by platform."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, float]] = {}

    def of(self, channel: Channel) -> str:
        """A token that is good now; empty where none is needed.

        Raises:
            OSError, ValueError: the platform gives none.
        """
        asked = channel.token()
        if asked is None:
            return ""
        kept, until = self._kept.get(channel.name, ("", 0.0))
        if time.monotonic() < until:
            return kept
        answer = call(asked)
        token = answer.get("access_token") or answer.get("tenant_access_token")
        if not isinstance(token, str) or not token:
            raise ValueError(f"{channel.name} gave no token")
        self._kept[channel.name] = (token, time.monotonic() + TOKEN_LIVES)
        return token

    def drop(self, name: str) -> None:
        """The token of ``name`` is asked for anew."""
        self._kept.pop(name, None)


TOKENS = Tokens()


def call(post: Post) -> dict[str, Any]:
    """The platform's JSON answer. Redirects are not followed, and no more than 64 kB are read.

    Raises:
        OSError: it cannot be reached in time. ValueError: it refuses, or answers no JSON object.
    """
    parts = urlsplit(post.url)
    made: http.client.HTTPConnection
    if parts.scheme == "https":
        made = http.client.HTTPSConnection(parts.netloc, timeout=SECONDS, context=ssl.create_default_context())
    else:
        made = http.client.HTTPConnection(parts.netloc, timeout=SECONDS)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        made.request("POST" if post.body else "GET", path, post.body or None, post.headers)
        response = made.getresponse()
        body = response.read(MOST_ANSWER)
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        made.close()
    if response.status != 200:
        raise ValueError(f"status {response.status}")
    found = json.loads(body or b"{}")
    if not isinstance(found, dict) or found.get("errcode", found.get("code", 0)) not in (0, "0"):
        raise ValueError("refused")
    return found


def send_due(running: Running, channels: Mapping[str, Channel] | None = None, tokens: Tokens = TOKENS) -> int:
    """Answers that are due have been sent, or are put off; how many arrived. No transaction is open meanwhile."""
    channels = channels_of(running.settings) if channels is None else channels
    if not channels:
        return 0
    now = running.clock.now()
    with running.database.read() as connection:
        waiting = links.due(connection, now)
    arrived = 0
    for one in waiting:
        with running.database.write() as connection:
            mine = links.claim(connection, one, now + timedelta(seconds=6 * SECONDS))
        if not mine:
            continue
        done = _sent(channels.get(one.platform), one, tokens, now)
        with running.database.write() as connection:
            if done:
                links.sent(connection, one.row_id, running.clock.now())
            else:
                links.put_off(connection, one, running.clock.now())
        arrived += done
    return arrived


def _sent(channel: Channel | None, one: links.Outgoing, tokens: Tokens, now: Any) -> bool:
    if channel is None:
        return False
    try:
        post = channel.post(one.to, one.words, tokens.of(channel), now)
        if post is None:
            return False
        call(post)
    except (OSError, ValueError) as error:
        tokens.drop(channel.name)
        log.warning("answer not delivered", extra={"platform": one.platform, "problem": type(error).__name__})
        return False
    return True
