"""The Chinese lunar calendar as a table, 1990 to 2098."""

from __future__ import annotations

from datetime import date, timedelta

FIRST_YEAR = 1990

# One number a year: bits 20 up, the day of the Gregorian year on which the lunar year starts; bits 16-19, the month
# after which a leap month is put in, or 0; bits 0-12, from the lowest, one for each month in order, 1 when it has 30
# days. Facts of the calendar as the Hong Kong Observatory publishes it; tests compare the new years with the State
# Council's Spring Festivals.
_YEARS = (
    0x1B51E92,
    0x2E00E92,
    0x2300D26,
    0x1730A56,
    0x2900A57,
    0x1F814D6,
    0x320035A,
    0x26006D5,
    0x1C516C9,
    0x2F00749,
    0x2400693,
    0x184152B,
    0x2B0052B,
    0x2000A5B,
    0x162155A,
    0x280056A,
    0x1D71B55,
    0x3100BA4,
    0x2600B49,
    0x1A51A93,
    0x2D00A95,
    0x220052D,
    0x1740AAD,
    0x2900AB5,
    0x1F915AA,
    0x32005D2,
    0x2700DA5,
    0x1C61D4A,
    0x2F00D4A,
    0x2400C95,
    0x194152E,
    0x2B00556,
    0x2000AB5,
    0x16215B2,
    0x29006D2,
    0x1D60EA5,
    0x3000725,
    0x250064B,
    0x1A50C97,
    0x2C00CAB,
    0x220055A,
    0x1730AD6,
    0x2A00B69,
    0x1FB1752,
    0x3200B52,
    0x2700B25,
    0x1C61A4B,
    0x2E00A4B,
    0x23004AB,
    0x185055B,
    0x2B005AD,
    0x2000B6A,
    0x1621B52,
    0x2900D92,
    0x1E71D25,
    0x3000D25,
    0x2500A55,
    0x1A514AD,
    0x2D004B6,
    0x21005B5,
    0x1730DAA,
    0x2A00EC9,
    0x2081E92,
    0x3200E92,
    0x2700D26,
    0x1C60A56,
    0x2E00A57,
    0x2300556,
    0x18406D5,
    0x2B00755,
    0x2100749,
    0x1530E93,
    0x2800693,
    0x1D7152B,
    0x300052B,
    0x2400A5B,
    0x1A5155A,
    0x2D0056A,
    0x2200B65,
    0x174174A,
    0x2A00B4A,
    0x1F81A95,
    0x3200A95,
    0x260052D,
    0x1B60AAD,
    0x2E00AB5,
    0x24005AA,
    0x1840BA5,
    0x2B00DA5,
    0x2100D4A,
    0x1631C95,
    0x2800C96,
    0x1D7194E,
    0x3000556,
    0x2500AB5,
    0x1A515B2,
    0x2D006D2,
    0x2200EA5,
    0x1840E4A,
    0x290068B,
    0x1E80C97,
    0x31004AB,
    0x260055B,
    0x1B60AD6,
    0x2E00B6A,
    0x2400752,
    0x1941725,
    0x2B00B45,
    0x2000A8B,
)


def gregorian(year: int, month: int, day: int) -> date:
    """The day on which ``month``/``day`` of lunar ``year`` falls; day 30 of a month of 29 is its last.

    Raises:
        ValueError: no such day, or a year outside the table.
    """
    if not (0 <= year - FIRST_YEAR < len(_YEARS) and 1 <= month <= 12 and 1 <= day <= 30):
        raise ValueError(f"lunar {year}-{month}-{day}")
    packed = _YEARS[year - FIRST_YEAR]
    leap = (packed >> 16) & 15
    index = month - 1 + (1 if leap and month > leap else 0)
    lengths = [29 + (packed >> each & 1) for each in range(index + 1)]
    before = sum(lengths[:index]) + min(day, lengths[index]) - 1
    return date(year, 1, 1) + timedelta(days=(packed >> 20) - 1 + before)
