"""By what is scored: indicators, weights, marks and deduction rules as versions; and what was seen beside the orders."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.billing import store, wording
from services.billing.api import own_supplier
from services.billing.handlers import agreeing
from services.billing.handlers import assessing as acts
from services.billing.model import period_of, service_day
from services.billing.pages import contracting, reading, rule_form
from services.billing.pages.acting import Done, Optional, pair
from services.billing.pages.entries import Entry, changed, divided, labels, loaded, shown
from services.billing.pages.rule_form import Rules
from services.billing.scheme import CODES, CONSEQUENCES, INDICATORS
from shared.errors import Absent, Conflict, Invalid, Refused
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route, Scoped
from shared.web.schemas import Decimal as Number
from shared.web.schemas import Key, Text, validate

if TYPE_CHECKING:
    from shared.web.context import Context

SEES = Access.to(finance="all", contract_manager="all", supervisor="all", auditor="all")
OBSERVES = Access.to(finance="all", contract_manager="all", supervisor="all", auditor="all", supplier="supplier")
WRITES = Access.to(contract_manager="all")
NOTES = Access.to(contract_manager="all", supervisor="all")
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
WHAT = tuple(what for _, what in CONSEQUENCES)


def _marks() -> dict[str, fields.Field[Any]]:
    """What a form of a scheme asks: three numbers for each indicator (an empty weight leaves it out), and the marks."""
    most = {"weight": "1000", "full": "1000", "zero": "1000"}
    numbers: dict[str, fields.Field[Any]] = {
        f"{code}_{name}": Optional(2, least="0", most=limit, load_default=None, allow_none=True)
        for code in CODES
        for name, limit in most.items()
    }
    marks: dict[str, fields.Field[Any]] = {what: Number(1, least="0", most="100", required=True) for what in WHAT}
    return numbers | marks | {
        "starts_in": Key(required=True, metadata={"description": "month from which it holds, 2026-11"}),
        "praise": Optional(2, least="0", most="10", load_default=None, allow_none=True),
    }  # fmt: skip


# The office's scheme; and a contract's, with deduction rules and caps beside.
SchemeForm: type[Schema] = Schema.from_dict(_marks(), name="SchemeForm")
ContractSchemeForm: type[Schema] = Schema.from_dict(
    _marks() | {
        "rules": Rules(required=True),
        "cap_incident": Optional(2, least="0", load_default=None, allow_none=True),
        "cap_service_pct": Optional(2, least="0", most="100", load_default=None, allow_none=True),
        "cap_month_pct": Optional(2, least="0", most="100", load_default=None, allow_none=True),
    },
    name="ContractSchemeForm",
)  # fmt: skip


class ObservationForm(Schema):
    """Something that was seen."""

    kind = fields.String(required=True, validate=validate.OneOf(acts.KINDS))
    scored = Key(required=True, metadata={"description": "contract, or crew of our own"})
    happened_on = fields.Date(required=True)
    value = Number(
        2, least="0", load_default=Decimal(1), metadata={"description": "quality: mark 0 to 100; else how often"}
    )
    words = Text(400, required=True)
    evidence = Text(400, required=True)


class StrikeForm(Schema):
    """Why it no longer counts."""

    words = Text(400, required=True)


class Month(Schema):
    """Which month; empty is this one."""

    period = Key(load_default="")
    contract = Key(load_default="")


# ---- schemes


def office(context: Context) -> Answer:
    """The office's own indicators, weights and marks."""
    return _form(context, "")


def of_contract(context: Context, ref: str) -> Answer:
    """A contract's scheme of assessment, with its deduction rules."""
    return _form(context, ref)


def _form(
    context: Context, ref: str = "", *, problem: str = "", errors: dict[str, list[str]] | None = None,
    entries: list[Entry] | None = None,
) -> Answer:  # fmt: skip
    language, again = context.language, entries is not None
    now = period_of(context.now)
    with context.read() as connection:
        row = reading.wanted(context, connection, ref) if ref else None
        version, scheme = acts.scheme_in(connection, ref, now)
        versions = agreeing.versions(connection, "scheme", ref)
        waiting = agreeing.waiting(connection, ref, "scheme")
    if ref and (errors or problem) and entries is None:
        entries = _entries(context)
    typed = filled(scheme, _next(now)) | (context.posted if errors or problem or again else {})
    rules = rule_form.entries_from(scheme.get("rules", {})) if entries is None else entries
    return page(
        "billing/scheme.html", contract=row, ref=ref, title=reading.title_of(context, row) if row else "", typed=typed, codes=CODES, whats=WHAT,
        version=version if versions or ref else 0, problem=problem, errors=errors or {}, may_write=context.may("scheme_write" if ref else "scheme_office_write"),
        status=422 if problem or errors else 200, rules=shown(language, rule_form.PLAN, rules, errors or {}, {}) if ref else [],
        labels=labels(language, rule_form.PLAN, rules) if ref else {}, rule_name=lambda code: wording.named(language, "billing.rule", code),
        waiting=[{"href": context.url("proposal", proposal_id=each.proposal_id), "name": each.proposed_name, "at": each.proposed_at} for each in waiting],
        versions=[{"version": each.version, "month": reading.month_name(language, each.starts_in), "at": each.at} for each in versions],
    )  # fmt: skip


def _next(period: str) -> str:
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12}-{month % 12 + 1:02}"


def filled(scheme: dict[str, Any], starts_in: str) -> dict[str, Any]:
    """The fields of the form for a scheme as it is."""
    found: dict[str, Any] = {"starts_in": starts_in, "praise": scheme.get("praise", "")}
    known = {each["code"]: each for each in scheme.get("indicators", INDICATORS)}
    for code in CODES:
        each = known.get(code, {})
        found |= {
            f"{code}_weight": each.get("weight", ""),
            f"{code}_full": each.get("full_at", ""),
            f"{code}_zero": each.get("zero_at", ""),
        }
    marks = scheme.get("consequences") or {what: below for below, what in CONSEQUENCES}
    found |= {what: marks.get(what, "") for what in WHAT}
    caps = scheme.get("caps", {})
    found |= {f"cap_{name}": caps.get(name, "") for name in ("incident", "service_pct", "month_pct")}
    return found


def _entries(context: Context) -> list[Entry] | None:
    """The rules as they were typed; None where they cannot be read."""
    try:
        return divided(context, rule_form.PLAN)[1]
    except Refused:
        return None


def read_scheme_form(context: Context, ref: str) -> dict[str, Any] | Answer:
    """The posted form of a contract's scheme with its rules, or the form again where a button of it was pressed."""
    rest, entries, change = divided(context, rule_form.PLAN)
    if change:
        return _form(context, ref, entries=changed(rule_form.PLAN, entries, change, Entry("fine")))
    if "rules" not in rest:
        rest["rules"] = rule_form.rules_from(entries, context.language)
    return loaded(context, rest)


def body_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The scheme in the form in which it is kept.

    Raises:
        Invalid: an indicator has a weight and no marks.
    """
    plain = contracting.plain
    indicators, errors = [], {}
    for code in CODES:
        weight, full, zero = (asked[f"{code}_{name}"] for name in ("weight", "full", "zero"))
        if not weight:
            continue
        for name, value in (("full", full), ("zero", zero)):
            if value is None:
                errors[f"{code}_{name}"] = ["field.required"]
        if full is not None and full == zero:
            errors[f"{code}_zero"] = ["assessing.same"]
        if not errors:
            indicators.append({"code": code, "weight": plain(weight), "full_at": plain(full), "zero_at": plain(zero)})
    if errors:
        raise Invalid(fields=errors)
    if not indicators:
        raise Invalid(fields={f"{CODES[0]}_weight": ["assessing.no_weight"]})
    body: dict[str, Any] = {"indicators": indicators, "consequences": {what: plain(asked[what]) for what in WHAT}}
    if asked["praise"]:
        body["praise"] = plain(asked["praise"])
    if "rules" in asked:
        caps = {
            name: plain(asked[f"cap_{name}"])
            for name in ("incident", "service_pct", "month_pct")
            if asked[f"cap_{name}"] is not None
        }
        body |= {"rules": asked["rules"], "caps": caps}
    return body


def write(context: Context, asked: dict[str, Any], ref: str = "") -> Done:
    """A scheme is written down for a second person.

    Raises:
        Invalid, PricingRefused: it is unsound, or reaches back into months whose scores are confirmed.
    """
    if not MONTH.fullmatch(asked["starts_in"]):
        raise Invalid(fields={"starts_in": ["contracting.agree.month"]})
    body = body_of(asked)
    acts.check_scheme(body)
    with context.work() as work:
        if ref and store.contract(work.connection, ref) is None:
            raise Absent
        if acts.confirmed_from(work.connection, ref, asked["starts_in"]):
            raise Invalid(fields={"starts_in": ["contracting.agree.closed_month"]})
        made = agreeing.propose(
            work, "scheme", ref, body, context.principal.name, base=agreeing.latest(work.connection, "scheme", ref), starts_in=asked["starts_in"]
        )  # fmt: skip
    return Done(context.url("proposal", proposal_id=made), "contracting.agree.proposed", made, "proposed")


def apply_scheme(work: Any, row: Any, body: Any) -> tuple[int, list[str]]:
    """A scheme holds from its month on.

    Raises:
        Conflict: another version came since, or scores it would reach are confirmed.
    """
    if acts.confirmed_from(work.connection, row.about, row.starts_in):
        raise Conflict("contracting.agree.closed_month")
    return agreeing.keep_version(work, row, body)


contracting.APPLIES["scheme"] = apply_scheme


class SchemeAnswer(Schema):
    """The scheme that holds in a month."""

    version = fields.Integer(metadata={"description": "0 = the standard of the house"})
    scheme = fields.Dict()


def api_scheme(context: Context) -> Answer:
    """The scheme that holds in a month, of a contract or (without one) of the office."""
    asked = context.query()
    period = asked["period"] or period_of(context.now)
    reading.first_day(period)
    with context.read() as connection:
        if asked["contract"]:
            row = store.contract(connection, asked["contract"])
            context.check(None if row is None else Scoped(supplier=row.supplier))
        version, scheme = acts.scheme_in(connection, asked["contract"], period)
    scheme = {"indicators": list(INDICATORS), "consequences": {what: below for below, what in CONSEQUENCES}} | scheme
    return answer({"version": version, "scheme": scheme})


# ---- what was seen


def observations(context: Context) -> Answer:
    """Quality checks, accidents, complaints and praise of a month."""
    return _observations(context, context.query()["period"])


def again(context: Context, *, problem: str = "", errors: dict[str, list[str]] | None = None, **_: str) -> Answer:
    """The page with what was typed and what is wrong with it."""
    return _observations(context, "", problem=problem, errors=errors)


def _observations(
    context: Context, period: str, *, problem: str = "", errors: dict[str, list[str]] | None = None
) -> Answer:
    language = context.language
    period = period or period_of(context.now)
    reading.first_day(period)
    with context.read() as connection:
        contracts = store.contracts(connection, own_supplier(context))
        crews = [] if own_supplier(context) else acts.crews(connection, period)
        rows = acts.observations(connection, [row.ref for row in contracts] + crews, period)
    names = {row.ref: f"{row.ref} {reading.title_of(context, row)}" for row in contracts} | {
        crew: crew for crew in crews
    }
    return page(
        "billing/observations.html", period=period, month=reading.month_name(language, period), problem=problem, errors=errors or {},
        posted=context.posted if errors or problem else {}, status=422 if problem or errors else 200, today=service_day(context.now),
        rows=[
            {"id": row.observation_id, "kind": language(f"assessing.kind.{row.kind}"), "who": names.get(row.scored, row.scored), "on": row.happened_on,
             "value": language.number(wording.plain(row.value)), "words": row.words, "evidence": json.loads(row.evidence), "name": row.name,
             "struck": row.struck_words, "is_struck": bool(row.struck_by), "own": row.by == context.principal.actor}
            for row in rows
        ],
        kinds=[(kind, language(f"assessing.kind.{kind}")) for kind in acts.KINDS], names=list(names.items()),
        may_note=context.may("observation_note"), may_strike=context.may("observation_strike"), sees_log=reading.sees_log(context),
    )  # fmt: skip


def note(context: Context, asked: dict[str, Any]) -> Done:
    """Something that was seen is noted."""
    evidence = [each.strip() for each in asked["evidence"].replace("，", ",").split(",") if each.strip()]
    with context.work() as work:
        made = acts.note(work, **(asked | {"evidence": evidence}), name=context.principal.name)
    return Done(context.url("observations", period=f"{asked['happened_on']:%Y-%m}"), "assessing.noted", made, "counts")


def strike(context: Context, asked: dict[str, Any], observation_id: str) -> Done:
    """It no longer counts."""
    with context.work() as work:
        row = acts.strike(work, observation_id, asked["words"])
    return Done(context.url("observations", period=row.period), "assessing.struck", observation_id, "struck")


REF = {"ref": "HY-2026-01"}
ROUTES = (
    Route("GET", "/assessment", "scheme_office", office, allow=SEES, summary="Indicators, weights and marks of the office.", sample={}),
    *pair("/assessment", "scheme_office_write", SchemeForm, write, _form, allow=WRITES, creates=True, summary="Propose the office's scheme."),
    Route("GET", "/contracts/<ref>/assessment", "scheme", of_contract, allow=SEES, summary="A contract's scheme of assessment.", sample=REF),
    *pair("/contracts/<ref>/assessment", "scheme_write", ContractSchemeForm, write, _form, allow=WRITES, creates=True, read=read_scheme_form,
          summary="Propose a contract's scheme."),
    Route("GET", "/api/assessment", "api_scheme", api_scheme, allow=OBSERVES, kind="api", accepts=Month, answers=SchemeAnswer,
          summary="The scheme that holds in a month."),
    Route("GET", "/observations", "observations", observations, allow=OBSERVES, accepts=Month, summary="What was seen beside the orders.", sample={}),
    *pair("/observations", "observation_note", ObservationForm, note, again, allow=NOTES, creates=True, summary="Note something that was seen."),
    *pair("/observations/<observation_id>/strike", "observation_strike", StrikeForm, strike, again, allow=NOTES, summary="It no longer counts."),
)  # fmt: skip
