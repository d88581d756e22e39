"""Cases written from the published definitions alone, with amounts worked out beside them by fractions: the command agrees."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

CASES = [json.loads(line) for line in Path(__file__).with_name("by_hand.jsonl").read_text("utf-8").splitlines()]


def same(got, want):
    """Whether an answer says what was worked out; amounts compare by value."""
    if isinstance(want, dict):
        return isinstance(got, dict) and got.keys() == want.keys() and all(same(got[name], want[name]) for name in want)
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(same, got, want))
    try:
        return Fraction(str(got)) == Fraction(want)
    except ValueError:
        return str(got) == want


def test_the_command_says_what_was_worked_out_by_hand():
    lines = "\n".join(json.dumps(each["case"]) for each in CASES)
    done = subprocess.run(
        [sys.executable, "-m", "services.billing", "rate"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    differing = [
        (each["case"], answer)
        for each, answer in zip(CASES, answers, strict=True)
        if not same(answer.get("result"), each["expect"])
    ]
    assert differing == []
    assert len(CASES) > 60
