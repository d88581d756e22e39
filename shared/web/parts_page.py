"""What the page of parts shows: every part in all its states. Development only."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.web.chart import Series, bars, lines
from shared.web.states import STATES


def EXAMPLES(now: datetime) -> dict[str, Any]:  # noqa: N802  a constant but for the clock
    """Values for ``parts_page.html``; dues are relative to ``now``."""

    def minutes(count: float) -> datetime:
        return now + timedelta(minutes=count)

    return {
        "states": STATES,
        "minutes": minutes,
        "lines": [
            {"quantity": "31.50", "rate": "55 / 48", "amount": Decimal("1652.00"), "on": True, "entry": 48213},
            {"quantity": "9", "rate": "×1.08", "amount": Decimal("914.22"), "on": False, "entry": 48240},
            {"quantity": "2", "rate": "−60.00", "amount": Decimal("-120.00"), "on": False, "entry": 49017},
        ],
        "total": Decimal("2446.22"),
        "lines_chart": lambda t: lines(
            t("example.chart.kept"),
            ["8", "9", "10", "11", "12", "13", "14", "15", "16", "17"],
            [
                Series(t("example.chart.in"), [12, 25, 46, 38, 9, 14, 31, 28, 22, 8]),
                Series(t("example.chart.out"), [4, 18, 31, 40, 17, 12, 24, 30, 27, 19]),
            ],
            head=t("example.chart.hour"),
            source=t("example.chart.source"),
        ),
        "rates_chart": lambda t: lines(
            t("example.chart.rate"),
            ["8", "9", "10", "11", "12", "13", "14", "15", "16", "17"],
            [Series(t("example.chart.in_time"), [92.1, 94.5, 97.1, 100, 100, 96.4, 98.2, 93.3, 90.8, 97.1])],
            head=t("example.chart.hour"),
            source=t("example.chart.source"),
            unit="%",
        ),
        "bars_chart": lambda t: bars(
            t("example.chart.wait"),
            [(t("example.chart.repair"), 1214), (t("example.chart.clean"), 345), (t("example.chart.print"), 12)],
            head=(t("example.chart.item"), t("example.chart.minutes")),
            source=t("example.chart.source"),
        ),
    }
