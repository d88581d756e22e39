"""Chinese and English are equal, and each writes as its readers do."""

import re
import string
import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from shared.language import CODES, FOLDER, MissingWord, choose, language
from shared.language.formats import capitals
from shared.web.navigation import BARS, here
from shared.web.principal import ROLES
from shared.web.states import STATES

ZH, EN = language("zh-Hans"), language("en")
NOW = datetime(2026, 11, 24, 2, 42, tzinfo=UTC)


def at(hour, minute=0, day=24, month=11, year=2026):
    """An instant by the office's clock."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def places(words):
    texts = words.values() if isinstance(words, dict) else [words]
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys_and_places():
    assert set(ZH.words) == set(EN.words)
    differing = {key for key in ZH.words if places(ZH.words[key]) != places(EN.words[key])}
    assert differing == set()


def test_every_file_has_its_pair_and_no_key_is_empty():
    names = sorted(path.name for path in FOLDER.glob("*.toml"))
    areas = {name.split(".")[0] for name in names}
    assert names == sorted(f"{area}.{code}.toml" for area in areas for code in CODES)
    for words in (ZH, EN):
        empty = {key for key, value in words.words.items() if not value or value == {}}
        assert empty == set()


def test_every_state_has_a_word_and_every_word_a_state():
    for words in (ZH, EN):
        found = {key for key in words.words if key.startswith("state.")}
        assert found == {f"state.{thing}.{key}" for thing, keys in STATES.items() for key in keys}


def test_every_place_of_navigation_and_every_role_has_a_word():
    for words in (ZH, EN):
        assert all(words.has(f"shell.nav.{place.key}") for places in BARS.values() for place in places)
        assert all(words.has(f"shell.role.{role}") for role in ROLES)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/requests/complaints/C-1124-001", "suggestions"), ("/requests/surveys", "suggestions"),
        ("/requests/bookings", "rooms"), ("/requests/slots", "rooms"), ("/requests/rooms", "rooms"), ("/requests/", "home"),
    ],
)  # fmt: skip
def test_a_page_is_marked_under_the_word_that_leads_to_it(path, key):
    assert here(BARS["staff"], path).key == key


def test_no_word_is_marked_on_a_page_that_none_leads_to():
    assert here(BARS["staff"], "/requests/me") is None


def test_chinese_has_its_own_punctuation():
    wrong = {}
    for path in FOLDER.glob("*.zh-Hans.toml"):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            text = line.partition("=")[2]
            if re.search(r"[\u4e00-\u9fff][,;:?!()][\u4e00-\u9fff]", text):
                wrong[f"{path.name}:{number}"] = text
    assert wrong == {}


def test_files_are_read_as_toml():
    for path in FOLDER.glob("*.toml"):
        tomllib.loads(path.read_text("utf-8"))


def test_a_missing_word_is_an_error():
    with pytest.raises(MissingWord):
        ZH("shell.no_such_word")


def test_plurals_follow_the_number():
    assert (EN("parts.to_change", n=1), EN("parts.to_change", n=2)) == (
        "There is 1 thing to change",
        "There are 2 things to change",
    )
    assert ZH("parts.to_change", n=2) == "有2处需要改"
    assert EN("parts.more_events", n=12345) == "12,345 more"


@pytest.mark.parametrize(
    ("moment", "zh", "en"),
    [
        (at(15), "今天 15:00", "today 15:00"),
        (at(15, day=25), "明天 15:00", "tomorrow 15:00"),
        (at(0, 5, day=23), "昨天 00:05", "yesterday 00:05"),
        (at(15, day=26), "11月26日 周四 15:00", "Thu 26 Nov, 15:00"),
        (at(9, month=1, day=2, year=2027), "2027年1月2日 09:00", "2 Jan 2027, 09:00"),
    ],
)
def test_moments_are_said_as_the_office_says_them(moment, zh, en):
    assert (ZH.when(moment, NOW), EN.when(moment, NOW)) == (zh, en)


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0分", "0 min"), (59, "0分", "0 min"), (18 * 60 + 59, "18分", "18 min"), (3600, "1小时", "1 h"), (4680, "1小时18分", "1 h 18 min"),
        (86_400, "1天", "1 d"), (2 * 86_400 + 3 * 3600 + 59, "2天3小时", "2 d 3 h"), (86_400 + 59 * 60, "1天", "1 d"),
    ],
)  # fmt: skip
def test_durations_have_two_units_at_most_and_are_never_rounded_up(seconds, zh, en):
    length = timedelta(seconds=seconds)
    assert (ZH.duration(length), EN.duration(length)) == (zh, en)


def test_what_is_left_turns_into_what_is_late():
    assert ZH.left(NOW + timedelta(minutes=18), NOW) == "还有18分"
    assert EN.left(NOW - timedelta(minutes=6), NOW) == "6 min late"


@pytest.mark.parametrize(
    ("value", "zh", "en", "column"),
    [
        ("8359.91", "8,359.91元", "CNY 8,359.91", "8,359.91"), ("0", "0.00元", "CNY 0.00", "0.00"), ("-120", "−120.00元", "CNY −120.00", "−120.00"),
        ("-0.00", "0.00元", "CNY 0.00", "0.00"), ("1234567.5", "1,234,567.50元", "CNY 1,234,567.50", "1,234,567.50"),
    ],
)  # fmt: skip
def test_money_has_two_decimals_commas_and_a_true_minus(value, zh, en, column):
    assert (ZH.money(Decimal(value)), EN.money(Decimal(value)), ZH.amount(Decimal(value))) == (zh, en, column)


def test_numbers_have_commas_from_ten_thousand_and_the_unknown_is_a_dash():
    assert [ZH.number(value) for value in (0.0, 2.0, 1.2, -0.5)] == [
        "0",
        "2",
        "1.2",
        "−0.5",
    ]  # floats by their shortest form
    assert [ZH.number(value) for value in (9999, 10_000, -12_345, None, Decimal("31.50"))] == [
        "9999",
        "10,000",
        "−12,345",
        "–",
        "31.50",
    ]
    assert (ZH.percent(0.971), ZH.percent(None)) == ("97.1%", "–")


def test_periods_say_that_they_are_half_open():
    assert ZH.period(date(2026, 10, 1), date(2026, 11, 1)) == "2026年10月1日0时至2026年11月1日0时（北京时间）"


# Examples of the rules of 1997 for filling in bills, and edges.
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("8359.91", "捌仟叁佰伍拾玖元玖角壹分"), ("1409.50", "壹仟肆佰零玖元伍角整"), ("6007.14", "陆仟零柒元壹角肆分"), ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
        ("107000.53", "壹拾万柒仟元伍角叁分"), ("16409.02", "壹万陆仟肆佰零玖元零贰分"), ("325.04", "叁佰贰拾伍元零肆分"), ("0", "零元整"), ("0.05", "伍分"),
        ("0.50", "伍角整"), ("10", "壹拾元整"), ("100000", "壹拾万元整"), ("100000001", "壹亿零壹元整"), ("10100010", "壹仟零壹拾万零壹拾元整"), ("-12.30", "负壹拾贰元叁角整"),
        ("1000000000000", "壹万亿元整"),
    ],
)  # fmt: skip
def test_amounts_are_written_out_in_capitals(value, words):
    assert capitals(Decimal(value)) == f"人民币{words}"


def test_parts_of_a_fen_are_not_written_out():
    with pytest.raises(ValueError, match="fen"):
        capitals(Decimal("0.001"))


@pytest.mark.parametrize(
    ("cookie", "accepted", "code"),
    [
        (None, "", "zh-Hans"), (None, "en-GB,en;q=0.9,zh;q=0.8", "en"), (None, "fr,zh-CN;q=0.9,en;q=0.8", "zh-Hans"), (None, "en;q=0,zh", "zh-Hans"),
        ("en", "zh", "en"), ("xx", "en", "en"), (None, "en;q=x,zh;q=0.1", "zh-Hans"), (None, "de", "zh-Hans"), (None, "," * 5000, "zh-Hans"),
    ],
)  # fmt: skip
def test_the_language_is_the_readers(cookie, accepted, code):
    assert choose(cookie, accepted) == code
