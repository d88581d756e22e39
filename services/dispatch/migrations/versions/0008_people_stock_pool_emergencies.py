"""people stock pool emergencies.

Revision 0008, after 0007.
"""

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "attendance",
        sa.Column("training_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("training_id", "person_id"),
    )
    op.create_index("attendance_person", "attendance", ["person_id"], unique=False)
    op.create_table(
        "emergency",
        sa.Column("emergency_id", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("begun_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("begun_by", sa.Text(), nullable=False),
        sa.Column("ended_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("next_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("emergency_id"),
    )
    op.create_index("emergency_next", "emergency", ["next_at"], unique=False)
    op.create_table(
        "emergency_call",
        sa.Column("emergency_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("called_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("answered_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("emergency_id", "position"),
    )
    op.create_table(
        "emergency_step",
        sa.Column("emergency_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("done_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("emergency_id", "position"),
    )
    op.create_table(
        "employment",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("employer", sa.Text(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("since_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("until_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.Column("applied", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "sequence"),
    )
    op.create_index("employment_crew", "employment", ["crew", "since_at"], unique=False)
    op.create_index("employment_since", "employment", ["applied", "since_at"], unique=False)
    op.create_table(
        "order_person",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("named_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "person_id"),
    )
    op.create_index("order_person_person", "order_person", ["person_id"], unique=False)
    op.create_table(
        "person",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("education", sa.Text(), nullable=False),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_index("person_account", "person", ["account"], unique=False)
    op.create_table(
        "purchase",
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("estimate", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_account", sa.Text(), nullable=False),
        sa.Column("decided_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("received_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("purchase_id"),
    )
    op.create_index("purchase_state", "purchase", ["state", "asked_at"], unique=False)
    op.create_table(
        "shared_booking",
        sa.Column("booking_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("starts_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("ends_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("parties", sa.Text(), nullable=False),
        sa.Column("cost", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("booked_by", sa.Text(), nullable=False),
        sa.Column("booked_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("cancelled_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("booking_id"),
    )
    op.create_index("shared_booking_order", "shared_booking", ["order_id"], unique=False)
    op.create_index("shared_booking_time", "shared_booking", ["code", "ends_at"], unique=False)
    op.create_table(
        "shared_thing",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("hourly", sa.Text(), nullable=False),
        sa.Column("odometer", sa.Text(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "stock",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("least", sa.Text(), nullable=False),
        sa.Column("price", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "stock_move",
        sa.Column("move_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("move_id"),
    )
    op.create_index("stock_move_code", "stock_move", ["code", "at"], unique=False)
    op.create_index("stock_move_reference", "stock_move", ["reference"], unique=False)
    op.create_table(
        "training",
        sa.Column("training_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("held_by", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("training_id"),
    )
    op.create_index("training_day", "training", ["on_day"], unique=False)
    op.create_table(
        "trip",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("vehicle", sa.Text(), nullable=False),
        sa.Column("driver", sa.Text(), nullable=False),
        sa.Column("left_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("back_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("km_from", sa.Text(), nullable=False),
        sa.Column("km_until", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_index("trip_vehicle", "trip", ["vehicle", "left_at"], unique=False)
    op.add_column("member", sa.Column("person", sa.Text(), server_default="", nullable=False))
    op.create_index("member_person", "member", ["person"], unique=False)
    _known_people()


def _known_people() -> None:
    """Members of crews become people, belonging where they are for as long as anybody here can say."""
    at = op.get_bind()
    member = sa.table("member", *(sa.column(name) for name in ("crew", "number", "name", "post", "person")))
    crew = sa.table("crew", *(sa.column(name) for name in ("code", "supplier", "account")))
    person = sa.table("person", *(sa.column(name) for name in ("person_id", "name", "education", "account")))
    moment = sa.column("since_at", shared.database.Moment(timezone=True))
    names = ("person_id", "sequence", "employer", "crew", "post", "grade", "reason", "noted_by", "applied")
    employment = sa.table("employment", *(sa.column(name) for name in names), moment)
    teams = {row.code: row for row in at.execute(sa.select(crew))}
    for row in list(at.execute(sa.select(member))):
        team = teams.get(row.crew)
        ident = first_id(row.crew, row.number)
        account = team.account if team and row.number == 1 else ""
        at.execute(sa.insert(person).values(person_id=ident, name=row.name, education="", account=account))
        at.execute(
            sa.insert(employment).values(
                person_id=ident, sequence=1, employer=team.supplier if team else "", crew=row.crew, post=row.post, grade="",
                reason="known", noted_by="", applied=1, since_at=datetime(2000, 1, 1, tzinfo=UTC),
            )
        )  # fmt: skip
        where = (member.c.crew == row.crew, member.c.number == row.number)
        at.execute(sa.update(member).where(*where).values(person=ident))


def first_id(crew: str, number: int) -> str:
    """As ``services.dispatch.workforce.first_id`` has it."""
    return str(uuid.uuid5(uuid.UUID("9c0d6c1e-2026-5468-8034-000000000000"), f"{crew}/{number}"))
