"""What a witness answers, and what it will never cosign."""

import base64
import json
import sqlite3
import threading
from pathlib import Path

import pytest

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.note import KeyType, Note, check_signatures, parse_note, parse_signatures, parse_vkey
from services.audit.witness.rules import Request, Witness, parse_request
from services.audit.witness.store import Seen, Store
from tests.audit.a_log import NOON, ORIGIN, ALog, a_key, some_leaves

KEYS = [a_key("w.example", KeyType.ED25519_COSIGNATURE, 3), a_key("w.example", KeyType.ML_DSA_44_COSIGNATURE, 4)]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "witness.db")
    yield store
    store.close()


@pytest.fixture
def witness(store):
    return Witness(store, {ORIGIN: [a_key().public]}, KEYS)


def submit(witness, log, old, *, size=None, proof=None, note=None, now=NOON):
    note = note or log.note(size)
    if proof is None:
        proof = log.tree(size).consistency_proof(old) if 0 < old <= (size or log.state.size) else []
    return witness.add_checkpoint(Request(old, tuple(proof), note).encode(), now)


def test_a_growing_log_is_cosigned_with_every_key(witness):
    log, old = ALog(), 0
    for count in (1, 4, 300, 0, 7):
        log.add(*some_leaves(count))
        answer = submit(witness, log, old, now=NOON + old)
        assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
        note = Note(log.note().text, parse_signatures(answer.body))
        found = check_signatures(note, [key.public for key in KEYS])
        assert [(each.key, each.time) for each in found] == [(key.public, NOON + old) for key in KEYS]
        old = log.state.size


def test_the_empty_log_may_be_the_first_that_is_seen(witness):
    assert submit(witness, ALog(), 0).status == 200
    assert submit(witness, ALog(*some_leaves(5)), 0).status == 200


def test_a_request_is_read_as_it_was_written():
    log = ALog(*some_leaves(9))
    request = Request(5, tuple(log.tree().consistency_proof(5)), log.note())
    assert parse_request(request.encode()) == request


def test_a_submission_that_another_witness_accepts_is_accepted(store):
    """A checkpoint that torchwood signed with ML-DSA-44 alone; its litewitness answers 200."""
    vector = json.loads((Path(__file__).parent / "vectors" / "torchwood-mldsa.json").read_text("utf-8"))
    key = parse_vkey(vector["vkey"])
    answer = Witness(store, {key.name: [key]}, KEYS).add_checkpoint(vector["request"].encode(), NOON)
    assert answer.status == 200
    assert (
        Witness(store, {key.name: [a_key().public]}, KEYS).add_checkpoint(vector["request"].encode(), NOON).status
        == 403
    )


def test_an_unknown_log_is_404(witness):
    other = ALog(b"x", origin="other.example", keys=[a_key("other.example")])
    assert submit(witness, other, 0).status == 404


def test_a_checkpoint_that_the_log_did_not_sign_is_403(witness):
    log = ALog(*some_leaves(5))
    assert submit(witness, ALog(*some_leaves(5), keys=[a_key(seed=8)]), 0).status == 403
    forged = Note(Checkpoint(ORIGIN, 6, bytes(32)).text, log.note().signatures)
    assert submit(witness, log, 0, note=forged).status == 403
    # A valid line beside a false one of a known key is malformed as a whole.
    second = a_key(seed=2)
    witness = Witness(witness._store, {ORIGIN: [a_key().public, second.public]}, KEYS)
    false = second.sign(Checkpoint(ORIGIN, 6, bytes(32)).text, 0)
    assert submit(witness, log, 0, note=log.note().with_signatures([false])).status == 403


def test_an_old_size_above_the_checkpoint_is_400(witness):
    assert submit(witness, ALog(*some_leaves(5)), 6).status == 400


def test_another_old_size_than_the_one_seen_is_409_with_the_size(witness):
    log = ALog(*some_leaves(5))
    answer = submit(witness, log, 3)
    assert (answer.status, answer.body, answer.content_type) == (409, "0\n", "text/x.tlog.size")
    submit(witness, log, 0)
    log.add(*some_leaves(5))
    for old in (0, 4, 6, 10):
        answer = submit(witness, log, old)
        assert (answer.status, answer.body) == (409, "5\n")


def test_a_wrong_proof_is_422(witness):
    log = ALog(*some_leaves(5))
    assert submit(witness, log, 0, proof=[bytes(32)]).status == 422
    submit(witness, log, 0)
    log.add(*some_leaves(20))
    good = log.tree().consistency_proof(5)
    for proof in ([], good[:-1], [*good, bytes(32)], [bytes(32), *good[1:]], good[::-1]):
        assert submit(witness, log, 5, proof=proof).status == 422
    assert submit(witness, log, 5).status == 200


def test_an_empty_log_with_a_root_is_422(witness):
    text = Checkpoint(ORIGIN, 0, bytes(32)).text
    assert submit(witness, ALog(), 0, note=Note(text, (a_key().sign(text, 0),))).status == 422


def test_the_same_head_may_be_cosigned_again_with_a_new_time(witness):
    log = ALog(*some_leaves(5))
    first, again = submit(witness, log, 0), submit(witness, log, 5, now=NOON + 60)
    assert again.status == 200
    assert again.body != first.body


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: "\n" + text,
        lambda text: text.replace("old 5", "old 05"),
        lambda text: text.replace("old 5", "old -5"),
        lambda text: text.replace("old 5", "old"),
        lambda text: text.replace("old 5", "old 5 "),
        lambda text: text.replace("old 5", "Old 5"),
        lambda text: text.replace("old 5", "old " + "9" * 30),
        lambda text: text.replace("\n\n", "\n", 1),
        lambda text: text.replace("=\n", "\n", 1),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("old 5\n", "old 5\n" + base64.b64encode(bytes(31)).decode() + "\n"),
        lambda text: text.replace("old 5\n", "old 5\n" + (base64.b64encode(bytes(32)).decode() + "\n") * 64),
        lambda text: text[:-1],
        lambda text: text + "rubbish\n",
        lambda text: text.replace("old 5", "öld 5"),
    ],
)
def test_a_malformed_request_is_400(witness, change):
    log = ALog(*some_leaves(5))
    submit(witness, log, 0)
    log.add(*some_leaves(4))
    text = Request(5, tuple(log.tree().consistency_proof(5)), log.note()).encode().decode()
    assert witness.add_checkpoint(change(text).encode(), NOON).status == 400
    assert witness.add_checkpoint(text.encode(), NOON).status == 200


def test_a_split_view_is_refused_and_kept_as_evidence(witness, store):
    seen, hidden = ALog(*some_leaves(8)), ALog(*some_leaves(7), b"another eighth")
    assert submit(witness, seen, 0).status == 200
    assert submit(witness, hidden, 8).status == 422
    (found,) = store.evidence()
    assert (found.kind, found.size, found.seen_size) == ("fork", 8, 8)
    # The evidence convinces a third party: the log's own signatures over two roots of one size.
    notes = [parse_note(found.note), parse_note(witness.newest(_hash(ORIGIN)).body.encode())]
    assert all(check_signatures(note, [a_key().public]) for note in notes)
    assert len({Checkpoint.parse(note.text).root for note in notes}) == 2


def test_a_rewritten_past_is_refused_even_when_the_log_grew(witness, store):
    log = ALog(*some_leaves(8))
    submit(witness, log, 0)
    rewritten = ALog(b"rewritten", *some_leaves(20)[1:])
    assert submit(witness, rewritten, 8).status == 422
    assert store.evidence()[0].kind == "unproven"


def test_a_log_rolled_back_is_told_how_far_it_had_been(witness):
    log = ALog(*some_leaves(50))
    submit(witness, log, 0)
    restored = ALog(*some_leaves(30))
    assert submit(witness, restored, 30).body == "50\n"
    assert submit(witness, restored, 50).status == 400


def test_evidence_does_not_grow_without_end(witness, store, monkeypatch):
    monkeypatch.setattr("services.audit.witness.store.MAX_EVIDENCE", 3)
    log = ALog(*some_leaves(2))
    submit(witness, log, 0)
    for number in range(6):
        assert submit(witness, ALog(b"x", b"%d" % number), 2).status == 422
    assert len(store.evidence()) == 3


def test_a_monitor_sees_the_newest_head_with_the_lines_that_were_checked(witness):
    log = ALog(*some_leaves(5))
    assert witness.newest(_hash(ORIGIN)).status == 404
    stranger = a_key("stranger.example", seed=6).sign(log.note().text, 0)
    submit(witness, log, 0, note=log.note().with_signatures([stranger]))
    note = parse_note(witness.newest(_hash(ORIGIN)).body.encode())
    assert [line.name for line in note.signatures] == [ORIGIN, "w.example", "w.example"]
    assert check_signatures(note, [a_key().public])


def test_a_witness_remembers_over_a_restart(tmp_path):
    path, log = tmp_path / "w.db", ALog(*some_leaves(9))
    first = Store(path)
    submit(Witness(first, {ORIGIN: [a_key().public]}, KEYS), log, 0)
    first.close()
    second = Store(path)
    assert submit(Witness(second, {ORIGIN: [a_key().public]}, KEYS), log, 0).body == "9\n"
    second.close()


def test_nothing_is_cosigned_when_it_cannot_be_stored(witness, store):
    store._connection.execute("PRAGMA query_only=ON")
    with pytest.raises(sqlite3.Error):
        submit(witness, ALog(b"x"), 0)
    store._connection.execute("PRAGMA query_only=OFF")
    assert submit(witness, ALog(b"x"), 0).status == 200


def test_of_many_requests_at_once_no_two_step_from_the_same_head(tmp_path):
    log = ALog(*some_leaves(40))
    stores = [Store(tmp_path / "w.db") for _ in range(2)]  # two processes on one file would look so
    answers, barrier = [], threading.Barrier(20)

    def ask(number):
        witness = Witness(stores[number % 2], {ORIGIN: [a_key().public]}, KEYS[:1])
        barrier.wait()
        answers.append((submit(witness, log, 0, size=number + 1).status, number + 1))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] + [409] * 19
    (winner,) = [size for status, size in answers if status == 200]
    with stores[0].turn() as turn:
        assert turn.seen(ORIGIN).size == winner
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE seen SET size = size - 1",
        "UPDATE seen SET root = zeroblob(32)",
        "DELETE FROM seen",
        "INSERT OR REPLACE INTO seen SELECT origin, origin_hash, 1, zeroblob(32), note, at FROM seen",
    ],
)
def test_the_store_itself_refuses_to_forget(witness, store, statement):
    submit(witness, ALog(*some_leaves(5)), 0)
    with pytest.raises(sqlite3.IntegrityError, match="a witness never"):
        store._connection.execute(statement)


def test_a_turn_that_fails_leaves_nothing_behind(store):
    def fail():
        with store.turn() as turn:
            turn.keep(ORIGIN, _hash(ORIGIN), Seen(5, bytes(32), b"note"), NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.turn() as turn:
        assert turn.seen(ORIGIN) is None


def _hash(origin):
    from hashlib import sha256

    return sha256(origin.encode()).hexdigest()
