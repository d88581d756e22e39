"""Only requests can mint a pass, and a pass is believed for ten minutes by those it names."""

import base64
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.web.passes import LIFE, BadPass, ExpiredPass, Signer, Verifier, new_key, public_half
from tests.web.site import KEY, NOW, PUBLIC_KEY, SIGNER, a_person

CHECK = Verifier([PUBLIC_KEY], "billing")


def forged(claims=None, header=None, key=None, algorithm="EdDSA"):
    """A pass with some claims or headers changed, properly signed."""
    good = SIGNER.sign(a_person(), NOW)
    body = jwt.decode(good, options={"verify_signature": False}) | (claims or {})
    head = {"typ": "houqin-session+jwt", "kid": SIGNER.kid} | (header or {})
    return jwt.encode(body, key or load_pem_private_key(KEY, None), algorithm=algorithm, headers=head)


def test_a_pass_says_who_it_is():
    person = a_person(department="d1", organisation="cn/zj", crew="c7", supplier="hy")
    found = CHECK.read(SIGNER.sign(person, NOW), NOW, "session")
    assert (found.account, found.roles, found.department, found.organisation, found.crew, found.supplier, found.proof) == (
        "a1", frozenset({"staff"}), "d1", "cn/zj", "c7", "hy", "proof-a1",
    )  # fmt: skip
    assert found.until == NOW + LIFE


def test_a_pass_ends_after_ten_minutes_to_the_second():
    signed = SIGNER.sign(a_person(), NOW)
    CHECK.read(signed, NOW + LIFE - timedelta(seconds=1), "session")
    with pytest.raises(ExpiredPass):
        CHECK.read(signed, NOW + LIFE, "session")
    with pytest.raises(ExpiredPass):
        Verifier([PUBLIC_KEY], "billing").read(signed, NOW + LIFE, "session")


def unsigned():
    _, body, _ = forged().split(".")
    none = (
        base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "houqin-session+jwt", "kid": SIGNER.kid}).encode())
        .decode()
        .rstrip("=")
    )
    return f"{none}.{body}."


def flipped():
    head, body, mac = forged().split(".")
    return f"{head}.{body}.{mac[:-6]}{'A' if mac[-6] != 'A' else 'B'}{mac[-5:]}"


WRONG = {
    "empty": "", "a_letter": "x", "no_base64": "a.b.c", "unsigned": unsigned(), "flipped": flipped(), "long": "x" * 10_000,
    "another_kid": forged(header={"kid": "0" * 16}), "no_kid": forged(header={"kid": ""}),
    "of_the_api": forged(header={"typ": "houqin-api+jwt"}), "of_no_kind": forged(header={"typ": "JWT"}),
    "another_key": forged(key=load_pem_private_key(new_key(), None)), "a_shared_secret": forged(key="k" * 32, algorithm="HS256"),
    "for_another": forged({"aud": ["audit"]}), "audience_a_text": forged({"aud": "requests"}), "by_another": forged({"iss": "dispatch"}),
    "no_session": forged({"sid": None}), "ends_soon": forged({"exp": "soon"}),
    "too_long": forged({"exp": int((NOW + timedelta(hours=1)).timestamp())}), "no_role": forged({"rol": []}),
    "from_tomorrow": forged({"iat": int((NOW + timedelta(minutes=5)).timestamp()), "exp": int((NOW + timedelta(minutes=9)).timestamp())}),
}  # fmt: skip


@pytest.mark.parametrize("text", list(WRONG.values()), ids=list(WRONG))
def test_a_pass_with_anything_wrong_is_not_believed(text):
    with pytest.raises(BadPass):
        CHECK.read(text, NOW, "session")


def test_the_public_key_as_a_shared_secret_forges_nothing():
    _, body, _ = forged().split(".")
    import hashlib
    import hmac as mac

    hs = (
        base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "houqin-session+jwt", "kid": SIGNER.kid}).encode())
        .decode()
        .rstrip("=")
    )
    tag = (
        base64.urlsafe_b64encode(mac.new(PUBLIC_KEY, f"{hs}.{body}".encode(), hashlib.sha256).digest())
        .decode()
        .rstrip("=")
    )
    with pytest.raises(BadPass):
        CHECK.read(f"{hs}.{body}.{tag}", NOW, "session")


def test_a_programs_pass_is_no_session_and_the_other_way_round():
    with pytest.raises(BadPass):
        CHECK.read(SIGNER.sign(a_person(kind="api"), NOW), NOW, "session")
    with pytest.raises(BadPass):
        CHECK.read(SIGNER.sign(a_person(), NOW), NOW, "api")


def test_both_keys_are_believed_while_one_is_rotated():
    other = new_key()
    check = Verifier([PUBLIC_KEY, public_half(other)], "audit")
    assert check.read(SIGNER.sign(a_person(), NOW), NOW, "session").account == "a1"
    assert check.read(Signer.of(other).sign(a_person("b2"), NOW), NOW, "session").account == "b2"


def test_a_pass_never_lives_longer_than_ten_minutes_whatever_is_asked():
    signed = SIGNER.sign(a_person(), NOW, life=timedelta(days=1))
    with pytest.raises(ExpiredPass):
        CHECK.read(signed, NOW + LIFE, "session")
