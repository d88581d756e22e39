"""Rules of plans in an office's words."""

from datetime import datetime

import pytest

from services.dispatch import recurrence, upkeep
from shared.clock import SITE_ZONE
from shared.language import language

FIRST = datetime(2026, 12, 2, 9, tzinfo=SITE_ZONE)  # a Wednesday
ZH, EN = language("zh-Hans"), language("en")


@pytest.mark.parametrize(
    ("rule", "zh", "en"),
    [
        ("FREQ=DAILY", "每天", "Every day"),
        ("FREQ=DAILY;INTERVAL=10", "每 10 天", "Every 10 days"),
        ("FREQ=WEEKLY", "每周：周三", "Every week: Wed"),
        ("FREQ=WEEKLY;BYDAY=MO,TH", "每周：周一、周四", "Every week: Mon, Thu"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "每周：周一至周五", "Every week: Monday to Friday"),
        ("freq=weekly;interval=2;wkst=mo", "每 2 周：周三", "Every 2 weeks: Wed"),
        ("FREQ=MONTHLY", "每月：2 日", "Every month: day 2"),
        ("RRULE:FREQ=MONTHLY;BYDAY=1MO", "每月：第一个周一", "Every month: the first Mon"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "每月：最后一个周五", "Every month: the last Fri"),
        ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15", "每 3 个月：15 日", "Every 3 months: day 15"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "每月：最后一天", "Every month: the last day"),
        ("FREQ=YEARLY", "每年：12月2日", "Every year: 2 Dec"),
    ],
)
def test_what_can_be_said_is_said(rule, zh, en):
    assert (recurrence.said(rule, FIRST, ZH), recurrence.said(rule, FIRST, EN)) == (zh, en)


@pytest.mark.parametrize(
    "rule",
    ["FREQ=HOURLY", "FREQ=MONTHLY;BYDAY=MO", "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=3", "FREQ=DAILY;COUNT=5", "FREQ=YEARLY;BYMONTH=2",
     "FREQ=MONTHLY;BYMONTHDAY=-3", "FREQ=WEEKLY;BYDAY=XX", "FREQ=DAILY;INTERVAL=x", "FREQ=WEEKLY;BYDAY=MO;UNTIL=20271231", "nonsense", ""],
)  # fmt: skip
def test_what_has_no_words_is_shown_as_it_is(rule):
    assert recurrence.said(rule, FIRST, ZH) == rule


def test_every_usual_rule_is_one_and_has_words():
    for (rule, zh), (_, en) in zip(recurrence.options(ZH), recurrence.options(EN), strict=True):
        assert upkeep.next_after(rule, FIRST, FIRST) > FIRST
        assert zh != en
        assert recurrence.said(rule, FIRST, ZH) != rule
