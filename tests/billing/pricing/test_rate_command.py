"""The command as a program: lines in, lines out, in order, at once."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "services.billing", "rate"]
CASE = {"id": "a", "kind": "round", "params": {"mode": "half_up", "digits": 0}, "input": {"value": "2.5"}}


def run(text):
    return subprocess.run(COMMAND, input=text, capture_output=True, cwd=ROOT, timeout=60, check=False)


def test_every_line_is_answered_in_order_with_status_zero_and_nothing_on_stderr():
    big = {"id": "big", "kind": "sum_round", "params": {}, "input": {"lines": ["0.005" + "0" * 37] * 25_000}}
    lines = [
        json.dumps(CASE).encode(),
        b"",
        b"not json",
        b"\xff\xff",
        json.dumps({**CASE, "id": "b", "params": {}}).encode(),
        json.dumps(big).encode(),
        json.dumps({**CASE, "id": "\ud800"}).encode(),
        b"\xef\xbb\xbf" + json.dumps({**CASE, "id": "last"}).encode(),
    ]
    done = run(b"\r\n".join(lines))
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(lines[5]) > 2**20
    assert [each["id"] for each in said] == ["a", None, None, "b", "big", "\ud800", "last"]
    assert [each.get("result", {}).get("value") for each in said if each["id"] in {"a", "last"}] == ["3", "3"]
    assert ["error" in each for each in said] == [False, True, True, True, False, False, False]


def test_an_answer_comes_before_the_next_line_is_sent():
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        for number in range(3):
            process.stdin.write(json.dumps({**CASE, "id": number}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_a_line_beyond_all_measure_is_refused_and_the_next_one_answered():
    done = run(b'{"id": "huge", "x": "' + b"a" * (17 * 2**20) + b'"}\n' + json.dumps(CASE).encode() + b"\n")
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each.get("error", {}).get("code") for each in said] == ["too_long", None]
    assert done.returncode == 0


def test_a_reader_that_goes_away_is_no_error():
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        process.stdin.write((json.dumps(CASE) + "\n").encode())
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):  # it may have gone before it read all of this
            process.stdin.write((json.dumps(CASE) + "\n").encode() * 2000)
            process.stdin.close()
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == b""


def test_help_says_what_goes_in_and_an_argument_that_is_none_gives_status_two():
    helped = subprocess.run([*COMMAND, "--help"], capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert helped.returncode == 0
    assert b"late_interest" in helped.stdout
    wrong = subprocess.run([*COMMAND, "--fast"], capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, b"")
