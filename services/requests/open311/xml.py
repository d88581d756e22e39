"""XML written from plain values; nothing here reads any."""

from __future__ import annotations

import re
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What XML 1.0 cannot hold at all, escaped or not (section 2.2).
_OUTSIDE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"})


def document(name: str, value: Any) -> bytes:
    """The document whose root is ``name``; see :func:`element`."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{element(name, value)}\n'.encode()


def element(name: str, value: Any) -> str:
    """One element: text, number or truth as text; a dictionary as its children; a list of (name, value) as several."""
    assert _NAME.fullmatch(name), name
    if value is None or value == "":
        return f"<{name}/>"
    if isinstance(value, bool):
        return f"<{name}>{'true' if value else 'false'}</{name}>"
    if isinstance(value, dict):
        return f"<{name}>{''.join(element(key, each) for key, each in value.items())}</{name}>"
    if isinstance(value, list):
        return f"<{name}>{''.join(element(key, each) for key, each in value)}</{name}>"
    text = _OUTSIDE.sub("\ufffd", str(value)).translate(_ESCAPES)
    return f"<{name}>{text}</{name}>"
