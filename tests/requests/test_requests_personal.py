"""What is kept of a person in requests: what goes by itself, what a person is given, and what is erased when he asks."""

from datetime import timedelta

from services.requests import store
from services.requests.handlers import following
from shared import personal
from tests.requests.conftest import REPAIR, Program

PATH = "/requests/api/requests"


def column(running, name, table, where="1 = 1"):
    with running.database.read() as connection:
        return [
            value for (value,) in connection.exec_driver_sql(f"SELECT {name} FROM {table} WHERE {where} ORDER BY 1")
        ]


def test_telephones_are_emptied_a_term_after_the_end_and_not_before(running, app):
    hanbing = Program(running, app)
    closed = hanbing.post(PATH, {**REPAIR, "contact": "13800000001"}).json["reference"]
    hanbing.post(PATH, {**REPAIR, "place": "B2-303", "contact": "13800000002"})
    with running.work() as work:
        following.withdraw(work, store.request_by_reference(work.connection, closed, lock=True), following.NOBODY)
    running.clock.set(running.clock.now() + timedelta(days=180))
    assert personal.expire(running) == 0
    running.clock.set(running.clock.now() + timedelta(seconds=1))
    assert personal.expire(running) == 1
    assert column(running, "contact", "request") == ["", "13800000002"]
    assert personal.expire(running) == 0
