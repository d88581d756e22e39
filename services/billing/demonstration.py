"""The demonstration contracts: three suppliers, three budget lines, their cards."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from services.billing import tables
from services.billing.handlers.contracts import put_contract_in_force

if TYPE_CHECKING:
    from shared.service import Running

DATA = Path(__file__).parent / "data" / "demonstration.toml"


def demonstrate(running: Running) -> None:
    """Suppliers, budget lines and contracts are there; loading again changes nothing."""
    data = tomllib.loads(DATA.read_text("utf-8"))
    with running.database.read() as connection:
        if connection.execute(select(tables.contract.c.ref).limit(1)).first() is not None:
            return
    with running.work() as work:
        if work.connection.execute(select(tables.supplier.c.code).limit(1)).first() is None:
            work.connection.execute(insert(tables.supplier), data["supplier"])
            lines = [{**each, "amount": Decimal(each["amount"])} for each in data["budget_line"]]
            work.connection.execute(insert(tables.budget_line), lines)
        for each in data["contract"]:
            contract = {name: value for name, value in each.items() if name != "card"}
            put_contract_in_force(work, contract, [_open_ended(card) for card in each["card"]])


def _open_ended(value: Any) -> Any:
    """TOML has no null: an empty ``up_to`` is an open tier."""
    if isinstance(value, dict):
        return {name: None if name == "up_to" and inner == "" else _open_ended(inner) for name, inner in value.items()}
    return [_open_ended(each) for each in value] if isinstance(value, list) else value
