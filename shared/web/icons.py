"""The signs, drawn for this house on a 20 px grid with a 1.6 px round stroke, and 回, the seal in its four states."""

from __future__ import annotations

from markupsafe import Markup

_SIGNS: dict[str, str] = {
    "search": '<circle cx="9" cy="9" r="5.5"/><path d="m13.2 13.2 4 4"/>',
    "bell": '<path d="M4.5 14.5V9a5.5 5.5 0 0 1 11 0v5.5l1.2 1H3.3zM8 17.6h4"/>',
    "home": '<path d="M3 9.2 10 3.5l7 5.7M5 8v8.5h10V8M8.2 16.5v-5h3.6v5"/>',
    "list": '<path d="M3.5 5.2h13M3.5 10h13M3.5 14.8h8"/>',
    "chat": '<path d="M3 4.5h14v9.5H9.5L5.8 17v-3H3z"/>',
    "calendar": '<path d="M3.5 5h13v11.5h-13zM3.5 8.8h13M7 3v3.4M13 3v3.4"/>',
    "pin": '<path d="M10 17.5s5.5-4.9 5.5-9.2a5.5 5.5 0 0 0-11 0c0 4.3 5.5 9.2 5.5 9.2z"/><circle cx="10" cy="8.3" r="1.9"/>',
    "camera": '<path d="M3 6.5h3.2l1.3-2h5l1.3 2H17v9.5H3z"/><circle cx="10" cy="11" r="2.8"/>',
    "qr": '<path d="M3.5 3.5h5v5h-5zM11.5 3.5h5v5h-5zM3.5 11.5h5v5h-5zM11.5 11.5h2M16.5 11.5v2M11.5 16.5v-2.5h2.5M14.5 16.5h2"/>',
    "phone": '<path d="M6.8 3.5 8.5 7.6 6.6 9.2c.9 1.9 2.3 3.3 4.2 4.2l1.6-1.9 4.1 1.7v2.3c0 .7-.6 1.2-1.3 1.2C8.7 16.3 3.7 11.3 3.3 4.8c0-.7.5-1.3 1.2-1.3z"/>',
    "offline": '<path d="M3 3l14 14M6.4 11.6a5 5 0 0 1 2-1.1M3.5 8.6a9.5 9.5 0 0 1 2.6-1.7M16.5 8.6A9.5 9.5 0 0 0 9.3 6.1M12.3 10.8c.5.2.9.5 1.3.8M10 15.3v.1"/>',
    "check": '<path d="m4 10.5 4 4 8-9"/>',
    "info": '<circle cx="10" cy="10" r="7"/><path d="M10 9.2v4.3M10 6.5v.1"/>',
    "alert": '<path d="M10 3.2 17.8 16.5H2.2zM10 8.2v4M10 14.3v.1"/>',
    "send": '<path d="M3.5 10h12M11 5.5 15.5 10 11 14.5"/>',
    "moon": '<path d="M16 11.8A6.8 6.8 0 0 1 8.2 4 6.6 6.6 0 1 0 16 11.8z"/>',
    "plus": '<path d="M10 4v12M4 10h12"/>',
    "mic": '<path d="M8 4.5a2 2 0 0 1 4 0v5a2 2 0 0 1-4 0zM5.5 9.5a4.5 4.5 0 0 0 9 0M10 14v3"/>',
    "map": '<path d="M3 5.5 7.5 3.5l5 2 4.5-2v11l-4.5 2-5-2-4.5 2zM7.5 3.5v11M12.5 5.5v11"/>',
    "people": '<circle cx="7.5" cy="7" r="2.8"/><path d="M2.5 16c.4-3 2.3-4.5 5-4.5s4.6 1.5 5 4.5M13 4.6a2.6 2.6 0 0 1 0 4.9M14.5 11.8c1.7.6 2.7 2 3 4.2"/>',
    "sun": '<circle cx="10" cy="10" r="3.5"/><path d="M10 2.5v2M10 15.5v2M2.5 10h2M15.5 10h2M4.7 4.7l1.4 1.4M13.9 13.9l1.4 1.4M15.3 4.7l-1.4 1.4M6.1 13.9l-1.4 1.4"/>',
    "chart": '<path d="M3.5 3.5v13h13M6.5 13.5l3-4 2.5 2 4-6"/>',
    "document": '<path d="M5 2.8h7l3.5 3.5v11H5zM12 2.8v3.5h3.5M7.5 10h5.5M7.5 13h5.5"/>',
    "meter": '<path d="M3.5 14a6.5 6.5 0 1 1 13 0M10 14l3-4.5M3.5 14h1.5M15 14h1.5"/>',
    "seal": '<path d="M3.5 3.5h13v13h-13zM7.5 7.5h5v5h-5z"/>',
    "close": '<path d="M5 5l10 10M15 5 5 15"/>',
    "copy": '<path d="M7 7h9.5v9.5H7zM4 13H3.5V3.5H13V4"/>',
    "down": '<path d="m5.5 8 4.5 4.5L14.5 8"/>',
    "filter": '<path d="M3 5h14M5.5 10h9M8 15h4"/>',
    "clock": '<circle cx="10" cy="10" r="7"/><path d="M10 6v4.2l2.8 1.8"/>',
}

# Dashed: received, not sealed. Hollow inner square: sealed. Filled: proven here. Broken: does not verify.
_SEALS: dict[str, str] = {
    "proven": '<rect x="1.5" y="1.5" width="17" height="17" rx="2.5" fill="none" stroke="currentColor" stroke-width="2"/><rect x="6" y="6" width="8" height="8" rx="1" fill="currentColor"/>',
    "sealed": '<rect x="1.5" y="1.5" width="17" height="17" rx="2.5" fill="none" stroke="currentColor" stroke-width="2"/><rect x="6.5" y="6.5" width="7" height="7" rx="1" fill="none" stroke="currentColor" stroke-width="1.5"/>',
    "waiting": '<rect x="1.5" y="1.5" width="17" height="17" rx="2.5" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="3.5 2.5"/>',
    "broken": '<path d="M8 1.5H4A2.5 2.5 0 0 0 1.5 4v12A2.5 2.5 0 0 0 4 18.5h12a2.5 2.5 0 0 0 2.5-2.5v-4M12.5 1.5H16A2.5 2.5 0 0 1 18.5 4v3.5M7 7l6 6M13 7l-6 6" fill="none" stroke="currentColor" stroke-width="2"/>',
}


def icon(name: str, kind: str = "i") -> Markup:
    """The sign ``name`` as inline SVG, hidden from readers: a word stands beside it or in the button's label."""
    return Markup(
        '<svg class="{}" viewBox="0 0 20 20" aria-hidden="true"><g fill="none" stroke="currentColor" stroke-width="1.6"'
        ' stroke-linecap="round" stroke-linejoin="round">{}</g></svg>'
    ).format(kind, Markup(_SIGNS[name]))  # noqa: S704


def seal_mark(state: str = "proven", kind: str = "hui") -> Markup:
    """回 in the state ``waiting``, ``sealed``, ``proven`` or ``broken``."""
    return Markup('<svg class="{}" viewBox="0 0 20 20" aria-hidden="true">{}</svg>').format(kind, Markup(_SEALS[state]))  # noqa: S704
