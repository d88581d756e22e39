"""office files and accounts.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

import services.billing.tables
import shared.database

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "agreed",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("starts_in", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "about", "version"),
    )
    op.create_index("agreed_month", "agreed", ["kind", "about", "starts_in"], unique=False)
    op.create_table(
        "centre",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("funding", sa.Text(), nullable=False),
        sa.Column("yearly", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("fees", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "observation",
        sa.Column("observation_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scored", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("value", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("struck_by", sa.Text(), server_default="", nullable=False),
        sa.Column("struck_words", sa.Text(), server_default="", nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("observation_id"),
        sa.UniqueConstraint("source", "source_id"),
    )
    op.create_index("observation_scored", "observation", ["scored", "period"], unique=False)
    op.create_table(
        "proposal",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("starts_in", sa.Text(), server_default="", nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_name", sa.Text(), nullable=False),
        sa.Column("proposed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_name", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("proposal_id"),
    )
    op.create_index("proposal_state", "proposal", ["state", "proposed_at"], unique=False)
    op.create_table(
        "risk",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "bad_record",
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("grave", sa.Integer(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("counts_until", sa.Date(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.Text(), server_default="", nullable=False),
        sa.Column("lifted_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("lifted_words", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["supplier"],
            ["supplier.code"],
        ),
        sa.PrimaryKeyConstraint("record_id"),
    )
    op.create_index("bad_record_supplier", "bad_record", ["supplier"], unique=False)
    op.create_table(
        "centre_month",
        sa.Column("centre", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("income", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("expense", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("support", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("result", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre"],
            ["centre.code"],
        ),
        sa.PrimaryKeyConstraint("centre", "period"),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("centre", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("amount", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("reverses", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre"],
            ["centre.code"],
        ),
        sa.PrimaryKeyConstraint("entry_id"),
        sa.UniqueConstraint("centre", "number"),
    )
    op.create_index("ledger_month", "ledger_entry", ["centre", "period"], unique=False)
    op.create_index(
        "ledger_reversed_once",
        "ledger_entry",
        ["reverses"],
        unique=True,
        sqlite_where=sa.text("reverses != ''"),
        postgresql_where=sa.text("reverses != ''"),
    )
    op.create_table(
        "licence",
        sa.Column("licence_id", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("ended_at", shared.database.Moment(timezone=True), nullable=True),
        sa.CheckConstraint("issued_on < expires_on", name="licence_has_a_term"),
        sa.ForeignKeyConstraint(
            ["supplier"],
            ["supplier.code"],
        ),
        sa.PrimaryKeyConstraint("licence_id"),
        sa.UniqueConstraint("supplier", "kind", "number"),
    )
    op.create_table(
        "qualification",
        sa.Column("qualification_id", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("score", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_name", sa.Text(), nullable=False),
        sa.Column("opened_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("closed_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("good_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["supplier"],
            ["supplier.code"],
        ),
        sa.PrimaryKeyConstraint("qualification_id"),
    )
    op.create_index("qualification_supplier", "qualification", ["supplier", "opened_at"], unique=False)
    op.create_table(
        "bond_move",
        sa.Column("move_id", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("move", sa.Text(), nullable=False),
        sa.Column("amount", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract"],
            ["contract.ref"],
        ),
        sa.PrimaryKeyConstraint("move_id"),
    )
    op.create_index("bond_contract", "bond_move", ["contract", "at"], unique=False)
    op.create_table(
        "qualification_seat",
        sa.Column("qualification", sa.Text(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["qualification"],
            ["qualification.qualification_id"],
        ),
        sa.PrimaryKeyConstraint("qualification", "seat"),
        sa.UniqueConstraint("qualification", "account"),
    )
    op.add_column("contract", sa.Column("parts", sa.Text(), server_default="{}", nullable=False))
    op.add_column("supplier", sa.Column("credit_code", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "supplier", sa.Column("capital", services.billing.tables.Exact(precision=38, scale=12), nullable=True)
    )
    op.add_column("supplier", sa.Column("capability", sa.Text(), server_default="", nullable=False))
    op.add_column("supplier", sa.Column("barred", sa.Text(), server_default="", nullable=False))
