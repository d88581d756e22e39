"""English words of time, by the letter of their token (see ``tokens``). Lower case; phrases are several words."""

from __future__ import annotations

from typing import Any

from services.requests.chat.times.clocks import DAY_ENDS, Clock
from services.requests.chat.times.conventions import WORK_ENDS
from services.requests.chat.times.days import Offset
from services.requests.chat.times.expression import Grain
from services.requests.chat.times.lengths import Length
from services.requests.chat.times.numerals import Number
from services.requests.chat.times.periods import Break, Portion, Unit
from services.requests.chat.times.tokens import Modifier

WEEKDAYS = {
    word: number
    for number, words in enumerate((
        "monday mon mondey", "tuesday tue tues tuseday", "wednesday wed weds wednes wensday wednsday",
        "thursday thu thur thurs thrusday", "friday fri firday", "saturday sat satur", "sunday sun",
    ))
    for word in words.split()
}  # fmt: skip
MONTHS = {
    word: number
    for number, words in enumerate((
        "january jan", "february feb febuary", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
        "september sep sept", "october oct", "november nov", "december dec",
    ), start=1)
    for word in words.split()
}  # fmt: skip
_HOLIDAYS = {
    "new year": "new year's day|new years day|new year day|new year's|new years|new year",
    "new year eve": "new year's eve|new years eve|nye",
    "spring": "spring festival|chinese new year|lunar new year|cny",
    "new year's eve, lunar": "chinese new year's eve|chinese new year eve|lunar new year's eve",
    "lantern": "lantern festival",
    "qingming": "qingming|qingming festival|tomb sweeping day|tomb-sweeping day|ching ming",
    "labour": "labour day|may day|international workers' day|international workers day|workers' day|workers day",
    "us labor": "labor day",
    "dragon boat": "dragon boat festival|dragon boat|duanwu",
    "mid-autumn": "mid-autumn festival|mid autumn festival|mid-autumn|mid autumn|moon festival",
    "national": "national day|golden week",
    "double ninth": "double ninth festival|double ninth",
    "women": "women's day|womens day|international women's day",
    "children": "children's day|childrens day",
    "teachers": "teachers' day|teachers day|teacher's day",
    "singles": "singles' day|singles day|double eleven",
    "valentine": "valentine's day|valentines day|valentine's",
    "st patrick": "st patrick's day|st patricks day|saint patrick|saint patrick's day|st. patrick's day",
    "april fools": "april fools|april fools' day|april fool's day",
    "earth": "earth day",
    "easter": "easter sunday|easter",
    "good friday": "good friday",
    "easter monday": "easter monday",
    "mothers": "mother's day|mothers day|mothers' day",
    "fathers": "father's day|fathers day|fathers' day",
    "us independence": "independence day",
    "memorial": "memorial day",
    "martin luther king": "mlk day|martin luther king day",
    "presidents": "presidents day|presidents' day",
    "columbus": "columbus day",
    "halloween": "halloween|all hallows eve",
    "thanksgiving": "thanksgiving day|thanksgiving",
    "black friday": "black friday",
    "christmas eve": "christmas eve|xmas eve",
    "christmas": "christmas day|christmas|xmas",
    "boxing": "boxing day",
}
_UNITS = {
    "second": "sec secs seconds",
    "minute": "minute minutes min mins minuts",
    "hour": "hour hours hr hrs hrss",
    "day": "day days",
    "workday": "workday workdays|business day|business days|working day|working days|work day|work days",
    "weekend": "weekend weekends wknd|week-end",
    "week": "week weeks wk wks",
    "work week": "workweek workweeks|work week|working week|business week",
    "fortnight": "fortnight fortnights",
    "month": "month months mth mths",
    "year": "year years yr yrs|calendar year|cy",
    "decade": "decade decades",
    "century": "century centuries",
    "half year": "half-year",
}
# Single letters that count only right behind a figure: 3h, 10d.
GLUED_UNITS = {"h": "hour", "d": "day", "w": "week", "y": "year", "s": "second", "m": "minute"}

_PARTS = {
    "dawn": "dawn daybreak sunrise",
    "morning": "morning mornings mornin|early morning|mid-morning|mid morning|late morning|first thing in the morning|"
    "first thing|forenoon",
    "midday": "lunchtime|lunch time|lunch hour|around midday",
    "afternoon": "afternoon afternoons arvo|early afternoon|late afternoon|mid-afternoon|mid afternoon",
    "evening": "evening evenings eve|early evening|late evening",
    "night": "night nights nite overnight|late night|late at night",
    "daytime": "daytime|day time|business hours|office hours|working hours",
    "small hours": "night-time|nighttime|night time|small hours",
}
_MODIFIERS = {
    Modifier(0): "this current same",
    Modifier(1): "next nxt",
    Modifier(1, nearest=True): "coming upcoming following|this coming|the coming|the following",
    Modifier(-1): "last previous prior",
    Modifier(-1, nearest=True): "|this past|just past",
    Modifier(2): "|next next",
}


def _by_word(groups: dict[Any, str]) -> dict[str, Any]:
    """Phrases are parted by ``|``; a part of single words by blanks; the first part of each line may be either."""
    table: dict[str, Any] = {}
    for value, line in groups.items():
        head, *phrases = line.split("|")
        for word in [*head.split(), *phrases]:
            table[word] = value
    return table


def _phrases(groups: dict[Any, str]) -> dict[str, Any]:
    return {phrase: value for value, line in groups.items() for phrase in line.split("|")}


def _ends(ends: str, wholes: str) -> str:
    """Every way to say the end of those: "end of day", "the close of the business day"."""
    pairs = [(end, whole) for end in ends.split("|") for whole in wholes.split("|")]
    return "|".join(f"{a}{end} of {b}{whole}" for end, whole in pairs for a in ("", "the ") for b in ("", "the "))


_BUSINESS_ENDS = Clock(WORK_ENDS, settled=True, daily=True)

WORDS: dict[str, dict[str, Any]] = {
    "W": WEEKDAYS,
    "m": MONTHS,
    "d": _phrases({
        Offset(0): "today|2day|todays|the same day|that day",
        Offset(1): "tomorrow|tomorrows|tmr|tmrw|tmw|tmrrw|2moro|2morrow|tomoz|tomorow|tommorow|tommorrow|tomrrow|tmorrow",
        Offset(2): "the day after tomorrow|day after tomorrow|day after tmr|the day after tmr|day after tmrw|overmorrow",
        Offset(3): "two days after tomorrow",
        Offset(-1): "yesterday|yday|ytd day",
        Offset(-2): "the day before yesterday|day before yesterday",
    }),
    "p": _by_word(_PARTS),
    "%": _by_word({"breakfast": "breakfast brekkie", "lunch": "lunch luncheon", "dinner": "dinner supper banquet"}),
    "y": _phrases(_HOLIDAYS),
    "u": _by_word(_UNITS),
    "k": {"quarter": 15, "quarters": 15, "qtr": 15, "qtrs": 15},
    "r": _by_word(_MODIFIERS),
    "R": {
        "year to date": Portion(Unit("year"), "to date"),
        "ytd": Portion(Unit("year"), "to date"),
        "month to date": Portion(Unit("month"), "to date"),
        "the holiday": Break(), "the holidays": Break(), "the public holiday": Break(), "the break": Break(),
    },
    "O": {"final": -1},
    "N": _phrases({
        Number(2): "couple|couple of|a couple|a couple of",
        Number(3): "few|a few|several|some",
        Number(12): "dozen|a dozen",
    }),
    "A": _phrases({1: "a|an|another"}),
    "h": {"half": 0.5, "half a": 0.5, "half an": 0.5},
    "H": {"and a half": 0.5, "and half": 0.5, "and a quarter": 0.25, "and half a": 0.5, "& a half": 0.5},
    "L": {"half-day": Length(days=0.5), "half day": Length(days=0.5), "half a day": Length(days=0.5)},
    "K": _phrases({Grain.HOUR: "o'clock|oclock|o clock|o' clock|sharp"}),
    "c": _phrases({
        Clock(12, settled=True): "noon|12 noon|twelve noon|midday|mid-day|high noon|12nn|noonish|12 midday",
        Clock(0, settled=True): "midnight|mid night|mid-night|12 midnight|twelve midnight",
        DAY_ENDS: "eod|day's end|" + _ends("end|close", "day|today"),
        _BUSINESS_ENDS: "cob|eob|cop|" + _ends("end|close", "business|play|work|business day|working day|workday|work day"),
    }),
    "t": _phrases({"to": "to|until|till|til|through|thru|up to|up until|untill|thro|and ending at|and finish at|finish at|finishes at|ending at|and end at|and ends at|ends at|to end at|and finishing at|finishing at|"
        "and going until|going until"}),
    "&": {"and": "and", "&": "and"},
    "f": _phrases({
        "from": "from|between|btw|btwn|betw", "starting": "starting|starting from|starting on|beginning on|"
        "commencing|commencing on|effective|starts|start from|starts from|starting at|starts at|beginning at",
    }),
    "b": _phrases({
        "before": "before|by|prior to|no later than|not later than|ahead of|at the latest by|latest by|due by|due|due on|"
        "at latest|latest|deadline|by the latest|not after|on or before",
    }),
    "s": _phrases({
        "after": "after|since|later than|no earlier than|not before|any time after|anytime after|not earlier than|"
        "on or after",
    }),
    "S": _phrases({"after": "later|from now|hence|from now on|onwards|onward|on wards"}),
    "G": {"ago": "ago", "back": "ago"},
    "i": _phrases({
        "in": "in", "within": "within|within the|in less than|inside|in under|less than|not more than|no more than",
    }),
    "g": {"past": "past"},
    "v": _phrases({1: "every|each", 2: "every other|every second|every alternate"}),
    "Q": _phrases({
        ("day", 1): "daily|every day|everyday|each day", ("workday", 1): "every weekday|weekdays|every workday|"
        "every working day|every business day|each weekday|on weekdays|each working day",
        ("week", 1): "weekly|every week|each week", ("week", 2): "biweekly|fortnightly|every other week|every two weeks",
        ("month", 1): "monthly|every month|each month", ("year", 1): "yearly|annually|every year|each year",
        ("quarter", 1): "quarterly|every quarter", ("day", 2): "every other day",
    }),
    "x": _phrases({"about": "about|around|roughly|approximately|approx|approx.|circa|some time around|sometime around"}),
    "X": _phrases({"about": "ish|or so|or thereabouts"}),
    "e": _phrases({
        "start": "start|beginning|start of|beginning of|the start of|the beginning of|top of",
        "middle": "middle of|the middle of|mid|mid-|middle",
        "end": "end of|the end of|end|the end|tail end of",
        "first": "early|early in|the first half of|first half of|early on in|first half",
        "second": "late|late in|the second half of|second half of|second half",
        "earlier": "earlier|earlier in", "later": "later in",
        "rest": "rest of|the rest of|remainder of|the remainder of|remaining of|the remaining of",
    }),
    "|": {"or": "or"},
    "_": dict.fromkeys(("once a", "twice a", "times a", "times per", "good morning", "good afternoon", "good evening", "good night", "good day", "may be")),
    "z": _phrases({
        "now": "now|right now|at the moment|at present|at the present time|at this time|at the minute|right away now|"
        "current date|current time",
    }),
    "w": _phrases({"all": "all|whole|the whole|entire|the entire|full|all the"}),
    "l": {
        **{word: word for word in "the of on during over sometime anytime".split()},
        "in the": "in", "at the": "at", "sometime on": "on", "some time": "sometime", "any time": "any", "time's": "time",
    },
    "@": {"at": "at", "@": "at", "at around": "at", "at about": "at", "at approximately": "at", "at exactly": "at"},
    "o": _phrases({
        "for": "for|lasting|lasts|will last|to last|would last|should last|shouldn't last|can last|may last|won't last|"
        "will last for|lasting for|takes|will take|should take",
    }),
    "a": {"ampm": "pm"},
    "q": dict.fromkeys("people person persons ppl pax guest guests visitor visitors attendee attendees participant participants " "employee employees colleague colleagues member members delegates seat seats seater seaters copy " "copies page pages sheet sheets car cars van vans buses vehicle vehicles truck trucks tables " "chair chairs box boxes meal meals lunches dinners breakfasts portions sets bottle bottles cups units " "items piece pieces pcs pc books posters cards badge badges plant plants pot pots kids children men " "women adults heads folks guard guards laptops computers monitors projectors mics microphones toilets " "lights lamps doors windows desks keys floors storey storeys buildings km kg m2 sqm degrees " "percent dollars yuan rmb usd dishes servings trays bags rolls interns engineers drivers cleaners " "stars star".split(), "count"),
    "#": dict.fromkeys("room rooms rm building bldg block floor flr lvl level gate door suite tower wing zone table desk ext " "extension ticket apartment apt slot bay elevator lift stairwell version phase group team item hall unit " "flat house no. nr bus line station printer dorm warehouse canteen plate garage basement lot court lane #".split(), "place"),
}  # fmt: skip

COMPOUNDS: dict[str, tuple[tuple[str, Any], ...]] = {
    **{word: (("d", Offset(0)), ("p", "night")) for word in ("tonight", "tonite", "2nite", "2night", "tonights")},
    "tmr night": (("d", Offset(1)), ("p", "night")),
    "eom": (("e", "end"), ("u", "month")),
    "month end": (("e", "end"), ("u", "month")),
    "month-end": (("e", "end"), ("u", "month")),
    "year end": (("e", "end"), ("u", "year")),
    "year-end": (("e", "end"), ("u", "year")),
    "quarter end": (("e", "end"), ("k", 15)),
    "eoy": (("e", "end"), ("u", "year")),
    "eow": (("e", "end"), ("u", "week")),
    "eoq": (("e", "end"), ("k", 15)),
    "w/c": (("u", "week"), ("l", "of")),
    "wc": (("u", "week"), ("l", "of")),
    "week commencing": (("u", "week"), ("l", "of")),
    "week commencing on": (("u", "week"), ("l", "of")),
    "week starting": (("u", "week"), ("l", "of")),
    "week starting on": (("u", "week"), ("l", "of")),
    "week beginning": (("u", "week"), ("l", "of")),
    "week beginning on": (("u", "week"), ("l", "of")),
    "week after": (("r", Modifier(1)), ("u", "week")),
    "month after": (("r", Modifier(1)), ("u", "month")),
    "week after next": (("r", Modifier(2)), ("u", "week")),
    "month after next": (("r", Modifier(2)), ("u", "month")),
    "weekend after next": (("r", Modifier(2)), ("u", "weekend")),
    "year after next": (("r", Modifier(2)), ("u", "year")),
    "to date": (("t", "to"), ("d", Offset(0))),
    "new year holiday": (("y", "new year"), ("E", "break")),
}

# Spelt like ordinary words: a month or weekday only beside other words of time, or written with a capital.
AMBIGUOUS = frozenset({"may", "march", "mar", "sat", "sun", "mon", "wed", "dec"})
