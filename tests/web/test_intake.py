"""Whatever comes in, the answer is a clear 4xx and nothing is stored."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Malformed
from shared.web.intake import MAX_DEPTH, _depth, clean_text, read_json
from tests.web.site import OURS, a_person

HOSTILE_TEXT = [
    "\0", "a\0b", "\x01", "\x08", "\x0b", "\x1b[31m", "\x7f", "\x80", "\x9f", "\u202e", "a\u202eb", "\u2066x\u2069", "\u200e",
    "\u200f", "\u061c", "\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff", "\U0001fffe",
]  # fmt: skip
HOSTILE_JSON = [
    b"", b"{", b"nul", b'{"words": NaN}', b'{"words": Infinity}', b'{"words": -Infinity}', b'{"a": 1, "a": 2}', b'{"words": "\xff"}',
    b'\xef\xbb\xbf{"words": "x"}', b'{"words": "\\ud800"}', b'{"words": "a\\udc00"}', b'{"pages": 9007199254740992}',
    b'{"pages": ' + b"9" * 5000 + b"}", b'{"pages": 1e999}', b'{"pages": -1e999}', b'{"pages": ' + b"1" * 50 + b".5}",
    b"[" * 33 + b"]" * 33, b"[" * 100_000, b'{"a":' * 40 + b"1" + b"}" * 40, b"'x'", b"{'a': 1}", b"\x00", b'{"a": "\x01"}',
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE_TEXT)
def test_a_text_with_control_or_direction_characters_is_refused(text):
    with pytest.raises(ValueError, match=r"field\.control"):
        clean_text(f"名{text}字")


def test_an_unpaired_surrogate_is_refused():
    with pytest.raises(ValueError, match=r"field\.control"):
        clean_text("a\ud83d")


def test_text_is_kept_in_one_normal_form():
    assert clean_text("  Cafe\u0301 ") == "Café"


def test_lines_are_kept_only_where_lines_are_asked_for():
    assert clean_text("一\r\n二\r三\t四", lines=True) == "一\n二\n三\t四"
    with pytest.raises(ValueError, match=r"field\.control"):
        clean_text("一\n二")


def test_emoji_and_rare_characters_pass():
    assert clean_text("𠮷野家 👩‍🔧") == "𠮷野家 👩‍🔧"


@pytest.mark.parametrize("body", HOSTILE_JSON, ids=range(len(HOSTILE_JSON)))
def test_hostile_json_is_malformed(body):
    with pytest.raises(Malformed):
        read_json(body)


def test_depth_is_counted_outside_strings_only():
    assert read_json(json.dumps({"a": "[" * 200 + '"{'}).encode())["a"].startswith("[")
    assert read_json(b"[" * 32 + b"]" * 32)


def counted(body):
    """The deepest nesting, byte by byte."""
    depth = deepest = 0
    inside = escaped = False
    for byte in body:
        if inside:
            escaped, inside = byte == 0x5C and not escaped, escaped or byte != 0x22
        elif byte == 0x22:
            inside = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


@given(st.lists(st.sampled_from([*b'[]{}"\\a,\n', *b"[["]), max_size=60).map(bytes))
def test_depth_is_that_of_a_reader_who_goes_byte_by_byte(body):
    assert min(_depth(body), MAX_DEPTH + 1) == min(counted(body), MAX_DEPTH + 1)


def test_integers_up_to_the_bound_are_read():
    assert read_json(b"[9007199254740991, -9007199254740991]") == [2**53 - 1, -(2**53) + 1]


@pytest.mark.parametrize("body", HOSTILE_JSON, ids=range(len(HOSTILE_JSON)))
def test_a_post_of_hostile_json_is_answered_4xx_and_stores_nothing(site, body):
    found = site.client().post("/toy/api/notes", data=body, content_type="application/json", headers=site.bearer())
    assert found.status_code in {400, 422}
    assert found.content_type == "application/problem+json"
    assert site.count() == 0


@pytest.mark.parametrize("text", [*HOSTILE_TEXT, "x" * 21, "x" * 2_000, " ", "", "\u3000"])
def test_hostile_words_are_answered_422_in_json_and_form(site, text):
    client = site.browser(person := a_person())
    found = client.post("/toy/api/notes", json={"words": text}, headers=site.bearer())
    assert found.status_code == 422
    assert "words" in found.json["errors"]
    form = {"words": text, "_csrf": person.proof}
    assert client.post("/toy/notes", data=form, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 422
    assert site.count() == 0


def test_a_field_that_is_not_declared_is_refused(site):
    found = site.client().post("/toy/api/notes", json={"words": "x", "owner": "boss"}, headers=site.bearer())
    assert found.status_code == 422
    assert "owner" in found.json["errors"]


@pytest.mark.parametrize(
    "given",
    [{"pages": 0}, {"pages": 100}, {"pages": 1.5}, {"pages": True}, {"pages": "x"}, {"pages": None}, {"cost": "1.234"}, {"cost": "NaN"},
     {"cost": "1e5"}, {"cost": 0.1}, {"cost": "١"}, {"words": 5}, {"words": ["x"]}, {"tags": "x"}, {"tags": ["toolong"]}, {"tags": [1]}],
)  # fmt: skip
def test_values_of_the_wrong_kind_are_refused(site, given):
    found = site.client().post("/toy/api/notes", json={"words": "x"} | given, headers=site.bearer())
    assert found.status_code == 422
    assert site.count() == 0


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b"null", b"true"])
def test_a_body_that_is_no_object_is_refused(site, body):
    found = site.client().post("/toy/api/notes", data=body, content_type="application/json", headers=site.bearer())
    assert found.status_code == 422


def test_a_parameter_given_twice_is_refused(site):
    assert site.client().get("/toy/api/notes?cursor=a&cursor=b", headers=site.bearer()).status_code == 400
    assert site.client().get("/toy/?x=1&x=2").status_code == 400


def test_a_form_field_given_twice_is_refused(site):
    found = site.browser(a_person()).post(
        "/toy/notes",
        data="words=a&words=b&_csrf=proof-a1",
        content_type="application/x-www-form-urlencoded",
        headers=OURS,
    )
    assert found.status_code == 400


def test_a_large_body_is_refused_before_it_is_read(site):
    found = site.client().post(
        "/toy/api/notes", data=b"x" * 10_000_000, content_type="application/json", headers=site.bearer()
    )
    assert found.status_code == 413


@pytest.mark.parametrize(
    "path", ["/toy/api/notes/%00", "/toy/api/notes/%ff", "/toy/api/notes/" + "x" * 300, "/toy/api/notes/%E2%80%AE"]
)
def test_a_path_no_object_can_have_is_absent(site, path):
    assert site.client().get(path, headers=site.bearer()).status_code == 404
