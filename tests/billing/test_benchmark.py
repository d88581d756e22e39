"""Figures for other compounds name nobody, and leave out what could be recognised."""

from services.billing import tables
from tests.billing.conftest import a_client, finished, hours, tell
from tests.people import headers_of


def test_figures_by_item_name_nobody(running):
    tell(running, [hours(n, "2") for n in range(1, 6)] + [finished(9, ("hours", "10", "hours"), contract="")])
    with running.work() as work:
        rows = [
            {"order_id": f"o{n}", "round": 1, "request_id": f"r{n}", "scored": "HY-2026-01", "supplier": "HY", "item": item, "period": "2026-11",
             "promises": 2, "kept": 1, "event_id": "e"}
            for n, item in enumerate(["repair"] * 5 + ["barber"] * 4)
        ]  # fmt: skip
        work.connection.execute(tables.job_record.insert(), rows)
        work.connection.execute(
            tables.opinion.insert(), [{"request_id": "r1", "stars": 4, "reopened": 0, "event_id": "e"}]
        )
    answer = a_client(running).get("/billing/api/benchmark", headers=headers_of(running, "supervisor"))
    [repair] = answer.json["items"]
    assert (repair["finished"], repair["promises_kept_pct"], repair["stars"]) == (5, "50.0", "4.0")
    assert (repair["outsourced_hours_pct"], repair["contractor_unit_yuan"]) == ("50.0", {"hours": "85.00"})
    assert repair["own_hour_yuan"] == "1082.50"  # 10 h × 32.50, wear of 1,500 and 9,000 of overhead
    for word in ("HY", "恒岳", "docs", "r1", "in-1"):
        assert word not in answer.text
    assert (
        a_client(running).get("/billing/api/benchmark?year=1", headers=headers_of(running, "finance")).status_code
        == 422
    )
    assert (
        a_client(running).get("/billing/api/benchmark?year=2025", headers=headers_of(running, "finance")).json["items"]
        == []
    )
