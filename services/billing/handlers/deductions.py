"""Deductions and bonuses: proposed with evidence, contested by the supplier, decided by another person, booked. Never silently."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from services.billing import tables
from services.billing.assessment import Caps, Finding, deducted, propose
from services.billing.handlers.assessing import measures, scheme_in, scored_of
from services.billing.handlers.contracts import agreements
from services.billing.handlers.feed import Entry, Writer, spend
from services.billing.pricing.exact import decimal, fraction
from services.billing.pricing.explanation import Step
from services.billing.pricing.refusal import PricingRefused
from services.billing.scheme import ASKED, consequence, read_scheme
from shared.contracts.billing import (
    DeductionContested,
    DeductionDecided,
    DeductionPosted,
    DeductionProposed,
    Measure,
    PerformanceScored,
)
from shared.database import Sql
from shared.errors import Absent, Conflict, Forbidden, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from shared.work import Work

D = tables.deduction.c
NOTHING = Decimal("0.00")
_LOCKED = Sql(
    "SELECT version FROM deduction WHERE deduction_id = :id",
    postgresql="SELECT version FROM deduction WHERE deduction_id = :id FOR UPDATE",
)


def fees(connection: Connection, contract: str, period: str) -> dict[str, Decimal]:
    """What each item of a contract costs in a month: what caps and shares are taken of."""
    table = tables.period_total.c
    found: dict[str, Decimal] = {}
    for row in connection.execute(
        select(table.item, table.billed).where(table.contract == contract, table.period == period)
    ):
        found[row.item] = found.get(row.item, NOTHING) + row.billed
    return found


def propose_deduction(
    work: Work, *, contract: str, period: str, rule: str, item: str, numbers: Mapping[str, Decimal], evidence: Sequence[str],
    words: str, name: str, bonus: Decimal = NOTHING, used: bool = False,
) -> str:  # fmt: skip
    """A deduction by a rule of the contract (or a bonus of a sum) is proposed; its id. Nothing is booked.

    ``numbers`` are what the rule asks for (``scheme.ASKED``): how often, how many points, which score, area and hours.
    What was proposed for the month before counts: points add up above one threshold, the lowest score holds, caps are
    one for all.

    Raises:
        Absent: no such contract. Invalid: no evidence, or the rule cannot be applied.
    """
    agreement = agreements(work.connection, [contract]).get(contract)
    if agreement is None:
        raise Absent
    if not evidence:
        raise Invalid(fields={"evidence": ["billing.deduct.evidence"]})
    steps: list[dict[str, object]] = []
    kept: dict[str, object] = {}
    amount = -bonus
    if not bonus:
        try:
            finding = Finding("new", rule, item, numbers=dict(numbers), used=used)
            amount, steps, kept = _by_rule(work.connection, contract, period, finding)
        except PricingRefused as fault:
            raise Invalid(fields={"rule": ["billing.deduct.rule_refused"]}) from fault
    deduction_id = work.new_id()
    until = work.now + timedelta(days=agreement.terms.contest_days)
    work.connection.execute(
        insert(tables.deduction),
        {
            "deduction_id": deduction_id, "contract": contract, "period": period, "rule": rule, "item": item, "amount": amount,
            "state": "proposed", "version": 1, "words": words, "evidence": json.dumps(list(evidence), ensure_ascii=False),
            "steps": json.dumps(steps, ensure_ascii=False),
            "numbers": json.dumps(kept),
            "proposed_by": work.actor, "proposed_name": name,
            "proposed_at": work.now, "contest_until": until,
        },
    )  # fmt: skip
    work.say(
        DeductionProposed(
            deduction_id=deduction_id, contract=contract, supplier=agreement.supplier, period=period, rule=rule, amount=amount,
            evidence=tuple(evidence), proposed_at=work.now, contest_until=until,
        ),
        sequence=1,
    )  # fmt: skip
    return deduction_id


def _by_rule(
    connection: Connection, contract: str, period: str, finding: Finding
) -> tuple[Decimal, list[dict[str, object]], dict[str, object]]:
    """What one finding more takes: the month's findings under its rule with it, less what they take without it."""
    _, data = scheme_in(connection, contract, period)
    asked = ASKED.get(data.get("rules", {}).get(finding.rule, {}).get("kind", ""))
    if asked is None:
        raise PricingRefused("unknown_rule", f"there is no rule {finding.rule!r}", "rule")
    for name in asked:
        finding.number(name)
    finding = replace(finding, numbers={name: finding.numbers[name] for name in asked})
    scheme = read_scheme(data)
    single = replace(scheme, caps=Caps(incident=scheme.caps.incident))
    charged = fees(connection, contract, period)
    charged.setdefault(finding.service, NOTHING)
    earlier = list(
        connection.execute(
            select(tables.deduction).where(D.contract == contract, D.period == period, D.state != "dropped")
        )
    )
    same = [
        (row, known)
        for row in earlier
        if row.rule == finding.rule and row.item == finding.service and (known := json.loads(row.numbers)) and set(asked) <= set(known)
    ]  # fmt: skip
    before = [
        Finding(row.deduction_id, row.rule, row.item, numbers={name: Decimal(known[name]) for name in asked}, used=bool(known.get("used")))
        for row, known in same
    ]  # fmt: skip
    lines = propose(single, [*before, finding], charged)
    took: Decimal = sum((row.amount for row, _ in same), NOTHING)
    amount = decimal(deducted(lines) - took, 2)
    steps: list[dict[str, object]] = [
        step.data() for line in lines for step in line.steps if before or "new" in line.findings
    ]
    if took:
        steps.append(Step("prior_deducted", {"prior": fraction(took)}, -fraction(took)).data())
    kept = [
        (row.item, row.amount if row.decided_amount is None else row.decided_amount)
        for row in earlier
        if row.amount > 0
    ]
    caps = (
        (scheme.caps.service_pct, charged[finding.service], [value for item, value in kept if item == finding.service]),
        (scheme.caps.month_pct, sum(charged.values(), NOTHING), [value for _, value in kept]),
    )
    for pct, fee, taken in caps:
        if pct is None:
            continue
        left = decimal(fee * decimal(pct) / 100, 2).quantize(NOTHING, rounding="ROUND_FLOOR") - sum(taken, NOTHING)
        left = max(NOTHING, left)
        if amount > left:
            steps.append(
                {"key": "aggregate_cap", "params": {"cap": format(left, "f")}, "amount": format(left - amount, "f")}
            )
            amount = left
    numbers: dict[str, object] = {name: format(decimal(number), "f") for name, number in finding.numbers.items()}
    return max(amount, NOTHING), steps, numbers | ({"used": True} if finding.used else {})


def locked(work: Work, deduction_id: str) -> Row[Any]:
    """A deduction, held until the end of the transaction.

    Raises:
        Absent: there is none.
    """
    if _LOCKED.run(work.connection, id=deduction_id).first() is None:
        raise Absent
    return work.connection.execute(select(tables.deduction).where(D.deduction_id == deduction_id)).one()


def _move(work: Work, row: Row[Any], **changes: Any) -> int:
    version = int(row.version) + 1
    work.connection.execute(
        update(tables.deduction).where(D.deduction_id == row.deduction_id).values(version=version, **changes)
    )
    return version


def contest(work: Work, deduction_id: str, words: str) -> None:
    """The supplier says why it does not agree.

    Raises:
        Conflict: it was contested or decided before, or the days for it are over.
    """
    row = locked(work, deduction_id)
    if row.state != "proposed" or work.now > row.contest_until:
        raise Conflict("billing.deduct.past")
    version = _move(work, row, state="contested", contested_by=work.actor, contested_at=work.now, contest_words=words)
    work.say(
        DeductionContested(deduction_id=deduction_id, contract=row.contract, contested_at=work.now), sequence=version
    )


def decide(work: Work, deduction_id: str, decision: str, words: str, name: str, amount: Decimal | None = None) -> str:
    """Another person upholds, reduces or drops it; what is left is booked at once. The state it is in now.

    Raises:
        Forbidden: by whoever proposed it. Conflict: decided before, or the supplier may still contest it.
        Invalid: reduced to no smaller sum.
    """
    row = locked(work, deduction_id)
    if row.state not in {"proposed", "contested"}:
        raise Conflict("billing.deduct.past")
    if row.proposed_by == work.actor:
        raise Forbidden("billing.deduct.own")
    if row.state == "proposed" and work.now <= row.contest_until and row.amount > 0 and decision != "dropped":
        raise Conflict("billing.deduct.may_contest")
    decided = {"upheld": row.amount, "dropped": NOTHING}.get(decision, amount)
    if decided is None or abs(decided) > abs(row.amount) or (decision == "reduced" and decided * row.amount < 0):
        raise Invalid(fields={"amount": ["billing.deduct.smaller"]})
    state = "posted" if decided else "dropped"
    version = _move(
        work, row, state=state, decision=decision, decided_amount=decided, decided_by=work.actor, decided_name=name,
        decided_at=work.now, decided_words=words,
    )  # fmt: skip
    said = work.say(
        DeductionDecided(
            deduction_id=deduction_id, contract=row.contract, decision=decision, amount=decided, decided_at=work.now
        ),
        sequence=version,
    )  # fmt: skip
    if not decided:
        return state
    agreement = agreements(work.connection, [row.contract])[row.contract]
    writer = Writer(work, row.contract, agreement)
    number = writer.book(
        Entry(
            kind="deduction" if decided > 0 else "bonus", period=row.period, amount=-decided, item=row.item, cause=row.rule,
            said=said, more={"deduction": deduction_id, "budget_line": agreement.paid_from(row.period)},
        )
    )  # fmt: skip
    writer.save()
    spend(work, agreement.paid_from(row.period), [-decided])
    _move(work, locked(work, deduction_id), posted_number=number)
    work.say(
        DeductionPosted(
            deduction_id=deduction_id, contract=row.contract, number=number, booked_in=writer.booked_in(row.period),
            amount=-decided, decided_event=said,
        ),
        sequence=version + 1,
    )  # fmt: skip
    return state


# ---- scores


def confirm_score(work: Work, scored: str, period: str, name: str) -> None:
    """A person confirms the score of a month, once; dispatch hears of it and of its consequence.

    Raises:
        Conflict: it was confirmed before, or there is nothing to score.
    """
    table = tables.score
    if work.connection.execute(
        select(table.c.scored).where(table.c.scored == scored, table.c.period == period)
    ).first():
        raise Conflict("billing.score.before")
    agreement = agreements(work.connection, [scored]).get(scored)
    version, data = scheme_in(work.connection, scored, period)
    found = scored_of(work.connection, scored, period, data)
    if found is None:
        raise Conflict("billing.score.nothing")
    value, steps = found
    result, supplier = decimal(value, 1), agreement.supplier if agreement else ""
    work.connection.execute(
        insert(table),
        {"scored": scored, "period": period, "supplier": supplier, "score": result, "consequence": consequence(value, data),
         "steps": json.dumps([step.data() for step in steps], ensure_ascii=False), "by": name, "at": work.now},
    )  # fmt: skip
    work.say(
        PerformanceScored(
            scored=scored, supplier=supplier, period=period, score=result, scheme_version=version,
            measures=tuple(
                Measure(indicator=code, measure=None if each is None else decimal(each).quantize(Decimal("0.0001")))
                for code, each in measures(work.connection, scored, period).items()
            ),
            consequence=consequence(value, data), scored_at=work.now,
        )
    )  # fmt: skip
