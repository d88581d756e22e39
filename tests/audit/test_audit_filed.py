"""The receipt for whoever filed, as the log's own code and the verifier read it."""

from datetime import timedelta

import pytest
from werkzeug.test import Client

from services.audit.log.errors import LogError
from services.audit.log.note import parse_vkey
from services.audit.log.promise import Promise, read_promise
from services.audit.signing import keys, sign
from shared.clock import ManualClock
from shared.filed import desk
from tests.audit.conftest import Voices, a_chain, a_client, publish, tell
from tests.audit.verifier import verifier
from tests.people import NOON, headers_of


def test_a_promise_is_one_that_the_log_reads(tmp_path):
    here = desk(tmp_path, "office.example/filed", "houqin.example/log")
    assert desk(tmp_path, "office.example/filed", "houqin.example/log") == here
    text = here.promise("0197-e1", NOON, timedelta(minutes=10))
    filed = int(NOON.timestamp())
    key = parse_vkey(here.vkey)
    assert read_promise(text.encode(), key) == Promise("houqin.example/log", "0197-e1", filed, filed + 600)
    with pytest.raises(LogError):
        read_promise(text.replace("0197-e1", "0197-e2").encode(), key)
    assert (tmp_path / "filed.key").stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize(("robbed", "status"), [(False, 0), (True, 1)])
def test_an_event_that_was_promised_and_left_out_is_named(quick, tmp_path, robbed, status):
    here = desk(tmp_path / "desk", "office.example/filed", quick.settings["AUDIT_ORIGIN"])
    filed, *rest = a_chain(Voices())
    tell(quick, rest if robbed else [filed, *rest])
    quick.clock.set(NOON + timedelta(hours=1))
    sign(quick)
    folder, promise = tmp_path / "mirror", tmp_path / "mine.promise"
    publish(a_client(quick), 6 if robbed else 7, folder)
    promise.write_text(here.promise(filed.envelope.id, NOON, timedelta(minutes=10)), "utf-8")
    every = [word for key in keys(quick.settings) for word in ("--key", str(key.public))]
    asked = ["promise", str(promise), "--log", str(folder), "--filed-by", here.vkey, *every, "--quiet"]
    assert verifier.main(asked) == status


def test_the_answer_to_a_filing_carries_its_promise(tmp_path):
    from services.requests.service import SERVICE as REQUESTS
    from shared import process, settings
    from shared.database import Database
    from shared.service import Running

    loaded = settings.load(process.declared(REQUESTS), {"HOUQIN_DATA": str(tmp_path)})
    office = Running(REQUESTS, Database(f"sqlite:///{tmp_path / 'requests.db'}"), loaded, ManualClock(NOON))
    REQUESTS.metadata.create_all(office.database.engine)
    REQUESTS.demonstrate(office)
    client = Client(REQUESTS.application(office))
    body = {"item": "repair", "place": "B2-302", "answers": {"what": "aircon", "details": "不制冷"}, "anyway": True}
    answer = client.post("/requests/api/requests", json=body, headers=headers_of(office, "staff"))
    assert answer.status_code == 201, answer.text
    key = parse_vkey(client.get("/requests/api/filed-key").get_json()["vkey"])
    given = read_promise(answer.get_json()["promise"].encode(), key)
    assert (given.event_id, given.until - given.filed) == (answer.get_json()["event_id"], 600)
    with office.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT sealed FROM outbox WHERE type = 'requests.request_filed.v1'").all()
    assert given.event_id in rows[-1][0]
    office.database.close()
