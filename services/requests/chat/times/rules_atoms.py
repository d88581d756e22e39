"""First rules: what is counted or numbered is set aside, then lengths and clock times are made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.requests.chat.times.cascade import Pass
from services.requests.chat.times.clocks import Clock, clock, in_part
from services.requests.chat.times.conventions import DAY_PARTS, PLAUSIBLE_YEARS
from services.requests.chat.times.expression import Grain
from services.requests.chat.times.lengths import UNIT_LENGTHS, Length
from services.requests.chat.times.numerals import Number
from services.requests.chat.times.tokens import Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    Tokens = Sequence[Token]

COUNTS = Pass()
LENGTHS = Pass()
LONG_LENGTHS = Pass()
CLOCKS = Pass()

# --- counts and numbered places: 80 ppl, 3号楼, room 302 ---------------------------------------------------------------

_CLOCK_OR_DATE_MARK = "aKMYJFHuhkg%m"


@COUNTS.rule("_", "(?<![@Vg])[NO](?:[t,&][NO]){1,5}[q#]{1,3}", "[NO][q#]{1,3}", "Nn")
def counted(tokens: Tokens) -> bool | None:
    """Numbers with what they count; a comma between them parts a day from a count (Dec 3, 80 ppl)."""
    if tokens[-1].letter == "n" and tokens[-1].text != "间":
        return None
    return None if any(token.letter == "," and token.text != "、" for token in tokens) else True


@COUNTS.rule("_", f"#(?:t?N)(?![{_CLOCK_OR_DATE_MARK}]|t[cN][a{_CLOCK_OR_DATE_MARK}])")
def numbered(tokens: Tokens) -> bool:
    return True


# --- lengths ---------------------------------------------------------------------------------------------------------


def unit_of(token: Token) -> str:
    """The unit a token names; ``quarter`` of a year for "quarter", never for 刻."""
    if token.letter == "k":
        return "quarter" if token.text.startswith("q") else ""
    return str(token.value)


def is_year(number: Number) -> bool:
    """True for a number that names a year before 年: 2026, 08, 二零二六, 零八; not 10 or 三."""
    if number.digits == 4 or (number.literal and number.value >= 1000):
        return True
    if number.value == 2000 or (not number.digits and 1900 <= number.value <= 2100):
        return True
    return (number.digits == 2 and (number.value < 10 or number.value >= 80)) or (number.literal and number.value < 100)


def _length(count: float, unit: str) -> Length | None:
    return UNIT_LENGTHS[unit].times(count) if unit in UNIT_LENGTHS and count < 100_000 else None


@LENGTHS.rule("L", "NH[uM]", "AuH", "NuH", "N[uYM]h(?!gN)")
def with_half(tokens: Tokens) -> Length | None:
    """两个半小时, 三年半, "an hour and a half", "one and a half hours"."""
    unit = next(token for token in tokens if token.letter in "uYM")
    number = tokens[0].value.value if tokens[0].letter == "N" else 1
    half = next(token.value for token in tokens if token.letter in "Hh")
    if unit.letter == "M" and tokens[1].letter == "M":
        return None
    return _length(number + half, unit_of(unit))


@LENGTHS.rule("L", "hA?u", "htu", "(?<!r)hY", "hM(?=[SIB_]|$)")
def half(tokens: Tokens) -> Length | None:
    return _length(0.5, unit_of(tokens[-1]))


@LENGTHS.rule("L", "[AN]?kl?A?u")
def quarters_of(tokens: Tokens) -> Length | None:
    """ "three quarters of an hour"."""
    if tokens[-1].value != "hour" or not unit_of(next(token for token in tokens if token.letter == "k")):
        return None
    count = tokens[0].value.value if tokens[0].letter == "N" else 1
    return replace(_length(count / 4, "hour") or Length(), grain=Grain.MINUTE)


@LENGTHS.rule("L", "NuNF(?!u)")
def hours_minutes(tokens: Tokens) -> Length | None:
    """1小时20分."""
    first, second = _length(tokens[0].value.value, tokens[1].value), _length(tokens[2].value.value, "minute")
    return first + second if first and second and first.timed else None


@LENGTHS.rule(
    "L",
    "Nu(?!h)",
    "Nk(?!h|[tsg]N)",
    "Nku",
    "NY",
    "Au",
    "Ak(?![tsg])",
    "Ntu",
    "(?<![mp])Np",
    "(?<![MR])NJ(?=[SI])",
    "wu",
)
def plain(tokens: Tokens) -> Length | None:
    count, unit = tokens[0], tokens[-1]
    number: Number = count.value if count.letter == "N" else Number(1)
    hyphen = tokens[1] if len(tokens) == 3 and tokens[1].letter == "t" else None  # two-hour
    if hyphen is not None and (hyphen.text != "-" or count.end != hyphen.start or hyphen.end != unit.start):
        return None
    if unit.letter == "p":
        nights = unit.text in {"晚", "nights"} or (unit.text == "night" and number.value == 1)
        return _length(number.value, "day") if nights else None
    if (unit.letter == "Y" and is_year(number)) or (unit.letter == "J" and unit.text != "日"):
        return None
    name = unit_of(unit)
    if name == "hour" and number.digits == 4 and unit.text in {"hours", "hrs", "h", "hr"}:
        return None  # 1500 hrs is a clock time
    if name == "quarter" and unit.text == "季度":
        return None  # 三季度 is the third
    length = _length(number.value, name)
    return replace(length, approximate=True) if length and number.least is not None else length


@LONG_LENGTHS.rule("L", "(?<![WdJDy])pL")
def later_by(tokens: Tokens) -> Length | None:
    """The 晚 of 晚十分钟 is no evening."""
    length: Length = tokens[1].value
    return length if tokens[0].text in {"早", "晚"} else None


@LONG_LENGTHS.rule("L", "LX?(?:[l&,g]?LX?){1,7}", "LX")
def several(tokens: Tokens) -> Length | None:
    """一个月零三天, "3 months and 2 weeks"; the units must not repeat."""
    lengths: list[Length] = [token.value for token in tokens if token.letter == "L"]
    if len({length.grain for length in lengths}) < len(lengths):
        return None
    total = lengths[0]
    for each in lengths[1:]:
        total += each
    return replace(total, approximate=total.approximate or tokens[-1].letter == "X")


# --- clock times -----------------------------------------------------------------------------------------------------


def _at(hour: Number, minute: float = 0, second: float = 0, grain: Grain = Grain.MINUTE) -> Clock | None:
    if hour.least is not None:
        said = clock(hour.least, grain=grain)
        return replace(said, approximate=True) if said and not minute else None
    if minute != int(minute) or second != int(second) or hour.fraction:
        return None
    settled = hour.digits == 2 and hour.value < 10
    return clock(hour.value, int(minute), int(second), settled=settled, grain=grain)


def _minus(hour: Number, minutes: float) -> Clock | None:
    """So many minutes before a full hour: 差五分九点."""
    if not (0 < minutes < 60) or hour.whole < 0 or hour.fraction or minutes != int(minutes):
        return None
    return clock((hour.whole - 1) % 12 if hour.whole <= 12 else hour.whole - 1, 60 - int(minutes), grain=Grain.MINUTE)


def _minutes(tokens: Tokens) -> float | None:
    """The minutes that a number, a quarter, or a length in minutes stands for."""
    token = tokens[0]
    if token.letter == "@":
        return _minutes(tokens[1:])
    if token.letter == "L":
        return token.value.seconds / 60 if token.value.seconds < 3600 and not token.value.days else None
    if token.letter == "A":
        return _minutes(tokens[1:])
    if token.letter == "N" and len(tokens) > 1 and tokens[1].letter == "k":
        return float(token.value.value * 15)
    return float(token.value.value if token.letter == "N" else token.value)


@CLOCKS.rule("C", "(?:hA?|A?k|N|L)g(?:NK?|c)")
def past_hour(tokens: Tokens) -> Clock | None:
    """ "half past two", "20 min past eight"."""
    at = next(index for index, token in enumerate(tokens) if token.letter == "g")
    minutes = 30 if tokens[0].letter == "h" else _minutes(tokens[:at])
    if minutes is None:
        return None
    full = tokens[at + 1].value
    return replace(full, minute=int(minutes)) if tokens[at + 1].letter == "c" else _at(full, minutes)


@CLOCKS.rule("C", "@hN(?![auq#L])", "hN(?=[il@]+p|a)", "(?<=[tbsf])hN(?![auq#L_])")
def half_past_unsaid(tokens: Tokens) -> Clock | None:
    """ "at half seven", "half seven in the evening": half past, as the British say it."""
    return _at(tokens[-1].value, 30)


@CLOCKS.rule("C", "A?k[ts]NK?", "L[ts]NK?", "(?<!f)@?NtN(?![aKuq#])")
def to_hour(tokens: Tokens) -> Clock | None:
    """ "quarter to nine", "20 minutes to nine", "at ten to nine"; also "quarter after"."""
    at = next(index for index, token in enumerate(tokens) if token.letter in "ts")
    minutes = _minutes(tokens[:at])
    hour = tokens[at + 1].value
    if minutes is None or (
        tokens[at - 1].letter == "N" and not _spoken_to(minutes, tokens[at - 1].value, hour, tokens[0])
    ):
        return None
    if tokens[at].text not in {"to", "til", "till", "after"}:
        return None
    return _at(hour, minutes) if tokens[at].letter == "s" else _minus(hour, minutes)


def _spoken_to(minutes: float, first: Number, hour: Number, lead: Token) -> bool:
    """ "ten to nine" and "at five to nine" are clock times, "five to seven" and "5 to 3" are ranges."""
    if first.digits or hour.digits or minutes not in {5, 10, 20, 25}:
        return False
    return minutes > hour.value or lead.letter == "@"


@CLOCKS.rule("C", "V(?:NF|Nk|L|N)NK", "NKV(?:NF|Nk|L|N)")
def short_of(tokens: Tokens) -> Clock | None:
    """差五分九点, 九点差一刻."""
    if tokens[0].letter == "V":
        minutes, hour = _minutes(tokens[1:-2] if len(tokens) > 4 else tokens[1:2]), tokens[-2].value
    else:
        minutes, hour = _minutes(tokens[3:]), tokens[0].value
    return None if minutes is None else _minus(hour, minutes)


@CLOCKS.rule("C", "NKg?NFNu?", "NKg?(?:NF|Nk)")
def with_minutes(tokens: Tokens) -> Clock | None:
    """十点十分, 三点一刻, 九点过五分, 3时30分20秒."""
    rest = [token for token in tokens[2:] if token.letter != "g"]
    second = rest[2].value.value if len(rest) > 2 and rest[2].letter == "N" else 0
    minutes = _minutes(rest)
    return None if minutes is None else _at(tokens[0].value, minutes, second, Grain.SECOND if second else Grain.MINUTE)


@CLOCKS.rule("C", "NKh")
def half_hour(tokens: Tokens) -> Clock | None:
    return _at(tokens[0].value, 30)


@CLOCKS.rule("C", "NKN(?![KMJYuqkFhHL])")
def hour_minutes(tokens: Tokens) -> Clock | None:
    """8点20; 三点五 is no clock time, but 三点零五 is."""
    minutes = tokens[2].value
    if minutes.value < 10 and not (minutes.digits == 2 or minutes.literal or tokens[2].text.startswith("零")):
        return None
    return _at(tokens[0].value, minutes.value)


@CLOCKS.rule("C", "ca", "Na")
def half_named(tokens: Tokens) -> Clock | None:
    """8:30 am, 9p."""
    said = tokens[0].value if tokens[0].letter == "c" else _bare(tokens[0].value)
    if said is None or said.hour > 12:
        return said
    return replace(said, hour=said.hour % 12 + (12 if tokens[1].value == "pm" else 0), settled=True)


@CLOCKS.rule("C", "NNa", "NN(?![uYMqkHhL#/])K?")
def spoken(tokens: Tokens) -> Clock | None:
    """ "nine thirty", "one thirty p m": an hour and its minutes in words."""
    hour, minute = tokens[0].value, tokens[1].value
    if hour.digits or minute.digits or not (1 <= hour.value <= 12 and 10 <= minute.value < 60):
        return None
    said = _at(hour, minute.value)
    return half_named([Token("c", said, 0, 0, ""), tokens[2]]) if said and tokens[-1].letter == "a" else said


@CLOCKS.rule("C", "NK")
def full_hour(tokens: Tokens) -> Clock | None:
    number = tokens[0].value
    if number.fraction == "5" and number.value < 24:
        return clock(int(number.value), 30, grain=Grain.MINUTE)
    return _at(number, grain=Grain.HOUR)


@CLOCKS.rule("C", "c")
def in_figures(tokens: Tokens) -> Clock:
    value: Clock = tokens[0].value
    return value


@CLOCKS.rule("C", "(?<!m)N[il@]p")
def hour_in_part(tokens: Tokens) -> Clock | None:
    """ "one in the morning"."""
    said = _bare(tokens[0].value)
    if said is None or tokens[1].text not in {"in the", "at"} or said.hour > 12:
        return None
    seconds = in_part(said, DAY_PARTS[tokens[2].value])
    return replace(said, hour=seconds // 3600 % 24, settled=True)


@CLOCKS.rule("C", "(?<=[Wd])fN(?=,|$)")
def hour_after_day(tokens: Tokens) -> Clock | None:
    """ "next Wednesday from 9"."""
    number = tokens[1].value
    return _bare(number) if 1 <= number.value <= 12 and number.digits <= 2 else None


@CLOCKS.rule("C", "(?<=[ft])N(?=dp|rp|@?Wp)", "^N(?=dp|rp)")
def hour_before_day(tokens: Tokens) -> Clock | None:
    """ "from 9 tomorrow morning", "to 8 this evening"."""
    number = tokens[0].value
    return _bare(number) if 1 <= number.value <= 12 and number.digits <= 2 else None


@CLOCKS.rule("C", "(?<=x)N(?![uYMJkHhLq/mlO#t,&NX])")
def bare_about(tokens: Tokens) -> Clock | None:
    """ "around 6", "about 930"; about 200 counts something."""
    number = tokens[0].value
    if number.digits == 3 and number.whole % 100 not in {15, 30, 45}:
        return None
    return None if number.digits == 4 and number.whole in PLAUSIBLE_YEARS else _bare(number)


@CLOCKS.rule("C", "(?<=[bs])N(?![uYMJkHhLq/mlO#t,&NX])")
def bare_unless_year(tokens: Tokens) -> Clock | None:
    number = tokens[0].value
    return None if number.digits == 4 and number.whole in PLAUSIBLE_YEARS else _bare(number)


@CLOCKS.rule("C", "(?<=@)NX?(?![uYMJkHh/#L&])", "Nt?X(?![u])", "Nu")
def bare(tokens: Tokens) -> Clock | None:
    """A number that only its place makes a clock time: at 5, by 6.45, 11ish, 1500 hrs."""
    number = tokens[0].value
    if tokens[-1].letter == "u":
        fits = number.digits == 4 and tokens[-1].value == "hour"
        return clock(number.whole // 100, number.whole % 100, settled=True, grain=Grain.MINUTE) if fits else None
    said = _bare(number)
    if said is not None and tokens[-1].letter == "X":
        # 5左右 may count anything; "5ish" is a time.
        return replace(said, approximate=True) if tokens[-1].text in {"ish", "-ish"} or len(tokens) > 2 else None
    return said


def _bare(number: Number) -> Clock | None:
    """A number read as a clock time: 5, 6.45, 0730; None when it cannot be one."""
    if number.fraction:
        fits = len(number.fraction) == 2 and number.digits
        return _at(Number(int(number.value), number.digits), int(number.fraction)) if fits else None
    if number.digits == 4:
        hour, minute = divmod(number.whole, 100)
        return clock(hour, minute, settled=True, grain=Grain.MINUTE)
    if number.digits == 3:
        return clock(number.whole // 100, number.whole % 100, grain=Grain.MINUTE)
    return _at(number, grain=Grain.HOUR)


bare_clock = _bare


def run(tokens: list[Token]) -> list[Token]:
    """Counts set aside, then lengths, then clock times."""
    for each in (COUNTS, LENGTHS, LONG_LENGTHS, CLOCKS):
        tokens = each.run(tokens)
    return tokens
