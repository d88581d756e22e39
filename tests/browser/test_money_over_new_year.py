"""Billing's pages with facts of two years in them, which the demonstration lacks: sound in both languages, wide and narrow."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import insert

from services.billing import tables
from services.billing.handlers import statements
from services.billing.handlers.facts import Report, record
from services.billing.service import SERVICE
from tests.billing.conftest import a_running, facts
from tests.browser.harness import COMBINATIONS, context_for, problems, serve, shoot, sideways
from tests.people import headers_of

pytestmark = pytest.mark.slow
REF = "HY-2026-01"
NOW = datetime(2027, 2, 12, 4, tzinfo=UTC)


def reports():
    for number in range(60):
        month, day = (12, 1 + number % 28) if number % 3 else (1 + number % 2, 1 + number % 11)
        year = 2026 if month == 12 else 2027
        meter, unit, quantity = ("hours", "hours", "5.25") if number % 4 else ("materials", "yuan", "830.5")
        yield Report(
            source="t", id=f"{number}", contract=REF if number % 7 else "", item="repair", meter=meter, unit=unit,
            quantity=Decimal(quantity), service_at=datetime(year, month, day, 2, tzinfo=UTC), department="docs", crew="in-elec-1",
        )  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new_year")
    running = a_running(folder, f"sqlite:///{folder / 'billing.db'}")
    running.clock.set(NOW)
    with running.work() as work:
        line = {"code": "AIRCON-27", "year": 2027, "name": "空调机组维护费", "name_en": "Air-conditioning maintenance",
                "amount": Decimal(12_000), "follows": "AIRCON", "hard": 1}  # fmt: skip
        work.connection.execute(insert(tables.budget_line), [line])
    with running.work() as work:
        record(work, list(reports()), together=True)
    with running.work() as work:
        statements.draw(work, REF, "2026-12")
    batch = next(row for row in facts(running) if row.source_id == "20")
    with serve(SERVICE.application(running)) as address:
        yield running, f"{address}/billing", batch.fact_id
    running.database.close()


@pytest.mark.parametrize(
    "path",
    ["/budget", "/budget/AIRCON", "/budget/AIRCON-27", "/explain/{fact}", "/usage", "/chargeback?period=2026-12", "/costs?period=2026-12",
     "/feed/HY-2026-01", "/contracts/HY-2026-01", "/statements/HY-2026-01/2027-01", "/statements/HY-2026-01/2026-12", "/statements/HY-2026-01/2026-12/lines/1", "/benchmark"],
)  # fmt: skip
def test_a_page_with_facts_is_sound(browser, served, path):
    running, address, fact = served
    wrong = []
    for language, theme, width in COMBINATIONS:
        if (language, theme) not in {("zh-Hans", "light"), ("en", "dark")}:
            continue
        headers = headers_of(running, "finance", language=language, now=running.clock.now())
        context = context_for(browser, address, language=language, theme=theme, width=width, extra_http_headers=headers)
        page = context.new_page()
        answer = page.goto(address + path.format(fact=fact))
        assert answer.status == 200, path
        wrong += [f"{language} {theme} {width}: {each}" for each in problems(page)]
        wrong += [f"{language} {theme} {width}: {each}" for each in sideways(page)]
        name = path.format(fact="batch").strip("/").replace("/", "-").partition("?")[0]
        shoot(page, f"year-{name}-{width}-{theme}-{language}")
        context.close()
    assert wrong == []
