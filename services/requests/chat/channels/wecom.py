"""企业微信 WeCom: the callback of an application of one's own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

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
    fresh,
    number,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# The platform's XML is one flat element. It is read without an XML parser, so that there is nothing to bomb: a document
# type, an entity or anything else that is not a plain field is refused. (security C3)
_FIELD = re.compile(r"<([A-Za-z]{1,40})>(?:<!\[CDATA\[(.*?)\]\]>|([^<&]*))</\1>", re.DOTALL)
_XML = re.compile(r"\s*(?:<\?xml[^>?]{0,100}\?>\s*)?<xml>\s*(.*?)\s*</xml>\s*", re.DOTALL)


def fields(body: bytes) -> dict[str, str]:
    """The fields of the platform's flat XML.

    Raises:
        Rejected: it is anything else.
    """
    if len(body) > MOST_BODY:
        raise Rejected("size")
    try:
        whole = _XML.fullmatch(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Rejected("encoding") from error
    if whole is None:
        raise Rejected("xml")
    found, rest = {}, whole.group(1)
    for match in _FIELD.finditer(rest):
        found[match.group(1)] = match.group(2) if match.group(2) is not None else match.group(3)
    if _FIELD.sub("", rest).strip():
        raise Rejected("xml")
    return found


class WeCom(Channel):
    """An application of one's own in a company's WeCom.

    Retries come up to three times after five seconds; they carry the same MsgId.
    """

    name: ClassVar[str] = "wecom"
    needed: ClassVar[tuple[str, ...]] = ("token", "aes_key", "corp_id", "agent_id", "secret", "api")

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._envelope = Envelope(settings["token"], settings["aes_key"], settings["corp_id"])

    def receive(
        self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, now: datetime
    ) -> Inbound | Challenge | Ignored:
        signature, timestamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        if "echostr" in query and not body:
            plain = self._envelope.open(signature, timestamp, nonce, query["echostr"])
            if not fresh(number(timestamp), now):
                raise Rejected("old")
            return Challenge(plain)
        plain = self._envelope.open(signature, timestamp, nonce, fields(body).get("Encrypt", ""))
        if not fresh(number(timestamp), now):
            raise Rejected("old")
        told = fields(plain)
        user, kind = told.get("FromUserName", ""), told.get("MsgType", "")
        message = told.get("MsgId") or f"{user}:{told.get('CreateTime', '')}"
        once = (f"s:{signature}:{nonce}", f"m:{message}")
        if kind != "text" or not user:
            return Ignored(once)
        return Inbound(user, message, told.get("Content", ""), once, private=True, to={"user": user})

    def token(self) -> Post:
        settings = self.settings
        return Post(
            f"{settings['api']}/cgi-bin/gettoken?corpid={settings['corp_id']}&corpsecret={settings['secret']}", b""
        )

    def post(self, to: Mapping[str, Any], words: str, token: str, now: datetime) -> Post:
        body = {
            "touser": to["user"], "msgtype": "text", "agentid": int(self.settings["agent_id"]),
            "text": {"content": words[:MOST_TEXT]},
        }  # fmt: skip
        return Post(
            f"{self.settings['api']}/cgi-bin/message/send?access_token={token}",
            json.dumps(body, ensure_ascii=False).encode(),
            {"Content-Type": "application/json; charset=utf-8"},
        )
