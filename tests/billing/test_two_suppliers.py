"""Two suppliers at the same office: nothing of one is in anything that the other can fetch, crawled over every route."""

import io
import re
from datetime import UTC, datetime

import openpyxl
import pytest

from services.billing.service import routes
from shared.web.routes import SAFE, decide
from tests.billing.conftest import a_client, a_running, facts, finished, hours, tell
from tests.billing.test_assessing import seen
from tests.billing.test_deductions import FORM
from tests.billing.test_procurement import NOTICE
from tests.dispatch.world import a_person
from tests.people import headers_of

MARK = "杏"
MINE, THEIRS, PERIOD = "HY-2026-01", "JJ-2026-01", "2026-11"
MANAGER = a_person("supplier", supplier="HY", organisation="", department="")


def who(running, role, supplier="", account=""):
    more = {"account": account or f"of-{supplier or role}"}
    return headers_of(running, role, supplier=supplier, now=running.clock.now(), **more)


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """A month of two suppliers, stated, contested, deducted, assessed and bidding; everything of JJ bears the mark."""
    folder = tmp_path_factory.mktemp("two")
    running = a_running(folder, f"sqlite:///{folder / 'billing.db'}")
    client = a_client(running)

    def post(path, body, *person):
        answer = client.post(f"/billing/api{path}", json=body, headers=who(running, *person))
        assert answer.status_code < 300, (path, answer.text)
        return answer.json

    def form(path, body, *person):
        answer = client.post(f"/billing/{path}", data=body, headers=who(running, *person))
        assert answer.status_code == 303, (path, answer.text[-1500:])
        return answer.headers["Location"]

    tell(running, [hours(1, "80.5"), finished(2, ("m2", "130", "m2"), contract=THEIRS, item="cleaning")])
    post(f"/proposals/{post('/tenders/new', NOTICE, 'contract_manager')['id']}/in_force", {}, "finance")
    post("/tenders/T-2027-01/bids", {"amount": "90000", "references": 3, "words": "方案"}, "supplier", "HY")
    post("/tenders/T-2027-01/bids", {"amount": "88776", "references": 3, "words": "杏方案"}, "supplier", "JJ")
    for ref in (MINE, THEIRS):
        post(
            "/observations",
            seen("complaint", scored=ref) | {"words": "杏抽查" if ref == THEIRS else "抽查"},
            "supervisor",
        )
        path = form(
            "deductions", FORM | {"contract": ref, "words": "杏超时" if ref == THEIRS else "超时"}, "contract_manager"
        )
    form(f"{path.removeprefix('/billing/')}/contest", {"words": "杏等备件"}, "supplier", "JJ")
    running.clock.set(datetime(2026, 12, 3, 2, tzinfo=UTC))
    for ref in (MINE, THEIRS):
        form("statements/close", {"contract": ref, "period": PERIOD}, "finance")
        form(f"statements/{ref}/{PERIOD}/send", {}, "contract_manager")
    form(f"statements/{THEIRS}/{PERIOD}/lines/1/dispute", {"words": "杏少算"}, "supplier", "JJ")
    with running.work() as work:
        work.connection.exec_driver_sql("UPDATE supplier SET name = '杏洁净', name_en = '杏 Clean' WHERE code = 'JJ'")
    yield running, client
    running.database.close()


def fetched(running, client, supplier):
    """What each address answers to a manager of this supplier; places are filled with ids of both."""
    with running.database.read() as connection:
        deductions = [str(row[0]) for row in connection.exec_driver_sql("SELECT deduction_id FROM deduction")]
    places = {
        "ref": (MINE, THEIRS, "T-2027-01"), "period": (PERIOD,), "fact_id": [row.fact_id for row in facts(running)],
        "number": ("1",), "deduction_id": deductions,
    }  # fmt: skip
    found = {}
    for route in routes():
        if route.method != "GET" or decide(MANAGER, route) != "allow":
            continue
        paths = [route.path]
        while any("<" in path for path in paths):
            paths = [
                re.sub(r"<(?:\w+:)?\w+>", value, path, count=1)
                for path in paths
                for value in places.get(re.search(r"<(?:\w+:)?(\w+)>", path)[1], ("x",))
            ]
        queries = ("", f"contract={THEIRS}", f"period={PERIOD}", "supplier=JJ", "line=1") if route.accepts else ("",)
        for path in (f"/billing{each}?{query}" for each in paths for query in queries):
            answer = client.get(path, headers=who(running, "supplier", supplier))
            assert answer.status_code < 500, path
            found[path] = (answer.status_code, text_of(answer))
    return found


def text_of(answer):
    """The answer as text; a workbook by its cells, of a paper only whether it is there."""
    if answer.data.startswith(b"PK"):
        book = openpyxl.load_workbook(io.BytesIO(answer.data))
        return " ".join(str(cell.value) for row in book.active.iter_rows() for cell in row)
    return answer.data.decode("utf-8", "replace")


def test_nothing_of_another_supplier_is_in_anything_that_can_be_fetched(marked):
    mine = fetched(*marked, "HY")
    assert sum(status == 200 for status, _ in mine.values()) > 20
    for path, (status, text) in mine.items():
        asked = text.replace(path, "")
        for trace in (MARK, "88776", "88,776", "1125-002"):
            assert trace not in asked, (path, trace)
        if any(
            f"/{THEIRS}/" in path or path.endswith((f"/{THEIRS}{end}", f"/{THEIRS}?{end}"))
            for end in ("", ".pdf", ".xlsx")
        ):
            assert status in {404, 422}, path  # 422: no such parameter is taken there, of whomever
    assert "1125-001" in "".join(text for _, text in mine.values())


def test_the_marks_are_there_to_be_found(marked):
    theirs = "".join(text for _, text in fetched(*marked, "JJ").values())
    for trace in ("杏抽查", "杏超时", "杏等备件", "杏少算", "杏洁净", "88,776", "1125-002"):
        assert trace in theirs, trace


def test_no_step_about_another_suppliers_papers_is_taken(marked):
    running, client = marked
    with running.database.read() as connection:
        [theirs] = connection.exec_driver_sql(
            "SELECT deduction_id FROM deduction WHERE contract = ?", (THEIRS,)
        ).first()
        before = connection.exec_driver_sql("SELECT count(*), max(row_id) FROM outbox").first()
    places = {"ref": THEIRS, "period": PERIOD, "deduction_id": theirs, "number": "1", "line": "1"}
    tried = 0
    for route in routes():
        if route.method in SAFE or decide(MANAGER, route) != "allow" or "tenders" in route.path:
            continue
        path = "/billing" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: places.get(found[1], "x"), route.path)
        body = {"words": "别家的"}
        given = {"json": body} if route.kind == "api" else {"data": body}
        answer = client.open(path, method=route.method, headers=who(running, "supplier", "HY"), **given)
        assert answer.status_code in {404, 422}, (path, answer.status_code)
        tried += answer.status_code == 404
    assert tried >= 4
    with running.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*), max(row_id) FROM outbox").first() == before
