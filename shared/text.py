"""JSON text as this house writes it: no blanks, no escapes but the needed ones, no NaN. The encoders are made once."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Raises ValueError for NaN and infinity, TypeError for what JSON does not know.
compact: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
# One string in its quotation marks, the same as ``compact`` of it.
quoted: Callable[[str], str] = encode_basestring
