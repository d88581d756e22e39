"""``python -m services.requests times``: one line out for each line in, whatever comes in."""

import json
import subprocess
import sys

import pytest

from services.requests.chat.times.answers import answers

REFERENCE = "2026-11-23T09:30:00"


def ask(*lines: bytes) -> list[dict]:
    return [json.loads(line) for line in answers(lines)]


def line(text: str, reference: str = REFERENCE, **more) -> bytes:
    return json.dumps({"id": "a", "text": text, "reference": reference, **more}).encode()


def test_the_command_answers_each_line_in_order_and_ends_well():
    lines = [line("明早7点半"), b"not json", b"", line("谢谢"), line("by Friday noon")]
    done = subprocess.run(
        [sys.executable, "-m", "services.requests", "times"], input=b"\n".join(lines), capture_output=True, check=True
    )
    out = [json.loads(each) for each in done.stdout.decode().splitlines()]
    assert [each.get("value") for each in out] == ["2026-11-24 07:30:00", None, None, None, "2026-11-27 12:00:00"]
    assert ["error" in each for each in out] == [False, True, True, False, False]
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("明天", {"kind": "date", "value": "2026-11-24"}),
        ("下午三点", {"kind": "time", "value": "15:00:00"}),
        ("明天下午三点", {"kind": "datetime", "value": "2026-11-24 15:00:00"}),
        ("下周", {"kind": "daterange", "start": "2026-11-30", "end": "2026-12-07"}),
        ("本周三到周五", {"kind": "daterange", "start": "2026-11-25", "end": "2026-11-27"}),
        ("两点到四点", {"kind": "timerange", "start": "14:00:00", "end": "16:00:00"}),
        ("明天上午", {"kind": "datetimerange", "start": "2026-11-24 08:00:00", "end": "2026-11-24 12:00:00"}),
        ("123.45 sec", {"kind": "duration", "value": "123.45"}),
        ("周五前", {"kind": "date", "value": "2026-11-27", "end": "2026-11-27", "bound": "before"}),
        ("每天", {"kind": "date", "value": "2026-11-23", "recurrence": {"unit": "day", "every": 1}}),
        ("你好", {"kind": None}),
    ],
)
def test_each_kind_has_its_form(text, expected):
    assert ask(line(text)) == [{"id": "a", **expected}]


@pytest.mark.parametrize(
    "bad",
    [b"", b"\n", b"{", b"[]", b"null", b"\xff\xfe", b"\x00", b"[" * 100_000, b'{"id": 1}', b'{"text": 5, "reference": "x"}',
     line("明天", "yesterday"), line("明天", ""), json.dumps({"id": 1, "text": "明天", "reference": None}).encode()],
)  # fmt: skip
def test_a_line_that_cannot_be_read_gets_an_error(bad):
    (got,) = ask(bad)
    assert got["kind"] is None
    assert got["error"]


def test_the_id_comes_back_as_it_was_whatever_it_was():
    for given in (7, None, "七", ["x"], {"a": 1}, 1.5, True):
        case = json.dumps({"id": given, "text": "明天", "reference": REFERENCE}).encode()
        assert ask(case)[0]["id"] == given


@pytest.mark.parametrize("reference", ["2026-11-23T09:30:00+08:00", "2026-11-23 09:30", "2026-11-23", "20261123T0930"])
def test_a_reference_may_carry_an_offset_or_no_time(reference):
    assert ask(line("明天", reference))[0]["value"] == "2026-11-24"


def test_odd_characters_are_taken_as_they_are():
    assert ask(line("😀明天😀下午3点\u0000"))[0]["value"] == "2026-11-24 15:00:00"
    assert ask(line("\u202e明天\u202c"))[0]["value"] == "2026-11-24"
    assert ask(b'{"id": 1, "text": "\\ud800 \\u660e\\u5929", "reference": "2026-11-23"}')[0]["value"] == "2026-11-24"
    assert ask("\ufeff".encode() + line("明天"))[0]["value"] == "2026-11-24"


def test_a_text_of_a_megabyte_is_answered():
    assert ask(line("明天" + "嗯" * 1_000_000))[0]["value"] == "2026-11-24"
    assert ask(line("0" * 1_000_000))[0]["kind"] is None
