"""Who may complain, look into complaints, suggest, reply, ask and answer; and where each thing belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.requests import access
from shared.web.routes import Access, Scoped

if TYPE_CHECKING:
    from services.requests.voices.store import Complaint, Forum, Improvement, Suggestion
    from services.requests.voices.surveying import Survey

COMPLAIN = access.ASK
# The complainant, whoever looks into it, and supervision; never those who only administer or give out work.
READ_COMPLAINTS = Access.to(
    staff="own", dispatcher="own", contract_manager="own", administrator="own", supervisor=("own", "organisation")
)
HANDLE = Access.to(dispatcher="own", contract_manager="own", supervisor="own")
ABOUT_US = Access.to(crew="own", supplier="supplier")
SUGGEST = access.ASK
READ = Access.to(
    staff="organisation", dispatcher="organisation", contract_manager="organisation", administrator="organisation",
    supervisor="organisation",
)  # fmt: skip
LEAD = Access.to(dispatcher="organisation", contract_manager="organisation", administrator="organisation")
# Whoever has something to do, whoever leads, and supervision, which verifies too.
IMPROVE = Access.to(
    staff="own", dispatcher=("own", "organisation"), contract_manager=("own", "organisation"),
    administrator=("own", "organisation"), supervisor="organisation",
)  # fmt: skip
SURVEY = Access.to(administrator="organisation")
ANSWER = Access.to(staff="organisation")


def of_complaint(complaint: Complaint) -> Scoped:
    """Where a complaint belongs; one about a restricted request to its own people alone."""
    owners = frozenset({complaint.complainant, complaint.handler} - {""})
    return Scoped(owners=owners, organisation="" if complaint.restricted else complaint.organisation)


def to_complainant(complaint: Complaint) -> Scoped:
    """For what only the complainant may do."""
    return Scoped(owners=frozenset({complaint.complainant}))


def to_handler(complaint: Complaint) -> Scoped:
    """For what only whoever looks into it may do."""
    return Scoped(owners=frozenset({complaint.handler} - {""}))


def of_suggestion(suggestion: Suggestion) -> Scoped:
    """Where a suggestion belongs."""
    return Scoped(owners=frozenset({suggestion.author} - {""}), organisation=suggestion.organisation)


def of_improvement(improvement: Improvement) -> Scoped:
    """Where an improvement belongs."""
    return Scoped(owners=frozenset({improvement.owner}), organisation=improvement.organisation)


def of_body(thing: Forum | Survey) -> Scoped:
    """Where minutes or a survey belong."""
    return Scoped(organisation=thing.organisation)
