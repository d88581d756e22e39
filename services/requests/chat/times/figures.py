"""Dates, clock times and numbers in figures: how they are written, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.requests.chat.times import lexicon_en as en
from services.requests.chat.times.clocks import clock
from services.requests.chat.times.days import CalendarDay
from services.requests.chat.times.expression import Grain
from services.requests.chat.times.numerals import ZH_DIGITS, ZH_NUMERAL, Number, chinese_number, full_year
from services.requests.chat.times.periods import InYear, Year
from services.requests.chat.times.words import GAP, Meaning

if TYPE_CHECKING:
    import re

_WEEKDAY_MARKS = {
    **{mark: value - 1 for mark, value in ZH_DIGITS.items() if 1 <= value <= 6 and mark != "两"},
    **{str(digit): digit - 1 for digit in range(1, 8)},
    "日": 6,
    "天": 6,
}

_MONTH_NAMES = "|".join(en.MONTHS)
FIGURE = r"""
    (?P<skip_figure> 1\d{10}(?!\d) | 0\d{2,3}-\d{7,8}(?!\d) | \d+(?:\.\d+){3,6} | 24/7 | \d[\d.,]{0,15}\ ?% )
  | (?P<ymd> (?<!\d)(?P<y1>\d{4})(?P<sep1>[-/.])(?P<m1>\d{1,2})(?P=sep1)(?P<d1>\d{1,2})(?!\d) )
  | (?P<compact> (?<!\d)(?P<y2>(?:19|20)\d\d)(?P<m2>0[1-9]|1[0-2])(?P<d2>0[1-9]|[12]\d|3[01])(?!\d) )
  | (?P<dmy> (?<![\d.])(?P<p3>\d{1,2})(?P<sep3>[-/.])(?P<q3>\d{1,2})(?P=sep3)(?P<r3>\d{4}|\d\d)(?!\d) )
  | (?P<ym> (?<!\d)(?P<y4>(?:19|20)\d\d)[-/](?P<m4>0?[1-9]|1[0-2])(?![\d/:点]) )
  | (?P<my> (?<![\d/])(?P<m5>0?[1-9]|1[0-2])[-/](?P<y5>(?:19|20)\d\d)(?![\d/]) )
  | (?P<md> (?<![\d/])(?P<p6>\d{1,2})/(?P<q6>\d{1,2})(?![\d/]) )
  | (?P<clock> (?<![\d:])(?P<hh>\d{1,2}):\ ?(?P<mi>[0-5]\d)(?::(?P<ss>[0-5]\d))?(?![\d:])分? )
  | (?P<dotted> (?<![\d.])(?P<hd>\d{1,2})\.(?P<md7>[0-5]\d)(?=\ ?[ap]\.?\ ?m\b) )
  | (?P<ordinal> (?<![\d.])(?P<o>\d{1,4})(?:st|nd|rd|th)(?![a-z]) )
  | (?P<decade> (?<!\d)(?P<de>(?:1[89]|20)\d0)\ ?'?s(?![a-z]) )
"""
NAME = rf"""
    (?P<skip_name> (?<![a-z\d])(?: [a-z]{{1,5}}-?\d{{6,14}}(?:-\d+)+ | v\d+(?:\.\d+)+ | [a-z\d._-]{{1,64}}@[a-z\d.-]+
        | (?=[a-z]+\d)(?!(?:{_MONTH_NAMES}|at|by|on|to|til|from)\.?\d|[qh][1-4](?![\da-z]))[a-z]+\d+[a-z\d]*(?![:\d]) ) )
"""
QUARTER = r"""
    (?P<quarter> (?=[\dqh])(?<![a-z\d])(?:(?P<qy>(?:19|20)\d\d)[-\ ])?(?P<qh>[qh])(?P<qn>[1-4])
        (?:[-\ ](?P<qz>(?:19|20)\d\d))?(?![\da-z]) )
"""
CHINESE = rf"""
    (?P<zhday> (?!(?:周|星期)六日)(?:周|星期|礼拜|星其|礼败)(?P<wd>(?<![两半几]周)[一二三四五六日天1-7])(?![次遍趟回直]) )
  | (?P<zhord> 第(?P<zo>{ZH_NUMERAL}{{1,4}}|\d{{1,3}})个? )
  | (?P<zhlunar> (?:(?<![\d今明去前后零一二三四五六七八九])(?:大年|年))?初(?P<zl>[一二三四五六七八九十]) )
"""
NUMBER = r"(?P<number> \d{1,3}(?:,\d{3})+(?!\d) | \d{1,12}(?:\.\d{1,9})? )"


def figure(group: str, found: re.Match[str], lang: str) -> Meaning:
    """What a figure or Chinese numeral means; ``_`` when it is none that time uses."""
    letter, value = _FIGURES[group](found, lang)
    if group == "zhlunar" and not found[0].startswith("初"):
        return (("U", 1), (letter, value))  # 年初三 is of the first month
    return ((letter, value),) if value is not None else GAP


def _ymd(found: re.Match[str], _lang: str) -> tuple[str, Any]:
    year, month, day = found["y1"] or found["y2"], found["m1"] or found["m2"], found["d1"] or found["d2"]
    return "D", _day(int(year), int(month), int(day))


def _dmy(found: re.Match[str], lang: str) -> tuple[str, Any]:
    first, second, last = int(found["p3"]), int(found["q3"]), found["r3"]
    if len(last) == 4:
        order = (first, second) if lang == "zh" or first > 12 else (second, first)
        return "D", _day(int(last), order[1], order[0])
    if lang == "zh":
        return "D", _day(full_year(first), second, int(last))
    day, month = (first, second) if first > 12 else (second, first)
    return "D", _day(full_year(int(last)), month, day)


def _md(found: re.Match[str], _lang: str) -> tuple[str, Any]:
    month, day = int(found["p6"]), int(found["q6"])
    if month > 12:
        month, day = day, month
    return "D", _day(None, month, day)


def _day(year: int | None, month: int, day: int) -> CalendarDay | None:
    return CalendarDay(day, month, year) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _clock(found: re.Match[str], _lang: str) -> tuple[str, Any]:
    hour, minute, second = found["hh"], int(found["mi"]), int(found["ss"] or 0)
    grain = Grain.SECOND if found["ss"] else Grain.MINUTE
    return "c", clock(int(hour), minute, second, settled=len(hour) == 2 and hour[0] == "0", grain=grain)


def _number(found: re.Match[str], _lang: str) -> tuple[str, Any]:
    figures = found[0].replace(",", "")
    whole = figures.partition(".")[0]
    return "N", Number(float(figures), digits=len(whole), fraction=figures.partition(".")[2])


_FIGURES: dict[str, Any] = {
    "ymd": _ymd,
    "compact": _ymd,
    "dmy": _dmy,
    "md": _md,
    "ym": lambda found, _lang: ("R", InYear(int(found["m4"]), year=int(found["y4"]))),
    "my": lambda found, _lang: ("R", InYear(int(found["m5"]), year=int(found["y5"]))),
    "clock": _clock,
    "dotted": lambda found, _lang: ("c", clock(int(found["hd"]), int(found["md7"]), grain=Grain.MINUTE)),
    "quarter": lambda found, _lang: ("R", _quarter(found["qh"], int(found["qn"]), found["qy"] or found["qz"])),
    "decade": lambda found, _lang: ("R", Year(int(found["de"]), 10)),
    "ordinal": lambda found, _lang: ("O", int(found["o"])),
    "number": _number,
    "zhday": lambda found, _lang: ("W", _WEEKDAY_MARKS[found["wd"]]),
    "zhord": lambda found, _lang: ("O", _ordinal(found["zo"])),
    "zhlunar": lambda found, _lang: ("j", int(_value(found["zl"]))),
}


def _quarter(kind: str, number: int, year: str | None) -> InYear | None:
    months = 3 if kind == "q" else 6
    return InYear((number - 1) * months + 1, months, int(year) if year else None) if number * months <= 12 else None


def _value(numeral: str) -> float:
    number = Number(float(numeral)) if numeral[0].isdigit() else chinese_number(numeral)
    return number.value if number is not None else -1


def _ordinal(numeral: str) -> int | None:
    value = int(_value(numeral))
    return value if value > 0 else None
