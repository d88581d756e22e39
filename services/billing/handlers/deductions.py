"""Deductions and bonuses: proposed with evidence, contested by the supplier, decided by another person, booked. Never silently."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from services.billing import tables
from services.billing.assessment import Finding, propose, score
from services.billing.handlers.contracts import agreements
from services.billing.handlers.feed import Entry, Writer, spend
from services.billing.pricing.exact import decimal
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN, Rounding
from services.billing.scheme import ASKED, consequence, read_indicators, read_scheme
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
    from collections.abc import Sequence
    from fractions import Fraction

    from sqlalchemy import Connection, Row

    from services.billing.pricing.explanation import Steps
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
    work: Work, *, contract: str, period: str, rule: str, item: str, number: Decimal, evidence: Sequence[str], words: str,
    name: str, bonus: Decimal = NOTHING,
) -> str:  # fmt: skip
    """A deduction by a rule of the contract (or a bonus of a sum) is proposed; its id. Nothing is booked.

    ``number`` is what the rule asks for: how often, how many points, which score. What was proposed and posted for the
    month before counts towards the caps.

    Raises:
        Absent: no such contract. Invalid: no evidence, or the rule cannot be applied.
    """
    agreement = agreements(work.connection, [contract]).get(contract)
    if agreement is None:
        raise Absent
    if not evidence:
        raise Invalid(fields={"evidence": ["billing.deduct.evidence"]})
    steps: list[dict[str, object]] = []
    amount = -bonus
    if not bonus:
        try:
            amount, steps = _by_rule(work.connection, agreement.terms.scheme, contract, period, rule, item, number)
        except PricingRefused as fault:
            raise Invalid(fields={"rule": ["billing.deduct.rule_refused"]}) from fault
    deduction_id = work.new_id()
    until = work.now + timedelta(days=agreement.terms.contest_days)
    work.connection.execute(
        insert(tables.deduction),
        {
            "deduction_id": deduction_id, "contract": contract, "period": period, "rule": rule, "item": item, "amount": amount,
            "state": "proposed", "version": 1, "words": words, "evidence": json.dumps(list(evidence), ensure_ascii=False),
            "steps": json.dumps(steps, ensure_ascii=False), "proposed_by": work.actor, "proposed_name": name,
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
    connection: Connection, data: Any, contract: str, period: str, rule: str, item: str, number: Decimal
) -> tuple[Decimal, list[dict[str, object]]]:
    scheme = read_scheme(data)
    kind = data.get("rules", {}).get(rule, {}).get("kind", "")
    asked = ASKED.get(kind)
    if asked is None:
        raise PricingRefused("unknown_rule", f"there is no rule {rule!r}", "rule")
    charged = fees(connection, contract, period)
    charged.setdefault(item, NOTHING)
    lines = propose(scheme, [Finding("1", rule, item, numbers={asked: number})], charged)
    amount = decimal(sum((line.amount for line in lines), NOTHING), 2)
    steps = [step.data() for line in lines for step in line.steps]
    cap = scheme.caps.month_pct
    if cap is not None:
        before = sum(
            connection.execute(
                select(func.coalesce(D.decided_amount, D.amount)).where(
                    D.contract == contract, D.period == period, D.state != "dropped", D.amount > 0
                )
            ).scalars(),
            NOTHING,
        )
        left = decimal(sum(charged.values(), NOTHING) * decimal(cap) / 100, 2) - before
        left = max(NOTHING, left.quantize(NOTHING, rounding="ROUND_FLOOR"))
        if amount > left:
            steps.append(
                {"key": "aggregate_cap", "params": {"cap": format(left, "f")}, "amount": format(left - amount, "f")}
            )
            amount = left
    return amount, steps


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


def decide(work: Work, deduction_id: str, decision: str, words: str, name: str, amount: Decimal | None = None) -> None:
    """Another person upholds, reduces or drops it; what is left is booked at once.

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
        return
    agreement = agreements(work.connection, [row.contract])[row.contract]
    writer = Writer(work, row.contract, agreement)
    number = writer.book(
        Entry(
            kind="deduction" if decided > 0 else "bonus", period=row.period, amount=-decided, item=row.item, cause=row.rule,
            said=said, more={"deduction": deduction_id, "budget_line": agreement.budget_line},
        )
    )  # fmt: skip
    writer.save()
    spend(work, agreement.budget_line, [-decided])
    _move(work, locked(work, deduction_id), posted_number=number)
    work.say(
        DeductionPosted(
            deduction_id=deduction_id, contract=row.contract, number=number, booked_in=writer.booked_in(row.period),
            amount=-decided, decided_event=said,
        ),
        sequence=version + 1,
    )  # fmt: skip


# ---- scores


def measures(connection: Connection, scored: str, period: str) -> dict[str, Fraction | None]:
    """Promises kept and requests reopened in per cent of finished rounds, mean stars; None where nothing was measured."""
    from fractions import Fraction

    jobs, opinions = tables.job_record.c, tables.opinion.c
    rows = connection.execute(
        select(jobs.promises, jobs.kept, jobs.request_id).where(jobs.scored == scored, jobs.period == period)
    ).all()
    promised, kept = sum(row.promises for row in rows), sum(row.kept for row in rows)
    requests = {row.request_id for row in rows}
    said = connection.execute(
        select(opinions.stars, opinions.reopened).where(
            opinions.request_id.in_(select(jobs.request_id).where(jobs.scored == scored, jobs.period == period))
        )
    ).all()
    stars = [row.stars for row in said if row.stars]
    again = sum(1 for row in said if row.reopened)
    return {
        "promises": Fraction(100 * kept, promised) if promised else None,
        "reopened": Fraction(100 * again, len(requests)) if requests else None,
        "stars": Fraction(sum(stars), len(stars)) if stars else None,
    }


def scored_of(connection: Connection, scored: str, period: str, data: Any) -> tuple[Fraction, Steps] | None:
    """The score of a contract or of a crew of our own for a month; None when nothing could be measured."""
    found: dict[str, Any] = dict(measures(connection, scored, period))
    indicators = read_indicators(data)
    for each in indicators:
        found.setdefault(each.code, None)
    if all(found[each.code] is None for each in indicators):
        return None
    return score(indicators, found, rounding=Rounding(FEN.mode, 1))


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
    data = agreement.terms.scheme if agreement else {}
    found = scored_of(work.connection, scored, period, data)
    if found is None:
        raise Conflict("billing.score.nothing")
    value, steps = found
    result, supplier = decimal(value, 1), agreement.supplier if agreement else ""
    work.connection.execute(
        insert(table),
        {"scored": scored, "period": period, "supplier": supplier, "score": result, "consequence": consequence(value),
         "steps": json.dumps([step.data() for step in steps], ensure_ascii=False), "by": name, "at": work.now},
    )  # fmt: skip
    work.say(
        PerformanceScored(
            scored=scored, supplier=supplier, period=period, score=result, scheme_version=int(data.get("version", 1)),
            measures=tuple(
                Measure(indicator=code, measure=None if each is None else decimal(each).quantize(Decimal("0.0001")))
                for code, each in measures(work.connection, scored, period).items()
            ),
            consequence=consequence(value), scored_at=work.now,
        )
    )  # fmt: skip
