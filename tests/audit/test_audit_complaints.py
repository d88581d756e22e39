"""Complaints that are late, or soon will be, stand at the top of the overview."""

from datetime import timedelta

from services.audit import complaints
from services.audit.bodies import EVERYTHING, Reads
from services.audit.service import SERVICE
from shared.bus.base import Delivery
from shared.contracts import requests
from shared.contracts.base import Envelope, numbered, seal, unseal
from tests.audit.conftest import a_client
from tests.people import headers_of


def test_the_overview_says_which_complaints_are_late_and_which_soon_will_be(quick):
    listens = next(each for each in SERVICE.subscriptions if each.name == "audit.note_complaint")
    now, number = quick.clock.now(), iter(range(1, 99))

    def told(event, sequence):
        place = next(number)
        sealed = seal(
            Envelope(
                id=f"v{place}", source="requests", type=event.TYPE, subject=event.complaint_id, time=now, data=event.data(),
                sequence=sequence,
            )
        )  # fmt: skip
        body = numbered(sealed, 1, place, place)
        quick.consumer.deliver(listens, [Delivery(unseal(body), body)])

    def opened(name, days):
        told(
            requests.ComplaintOpened(
                complaint_id=name, reference=f"C-{name}", about="work", category="late", words_digest="0" * 64, opened_at=now,
                due_at=now + timedelta(days=days),
            ), 1,
        )  # fmt: skip

    def answered(name, sequence, round_=1):
        told(
            requests.ComplaintAnswered(
                complaint_id=name, outcome="upheld", round=round_, handler_kind="supervisor", late=False, opened_at=now, answered_at=now
            ), sequence,
        )  # fmt: skip

    opened("late", -1)
    opened("near", 1)
    opened("far", 9)
    answered("answered", 2)  # before what it answers
    opened("answered", -1)
    opened("appealed", 9)
    told(requests.ComplaintAppealed(complaint_id="appealed", appealed_at=now, due_at=now - timedelta(hours=1)), 3)
    answered("appealed", 2)  # the first answer comes last
    with quick.database.read() as connection:
        assert complaints.waiting(connection, now, EVERYTHING) == complaints.Waiting(all=4, near=1, late=2)
        others = Reads(((("billing",), ()),))
        assert complaints.waiting(connection, now, others) == complaints.Waiting(0, 0, 0)
    page = a_client(quick).get("/audit/", headers=headers_of(quick, "administrator")).text
    assert "投诉2件已超过答复期" in page and "投诉1件将到答复期" in page
