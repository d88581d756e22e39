"""Mail that came in, read without trust: bounded before it is parsed, and never believed for its From line alone.

Knows no database. What a mail server adds is believed only under the name the settings give it (RFC 8601).
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.utils import getaddresses
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from services.requests.letters.office import tidy
from shared.mail.smtp import is_address
from shared.mail.writing import tame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from email.message import Message

MOST = 10_000_000  # bytes of a whole mail, pictures included
MOST_HEADERS = 64_000  # bytes
MOST_BOUNDARIES = 20  # multiparts, however they are nested
MOST_PARTS = 40
MOST_DEPTH = 8
MOST_TEXT = 200_000  # bytes of a text part that are looked at
MOST_WORDS = 480  # characters that are understood: what somebody wants stands at the beginning
MOST_PICTURES = 6
PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_SECRET = re.compile(r"(?P<local>.+)\+(?P<secret>[a-z2-9]{24})")


class Hostile(Exception):
    """The mail is not worth an answer: it is made to break a reader."""


@dataclass(frozen=True)
class Mail:
    """One mail, as much of it as matters.

    Attributes:
        message_id: the sender's; a digest of the mail where it has none.
        sender: the one address of From; empty where there is not exactly one.
        authentic: the office's mail server says that it really came from the sender's domain.
        automatic: why no person wrote it; empty when one did.
        secrets: of personal addresses it was sent to.
        thread: Message-IDs it answers, oldest first.
        text: what was said, without what it quotes.
        whole: false when only its headers were read, because it is too large.
    """

    message_id: str
    sender: str
    authentic: bool
    automatic: str
    subject: str
    text: str
    secrets: tuple[str, ...] = ()
    thread: tuple[str, ...] = ()
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    whole: bool = True


def read(raw: bytes, office_address: str, authserv: str, host: str, recipients: Iterable[str] = ()) -> Mail:
    """The mail in ``raw``.

    ``host`` is that of our own Message-IDs; ``recipients`` are told by the mail server beside the headers.

    Raises:
        Hostile: it is nested, split or headed beyond what a person's program writes.
    """
    whole = len(raw) <= MOST
    head = _head(raw)
    if whole and raw.lower().count(b"boundary") > MOST_BOUNDARIES:
        raise Hostile("too many multiparts")
    try:
        found = email.message_from_bytes(raw if whole else head, policy=email.policy.compat32)
        sender = _sender(found)
        return Mail(
            message_id=_id(found, raw),
            sender=sender,
            authentic=bool(sender) and bool(authserv) and authentic(found, authserv, sender.rpartition("@")[2]),
            automatic=_automatic(found, sender, office_address, host),
            subject=_bare(_words(found.get("Subject"))),
            text=_text(found) if whole else "",
            secrets=tuple(_secrets(found, office_address, recipients)),
            thread=tuple(_thread(found)),
            pictures=tuple(_pictures(found)) if whole else (),
            whole=whole,
        )
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise Hostile(f"it cannot be read: {type(error).__name__}") from error


def _head(raw: bytes) -> bytes:
    ends = [
        at for at in (raw.find(b"\r\n\r\n", 0, MOST_HEADERS + 4), raw.find(b"\n\n", 0, MOST_HEADERS + 2)) if at >= 0
    ]
    if not ends:
        if len(raw) > MOST_HEADERS:
            raise Hostile("no end of its headers")
        return raw
    return raw[: min(ends)] + b"\r\n\r\n"


def _words(value: object) -> str:
    if value is None:
        return ""
    text = str(value)[:2000]
    with suppress(ValueError, LookupError):
        text = str(make_header(decode_header(text)))
    return tame(text, 300)


def _sender(found: Message) -> str:
    lines = found.get_all("From", [])
    if len(lines) != 1 or len(str(lines[0])) > 1000:
        return ""
    addresses = [address for _, address in getaddresses([str(lines[0])]) if address]
    return tidy(addresses[0]) if len(addresses) == 1 and is_address(addresses[0]) else ""


def _id(found: Message, raw: bytes) -> str:
    given = str(found.get("Message-ID", "")).strip()
    return (
        given[:250] if re.fullmatch(r"<[\x21-\x7e]{3,248}>", given) else f"<{hashlib.sha256(raw).hexdigest()}@unnamed>"
    )


def _thread(found: Message) -> Iterator[str]:
    text = f"{found.get('References', '')} {found.get('In-Reply-To', '')}"[-8000:]
    yield from dict.fromkeys(re.findall(r"<[\x21-\x3b\x3d\x3f-\x7e]{3,248}>", text))


def _secrets(found: Message, office_address: str, recipients: Iterable[str]) -> Iterator[str]:
    lines = [
        str(line)[:4000]
        for name in ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
        for line in found.get_all(name, [])[:5]
    ]
    ours, _, domain = office_address.lower().rpartition("@")
    for _, address in [*getaddresses(lines)[:200], *(("", each) for each in recipients)]:
        local, _, at = address.lower().rpartition("@")
        match = _SECRET.fullmatch(local)
        if match and at == domain and match["local"] == ours:
            yield match["secret"]


def _automatic(found: Message, sender: str, office_address: str, host: str) -> str:
    """RFC 3834 and what programs write besides: to answer these is to talk to a machine, perhaps for ever."""

    def value(name: str) -> str:
        return str(found.get(name, "")).strip().lower()

    if value("Auto-Submitted").partition(";")[0].strip() not in {"", "no"}:
        return "auto-submitted"
    if value("Precedence") in {"bulk", "junk", "list", "auto_reply"}:
        return "bulk"
    if any(
        found.get(name) is not None
        for name in ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Loop", "Feedback-ID")
    ):
        return "list"
    if value("Return-Path") == "<>":
        return "bounce"
    if found.get_content_type() == "multipart/report":
        return "report"
    local = sender.partition("@")[0].lower()
    if sender.lower() == office_address.lower() or value("Message-ID").endswith(f"@{host.lower()}>"):
        return "our own"
    if local in {"mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply"}:
        return "no person"
    return ""


# ---- whom it is really from


def authentic(found: Message, authserv: str, domain: str) -> bool:
    """Whether the office's own mail server has written that the mail came from ``domain``.

    Servers write above what is there, so lines count from the top until the first of another name; the first word about
    DMARC counts, without one a signature of just this domain. A line that cannot be read for certain counts for nothing.
    """
    dkim = False
    for line in found.get_all("Authentication-Results", [])[:20]:
        name, results = results_of(str(line)[:8000])
        if name != authserv:
            break
        dmarc = [(result, properties) for method, result, properties in results if method == "dmarc"]
        if dmarc:
            return len(dmarc) == 1 and dmarc[0][0] == "pass" and dmarc[0][1].get("header.from") == domain
        dkim = dkim or any(
            method == "dkim"
            and result == "pass"
            and domain in {properties.get("header.d"), properties.get("header.i", "").rpartition("@")[2]}
            for method, result, properties in results
        )
    return dkim


def results_of(line: str) -> tuple[str, list[tuple[str, str, dict[str, str]]]]:
    """The name and the (method, result, properties) of one Authentication-Results line; no name when it is in doubt."""
    plain = _unquoted(line)
    if plain is None:
        return "", []
    first, *rest = plain.lower().split(";")
    name = first.split()[0] if first.split() else ""
    found = []
    for part in rest:
        match = re.match(r"\s*([a-z0-9-]+)(?:\s*/\s*\d+)?\s*=\s*([a-z]+)(?=\s|$)", part)
        if match:
            properties: dict[str, str] = {}
            for key, value in re.findall(r"(?<!\S)([a-z0-9-]+\.[a-z0-9_-]+)\s*=\s*(\S+)", part[match.end() :]):
                properties.setdefault(key, value)
            found.append((match[1], match[2], properties))
    return name, found


def _unquoted(line: str) -> str | None:
    """``line`` without comments, quoted texts made into one harmless word; None when they do not end."""
    out: list[str] = []
    depth, quoted, escaped = 0, False, False
    for each in line:
        if escaped:
            escaped = False
            if quoted and not depth:
                out.append("_")
        elif each == "\\" and (quoted or depth):
            escaped = True
        elif quoted:
            if each == '"':
                quoted = False
            elif not depth:
                out.append(each if each.isalnum() or each in ".@_-+" else "_")
        elif each == '"' and not depth:
            quoted = True
        elif each == "(":
            depth += 1
        elif each == ")":
            if not depth:
                return None
            depth -= 1
            out.append(" ")
        elif not depth:
            out.append(each)
    return None if depth or quoted or escaped else "".join(out)


# ---- what it says


def _parts(found: Message) -> list[Message]:
    """Leaf parts in order; what is attached as a mail of its own is not looked into."""
    leaves: list[Message] = []
    stack: list[tuple[Message, int]] = [(found, 0)]
    seen = 0
    while stack:
        part, depth = stack.pop()
        seen += 1
        if seen > MOST_PARTS or depth > MOST_DEPTH:
            raise Hostile("too many parts")
        inner = part.get_payload()
        if part.get_content_maintype() == "message":
            continue
        if isinstance(inner, list):
            stack += [(each, depth + 1) for each in reversed(inner) if not isinstance(each, str)]
        else:
            leaves.append(part)
    return leaves


def _text(found: Message) -> str:
    plain, html = "", ""
    for part in _parts(found):
        if part.get_content_disposition() == "attachment":
            continue
        if part.get_content_type() == "text/plain" and not plain:
            plain = _decoded(part)
        elif part.get_content_type() == "text/html" and not html:
            html = _decoded(part)
    return said(plain if plain.strip() else shown(html))


def _decoded(part: Message) -> str:
    body = part.get_payload(decode=True)
    if not isinstance(body, bytes):
        return ""
    charset = (part.get_content_charset() or "utf-8").lower()
    if charset in {"gb2312", "gbk"}:
        charset = "gb18030"
    try:
        return body[:MOST_TEXT].decode(charset, "replace")
    except LookupError:
        return body[:MOST_TEXT].decode("utf-8", "replace")


class _Shown(HTMLParser):
    """What an HTML page shows, line by line, without what it quotes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._hidden = 0
        self.over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if (
            tag == "blockquote"
            or "gmail_quote" in (named.get("class") or "")
            or (named.get("id") or "") in {"divRplyFwdMsg", "appendonsend"}
        ):
            self.over = True
        if tag in {"script", "style", "head", "title"}:
            self._hidden += 1
        elif tag in {"br", "p", "div", "li", "tr", "h1", "h2", "h3"}:
            self.out.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style", "head", "title"}:
            self._hidden = max(0, self._hidden - 1)
        elif tag in {"p", "div", "li", "tr"}:
            self.out.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden and not self.over:
            self.out.append(data)


def shown(html: str) -> str:
    """The text that an HTML page shows."""
    parser = _Shown()
    parser.feed(html[:MOST_TEXT])
    return "".join(parser.out)


_QUOTED = re.compile(
    r"^(>|-{2,}\s*(original message|forwarded message|原始邮件|转发邮件|回复的原邮件)|_{10,}$|on .{5,120} wrote:$|.{0,80}(写道|wrote)[：:]$|(发件人|from)\s*[:：].*@)",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^((dear|hi|hello|hey|good (morning|afternoon|evening))\b[^.?!]{0,40}[,，!！:：.]?|(尊敬的.{0,15}|各位.{0,10}|.{0,8}(您好|你好))[，,!！:：。]?)$",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"^((best|kind|warm|many|with)?\s*(regards|wishes|thanks)[,.!]?|thanks?( you)?( in advance)?[,.!]?|cheers[,.!]?|sincerely.{0,15}|此致|敬礼[!！]?|顺颂.{0,6}|祝好[!！]?|(谢谢|多谢|感谢|麻烦了)[!！。]?)$",
    re.IGNORECASE,
)


def said(text: str) -> str:
    """What a person wrote in this mail, on one line: no quotation, no greeting, no signature, and no more than is understood."""
    lines: list[str] = []
    for line in text.replace("\r", "\n").replace("\u2028", "\n").split("\n")[:400]:
        plain = tame(line.replace("\u00a0", " "), 2000)
        if line.rstrip() == "--" or line == "-- " or _QUOTED.match(plain):
            break
        if not plain or (not lines and _GREETING.match(plain)):
            continue
        if _CLOSING.match(plain) and lines:
            break
        lines.append(plain)
    whole = ""
    for line in lines:
        if whole and whole[-1] not in "。！？.!?；;：:，,、":
            whole += "。" if ord(line[0]) > 0x2E7F else ". "
        elif whole and ord(whole[-1]) < 0x2E80:
            whole += " "
        whole += line
    if len(whole) <= MOST_WORDS:
        return whole
    for marks in ("。！？.!?；;", "，,"):
        end = max(whole.rfind(mark, 0, MOST_WORDS) for mark in marks)
        if end > MOST_WORDS // 2:
            return whole[: end + 1]
    return whole[:MOST_WORDS]


def _bare(subject: str) -> str:
    """A subject without the marks of answers and forwards."""
    return re.sub(
        r"^((re|fw|fwd|aw|回复|答复|转发)\s*(\[\d+\])?\s*[:：]\s*)+", "", subject, flags=re.IGNORECASE
    ).strip()


def _pictures(found: Message) -> Iterator[bytes]:
    count = 0
    for part in _parts(found):
        if part.get_content_type() in PICTURE_TYPES and count < MOST_PICTURES:
            body = part.get_payload(decode=True)
            if isinstance(body, bytes) and body:
                count += 1
                yield body
