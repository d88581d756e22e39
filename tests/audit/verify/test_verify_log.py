"""The one-file verifier on whole logs: it accepts what is sound and names exactly what is not."""

import contextlib
import gzip
import http.server
import io
import json
import random
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.folder import Folder
from services.audit.log.note import KeyType, Note, parse_note
from services.audit.log.tiles import ENTRIES, TileId, bundles_between, tiles_of
from tests.audit.a_log import NOON, ORIGIN, ALog, a_key, some_leaves
from tests.audit.verifier import FILE, verifier

KEYS = [a_key(), a_key(kind=KeyType.ML_DSA_44_COSIGNATURE)]
WITNESSES = {
    name: a_key(f"{name}.example", kind, 20 + number)
    for number, (name, kind) in enumerate(
        [("internal", KeyType.ED25519_COSIGNATURE), ("upper", KeyType.ML_DSA_44_COSIGNATURE)]
    )
}
POLICY = (
    f"log {KEYS[0].public}\n"
    + "".join(f"witness {name} {key.public}\n" for name, key in WITNESSES.items())
    + "group both all internal upper\nquorum both\n"
)
SIZE = 256 * 5 + 77


def verify(*arguments, status=None):
    """The verifier's answer as data."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        found = verifier.main([*map(str, arguments), "--json"])
    answer = json.loads(out.getvalue())
    assert answer["status"] == found
    if status is not None:
        assert found == status, answer
    return answer


def codes(answer):
    return [each["code"] for each in answer["problems"]]


def with_keys(*keys):
    return [argument for key in keys or KEYS for argument in ("--key", key.public)]


@pytest.fixture(scope="module")
def log():
    log = ALog(keys=KEYS)
    log.add(*some_leaves(700))
    log.add(*some_leaves(SIZE - 700, b"later"))
    return log


@pytest.fixture(scope="module")
def published(log, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("log"))
    folder.publish(log.note(), log, log, sync=False)
    return folder.path


@pytest.fixture
def copy(published, tmp_path):
    return Path(shutil.copytree(published, tmp_path / "copy"))


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 65_536, 65_537])
def test_an_honest_log_is_proven(tmp_path, size):
    log = ALog(*[b"%d" % (number % 3) for number in range(size)])
    Folder(tmp_path).publish(log.note(), log, log, sync=False)
    answer = verify("log", tmp_path, *with_keys(a_key()), status=0)
    assert answer["facts"][-1]["key"] == "log"
    assert str(size) in answer["facts"][-1]["sentence"]


def test_a_log_is_proven_from_its_tiles_alone(published):
    answer = verify("log", published, *with_keys(), "--no-entries", status=0)
    assert answer["facts"][-1]["key"] == "tiles"


def test_partial_tiles_that_are_gone_are_cut_from_full_ones(published, log, tmp_path):
    older = ALog(*log.entries[:900], keys=KEYS)
    folder = shutil.copytree(published, tmp_path / "copy")
    (folder / "checkpoint").write_bytes(older.note().encode())
    # The log has moved on: it keeps the full tiles only, and the wider partial tile above.
    (folder / "tile/1/000.p/3").parent.mkdir(exist_ok=True)
    (folder / "tile/1/000.p/3").write_bytes(older.widest[1, 0])
    verify("log", folder, *with_keys(), status=0)


def changed_tiles(log):
    return [*tiles_of(log.state.size), *bundles_between(0, log.state.size)]


def test_every_flipped_bit_is_found_and_its_place_is_named(log, copy):
    """A sample over all files of a log; ``benchmarks/log.py`` flips 10,000."""
    choose = random.Random(7)
    for tile in changed_tiles(log):
        path = copy / tile.path
        kept = path.read_bytes()
        for bit in {0, len(kept) * 8 - 1, *(choose.randrange(len(kept) * 8) for _ in range(3))}:
            flip(path, bit)
            check_named(log, tile, bit, verify("log", copy, *with_keys(), status=1))
            path.write_bytes(kept)


def check_named(log, tile, bit, answer):
    (problem,) = answer["problems"]
    if tile.level != ENTRIES:
        assert problem["code"] == "tile_wrong"
        assert (problem["path"], problem["position"]) == (tile.path, str(bit // 8 // 32))
        return
    at, number = 0, 0  # which entry, or which length, the bit belongs to
    while at + 2 + len(log.entries[tile.first + number]) <= bit // 8:
        at += 2 + len(log.entries[tile.first + number])
        number += 1
    # A changed length may still leave a whole bundle, of which the next entry begins too early or too late.
    assert problem["code"] in ({"entry_wrong"} if bit // 8 >= at + 2 else {"entry_wrong", "bundle_malformed"})
    assert (problem["path"], problem["index"]) == (tile.path, str(tile.first + number))


def test_every_flipped_bit_of_the_checkpoint_is_found(copy):
    path, choose = copy / "checkpoint", random.Random(8)
    kept = path.read_bytes()
    for bit in {*range(0, 1600, 11), *(choose.randrange(len(kept) * 8) for _ in range(50))}:
        flip(path, bit)
        problem = verify("log", copy, *with_keys(), "--no-entries", status=1)["problems"][0]
        assert problem["what"] == "checkpoint"
        path.write_bytes(kept)


def test_two_entries_and_a_tile_changed_at_once_are_each_named(copy):
    for path, old, new in (
        ("tile/entries/001", b"leaf 300", b"leaf 3OO"),
        ("tile/entries/004", b"later 400", b"later 4OO"),
    ):
        data = (copy / path).read_bytes()
        (copy / path).write_bytes(data.replace(old, new))
        assert old in data
    flip(copy / "tile/0/002", 700)
    answer = verify("log", copy, *with_keys(), status=1)
    assert sorted((each["code"], each["path"]) for each in answer["problems"]) == [
        ("entry_wrong", "tile/entries/001"),
        ("entry_wrong", "tile/entries/004"),
        ("tile_wrong", "tile/0/002"),
    ]


def test_an_entry_forged_together_with_its_tile_is_narrowed_to_its_range(log, copy):
    forged = ALog(*log.entries[:300], b"forged", *log.entries[301:], keys=KEYS)
    for tile in (TileId(0, 1), TileId(ENTRIES, 1)):
        data = forged.bundle(tile) if tile.level == ENTRIES else forged.widest[0, 1]
        (copy / tile.path).write_bytes(data)
    (problem,) = verify("log", copy, *with_keys(), status=1)["problems"]
    assert (problem["code"], problem["first"], problem["last"]) == ("range_wrong", "256", "511")


def test_a_whole_forged_log_under_the_old_checkpoint_is_not_the_signed_one(log, tmp_path):
    forged = ALog(*log.entries[:300], b"forged", *log.entries[301:], keys=KEYS)
    Folder(tmp_path).publish(forged.note(), forged, forged, sync=False)
    (tmp_path / "checkpoint").write_bytes(log.note().encode())
    assert codes(verify("log", tmp_path, *with_keys(), status=1)) == ["root_wrong"]


@pytest.mark.parametrize("path", ["tile/0/003", "tile/0/005.p/77", "tile/1/000.p/5", "tile/entries/002", "checkpoint"])
def test_what_is_absent_is_named_and_nothing_is_called_false(copy, path):
    (copy / path).unlink()
    (problem,) = verify("log", copy, *with_keys(), status=3)["problems"]
    assert problem["code"] == "absent"
    assert problem["what"].endswith(path)


@pytest.mark.parametrize(
    ("path", "data", "code"),
    [
        ("tile/0/003", b"", "tile_malformed"),
        ("tile/0/003", bytes(8193), "too_large"),
        ("tile/1/000.p/5", bytes(6 * 32), "tile_malformed"),
        ("tile/entries/002", b"", "bundle_malformed"),
        ("tile/entries/002", bytes(513), "bundle_malformed"),
        ("tile/entries/002", b"\xff" * 100, "bundle_malformed"),
        ("tile/entries/002", bytes(17_000_000), "too_large"),
        ("checkpoint", b"", "note_malformed"),
        ("checkpoint", b"\xff\xfe", "note_malformed"),
        ("checkpoint", b"\n\n" * 200_000, "note_malformed"),
        ("checkpoint", bytes(600_000), "too_large"),
    ],
)
def test_hostile_files_are_refused_in_a_sentence(copy, path, data, code):
    (copy / path).write_bytes(data)
    answer = verify("log", copy, *with_keys())
    assert answer["status"] in {1, 3}
    assert code in codes(answer)


def test_a_pipe_in_place_of_a_tile_does_not_hang_the_reader(copy):
    import os

    (copy / "tile/0/003").unlink()
    os.mkfifo(copy / "tile/0/003")
    assert codes(verify("log", copy, *with_keys(), status=3)) == ["unreachable"]


def test_a_log_full_of_faults_ends_after_fifty(log, copy):
    for bundle in bundles_between(0, SIZE):
        (copy / bundle.path).write_bytes(b"".join(b"\x00\x01x" for _ in range(bundle.width)))
    answer = verify("log", copy, *with_keys(), status=1)
    assert codes(answer).count("entry_wrong") == 50
    assert codes(answer)[-1] == "gave_up"


# Signatures


def test_every_key_that_is_named_must_have_signed(published, log):
    assert codes(verify("log", published, *with_keys(*KEYS, a_key(seed=9)), status=1)) == ["signature_missing"]
    assert verify("log", published, *with_keys(KEYS[0]), status=0)


def test_a_line_that_cannot_be_checked_here_is_said_and_not_passed_over(published, monkeypatch):
    from cryptography.hazmat.primitives import asymmetric

    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    monkeypatch.delattr(asymmetric, "mldsa")
    assert codes(verify("log", published, *with_keys(), status=3)) == ["no_ml_dsa"]
    assert verify("log", published, *with_keys(KEYS[0]), status=0)


def test_the_log_must_have_signed_under_its_own_name(published, tmp_path):
    answer = verify("log", published, *with_keys(a_key(seed=9)), status=1)
    assert codes(answer) == ["signature_missing", "log_signature_missing"]
    # A checkpoint that only a witness signed is no checkpoint of the log.
    witness = WITNESSES["internal"]
    text = Checkpoint(ORIGIN, 0, bytes(32)).text
    (tmp_path / "checkpoint").write_bytes(Note(text, (witness.sign(text, NOON),)).encode())
    assert codes(verify("log", tmp_path, *with_keys(witness), status=1)) == ["log_signature_missing"]


def test_a_signature_moved_to_another_checkpoint_is_false(copy, log):
    older = log.note(700)
    (copy / "checkpoint").write_bytes(Note(log.note().text, older.signatures).encode())
    assert codes(verify("log", copy, *with_keys(), status=1)) == ["signature_false"]


@pytest.mark.parametrize(
    ("present", "status"), [([], 4), (["internal"], 4), (["upper"], 4), (["internal", "upper"], 0)]
)
def test_a_checkpoint_without_its_witnesses_is_shown_as_such(copy, log, tmp_path, present, status):
    (tmp_path / "policy").write_text(POLICY)
    note = log.note()
    note = note.with_signatures(WITNESSES[name].sign(note.text, NOON) for name in present)
    (copy / "checkpoint").write_bytes(note.encode())
    answer = verify("log", copy, "--policy", tmp_path / "policy", status=status)
    assert codes(answer) == ([] if status == 0 else ["unwitnessed"])


def test_a_false_cosignature_is_false_whatever_the_quorum(copy, log, tmp_path):
    (tmp_path / "policy").write_text(POLICY)
    older = log.note(700)
    line = WITNESSES["internal"].sign(older.text, NOON)
    (copy / "checkpoint").write_bytes(log.note().with_signatures([line]).encode())
    assert codes(verify("log", copy, "--policy", tmp_path / "policy", status=1)) == ["signature_false"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "no_trust"),
        (["--key", "rubbish"], "bad_key"),
        (["--key", str(a_key().public)[:-4] + "AAA="], "bad_key"),
        (["--policy", "{policy}"], "bad_policy"),
        (["--policy", "{nolog}"], "no_trust"),
    ],
)
def test_a_wrong_call_is_told_apart(published, tmp_path, arguments, code):
    (tmp_path / "policy").write_text("quorum nobody\n")
    (tmp_path / "nolog").write_text("quorum none\n")
    arguments = [each.format(policy=tmp_path / "policy", nolog=tmp_path / "nolog") for each in arguments]
    assert codes(verify("log", published, *arguments, status=2)) == [code]


def test_the_verifier_and_the_service_read_policies_alike(tmp_path):
    from services.audit.log.errors import Malformed
    from services.audit.log.policy import parse_policy

    lines = POLICY.splitlines()
    choose = random.Random(3)
    words = ["log", "witness", "group", "quorum", "none", "all", "any", "2", "0", "internal", "both", "x", "#"]
    for _ in range(300):
        some = [line for line in lines if choose.random() < 0.9]
        if choose.random() < 0.7:
            some.insert(choose.randrange(len(some) + 1), " ".join(choose.choices(words, k=choose.randint(1, 4))))
        text = "\n".join(some).encode()
        try:
            ours = parse_policy(text)
        except Malformed:
            ours = None
        try:
            theirs = verifier.parse_policy(text)
        except verifier.Problem:
            theirs = None
        assert (ours is None) == (theirs is None), text
        if ours and theirs:
            for present in ([], ["internal"], ["upper"], ["internal", "upper"]):
                assert ours.is_met_by(present) == theirs.met_by(present)


# History


def test_a_log_extends_an_older_checkpoint(published, log, tmp_path):
    for old in (0, 1, 256, 700, 1024, SIZE):
        (tmp_path / "older").write_bytes(log.note(old).encode())
        answer = verify("log", published, *with_keys(), "--older", tmp_path / "older", status=0)
        assert answer["facts"][-1]["key"] == "extends"


def test_a_rewritten_past_is_found_although_everything_is_signed_anew(log, tmp_path):
    rewritten = ALog(*log.entries[:300], b"rewritten", *log.entries[301:], *some_leaves(9), keys=KEYS)
    Folder(tmp_path / "log").publish(rewritten.note(), rewritten, rewritten, sync=False)
    (tmp_path / "older").write_bytes(log.note().encode())
    assert verify("log", tmp_path / "log", *with_keys(), status=0)
    answer = verify("log", tmp_path / "log", *with_keys(), "--older", tmp_path / "older", status=1)
    assert codes(answer) == ["rewritten"]


def test_a_log_that_became_shorter_is_found(log, tmp_path):
    shorter = ALog(*log.entries[:1000], keys=KEYS)
    Folder(tmp_path / "log").publish(shorter.note(), shorter, shorter, sync=False)
    (tmp_path / "older").write_bytes(log.note().encode())
    answer = verify("log", tmp_path / "log", *with_keys(), "--older", tmp_path / "older", status=1)
    assert codes(answer) == ["rolled_back"]


def test_two_faces_of_one_size_are_found(log, published, tmp_path):
    other = ALog(*log.entries[:-1], b"other", keys=KEYS)
    (tmp_path / "other").write_bytes(other.note().encode())
    assert codes(verify("log", published, *with_keys(), "--older", tmp_path / "other", status=1)) == ["split_view"]
    assert codes(verify("compare", published / "checkpoint", tmp_path / "other", *with_keys(), status=1)) == [
        "split_view"
    ]
    assert verify("compare", published / "checkpoint", published / "checkpoint", *with_keys(), status=0)
    (tmp_path / "older").write_bytes(log.note(700).encode())
    answer = verify("compare", published / "checkpoint", tmp_path / "older", *with_keys(), status=3)
    assert codes(answer) == ["not_comparable"]


def test_an_older_checkpoint_must_be_signed_by_the_same_log(published, tmp_path):
    foreign = ALog(b"x", keys=[a_key(seed=5)])
    (tmp_path / "older").write_bytes(foreign.note().encode())
    answer = verify("log", published, *with_keys(), "--older", tmp_path / "older", status=1)
    assert codes(answer) == ["log_signature_missing"]


def test_a_log_that_tessera_made_is_proven_at_every_size(tmp_path):
    vector = json.loads((Path(__file__).parent / "vectors" / "tessera-log.json").read_text("utf-8"))
    log = ALog(*(entry.encode() for entry in vector["entries"]))
    folder = Folder(tmp_path / "log")
    for size in range(16):
        note = parse_note(vector["checkpoints"][str(size)].encode())
        (tmp_path / str(size)).write_bytes(note.encode())
        folder.publish(note, ALog(*log.entries[:size]), log, sync=False)
        older = ["--older", tmp_path / str(size // 2)]
        assert verify("log", folder.path, "--key", vector["vkey"], *older, status=0)


# Over HTTP


class Handler(http.server.SimpleHTTPRequestHandler):
    """A static server with a twist for each path that needs one."""

    twists = {}  # noqa: RUF012

    def do_GET(self):
        twist = self.twists.get(self.path.removeprefix("/audit/log"))
        if twist:
            twist(self)
        else:
            data = (Path(self.directory) / self.path.removeprefix("/audit/log/")).read_bytes()
            self.reply(gzip.compress(data, 1) if "entries" in self.path else data)

    def reply(self, data, status=200, headers=()):
        self.send_response(status)
        for name, value in headers or ([("Content-Encoding", "gzip")] if "entries" in self.path else []):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def web(published):
    from functools import partial

    Handler.twists = {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(published)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/audit/log"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_log_is_read_over_http(web):
    assert verify("log", web + "/", *with_keys(), status=0)


def cut_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "8192")
    handler.end_headers()
    handler.wfile.write(b"short")


def bomb(handler):
    handler.reply(gzip.compress(bytes(30_000_000), 1), headers=[("Content-Encoding", "gzip")])


@pytest.mark.parametrize(
    ("twist", "code"),
    [
        (lambda handler: handler.reply(b"", 404), "absent"),
        (lambda handler: handler.reply(b"", 500), "unreachable"),
        (lambda handler: handler.reply(b"", 302, [("Location", "http://127.0.0.1:1/")]), "unreachable"),
        (cut_off, "unreachable"),
        (lambda handler: handler.wfile.write(b"rubbish\r\n\r\n"), "unreachable"),
        (lambda handler: handler.reply(b"rubbish", headers=[("Content-Encoding", "gzip")]), "unreachable"),
        (bomb, "too_large"),
        (lambda handler: handler.reply(bytes(17_000_000), headers=[("X-A", "b")]), "too_large"),
    ],
)
def test_a_hostile_server_is_named_and_outlived(web, twist, code):
    Handler.twists = {"/tile/entries/002": twist}
    (problem,) = verify("log", web, *with_keys(), status=3)["problems"]
    assert problem["code"] == code
    assert problem["what"] == f"{web}/tile/entries/002"


def test_a_server_that_fails_once_is_asked_again(web):
    failures = iter([True])

    def once(handler):
        if next(failures, False):
            handler.reply(b"", 503)
        else:
            Handler.twists = {}
            handler.do_GET()

    Handler.twists = {"/tile/0/002": once}
    assert verify("log", web, *with_keys(), status=0)


# As a stranger uses it


def test_it_runs_alone_with_nothing_of_ours_in_reach(published, tmp_path):
    alone = shutil.copy(FILE, tmp_path / "check.py")
    for language, words in (("zh", "结论：全部得到证明。"), ("en", "Result: all is proven.")):
        found = subprocess.run(
            [sys.executable, "-I", alone, "log", published, *map(str, with_keys()), "--lang", language],
            capture_output=True, cwd=tmp_path, check=True, env={},
        )  # fmt: skip
        assert found.stdout.decode().splitlines()[-1] == words


def test_it_imports_nothing_but_the_standard_library_and_cryptography():
    import ast

    names = set()
    for node in ast.walk(ast.parse(FILE.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography"}


def test_every_sentence_is_there_in_both_languages_and_names_the_same_things():
    import string

    def places(text):
        return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name})

    for code, (_, zh, en) in verifier.SENTENCES.items():
        assert places(zh) == places(en), code
        assert zh.endswith("。"), code
        assert en.endswith("."), code
    for key, (zh, en) in verifier.FACTS.items():
        assert places(zh) == places(en), key
    for en, zh in verifier.REASONS.items():
        assert places(zh) == places(en), en
        assert re.search("[\u4e00-\u9fff]", zh), en


def test_every_reason_is_said_in_both_languages_and_each_is_used():
    text = FILE.read_text("utf-8")
    assert set(re.findall(r'Broken\(\s*"([^"]+)"', text)) == set(verifier.REASONS)
    assert re.findall(r'Broken\((?!\s*"|Exception)\S+', text) == []
    assert re.findall(r'reason="', text) == []


def test_a_sentence_gives_its_reason_in_its_own_language():
    reason = verifier.Broken("{name} is not a decimal number", name="amount")
    problem = verifier.Problem("card_broken", line="1 repair", reason=reason)
    assert problem.sentence("en") == "1 repair: the price cannot be applied: amount is not a decimal number."
    assert problem.sentence("zh") == "1 repair：价格条款无法使用：amount 不是十进制数。"
    assert problem.places["reason"] == "amount is not a decimal number"


def test_every_sentence_is_used_and_every_word_said_has_its_sentence():
    text = FILE.read_text("utf-8")
    said = {"promised_absent", "promise_pending", *re.findall(r'Problem\(\s*"(\w+)"', text)}
    assert said == set(verifier.SENTENCES)
    noted = {"tiles", *verifier.RESULTS.values(), *re.findall(r'note\(\s*"(\w+)"', text)}
    assert noted == set(verifier.FACTS)


def test_a_hostile_text_cannot_paint_on_the_terminal(copy, capsys):
    evil = "evil\x1b[2J\u202e" + "x" * 1000
    (copy / "checkpoint").write_bytes(f"{evil}\n0\nAAAA\n\n— n AAAAAAA=\n".replace("\x1b", "\u009b").encode())
    verifier.main(["log", str(copy), *map(str, with_keys())])
    out = capsys.readouterr().out
    assert "\u009b" not in out
    assert "\u202e" not in out
