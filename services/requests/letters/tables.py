"""What is kept of mail."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from services.requests.tables import metadata
from shared.database import Moment

# Where a person has mail. Nothing is sent, and nothing is believed, before the address is verified.
mailbox = Table(
    "mailbox",
    metadata,
    Column("account", Text, primary_key=True),
    Column("address", Text, nullable=False, default=""),  # verified; its domain in lower case
    Column("folded", Text, nullable=False, default=""),  # the whole in lower case; one account each
    Column("language", Text, nullable=False),
    Column("verified_at", Moment),
    Column("refused_at", Moment),  # the address's server will never take a letter
    Column("refused", Text, nullable=False, default=""),
    # An address that is to be verified: the code was mailed there.
    Column("wanted", Text, nullable=False, default=""),
    Column("code", Text, nullable=False, default=""),  # SHA-256
    Column("code_until", Moment),
    Column("code_tries", Integer, nullable=False, default=0),
    Column("secret", Text, nullable=False, default=""),  # SHA-256 of the person's own address for requests
)
Index(
    "mailbox_by_address",
    mailbox.c.folded,
    unique=True,
    sqlite_where=mailbox.c.folded != "",
    postgresql_where=mailbox.c.folded != "",
)
Index(
    "mailbox_by_secret",
    mailbox.c.secret,
    unique=True,
    sqlite_where=mailbox.c.secret != "",
    postgresql_where=mailbox.c.secret != "",
)
# How somebody wants the notices of a topic, or of one kind; what is not here follows the topic, or else the rule.
notice_choice = Table(
    "notice_choice",
    metadata,
    Column("account", Text, primary_key=True),
    Column("topic", Text, primary_key=True),  # or a kind, which has a dot
    Column("mail", Text, nullable=False),  # at_once, daily, urgent (of topics), none
)
# Letters on their way, and those that went, for a while.
letter = Table(
    "letter",
    metadata,
    Column("id", Text, primary_key=True),
    Column("message_id", Text, nullable=False, unique=True),  # of the notice, day or message: written once
    Column("account", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("kind", Text, nullable=False),  # notice, digest, code, answer
    Column("message", Text, nullable=False),  # RFC 5322, seven bits; empty once it is gone
    # waiting; sending: handed to the server, whose answer is not known; sent; parked: wants an administrator; dropped.
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("done_at", Moment),
    Column("problem", Text, nullable=False, default=""),
)
_OPEN = letter.c.state.in_(("waiting", "sending"))
Index("letter_due", letter.c.due_at, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("letter_by_state", letter.c.state, letter.c.id.desc())
# Mail that came in, by its Message-ID; what was done with it, for as long as it could come again.
mail_arrival = Table(
    "mail_arrival",
    metadata,
    Column("key", Text, primary_key=True),  # SHA-256 of the Message-ID
    Column("account", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("outcome", Text, nullable=False),
)
Index("mail_arrival_by_account", mail_arrival.c.account, mail_arrival.c.at)
Index("mail_arrival_by_time", mail_arrival.c.at)
