"""The pages of a closed month, which no demonstration data has: sound in both languages, wide and narrow."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from services.billing.handlers import deductions, statements
from services.billing.handlers.facts import Report, record
from services.billing.service import SERVICE
from tests.billing.conftest import a_running, finished, hours, tell
from tests.browser.harness import COMBINATIONS, context_for, double, problems, serve, shoot, sideways
from tests.people import NOON, headers_of

pytestmark = pytest.mark.slow
REF = "HY-2026-01"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settlement")
    running = a_running(folder, f"sqlite:///{folder / 'billing.db'}")
    tell(running, [hours(1, "80.5"), finished(2, ("materials", "1234.5", "yuan"))])
    running.clock.set(datetime(2026, 12, 2, tzinfo=UTC))
    with running.work(actor="account:clerk") as work:
        ref = statements.draw(work, REF, "2026-11")
        statements.send(work, ref)
    with running.work(actor="account:supplier") as work:
        statements.dispute(work, ref, 2, "材料单价与签收单不符")
        record(
            work,
            [
                Report(
                    source="x",
                    id="late",
                    contract=REF,
                    item="repair",
                    meter="hours",
                    unit="hours",
                    quantity=Decimal(1),
                    service_at=NOON,
                )
            ],
        )
    with running.work(actor="account:other") as work:
        made = deductions.propose_deduction(
            work, contract=REF, period="2026-11", rule="late", item="repair", numbers={"count": Decimal(1)}, evidence=["2026-1125-001-1"], words="超时四小时", name="赵敏"
        )  # fmt: skip
    running.clock.set(datetime.now(UTC))
    with serve(SERVICE.application(running)) as address:
        yield running, f"{address}/billing", made
    running.database.close()


@pytest.mark.parametrize(
    "path",
    ["/statements/HY-2026-01/2026-11", "/statements/HY-2026-01/2026-11/lines/1", "/deductions/{made}", "/statements/"],
)
def test_a_page_of_a_closed_month_is_sound(browser, served, path):
    running, address, made = served
    wrong = []
    for language, theme, width in COMBINATIONS:
        if (language, theme) not in {("zh-Hans", "light"), ("en", "dark")}:
            continue
        headers = headers_of(running, "contract_manager", language=language, now=running.clock.now())
        context = context_for(browser, address, language=language, theme=theme, width=width, extra_http_headers=headers)
        page = context.new_page()
        assert page.goto(address + path.format(made=made)).status == 200
        wrong += [f"{language} {theme} {width}: {each}" for each in problems(page)]
        shoot(page, f"closed{path.replace('/', '-').format(made='one')}-{width}-{theme}-{language}")
        if language == "en":
            double(page)
            wrong += [f"doubled at {width}: {each}" for each in sideways(page)]
        context.close()
    assert wrong == []
