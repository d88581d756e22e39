"""Door labels: sheets of QR codes that open the page of a place with its likely items, as a PDF to be printed and cut."""

from __future__ import annotations

import io
from itertools import groupby
from typing import TYPE_CHECKING

from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.requests.compound import Place

FONT = "STSong-Light"  # every PDF reader carries it, so no font file is shipped
ACROSS, DOWN = 3, 7
WIDTH, HEIGHT = 64 * mm, 38 * mm
LEFT, TOP = 9 * mm, 15 * mm
CODE = 28 * mm
QUIET = 4  # modules of white around a code (ISO/IEC 18004, 9.1)


def sheet(places: Sequence[Place], address: str, advice: str, site: str) -> bytes:
    """Labels for these places, 21 on each A4 page; ``address`` holds ``{code}`` and is what a telephone opens.

    The same places give the same bytes.
    """
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    canvas.setTitle(site)
    for number, place in enumerate(places):
        on_page = number % (ACROSS * DOWN)
        if number and not on_page:
            canvas.showPage()
        column, row = on_page % ACROSS, on_page // ACROSS
        _label(canvas, LEFT + column * WIDTH, A4[1] - TOP - (row + 1) * HEIGHT, place, address, advice)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _label(canvas: Canvas, x: float, y: float, place: Place, address: str, advice: str) -> None:
    canvas.setLineWidth(0.25)
    canvas.setDash(1, 2)
    canvas.rect(x, y, WIDTH, HEIGHT)
    canvas.setDash()
    _square(canvas, x + 2 * mm, y + (HEIGHT - CODE) / 2, address.format(code=place.code))
    beside = x + CODE + 4 * mm
    canvas.setFont(FONT, 17)
    canvas.drawString(beside, y + HEIGHT - 12 * mm, place.room or place.code)
    canvas.setFont(FONT, 8)
    canvas.drawString(beside, y + HEIGHT - 17 * mm, place.name.zh[:14])
    canvas.drawString(beside, y + 12 * mm, advice[:14])
    canvas.setFont(FONT, 7)
    canvas.drawString(beside, y + 8 * mm, place.code)


def _square(canvas: Canvas, x: float, y: float, text: str) -> None:
    """The QR code of the text, CODE wide with its quiet zone: one path of runs, a tenth of the time of single squares."""
    code = QrCodeWidget(text, barLevel="M").qr
    code.make()
    side = code.getModuleCount()
    step = CODE / (side + 2 * QUIET)
    path = canvas.beginPath()
    for row in range(side):
        top = y + CODE - (row + QUIET + 1) * step
        start = 0
        for dark, run in groupby(range(side), lambda column, row=row: code.isDark(row, column)):  # type: ignore[misc]
            length = len(list(run))
            if dark:
                path.rect(x + (start + QUIET) * step, top, length * step, step)
            start += length
    canvas.drawPath(path, stroke=0, fill=1)
