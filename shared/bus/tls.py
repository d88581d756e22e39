"""TLS to the broker: what ``amqps://host:5671/?cafile=FILE`` asks for.

The broker's certificate is checked, with its host name, against the authorities of ``cafile``, or of the system where
none is named. An address of ``amqps://`` is never spoken to unchecked: the libraries' own defaults differ about that.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

SCHEME = "amqps"


def parted(url: str) -> tuple[str, str]:
    """The address without its ``cafile``, and that file; empty where none is named."""
    parts = urlsplit(url)
    if parts.scheme != SCHEME:
        return url, ""
    query = parse_qsl(parts.query, keep_blank_values=True)
    file = next((value for name, value in query if name == "cafile"), "")
    return parts._replace(query=urlencode([each for each in query if each[0] != "cafile"])).geturl(), file


def context(url: str) -> ssl.SSLContext | None:
    """How ``url`` is spoken to; None where it asks for no TLS.

    Raises:
        OSError: its ``cafile`` cannot be read, or holds no certificate.
    """
    return ssl.create_default_context(cafile=parted(url)[1] or None) if urlsplit(url).scheme == SCHEME else None


def for_kombu(url: str) -> dict[str, Any]:
    """The arguments of ``kombu.Connection`` that say the same.

    Raises:
        OSError: as :func:`context`; kombu itself would say so only after it had connected.
    """
    address, file = parted(url)
    if context(url) is None:
        return {"hostname": address}
    checked = {"cafile": file or None, "check_hostname": True}
    return {"hostname": address, "ssl": {"context": checked, "server_hostname": urlsplit(address).hostname}}
