"""What people are told: in the bell at once, by mail as each of them wants.

A notice is written in the transaction of the fact it tells of (:func:`telling.tell`); who is told, and how by default, is
a line of :mod:`rules`. Words are made when it is read, in the reader's language.
"""

from __future__ import annotations

from services.requests.notices.rules import RULES, TOPICS, Rule
from services.requests.notices.telling import About, tell

__all__ = ["RULES", "TOPICS", "About", "Rule", "tell"]
