"""钉钉 DingTalk: a robot of one's own, and the encrypted event callback.

The robot's signature does not cover the body: a captured pair of headers could sign any text for an hour. Each pair is
therefore taken once, only linked people are served, and the encrypted event callback is the better choice where it can
be had.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from services.requests.chat.channels.base import (
    MOST_BODY,
    MOST_TEXT,
    Challenge,
    Channel,
    Envelope,
    Ignored,
    Inbound,
    Post,
    Rejected,
    equal,
    fresh,
    number,
)
from shared.errors import Malformed
from shared.web.intake import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ROBOT_WINDOW = timedelta(hours=1)


def robot_signature(timestamp: str, secret: str) -> str:
    """base64(HMAC-SHA256(key = AppSecret, timestamp + newline + AppSecret)), of calls in both directions."""
    signed = hmac.digest(secret.encode(), f"{timestamp}\n{secret}".encode("utf-8", "surrogatepass"), sha256)
    return base64.b64encode(signed).decode()


def body_of(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``.

    Raises:
        Rejected: there is none.
    """
    if len(body) > MOST_BODY:
        raise Rejected("size")
    try:
        found = read_json(body)
    except Malformed as error:
        raise Rejected("json") from error
    if not isinstance(found, dict):
        raise Rejected("json")
    return found


def text_at(found: Mapping[str, Any], name: str) -> str:
    """The text ``name`` of an object; empty when there is none."""
    value = found.get(name)
    return value if isinstance(value, str) else ""


class DingTalk(Channel):
    """A company's robot and, where token and key are set, its event callback."""

    name: ClassVar[str] = "dingtalk"
    needed: ClassVar[tuple[str, ...]] = ("app_secret", "webhooks")
    keep: ClassVar[timedelta] = timedelta(hours=8)

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(settings)
        events = [settings.get(name, "") for name in ("token", "aes_key", "app_key")]
        if any(events) and not all(events):
            raise ValueError("dingtalk: token, aes_key and app_key must be set together")
        self._envelope = Envelope(*events) if all(events) else None

    def receive(
        self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, now: datetime
    ) -> Inbound | Challenge | Ignored:
        signed = query.get("msg_signature") or query.get("signature")
        if signed:
            return self._event(signed, query, body, now)
        timestamp, sign = headers.get("timestamp", ""), headers.get("sign", "")
        if not timestamp or not sign:
            raise Rejected("incomplete")
        if not equal(sign, robot_signature(timestamp, self.settings["app_secret"])):
            raise Rejected("signature")
        if not fresh(number(timestamp) / 1000, now, ROBOT_WINDOW):
            raise Rejected("old")
        told = body_of(body)
        user, message = text_at(told, "senderStaffId"), text_at(told, "msgId")
        once = (f"s:{timestamp}:{sign}", f"m:{message}")
        content = told.get("text")
        if not user or not message or told.get("msgtype", "text") != "text" or not isinstance(content, dict):
            return Ignored(once)
        until = told.get("sessionWebhookExpiredTime")
        to = {
            "url": text_at(told, "sessionWebhook"), "user": user,
            "until": until if isinstance(until, int) else int(now.timestamp() * 1000),
        }  # fmt: skip
        private = told.get("conversationType") == "1"
        return Inbound(user, message, text_at(content, "content").strip(), once, private, to)

    def _event(self, signed: str, query: Mapping[str, str], body: bytes, now: datetime) -> Challenge:
        if self._envelope is None:
            raise Rejected("events are off")
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        self._envelope.open(signed, timestamp, nonce, text_at(body_of(body), "encrypt"))
        if not fresh(number(timestamp) / 1000, now):
            raise Rejected("old")
        stamp, mark = str(int(now.timestamp() * 1000)), secrets.token_hex(8)
        encrypted, signature = self._envelope.seal(b"success", secrets.token_bytes(16), stamp, mark)
        told = {"msg_signature": signature, "timeStamp": stamp, "nonce": mark, "encrypt": encrypted}
        return Challenge(json.dumps(told).encode(), "application/json; charset=utf-8")

    def token(self) -> None:
        return None

    def post(self, to: Mapping[str, Any], words: str, token: str, now: datetime) -> Post | None:
        # The address came with the message, whose body no signature covers: only the platform's own hosts are called.
        url, allowed = str(to.get("url", "")), self.settings["webhooks"].rstrip("/")
        ours = urlsplit(allowed)
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) != (ours.scheme, ours.netloc) or now.timestamp() * 1000 >= to.get("until", 0):
            return None
        body = {"msgtype": "text", "text": {"content": words[:MOST_TEXT]}}
        return Post(
            url, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json; charset=utf-8"}
        )
