"""Chat programs people use: one file each, behind one interface.

A channel decides from the raw bytes alone whether a call is the platform's; whom it speaks for is decided afterwards by
the link a signed-in person made. Answers leave through a table and a timer, so that a call is acknowledged at once.
"""

from __future__ import annotations

from services.requests.chat.channels.base import Challenge, Channel, Ignored, Inbound, Post, Rejected
from services.requests.chat.channels.dingtalk import DingTalk
from services.requests.chat.channels.feishu import Feishu
from services.requests.chat.channels.wecom import WeCom

KINDS: dict[str, type[Channel]] = {"wecom": WeCom, "dingtalk": DingTalk, "feishu": Feishu}

__all__ = ["KINDS", "Challenge", "Channel", "DingTalk", "Feishu", "Ignored", "Inbound", "Post", "Rejected", "WeCom"]
