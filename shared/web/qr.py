"""QR codes on pages."""

from __future__ import annotations

import base64


def picture(text: str) -> str:
    """``text`` as a QR code, an address of a picture (a ``data:`` URL of SVG)."""
    import qrcode.image.svg  # brings the imaging library, 4 MiB, so it is read where it is first needed

    drawn = qrcode.make(text, image_factory=qrcode.image.svg.SvgPathFillImage, border=2)
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.to_string()).decode()
