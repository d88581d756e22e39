"""Signed notes, checkpoints and cosignatures: strict in what is read, exact in what is written."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.log import note as note_module
from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import BadSignature, LogError, Malformed, NotSigned
from services.audit.log.note import (
    KeyType,
    MlDsaUnavailable,
    Note,
    SignatureLine,
    VerifierKey,
    check_signatures,
    generate_key,
    message,
    parse_note,
    parse_secret,
    parse_vkey,
    usable,
)
from services.audit.log.tree import EMPTY_ROOT
from tests.audit.a_log import NOON, ORIGIN, a_key

# The examples of the signed-note specification.
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SIGNED = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
TEXT = Checkpoint(ORIGIN, 7, bytes(range(32))).text
KINDS = list(KeyType)
HYBRID_KEYS = [a_key(), a_key(kind=KeyType.ML_DSA_44_COSIGNATURE)]
HYBRID = Note(TEXT, tuple(key.sign(TEXT, NOON) for key in HYBRID_KEYS)).encode()
HYBRID_PUBLIC = [(key.kind, key.public.public) for key in HYBRID_KEYS]


def a_note(*keys, text=TEXT, time=NOON):
    return Note(text, tuple(key.sign(text, time) for key in keys))


def test_the_example_of_the_specification_verifies():
    assert str(parse_vkey(FOO)) == FOO
    assert parse_note(SIGNED).encode() == SIGNED
    assert check_signatures(parse_note(SIGNED), [parse_vkey(FOO)])[0].key.name == "example.com/foo"


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_key_signs_its_vkey_accepts(kind):
    key = generate_key("w.example/1", kind)
    assert parse_vkey(str(key.public)) == key.public
    assert parse_secret(key.secret()) == key
    note = parse_note(a_note(key).encode())
    (verified,) = check_signatures(note, [key.public])
    assert verified.time == (0 if kind is KeyType.ED25519 else NOON)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_never_shows_itself(kind):
    key = generate_key("w.example/1", kind)
    assert key.seed.hex() not in repr(key)
    assert base64.b64encode(key.seed).decode() not in repr(key)


def test_one_key_under_three_kinds_has_three_ids():
    assert len({a_key(kind=kind).public.key_id for kind in KINDS}) == 3


def test_a_cosignature_signs_the_two_lines_before_the_checkpoint():
    assert message(KeyType.ED25519_COSIGNATURE, "w", 1679315147, TEXT) == (b"cosignature/v1\ntime 1679315147\n" + TEXT)


def test_an_ml_dsa_cosignature_signs_the_structure_of_the_specification():
    assert message(KeyType.ML_DSA_44_COSIGNATURE, "w.ex", 1, TEXT) == (
        b"subtree/v1\n\x00\x04w.ex"
        + bytes(7)
        + b"\x01"
        + bytes([len(ORIGIN)])
        + ORIGIN.encode()
        + bytes(8)
        + bytes(7)
        + b"\x07"
        + bytes(range(32))
    )


def test_a_signature_of_a_key_we_know_that_does_not_fit_refuses_the_whole_note():
    good, bad = a_key(seed=1), a_key(seed=2)
    line = a_note(bad, text=Checkpoint(ORIGIN, 8, bytes(32)).text).signatures[0]
    with pytest.raises(BadSignature):
        check_signatures(a_note(good).with_signatures([line]), [good.public, bad.public])
    assert check_signatures(a_note(good).with_signatures([line]), [good.public])


def test_lines_of_unknown_keys_are_ignored_even_when_name_or_id_is_known():
    key, other = a_key(), a_key(seed=9)
    same_name = SignatureLine(ORIGIN, 1, bytes(64))
    same_id = SignatureLine("other.example", key.public.key_id, bytes(64))
    note = a_note(key, other).with_signatures([same_name, same_id])
    assert [each.key for each in check_signatures(note, [key.public])] == [key.public]


def test_a_note_that_no_known_key_signed_is_refused():
    with pytest.raises(NotSigned):
        check_signatures(a_note(a_key(seed=5)), [a_key().public])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(st.data())
def test_no_bit_of_a_note_can_change(kind, data):
    key = a_key(kind=kind)
    kept = a_note(key).encode()
    bit = data.draw(st.integers(0, 8 * len(kept) - 1))
    flipped = bytearray(kept)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LogError):
        check_signatures(parse_note(bytes(flipped)), [key.public])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        SIGNED[:-1],
        SIGNED + b"\n",
        SIGNED + b"x",
        SIGNED.replace(b"\n\n", b"\n"),
        SIGNED.replace("—".encode(), b"-"),
        SIGNED.replace(b"aQM=", b"aQN="),
        SIGNED.replace(b"aQM=", b"aQM"),
        SIGNED.replace(b"aQM=", b"a QM="),
        SIGNED.replace(b"foo U", b"foo\tU"),
        SIGNED.replace(b"This", b"Th\x00s"),
        SIGNED.replace(b"This", b"Th\rs"),
        SIGNED.replace(b"This", b"\xff\xfe"),
        SIGNED.replace(b"example.com/foo", b"example.com+foo"),
        SIGNED.replace(b"example.com/foo", "example.com\u00a0foo".encode()),
        SIGNED.replace(b"example.com/foo ", b" "),
        SIGNED + "— n AAAA\n".encode() * 200,
        b"text\n\n" + "— n AAAA\n".encode(),
        b"x" * 600_000,
    ],
)
def test_what_is_not_exactly_a_note_is_refused(data):
    with pytest.raises(Malformed):
        parse_note(data)


@pytest.fixture
def without_ml_dsa(monkeypatch):
    def absent():
        raise MlDsaUnavailable("not here")

    monkeypatch.setattr(note_module, "_ml_dsa", absent)
    note_module._private_key.cache_clear()
    note_module._public_key.cache_clear()


def test_where_ml_dsa_is_missing_the_other_line_still_counts_and_a_warning_is_loud(without_ml_dsa, recwarn):
    hybrid = parse_note(HYBRID)
    keys = [a_key(kind=KeyType.ED25519), a_key(kind=KeyType.ML_DSA_44_COSIGNATURE)]
    assert [key.kind for key in usable(keys)] == [KeyType.ED25519]
    assert "left unused" in str(recwarn.pop().message)
    public = [VerifierKey(ORIGIN, line_kind, material) for line_kind, material in HYBRID_PUBLIC]
    assert [each.key.kind for each in check_signatures(hybrid, public)] == [KeyType.ED25519]
    assert "not here" in str(recwarn.pop().message)
    with pytest.raises(MlDsaUnavailable):
        check_signatures(hybrid, public[1:])
    with pytest.raises(MlDsaUnavailable):
        generate_key("w.example", KeyType.ML_DSA_44_COSIGNATURE)


def test_a_note_may_carry_sixteen_post_quantum_signatures():
    keys = [a_key(f"w.example/{number}", KeyType.ML_DSA_44_COSIGNATURE, number) for number in range(16)]
    note = parse_note(a_note(*keys).encode())
    assert len(check_signatures(note, [key.public for key in keys])) == 16


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        FOO[:-1],
        FOO.replace("530d903a", "530d903b"),
        FOO.replace("530d903a", "530D903A"),
        FOO.replace("Aeky", "Beky"),
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AQ==",
        FOO + "+",
    ],
)
def test_what_is_not_exactly_a_vkey_is_refused(text):
    with pytest.raises(Malformed):
        parse_vkey(text)


@given(st.text(st.characters(codec="utf-8", min_codepoint=0x21), min_size=1, max_size=20), st.integers(0, 2**63 - 1))
def test_a_checkpoint_is_read_as_it_was_written(origin, size):
    checkpoint = Checkpoint(origin, size, bytes(range(32)))
    assert Checkpoint.parse(checkpoint.text) == checkpoint


ROOT = base64.b64encode(EMPTY_ROOT).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n5\n",
        f"{ORIGIN}\n5\n{ROOT}",
        f"{ORIGIN}\n05\n{ROOT}\n",
        f"{ORIGIN}\n-5\n{ROOT}\n",
        f"{ORIGIN}\n+5\n{ROOT}\n",
        f"{ORIGIN}\n5 \n{ROOT}\n",
        f"{ORIGIN}\n٥\n{ROOT}\n",
        f"{ORIGIN}\n9223372036854775808\n{ROOT}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n",
        f"\n5\n{ROOT}\n",
        f"{ORIGIN}\n5\n{ROOT[:-4]}\n",
        f"{ORIGIN}\n5\n{ROOT[:-2]}V=\n",
        f"{ORIGIN}\n5\n{ROOT}\n\n",
        f"{ORIGIN}\n5\n{ROOT}\nextension\n\nmore\n",
    ],
)
def test_what_is_not_exactly_a_checkpoint_is_refused(text):
    with pytest.raises(Malformed):
        Checkpoint.parse(text.encode())


def test_an_extension_line_is_kept_and_signed_by_ed25519():
    text = TEXT + b"extension\n"
    assert Checkpoint.parse(text).extensions == ("extension",)
    with pytest.raises(BadSignature):
        check_signatures(Note(text, a_note(a_key()).signatures), [a_key().public])
