"""Letters as RFC 5322 messages: text and HTML from one pair of templates. Values cannot break a header."""

from __future__ import annotations

import unicodedata
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from shared.language import CODES, language

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.language import Code

OURS = Path(__file__).parent / "templates"
# Everything is written in seven bits, so that no server on the way has to recode it.
POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)
LONGEST_SUBJECT = 150  # characters


def tame(text: str, most: int) -> str:
    """``text`` on one line, without anything that a header could not carry."""
    plain = "".join(
        " " if unicodedata.category(each) in {"Cc", "Zl", "Zp", "Cf", "Cs", "Co"} else each for each in text
    )
    plain = " ".join(plain.split())
    # The library reads an encoded word in a value, and with it the line break that one may hold.
    while "=?" in plain:
        plain = plain.replace("=?", "= ?")
    return plain if len(plain) <= most else plain[: most - 1] + "…"


@cache
def _environment(code: Code, folder: Path) -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, OURS]), undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=jinja2.select_autoescape(["html"]), auto_reload=False,
    )  # fmt: skip
    words = language(code)
    found.globals |= {"t": words, "lang": words}
    return found


def compose(
    folder: Path, template: str, code: Code, *, sender: str, name: str, to: str, message_id: str, subject: str,
    now: datetime, values: Mapping[str, Any], answering: bool = False,
) -> EmailMessage:  # fmt: skip
    """A letter from ``<template>.txt`` and ``.html`` in ``folder``; ``letter.html`` is the frame that all services share.

    ``name`` is that of the office it comes from; ``answering``: somebody wrote first.
    """
    assert code in CODES
    letter = EmailMessage(policy=POLICY)
    letter["Message-ID"] = message_id
    letter["Date"] = now
    letter["From"] = Address(tame(name, 60), addr_spec=sender)
    letter["To"] = Address(addr_spec=to)
    letter["Subject"] = tame(subject, LONGEST_SUBJECT)
    # RFC 3834: programs do not answer this, so that two of them never talk to each other for ever.
    letter["Auto-Submitted"] = "auto-replied" if answering else "auto-generated"
    letter["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    shown = {**values, "office": tame(name, 60), "subject": tame(subject, LONGEST_SUBJECT)}
    environment = _environment(code, folder)
    letter.set_content(environment.get_template(f"{template}.txt").render(shown), cte="base64")
    letter.add_alternative(environment.get_template(f"{template}.html").render(shown), subtype="html", cte="base64")
    return letter


def as_text(letter: EmailMessage) -> str:
    """The letter as it is handed to the server, ASCII alone."""
    return letter.as_bytes(policy=POLICY).decode("ascii")
