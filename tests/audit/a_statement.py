"""A month of a contract in which every price model and every aggregation occurs, made by billing's own code."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from services.billing.handlers import cards, statements
from services.billing.handlers.contracts import put_contract_in_force
from services.billing.handlers.facts import Report, record
from services.billing.pricing.aggregation import ON_CARDS
from tests.billing import conftest as billing
from tests.billing.test_histories import PRICES

REF, MONTH = "P-1", "2026-11"
OCTOBER, CHANGED = datetime(2026, 10, 1, 5, tzinfo=UTC), date(2026, 11, 16)


def lines(**terms):
    """Each model as it is usually counted, and a unit price by each aggregation."""
    by_model = [{"item": "repair", "meter": name, "price": price} for name, price in PRICES.items()]
    unit = {"model": "per_unit", "unit_price": "1.335"}
    by_kind = [{"item": "repair", "meter": f"by_{kind}", "price": unit, "aggregation": kind} for kind in ON_CARDS]
    found = [{**each, **terms} for each in (*by_model, *by_kind)]
    for each in found:
        if each["price"]["model"] == "percentage":
            each.pop("free_quantity", None)
    return found


def a_report(chance, number, meter, first, last, **more):
    at = first + timedelta(hours=chance.randrange(int((last - first).total_seconds() // 3600)))
    quantity = Decimal(chance.randint(-300 if meter == "by_time_weighted" else 0, 1500)) / 100
    whom = chance.choice(["Li", "Wang", "B2-302", ""]) if meter == "by_unique" else ""
    return Report(**{
        "source": "meters", "id": f"n{number}", "contract": REF, "service_at": at, "item": "repair", "meter": meter,
        "unit": "hours", "quantity": quantity, "counted": whom, **more,
    })  # fmt: skip


def put_card(office, starts_on, card):
    with office.work(actor="account:one") as work:
        draft = cards.propose_card(work, REF, starts_on, card, "one")
    with office.work(actor="account:two") as work:
        cards.put_card_in_force(work, REF, draft)


def tell(office, reports, *, together=False):
    with office.work() as work:
        outcomes = record(work, reports, together=together)
    assert {each.status for each in outcomes} == {"recorded"}, outcomes


def a_full_month(folder, *, zone="Asia/Shanghai", fixed=None, ends_on=date(2027, 10, 1), seed=1):
    """Billing after the month was stated: October closed and changed later, facts late, void, corrected and moved, and a
    card that holds from the middle of November. The running service and the statement's reference.
    """
    folder.mkdir(exist_ok=True)
    office = billing.a_running(folder, f"sqlite:///{folder / 'billing.db'}")
    chance, meters = random.Random(seed), [each["meter"] for each in lines()]
    office.clock.set(OCTOBER)
    with office.work() as work:
        put_contract_in_force(
            work,
            {"ref": REF, "supplier": "HY", "budget_line": "AIRCON", "title": "t", "title_en": "t", "items": ["repair"],
             "starts_on": date(2026, 10, 1), "ends_on": ends_on, "zone": zone, "terms": {"fixed_days_in_month": fixed}},
            [{"version": 1, "starts_on": date(2026, 10, 1), "lines": lines(free_quantity="1.5", discount_pct="7.5")}],
        )  # fmt: skip
    number, end = 0, min(datetime(2026, 11, 30, 12, tzinfo=UTC), datetime.combine(ends_on, datetime.min.time(), UTC))
    half = datetime(2026, 11, 10, tzinfo=UTC)
    for since, until, together in ((OCTOBER, half, True), (half, end, False)):
        office.clock.set(until)
        reports = []
        for meter in meters:
            for _ in range(5):
                number += 1
                reports.append(a_report(chance, number, meter, since, until))
        tell(office, reports, together=together)
        if together:
            with office.work(actor="account:clerk") as work:
                statements.draw(work, REF, "2026-10")
            put_card(office, CHANGED, lines())
        for kind in ("void", "correct"):
            old = chance.choice(reports)
            number += 1
            tell(office, [a_report(chance, number, old.meter, OCTOBER, until, kind=kind, corrects=old.id)])
            reports.remove(old)
    put_card(office, CHANGED, lines(minimum="20.05", maximum="300", discount_pct="3"))
    office.clock.set(datetime(2026, 12, 3, 12, tzinfo=UTC))
    with office.work(actor="account:clerk") as work:
        return office, statements.draw(work, REF, MONTH)


def said_by(office):
    """Every event that billing said, in order."""
    with office.database.read() as connection:
        return [json.loads(row) for (row,) in connection.exec_driver_sql("SELECT sealed FROM outbox ORDER BY row_id")]
