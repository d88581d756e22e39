"""A statement on paper and as a spreadsheet: the same lines, the same sums, the amount in capitals, room for stamps."""

from __future__ import annotations

import io
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

if TYPE_CHECKING:
    from shared.language import Language

FACE = "STSong-Light"  # one of the fonts that every reader of PDF has for Chinese; nothing is embedded


def heads(language: Language) -> list[str]:
    """The words over the columns."""
    return [language(f"parts.money.{name}") for name in ("line", "quantity", "rate", "amount")]


def facts(language: Language, sheet: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands above the lines."""
    return [
        (language("billing.settle.ref"), sheet["ref"]),
        (language("billing.contract"), sheet["contract"]),
        (language("billing.statements.buyer"), sheet["buyer"]),
        (language("billing.statements.seller"), sheet["supplier"]),
        (language("billing.period"), sheet["month"]),
        (language("billing.settle.state"), sheet["state"]),
        (language("billing.settle.due"), language.date(sheet["due_on"]) if sheet["due_on"] else "–"),
    ]


def pdf(language: Language, sheet: dict[str, Any]) -> bytes:
    """The statement as PDF on A4; the same bytes for the same statement."""
    if FACE not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FACE))
    small = ParagraphStyle("small", fontName=FACE, fontSize=9, leading=12, wordWrap="CJK")
    large = ParagraphStyle("large", parent=small, fontSize=16, leading=22, alignment=1)
    right = ParagraphStyle("right", parent=small, alignment=2)

    def text(words: object, style: ParagraphStyle = small) -> Paragraph:
        return Paragraph(escape(str(words), quote=False), style)

    lines = [[text(words) for words in heads(language)]]
    lines += [
        [text(f"{row['number']}. {row['words']}  {row['note']}"), text(row["quantity"], right), text(row["rate"], right),
         text(language.amount(row["amount"]), right)]
        for row in sheet["rows"]
    ]  # fmt: skip
    lines.append([text(language("billing.total")), "", "", text(language.amount(sheet["total"]), right)])
    table = Table(lines, colWidths=[82 * mm, 30 * mm, 34 * mm, 30 * mm], repeatRows=1)
    table.setStyle([("GRID", (0, 0), (-1, -1), 0.4, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    head = Table([[text(name), text(value)] for name, value in facts(language, sheet)], colWidths=[32 * mm, 144 * mm])
    signed = sheet["signed"] or [("", None)]
    stamps = Table(
        [
            [text(language("billing.settle.stamp_buyer")), text(language("billing.settle.stamp_seller"))],
            [[text(f"{name} {language.stamp(at) if at else ''}") for name, at in signed] + [Spacer(1, 24 * mm)], ""],
        ],
        colWidths=[88 * mm, 88 * mm],
    )
    stamps.setStyle(
        [
            ("BOX", (0, 0), (0, -1), 0.4, colors.grey),
            ("BOX", (1, 0), (1, -1), 0.4, colors.grey),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    out = io.BytesIO()
    paper = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=17 * mm, rightMargin=17 * mm, topMargin=16 * mm, bottomMargin=16 * mm,
        title=sheet["title"], author="Houqin", invariant=1,
    )  # fmt: skip
    capitals = language("parts.money.in_words", words=language.capitals(sheet["total"]))
    paper.build(
        [text(sheet["title"], large), Spacer(1, 4 * mm), head, Spacer(1, 4 * mm), table, Spacer(1, 3 * mm), text(capitals),
         Spacer(1, 6 * mm), stamps, Spacer(1, 4 * mm), text(f"SHA-256 {sheet['digest']}")]
    )  # fmt: skip
    return out.getvalue()


def xlsx(language: Language, sheet: dict[str, Any]) -> bytes:
    """The statement as a workbook: amounts are numbers, words are text whatever they begin with."""
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = sheet["ref"][:31]
    put(page, 1, 1, sheet["title"]).font = Font(bold=True, size=14)
    row = 2
    for name, value in facts(language, sheet):
        row += 1
        put(page, row, 1, name)
        put(page, row, 2, value)
    row += 2
    for column, words in enumerate(heads(language), 1):
        put(page, row, column, words).font = Font(bold=True)
    for each in sheet["rows"]:
        row += 1
        put(page, row, 1, f"{each['number']}. {each['words']} {each['note']}")
        put(page, row, 2, each["quantity"])
        put(page, row, 3, each["rate"])
        put(page, row, 4, each["amount"])
    row += 1
    put(page, row, 1, language("billing.total")).font = Font(bold=True)
    put(page, row, 4, sheet["total"]).font = Font(bold=True)
    put(page, row + 1, 1, language("parts.money.in_words", words=language.capitals(sheet["total"])))
    row += 3
    side = Side(style="thin")
    for column, words in ((1, "billing.settle.stamp_buyer"), (3, "billing.settle.stamp_seller")):
        cell = put(page, row, column, language(words))
        cell.alignment, cell.border = Alignment(vertical="top"), Border(side, side, side, side)
    page.row_dimensions[row].height = 90
    put(page, row + 1, 1, f"SHA-256 {sheet['digest']}")
    for letter, width in (("A", 60), ("B", 18), ("C", 24), ("D", 16)):
        page.column_dimensions[letter].width = width
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def put(page: Any, row: int, column: int, value: object) -> Any:
    """One cell; text is text even where it begins with an equals sign (openpyxl would make it a formula)."""
    cell = page.cell(row=row, column=column)
    if isinstance(value, Decimal | int):
        cell.value = value
        cell.number_format = "#,##0.00" if isinstance(value, Decimal) else "0"
    else:
        cell.value = str(value)
        cell.data_type = "s"
    return cell
