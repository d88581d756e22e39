"""Requests by mail: whose it is, taken once, through the same conversation as the chat, answered by mail."""

from __future__ import annotations

import hashlib
import logging
import re
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from services.requests import pictures
from services.requests import tables as service_tables
from services.requests.chat import arrivals as chat_arrivals
from services.requests.chat import conversation
from services.requests.chat.conversation import Message, Overtaken
from services.requests.letters import boxes, composing, queue, reading, tables
from services.requests.model import short
from services.requests.notices import tables as notice_tables
from shared.apart import apart
from shared.errors import Invalid, Refused, TooMany
from shared.language import language
from shared.photos import drawn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from services.requests.desk import Desk
    from services.requests.letters.boxes import Box
    from services.requests.letters.office import Office
    from services.requests.letters.reading import Mail
    from shared.language import Code
    from shared.photos import Drawn
    from shared.service import Running
    from shared.work import Work

log = logging.getLogger("houqin.requests.letters")
MOST_AN_HOUR = 30  # mails of one person that are listened to
MOST_TRIES = 4
HOUR = timedelta(hours=1)
# What a mail that cannot be dealt with ends in: a rule or constraint that it meets, or what nobody foresaw in its content.
# Nothing of it was kept. Whatever else goes wrong is not the mail's fault, and is not laid at its door.
FAULTS: tuple[type[Exception], ...] = (
    Refused, Overtaken, SQLAlchemyError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
    AssertionError, RecursionError,
)  # fmt: skip
_arrival = tables.mail_arrival


def receive(running: Running, desk: Desk, raw: bytes, recipients: Iterable[str] = ()) -> str:
    """What became of a mail; in one transaction with whatever it asked for, and with its answer.

    ``taken``, ``again`` (it came before), ``automatic`` and ``hostile`` (no answer), ``unknown`` (nobody's, or not proven
    to be), ``empty``, ``too_large``, ``too_many``.

    Raises:
        Transient: nothing was done; the mail is to be given again.
    """
    office = desk.office
    try:
        mail = reading.read(raw, office.sender, office.authserv, office.host, recipients)
    except reading.Hostile as error:
        log.warning("mail of %d bytes is left aside: %s", len(raw), error)
        return "hostile"
    if mail.automatic:
        log.info("mail is left aside, no person wrote it: %s", mail.automatic)
        return "automatic"
    drawings = _drawings(running, mail)
    for tries in range(MOST_TRIES):
        try:
            with running.work() as work:
                outcome = _taken(work, desk, mail, drawings)
            break
        except Overtaken:
            if tries == MOST_TRIES - 1:
                raise
    desk.numbers.refill()
    log.info("mail: %s", outcome)
    return outcome


def _drawings(running: Running, mail: Mail) -> list[Drawn]:
    """The mail's pictures drawn anew, outside every transaction; those that are none are left. A stranger's are not looked at."""
    if not mail.pictures:
        return []
    with running.database.read() as connection:
        if _whose(connection, mail) is None:
            return []
    found = []
    for each in mail.pictures:
        with suppress(Invalid):
            found.append(apart(drawn, each))
    return found


def _kept(work: Work, account: str, drawings: list[Drawn]) -> tuple[str, ...]:
    """Ids of the pictures, which wait for the request; none when as many wait already as one account may have."""
    try:
        return tuple(pictures.put(work, account, each).id for each in drawings)
    except TooMany:
        return ()


def _taken(work: Work, desk: Desk, mail: Mail, drawings: list[Drawn]) -> str:
    box = _whose(work.connection, mail)
    account = box.account if box else ""
    if box is None and not mail.authentic:
        return "unknown"  # nothing is kept of what anybody may send
    if not _first(work, account, mail.message_id):
        return "again"
    person = chat_arrivals.principal_for(work, account, "chat:mail") if account else None
    if person is None or box is None:
        if mail.authentic:
            _unknown(work, desk.office, mail)
        return _noted(work, account, mail, "unknown")
    heard = _an_hour(work, account)
    if heard > MOST_AN_HOUR:
        if heard == MOST_AN_HOUR + 1:
            _answer(
                work, desk.office, box, mail, [language(box.language)("letter.in.too_many", emergency=desk.emergency)]
            )
        return _noted(work, account, mail, "too_many")
    if not mail.whole:
        _answer(
            work,
            desk.office,
            box,
            mail,
            [language(box.language)("letter.in.too_large", most=reading.MOST // 1_000_000)],
        )
        return _noted(work, account, mail, "too_large")
    text = _said(work.connection, desk.office, box, mail)
    if not text:
        _answer(work, desk.office, box, mail, [language(box.language)("letter.in.empty")])
        return _noted(work, account, mail, "empty")
    code: Code = "zh-Hans" if any("\u3400" <= each <= "\u9fff" for each in text) else "en"
    work.actor = person.actor
    kept = _kept(work, account, drawings)
    key = _digest(account, mail.message_id)
    message = Message("mail", key, text, code, thread=thread_of(desk.office, mail), photos=kept)
    answer = conversation.hear(work, desk, person, message)
    choices = [each["words"] for each in answer["choices"]]
    left = [language(code)("letter.in.pictures")] if len(kept) < len(mail.pictures) else []
    _answer(work, desk.office, box, mail, [*answer["texts"], *left], choices, code)
    return _noted(work, account, mail, "taken")


def _whose(connection: Connection, mail: Mail) -> Box | None:
    """Whose words the mail speaks: by the person's own address, or by a proven sender's verified one."""
    for secret in dict.fromkeys(mail.secrets):
        box = boxes.by_secret(connection, secret)
        if box is not None:
            return box
    return boxes.by_address(connection, mail.sender) if mail.authentic else None


def _digest(account: str, message_id: str) -> str:
    return hashlib.sha256(f"{account}\0{message_id}".encode()).hexdigest()


def _first(work: Work, account: str, message_id: str) -> bool:
    """Whether this person's mail of this id has not come before; nobody can use up the ids of another."""
    from sqlalchemy.dialects import postgresql, sqlite

    made = postgresql.insert if work.connection.dialect.name == "postgresql" else sqlite.insert
    row = {"key": _digest(account, message_id), "account": account, "at": work.now, "outcome": "taken"}
    return bool(work.connection.execute(made(_arrival).values(row).on_conflict_do_nothing()).rowcount)


def _noted(work: Work, account: str, mail: Mail, outcome: str) -> str:
    key = _digest(account, mail.message_id)
    work.connection.execute(_arrival.update().where(_arrival.c.key == key).values(outcome=outcome))
    return outcome


def _an_hour(work: Work, account: str) -> int:
    query = select(func.count()).where(_arrival.c.account == account, _arrival.c.at > work.now - HOUR)
    return int(work.connection.execute(query).scalar_one())


def _unknown(work: Work, office: Office, mail: Mail) -> None:
    """A proven sender nobody knows is told so, once a day: an unproven one may be somebody who knows nothing of it."""
    of: Code = "zh-Hans" if any("\u3400" <= each <= "\u9fff" for each in mail.subject + mail.text) else "en"
    words = language(of)
    day = work.now.date().isoformat()
    message_id = composing.id_of(office, f"unknown.{day}.{_digest('', mail.sender)[:32]}")
    text = words("letter.in.unknown", link=f"{office.public_url}/requests/me/mail")
    message = composing.message(
        office, mail.sender, message_id, words("letter.in.unknown_subject"), "answer", of, work.now,
        thread=[mail.message_id], values={"texts": [text], "choices": []},
    )  # fmt: skip
    queue.put(
        work.connection, work.new_id, work.now, message_id=message_id, account="", address=mail.sender, kind="answer",
        message=message,
    )  # fmt: skip


# ---- threads


def thread_of(office: Office, mail: Mail) -> str:
    """The conversation that a mail belongs to: that of our answer it answers, else that of the first mail."""
    ours = re.compile(rf"<answer\.([0-9a-f]{{16}})\.[0-9a-f]+@{re.escape(office.host)}>")
    for each in reversed(mail.thread):
        match = ours.fullmatch(each)
        if match:
            return match[1]
    return hashlib.sha256((mail.thread[0] if mail.thread else mail.message_id).encode()).hexdigest()[:16]


def _said(connection: Connection, office: Office, box: Box, mail: Mail) -> str:
    """What is understood: subject and text of a first mail; of an answer to a notice, the text about its request."""
    if not mail.thread:
        subject = mail.subject if mail.subject and mail.subject not in mail.text else ""
        return reading.said(f"{subject}\n{mail.text}")
    if not mail.text:
        return ""
    reference = _of_notice(connection, office, box, mail)
    if reference and reference not in mail.text and not conversation.is_short(mail.text):
        return f"{reference} {mail.text}"
    return mail.text


def _of_notice(connection: Connection, office: Office, box: Box, mail: Mail) -> str:
    """The short reference of the request of a notice of ours that the mail answers."""
    ids = [each[1:].partition("@")[0] for each in mail.thread if each.endswith(f"@{office.host}>")]
    notice, request = notice_tables.notice.c, service_tables.request.c
    query = (
        select(request.reference).join(notice_tables.notice, notice.subject_id == request.id)
        .where(notice.id.in_(ids[-5:]), notice.account == box.account, notice.subject == "request").limit(1)
    )  # fmt: skip
    found = connection.execute(query).scalar() if ids else None
    return short(found) if found else ""


# ---- answers


def _answer(
    work: Work,
    office: Office,
    box: Box,
    mail: Mail,
    texts: list[str],
    choices: list[str] | None = None,
    code: Code | None = None,
) -> None:
    if not box.takes:
        return
    key = _digest(box.account, mail.message_id)
    message_id = composing.id_of(office, f"answer.{thread_of(office, mail)}.{key[:24]}")
    subject = mail.subject or language(box.language)("letter.thanks")
    _put(
        work,
        office,
        box,
        message_id,
        f"Re: {subject}",
        texts,
        choices or [],
        code or box.language,
        [*mail.thread, mail.message_id],
    )


def _put(
    work: Work, office: Office, box: Box, message_id: str, subject: str, texts: list[str], choices: list[str], code: Code,
    thread: list[str],
) -> None:  # fmt: skip
    message = composing.message(
        office, box.address, message_id, subject, "answer", code, work.now, thread=thread, answers=True,
        values={"texts": [each for each in texts if each], "choices": choices},
    )  # fmt: skip
    queue.put(
        work.connection, work.new_id, work.now, message_id=message_id, account=box.account, address=box.address,
        kind="answer", message=message,
    )  # fmt: skip


def tell(work: Work, office: Office, conversation_id: str, words: str) -> bool:
    """``words`` go to whoever holds the conversation by mail; false when it is held otherwise."""
    talk = service_tables.chat_conversation.c
    row: Any = work.connection.execute(select(talk.channel, talk.account).where(talk.id == conversation_id)).first()
    if row is None or not row[0].startswith("mail#"):
        return False
    box = boxes.of_account(work.connection, row[1])
    if box is None or not box.takes or office.smtp is None:
        return False
    thread = row[0].partition("#")[2]
    message_id = composing.id_of(office, f"answer.{thread}.{_digest(box.account, work.new_id())[:24]}")
    subject = language(box.language)("letter.thanks")
    _put(work, office, box, message_id, f"Re: {subject}", [words], [], box.language, [])
    return True
