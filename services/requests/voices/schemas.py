"""What comes in and goes out over JSON about complaints, suggestions, forums and improvements."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.requests.voices import model
from shared.web.schemas import Instant, Key, Page, Text


class ComplaintBody(Schema):
    """A complaint; ``request`` is a reference of one's own, full or short, or empty."""

    request = Key(load_default="")
    about = fields.String(required=True, validate=validate.OneOf(model.ABOUT))
    category = fields.String(required=True, validate=validate.OneOf(model.CATEGORIES))
    department = Key(load_default="", metadata={"description": "complained about; with about = department"})
    words = Text(2000, lines=True, required=True)


class AnswerBody(Schema):
    """What was found, and what is said to the complainant."""

    outcome = fields.String(required=True, validate=validate.OneOf(model.OUTCOMES))
    words = Text(2000, lines=True, required=True)


class AppealBody(Schema):
    """Why the answer is not accepted."""

    words = Text(2000, lines=True, required=True)


class ComplaintsQuery(Page):
    """Which complaints: one's own, those one looks into, or all within the scope."""

    view = fields.String(load_default="mine", validate=validate.OneOf(["mine", "handling", "all"]))


class ReasonOut(Schema):
    """A reason why this handler was chosen: a key, and a number where it counts somebody."""

    key = fields.String()
    number = fields.Integer()


class ComplaintOut(Schema):
    """A complaint as those who may see it read it; the complainant's name only where it is needed."""

    reference = fields.String()
    state = fields.String()
    round = fields.Integer()
    about = fields.String()
    category = fields.String()
    words = fields.String()
    request = fields.String()
    item = fields.String()
    department = fields.String()
    complainant = fields.String(metadata={"description": "for the complainant and the handler; empty for others"})
    handler = fields.String()
    handler_kind = fields.String()
    reasons = fields.List(fields.Nested(ReasonOut))
    opened_at = Instant()
    due_at = Instant()
    overdue = fields.Boolean()
    escalated_at = Instant(allow_none=True)
    acknowledged_at = Instant(allow_none=True)
    answered_at = Instant(allow_none=True)
    appeal_until = Instant(allow_none=True)
    closed_at = Instant(allow_none=True)
    first_outcome = fields.String()
    first_answer = fields.String()
    appeal_words = fields.String()
    outcome = fields.String()
    answer = fields.String()
    close_reason = fields.String()
    salt = fields.String(metadata={"description": "with the words, what the log's digest was made of; one's own only"})
    may = fields.List(fields.String())


class AboutUsOut(Schema):
    """A complaint as the one complained about reads it: nothing that tells who complained, not even the day."""

    month = fields.String(metadata={"description": "2026-11"})
    state = fields.String()
    category = fields.String()
    item = fields.String()
    outcome = fields.String()


class SuggestionBody(Schema):
    """A suggestion; ``named`` shows one's name to everybody."""

    title = Text(80, required=True)
    words = Text(2000, lines=True, load_default="")
    item = Key(load_default="")
    named = fields.Boolean(load_default=False)


class ReplyBody(Schema):
    """Adopted, or declined with the reason; everybody reads it."""

    outcome = fields.String(required=True, validate=validate.OneOf(model.SUGGESTION_OUTCOMES))
    words = Text(2000, lines=True, required=True)


class SuggestionsQuery(Page):
    """Which suggestions: all that may be read, one's own, or those that wait for a reply."""

    view = fields.String(load_default="all", validate=validate.OneOf(["all", "mine", "waiting"]))


class SuggestionOut(Schema):
    """A suggestion; the author's name where it was given to everybody, or to its author and whoever replies."""

    reference = fields.String()
    state = fields.String()
    title = fields.String()
    words = fields.String()
    item = fields.String()
    author = fields.String()
    made_at = Instant()
    reply_by = Instant()
    overdue = fields.Boolean()
    reply = fields.String()
    replied_at = Instant(allow_none=True)
    replied_by = fields.String()


class ForumBody(Schema):
    """Minutes of a forum, and what was suggested there, one title each."""

    held_on = fields.Date(required=True)
    topic = Text(80, required=True)
    place = Text(80, load_default="")
    people = Text(400, load_default="")
    minutes = Text(10_000, lines=True, required=True)
    suggestions = fields.List(Text(80, required=True), load_default=list, validate=validate.Length(max=40))


class ForumOut(Schema):
    """Minutes of a forum."""

    reference = fields.String()
    held_on = fields.Date()
    topic = fields.String()
    place = fields.String()
    people = fields.String()
    minutes = fields.String()
    suggestions = fields.List(fields.String())


class ForumSuggestionBody(Schema):
    """What a forum suggested."""

    title = Text(80, required=True)
    words = Text(2000, lines=True, load_default="")
    item = Key(load_default="")


class ImprovementBody(Schema):
    """What was found, what is to be done, by whom (user name) and by which day; ``of`` a complaint, suggestion or forum."""

    of = Key(
        load_default="", metadata={"description": "reference of a suggestion or forum, or a complaint one looks into"}
    )
    finding = Text(500, lines=True, required=True)
    action = Text(500, lines=True, load_default="")
    owner = Key(required=True)
    due_on = fields.Date(required=True)


class MoveBody(Schema):
    """One step: analyse (cause), act (plan), finish (result), verify, send_back (why), drop (why)."""

    move = fields.String(required=True, validate=validate.OneOf(sorted(model.OWNERS_MOVES | model.LEADERS_MOVES)))
    words = Text(1000, lines=True, load_default="")


class ImprovementsQuery(Page):
    """Which improvements: under way, one's own, or all."""

    view = fields.String(load_default="open", validate=validate.OneOf(["open", "mine", "all"]))


class ImprovementOut(Schema):
    """An improvement on its way from finding to verified."""

    reference = fields.String()
    state = fields.String()
    of = fields.String(attribute="origin_reference")
    finding = fields.String()
    cause = fields.String()
    action = fields.String()
    result = fields.String()
    owner = fields.String(attribute="owner_name")
    due_on = fields.Date()
    late = fields.Boolean()
