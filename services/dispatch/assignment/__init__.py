"""Assignment: which crew does which job, when, and why.

``model`` says what is known, ``constraints`` what is forbidden, ``cost`` what a choice costs. ``suggestion.suggest``
answers for one job with reasons and alternatives. All of it is pure: standard library, no clock, no chance.
"""

from services.dispatch.assignment.constraints import poolable, unable, why_not
from services.dispatch.assignment.cost import Cost
from services.dispatch.assignment.model import Area, Crew, CrewState, Dispatch, Job, Message, Pay, Rest, Weights
from services.dispatch.assignment.suggestion import Choice, Suggestion, suggest

__all__ = [
    "Area",
    "Choice",
    "Cost",
    "Crew",
    "CrewState",
    "Dispatch",
    "Job",
    "Message",
    "Pay",
    "Rest",
    "Suggestion",
    "Weights",
    "poolable",
    "suggest",
    "unable",
    "why_not",
]
