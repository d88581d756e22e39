"""Policies: whose word counts."""

import itertools

import pytest

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import BadSignature, Malformed, NotSigned
from services.audit.log.note import KeyType
from services.audit.log.policy import parse_policy
from tests.audit.a_log import NOON, ORIGIN, ALog, a_key, some_leaves

LOG = a_key()
NAMES = ("internal", "upper", "third")
WITNESS = {name: a_key(f"{name}.example", KeyType.ED25519_COSIGNATURE, 10 + n) for n, name in enumerate(NAMES)}
LINES = f"log {LOG.public}\n" + "".join(f"witness {name} {key.public}\n" for name, key in WITNESS.items())


def a_policy(rest, head=LINES):
    return parse_policy((head + rest).encode())


def cosigned(*names, time=NOON):
    note = ALog(*some_leaves(3)).note()
    return note.with_signatures(WITNESS[name].sign(note.text, time) for name in names)


@pytest.mark.parametrize(
    ("rest", "rule"),
    [
        ("quorum none\n", lambda i, u, t: True),
        ("quorum upper\n", lambda i, u, t: u),
        ("group g all internal upper third\nquorum g\n", lambda i, u, t: i and u and t),
        ("group g any internal upper third\nquorum g\n", lambda i, u, t: i or u or t),
        ("group g 2 internal upper third\nquorum g\n", lambda i, u, t: i + u + t >= 2),
        ("group x any upper third\ngroup g all internal x\nquorum g\n", lambda i, u, t: i and (u or t)),
        ("group x any upper third\ngroup g all internal x\nquorum x\n", lambda i, u, t: u or t),
    ],
)
def test_a_quorum_is_met_by_exactly_the_sets_of_witnesses_it_names(rest, rule):
    policy = a_policy(rest)
    for present in itertools.product((False, True), repeat=3):
        names = [name for name, here in zip(NAMES, present, strict=True) if here]
        judgement = policy.judge(cosigned(*names))
        assert judgement.valid == bool(rule(*present))
        assert list(judgement.witnesses) == names


def test_a_policy_may_be_written_freely():
    policy = parse_policy(
        f"# 监督\n\n \tlog\t{LOG.public}   https://log.example/ \nwitness 内部 {WITNESS['internal'].public} "
        "https://w.example\n\tquorum  内部".encode()
    )
    assert policy.logs[0].url == "https://log.example/"
    assert policy.judge(cosigned("internal")).valid
    assert not policy.judge(cosigned()).valid


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("", "no quorum"),
        ("quorum nobody\n", "line 5.*nobody"),
        ("quorum none\nquorum none\n", "second quorum"),
        ("group g all internal internal\nquorum g\n", "twice"),
        ("group g all internal\ngroup h all internal\nquorum h\n", "twice"),
        ("group g any later\ngroup later any upper\nquorum g\n", "not defined above"),
        ("group g any none\nquorum g\n", "not defined above"),
        ("group internal any upper\nquorum internal\n", "already"),
        ("group none any upper\nquorum none\n", "already"),
        ("group g 0 internal upper\nquorum g\n", "threshold"),
        ("group g 3 internal upper\nquorum g\n", "threshold"),
        ("group g 01 internal upper\nquorum g\n", "threshold"),
        ("group g all\nquorum g\n", "no line of a policy"),
        ("quorum\n", "no line of a policy"),
        ("Quorum none\n", "no line of a policy"),
        (f"log {LOG.public}\nquorum none\n", "twice"),
        (f"witness more {WITNESS['upper'].public}\nquorum none\n", "twice"),
        (f"witness more {LOG.public}\nquorum none\n", "type"),
        ("witness more rubbish\nquorum none\n", "verifier key"),
        ("quorum none\x00\n", "control"),
        ("quorum none\r\n", "control"),
        ("quorum none\n" + "#\n" * 5000, "too long"),
    ],
)
def test_a_broken_policy_is_refused_with_its_line(rest, says):
    with pytest.raises(Malformed, match=says):
        a_policy(rest)


def test_one_key_under_two_names_is_one_witness():
    again = a_key("other.example", KeyType.ED25519_COSIGNATURE, 10)
    with pytest.raises(Malformed, match="twice"):
        a_policy(f"witness more {again.public}\nquorum none\n")


def test_a_checkpoint_of_another_log_is_not_accepted():
    policy = a_policy("quorum none\n")
    with pytest.raises(NotSigned):
        policy.judge(ALog(b"x", keys=[a_key(seed=77)]).note())
    # The log's own key under a foreign origin: it signs, but not for its log.
    foreign = Checkpoint("other.example/log", 0, bytes(32)).text
    with pytest.raises(NotSigned):
        policy.judge(type(cosigned())(foreign, (LOG.sign(foreign, NOON),)))


def test_witnesses_alone_do_not_make_a_checkpoint():
    note = cosigned(*NAMES)
    with pytest.raises(NotSigned):
        a_policy("quorum none\n").judge(type(note)(note.text, note.signatures[1:]))


def test_a_false_cosignature_of_a_known_witness_refuses_the_checkpoint():
    note = cosigned("internal")
    other = ALog(*some_leaves(4)).note()
    with pytest.raises(BadSignature):
        a_policy("quorum none\n").judge(type(note)(other.text, (*other.signatures, note.signatures[1])))


def test_a_cosignature_without_a_time_does_not_count():
    assert not a_policy("quorum internal\n").judge(cosigned("internal", time=0)).valid


def test_two_logs_are_either_or():
    other = a_key("b.example/log", seed=5)
    policy = a_policy(f"log {other.public}\nquorum none\n")
    assert policy.judge(ALog(b"x", keys=[other], origin="b.example/log").note()).checkpoint.origin == "b.example/log"
    assert policy.judge(ALog(b"x").note()).checkpoint.origin == ORIGIN
