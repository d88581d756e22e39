"""By what a score is made: the scheme that holds in a month, what was seen beside the orders, and the measures of both."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from services.billing import office_tables, tables
from services.billing.assessment import score
from services.billing.handlers import agreeing
from services.billing.handlers.energy import saving
from services.billing.pricing.exact import fraction, read_number
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN, Rounding
from services.billing.scheme import consequences_of, read_indicators, read_scheme
from shared.clock import SITE_ZONE
from shared.contracts.billing import ObservationNoted
from shared.errors import Absent, Conflict, Forbidden, Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal

    from sqlalchemy import Connection, Row

    from services.billing.pricing.explanation import Steps
    from shared.work import Work

O = office_tables.observation.c  # noqa: E741  the table's columns, as everywhere in this service
KINDS = ("quality", "safety", "complaint", "praise")
OFFICE = ("indicators", "consequences", "praise")  # what the office agrees for all that say nothing themselves


def scheme_in(connection: Connection, scored: str, period: str) -> tuple[int, dict[str, Any]]:
    """(version, scheme) by which a contract, or a crew of our own, is scored and fined in a month.

    What was agreed for the contract stands above its terms, these above the office's own, and that above the house's
    standard (version 0).
    """
    row = connection.execute(select(tables.contract.c.terms).where(tables.contract.c.ref == scored)).first()
    terms: dict[str, Any] = json.loads(row.terms).get("scheme", {}) if row else {}
    office = agreeing.agreed_in(connection, "scheme", "", period)
    own = agreeing.agreed_in(connection, "scheme", scored, period) if row else None
    found: dict[str, Any] = {
        name: value for name, value in (office[1] if office else {}).items() if name in OFFICE and value
    }
    found |= {name: value for name, value in terms.items() if name != "version"}
    found |= {name: value for name, value in (own[1] if own else {}).items() if value not in (None, {}, [])}
    version = own[0] if own else int(terms["version"]) if "version" in terms else office[0] if office else 0
    return version, found | {"version": max(1, version)}


def check_scheme(body: dict[str, Any]) -> None:
    """Return if the scheme is sound.

    Raises:
        PricingRefused: with the field that is not.
    """
    read_scheme(body)
    if "indicators" in body:
        seen = [each["code"] for each in body["indicators"]]
        if len(set(seen)) != len(seen):
            raise PricingRefused("twice", "an indicator is given twice", "indicators")
        if not read_indicators(body):
            raise PricingRefused("missing", "there is no indicator", "indicators")
    marks = [below for below, _ in consequences_of(body)]
    if marks != sorted(marks) or any(not 0 <= mark <= 100 for mark in marks):
        raise PricingRefused("backwards", "a graver consequence has a higher mark", "consequences")
    if body.get("praise"):
        read_number(body["praise"], "praise")


def confirmed_from(connection: Connection, about: str, period: str) -> bool:
    """Whether a score is confirmed in a month or after it, of a contract or (empty) of anybody."""
    query = select(tables.score.c.scored).where(tables.score.c.period >= period).limit(1)
    if about:
        query = query.where(tables.score.c.scored == about)
    return connection.execute(query).first() is not None


# ---- what was seen


def note(
    work: Work, *, kind: str, scored: str, happened_on: date, value: Decimal, words: str, evidence: Sequence[str], name: str,
    source: str = "", source_id: str = "",
) -> str:  # fmt: skip
    """Something that was seen of a contract's supplier or of a crew of our own counts towards its score; its id.

    From another service it comes with ``source`` and ``source_id`` and is taken once for ever: a second time gives the first id.

    Raises:
        Absent: nobody of that name is scored. Invalid: a mark beyond 100, or a day in the future.
        Conflict: the score of the month is confirmed.
    """
    if source_id:
        there = work.connection.execute(
            select(O.observation_id).where(O.source == source, O.source_id == source_id)
        ).scalar()
        if there is not None:
            return str(there)
    contract = work.connection.execute(select(tables.contract).where(tables.contract.c.ref == scored)).first()
    jobs = tables.job_record.c
    crew = select(jobs.scored).where(jobs.scored == scored, jobs.supplier == "").limit(1)
    if contract is None and work.connection.execute(crew).first() is None:
        raise Absent
    if happened_on > work.now.astimezone(SITE_ZONE).date():
        raise Invalid(fields={"happened_on": ["assessing.future"]})
    if kind == "quality" and value > 100:
        raise Invalid(fields={"value": ["assessing.mark"]})
    period = f"{happened_on:%Y-%m}"
    if _is_confirmed(work.connection, scored, period):
        raise Conflict("assessing.confirmed")
    observation_id = work.new_id()
    said = work.say(
        ObservationNoted(observation_id=observation_id, kind=kind, scored=scored, period=period, value=value, evidence=tuple(evidence)),
        sequence=1,
    )  # fmt: skip
    work.connection.execute(
        insert(office_tables.observation),
        {
            "observation_id": observation_id, "source": source or "here", "source_id": source_id or observation_id, "kind": kind,
            "scored": scored, "supplier": contract.supplier if contract else "", "period": period, "happened_on": happened_on,
            "value": value, "words": words, "evidence": json.dumps(list(evidence), ensure_ascii=False), "by": work.actor,
            "name": name, "at": work.now, "said": said,
        },
    )  # fmt: skip
    return observation_id


def strike(work: Work, observation_id: str, words: str) -> Row[Any]:
    """It no longer counts; it stays to be seen with the reason.

    Raises:
        Absent: there is none that counts. Forbidden: by whoever noted it. Conflict: the score of the month is confirmed.
    """
    row = work.connection.execute(
        select(office_tables.observation).where(O.observation_id == observation_id, O.struck_by == "")
    ).first()
    if row is None:
        raise Absent
    if row.by == work.actor:
        raise Forbidden("assessing.own")
    if _is_confirmed(work.connection, row.scored, row.period):
        raise Conflict("assessing.confirmed")
    work.connection.execute(
        update(office_tables.observation)
        .where(O.observation_id == observation_id)
        .values(struck_by=work.actor, struck_words=words)
    )
    work.say(
        ObservationNoted(
            observation_id=observation_id, kind=row.kind, scored=row.scored, period=row.period, value=row.value,
            evidence=tuple(json.loads(row.evidence)), counts=False,
        ),
        sequence=2,
    )  # fmt: skip
    return row


def _is_confirmed(connection: Connection, scored: str, period: str) -> bool:
    table = tables.score.c
    query = select(table.scored).where(table.scored == scored, table.period == period)
    return connection.execute(query).first() is not None


def observations(connection: Connection, scored: Sequence[str], period: str) -> list[Row[Any]]:
    """What was seen in a month of those named, newest first."""
    query = select(office_tables.observation).where(O.period == period, O.scored.in_(list(scored)))
    return list(connection.execute(query.order_by(O.at.desc(), O.observation_id.desc()).limit(200)))


# ---- measures and scores


def measures(connection: Connection, scored: str, period: str) -> dict[str, Fraction | None]:
    """Every indicator's measure; None where there was nothing to measure.

    Promises kept in per cent; mean mark of quality checks; requests reopened in per cent; complaints (upheld by an
    independent handler, in part too, or noted here) per hundred requests; mean stars; accidents; energy and water saved
    against the same month of the year before, in per cent.
    """
    jobs, opinions = tables.job_record.c, tables.opinion.c
    rows = connection.execute(
        select(jobs.promises, jobs.kept, jobs.request_id).where(jobs.scored == scored, jobs.period == period)
    ).all()
    promised, kept = sum(row.promises for row in rows), sum(row.kept for row in rows)
    requests = {row.request_id for row in rows if row.request_id}
    opinions_of = select(jobs.request_id).where(jobs.scored == scored, jobs.period == period)
    said = connection.execute(
        select(opinions.stars, opinions.reopened).where(opinions.request_id.in_(opinions_of))
    ).all()
    stars = [row.stars for row in said if row.stars]
    again = sum(1 for row in said if row.reopened)
    seen = _seen(connection, scored, period)
    marks = seen["quality"]
    complaints = tables.complaint.c
    upheld = connection.execute(
        select(func.count()).where(
            complaints.outcome.in_(("upheld", "partly")),
            complaints.order_id.in_(select(jobs.order_id).where(jobs.scored == scored, jobs.period == period)),
        )
    ).scalar_one()
    return {
        "promises": Fraction(100 * kept, promised) if promised else None,
        "quality": sum(marks, Fraction(0)) / len(marks) if marks else None,
        "reopened": Fraction(100 * again, len(requests)) if requests else None,
        "complaints": 100 * (sum(seen["complaint"], Fraction(0)) + upheld) / len(requests) if requests else None,
        "stars": Fraction(sum(stars), len(stars)) if stars else None,
        "safety": sum(seen["safety"], Fraction(0)) if rows or seen["safety"] else None,
        "saving": saving(connection, scored, period),
    }


def _seen(connection: Connection, scored: str, period: str) -> dict[str, list[Fraction]]:
    found: dict[str, list[Fraction]] = {kind: [] for kind in KINDS}
    query = select(O.kind, O.value).where(O.scored == scored, O.period == period, O.struck_by == "")
    for kind, value in connection.execute(query):
        found[kind].append(fraction(value))
    return found


def scored_of(
    connection: Connection, scored: str, period: str, data: dict[str, Any] | None = None
) -> tuple[Fraction, Steps] | None:
    """The score of a contract or of a crew of our own for a month; None when nothing could be measured."""
    scheme = scheme_in(connection, scored, period)[1] if data is None else data
    found: dict[str, Any] = dict(measures(connection, scored, period))
    indicators = read_indicators(scheme)
    for each in indicators:
        found.setdefault(each.code, None)
    if all(found[each.code] is None for each in indicators):
        return None
    praised = sum(_seen(connection, scored, period)["praise"], Fraction(0))
    points = read_number(str(scheme.get("praise") or "0"), "praise") * praised
    return score(indicators, found, [points] if points else [], rounding=Rounding(FEN.mode, 1))


def crews(connection: Connection, period: str) -> list[str]:
    """The crews of our own that finished work in a month."""
    jobs = tables.job_record.c
    query = select(jobs.scored).where(jobs.period == period, jobs.supplier == "").distinct().order_by(jobs.scored)
    return list(connection.execute(query).scalars())


def last_months(connection: Connection, scored: Sequence[str]) -> dict[str, str]:
    """The newest month that is confirmed of each."""
    table = tables.score.c
    query = select(table.scored, func.max(table.period)).where(table.scored.in_(list(scored))).group_by(table.scored)
    return {row[0]: row[1] for row in connection.execute(query)}
