"""Promises: by when a request is answered, attended and finished, and how its clock stands.

``shared.working_time`` counts working time with Chinese public holidays and make-up workdays; ``clock`` turns a
standard, a priority and what happened into due instants and states; ``ladder`` says who is told, and when.
"""

from services.dispatch.promises.clock import (
    ARRIVAL,
    FINISH,
    KINDS,
    RESPONSE,
    Due,
    Happening,
    Limit,
    Promise,
    Standard,
    Terms,
    due_times,
    promise_state,
)
from services.dispatch.promises.ladder import LADDER, Alert, Rung, alerts, next_change
from shared.working_time import ALWAYS, OFFICE, Calendar, Days, Hours

__all__ = [
    "ALWAYS",
    "ARRIVAL",
    "FINISH",
    "KINDS",
    "LADDER",
    "OFFICE",
    "RESPONSE",
    "Alert",
    "Calendar",
    "Days",
    "Due",
    "Happening",
    "Hours",
    "Limit",
    "Promise",
    "Rung",
    "Standard",
    "Terms",
    "alerts",
    "due_times",
    "next_change",
    "promise_state",
]
