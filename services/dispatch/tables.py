"""The dispatch service's schema."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from shared.database import Moment
from shared.service import metadata_of_floor

metadata = metadata_of_floor()

# One piece of work for one crew: one for each request and round. ``version`` is the sequence of its last event.
work_order = Table(
    "work_order",
    metadata,
    Column("order_id", Text, primary_key=True),  # derived from request and round: the same whoever opens it
    Column("reference", Text, nullable=False, unique=True),
    Column("request_id", Text, nullable=False),
    Column("request_reference", Text, nullable=False),
    Column("round", Integer, nullable=False),
    # What was asked, as the request's filing said it. Restricted items carry no words (they stay in requests).
    Column("item", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("place", Text, nullable=False),
    Column("building", Text, nullable=False),
    Column("floor", Text, nullable=False),
    Column("room", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("filed_at", Moment, nullable=False),
    Column("starts_at", Moment),
    Column("ends_at", Moment),
    Column("headcount", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("restricted", Integer, nullable=False),
    Column("summary", Text, nullable=False),
    Column("answers", Text, nullable=False),  # JSON [[name, value], ...]
    Column("contact", Text, nullable=False),
    Column("skills", Text, nullable=False),  # JSON
    Column("minutes", Integer, nullable=False),  # expected effort
    # How it stands.
    Column("state", Text, nullable=False),
    Column("open", Integer, nullable=False),  # 1 until finished or cancelled
    Column("version", Integer, nullable=False),
    Column("crew", Text, nullable=False, server_default=""),
    Column("supplier", Text, nullable=False, server_default=""),
    Column("contract", Text, nullable=False, server_default=""),
    Column("assigned_by", Text, nullable=False, server_default=""),  # automatic, suggestion, dispatcher
    Column("previous_crew", Text, nullable=False, server_default=""),
    Column("reasons", Text, nullable=False, server_default="[]"),  # JSON [[key, parameters], ...]
    Column(
        "next_crews", Text, nullable=False, server_default="[]"
    ),  # JSON [{crew, difference, arrive_at, reasons}, ...]
    Column("refused_by", Text, nullable=False, server_default="[]"),  # JSON [[crew, reason], ...]
    Column("planned_at", Moment),  # when the crew is expected to begin
    Column("opened_at", Moment, nullable=False),
    Column("assigned_at", Moment),
    Column("accepted_at", Moment),
    Column("set_off_at", Moment),
    Column("arrived_at", Moment),
    Column("started_at", Moment),
    Column("paused_at", Moment),
    Column("paused_from", Text, nullable=False, server_default=""),
    Column("pause_reason", Text, nullable=False, server_default=""),
    Column("finished_at", Moment),
    Column("cancelled_at", Moment),
    Column("cancel_reason", Text, nullable=False, server_default=""),
    Column("confirmed_at", Moment),
    Column("stars", Integer, nullable=False, server_default="0"),
    Column("urged", Integer, nullable=False, server_default="0"),
    Column("urged_at", Moment),
    Column("usage", Text, nullable=False, server_default="[]"),  # JSON [[meter, quantity, unit], ...]
    Column("evidence", Text, nullable=False, server_default="[]"),
    # What was promised: terms as given (model.Term); due instants move only when the clock stood; null = nothing.
    Column("terms", Text, nullable=False, server_default="[]"),
    Column("response_due_at", Moment),
    Column("arrival_due_at", Moment),
    Column("finish_due_at", Moment),
    Column("responded_at", Moment),
    Column("response_kept", Integer),
    Column("arrival_kept", Integer),
    Column("finish_kept", Integer),
    # The next instant at which the promises must be looked at; null when nothing can be breached any more.
    Column("look_at", Moment),
    # Sorts the queue: the next unsettled due instant, else far away.
    Column("urgency_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", Text, nullable=False, server_default=""),  # a person's name; empty = the system
    Column("changed_what", Text, nullable=False, server_default=""),
    # Where the order comes from: request, or dispatch's own: plan, alarm, redo, part. Own orders are nobody's request: their
    # request_id is their order_id, and events say it empty.
    Column("origin", Text, nullable=False, server_default="request"),
    Column("parent", Text, nullable=False, server_default=""),  # order_id this is a part or redo of
    Column("asset", Text, nullable=False, server_default=""),
    Column("checks", Text, nullable=False, server_default="[]"),  # JSON: places of the checklist that were ticked
    Column("signed_by", Text, nullable=False, server_default=""),
    # Until when the crew has to answer its offer (OLA); past it the next crew is asked.
    Column("answer_by", Moment),
    # The next instant at which somebody is to be told of a promise in danger.
    Column("alert_at", Moment),
    # The hour a dispatcher has set for it; the plan keeps to crew and hour.
    Column("pinned_at", Moment),
    # What requests said of it later: the last version of the request that says so, and when what is asked for changed.
    Column("amended", Integer, nullable=False, server_default="0"),
    Column("amended_at", Moment),
    Column("joined", Integer, nullable=False, server_default="1"),  # how many people ask for it together
    Column(
        "photos", Text, nullable=False, server_default="[]"
    ),  # JSON: SHA-256 of what the requester sent; requests holds them
    UniqueConstraint("request_id", "round"),
)
# Telephones that are still to be emptied.
_contact = work_order.c.contact != ""
Index("work_order_contact", work_order.c.order_id, sqlite_where=_contact, postgresql_where=_contact)
Index("work_order_answer", work_order.c.answer_by)
Index("work_order_alert", work_order.c.alert_at)
Index("work_order_parent", work_order.c.parent)
Index("work_order_asset", work_order.c.asset)
Index("work_order_queue", work_order.c.open, work_order.c.urgency_at, work_order.c.order_id)
Index("work_order_look", work_order.c.look_at)
Index("work_order_crew", work_order.c.crew, work_order.c.open)
Index("work_order_supplier", work_order.c.supplier, work_order.c.opened_at)
Index("work_order_opened", work_order.c.opened_at, work_order.c.order_id)

# What happened to an order, append-only; ``sequence`` is the order's version after it.
happening = Table(
    "happening",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),  # a person's name; empty = the system
    Column("crew", Text, nullable=False),
    Column("detail", Text, nullable=False),  # a code: reason, way of assignment, promise
    Column("claimed_at", Moment),  # when the phone says it was done, where that differs; promises never count by it
    PrimaryKeyConstraint("order_id", "sequence"),
)

# What requests said of a request after its filing; the effects are derived from the whole set.
heard = Table(
    "heard",
    metadata,
    Column("request_id", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", Text, nullable=False),  # withdrawn, urged, confirmed, reopened, amended, joined, left
    Column("at", Moment, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("request_id", "sequence"),
)

# A promise that passed unkept: the row is what makes its event be said once, also by two timers at once.
breach = Table(
    "breach",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("promise", Text, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("noticed_at", Moment, nullable=False),
    PrimaryKeyConstraint("order_id", "promise"),
)

crew = Table(
    "crew",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("leader", Text, nullable=False),
    Column("leader_en", Text, nullable=False),
    Column("account", Text, nullable=False),  # of the leader; empty = none yet
    Column("supplier", Text, nullable=False),  # empty = in-house
    Column("size", Integer, nullable=False),
    Column("seats", Integer, nullable=False),
    Column("skills", Text, nullable=False),  # JSON {skill: level}
    Column("shift_from", Integer, nullable=False),  # minutes since midnight
    Column("shift_until", Integer, nullable=False),
    Column("days", Text, nullable=False),  # worked, all
    Column("base", Text, nullable=False),
    Column("hourly", Text, nullable=False),  # estimate in yuan; ranks suggestions, never billed
    Column("active", Integer, nullable=False),  # 0: nobody belongs to it, or it is retired
    Column("retired", Integer, nullable=False, server_default="0"),  # by a person; whoever joins does not bring it back
)
# What a crew has in hand; changed in the transaction that changes the order, always in order of code.
crew_load = Table(
    "crew_load",
    metadata,
    Column("crew", Text, primary_key=True),
    Column("orders", Integer, nullable=False),  # open ones
    Column("minutes", Integer, nullable=False),  # expected minutes of the open ones
    Column("running", Integer, nullable=False),  # orders under way now
)
member = Table(
    "member",
    metadata,
    Column("crew", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("post", Text, nullable=False),
    Column("person", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("crew", "number"),
)
Index("member_person", member.c.person)
supplier = Table(
    "supplier",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
)
# Which items a supplier covers, and until when: our copy of billing's contracts.
cover = Table(
    "cover",
    metadata,
    Column("contract", Text, primary_key=True),
    Column("supplier", Text, nullable=False),
    Column("items", Text, nullable=False),  # JSON
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    # Version of the contract in billing; 0 = from demonstration data, so that billing's word stands above it.
    Column("sequence", Integer, nullable=False),
)
# How well a contract's crews, or a crew of our own, did in the newest month that billing scored.
performance = Table(
    "performance",
    metadata,
    Column("scored", Text, primary_key=True),  # contract, or crew of our own
    Column("period", Text, nullable=False),
    Column("tenths", Integer, nullable=False),  # of a point: 0 to 1,000
    Column("consequence", Text, nullable=False),  # none, fewer_orders, no_new_orders, end_of_contract
)
# How orders of an item find their crew; an item without a row is assigned automatically.
item_mode = Table(
    "item_mode",
    metadata,
    Column("item", Text, primary_key=True),
    Column("mode", Text, nullable=False),  # automatic, suggest (a dispatcher decides)
)
# Versions of items that the catalogue of requests has published: the event's fields as JSON.
item_version = Table(
    "item_version",
    metadata,
    Column("item", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("said", Text, nullable=False),
)
# Who belongs to which crew, as requests' accounts say.
crew_account = Table(
    "crew_account",
    metadata,
    Column("account", Text, primary_key=True),
    Column("crew", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("department", Text, nullable=False, server_default=""),
)
# Departments as the accounts in them say.
department = Table(
    "department",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("at", Moment, nullable=False),  # when it was called so
)

# Somebody was told that a promise is in danger or broken: one row for each rung of the ladder, said once.
alert = Table(
    "alert",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("key", Text, nullable=False),  # promise, round and rung
    Column("role", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("promise", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("told_at", Moment, nullable=False),
    PrimaryKeyConstraint("order_id", "key"),
)
Index("alert_told", alert.c.told_at)

# Evidence: a photo as it is kept (without what the camera wrote beside the picture), by its own hash.
photo = Table(
    "photo",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("kind", Text, nullable=False),  # before, after, other
    Column("content_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # empty once it is removed
    Column("who", Text, nullable=False),
    Column("claimed_at", Moment),  # what the phone said; proves nothing
    Column("received_at", Moment, nullable=False),
    Column("removed_at", Moment),  # its term was over: the hash stays, the picture is gone
    PrimaryKeyConstraint("order_id", "sha256"),
)
Index("photo_sha256", photo.c.sha256)
Index(
    "photo_there",
    photo.c.received_at,
    sqlite_where=photo.c.removed_at.is_(None),
    postgresql_where=photo.c.removed_at.is_(None),
)

# The console.
saved_view = Table(
    "saved_view",
    metadata,
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),  # JSON {view, item, building, words}
    PrimaryKeyConstraint("account", "name"),
)
handover = Table(
    "handover",
    metadata,
    Column("note_id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("reference", Text, nullable=False),  # of an order; empty = about none
    Column("done_at", Moment),
    Column("done_by", Text, nullable=False),
)
Index("handover_at", handover.c.at)
# A shift signed that it has taken over, with what stood open then.
shift_change = Table(
    "shift_change",
    metadata,
    Column("change_id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("counts", Text, nullable=False),  # JSON, by view of the queue
    Column("notes", Integer, nullable=False),  # not yet seen to
)
Index("shift_change_at", shift_change.c.at)

# The plan of the whole area: when it was made, and what became of it. One row for each interval, whichever replica made it.
plan_run = Table(
    "plan_run",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("state", Text, nullable=False),  # wanted, running, done, late (ended by us), failed
    Column("who", Text, nullable=False),  # who asked for it; empty = the timer
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("orders", Integer, nullable=False, server_default="0"),  # that could be planned
    Column("crews", Integer, nullable=False, server_default="0"),
    Column("placed", Integer, nullable=False, server_default="0"),
    Column("proposed", Integer, nullable=False, server_default="0"),  # for a person to decide
    Column("moved", Integer, nullable=False, server_default="0"),  # by rule
    Column("milliseconds", Integer, nullable=False, server_default="0"),
    Column("mebibytes", Integer, nullable=False, server_default="0"),
)
Index("plan_run_started", plan_run.c.started_at)
# Where the newest plan has each order. It counts as long as the order has the version that was planned.
plan_slot = Table(
    "plan_slot",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("crew", Text, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("act", Text, nullable=False),  # "" keep; propose: a person decides; rule: to be given; given
    Column("gain", Integer, nullable=False),  # yuan-equivalents
    Column("reasons", Text, nullable=False),  # JSON, as of an order
    Column("next_crews", Text, nullable=False),  # JSON, as of an order
)
Index("plan_slot_act", plan_slot.c.act, plan_slot.c.run_id)

# People: certificates, leave, declared interests.
certificate = Table(
    "certificate",
    metadata,
    Column("crew", Text, nullable=False),
    Column("number", Integer, nullable=False),  # of the member
    Column("skill", Text, nullable=False),
    Column("paper", Text, nullable=False),
    Column("expires_on", Date, nullable=False),  # the first day on which it is no longer good
    PrimaryKeyConstraint("crew", "number", "skill"),
)
leave = Table(
    "leave",
    metadata,
    Column("leave_id", Text, primary_key=True),
    Column("crew", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("from_on", Date, nullable=False),
    Column("until_on", Date, nullable=False),  # the last day
    Column("kind", Text, nullable=False),
    Column("noted_by", Text, nullable=False),
)
interest = Table(
    "interest",
    metadata,
    Column("crew", Text, nullable=False),
    Column("about", Text, nullable=False),  # an account, or "department:<code>"
    Column("words", Text, nullable=False),
    Column("declared_at", Moment, nullable=False),
    Column("declared_by", Text, nullable=False),
    PrimaryKeyConstraint("crew", "about"),
)
# Preventive plans and patrol rounds.
plan = Table(
    "plan",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("skills", Text, nullable=False),  # JSON
    Column("minutes", Integer, nullable=False),
    Column("rule", Text, nullable=False),  # RFC 5545 RRULE, in the site's wall clock
    Column("starts_at", Moment, nullable=False),
    Column("asset", Text, nullable=False),
    Column("active", Integer, nullable=False),
    Column("next_at", Moment),  # null = the rule has ended
)
Index("plan_next", plan.c.next_at)
checkpoint = Table(
    "checkpoint",
    metadata,
    Column("code", Text, primary_key=True),  # on the QR label
    Column("plan", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("unit", Text, nullable=False),  # of the reading; empty = only passed
    Column("low", Text, nullable=False),  # decimal; empty = no limit
    Column("high", Text, nullable=False),
    Column("asset", Text, nullable=False),
)
passing = Table(
    "passing",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("reading", Text, nullable=False),
    Column("outside", Integer, nullable=False),  # 1 = the reading broke a limit
    PrimaryKeyConstraint("order_id", "checkpoint"),
)
device_reading = Table(
    "device_reading",
    metadata,
    Column("checkpoint", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("reading", Text, nullable=False),
    Column("outside", Integer, nullable=False),  # 1 = the reading broke a limit
    PrimaryKeyConstraint("checkpoint", "at"),
)
asset = Table(
    "asset",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("since", Date, nullable=False),
)

# Alarms: one row for each source and key; a storm is one row and one order.
alarm = Table(
    "alarm",
    metadata,
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("times", Integer, nullable=False),
    Column("round", Integer, nullable=False),  # how often it has come back after its order had ended
    Column("order_id", Text, nullable=False),
    PrimaryKeyConstraint("source", "key"),
)
alarm_message = Table(
    "alarm_message",
    metadata,
    Column("message", Text, primary_key=True),  # id of a delivery, so that the same is counted once
    Column("at", Moment, nullable=False),
)
Index("alarm_message_at", alarm_message.c.at)

# Emergency plans (data/upkeep.toml) as they were exercised or used.
drill = Table(
    "drill",
    metadata,
    Column("drill_id", Text, primary_key=True),
    Column("plan", Text, nullable=False),
    Column("kind", Text, nullable=False),  # drill, real
    Column("at", Moment, nullable=False),
    Column("led_by", Text, nullable=False),
    Column("people", Integer, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("words", Text, nullable=False),
    Column("noted_by", Text, nullable=False),
)
