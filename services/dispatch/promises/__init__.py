"""Promises: by when a request is answered, attended and finished, and how its clock stands.

``calendar`` counts working time with Chinese public holidays and make-up workdays; ``clock`` turns a standard, a
priority and what happened into due instants and states; ``ladder`` says who is told, and when. Standard library
only, apart from the holiday table of ``chinesecalendar``, which is read when first needed.
"""

from services.dispatch.promises.calendar import ALWAYS, OFFICE, Calendar, Days, Hours
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
