"""What callers rely on: labels, spans, bounds, flags."""

import itertools
from datetime import datetime, timedelta

import pytest

from services.requests.chat.times import Bound, Grain, Kind, Part, expressions, main_expression

MONDAY = datetime(2026, 11, 23, 9, 30)


def read(text, reference=MONDAY):
    found = main_expression(text, reference)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("明天上午", "2026-11-24TMO", None),
        ("明天中午", "2026-11-24TMI", None),
        ("后天下午", "2026-11-25TAF", None),
        ("今晚", "2026-11-23TEV", None),
        ("tomorrow night", "2026-11-24TEV", None),
        ("lunch on Tuesday", "2026-11-24TMI", None),
        ("大后天", "2026-11-26", None),
        ("明早7点半", "2026-11-24T07:30", None),
        ("本周三到周五", "2026-11-25", "2026-11-27"),
        ("下周", "2026-11-30", "2026-12-06"),
        ("下午两点半到五点", "2026-11-23T14:30", "2026-11-23T17:00"),
        ("周五前", None, "2026-11-27"),
        ("周五中午前", None, "2026-11-27T12:00"),
        ("明天上午前", None, "2026-11-24TMO"),
        ("by EOD Tuesday", None, "2026-11-24"),
        ("by 5pm today", None, "2026-11-23T17:00"),
        ("下班前", None, "2026-11-23T18:00"),
        ("12月1日起三天", "2026-12-01", "2026-12-03"),
        ("三点", "2026-11-23T15:00", None),
        ("8点", "2026-11-24T08:00", None),
        ("三点以后", "2026-11-23T15:00", None),
        ("两小时", None, None),
    ],
)
def test_labels_are_written_as_the_chat_has_them(text, start, end):
    found = read(text)
    assert (found.start_label, found.end_label) == (start, end)


def test_a_deadline_says_so_and_has_no_start():
    found = read("周五前送到")
    assert found.deadline
    assert found.start is None
    assert found.end == datetime(2026, 11, 27)


def test_a_stretch_within_which_runs_from_now_to_its_deadline():
    found = read("两小时内到场")
    assert found.deadline
    assert (found.start, found.end) == (MONDAY, MONDAY + timedelta(hours=2))


def test_after_is_marked_and_keeps_its_start():
    found = read("after 3 pm")
    assert found.bound is Bound.AFTER
    assert found.start == datetime(2026, 11, 23, 15)


def test_recurrence_tells_unit_step_and_weekdays():
    found = read("every other Friday at 3")
    assert found.recurrence is not None
    assert (found.recurrence.unit, found.recurrence.every, found.recurrence.weekdays) == ("week", 2, (4,))
    assert found.start == datetime(2026, 11, 27, 15)


def test_approximate_times_are_marked():
    assert read("大约十点").approximate
    assert read("tomorrow around noon").approximate
    assert read("三四天").approximate
    assert not read("十点").approximate


def test_a_half_day_taken_by_rule_is_marked():
    assert read("三点").assumed
    assert not read("下午三点").assumed
    assert not read("15:00").assumed


def test_a_time_without_a_day_is_marked():
    assert not read("下午三点").dated
    assert read("明天下午三点").dated


def test_grain_is_the_finest_unit_said():
    assert read("明天").grain is Grain.DAY
    assert read("明天上午").grain is Grain.PART
    assert read("三点").grain is Grain.HOUR
    assert read("3:20").grain is Grain.MINUTE
    assert read("下个月").grain is Grain.MONTH


def test_spans_point_into_the_text_as_written():
    text = "麻烦　明天（周二）下午３點，3號樓302"
    found = expressions(text, MONDAY)
    assert [one.text for one in found] == ["明天（周二）下午３點"]
    assert text[slice(*found[0].span)] == found[0].text


def test_expressions_come_in_order_and_do_not_overlap():
    found = expressions("周三下午开会,周四上午9点到11点培训,两个小时", MONDAY)
    assert [one.kind for one in found] == [Kind.DATETIMERANGE, Kind.DATETIMERANGE, Kind.DURATION]
    assert all(one.span[1] <= other.span[0] for one, other in itertools.pairwise(found))


@pytest.mark.parametrize(
    "text",
    ["3号楼302", "302会议室", "8层女厕", "5人", "room 302", "80 ppl", "building 4, 2nd floor", "提三点建议", "快一点",
     "R-20261123-0012", "13800138000", "$12", "95%", "v2.10.3", "前台", "预约", "后勤", "may I", "sat down"],
)  # fmt: skip
def test_numbers_and_words_of_other_kinds_are_no_times(text):
    assert expressions(text, MONDAY) == []


@pytest.mark.parametrize("text", ["2月30日", "13月5号", "25点", "8:60", "12月32日", "31 April 2026", "2026-02-30"])
def test_impossible_times_are_not_made_possible(text):
    assert main_expression(text, MONDAY) is None


def test_the_future_is_preferred_and_today_counts():
    assert read("周一").start == datetime(2026, 11, 23)
    assert read("23号").start == datetime(2026, 11, 23)
    assert read("22号").start == datetime(2026, 12, 22)
    assert read("11月22日").start == datetime(2027, 11, 22)
    assert read("周一上午9点").start == datetime(2026, 11, 30, 9)


def test_a_bare_hour_of_today_that_is_past_is_the_later_one():
    assert read("今天8点", MONDAY).start == datetime(2026, 11, 23, 20)
    assert read("今天11点", MONDAY).start == datetime(2026, 11, 23, 11)


def test_tonight_in_the_small_hours_is_the_night_that_is():
    assert read("tonight at 2", datetime(2026, 11, 23, 0, 30)).start == datetime(2026, 11, 23, 2)
    assert read("tonight at 2", datetime(2026, 11, 23, 15)).start == datetime(2026, 11, 24, 2)


def test_a_part_of_a_day_ends_the_next_day_when_the_clock_says_so():
    found = read("晚上10点到凌晨2点")
    assert (found.start, found.end) == (datetime(2026, 11, 23, 22), datetime(2026, 11, 24, 2))


def test_a_length_said_apart_ends_what_started():
    found = read("明天下午两点用会议室,两个小时")
    assert (found.start, found.end) == (datetime(2026, 11, 24, 14), datetime(2026, 11, 24, 16))


def test_what_is_moved_has_its_new_time():
    assert read("把周二的会改到周四上午十点").start == datetime(2026, 11, 26, 10)
    assert read("move the 2pm meeting to 4pm").start == datetime(2026, 11, 23, 16)


def test_lang_settles_the_order_of_a_date_in_figures():
    assert main_expression("1/2/2027", MONDAY, "en").start == datetime(2027, 1, 2)
    assert main_expression("1/2/2027", MONDAY, "zh").start == datetime(2027, 2, 1)


def test_half_days_are_of_four_kinds():
    said = {word: read(f"明天{word}").part for word in ("凌晨", "上午", "中午", "下午", "傍晚", "夜里")}
    assert said == {
        "凌晨": Part.MORNING,
        "上午": Part.MORNING,
        "中午": Part.MIDDAY,
        "下午": Part.AFTERNOON,
        "傍晚": Part.EVENING,
        "夜里": Part.EVENING,
    }
