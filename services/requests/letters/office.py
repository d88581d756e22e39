"""The settings of mail, read and checked once."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from email.utils import parseaddr
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.mail.smtp import Server, is_address
from shared.settings import BadSettings
from shared.web.assembly import cursor_secret

if TYPE_CHECKING:
    from shared.settings import Settings


def tidy(address: str) -> str:
    """The address with its domain in lower case; its local part is the other server's business."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


@dataclass(frozen=True)
class Office:
    """How this installation uses mail.

    Attributes:
        smtp: None = no letter is ever written.
        sender: the address letters come from, and to which answers go when requests may come by mail.
        host: right-hand side of Message-IDs and UIDs.
        secret: signs the links that stop letters.
        intake: requests may come by mail.
        authserv: whose Authentication-Results are believed; empty = nobody's, only secret addresses count.
    """

    smtp: Server | None
    sender: str
    name: str
    public_url: str
    host: str
    hour: int
    secret: bytes
    intake: bool
    authserv: str
    imap: Server | None
    folder: str


def no_mail() -> Office:
    """Mail is off."""
    return Office(None, "", "", "", "houqin", 8, b"", intake=False, authserv="", imap=None, folder="INBOX")


def office_of(settings: Settings) -> Office:
    """The mail settings.

    Raises:
        BadSettings: they do not fit together.
    """
    public_url = str(settings["HOUQIN_PUBLIC_URL"]).rstrip("/")
    smtp = _server(settings, "SMTP")
    sender = parseaddr(str(settings["REQUESTS_MAIL_FROM"]))[1]
    if (smtp or settings["REQUESTS_MAIL_INTAKE"]) and not is_address(sender):
        raise BadSettings(
            "REQUESTS_MAIL_FROM: one mail address is needed with REQUESTS_SMTP_HOST or REQUESTS_MAIL_INTAKE"
        )
    imap = _server(settings, "IMAP")
    intake = bool(settings["REQUESTS_MAIL_INTAKE"])
    if imap and not intake:
        raise BadSettings("REQUESTS_IMAP_HOST: only with REQUESTS_MAIL_INTAKE")
    return Office(
        smtp=smtp,
        sender=tidy(sender) if sender else "",
        name=str(settings["HOUQIN_SITE_NAME"]) or "后勤 Houqin",
        public_url=public_url,
        host=urlsplit(public_url).hostname or "houqin",
        hour=int(settings["REQUESTS_MAIL_DIGEST_HOUR"]),
        secret=hmac.new(cursor_secret(settings), b"letters", hashlib.sha256).digest(),
        intake=intake,
        authserv=str(settings["REQUESTS_MAIL_AUTHSERV_ID"]).strip().lower(),
        imap=imap,
        folder=str(settings["REQUESTS_IMAP_FOLDER"]),
    )


def _server(settings: Settings, kind: str) -> Server | None:
    host = str(settings[f"REQUESTS_{kind}_HOST"]).strip()
    if not host:
        return None
    security = str(settings[f"REQUESTS_{kind}_SECURITY"])
    user, password = str(settings[f"REQUESTS_{kind}_USER"]), str(settings[f"REQUESTS_{kind}_PASSWORD"])
    port = int(settings[f"REQUESTS_{kind}_PORT"])
    return Server(host, port, security, user, password).guarded(f"REQUESTS_{kind}_SECURITY")
