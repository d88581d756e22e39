"""The demonstration contracts: three suppliers, three budget lines, their cards."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from services.billing import office_tables, tables
from services.billing.handlers.contracts import put_contract_in_force
from services.billing.handlers.suppliers import CRITERIA, SEATS
from services.billing.model import feed_body
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from shared.service import Running
    from shared.work import Work

DATA = Path(__file__).parent / "data" / "demonstration.toml"


def demonstrate(running: Running) -> None:
    """Suppliers, budget lines and contracts are there; loading again changes nothing."""
    data = tomllib.loads(DATA.read_text("utf-8"))
    with running.database.read() as connection:
        if connection.execute(select(tables.contract.c.ref).limit(1)).first() is not None:
            return
    with running.work() as work:
        if work.connection.execute(select(tables.supplier.c.code).limit(1)).first() is None:
            register(work, data["supplier"])
            lines = [{**each, "amount": Decimal(each["amount"])} for each in data["budget_line"]]
            work.connection.execute(insert(tables.budget_line), lines)
        _agree(work, data)
        for each in data["contract"]:
            contract = {name: value for name, value in each.items() if name != "card"}
            contract["parts"] = feed_body(**contract.get("parts", {}))
            put_contract_in_force(work, contract, [_open_ended(card) for card in each["card"]])


def register(work: Work, suppliers: list[dict[str, Any]]) -> None:
    """Suppliers with their papers and a joint review that each has passed."""
    today = work.now.astimezone(SITE_ZONE).date()
    for each in suppliers:
        papers = each.pop("licence", [])
        work.connection.execute(insert(tables.supplier), each)
        work.connection.execute(
            insert(office_tables.licence),
            [{**paper, "licence_id": work.new_id(), "supplier": each["code"], "by": work.actor, "at": work.now} for paper in papers],
        )  # fmt: skip
        qualification = work.new_id()
        work.connection.execute(
            insert(office_tables.qualification),
            {"qualification_id": qualification, "supplier": each["code"], "state": "qualified", "version": 2, "score": Decimal(84),
             "marks": json.dumps(dict.fromkeys(CRITERIA, "84")), "words": "资质、信誉、能力、经验均符合要求。", "opened_by": work.actor,
             "opened_name": "赵敏", "opened_at": work.now, "closed_at": work.now, "good_until": today.replace(year=today.year + 3, day=1)},
        )  # fmt: skip
        names = dict(zip(SEATS, ("赵敏", "陈光", "孙丽"), strict=True))
        work.connection.execute(
            insert(office_tables.seat),
            [{"qualification": qualification, "seat": seat, "verdict": "agreed", "words": "同意", "account": f"demonstration-{seat}",
              "name": name, "at": work.now} for seat, name in names.items()],
        )  # fmt: skip


def _agree(work: Work, data: dict[str, Any]) -> None:
    """The bases of cost hold, and the centres keep their accounts."""
    work.connection.execute(
        insert(office_tables.agreed),
        {"kind": "cost", "about": "", "version": 1, "starts_in": "2026-01", "body": feed_body(**data["cost"]), "by": work.actor,
         "approved_by": work.actor, "at": work.now, "said": ""},
    )  # fmt: skip
    for each in data["centre"]:
        values = {
            "items": json.dumps(each["items"]),
            "fees": feed_body(**each.get("fees", {})),
            "yearly": Decimal(each["yearly"]),
        }
        work.connection.execute(insert(office_tables.centre), {**each, "version": 1, **values})


def _open_ended(value: Any) -> Any:
    """TOML has no null: an empty ``up_to`` is an open tier."""
    if isinstance(value, dict):
        return {name: None if name == "up_to" and inner == "" else _open_ended(inner) for name, inner in value.items()}
    return [_open_ended(each) for each in value] if isinstance(value, list) else value
