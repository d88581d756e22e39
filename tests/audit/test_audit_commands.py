"""What operators and supervisors type: mirrors, keys, erasure."""

import http.server
import shutil
import threading
from functools import partial

import pytest

from services.audit import commands, publishing, readings, signing
from services.audit.log.folder import Folder
from services.audit.log.note import KeyType, check_signatures, generate_key, parse_note
from services.audit.signing import keys, sign
from shared.contracts.audit import LogRead
from shared.contracts.requests import RequestsAccessNoted
from tests.audit.conftest import Voices, a_chain, a_client, a_running, tell
from tests.people import NOON


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def site(quick, tmp_path):
    """The log as plain files under an address; ``grow`` adds chains and publishes."""
    voices, www = Voices(), tmp_path / "www"
    www.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(www)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def grow(count):
        for number in range(count):
            name = f"r{voices.totals.get('requests', 0) + number}-{number}"
            tell(quick, a_chain(voices, name, f"2026-1125-{voices.totals.get('requests', 0):03}"))
        sign(quick)
        publishing.publish_to(quick, www)

    yield grow, f"http://127.0.0.1:{server.server_address[1]}", www
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_mirror_follows_the_log_and_is_a_log_itself(quick, site, tmp_path, capsys):
    grow, address, _ = site
    copy = tmp_path / "copy"
    call = ["--key", str(keys(quick.settings)[0].public)]
    for count, size in ((3, 21), (0, 21), (40, 301)):
        grow(count)
        assert commands.mirror([address, str(copy), *call]) == 0
        assert f"{size} entries" in capsys.readouterr().out
    from tests.audit.verifier import verifier

    arguments = ["log", str(copy), "--key", call[1], "--quiet"]
    assert verifier.main(arguments) == 0


def test_a_mirror_takes_over_no_other_history(quick, site, tmp_path, capsys):
    grow, address, www = site
    copy = tmp_path / "copy"
    call = ["--key", str(keys(quick.settings)[0].public)]
    grow(2)
    assert commands.mirror([address, str(copy), *call]) == 0
    (tmp_path / "keys" / "signed.json").unlink()  # the signer is made to forget
    other = a_running(tmp_path, f"sqlite:///{tmp_path / 'other.db'}")
    tell(other, [each for number in range(4) for each in a_chain(Voices(), f"x{number}", f"2026-1126-00{number}")][:7])
    voices = Voices()
    voices.totals = {"requests": 1, "dispatch": 4, "billing": 2}
    tell(other, a_chain(voices, "y", "2026-1126-009"))
    sign(other)
    shutil.rmtree(www / "tile")
    (www / "checkpoint").unlink()
    publishing.publish_to(other, www)
    before = (copy / "checkpoint").read_bytes()
    assert commands.mirror([address, str(copy), *call]) == 1
    assert "two roots" in capsys.readouterr().err or (copy / "checkpoint").read_bytes() == before
    assert (copy / "checkpoint").read_bytes() == before
    other.database.close()


def test_a_mirror_trusts_only_the_key_it_was_given_and_no_damaged_entry(quick, site, tmp_path):
    grow, address, www = site
    grow(2)
    stranger = generate_key(quick.settings["AUDIT_ORIGIN"], KeyType.ED25519)
    assert commands.mirror([address, str(tmp_path / "a"), "--key", str(stranger.public)]) == 1
    bundle = www / "tile/entries/000.p/14"
    bundle.write_bytes(bundle.read_bytes().replace(b"hy-elec-1", b"jj-elec-9", 1))
    assert commands.mirror([address, str(tmp_path / "b"), "--key", str(keys(quick.settings)[0].public)]) == 1
    assert Folder(tmp_path / "b").checkpoint() is None
    assert commands.mirror(["ftp://x", str(tmp_path / "c"), "--key", str(stranger.public)]) == 1


def test_keys_are_added_and_retired_while_the_log_goes_on(quick):
    voices, origin = Voices(), quick.settings["AUDIT_ORIGIN"]
    old = keys(quick.settings)
    new = generate_key(origin, KeyType.ED25519)

    def signed_by(number):
        tell(quick, a_chain(voices, f"r{number}", f"2026-1125-00{number}"))
        sign(quick)
        note = parse_note(a_client(quick).get("/audit/log/checkpoint").data)
        return {each.key for each in check_signatures(note, [each.public for each in [*old, new]])}

    assert signed_by(1) == {each.public for each in old}
    commands.rotate(quick, [*old, new])
    assert signed_by(2) == {each.public for each in [*old, new]}
    commands.rotate(quick, [each for each in keys(quick.settings) if each.public != old[0].public])
    assert signed_by(3) == {*(each.public for each in old[1:]), new.public}
    assert signing.key_file(quick.settings).stat().st_mode & 0o777 == 0o400
    with quick.database.read() as connection:
        said = connection.exec_driver_sql("SELECT sealed FROM outbox WHERE type = 'audit.key_rotated.v1'").all()
    assert [str(new.public) in row for (row,) in said] == [True, False]
    assert str(old[0].public) in said[1][0]
    with pytest.raises(Exception, match="Ed25519"):
        commands.rotate(quick, [each for each in keys(quick.settings) if each.kind is not KeyType.ED25519])


def test_commands_work_on_the_service_of_the_environment(tmp_path, monkeypatch, capsys):
    running = a_running(tmp_path, f"sqlite:///{tmp_path / 'audit.db'}")
    tell(running, a_chain(Voices()))
    sign(running)
    running.database.close()
    monkeypatch.setenv("HOUQIN_DATA", str(tmp_path))
    assert commands.reindex([]) == 0
    assert "7 entries indexed" in capsys.readouterr().out
    assert commands.erase(["--person", "a1", "--ground", "request_of_person"]) == 0
    assert "2 values erased" in capsys.readouterr().out
    assert commands.export([str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "log.vkey").exists()
    assert commands.keys(["--retire", "00000000"]) == 1
    assert commands.keys([]) == 0


def test_who_was_given_what_is_answered_by_one_command(tmp_path, monkeypatch, capsys):
    running = a_running(tmp_path, f"sqlite:///{tmp_path / 'audit.db'}")
    voices = Voices()
    given = RequestsAccessNoted(
        account_id="a1", what="export", route="demand_csv", of="2026-1125-001", noted_at=NOON, count=3, words="{}"
    )
    read = LogRead(account_id="a2", what="timeline", filter="2026-1125-001", count=7, read_at=NOON)
    tell(running, [*a_chain(voices), voices.delivery(given), voices.delivery(read, source="audit")])
    running.database.close()
    monkeypatch.setenv("HOUQIN_DATA", str(tmp_path))

    def asked(*arguments):
        assert readings.main([*arguments, "--lang", "en"]) == 0
        return [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]

    assert asked() == asked("--about", "2026-1125-001", "--since", "2026-11-25", "--until", "2026-11-25") == ["7", "8"]
    assert asked("--account", "a1") == ["7"]
    assert asked("--until", "2026-11-24") == asked("--about", "2026-1125-002") == []
    readings.main(["--account", "a1", "--lang", "en"])
    out, err = capsys.readouterr()
    assert "Account a1 was given an export 2026-1125-001 (3 rows)" in out
    assert "1 reading; covers the first 9 entries" in err
