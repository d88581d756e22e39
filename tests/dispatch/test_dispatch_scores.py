"""What billing's scores lead to: a low score costs a crew orders, a very low one all of them while somebody else can."""

from dataclasses import replace
from decimal import Decimal

import pytest

from services.dispatch.roster import suggestion
from services.dispatch.store import loads, read_roster
from shared.contracts.billing import PerformanceScored
from tests.dispatch.world import HEJING, NOON


def scored(who, score, period="2026-10", consequence="none"):
    return PerformanceScored(
        scored=who, supplier="HY" if "-" in who and who[:2].isupper() else "", period=period, score=Decimal(score),
        scheme_version=1, measures=(), consequence=consequence, scored_at=NOON,
    )  # fmt: skip


def standing(world, crew):
    with world.running.database.read() as connection:
        roster = read_roster(connection)
    return roster.performance(roster.teams[crew], "repair", NOON.date())


def advice(world, order):
    with world.running.database.read() as connection:
        return suggestion(replace(order, refused_by=[]), read_roster(connection), loads(connection), NOON)[0]


def test_the_newest_month_counts_in_whatever_order_it_comes(world):
    world.hear(scored("in-elec-1", "88.5", "2026-10"))
    world.hear(scored("in-elec-1", "61", "2026-09", "no_new_orders"))
    assert standing(world, "in-elec-1") == (0.885, "none")
    assert standing(world, "in-elec-2") == (1.0, "none")
    world.hear(scored("HY-2026-01", "72.4", consequence="fewer_orders"))
    assert standing(world, "hy-air-1") == (0.724, "fewer_orders")


def test_a_crew_with_a_worse_score_comes_after_its_equal(quick):
    order = quick.file()
    first = advice(quick, order)
    second = first.next_two[0].crew
    quick.hear(scored(first.crew, "75", consequence="fewer_orders"))
    quick.hear(scored(second, "99"))
    assert advice(quick, order).crew == second


@pytest.mark.parametrize("consequence", ["no_new_orders", "end_of_contract"])
def test_held_crews_get_nothing_while_another_can_and_a_dispatcher_may_send_them_all_the_same(quick, consequence):
    order = quick.file()
    best = advice(quick, order).crew
    quick.hear(scored(best, "62", consequence=consequence))
    found = advice(quick, order)
    assert found.crew != best
    assert found.excluded[best].key == "dispatch.why.held"
    sent = quick.client(HEJING).post(f"/dispatch/api/orders/{quick.file(88).reference}/assign", {"crew": best})
    assert sent.status_code == 200, sent.text


def test_work_that_only_a_held_crew_can_do_is_done(quick):
    quick.hear(scored("HY-2026-01", "40", consequence="end_of_contract"))
    assert quick.file(skills=("lift",)).crew.startswith("hy-")
