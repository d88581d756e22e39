"""飞书 Feishu / Lark: the event subscription of an application of one's own, always encrypted."""

from __future__ import annotations

import base64
import hmac
import json
import re
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

from services.requests.chat.channels.base import (
    MOST_TEXT,
    Challenge,
    Channel,
    Ignored,
    Inbound,
    Post,
    Rejected,
    decoded,
    decrypted,
    equal,
    fresh,
    number,
    unpadded,
)
from services.requests.chat.channels.dingtalk import body_of, text_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_MENTION = re.compile(r"@_user_\d+\s*|@_all\s*")


def signature(timestamp: str, nonce: str, key: str, body: bytes) -> str:
    """Hexadecimal SHA-256 of time stamp, nonce, Encrypt Key and raw body: a plain hash, no HMAC."""
    return sha256(f"{timestamp}{nonce}{key}".encode("utf-8", "surrogatepass") + body).hexdigest()


def opened(encrypted: str, key: str) -> bytes:
    """The event inside: AES-256-CBC, key = SHA-256 of the Encrypt Key, IV = the first 16 bytes.

    Raises:
        Rejected: it was not encrypted with this key.
    """
    data = decoded(encrypted)
    if len(data) < 32:
        raise Rejected("blocks")
    return unpadded(decrypted(sha256(key.encode()).digest(), data[:16], data[16:]), 16)


def robot_signature(timestamp: str, secret: str) -> str:
    """What a custom group robot wants: HMAC-SHA256 keyed by time stamp, newline and secret, of nothing."""
    return base64.b64encode(hmac.digest(f"{timestamp}\n{secret}".encode(), b"", sha256)).decode()


class Feishu(Channel):
    """An application of one's own. Calls are repeated after 15 s, 5 min, 1 h and 6 h, with the same event id."""

    name: ClassVar[str] = "feishu"
    needed: ClassVar[tuple[str, ...]] = ("app_id", "app_secret", "encrypt_key", "verification_token", "api")
    keep: ClassVar[timedelta] = timedelta(hours=9)

    def receive(
        self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, now: datetime
    ) -> Inbound | Challenge | Ignored:
        key = self.settings["encrypt_key"]
        outside = body_of(body)
        timestamp = headers.get("X-Lark-Request-Timestamp", "")
        nonce, signed = headers.get("X-Lark-Request-Nonce", ""), headers.get("X-Lark-Signature", "")
        if not (timestamp and nonce and signed):
            # The platform's first question, whether the address is ours, comes without a signature.
            return self._challenge(opened(text_at(outside, "encrypt"), key))
        if not equal(signed, signature(timestamp, nonce, key, body)):
            raise Rejected("signature")
        if not fresh(number(timestamp), now):
            raise Rejected("old")
        plain = opened(text_at(outside, "encrypt"), key)
        told = body_of(plain)
        if told.get("type") == "url_verification":
            return self._challenge(plain)
        header, event = told.get("header"), told.get("event")
        if not isinstance(header, dict) or not isinstance(event, dict):
            raise Rejected("shape")
        if not equal(text_at(header, "token"), self.settings["verification_token"]):
            raise Rejected("token")
        once = (f"s:{signed}:{nonce}", f"m:{text_at(header, 'event_id')}")
        return self._message(header, event, once)

    def _challenge(self, plain: bytes) -> Challenge:
        told = body_of(plain)
        if told.get("type") != "url_verification" or not equal(
            text_at(told, "token"), self.settings["verification_token"]
        ):
            raise Rejected("token")
        return Challenge(
            json.dumps({"challenge": text_at(told, "challenge")}).encode(), "application/json; charset=utf-8"
        )

    @staticmethod
    def _message(header: dict[str, Any], event: dict[str, Any], once: tuple[str, ...]) -> Inbound | Ignored:
        message, sender = event.get("message"), event.get("sender")
        if (
            header.get("event_type") != "im.message.receive_v1"
            or not isinstance(message, dict)
            or not isinstance(sender, dict)
        ):
            return Ignored(once)
        ids = sender.get("sender_id")
        user = text_at(ids, "open_id") if isinstance(ids, dict) else ""
        if message.get("message_type") != "text" or not user:
            return Ignored(once)
        content = body_of(text_at(message, "content").encode("utf-8", "surrogatepass"))
        text = _MENTION.sub("", text_at(content, "text")).strip()
        private = message.get("chat_type") == "p2p"
        return Inbound(
            user, text_at(header, "event_id"), text, once, private, {"user": user, "chat": text_at(message, "chat_id")}
        )

    def token(self) -> Post:
        body = {"app_id": self.settings["app_id"], "app_secret": self.settings["app_secret"]}
        return Post(
            f"{self.settings['api']}/open-apis/auth/v3/tenant_access_token/internal", json.dumps(body).encode(),
            {"Content-Type": "application/json; charset=utf-8"},
        )  # fmt: skip

    def post(self, to: Mapping[str, Any], words: str, token: str, now: datetime) -> Post:
        chat = str(to.get("chat") or "")
        body = {
            "receive_id": chat or to["user"], "msg_type": "text",
            "content": json.dumps({"text": words[:MOST_TEXT]}, ensure_ascii=False),
        }  # fmt: skip
        return Post(
            f"{self.settings['api']}/open-apis/im/v1/messages?receive_id_type={'chat_id' if chat else 'open_id'}",
            json.dumps(body, ensure_ascii=False).encode(),
            {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {token}"},
        )
