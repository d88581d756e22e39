"""Whom the bell and the mail tell of complaints, suggestions, improvements and surveys; never whose complaint it is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from services.requests.notices.telling import About, tell
from services.requests.voices.model import short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.voices.store import Complaint, Improvement, Suggestion
    from services.requests.voices.surveying import Survey
    from shared.work import Work


def of_complaint(work: Work, kind: str, complaint: Complaint, *, handler: str = "") -> None:
    """The complainant or ``handler`` is told, by the rule of the kind; the sentence names category and reference alone."""
    category = {"key": f"voices.category.{complaint.category}"}
    tell(
        work, f"voice.{kind}",
        About(
            subject="complaint", id=complaint.id, address=f"/requests/complaints/{short(complaint.reference)}",
            words={"what": {"of": [category, short(complaint.reference)]}},
            people={"complainant": (complaint.complainant,), "handler": (handler or complaint.handler,)}, restricted=complaint.restricted,
        ),
        until=complaint.due_at,
    )  # fmt: skip


def of_suggestion(work: Work, kind: str, suggestion: Suggestion) -> None:
    """The author is told."""
    about = About(
        subject="suggestion", id=suggestion.id, address=f"/requests/suggestions/{short(suggestion.reference)}",
        words={"what": {"of": [suggestion.title, short(suggestion.reference)]}}, people={"author": (suggestion.author,)},
    )  # fmt: skip
    tell(work, f"voice.{kind}", about)


def of_improvement(work: Work, kind: str, improvement: Improvement) -> None:
    """Its owner, or whoever began it, is told."""
    about = About(
        subject="improvement", id=improvement.id, address=f"/requests/improvements/{short(improvement.reference)}",
        words={"what": {"of": [improvement.finding[:60], short(improvement.reference)]}},
        people={"owner": (improvement.owner,), "maker": (improvement.made_by,)},
    )  # fmt: skip
    tell(work, f"voice.{kind}", about)


def of_survey(work: Work, kind: str, survey: Survey, people: Iterable[str]) -> None:
    """Those who are asked are told."""
    about = About(
        subject="survey", id=survey.id, address=f"/requests/surveys/{survey.id}", words={"what": [survey.title, survey.title_en]},
        people={"asked": tuple(people)},
    )  # fmt: skip
    tell(work, f"voice.{kind}", about, until=survey.closes_at - timedelta(minutes=1))  # its last day, not the next
