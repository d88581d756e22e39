"""Routes of what dispatchers and administrators keep: crews, what contracts cover, emergency plans, each with its history."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.dispatch import choices, crews, emergency_plans, store, views
from services.dispatch.access import CREWS, KEEP, QUEUE
from services.dispatch.acts import WORKING, both, in_words
from services.dispatch.api import own_supplier
from shared.clock import to_text
from shared.errors import Absent, Conflict, Invalid
from shared.web.answers import Answer, Said, answer, page, see_other
from shared.web.routes import Access, Route
from shared.web.schemas import Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.language import Language
    from shared.web.context import Context

LEVELS = ("1", "2", "3", "4", "5")  # of a skill
BLANK = 3  # empty lines of a form of a plan
SKILL = r"^([a-z][a-z0-9_]{0,39}:[1-5])?\Z"
TIME = r"^([01]\d|2[0-4]):[0-5]\d\Z"
LOOK = Access.to(dispatcher="all", supervisor="all", auditor="all", administrator="all")


class Crew(Schema):
    """A crew. Skills are written ``electric:2``, the level last; its people are moved, never written here."""

    version = Whole(
        0, load_default=None, allow_none=True, metadata={"description": "as it was read; somebody faster is then told"}
    )
    name = Text(40, required=True)
    name_en = Text(60, load_default="")
    leader = Text(20, load_default="")
    leader_en = Text(40, load_default="")
    skills = fields.List(
        fields.String(validate=validate.Regexp(SKILL)), load_default=list, validate=validate.Length(max=60)
    )
    shift_from = fields.String(required=True, validate=validate.Regexp(TIME, error="crews.field.time"))
    shift_until = fields.String(required=True, validate=validate.Regexp(TIME, error="crews.field.time"))
    days = fields.String(load_default="worked", validate=validate.OneOf(crews.DAYS))
    base = Key(load_default="")
    seats = Whole(0, 200, load_default=0)
    hourly = fields.String(
        load_default="", validate=validate.Regexp(r"^(\d{1,5}(\.\d{1,2})?)?\Z", error="field.number")
    )
    retired = fields.Boolean(load_default=False)


class NewCrew(Crew):
    """A crew that is not there yet, and whose it is."""

    code = Key(required=True)
    supplier = Key(load_default="")


class CoverForm(Schema):
    """What a contract covers, where contract management has not said so."""

    contract = Key(required=True)
    supplier = Key(required=True)
    items = fields.List(Key(), required=True, validate=validate.Length(min=1, max=40))
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)


class Call(Schema):
    """Somebody who is called, and the crew whose phone rings."""

    name = Text(60, required=True)
    name_en = Text(80, load_default="")
    crew = Key(load_default="")


class Deed(Schema):
    """Something that is done."""

    name = Text(120, required=True)
    name_en = Text(160, load_default="")


class Plan(Schema):
    """An emergency plan as it is from now on."""

    version = Whole(0, load_default=None, allow_none=True)
    name = Text(40, required=True)
    name_en = Text(60, load_default="")
    item = Key(required=True)
    skills = fields.List(Key(), load_default=list, validate=validate.Length(max=10))
    calls = fields.List(fields.Nested(Call), required=True)
    steps = fields.List(fields.Nested(Deed), required=True)
    active = fields.Boolean(load_default=True)


class PlanForm(Schema):
    """The same by form: lines of calls and steps side by side; a line without a name is none."""

    code = Key(load_default="")
    version = Whole(0, load_default=None, allow_none=True)
    name = Text(40, required=True)
    name_en = Text(60, load_default="")
    item = Key(required=True)
    skills = fields.List(Key(), load_default=list)
    call_name = fields.List(Text(60), load_default=list)
    call_name_en = fields.List(Text(80), load_default=list)
    call_crew = fields.List(Key(), load_default=list)
    step_name = fields.List(Text(120), load_default=list)
    step_name_en = fields.List(Text(160), load_default=list)
    active = fields.Boolean(load_default=False)


class VersionsForm(Schema):
    """A thing as it is, and every version of it, newest first."""

    now = fields.Raw()
    versions = fields.List(fields.Raw())


class CoversForm(Schema):
    """What contracts cover."""

    covers = fields.List(fields.Dict())


class PlansForm(Schema):
    """Emergency plans."""

    plans = fields.List(fields.Dict())


# ---- crews


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    return min(int(hour) * 60 + int(minute), 1440)


def clock(minutes: int) -> str:
    """Minutes since midnight as a clock shows them."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        name: given[name]
        for name in ("name", "name_en", "leader", "leader_en", "seats", "days", "base", "hourly", "retired")
    }
    found["skills"] = {code: int(level) for code, _, level in (each.partition(":") for each in given["skills"] if each)}
    found |= {"shift_from": _minutes(given["shift_from"]), "shift_until": _minutes(given["shift_until"])}
    return found | {"supplier": given.get("supplier", "")}


def _save(context: Context, given: dict[str, Any], code: str) -> str:
    with context.work() as work:
        crews.put_crew(work, code, _values(given), context.principal.name, version=given["version"])
    return code


def _make(context: Context, given: dict[str, Any]) -> str:
    with context.work() as work:
        crews.put_crew(work, given["code"], _values(given), context.principal.name, new=True)
    return str(given["code"])


def _cover(context: Context, given: dict[str, Any]) -> str:
    with context.work() as work:
        crews.put_cover(
            work, given["contract"], given["supplier"], given["items"], given["starts_on"], given["ends_on"]
        )
    return str(given["contract"])


def crew_page(
    context: Context,
    code: str = "",
    *,
    problem: str = "",
    errors: dict[str, Any] | None = None,
    status: int = 200,
    **_: Any,
) -> Answer:
    """One crew: what it is called, can do and when it works; who changed what; or a new one."""
    lang = context.language
    with context.read() as connection:
        row = crews.crew_row(connection, code) if code else None
        skills = crews.skills_known(connection)
        history = crews.versions(connection, code) if code else []
        people = [each.name for each in store.members(connection, [code])] if code else []
        roster = store.read_roster(connection)
    levels = json.loads(row.skills) if row is not None else {}
    bases = choices.bases(lang)
    if row is not None and row.base and row.base not in dict(bases):
        bases.append((row.base, row.base))
    shown: dict[str, Any] = {
        "version": history[0].version if history else 0,
        "skills": [f"{skill}:{level}" for skill, level in levels.items()],
    }
    if row is not None:
        shown |= {
            name: getattr(row, name)
            for name in ("name", "name_en", "leader", "leader_en", "days", "base", "seats", "hourly", "retired")
        }
        shown |= {"shift_from": clock(row.shift_from), "shift_until": clock(row.shift_until)}
    if problem:
        shown |= context.posted | {"skills": context.request.form.getlist("skills"), "version": shown["version"]}
    chosen = dict(each.partition(":")[::2] for each in shown["skills"] if each)
    return page(
        "dispatch/team.html", status=status, code=code, given=shown, problem=problem, errors=errors or {}, people=people,
        employer=(roster.supplier_name(row.supplier, lang.code) if row.supplier else lang("dispatch.crew.in_house")) if row is not None else "",
        skills=[(skill, views.skill_words(skill, lang), chosen.get(skill, "")) for skill in skills], levels=LEVELS,
        days=[(each, lang(f"dispatch.days.{each}")) for each in crews.DAYS],
        suppliers=[("", lang("dispatch.crew.in_house")), *choices.suppliers(roster, lang)], bases=bases, offered=[(each, "") for each in people],
        history=[{"version": each.version, "at": each.at, "who": each.who, "changes": _changes(json.loads(each.changed), lang)} for each in history],
    )  # fmt: skip


def _changes(changed: Mapping[str, list[Any]], lang: Language) -> list[str]:
    return [
        lang("crews.changed", what=lang(f"crews.part.{name}"), before=_shown(name, before, lang), after=_shown(name, after, lang))
        for name, (before, after) in changed.items()
    ]  # fmt: skip


def _shown(name: str, value: Any, lang: Language) -> str:
    if value in (None, ""):
        return "–"
    if name in {"shift_from", "shift_until"}:
        return clock(int(value))
    if name == "skills":
        found = json.loads(value)
        return (
            lang.listed([f"{views.skill_words(skill, lang)} {level}" for skill, level in found.items()])
            if found
            else "–"
        )
    if name == "days":
        return lang(f"dispatch.days.{value}")
    if name == "retired":
        return lang("crews.retired" if value else "crews.in_service")
    return str(value)


def api_crew(context: Context, code: str) -> Answer:
    """A crew and every change of it; a supplier sees its own."""
    supplier = own_supplier(context)
    with context.read() as connection:
        row = crews.crew_row(connection, code)
        if supplier is not None and row.supplier != supplier:
            raise Absent
        history = crews.versions(connection, code)
    now = {name: getattr(row, name) for name in crews.KEPT} | {"code": row.code, "size": row.size, "skills": json.loads(row.skills),
                                                               "retired": bool(row.retired)}  # fmt: skip
    return answer({
        "now": now | {"version": history[0].version if history else 0},
        "versions": [{"version": each.version, "at": to_text(each.at), "who": each.who, "changed": json.loads(each.changed)} for each in history],
    })  # fmt: skip


# ---- what contracts cover


def covers_page(
    context: Context, *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200, **_: Any
) -> Answer:
    """What each supplier's contracts cover, from when to when, and who said so."""
    lang = context.language
    with context.read() as connection:
        rows, roster = crews.covers(connection), store.read_roster(connection)
    given = dict(context.posted) | {"items": context.request.form.getlist("items")} if problem else {}
    return page(
        "dispatch/covers.html", status=status, problem=problem, errors=errors or {}, given=given,
        rows=[
            {"contract": row.contract, "supplier": roster.supplier_name(row.supplier, lang.code), "told": row.sequence > 0,
             "items": lang.listed([views.item_name(each, lang) for each in json.loads(row.items)]), "from": row.starts_on, "until": row.ends_on}
            for row in rows
        ],
        suppliers=choices.suppliers(roster, lang), contracts=choices.contracts(roster, lang), items=views.item_options(lang),
    )  # fmt: skip


def api_covers(context: Context) -> Answer:
    """What contracts cover."""
    with context.read() as connection:
        rows = crews.covers(connection)
    return answer({"covers": [
        {"contract": row.contract, "supplier": row.supplier, "items": json.loads(row.items), "starts_on": row.starts_on.isoformat(),
         "ends_on": row.ends_on.isoformat(), "told_by_billing": row.sequence > 0}
        for row in rows
    ]})  # fmt: skip


# ---- emergency plans


def plan_page(
    context: Context, code: str = "", *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200
) -> Answer:
    """One emergency plan and what it was before, or a new one."""
    lang = context.language
    with context.read() as connection:
        found = emergency_plans.versions(connection, code) if code else []
        roster = store.read_roster(connection)
    if code and not found:
        raise Absent
    shown: dict[str, Any] = (
        found[0] if found else {"version": 0, "active": True, "calls": [], "steps": [], "skills": []}
    )
    if problem:
        posted = context.request.form
        shown = {**context.posted, **_lines({name: posted.getlist(name) for name in posted}), "version": shown["version"],
                 "skills": posted.getlist("skills"), "active": "active" in posted}  # fmt: skip
    blank = {"name": "", "name_en": "", "crew": ""}
    return page(
        "dispatch/emergency_plan.html", status=status, code=code, given=shown, problem=problem, errors=errors or {},
        calls=[*shown["calls"], *([blank] * BLANK)], steps=[*shown["steps"], *([blank] * BLANK)],
        crews=[(team.code, team.name_in(lang.code)) for team in roster.teams.values()], items=views.item_options(lang),
        skills=[(each, views.skill_words(each, lang)) for each in sorted({s for team in roster.teams.values() for s in team.skills})],
        before=[{**each, "words": lang.named(each["name"], each["name_en"]),
                 "calls": lang.listed([lang.named(one["name"], one["name_en"]) for one in each["calls"]]),
                 "steps": lang.listed([lang.named(one["name"], one["name_en"]) for one in each["steps"]])} for each in found],
    )  # fmt: skip


def _lines(given: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """Calls and steps of a form's parallel lines."""

    def at(name: str, place: int) -> str:
        found = given.get(name, [])
        return str(found[place]) if place < len(found) else ""

    calls = [
        {"name": name, "name_en": at("call_name_en", place), "crew": at("call_crew", place)}
        for place, name in enumerate(given.get("call_name", [])) if name
    ]  # fmt: skip
    steps = [
        {"name": name, "name_en": at("step_name_en", place)}
        for place, name in enumerate(given.get("step_name", []))
        if name
    ]
    return {"calls": calls, "steps": steps}


def save_plan(context: Context, code: str = "") -> Answer:
    """The plan is like this from now on; what it was stays to be read."""
    try:
        given = context.form()
        wanted = code or given["code"]
        if not wanted:
            raise Invalid(fields={"code": ["field.required"]})
        with context.work() as work:
            if not code and emergency_plans.versions(work.connection, wanted):
                raise Invalid(fields={"code": ["crews.field.code"]})
            lines = _lines(given)
            emergency_plans.put_plan(
                work, code=wanted, name=given["name"], name_en=given["name_en"], item=given["item"], skills=given["skills"],
                calls=lines["calls"], steps=lines["steps"], who=context.principal.name, active=given["active"],
                version=given["version"],
            )  # fmt: skip
    except (Conflict, Invalid) as error:
        return plan_page(
            context, code, problem=in_words(context, error), errors=context.errors(error), status=error.status
        )
    return see_other(context.url("emergency_plan", code=wanted), said=Said("emergency.said.saved"))


def api_plans(context: Context) -> Answer:
    """Emergency plans as they are now, those that have ended too."""
    with context.read() as connection:
        found = emergency_plans.plans(connection, also_ended=True)
    return answer({"plans": [_plain(each) for each in found.values()]})


def api_plan(context: Context, code: str) -> Answer:
    """One emergency plan and every version of it."""
    with context.read() as connection:
        found = emergency_plans.versions(connection, code)
    if not found:
        raise Absent
    return answer({"now": _plain(found[0]), "versions": [_plain(each) for each in found]})


def _plain(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {**plan, "at": to_text(plan["at"]) if plan["at"] else None}


def api_save_plan(context: Context, code: str) -> Answer:
    """The plan is like this from now on."""
    given = context.json()
    with context.work() as work:
        number = emergency_plans.put_plan(work, code=code, who=context.principal.name, **given)
    return answer({"id": str(number)}, 201)


class Made(Schema):
    """The version that this is."""

    id = fields.String()


def _noted(routes: tuple[Route, Route]) -> tuple[Route, ...]:
    """Routes whose answers are entries of the log: somebody changed what binds others."""
    return tuple(replace(each, noted="change") for each in routes)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/crews/new", "new_crew", crew_page, allow=KEEP, sample={}, summary="A new crew."),
    Route("GET", "/crews/<code>/edit", "crew_page", crew_page, allow=LOOK, sample={"code": "in-elec-1"}, summary="One crew, and who changed what."),
    Route("GET", "/api/crews/<code>", "api_crew_kept", api_crew, allow=CREWS, kind="api", answers=VersionsForm, summary="One crew and its changes."),
    *both("/crews/new", "make_crew", _make, NewCrew, KEEP, "Make a crew.", again=crew_page, back=lambda context: context.url("crews"),
          said="crews.said.made", api="/api/crews"),
    *both("/crews/<code>/edit", "save_crew", _save, Crew, KEEP, "Change a crew, or retire it.", again=crew_page,
          back=lambda context, code: context.url("crew_page", code=code), said="crews.said.saved", api="/api/crews/<code>"),
    Route("GET", "/covers", "covers", covers_page, allow=LOOK, sample={}, summary="What contracts cover."),
    Route("GET", "/api/covers", "api_covers", api_covers, allow=LOOK, kind="api", answers=CoversForm, summary="What contracts cover."),
    *_noted(both("/covers", "put_cover", _cover, CoverForm, KEEP, "Say what a contract covers.", again=covers_page,
                 back=lambda context: context.url("covers"), said="crews.said.covered")),
    Route("GET", "/emergency-plans/new", "new_emergency_plan", plan_page, allow=KEEP, sample={}, summary="A new emergency plan."),
    Route("POST", "/emergency-plans/new", "make_emergency_plan", save_plan, allow=KEEP, accepts=PlanForm, creates=True, limit=WORKING,
          summary="Write an emergency plan."),
    Route("GET", "/emergency-plans/<code>", "emergency_plan", plan_page, allow=LOOK, sample={"code": "fire"}, summary="One emergency plan and its versions."),
    Route("POST", "/emergency-plans/<code>", "save_emergency_plan", save_plan, allow=KEEP, accepts=PlanForm, creates=True, limit=WORKING,
          summary="Change an emergency plan, or end it."),
    Route("GET", "/api/emergency-plans", "api_emergency_plans", api_plans, allow=QUEUE, kind="api", answers=PlansForm, summary="Emergency plans."),
    Route("GET", "/api/emergency-plans/<code>", "api_emergency_plan", api_plan, allow=QUEUE, kind="api", answers=VersionsForm,
          summary="One emergency plan and its versions."),
    Route("POST", "/api/emergency-plans/<code>", "api_save_emergency_plan", api_save_plan, allow=KEEP, kind="api", accepts=Plan, answers=Made,
          creates=True, status=201, limit=WORKING, summary="Write or change an emergency plan."),
)  # fmt: skip
