"""Who is told of what, as data. A new notice is one line here and its words ``notice.<kind>`` in both languages.

An audience is a name that the thing itself gives people for (:class:`services.requests.notices.telling.About`): whoever
does the thing is never told of it in the bell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mail = Literal["at_once", "daily", "none"]
MAILS: tuple[Mail, ...] = ("at_once", "daily", "none")
# What a person chooses by, in this order on the page; ``notice.topic.<topic>`` are the words, ``notice.each.<kind>`` those
# of a single kind.
TOPICS = ("request", "booking", "approval", "chat", "voice")


@dataclass(frozen=True)
class Rule:
    """One kind of notice.

    Attributes:
        kind: ``<topic>.<what happened>``.
        to: audiences of the thing.
        mail: how it is mailed to whoever has not chosen otherwise for it or its topic.
        own: whoever did it gets the mail all the same (a calendar entry); it is read already in the bell.
    """

    kind: str
    to: tuple[str, ...]
    mail: Mail = "daily"
    own: bool = False

    @property
    def topic(self) -> str:
        return self.kind.partition(".")[0]


# requester: for whom it is; filer: who filed it for him; joiner: who joined it later.
ASKED = ("requester", "filer", "joiner")

_RULES = (
    # Requests. ``request.<state>`` is told when the work brings a request into that state.
    Rule("request.filed_for_you", ("requester",)),
    Rule("request.approved", ASKED, "at_once"),
    Rule("request.not_approved", ASKED, "at_once"),
    Rule("request.approval_late", ASKED, "at_once"),
    Rule("request.assigned", ASKED, "none"),
    Rule("request.under_way", ASKED, "none"),
    Rule("request.paused", ASKED),
    Rule("request.to_confirm", ASKED, "at_once"),
    Rule("request.refused", ASKED, "at_once"),
    Rule("request.breached", ASKED),
    Rule("request.asked", ("requester", "filer"), "at_once"),
    Rule("request.withdrawn", ASKED),
    Rule("request.reopened", ASKED),
    Rule("request.closed_by_itself", ASKED),
    # Approvals.
    Rule("approval.request", ("approver",), "at_once"),
    Rule("approval.booking", ("approver",), "at_once"),
    # Bookings.
    Rule("booking.made", ("owner",), "at_once", own=True),
    Rule("booking.series", ("owner",), "at_once", own=True),
    Rule("booking.approved", ("owner",), "at_once"),
    Rule("booking.refused", ("owner",), "at_once"),
    Rule("booking.moved", ("owner",), "at_once", own=True),
    Rule("booking.cancelled", ("owner",), "at_once", own=True),
    Rule("booking.released", ("owner",), "at_once"),
    Rule("booking.offered", ("owner",), "at_once"),
    Rule("booking.lapsed", ("owner",)),
    # The chat.
    Rule("chat.called", ("dispatcher",)),
    Rule("chat.answered", ("asker",), "at_once"),
    # Complaints, suggestions, improvements, surveys.
    Rule("voice.complaint_given", ("handler",), "at_once"),
    Rule("voice.complaint_taken", ("handler",)),
    Rule("voice.complaint_answered", ("complainant",), "at_once"),
    Rule("voice.complaint_late", ("complainant",)),
    Rule("voice.suggestion_replied", ("author",), "at_once"),
    Rule("voice.improvement_given", ("owner",), "at_once"),
    Rule("voice.improvement_done", ("maker",), "at_once"),
    Rule("voice.improvement_back", ("owner",), "at_once"),
    Rule("voice.survey_opened", ("asked",)),
    Rule("voice.survey_reminder", ("asked",)),
    # Cases about the data kept of a person.
    Rule("voice.data_asked", ("administrator",), "at_once"),
    Rule("voice.data_answered", ("person",), "at_once"),
    Rule("voice.data_late", ("administrator", "person"), "at_once"),
)
RULES: dict[str, Rule] = {rule.kind: rule for rule in _RULES}


def of_topic(topic: str) -> tuple[Rule, ...]:
    """The rules of one topic, in their order on the page."""
    return tuple(rule for rule in _RULES if rule.topic == topic)
