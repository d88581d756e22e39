"""Letters as RFC 5322 messages: text and HTML, ways to stop them, calendar entries. Values cannot break a header."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.requests.letters import boxes
from shared.mail.writing import as_text, compose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.requests.letters.office import Office
    from shared.language import Code

FOLDER = Path(__file__).parents[1] / "templates" / "mail"
MOST_LISTED = 50  # notices that one daily letter names


@dataclass(frozen=True)
class Line:
    """One notice in a daily letter."""

    text: str
    link: str
    at: datetime


def message(
    office: Office, to: str, message_id: str, subject: str, template: str, code: Code, now: datetime, *,
    stop: str = "", answers: bool = False, calendar: tuple[bytes, str] | None = None,
    thread: Sequence[str] = (), values: Mapping[str, Any],
) -> str:  # fmt: skip
    """One letter from ``mail/<template>.txt`` and ``.html``, as it is handed to the server.

    ``stop`` is the token of the link that stops letters like this one, empty for letters that somebody has just asked for;
    with ``answers`` whoever answers speaks to the office's intake; ``calendar`` is an RFC 5545 text and its method;
    ``thread`` holds the Message-IDs that it answers, oldest first.
    """
    letter = compose(
        FOLDER, template, code, sender=office.sender, name=office.name, to=to, message_id=message_id, subject=subject, now=now,
        answering=bool(thread),
        values={
            **values, "stop_link": f"{office.public_url}/requests/letters/stop/{stop}" if stop else "",
            "choices_link": f"{office.public_url}/requests/me/mail", "answers": answers and office.intake,
        },
    )  # fmt: skip
    if answers and office.intake:
        letter["Reply-To"] = Address(addr_spec=office.sender)
    if thread:
        known = [each for each in thread if _is_id(each)]
        if known:
            letter["In-Reply-To"] = known[-1]
            letter["References"] = " ".join([known[0], *known[1:][-10:]] if len(known) > 1 else known)
    if stop:
        letter["List-Unsubscribe"] = f"<{office.public_url}/requests/letters/stop/{stop}>"
        letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    if calendar:
        text, method = calendar
        letter.add_attachment(
            text.decode(), subtype="calendar", cte="base64", filename="houqin.ics", params={"method": method}
        )  # fmt: skip
    return as_text(letter)


def _is_id(text: str) -> bool:
    return (
        text.startswith("<")
        and text.endswith(">")
        and text.isascii()
        and text.isprintable()
        and " " not in text
        and len(text) <= 250
    )


def id_of(office: Office, name: str) -> str:
    """The Message-ID of what ``name`` names: the same whenever it is written."""
    return f"<{name}@{office.host}>"


def stop_of(office: Office, account: str, what: str) -> str:
    """The token of the link that stops ``what``."""
    return boxes.stop_token(office.secret, account, what)
