"""Every rule by which the engine settles what a speaker left open, in one place.

Where the open suites of Recognizers-Text (``Specs/DateTime``) have a convention it is kept, unless offices speak
otherwise; each departure says so.

1. **The future is preferred.** 3号, 周五, 12月3日 and "Friday" without month, week or year are the first such day from
   today on, today included. A range whose ends float over the year (10月到5月) is the first one not yet over.
2. **A bare hour** 1 to 6 is p.m.; 7 to 12 is as said (office hours, not the suites' "the later one"). Said of today
   and already past, it is the other half of the day if that is still to come. A leading zero or an hour above 12
   means the 24-hour clock: 05:30 is before dawn, 5:30 is not.
3. **A half day settles an hour** by the broad spans of :data:`DAY_PARTS`; in a range it carries over to the end that
   lacks one: the end is the first such hour after the start, the start the last such hour before the end.
4. **Half days have windows** (:data:`DAY_PARTS`), as in the suites: morning 8-12, afternoon 12-16, evening 16-20. They
   are over only when the half day of the chat labels is: "this afternoon" may be said until 18:00.
5. **Weeks start on Monday.** "next Friday" is the Friday of next week, "this Friday" and 本周五 that of this week even
   when it is past, "last Friday" that of last week; "coming" and "past" mean the nearest. A week belongs to the month
   or year that holds its Thursday (ISO 8601), so the first week of 2021 starts on 4 January.
6. **Numeric dates**: month before day; a first number above 12 is a day. With the year last, Chinese text puts the day
   first (the suites). A two-digit year below 40 is 20xx.
7. **A deadline names its day**: 周五前 and "by Friday" end with Friday, 节前 with the last day before the holiday.
8. **The office** works 09:00 to 18:00: 下班前 and "close of business" are 18:00. "End of day" is 23:59:59.
9. **Edges**: 月底 is the last day, 月初 the first, 月中 the 15th; the end of a week is its Friday.
10. **Rolling spans** (next 3 days, 过去十年) start tomorrow or end today; in hours and minutes they start or end now.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.requests.chat.times.expression import Part

LONGEST_TEXT = 2_000  # characters; what follows is not read

WORK_STARTS, WORK_ENDS = 9, 18  # hours, convention 8
YEAR_PIVOT = 40  # two-digit years below it are 20xx, convention 6
PLAUSIBLE_YEARS = range(1900, 2200)  # four bare digits outside it are no year

AFTERNOON_HOURS = range(1, 7)  # bare hours that mean p.m., convention 2


@dataclass(frozen=True, slots=True)
class DayPart:
    """A half day.

    Attributes:
        window: first and last hour when no clock time is said; 23.9997 stands for 23:59:59 (convention 4).
        span: the hours in which a clock time said with it falls, up to 30 for the small hours of the next day.
        code: the half-day code of the chat labels.
    """

    name: str
    window: tuple[int, int]
    span: tuple[int, int]
    code: Part


PART_ENDS = {Part.MORNING: 12, Part.MIDDAY: 14, Part.AFTERNOON: 18, Part.EVENING: 24}  # hours, as the labels have it

DAY_PARTS = {
    part.name: part
    for part in (
        DayPart("dawn", (4, 8), (0, 8), Part.MORNING),
        DayPart("morning", (8, 12), (1, 13), Part.MORNING),
        DayPart("midday", (11, 13), (10, 16), Part.MIDDAY),
        DayPart("afternoon", (12, 16), (12, 24), Part.AFTERNOON),
        DayPart("evening", (16, 20), (16, 29), Part.EVENING),
        DayPart("night", (20, 24), (17, 30), Part.EVENING),
        DayPart("daytime", (8, 18), (6, 19), Part.AFTERNOON),
        DayPart("small hours", (0, 8), (17, 30), Part.EVENING),
        DayPart("am", (0, 12), (0, 12), Part.MORNING),
        DayPart("pm", (12, 24), (12, 24), Part.AFTERNOON),
        DayPart("breakfast", (7, 9), (5, 11), Part.MORNING),
        DayPart("lunch", (11, 13), (10, 16), Part.MIDDAY),
        DayPart("dinner", (17, 20), (16, 24), Part.EVENING),
    )
}
