"""The rest of the schema: people and their employers, training, stock, shared resources, vehicles, emergencies under way."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, PrimaryKeyConstraint, Table, Text

from services.dispatch.tables import metadata
from shared.database import Moment

# A person who works here, whoever the employer is. Names and dates of birth stay in this table: no event carries them.
person = Table(
    "person",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("born_on", Date),
    Column("education", Text, nullable=False),  # one of workforce.EDUCATIONS; empty = not known
    Column("joined_on", Date),  # first came to the compound, under whichever employer
    Column("account", Text, nullable=False),  # empty = none
)
Index("person_account", person.c.account)
# Where a person belongs and from when; append-only but for ``until_at``. One row holds at each instant, and one that
# begins later may wait. The crew of a past instant is read here, so history stays with the old employer.
employment = Table(
    "employment",
    metadata,
    Column("person_id", Text, nullable=False),
    Column("sequence", Integer, nullable=False),  # from 1
    Column("employer", Text, nullable=False),  # supplier code; empty = the bureau itself
    Column("crew", Text, nullable=False),  # empty = has left
    Column("post", Text, nullable=False),  # leader, worker
    Column("grade", Text, nullable=False),  # yuan a month, decimal; empty = not known
    Column("since_at", Moment, nullable=False),
    Column("until_at", Moment),  # null = until further notice
    Column("reason", Text, nullable=False),
    Column("noted_by", Text, nullable=False),
    Column("applied", Integer, nullable=False),  # 1 = the crew's members and size say it too
    PrimaryKeyConstraint("person_id", "sequence"),
)
Index("employment_since", employment.c.applied, employment.c.since_at)
Index("employment_crew", employment.c.crew, employment.c.since_at)

# Who of the crew does an order; without a row the whole crew does.
order_person = Table(
    "order_person",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("named_by", Text, nullable=False),
    PrimaryKeyConstraint("order_id", "person_id"),
)
Index("order_person_person", order_person.c.person_id)

training = Table(
    "training",
    metadata,
    Column("training_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("skill", Text, nullable=False),  # that it certifies; empty = none
    Column("on_day", Date, nullable=False),
    Column("hours", Text, nullable=False),  # decimal
    Column("held_by", Text, nullable=False),
    Column("noted_by", Text, nullable=False),
)
Index("training_day", training.c.on_day)
attendance = Table(
    "attendance",
    metadata,
    Column("training_id", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("state", Text, nullable=False),  # planned, attended, absent
    PrimaryKeyConstraint("training_id", "person_id"),
)
Index("attendance_person", attendance.c.person_id)

# Parts in store. ``quantity`` is the sum of the moves, changed in their transactions under the row's lock.
stock = Table(
    "stock",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("quantity", Text, nullable=False),  # decimal, never below zero
    Column("least", Text, nullable=False),  # below it a purchase is due
    Column("price", Text, nullable=False),  # yuan, of the last purchase; empty = not known
)
stock_move = Table(
    "stock_move",
    metadata,
    Column("move_id", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("quantity", Text, nullable=False),  # decimal; out is negative
    Column("kind", Text, nullable=False),  # issued, returned, received, counted
    Column("reference", Text, nullable=False),  # of an order or purchase; empty = none
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
)
Index("stock_move_code", stock_move.c.code, stock_move.c.at)
Index("stock_move_reference", stock_move.c.reference)
purchase = Table(
    "purchase",
    metadata,
    Column("purchase_id", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("estimate", Text, nullable=False),  # yuan in all
    Column("reference", Text, nullable=False),  # of the order that needs it; empty = for the store
    Column("words", Text, nullable=False),
    Column("state", Text, nullable=False),  # asked, approved, refused, received
    Column("asked_at", Moment, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_account", Text, nullable=False),  # somebody else approves
    Column("decided_at", Moment),
    Column("decided_by", Text, nullable=False),
    Column("received_at", Moment),
)
Index("purchase_state", purchase.c.state, purchase.c.asked_at)

# What departments and suppliers share: vehicles, storage, equipment.
shared_thing = Table(
    "shared_thing",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("kind", Text, nullable=False),  # vehicle, storage, equipment
    Column("place", Text, nullable=False),
    Column("seats", Integer, nullable=False),  # of a vehicle, its driver included; 0 = none
    Column("crew", Text, nullable=False),  # whose drivers it has; empty = anybody's
    Column("hourly", Text, nullable=False),  # yuan an hour; empty = free
    Column("odometer", Text, nullable=False),  # kilometres, decimal; empty = has none
    Column("active", Integer, nullable=False),
)
# A claim on one of them for a time. Two that overlap are refused under the thing's lock.
shared_booking = Table(
    "shared_booking",
    metadata,
    Column("booking_id", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("supplier", Text, nullable=False),  # who booked, where it is a supplier
    Column("parties", Text, nullable=False),  # JSON [[party, per cent, yuan], ...]; the yuan add up to the cost
    Column("cost", Text, nullable=False),  # yuan
    Column("order_id", Text, nullable=False),  # of the journey it is for; empty = none
    Column("booked_by", Text, nullable=False),
    Column("booked_at", Moment, nullable=False),
    Column("cancelled_at", Moment),
    Column("told", Integer, nullable=False, server_default="0"),  # 1: its cost has been said
)
Index("shared_booking_time", shared_booking.c.code, shared_booking.c.ends_at)
Index("shared_booking_order", shared_booking.c.order_id)
trip = Table(
    "trip",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("vehicle", Text, nullable=False),
    Column("driver", Text, nullable=False),  # person
    Column("left_at", Moment),
    Column("back_at", Moment),
    Column("km_from", Text, nullable=False),
    Column("km_until", Text, nullable=False),
    Column("words", Text, nullable=False),
)
Index("trip_vehicle", trip.c.vehicle, trip.c.left_at)

# An emergency plan that is being followed, in earnest or as a drill, and whom it calls in which order.
emergency = Table(
    "emergency",
    metadata,
    Column("emergency_id", Text, primary_key=True),
    Column("plan", Text, nullable=False),
    Column("kind", Text, nullable=False),  # drill, real
    Column("place", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("begun_by", Text, nullable=False),
    Column("ended_at", Moment),
    Column("ended_by", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("next_at", Moment),  # when the next is called although nobody answered; null = nothing waits
)
Index("emergency_next", emergency.c.next_at)
emergency_call = Table(
    "emergency_call",
    metadata,
    Column("emergency_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("crew", Text, nullable=False),  # that is told on its phone; empty = called by telephone
    Column("called_at", Moment),
    Column("answered_at", Moment),
    Column("answered_by", Text, nullable=False),
    PrimaryKeyConstraint("emergency_id", "position"),
)
emergency_step = Table(
    "emergency_step",
    metadata,
    Column("emergency_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("done_at", Moment),
    Column("done_by", Text, nullable=False),
    PrimaryKeyConstraint("emergency_id", "position"),
)

# What was changed of a crew: one row for each version, append-only.
crew_version = Table(
    "crew_version",
    metadata,
    Column("crew", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("changed", Text, nullable=False),  # JSON {field: [before, after]}
    PrimaryKeyConstraint("crew", "version"),
)
# Emergency plans as people changed them, append-only; version 0 is in data/upkeep.toml.
emergency_plan = Table(
    "emergency_plan",
    metadata,
    Column("code", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),  # JSON: name, name_en, item, skills, calls, steps
    Column("active", Integer, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("code", "version"),
)
