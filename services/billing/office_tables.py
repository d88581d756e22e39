"""Tables of what the office keeps beside facts and the feed: what two people agree on, suppliers' files, risks, bonds."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from services.billing.tables import Exact, metadata
from shared.database import Moment

# What one person wrote and another has not yet put in force: a contract, a scheme of assessment, the bases of cost.
proposal = Table(
    "proposal",
    metadata,
    Column("proposal_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # contract, scheme, cost
    Column("about", Text, nullable=False),  # contract reference; empty = the office's own
    Column("starts_in", Text, nullable=False, server_default=""),  # month from which it holds, 2026-11
    Column("base", Integer, nullable=False),  # version it was written against; 0 = there was none
    Column("body", Text, nullable=False),  # JSON
    Column("state", Text, nullable=False),  # proposed, in_force, dropped
    Column("proposed_by", Text, nullable=False),
    Column("proposed_name", Text, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("decided_name", Text, nullable=False, server_default=""),
    Column("decided_at", Moment),
)
Index("proposal_state", proposal.c.state, proposal.c.proposed_at)

# Versions of schemes and cost bases. One holds from its month until the next one's: no gap and no overlap can be written.
agreed = Table(
    "agreed",
    metadata,
    Column("kind", Text, nullable=False),  # scheme, cost
    Column("about", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("starts_in", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("by", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("said", Text, nullable=False),
    PrimaryKeyConstraint("kind", "about", "version"),
)
Index("agreed_month", agreed.c.kind, agreed.c.about, agreed.c.starts_in)

licence = Table(
    "licence",
    metadata,
    Column("licence_id", Text, primary_key=True),
    Column("supplier", Text, ForeignKey("supplier.code"), nullable=False),
    Column("kind", Text, nullable=False),  # business, trade, safety, insurance, other
    Column("number", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("expires_on", Date, nullable=False),  # the first day on which it is no longer good
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("ended_at", Moment),  # withdrawn, or another one took its place
    CheckConstraint("issued_on < expires_on", name="licence_has_a_term"),
    UniqueConstraint("supplier", "kind", "number"),
)
bad_record = Table(
    "bad_record",
    metadata,
    Column("record_id", Text, primary_key=True),
    Column("supplier", Text, ForeignKey("supplier.code"), nullable=False),
    Column("grave", Integer, nullable=False),  # 1 = bars it from contracts while it counts
    Column("happened_on", Date, nullable=False),
    Column("counts_until", Date, nullable=False),  # the first day on which it no longer counts
    Column("words", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("lifted_by", Text, nullable=False, server_default=""),
    Column("lifted_at", Moment),
    Column("lifted_words", Text, nullable=False, server_default=""),
)
Index("bad_record_supplier", bad_record.c.supplier)

# Whether a supplier may be given a contract: looked at by three seats, each another person.
qualification = Table(
    "qualification",
    metadata,
    Column("qualification_id", Text, primary_key=True),
    Column("supplier", Text, ForeignKey("supplier.code"), nullable=False),
    Column("state", Text, nullable=False),  # open, qualified, rejected
    Column("version", Integer, nullable=False),
    Column("score", Exact, nullable=False),  # 0 to 100, the weighted marks
    Column("marks", Text, nullable=False),  # JSON: criterion -> 0..100
    Column("words", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("opened_name", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("good_until", Date),  # the first day on which it no longer counts
)
Index("qualification_supplier", qualification.c.supplier, qualification.c.opened_at)
seat = Table(
    "qualification_seat",
    metadata,
    Column("qualification", Text, ForeignKey("qualification.qualification_id"), nullable=False),
    Column("seat", Text, nullable=False),  # logistics, legal, finance
    Column("verdict", Text, nullable=False),  # agreed, rejected
    Column("words", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("qualification", "seat"),
    UniqueConstraint("qualification", "account"),
)

# The performance bond of a contract: what came in, went back or was claimed.
bond_move = Table(
    "bond_move",
    metadata,
    Column("move_id", Text, primary_key=True),
    Column("contract", Text, ForeignKey("contract.ref"), nullable=False),
    Column("move", Text, nullable=False),  # received, returned, claimed
    Column("amount", Exact, nullable=False),  # yuan, above zero
    Column("on_day", Date, nullable=False),
    Column("reference", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("said", Text, nullable=False),
)
Index("bond_contract", bond_move.c.contract, bond_move.c.at)

# What people say of a risk: one that the figures show (its key), or one they saw themselves.
risk = Table(
    "risk",
    metadata,
    Column("key", Text, primary_key=True),  # licence:AB:..., or an id of its own
    Column("about", Text, nullable=False),  # contract, supplier or budget line; empty = the office
    Column("words", Text, nullable=False),
    Column("level", Text, nullable=False),  # high, middle, low
    Column("measure", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("review_on", Date),
    Column("state", Text, nullable=False),  # open, closed
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

# What was seen of a supplier or crew beside its orders: quality checks, accidents, complaints, praise.
observation = Table(
    "observation",
    metadata,
    Column("observation_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # quality, safety, complaint, praise
    Column("scored", Text, nullable=False),  # contract, or crew of our own
    Column("supplier", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("happened_on", Date, nullable=False),
    Column("value", Exact, nullable=False),  # quality: marks 0 to 100; else how often
    Column("words", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON list
    Column("by", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("struck_by", Text, nullable=False, server_default=""),
    Column("struck_words", Text, nullable=False, server_default=""),
    Column("said", Text, nullable=False),
    UniqueConstraint("source", "source_id"),
)
Index("observation_scored", observation.c.scored, observation.c.period)

# A unit of the office that keeps its own account under the one purse (分户核算).
centre = Table(
    "centre",
    metadata,
    Column("code", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("kind", Text, nullable=False),  # work_support, operating, public_benefit
    Column("funding", Text, nullable=False),  # grant, fixed_subsidy, difference_subsidy, self_supporting, mixed
    Column("yearly", Exact, nullable=False),  # grant or fixed subsidy of a year, yuan; the most of a difference subsidy
    Column("items", Text, nullable=False),  # JSON: catalogue codes whose work its crews do
    Column(
        "fees", Text, nullable=False
    ),  # JSON: item/meter -> yuan a unit that the office pays for done work (目标收费)
)
# Income and expense are two ledgers; an entry stands in one of them and is never changed. What was wrong is reversed.
ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("centre", Text, ForeignKey("centre.code"), nullable=False),
    Column("number", Integer, nullable=False),  # gapless within the centre
    Column("side", Text, nullable=False),  # income, expense
    Column("category", Text, nullable=False),
    Column("period", Text, nullable=False),  # month that it belongs to
    Column("amount", Exact, nullable=False),  # yuan; below zero only where it reverses
    Column("words", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("reverses", Text, nullable=False, server_default=""),  # entry_id
    Column("by", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("said", Text, nullable=False),
    UniqueConstraint("centre", "number"),
)
Index("ledger_month", ledger_entry.c.centre, ledger_entry.c.period)
Index(
    "ledger_reversed_once",
    ledger_entry.c.reverses,
    unique=True,
    sqlite_where=ledger_entry.c.reverses != "",
    postgresql_where=ledger_entry.c.reverses != "",
)
centre_month = Table(
    "centre_month",
    metadata,
    Column("centre", Text, ForeignKey("centre.code"), nullable=False),
    Column("period", Text, nullable=False),
    Column("income", Exact, nullable=False),
    Column("expense", Exact, nullable=False),
    Column("support", Exact, nullable=False),  # grant, subsidy and target fees of the month
    Column("result", Exact, nullable=False),
    Column("by", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("said", Text, nullable=False),
    PrimaryKeyConstraint("centre", "period"),
)
