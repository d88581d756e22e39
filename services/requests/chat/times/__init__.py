"""The time engine: finds time expressions in Chinese and English office speech and resolves them.

It decides nothing and stores nothing: a sentence and the moment it was said go in, :class:`TimeExpression` come out.
Call :func:`expressions` for all of them in order, :func:`main_expression` for the one a request is about.
"""

from services.requests.chat.times.expression import Bound, Grain, Kind, Part, Recurrence, TimeExpression
from services.requests.chat.times.reading import expressions, main_expression

__all__ = [
    "Bound",
    "Grain",
    "Kind",
    "Part",
    "Recurrence",
    "TimeExpression",
    "expressions",
    "main_expression",
]
