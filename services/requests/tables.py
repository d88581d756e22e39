"""What this service keeps."""

from __future__ import annotations

from sqlalchemy import DDL, BigInteger, Boolean, Column, Date, Index, Integer, LargeBinary, Table, Text, event, false

from shared.database import Moment, RowId
from shared.service import metadata_of_floor

metadata = metadata_of_floor()

# ---- who

department = Table(
    "department",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("building", Text, nullable=False, default=""),
)
account = Table(
    "account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_name", Text, nullable=False, unique=True),  # lower case
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("roles", Text, nullable=False),  # the first is the one whose navigation is shown; separated by blanks
    Column("department", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("supplier", Text, nullable=False),
    Column("crew", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("password", Text, nullable=False),  # argon2id; empty = cannot sign in with a password
    # Raised with every change of rights or password; passes of a lower epoch are dead. Also the events' sequence.
    Column("epoch", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("until", Moment),  # last instant of a time-boxed account
    Column("shown", Boolean, nullable=False, default=False),  # listed on the sign-in page of a demonstration
    Column("changed_at", Moment, nullable=False),
)
Index("account_by_department", account.c.department, account.c.user_name)
session = Table(
    "session",
    metadata,
    Column("id", Text, primary_key=True),  # public: stands in passes and events
    Column("secret", Text, nullable=False, unique=True),  # SHA-256 of the cookie's 128 random bits
    Column("account_id", Text, nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("device", Text, nullable=False),  # what the browser calls itself, shortened
    Column("address", Text, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("confirmed_at", Moment, nullable=False),  # when the password was last asked for
    Column("used_at", Moment, nullable=False),
    Column("idle_until", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
)
# Browsers from which an account has been used before: an attacker's failures do not slow them down.
device = Table(
    "device",
    metadata,
    Column("secret", Text, primary_key=True),  # SHA-256
    Column("account_id", Text, nullable=False, index=True),
    Column("seen_at", Moment, nullable=False),
)
# Wrong passwords in a row, by ``user:<hash>``, ``device:<hash>`` and ``peer:<address>``.
failure = Table(
    "failure",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("times", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)
token = Table(
    "token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret", Text, nullable=False, unique=True),  # SHA-256
    Column("account_id", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("verbs", Text, nullable=False),  # separated by blanks
    Column("services", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("revoked_at", Moment),
)
# The second factor of an account: its sealed seed, and the last 30-second step of which a code was taken.
second_factor = Table(
    "second_factor",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("seed", Text, nullable=False),  # AES-256-GCM
    Column("last_step", BigInteger, nullable=False),
    Column("set_at", Moment, nullable=False),
)
recovery_code = Table(
    "recovery_code",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 over account and code
    Column("account_id", Text, nullable=False, index=True),
    Column("used_at", Moment),
)
# Links that let somebody choose a password, once.
invitation = Table(
    "invitation",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256
    Column("account_id", Text, nullable=False, index=True),
    Column("until", Moment, nullable=False),
)

# ---- where

place = Table(
    "place",
    metadata,
    Column("code", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("building", Text, nullable=False),
    Column("floor", Text, nullable=False),
    Column("room", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("equipment", Text, nullable=False),  # separated by blanks
    Column("search", Text, nullable=False),
)

# ---- what is asked for

# The next number of each day. Processes take blocks, so that filings do not wait for one row.
number = Table(
    "number",
    metadata,
    Column("day", Date, primary_key=True),
    Column("next", Integer, nullable=False),
)
request = Table(
    "request",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, unique=True),  # never used again
    Column("version", Integer, nullable=False),  # of our own facts; the events' sequence
    Column("round", Integer, nullable=False),
    # A function of the requester's acts and of work_order: model.state_of. Kept for lists.
    Column("state", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("item_version", Integer, nullable=False),
    Column("level", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("place", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("requester_name", Text, nullable=False),
    Column("requester_name_en", Text, nullable=False, server_default=""),
    Column("filed_by", Text, nullable=False),  # another account when it was filed on somebody's behalf
    Column("filed_at", Moment, nullable=False),
    Column("starts_at", Moment),
    Column("ends_at", Moment),
    Column("headcount", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("summary", Text, nullable=False),
    Column("answers", Text, nullable=False),  # JSON by field name
    Column("contact", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("urged", Integer, nullable=False, default=0),
    Column("urged_at", Moment),
    Column("withdrawn_at", Moment),
    Column("closed_at", Moment),
    Column("stars", Integer, nullable=False, default=0),
    Column("tags", Text, nullable=False, default=""),
    Column("words", Text, nullable=False, default=""),
    # Of the current order, for lists: who, and what is due.
    Column("crew_name", Text, nullable=False, default=""),
    Column("crew_name_en", Text, nullable=False, default=""),
    Column("due_at", Moment),
    Column("finished_at", Moment),
    Column("changed_at", Moment, nullable=False),
    Column("asset", Text, nullable=False, server_default=""),  # tag of the thing it is about, where it was named
    Column("joined", Integer, nullable=False, server_default="1"),  # how many people ask for it together
    # What makes it the same while it is open and first of its kind (services.requests.same); unique, so that of two
    # people who report one thing at once the second is told of the first.
    Column("alone", Text),
    Column("escalated", Text, nullable=False, server_default=""),  # why, the last time: low_rating, reopened_again
    Column("escalated_at", Moment),
    Column("answered_at", Moment),  # when somebody said what was done about it
    Column("alike", Text),  # what makes it the same as others (model.alike); null where nothing does
)
# Requests that somebody waits for: few, however long the history is.
LIVE = ("awaiting_approval", "filed", "assigned", "under_way", "paused", "reopened", "to_confirm")
Index("request_alone", request.c.alone, unique=True)
_live = request.c.state.in_(LIVE)
Index(
    "request_live_of",
    request.c.requester,
    request.c.filed_at.desc(),
    request.c.id.desc(),
    sqlite_where=_live,
    postgresql_where=_live,
)
Index("request_live_here", request.c.place, request.c.item, sqlite_where=_live, postgresql_where=_live)
Index(
    "request_filed_for",
    request.c.filed_by,
    request.c.filed_at.desc(),
    request.c.id.desc(),
    sqlite_where=request.c.filed_by != "",
    postgresql_where=request.c.filed_by != "",
)
_unanswered = (request.c.escalated != "") & request.c.answered_at.is_(None)
Index("request_escalated", request.c.escalated_at, sqlite_where=_unanswered, postgresql_where=_unanswered)
# Telephones that are still to be emptied.
_contact = request.c.contact != ""
Index("request_contact", request.c.id, sqlite_where=_contact, postgresql_where=_contact)
Index("request_by_requester", request.c.requester, request.c.filed_at.desc(), request.c.id.desc())
Index("request_by_time", request.c.filed_at.desc(), request.c.id.desc())
Index(
    "request_to_confirm",
    request.c.finished_at,
    sqlite_where=request.c.state == "to_confirm",
    postgresql_where=request.c.state == "to_confirm",
)
# Who else asks for it. They leave by a date in left_at, so that what they confirmed stays.
together = Table(
    "together",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("filed_at", Moment, nullable=False),  # of the request, so that lists merge in its order
    Column("joined_at", Moment, nullable=False),
    Column("left_at", Moment),
    Column("confirmed_at", Moment),
    Column("stars", Integer, nullable=False, server_default="0"),
)
Index(
    "together_of",
    together.c.account,
    together.c.filed_at.desc(),
    together.c.request_id.desc(),
    sqlite_where=together.c.left_at.is_(None),
    postgresql_where=together.c.left_at.is_(None),
)
# Photos of requests. Without a request they were sent with a form that is not filed yet, and last some days.
photo = Table(
    "photo",
    metadata,
    Column("id", Text, primary_key=True),  # 128 random bits
    Column("request_id", Text, nullable=False, server_default=""),
    Column("account", Text, nullable=False),  # who sent it
    Column("sha256", Text, nullable=False),  # of body
    Column("content_type", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),  # both empty once it is removed
    Column("thumbnail", LargeBinary, nullable=False),
    Column("removed_at", Moment),  # its term was over: the hash stays, the picture is gone
)
Index("photo_of_request", photo.c.request_id, photo.c.made_at)
Index(
    "photo_waiting",
    photo.c.account,
    photo.c.made_at,
    sqlite_where=photo.c.request_id == "",
    postgresql_where=photo.c.request_id == "",
)
Index(
    "photo_there",
    photo.c.made_at,
    sqlite_where=photo.c.removed_at.is_(None),
    postgresql_where=photo.c.removed_at.is_(None),
)
# What somebody likes to say each time, by item: JSON by field name.
preference = Table(
    "preference",
    metadata,
    Column("account", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("answers", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
)
# What happened to it, for its page. Written once, never changed.
happening = Table(
    "happening",
    metadata,
    Column("row_id", RowId, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("what", Text, nullable=False),
    Column("who", Text, nullable=False, default=""),  # a name as shown, or a crew's
    Column("who_en", Text, nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),  # a reason's code, stars, or words
    Column("order_id", Text, nullable=False, default=""),
    Column("sequence", Integer, nullable=False, default=0),
    Column("event_id", Text, nullable=False, default=""),
)
Index("happening_by_request", happening.c.request_id, happening.c.at)
# Our copy of dispatch's orders. Each group of columns remembers the sequence it came with: latest wins.
work_order = Table(
    "work_order",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("request_id", Text, nullable=False, index=True),
    Column("reference", Text, nullable=False, default=""),
    Column("round", Integer, nullable=False, default=0),
    Column("happening", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("crew", Text, nullable=False, default=""),
    Column("crew_name", Text, nullable=False, default=""),
    Column("crew_name_en", Text, nullable=False, default=""),
    Column("supplier", Text, nullable=False, default=""),
    Column("crew_sequence", BigInteger, nullable=False, default=0),
    Column("opened_at", Moment),
    Column("response_due_at", Moment),
    Column("arrival_due_at", Moment),
    Column("finish_due_at", Moment),
    Column("responded_at", Moment),
    Column("arrived_at", Moment),
    Column("finished_at", Moment),
    Column("breached", Text, nullable=False, default=""),  # promises broken, separated by blanks
)
# What billing wrote down of the work, for the chain on the request's page; figures as billing wrote them.
usage = Table(
    "usage",
    metadata,
    Column("fact_id", Text, primary_key=True),
    Column("request_id", Text, nullable=False, index=True),
    Column("order_id", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("amount", Text, nullable=False),  # yuan; empty = unpriced
    Column("recorded_at", Moment, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

# ---- bookings

resource = Table(
    "resource",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("code", Text, nullable=False, unique=True),  # a room's is its place's
    Column("kind", Text, nullable=False),  # room, vehicle, slot
    Column("item", Text, nullable=False),  # under which its tasks are filed
    Column("place", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("equipment", Text, nullable=False),  # separated by blanks; a vehicle's is its kind
    Column("approval", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column(
        "layouts", Text, nullable=False, server_default=""
    ),  # of a room: "boardroom:16 u_shape:12", as it stands first
)
booking = Table(
    "booking",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("resource", Integer, nullable=False),
    # Only offered, pending, booked and in_use claim their time; moving is never committed.
    Column("state", Text, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("claimed_from", Moment, nullable=False),  # with set-up
    Column("claimed_until", Moment, nullable=False),  # with clean-down; the instant itself is free
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("made_by", Text, nullable=False, default=""),  # another account when it was made on somebody's behalf
    Column("subject", Text, nullable=False),
    Column("headcount", Integer, nullable=False),
    Column("equipment", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("series", Text, nullable=False, default=""),
    Column("until", Moment),  # of an offer: when it lapses
    Column("checked_in_at", Moment),
    Column("made_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("reason", Text, nullable=False, default=""),  # why refused or cancelled
    Column("layout", Text, nullable=False, server_default=""),  # of a room; empty = as it stands
)
CLAIMING = ("offered", "pending", "booked", "in_use")
Index("booking_by_resource", booking.c.resource, booking.c.claimed_until)
Index("booking_by_account", booking.c.account, booking.c.ends_at)
Index("booking_by_series", booking.c.series, booking.c.starts_at)
Index(
    "booking_to_watch",
    booking.c.state,
    booking.c.starts_at,
    sqlite_where=booking.c.state.in_(("offered", "pending", "booked", "in_use")),
    postgresql_where=booking.c.state.in_(("offered", "pending", "booked", "in_use")),
)
# No two claims on one resource overlap, whatever the code above does. A number as a range of itself needs no extension.
NO_DOUBLE_BOOKING = """ALTER TABLE booking ADD CONSTRAINT no_double_booking EXCLUDE USING gist
    (int4range(resource, resource, '[]') WITH &&, tstzrange(claimed_from, claimed_until) WITH &&)
    WHERE (state IN ('offered', 'pending', 'booked', 'in_use'))"""
event.listen(booking, "after_create", DDL(NO_DOUBLE_BOOKING).execute_if(dialect="postgresql"))
booking_series = Table(
    "booking_series",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False),  # RFC 5545
    Column("account", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
)
# The requests that a booking filed; they follow it.
booking_task = Table(
    "booking_task",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("booking", Text, nullable=False, index=True),
    Column("part", Integer, nullable=False),  # which of the kind's tasks
)
waiting_for = Table(
    "waiting_for",
    metadata,
    Column("id", Text, primary_key=True),
    Column("resource", Integer, nullable=False),
    Column("state", Text, nullable=False),  # waiting, offered, taken, left, over
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("account", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("headcount", Integer, nullable=False),
    Column("equipment", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("booking", Text, nullable=False, default=""),  # the one that was offered
    Column("layout", Text, nullable=False, server_default=""),  # of a room; empty = as it stands
)
Index("waiting_for_resource", waiting_for.c.resource, waiting_for.c.state, waiting_for.c.ends_at)
# Secret addresses of calendars.
feed = Table(
    "feed",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret", Text, nullable=False, unique=True),  # SHA-256
    Column("account", Text, nullable=False, index=True),
    Column("resource", Integer, nullable=False, default=0),  # 0 = the person's own
    Column("made_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("used_at", Moment),
)

# ---- chat

# One for each channel and person (and room of a group chat): two channels may talk at once.
chat_conversation = Table(
    "chat_conversation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("account", Text, nullable=False),
    # Raised with every message; a message answered from an older state is answered again from the newer one.
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),  # JSON: services/requests/chat/conversation.py
    Column("changed_at", Moment, nullable=False),
)
Index("chat_conversation_of", chat_conversation.c.channel, chat_conversation.c.account, unique=True)
# What was said and answered. A message that comes again finds its answer here, and changes nothing.
chat_message = Table(
    "chat_message",
    metadata,
    Column("row_id", RowId, primary_key=True),
    Column("conversation", Text, nullable=False),
    Column("message", Text, nullable=False),  # the channel's id of it
    Column("said", Text, nullable=False),
    Column("answer", Text, nullable=False),  # JSON
    Column("at", Moment, nullable=False),
)
Index("chat_message_once", chat_message.c.conversation, chat_message.c.message, unique=True)
Index("chat_message_by_time", chat_message.c.at)
# Wants a person: asked for a dispatcher, complained, or was not understood.
chat_call = Table(
    "chat_call",
    metadata,
    Column("id", Text, primary_key=True),
    Column("conversation", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("kind", Text, nullable=False),  # person, complaint
    Column("words", Text, nullable=False),
    Column("reference", Text, nullable=False),  # of the request it is about; empty = of none
    Column("at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("answered_by", Text, nullable=False, default=""),
    Column("answer", Text, nullable=False, default=""),
)
Index("chat_call_waiting", chat_call.c.answered_at, chat_call.c.at)
# Whose hands a platform's user is: bound by a code shown inside a signed-in page, never by a name in a message.
chat_link = Table(
    "chat_link",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("user", Text, primary_key=True),
    Column("account", Text, nullable=False, index=True),
    Column("linked_at", Moment, nullable=False),
)
chat_link_code = Table(
    "chat_link_code",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the code
    Column("account", Text, nullable=False),
    Column("until", Moment, nullable=False),
)
# Signatures, nonces and message ids already seen, for as long as one could be replayed.
chat_arrival = Table(
    "chat_arrival",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("until", Moment, nullable=False),
)
Index("chat_arrival_until", chat_arrival.c.until)
# Answers on their way to a platform: written with what they tell of, sent by a timer, tried again when it fails.
chat_outgoing = Table(
    "chat_outgoing",
    metadata,
    Column("row_id", RowId, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("to", Text, nullable=False),  # JSON: where the platform takes it
    Column("words", Text, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("sent_at", Moment),
    Column("given_up", Boolean, nullable=False),
)
Index("chat_outgoing_due", chat_outgoing.c.sent_at, chat_outgoing.c.due_at)

# ---- the catalogue

# Versions of items that were made here, and the shipped ones, so that a request's own version is there after an update.
# A published one is never changed; an item has at most one draft.
catalogue_version = Table(
    "catalogue_version",
    metadata,
    Column("item", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("state", Text, nullable=False),  # draft, published
    Column("body", Text, nullable=False),  # the item as JSON: catalogue_reading.body_of
    Column("revision", Integer, nullable=False),  # of the draft, raised with every saving
    Column("changed_by", Text, nullable=False),  # account; empty = shipped
    Column("changed_at", Moment, nullable=False),
    Column("published_by", Text, nullable=False, server_default=""),
    Column("published_at", Moment),
    Column("effective_at", Moment),
)
Index(
    "catalogue_draft",
    catalogue_version.c.item,
    unique=True,
    sqlite_where=catalogue_version.c.state == "draft",
    postgresql_where=catalogue_version.c.state == "draft",
)

# ---- quotas and approvals

# How much of an item a department, or each person, may use in a period.
quota = Table(
    "quota",
    metadata,
    Column("id", Text, primary_key=True),
    Column("item", Text, nullable=False),
    Column("per", Text, nullable=False),  # department, person
    Column("holder", Text, nullable=False),  # a department's code; empty = each that has no row of its own
    Column("period", Text, nullable=False),  # month, quarter, year
    Column("most", Integer, nullable=False),  # in the item's unit: pages, visits, pieces
    Column("changed_at", Moment, nullable=False),
)
Index("quota_by_item", quota.c.item, quota.c.per, quota.c.holder, unique=True)
# What is reserved of it. Only changed by statements that add or take away, so that it is exact whoever comes together.
quota_use = Table(
    "quota_use",
    metadata,
    Column("item", Text, primary_key=True),
    Column("holder", Text, primary_key=True),  # department's code or account
    Column("period", Text, primary_key=True),  # 2026-11, 2026-Q4, 2026
    Column("used", Integer, nullable=False),
)
quota_claim = Table(
    "quota_claim",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("item", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("amount", Integer, nullable=False),
)
# What nobody hears of, or nobody may use, before others have approved it: a request, or a booking.
approval = Table(
    "approval",
    metadata,
    Column("request_id", Text, primary_key=True),  # id of the request or booking
    Column("kind", Text, nullable=False, server_default="request"),  # request, booking
    Column("reason", Text, nullable=False),  # causes by blanks: over_quota above outside always chosen
    Column("why", Text, nullable=False, server_default=""),  # the requester's own reason
    Column("state", Text, nullable=False),  # open, granted, refused, late, withdrawn
    Column("organisation", Text, nullable=False),
    Column("requester", Text, nullable=False, server_default=""),  # account
    Column("filed_by", Text, nullable=False, server_default=""),  # account, when it was filed for somebody else
    Column("event", Text, nullable=False),  # what will be said when it is granted: the event's fields as JSON
    Column("claim", Text, nullable=False),  # what it then reserves of a quota, as JSON
    Column("steps", Text, nullable=False, server_default="[]"),  # who decides, as it stood when it was asked: JSON
    Column("step", Integer, nullable=False, server_default="0"),  # the one that is being decided, from 0
    Column("passed_on", Boolean, nullable=False, server_default=false()),  # its time was over once: deputies too
    Column("asked_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),  # of the step
    Column("decided_at", Moment),
    Column("decided_by", Text, nullable=False, default=""),
    Column("words", Text, nullable=False, default=""),
)
Index("approval_open", approval.c.state, approval.c.due_at)
# Who may decide the present step: role:<role>, department:<code> (both of the approval's body), person:<account>.
approval_by = Table(
    "approval_by",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
)
Index("approval_by_key", approval_by.c.key)
approval_vote = Table(
    "approval_vote",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("instead_of", Text, primary_key=True),  # the account whose vote it is
    Column("account", Text, nullable=False),  # who gave it: the same, or a deputy
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("words", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
# Who decides for somebody who is away, from an instant to another.
deputy = Table(
    "deputy",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False, index=True),
    Column("deputy", Text, nullable=False, index=True),
    Column("from_at", Moment, nullable=False),
    Column("until_at", Moment, nullable=False),
    Column("made_at", Moment, nullable=False),
)
