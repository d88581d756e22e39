"""How each language writes dates, durations, numbers, money and places.

Dates and times are made here, in the site's zone, never by the browser. Text only: no HTML.
"""

from __future__ import annotations

from datetime import date as Day  # noqa: N812  one of the methods is called date
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.clock import SITE_ZONE

MINUS = "−"  # U+2212
UNKNOWN = "–"
_WEEKDAYS = {"zh-Hans": "一二三四五六日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONG_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Formats:
    """The formats of one language. Moments are aware; answers are in the site's zone."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.chinese = code == "zh-Hans"

    # ---- dates and times

    def time(self, moment: datetime) -> str:
        """15:00."""
        return moment.astimezone(SITE_ZONE).strftime("%H:%M")

    def seconds(self, moment: datetime) -> str:
        """10:42:08; beside "live" and proofs only."""
        return moment.astimezone(SITE_ZONE).strftime("%H:%M:%S")

    def weekday(self, number: int) -> str:
        """周一 / Mon for 0."""
        return f"周{_WEEKDAYS[self.code][number]}" if self.chinese else _WEEKDAYS[self.code][number]

    def day(self, moment: datetime | Day, now: datetime | None = None) -> str:
        """今天 / today, 明天, 昨天, else 11月25日 周三 / Wed 25 Nov; with the year when it is another one."""
        on = _local(moment)
        if now is not None:
            today = _local(now)
            near = {0: ("今天", "today"), 1: ("明天", "tomorrow"), -1: ("昨天", "yesterday")}.get((on - today).days)
            if near:
                return near[0] if self.chinese else near[1]
            if on.year != today.year:
                return self.date(on)
        weekday = self.weekday(on.weekday())
        return f"{on.month}月{on.day}日 {weekday}" if self.chinese else f"{weekday} {on.day} {_MONTHS[on.month - 1]}"

    def short_day(self, moment: datetime | Day) -> str:
        """11月25日 / 25 Nov."""
        on = _local(moment)
        return f"{on.month}月{on.day}日" if self.chinese else f"{on.day} {_MONTHS[on.month - 1]}"

    def date(self, moment: datetime | Day) -> str:
        """2026年11月25日 / 25 Nov 2026; for documents and other years."""
        on = _local(moment)
        return f"{on.year}年{on.month}月{on.day}日" if self.chinese else f"{on.day} {_MONTHS[on.month - 1]} {on.year}"

    def month(self, year: int, month: int) -> str:
        """2026年10月 / October 2026."""
        return f"{year}年{month}月" if self.chinese else f"{_LONG_MONTHS[month - 1]} {year}"

    def when(self, moment: datetime, now: datetime) -> str:
        """今天 15:00, 11月25日 周三 15:00 / today 15:00, Wed 25 Nov, 15:00."""
        day = self.day(moment, now)
        near = day in {"today", "tomorrow", "yesterday"} or self.chinese
        return f"{day} {self.time(moment)}" if near else f"{day}, {self.time(moment)}"

    def stamp(self, moment: datetime) -> str:
        """2026年11月25日 15:00:08 / 25 Nov 2026, 15:00:08; the absolute time in titles."""
        return f"{self.date(moment)}{' ' if self.chinese else ', '}{self.seconds(moment)}"

    def span(self, start: datetime, end: datetime, now: datetime | None = None) -> str:
        """今天 15:00–16:30; the second day is named only when it is another one."""
        first = self.when(start, now) if now else self.time(start)
        last = self.time(end) if _local(start) == _local(end) or now is None else self.when(end, now)
        return f"{first}–{last}" if last == self.time(end) else f"{first} – {last}"

    def period(self, start: Day, end: Day) -> str:
        """A half-open period of a document: 2026年10月1日0时至2026年11月1日0时（北京时间）."""
        if self.chinese:
            return f"{self.date(start)}0时至{self.date(end)}0时（北京时间）"
        return f"from {self.date(start)} 00:00 to {self.date(end)} 00:00 (Beijing time)"

    # ---- durations

    def duration(self, length: timedelta) -> str:
        """18分, 1小时18分, 2天3小时 / 18 min, 1 h 18 min, 2 d 3 h: two units at most, no minutes beyond a day.

        Cut to whole minutes, never rounded up: what is shown as left is there.
        """
        minutes = max(0, int(abs(length).total_seconds() // 60))
        days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
        parts = [(days, "天", "d"), (hours, "小时", "h")] if days else [(hours, "小时", "h"), (rest, "分", "min")]
        shown = [part for part in parts if part[0]] or [(0, "分", "min")]
        if self.chinese:
            return "".join(f"{count}{zh}" for count, zh, _ in shown)
        return " ".join(f"{count} {en}" for count, _, en in shown)

    def left(self, due: datetime, now: datetime) -> str:
        """还有18分 / 18 min left before ``due``; 超时6分 / 6 min late after it."""
        length = self.duration(due - now)
        if now > due:
            return f"超时{length}" if self.chinese else f"{length} late"
        return f"还有{length}" if self.chinese else f"{length} left"

    def left_short(self, due: datetime, now: datetime) -> str:
        """For a row: 8分 / 8 min; the clock time when an hour or more is left; 超时6分 / 6 min late."""
        if now > due:
            return self.left(due, now)
        if due - now < timedelta(hours=1):
            return self.duration(due - now)
        return self.time(due) if _local(due) == _local(now) else self.short_day(due)

    # ---- numbers and money

    def number(self, value: Decimal | float | None, places: int | None = None) -> str:
        """1234 and 12,345: a comma from 10,000 up; minus as U+2212; unknown as a dash; a float by its shortest form."""
        if value is None:
            return UNKNOWN
        if isinstance(value, float):
            value = int(value) if value.is_integer() else Decimal(str(value))
        exact = Decimal(value)
        text = f"{abs(exact):.{places}f}" if places is not None else f"{abs(exact):f}"
        return _signed(exact, _grouped(text) if abs(exact) >= 10_000 else text)

    def entry(self, number: int) -> str:
        """The number of a log entry, always with commas: 4,813."""
        return f"{number:,}"

    def amount(self, value: Decimal | None) -> str:
        """A figure in a money column: two decimals, commas, U+2212 for minus; the unit stands in the header."""
        if value is None:
            return UNKNOWN
        return _signed(value, _grouped(f"{abs(value):.2f}"))

    def money(self, value: Decimal | None) -> str:
        """Money in a sentence: 8,359.91元 / CNY 8,359.91."""
        if value is None:
            return UNKNOWN
        return f"{self.amount(value)}元" if self.chinese else f"CNY {self.amount(value)}"

    def percent(self, part: Decimal | float | None) -> str:
        """0.971 as 97.1%."""
        return UNKNOWN if part is None else f"{Decimal(str(part)) * 100:.1f}%".replace("-", MINUS)

    def capitals(self, value: Decimal) -> str:
        """The amount in words of a document: 人民币捌仟叁佰伍拾玖元玖角壹分, in English by numbers of yuan and fen."""
        if self.chinese:
            return capitals(value)
        whole, fen = divmod(int((abs(value) * 100).to_integral_value()), 100)
        words = f"{_english(whole)} yuan" + (f" and {fen} fen" if fen else "")
        return f"minus {words}" if value < 0 else words

    def plain(self, value: Any) -> Any:
        """A parameter of a sentence as this language writes it; a pair is a name in Chinese and in English."""
        if isinstance(value, tuple | list) and len(value) == 2:
            return self.named(*value)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return value
        return self.number(value)

    # ---- names and lists

    def listed(self, names: list[str]) -> str:
        """甲、乙、丙 / A, B and C."""
        if self.chinese or len(names) < 2:
            return "、".join(names)
        return f"{', '.join(names[:-1])} and {names[-1]}"

    def named(self, chinese: str, english: str = "") -> str:
        """A name that exists in both languages: the reader's own, or the other where there is none."""
        return (chinese or english) if self.chinese else (english or chinese)

    def face(self, name: str) -> str:
        """What stands in the round of a person: 何, HJ."""
        if not name:
            return UNKNOWN
        words = name.split()
        return name[0] if ord(name[0]) > 0x2E7F else "".join(word[0] for word in words[:2]).upper()


def _local(moment: datetime | Day) -> Day:
    return moment.astimezone(SITE_ZONE).date() if isinstance(moment, datetime) else moment


def _grouped(text: str) -> str:
    whole, dot, rest = text.partition(".")
    return f"{int(whole):,}{dot}{rest}"


def _signed(value: Decimal | int, text: str) -> str:
    return MINUS + text if value < 0 and any(digit in "123456789" for digit in text) else text


_DIGITS = "零壹贰叁肆伍陆柒捌玖"


def capitals(value: Decimal) -> str:
    """An amount in the capital numerals of bills (正确填写票据和结算凭证的基本规定, 1997): to the fen, 整 after yuan or jiao.

    Raises:
        ValueError: it has parts of a fen, or is 10^16 yuan or more.
    """
    fen_total = abs(value) * 100
    if fen_total != fen_total.to_integral_value():
        raise ValueError(f"{value} has parts of a fen")
    whole, cents = divmod(int(fen_total), 100)
    if whole >= 10**16:
        raise ValueError(f"{value} is too large to be written out")
    jiao, fen = divmod(cents, 10)
    text = f"{_whole(whole)}元" if whole or not cents else ""
    if not cents:
        text += "整"
    else:
        if jiao:
            text += f"{_DIGITS[jiao]}角"
        elif whole:
            text += "零"
        text += f"{_DIGITS[fen]}分" if fen else "整"
    return ("人民币负" if value < 0 else "人民币") + text


def _whole(number: int) -> str:
    if number == 0:
        return "零"
    sections: list[str] = []
    gap = False
    for unit in ("", "万", "亿", "万亿"):
        number, part = divmod(number, 10_000)
        if part:
            name = "万亿" if unit == "万亿" and not (sections and sections[0].endswith("亿")) else unit[:1]
            sections.insert(0, _section(part) + name + ("零" if gap else ""))
            gap = part < 1000
        elif sections:
            gap = True
        if not number:
            break
    return "".join(sections)


def _section(part: int) -> str:
    """1 to 9,999; inner zeros once, outer zeros not."""
    text, zero = "", False
    for power, unit in ((1000, "仟"), (100, "佰"), (10, "拾"), (1, "")):
        digit = part // power % 10
        if digit:
            text += ("零" if zero and text else "") + _DIGITS[digit] + unit
            zero = False
        else:
            zero = True
    return text


_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def _english(number: int) -> str:
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            count, rest = divmod(number, size)
            return f"{_english(count)} {name}" + (f" {_english(rest)}" if rest else "")
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_SMALL[ones]}" if ones else "")
