"""A contract over two budget years: each service is paid from the line of the year in which it was done."""

import json
import threading
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing import purses, store, tables
from services.billing.handlers import cards, statements
from services.billing.handlers.facts import Report, record
from tests.billing.conftest import a_client, facts
from tests.billing.pricing.a_price import thorough
from tests.billing.test_contracting import NEW, post, put_in_force, someone
from tests.conftest import scratch_postgres

REF = "HY-2026-01"  # 2026 and 2027, paid from AIRCON, which is of 2026
NEXT = {
    "code": "AIRCON-27", "name": "空调机组维护费", "name_en": "Air-conditioning", "year": 2027, "amount": "100000", "hard": False,
    "follows": "AIRCON",
}  # fmt: skip


@pytest.fixture
def january(running):
    running.clock.set(datetime(2027, 1, 12, 4, tzinfo=UTC))
    return running


def report(number, day, quantity="10", **more):
    return Report(
        source="t", id=f"{number}", contract=REF, item="repair", meter="hours", unit="hours", quantity=Decimal(quantity),
        service_at=datetime.fromisoformat(f"{day}T02:00:00+00:00"), **more,
    )  # fmt: skip


def take(running, *reports):
    with running.work() as work:
        found = record(work, reports, together=len(reports) > 1)
    assert {each.status for each in found} == {"recorded"}


def make_next(running, **change):
    made = post(running, "/budget/new", NEXT | change, "finance")
    assert made.status_code == 201, made.text
    done = put_in_force(running, made, "contract_manager")
    assert done.status_code == 200, done.text


def accrued(running):
    with running.database.read() as connection:
        return {each.code: each.accrued for each in store.budget(connection)}


def entries(running):
    with running.database.read() as connection:
        return [json.loads(row.body) | {"booked_in": row.booked_in} for row in store.feed(connection, REF, 0, 1000)]


def check_lines(running):
    """What accrued on each line is what the feed has for its year."""
    booked = defaultdict(Decimal)
    for each in entries(running):
        booked[each["period"][:4]] += Decimal(each["amount"])
    now = accrued(running)
    assert now["AIRCON"] == booked["2026"]
    assert now.get("AIRCON-27", Decimal(0)) == (booked["2027"] if "AIRCON-27" in now else 0)


def test_facts_of_december_and_january_go_on_the_line_of_their_own_year(january):
    make_next(january)
    take(january, report(1, "2026-12-30"), report(2, "2027-01-04"), report(3, "2026-12-31", "1"))
    take(january, report(4, "2027-01-05", "2"))
    take(january, report(5, "2026-12-31", "4"), report(6, "2027-01-06", "3"))
    lines = {row.source_id: (row.budget_line, row.state) for row in facts(january)}
    assert lines == {
        "1": ("AIRCON", "recorded"), "2": ("AIRCON-27", "recorded"), "3": ("AIRCON", "recorded"), "4": ("AIRCON-27", "recorded"),
        "5": ("AIRCON", "recorded"), "6": ("AIRCON-27", "recorded"),
    }  # fmt: skip
    assert {each["period"][:4]: each["budget_line"] for each in entries(january)} == {
        "2026": "AIRCON",
        "2027": "AIRCON-27",
    }
    check_lines(january)
    assert min(accrued(january)[code] for code in ("AIRCON", "AIRCON-27")) > 0


def test_the_contracts_clock_decides_the_year(january):
    make_next(january)
    late = Report(
        source="t", id="x", contract=REF, item="repair", meter="hours", unit="hours", quantity=Decimal(1),
        service_at=datetime(2026, 12, 31, 17, tzinfo=UTC),
    )  # fmt: skip
    take(january, late)
    assert facts(january)[0].budget_line == "AIRCON-27"


def test_what_no_line_pays_for_is_recorded_and_flagged_and_goes_on_the_line_once_it_is_there(january):
    take(january, report(1, "2026-12-30"), report(2, "2027-01-04", "7"))
    rows = {row.source_id: row for row in facts(january)}
    assert (rows["1"].budget_line, rows["1"].state) == ("AIRCON", "recorded")
    assert (rows["2"].budget_line, rows["2"].state) == ("", "over_budget")
    check_lines(january)
    client = a_client(january)
    for language, words in (
        ("zh-Hans", "2027年还没有接续的经费科目"),
        ("en", "No line of 2027 continues this one yet"),
    ):
        assert (
            words in client.get("/billing/budget/AIRCON", headers=someone(january, "finance", language=language)).text
        )
    told = client.get(f"/billing/explain/{rows['2'].fact_id}", headers=someone(january, "finance", language="en")).text
    assert "No budget line of the year of service" in told
    make_next(january)
    assert accrued(january)["AIRCON-27"] == rows["2"].amount
    assert (
        "No line of 2027"
        not in client.get("/billing/budget/AIRCON", headers=someone(january, "finance", language="en")).text
    )
    take(january, report(3, "2027-01-05"))
    check_lines(january)


def test_statements_and_late_facts_stay_with_their_year(january):
    make_next(january)
    take(january, report(1, "2026-12-10"), report(2, "2027-01-04"))
    with january.work() as work:
        statements.draw(work, REF, "2026-12")
    before = accrued(january)
    take(january, report(3, "2026-12-20", "5"))
    late = entries(january)[-1]
    assert (late["kind"], late["period"], late["booked_in"], late["budget_line"]) == (
        "adjustment",
        "2026-12",
        "2027-01",
        "AIRCON",
    )
    assert accrued(january)["AIRCON"] == before["AIRCON"] + Decimal(late["amount"])
    assert accrued(january)["AIRCON-27"] == before["AIRCON-27"]
    with january.database.read() as connection:
        stated = store.statement(connection, REF, "2026-12")
        places = store.positions(connection, date(2027, 1, 12))
    assert stated.total == sum(Decimal(each["amount"]) for each in entries(january) if each["booked_in"] == "2026-12")
    assert places["AIRCON"][1] is None, "the year is over: nothing is ahead of it"
    assert places["AIRCON"][0].accrued == accrued(january)["AIRCON"]
    assert places["AIRCON-27"][0].accrued == accrued(january)["AIRCON-27"]
    assert places["AIRCON-27"][1].year_end >= accrued(january)["AIRCON-27"] * 365 / 12
    check_lines(january)


def test_a_correction_that_moves_a_fact_over_new_year_moves_the_money_too(january):
    make_next(january)
    take(january, report(1, "2026-12-31", "10"))
    paid = accrued(january)["AIRCON"]
    take(january, report(2, "2027-01-02", "10", kind="correct", corrects="1"))
    assert (accrued(january)["AIRCON"], accrued(january)["AIRCON-27"]) == (0, paid)
    assert [each["budget_line"] for each in entries(january)] == ["AIRCON", "AIRCON", "AIRCON-27"]
    take(january, report(3, "2026-12-31", kind="void", corrects="1"))
    assert (accrued(january)["AIRCON"], accrued(january)["AIRCON-27"]) == (0, 0)
    check_lines(january)


def test_the_line_of_one_year_is_exceeded_without_the_other(january):
    make_next(january, amount="500")
    take(january, report(1, "2027-01-04", "10"), report(2, "2026-12-30", "10"))
    assert {row.source_id: row.state for row in facts(january)} == {"1": "over_budget", "2": "recorded"}
    found = a_client(january).get("/billing/api/budget/AIRCON-27", headers=someone(january, "finance")).json
    assert (found["over_budget"], found["follows"]) == (1, "AIRCON")


def test_a_hard_stop_holds_in_the_year_whose_line_has_it(january):
    make_next(january, hard=True, amount="160000")  # of which the contract that is there binds 60,000
    wanted = NEW | {"starts_on": "2026-12-01", "ends_on": "2027-12-01"}  # 334 days of 2027, 31 of 2026
    refused = post(january, "/contracts/new", wanted | {"commitment": "109281.45"})
    assert refused.status_code == 422
    assert "AIRCON-27" in refused.json["errors"]["commitment"][0]
    assert "0.01" in refused.json["errors"]["commitment"][0]
    made = post(january, "/contracts/new", wanted | {"commitment": "109281.44"})
    assert made.status_code == 201, made.text
    assert put_in_force(january, made).status_code == 200
    with january.database.read() as connection:
        places = store.positions(connection, date(2027, 1, 12))
    assert (places["AIRCON-27"][0].committed, places["AIRCON"][0].committed) == (160_000, Decimal("69281.44"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"follows": "NONE"}, "contracting.terms.no_line"),
        ({"year": 2026}, "budgeting.follows_later"),
        ({"code": "AIRCON-28", "year": 2028}, "budgeting.followed"),
    ],
)
def test_a_line_continues_one_earlier_line_that_no_other_continues(quick, change, why):
    if why == "budgeting.followed":
        make_next(quick)
    refused = post(quick, "/budget/new", NEXT | change, "finance")
    assert refused.status_code == 422
    assert refused.json["errors"].keys() == {"follows"}


def test_two_proposals_to_continue_one_line_cannot_both_come_into_force(running):
    made = [post(running, "/budget/new", NEXT | {"code": code}, "finance") for code in ("A-27", "B-27")]
    assert put_in_force(running, made[0], "contract_manager").status_code == 200
    assert put_in_force(running, made[1], "contract_manager").status_code == 409
    change = {name: value for name, value in NEXT.items() if name not in {"code", "follows"}}
    refused = post(running, "/budget/A-27", change | {"year": 2028}, "finance")
    assert refused.status_code == 422
    assert refused.json["errors"].keys() == {"year"}, "contracts are paid from it"
    changed = post(running, "/budget/A-27", change | {"amount": "90000"}, "finance")
    assert put_in_force(running, changed, "contract_manager").status_code == 200
    found = a_client(running).get("/billing/api/budget/A-27", headers=someone(running, "finance")).json
    assert (found["amount"], found["follows"]) == ("90000.00", "AIRCON")


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_the_pages_show_both_years(january, language):
    make_next(january)
    take(january, report(1, "2026-12-30"), report(2, "2027-01-04"))
    client, head = a_client(january), someone(january, "finance", language=language)
    assert "/billing/budget/AIRCON-27" in client.get("/billing/budget/AIRCON", headers=head).text
    assert REF in client.get("/billing/budget/AIRCON-27", headers=head).text
    for path in ("budget", "budget/new", "budget/AIRCON-27", f"contracts/{REF}", f"statements/{REF}/2026-12"):
        answer = client.get(f"/billing/{path}", headers=head)
        assert answer.status_code == 200, answer.text[-500:]
    assert " 2027" in client.get(f"/billing/contracts/{REF}", headers=head).text


@thorough
@given(st.dates(date(2024, 1, 1), date(2030, 1, 1)), st.integers(1, 2500), st.integers(0, 10**7))
def test_a_commitment_binds_each_year_for_the_days_of_the_term(starts, days, yearly):
    ends = date.fromordinal(starts.toordinal() + days)
    bound = {year: purses.bound_in(yearly, starts, ends, year) for year in range(2023, 2039)}
    assert all(0 <= each <= yearly for each in bound.values())
    assert {year for year, each in bound.items() if each > 0} <= set(range(starts.year, ends.year + 1))
    for year in range(starts.year + 1, ends.year):
        assert bound[year] == yearly, "a whole year binds all of it"


@pytest.mark.postgres
def test_a_fact_that_waited_while_a_card_came_into_force_is_rated_by_it(tmp_path):
    """What is read of a contract before it is one's own may be another agreement by then."""
    from tests.billing.conftest import a_running

    url, drop = scratch_postgres()
    running = a_running(tmp_path, url)
    with running.database.read() as connection:
        lines = store.cards(connection, REF)[0][1]
    with running.work(actor="account:one") as work:
        draft = cards.propose_card(work, REF, date(2026, 1, 1), lines, "one")
    waiting = threading.Thread(target=take, args=(running, report(1, "2026-11-20"), report(2, "2026-11-21")))
    with running.work(actor="account:two") as work:
        cards.put_card_in_force(work, REF, draft)
        waiting.start()
        while not blocked(running):
            pass
    waiting.join()
    assert [row.card_version for row in facts(running)] == [2, 2]
    with running.database.read() as connection:
        assert {row.card_version for row in store.totals(connection, REF)} == {2}
    running.database.close()
    drop()


def blocked(running):
    """Whether somebody waits for a row of another's."""
    with running.database.read() as connection:
        return connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).scalar()


def test_lines_of_a_series_know_each_other(quick):
    with quick.work() as work:
        for code, year, follows in (("C", 2028, "B"), ("B", 2027, "AIRCON")):
            work.connection.execute(
                tables.budget_line.insert(),
                [{"code": code, "year": year, "name": "n", "name_en": "n", "amount": Decimal(1), "follows": follows}],
            )
    with quick.database.read() as connection:
        found = purses.series(connection)
    assert found["AIRCON"] == found["B"] == found["C"] == {2026: "AIRCON", 2027: "B", 2028: "C"}
    assert found["FIRE"] == {2026: "FIRE"}
