"""Rules of RFC 5545 as an office says them: the usual ones to choose from, and any that can be said in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from datetime import datetime

    from shared.language import Language

# What is not named in a rule (the weekday, the day of the month) is that of the plan's first time.
USUAL = {
    "daily": "FREQ=DAILY",
    "workdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "weekly": "FREQ=WEEKLY",
    "fortnightly": "FREQ=WEEKLY;INTERVAL=2",
    "monthly": "FREQ=MONTHLY",
    "quarterly": "FREQ=MONTHLY;INTERVAL=3",
    "half_yearly": "FREQ=MONTHLY;INTERVAL=6",
    "yearly": "FREQ=YEARLY",
}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WORKING = list(_DAYS[:5])


def options(lang: Language) -> list[tuple[str, str]]:
    """The usual rules and their words, for a choice."""
    return [(rule, lang(f"register.usual.{key}")) for key, rule in USUAL.items()]


def said(rule: str, starts_at: datetime, lang: Language) -> str:
    """``rule`` in words, its days those of ``starts_at`` where it names none; the rule itself where there are no words."""
    parts = dict(
        part.split("=", 1) for part in rule.upper().removeprefix("RRULE:").strip(";").split(";") if "=" in part
    )
    freq, every = parts.pop("FREQ", ""), parts.pop("INTERVAL", "1")
    parts.pop("WKST", None)
    days = _days(freq, parts, starts_at, lang)
    if days is None or parts or not every.isdecimal():  # COUNT, UNTIL, BYSETPOS ... have no words
        return rule
    return lang(f"register.every.{freq.lower()}", n=int(every), days=days)


def _days(freq: str, parts: dict[str, str], starts_at: datetime, lang: Language) -> str | None:
    """The days within a period, in words; takes from ``parts`` what it has said. None: there are no words for them."""
    first = starts_at.astimezone(SITE_ZONE)
    if freq == "DAILY":
        return ""
    if freq == "WEEKLY":
        named = parts.pop("BYDAY", _DAYS[first.weekday()]).split(",")
        if any(each not in _DAYS for each in named):
            return None
        if sorted(named) == sorted(_WORKING):
            return lang("register.every.workdays")
        return lang("register.every.and").join(lang.weekday(_DAYS.index(each)) for each in named)
    if freq == "MONTHLY" and "BYDAY" in parts and "BYMONTHDAY" not in parts:
        place, day = parts["BYDAY"][:-2], parts.pop("BYDAY")[-2:]
        if place not in {"1", "2", "3", "4", "-1"} or day not in _DAYS:
            return None
        return lang(f"register.every.nth.{place.replace('-1', 'last')}", day=lang.weekday(_DAYS.index(day)))
    if freq == "MONTHLY":
        number = parts.pop("BYMONTHDAY", str(first.day))
        if number == "-1":
            return lang("register.every.last_day")
        return lang("register.every.day", day=number) if number.isdecimal() else None
    return lang.short_day(first) if freq == "YEARLY" else None
