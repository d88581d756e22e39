"""What holds of every text."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.times import DATA, cases
from services.requests.chat.times import Kind, expressions, main_expression
from services.requests.chat.times import lexicon_en as en
from services.requests.chat.times import lexicon_zh as zh
from services.requests.chat.times.answers import answer
from services.requests.chat.times.normalise import _SIMPLIFIED, _TRADITIONAL

MONDAY = datetime(2026, 11, 23, 9, 30)
SENTENCES = [case for name in ("dev_zh", "dev_en", "test_zh", "test_en") for case in cases(DATA / f"{name}.txt")]
WORDS = sorted(
    {word for lexicon in (en, zh) for table in lexicon.WORDS.values() for word in table}
    | set(en.COMPOUNDS)
    | set(zh.COMPOUNDS)
    | {str(number) for number in range(40)}
    | {"2026", "9:00", "12/31", "3pm", "1st", "22nd", "二十", "十五", "第一", "12.8", "2026-02-30", "99999999"}
)
TIMELY = st.lists(st.sampled_from(WORDS), max_size=10).flatmap(
    lambda words: st.sampled_from(["", " ", ", "]).map(lambda between: between.join(words))
)
MOMENTS = st.datetimes() | st.sampled_from([datetime.min, datetime.max, datetime(2024, 2, 29), MONDAY])


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace")), MOMENTS)
@settings(max_examples=300)
def test_no_text_raises(text, reference):
    _hold(text, reference)


@given(TIMELY, MOMENTS, st.sampled_from([None, "zh", "en"]))
@settings(max_examples=600)
def test_no_jumble_of_time_words_raises(text, reference, lang):
    _hold(text, reference, lang)


def _hold(text, reference, lang=None):
    found = expressions(text, reference, lang)
    place = 0
    for one in found:
        assert place <= one.span[0] < one.span[1] <= len(text)
        assert text[one.span[0] : one.span[1]] == one.text
        assert one.start is not None or one.end is not None or one.kind is Kind.DURATION
        if one.start is not None and one.end is not None:
            assert one.start < one.end
        assert one.kind is Kind.DURATION or one.start_label or one.end_label
        assert answer(one)["kind"] == one.kind.value
        place = one.span[1]
    assert (main_expression(text, reference, lang) is None) <= (not found)


@pytest.mark.parametrize("case", SENTENCES, ids=lambda case: case.text)
def test_full_width_and_traditional_writing_mean_the_same(case):
    traditional = case.text.translate(str.maketrans(_SIMPLIFIED, _TRADITIONAL))
    full_width = "".join(chr(ord(each) + 0xFEE0) if each in "0123456789:,-()" else each for each in case.text)
    expected = answer(main_expression(case.text, case.reference))
    assert answer(main_expression(traditional, case.reference)) == expected
    assert answer(main_expression(full_width, case.reference)) == expected


@pytest.mark.parametrize("case", SENTENCES, ids=lambda case: case.text)
def test_invisible_characters_and_blanks_around_change_nothing_but_the_place(case):
    expected = answer(main_expression(case.text, case.reference))
    hidden = "\ufeff " + "\u200b".join(case.text) + "\u200e  "
    assert answer(main_expression(hidden, case.reference)) == expected
    for one in expressions(hidden, case.reference):
        assert hidden[one.span[0] : one.span[1]] == one.text


def test_the_order_of_sentences_does_not_matter():
    forwards = [answer(main_expression(case.text, case.reference)) for case in SENTENCES]
    backwards = [answer(main_expression(case.text, case.reference)) for case in reversed(SENTENCES)]
    assert forwards == backwards[::-1]


@pytest.mark.parametrize(
    "words", [("tomorrow", "3pm"), ("next Monday", "from 9 to 11"), ("Dec 4", "in the morning"), ("Friday", "at noon")]
)
def test_day_and_clock_time_may_come_in_either_order(words):
    there, back = (answer(main_expression(" ".join(each), MONDAY)) for each in (words, words[::-1]))
    assert there == back


@given(st.integers(1, 400), st.sampled_from(["天", "周", "个小时", "分钟"]))
def test_so_long_after_now_is_so_long_after_now(count, unit):
    found = main_expression(f"{count}{unit}后", MONDAY)
    step = {
        "天": timedelta(days=1),
        "周": timedelta(weeks=1),
        "个小时": timedelta(hours=1),
        "分钟": timedelta(minutes=1),
    }
    expected = MONDAY + count * step[unit]
    assert found is not None
    assert found.start == (expected if unit in {"个小时", "分钟"} else expected.replace(hour=0, minute=0))


@given(st.dates(MONDAY.date(), datetime(2200, 1, 1).date()), st.integers(0, 23), st.integers(0, 59))
@settings(max_examples=200)
def test_a_date_written_out_in_full_is_that_date_in_every_writing(day, hour, minute):
    expected = f"{day} {hour:02}:{minute:02}:00"
    for text in (
        f"{day.year}年{day.month}月{day.day}日{hour:02}:{minute:02}",
        f"{day} {hour:02}:{minute:02}",
        f"{day:%Y/%m/%d}，{hour:02}：{minute:02}",
        f"{day:%B} {day.day}, {day.year} at {hour:02}:{minute:02}",
        f"{hour:02}:{minute:02} on {day.day} {day:%b} {day.year}",
    ):
        assert answer(main_expression(text, MONDAY)).get("value") == expected, text


@pytest.mark.parametrize(
    "unit", ["1-", "1/", "1:", "1,", "1 ", "三", "twenty ", "one and ", "9点到", "3天", "3人", "a@", "嗯", "周一、"]
)
def test_a_long_text_takes_time_in_proportion_to_its_length(unit):
    assert isinstance(expressions(unit * 100_000, MONDAY), list)
