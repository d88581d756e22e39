"""Emergency plans: who is called in which order and what is done, as versions that stay; and the register of drills.

The plans of ``data/upkeep.toml`` are version 0. Whoever changes one writes the next version; what was followed before keeps
the chain that it was begun with.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from services.dispatch import store, tables, upkeep, work_tables
from services.dispatch.standards import items
from shared.clock import SITE_ZONE
from shared.contracts import dispatch
from shared.errors import Invalid, Stale

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.language import Language
    from shared.work import Work

V = work_tables.emergency_plan.c
MOST_CALLS = 30
MOST_STEPS = 30


class ChangedMeanwhile(Stale):
    """Somebody else has changed the plan since it was read."""

    key = "emergency.field.stale"


def built_in() -> dict[str, dict[str, Any]]:
    """The plans that come with the system, by code."""
    return {
        each["code"]: {
            "code": each["code"], "version": 0, "name": each["name"]["zh"], "name_en": each["name"]["en"], "item": each["item"],
            "skills": list(each.get("skills", ())), "active": True, "who": "", "at": None,
            "calls": [{"name": one["zh"], "name_en": one["en"], "crew": one.get("crew", "")} for one in each["calls"]],
            "steps": [{"name": one["zh"], "name_en": one["en"]} for one in each["steps"]],
        }
        for each in upkeep.known()["emergency"]
    }  # fmt: skip


def plans(connection: Connection, *, also_ended: bool = False) -> dict[str, dict[str, Any]]:
    """Every plan as it is now, by code."""
    found = built_in()
    for row in connection.execute(select(work_tables.emergency_plan).order_by(V.code, V.version)):
        found[row.code] = _of(row)
    return {code: each for code, each in found.items() if also_ended or each["active"]}


def versions(connection: Connection, code: str) -> list[dict[str, Any]]:
    """Every version of a plan, newest first; empty for a code that no plan has."""
    query = select(work_tables.emergency_plan).where(V.code == code).order_by(V.version.desc())
    first = built_in().get(code)
    return [*(_of(row) for row in connection.execute(query)), *([first] if first else [])]


def _of(row: Any) -> dict[str, Any]:
    kept = json.loads(row.body)
    return {**kept, "code": row.code, "version": row.version, "active": bool(row.active), "who": row.who, "at": row.at}


def name_of(connection: Connection, code: str, lang: Language) -> str:
    """The plan in words, one that has ended too; its code where there is none."""
    plan = plans(connection, also_ended=True).get(code)
    return lang.named(plan["name"], plan["name_en"]) if plan else code


def plan_of(connection: Connection, code: str) -> dict[str, Any]:
    """The plan of this code as it is now.

    Raises:
        Invalid: there is none, or it is no longer followed.
    """
    plan = plans(connection).get(code)
    if plan is None:
        raise Invalid(fields={"plan": ["dispatch.field.emergency"]})
    return plan


def put_plan(
    work: Work, *, code: str, name: str, name_en: str, item: str, skills: list[str], calls: list[dict[str, str]],
    steps: list[dict[str, str]], who: str, active: bool = True, version: int | None = None,
) -> int:  # fmt: skip
    """The plan is like this from now on; its version. What was before stays to be read.

    Raises:
        Invalid: no such item or crew, nobody to call, nothing to do, or too much. ChangedMeanwhile: ``version`` is given and
        is not the newest.
    """
    before = versions(work.connection, code)
    if version is not None and before and before[0]["version"] != version:
        raise ChangedMeanwhile
    teams = store.read_roster(work.connection).teams
    wrong: dict[str, list[str]] = {}
    if item not in items():
        wrong["item"] = ["dispatch.field.item"]
    if not 1 <= len(calls) <= MOST_CALLS:
        wrong["calls"] = ["emergency.field.calls"]
    elif any(each["crew"] and each["crew"] not in teams for each in calls):
        wrong["calls"] = ["dispatch.field.crew"]
    if not 1 <= len(steps) <= MOST_STEPS:
        wrong["steps"] = ["emergency.field.steps"]
    if wrong:
        raise Invalid(fields=wrong)
    number = before[0]["version"] + 1 if before else 1
    body = {
        "name": name, "name_en": name_en or name, "item": item, "skills": skills,
        "calls": [{"name": each["name"], "name_en": each["name_en"] or each["name"], "crew": each["crew"]} for each in calls],
        "steps": [{"name": each["name"], "name_en": each["name_en"] or each["name"]} for each in steps],
    }  # fmt: skip
    row = {"code": code, "version": number, "body": json.dumps(body, ensure_ascii=False), "active": int(active), "who": who,
           "at": work.now}  # fmt: skip
    work.connection.execute(insert(work_tables.emergency_plan).values(row))
    work.say(dispatch.EmergencyPlanChanged(
        plan=code, version=number, name=name, calls=len(calls), steps=len(steps), active=active, at=work.now), sequence=number)  # fmt: skip
    return number


def note_drill(
    work: Work, *, plan: str, kind: str, on: date, led_by: str, people: int, minutes: int, words: str, who: str
) -> None:
    """What was exercised, or done in earnest, stands in the register.

    Raises:
        Invalid: no such plan, or a day that has not come.
    """
    wrong = {}
    if plan not in plans(work.connection):
        wrong["plan"] = ["dispatch.field.emergency"]
    if on > work.now.astimezone(SITE_ZONE).date():
        wrong["on"] = ["dispatch.field.future"]
    if wrong:
        raise Invalid(fields=wrong)
    at = datetime(on.year, on.month, on.day, 12, tzinfo=SITE_ZONE).astimezone(UTC)
    work.connection.execute(insert(tables.drill).values(
        drill_id=work.new_id(), plan=plan, kind=kind, at=at, led_by=led_by, people=people, minutes=minutes, words=words,
        noted_by=who))  # fmt: skip
