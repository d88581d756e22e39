"""The letters of the token alphabet, over which the grammar's patterns are written.

=========  ==================================================  =========  ===============================================
letter     token                                               letter     token
=========  ==================================================  =========  ===============================================
``N O``    number, ordinal                                     ``Y M J``  年 月 日/号 as written marks
``K F k``  点/o'clock, 分, 刻/quarter                           ``h H``    half, 个半
``u``      unit of time                                        ``W m``    weekday, month name
``d p %``  relative day, half day, meal                        ``c a``    clock time in figures, am or pm
``r v w``  this/next/last, every, all                          ``e E``    edge of a period, before or after it
``t & n``  to, and, 之间                                        ``f Z``    from, 起
``b B``    before, in front of or behind the time              ``s S G``  after in front, after behind, ago
``i I``    in/within, 之内                                      ``x X``    about, 左右
``l @ o``  fillers (the, of, on, 的), at, for                    ``A``      a, an
``g V``    past, 差                                             ``~ U j``  农历, 正月, 初三
``y z``    holiday, now                                        ``q #``    what is counted, what is numbered
``, /``    punctuation                                         ``_``      anything else
``D R``    made: a day, a period                               ``L C``    made: a length, a clock time
``2 =``    made: a range of clock times, a weak one            ``Q``      made: what comes again
``T P``    made: a moment counted from now, a whole phrase
=========  ==================================================  =========  ===============================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Token:
    """A piece of the sentence: a letter, what it means, where it stands in the normalised text, and its words."""

    letter: str
    value: Any
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Modifier:
    """Which one of a unit: this, next, last.

    Attributes:
        nearest: the nearest such weekday instead of that of the next week ("coming Friday").
        rolling: counted from now, never by the calendar (过去十年).
    """

    offset: int
    nearest: bool = False
    rolling: bool = False
