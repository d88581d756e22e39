"""Routes of the workforce: the roster and moves, one person, structure and turnover, work measured, make or buy."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from services.dispatch import choices, store, views, workforce
from services.dispatch.access import CREW, WORK, scoped
from services.dispatch.acts import Nothing, both, table_file
from services.dispatch.api import own_supplier
from shared.clock import SITE_ZONE, to_text
from shared.errors import Absent, Invalid
from shared.web import chart
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal as Number
from shared.web.schemas import Key, Schema, Text, fields, validate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.dispatch.roster import Roster
    from services.dispatch.workforce import Measured, Side, Someone
    from shared.language import Language
    from shared.web.context import Context

SEE = Access.to(dispatcher="all", supplier="supplier", supervisor="all", auditor="all", administrator="all")
EDIT = Access.to(dispatcher="all", administrator="all")
COMPARE = Access.to(
    dispatcher="all", contract_manager="all", finance="all", supervisor="all", auditor="all", administrator="all"
)
OWN = "bureau"  # the bureau itself in queries, where nothing means everybody


class Sought(Schema):
    """Which part of the roster."""

    employer = Key(load_default="")
    crew = Key(load_default="")
    post = fields.String(load_default="", validate=validate.OneOf(("", *workforce.POSTS)))
    grade = fields.String(
        load_default="", validate=validate.Regexp(r"^[0-9]{0,6}(\.[0-9]{1,2})?\Z", error="field.number")
    )


class Month(Schema):
    """Which month, as 2026-11; empty is the one that runs."""

    month = fields.String(
        load_default="", validate=validate.Regexp(r"^([0-9]{4}-(0[1-9]|1[0-2]))?\Z", error="field.date")
    )


class Hire(Schema):
    """Somebody who begins here."""

    name = Text(30, required=True)
    crew = Key(required=True)
    post = fields.String(load_default="worker", validate=validate.OneOf(workforce.POSTS))
    grade = Number(2, least="0", most="1000000", load_default=None, allow_none=True)
    born_on = fields.Date(load_default=None, allow_none=True)
    joined_on = fields.Date(load_default=None, allow_none=True)
    education = fields.String(load_default="", validate=validate.OneOf(("", *workforce.EDUCATIONS)))
    account = Key(load_default="")


class When(Schema):
    """From when: an instant, or a day at the site (its beginning; today is now)."""

    people = fields.List(
        Key(),
        required=True,
        validate=validate.Length(min=1, max=workforce.MOST_AT_ONCE, error="workforce.field.people"),
    )
    on = fields.Date(load_default=None, allow_none=True)
    at = fields.AwareDateTime(load_default=None, allow_none=True)


class Move(When):
    """People who go to another crew, with its employer."""

    crew = Key(required=True)
    post = fields.String(load_default="", validate=validate.OneOf(("", *workforce.POSTS)))
    grade = Number(2, least="0", most="1000000", load_default=None, allow_none=True)
    reason = fields.String(load_default="need", validate=validate.OneOf(workforce.REASONS))


class Leaving(When):
    """People who leave."""

    reason = fields.String(load_default="resigned", validate=validate.OneOf(workforce.LEAVINGS))


class Doers(Schema):
    """Who of the crew does the order; nobody named means all of it."""

    people = fields.List(Key(), load_default=list, validate=validate.Length(max=50))


class SomeoneForm(Schema):
    """A person. Dates of birth are shown to nobody but those who keep the roster."""

    person_id = fields.String()
    name = fields.String()
    employer = fields.String()
    crew = fields.String()
    post = fields.String()
    grade = fields.String()
    since_at = fields.String()
    age = fields.Integer(allow_none=True)
    service = fields.Integer(allow_none=True)
    education = fields.String()
    moves_to = fields.String(allow_none=True)
    moves_at = fields.String(allow_none=True)


class PeopleForm(Schema):
    """The roster."""

    people = fields.List(fields.Nested(SomeoneForm))


class SpanForm(Schema):
    """Where a person belonged, from when until when."""

    employer = fields.String()
    crew = fields.String()
    post = fields.String()
    grade = fields.String()
    since_at = fields.String()
    until_at = fields.String(allow_none=True)
    reason = fields.String()


class PersonForm(Schema):
    """A person with their history."""

    person_id = fields.String()
    name = fields.String()
    history = fields.List(fields.Nested(SpanForm))


class FiguresForm(Schema):
    """A report as it is drawn: tables of rows."""

    tables = fields.Dict(keys=fields.String(), values=fields.Raw())


# ---- the roster


def _text(at: datetime | None) -> str | None:
    return to_text(at) if at is not None else None


def _from(context: Context, given: dict[str, Any]) -> datetime:
    if given["at"] is not None:
        return given["at"]  # type: ignore[no-any-return]
    day = given["on"]
    today = context.now.astimezone(SITE_ZONE).date()
    if day is None or day == today:
        return context.now
    return datetime(day.year, day.month, day.day, tzinfo=SITE_ZONE)


def _grade(value: Decimal | None) -> str:
    return format(value, "f") if value is not None else ""


def _seen_by(context: Context, asked: str) -> str | None:
    """Whose people are read: a supplier's own and no others', else those asked for."""
    own = own_supplier(context)
    if own is not None:
        return own
    return "" if asked == OWN else asked or None


def employer_words(code: str, roster: Roster, lang: Language) -> str:
    """The employer in words."""
    return roster.supplier_name(code, lang.code) if code else lang("workforce.bureau")


def crew_words(code: str, roster: Roster, lang: Language) -> str:
    """The crew alone, without its leader."""
    team = roster.teams.get(code)
    return choices.crew_name(team, lang) if team else code


def _found(context: Context, asked: dict[str, Any]) -> tuple[list[Someone], Roster]:
    with context.read() as connection:
        people = workforce.people_at(
            connection, context.now, supplier=_seen_by(context, asked["employer"]), crew=asked["crew"], post=asked["post"],
            grade=asked["grade"],
        )  # fmt: skip
        return people, store.read_roster(connection)


def roster_page(
    context: Context, *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200
) -> Answer:
    """Who works here, by employer, crew, post and wage grade; moves and leavings of those marked."""
    lang = context.language
    asked = context.query() if not context.route.changes else {"employer": "", "crew": "", "post": "", "grade": ""}
    people, roster = _found(context, asked)
    today = context.now.astimezone(SITE_ZONE).date()
    own = own_supplier(context)
    teams = [team for team in roster.teams.values() if own is None or team.supplier == own]
    with context.read() as connection:
        accounts = choices.unused_accounts(connection, teams, lang)
    rows = [
        {"id": each.person_id, "name": each.name, "href": context.url("person", person_id=each.person_id),
         "employer": employer_words(each.employer, roster, lang), "crew": crew_words(each.crew, roster, lang),
         "post": lang(f"workforce.post.{each.post}"), "grade": lang.amount(Decimal(each.grade) if each.grade else None),
         "age": each.age(today) if each.age(today) is not None else "–",
         "service": each.service(today) if each.service(today) is not None else "–",
         "waiting": _waiting(each, roster, lang, context.now)}
        for each in people
    ]  # fmt: skip
    employers = [("", lang("workforce.everybody")), (OWN, lang("workforce.bureau")),
                 *((code, roster.supplier_name(code, lang.code)) for code in sorted(roster.suppliers))]  # fmt: skip
    grades = sorted({each.grade for each in people if each.grade}, key=Decimal)
    return page(
        "dispatch/workforce.html", status=status, rows=rows, asked=asked, problem=problem, errors=errors or {},
        given=context.posted if problem else {}, employers=employers if own is None else [],
        crews=[(team.code, f"{crew_words(team.code, roster, lang)} · {employer_words(team.supplier, roster, lang)}") for team in teams],
        accounts=accounts,
        posts=[(post, lang(f"workforce.post.{post}")) for post in workforce.POSTS],
        grades=[(each, lang.number(Decimal(each))) for each in grades],
        reasons=[(each, lang(f"workforce.reason.{each}")) for each in workforce.REASONS],
        leavings=[(each, lang(f"workforce.reason.{each}")) for each in workforce.LEAVINGS],
        educations=[(each, lang(f"workforce.education.{each}")) for each in workforce.EDUCATIONS],
        paid=lang.number(sum((Decimal(each.grade) for each in people if each.grade), Decimal(0))),
    )  # fmt: skip


def _waiting(each: Someone, roster: Roster, lang: Language, now: datetime) -> str:
    if each.waiting is None:
        return ""
    crew, at = each.waiting
    if not crew:
        return lang("workforce.leaves", time=lang.when(at, now))
    return lang("workforce.goes", crew=crew_words(crew, roster, lang), time=lang.when(at, now))


def roster_file(context: Context) -> Answer:
    """The roster as CSV."""
    lang = context.language
    people, roster = _found(context, context.query())
    today = context.now.astimezone(SITE_ZONE).date()
    head = [
        lang(f"workforce.{name}")
        for name in ("name", "employer", "crew", "post_word", "grade", "age", "service", "education_word")
    ]
    rows = [
        [each.name, employer_words(each.employer, roster, lang), crew_words(each.crew, roster, lang),
         lang(f"workforce.post.{each.post}"), each.grade, each.age(today), each.service(today),
         lang(f"workforce.education.{each.education}") if each.education else ""]
        for each in people
    ]  # fmt: skip
    return table_file(f"roster-{today}.csv", head, rows)


def people_list(context: Context) -> Answer:
    """The roster."""
    people, _ = _found(context, context.query())
    today = context.now.astimezone(SITE_ZONE).date()
    return answer({"people": [
        {"person_id": each.person_id, "name": each.name, "employer": each.employer, "crew": each.crew, "post": each.post,
         "grade": each.grade, "since_at": to_text(each.since_at), "age": each.age(today), "service": each.service(today),
         "education": each.education, "moves_to": each.waiting[0] if each.waiting else None,
         "moves_at": to_text(each.waiting[1]) if each.waiting else None}
        for each in people
    ]})  # fmt: skip


# ---- one person


def _person(context: Context, person_id: str) -> tuple[Any, list[Any]]:
    """A person and what of their history this reader may see: a supplier only its own people, and their time with it."""
    with context.read() as connection:
        row, rows = workforce.history(connection, person_id)
    own = own_supplier(context)
    if own is None:
        return row, rows
    holds = [
        each for each in rows if each.since_at <= context.now and (each.until_at is None or each.until_at > context.now)
    ]
    if not holds or holds[0].employer != own or not holds[0].crew:
        raise Absent
    return row, [each for each in rows if each.employer == own and each.crew]


def person(
    context: Context, person_id: str, *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200
) -> Answer:
    """One person: where they belonged and when, and the move that waits."""
    lang, now = context.language, context.now
    row, rows = _person(context, person_id)
    with context.read() as connection:
        roster = store.read_roster(connection)
    today = now.astimezone(SITE_ZONE).date()
    spans = [
        {"employer": employer_words(each.employer, roster, lang) if each.crew else "–",
         "crew": crew_words(each.crew, roster, lang) if each.crew else lang("workforce.gone"),
         "post": lang(f"workforce.post.{each.post}") if each.crew else "", "grade": each.grade,
         "since": each.since_at, "until": each.until_at, "ahead": each.since_at > now,
         "reason": lang(f"workforce.reason.{each.reason}")}
        for each in reversed(rows)
    ]  # fmt: skip
    return page(
        "dispatch/person.html", status=status, problem=problem, name=row.name, spans=spans, person_id=person_id,
        waits=any(span["ahead"] for span in spans),
        facts=[
            (lang("workforce.age"), str(workforce.years(row.born_on, today)) if row.born_on else "–"),
            (lang("workforce.education_word"), lang(f"workforce.education.{row.education}") if row.education else "–"),
            (lang("workforce.joined"), row.joined_on.isoformat() if row.joined_on else "–"),
        ],
    )  # fmt: skip


def one_person(context: Context, person_id: str) -> Answer:
    """One person with their history."""
    row, rows = _person(context, person_id)
    return answer({"person_id": row.person_id, "name": row.name, "history": [
        {"employer": each.employer, "crew": each.crew, "post": each.post, "grade": each.grade, "since_at": to_text(each.since_at),
         "until_at": _text(each.until_at), "reason": each.reason}
        for each in rows
    ]})  # fmt: skip


def _hire(context: Context, given: dict[str, Any]) -> str:
    with context.work() as work:
        return workforce.hire(work, **(given | {"grade": _grade(given["grade"])}), who=context.principal.name)


def _move(context: Context, given: dict[str, Any]) -> None:
    with context.work() as work:
        workforce.move(work, given["people"], given["crew"], _from(context, given), context.principal.name, given["reason"],
                       post=given["post"], grade=_grade(given["grade"]))  # fmt: skip


def _leave(context: Context, given: dict[str, Any]) -> None:
    with context.work() as work:
        workforce.leave(work, given["people"], _from(context, given), context.principal.name, given["reason"])


def _undo(context: Context, given: dict[str, Any], person_id: str) -> None:
    with context.work() as work:
        workforce.undo_move(work, person_id)


# ---- reports


def month_of(context: Context) -> tuple[datetime, datetime, str]:
    """The month that the query names, from its first instant to the next one's, and its name."""
    text = context.query()["month"] or f"{context.now.astimezone(SITE_ZONE):%Y-%m}"
    year, month = int(text[:4]), int(text[5:])
    if not 2000 <= year <= 2200:
        raise Invalid(fields={"month": ["field.date"]})
    since = datetime(year, month, 1, tzinfo=SITE_ZONE)
    until = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=SITE_ZONE)
    return since, until, text


def months_around(text: str, until: datetime, now: datetime) -> tuple[str, str]:
    """The months before and after; empty for one that has not begun."""
    first = datetime(int(text[:4]), int(text[5:]), 1, tzinfo=SITE_ZONE)
    return f"{first - timedelta(days=1):%Y-%m}", f"{until:%Y-%m}" if until <= now else ""


def _band(name: str, lang: Language, unit: str) -> str:
    return (
        lang("workforce.unknown")
        if not name
        else lang(
            f"workforce.band.{unit}",
            band=name.strip("-"),
            low="<" if name[0] == "-" else "",
            high="+" if name[-1] == "-" else "",
        )
    )


def _structure(context: Context) -> tuple[Any, dict[str, list[list[Any]]]]:
    lang = context.language
    with context.read() as connection:
        found = workforce.structure(connection, context.now, own_supplier(context))
        roster = store.read_roster(connection)
    shown: dict[str, list[list[Any]]] = {
        "ages": [[_band(name, lang, "age"), n] for name, n in found.ages],
        "services": [[_band(name, lang, "years"), n] for name, n in found.services],
        "educations": [
            [lang(f"workforce.education.{name}") if name else lang("workforce.unknown"), n]
            for name, n in found.educations
        ],
        "employers": [[employer_words(name, roster, lang), n] for name, n in found.employers],
        "grades": [[lang.number(Decimal(name)) if name else lang("workforce.unknown"), n] for name, n in found.grades],
        "months": [[name, came, went] for name, came, went in found.months],
    }
    return found, shown


def structure(context: Context) -> Answer:
    """Age, education, service and employers of the workforce, and how it comes and goes."""
    lang = context.language
    found, shown = _structure(context)
    figures = []
    for name in ("ages", "services", "educations", "employers", "grades"):
        if not shown[name]:
            continue
        most = max(shown[name], key=lambda row: row[1])
        title = lang(f"workforce.title.{name}", group=most[0], n=most[1], of=found.count)
        figures.append(
            chart.bars(
                title,
                [(row[0], row[1]) for row in shown[name]],
                head=(lang(f"workforce.{name}"), lang("workforce.people")),
            )
        )
    title = lang("workforce.title.months", went=found.went, percent=str(found.turnover))
    figures.append(chart.lines(
        title, [row[0] for row in shown["months"]],
        [chart.Series(lang("workforce.came"), [row[1] for row in shown["months"]]),
         chart.Series(lang("workforce.went"), [row[2] for row in shown["months"]])], head=lang("workforce.month")))  # fmt: skip
    return page("dispatch/structure.html", figures=figures, found=found)


def structure_file(context: Context) -> Answer:
    """The same as CSV."""
    lang = context.language
    _, shown = _structure(context)
    rows = [[lang(f"workforce.{name}"), *row] for name in shown for row in shown[name]]
    head = [lang("workforce.kind"), lang("workforce.group"), lang("workforce.people"), lang("workforce.went")]
    return table_file("workforce.csv", head, rows)


def api_structure(context: Context) -> Answer:
    """The same as JSON."""
    found, shown = _structure(context)
    return answer({"tables": {**shown, "turnover": [[str(found.turnover), found.went, str(found.average)]]}})


def _measured(context: Context, *, only: str = "") -> tuple[list[Measured], Roster, str, datetime]:
    since, until, text = month_of(context)
    supplier = None if only else own_supplier(context)
    with context.read() as connection:
        found = workforce.measure(
            connection, since, until, context.now, supplier=supplier, share=context.own.performance_share
        )
        roster = store.read_roster(connection)
    return [line for line in found if not only or line.person.account == only], roster, text, until


def _line(line: Measured, roster: Roster, lang: Language) -> list[Any]:
    def shown(value: Decimal | None, sign: str = "") -> str:
        return "–" if value is None else f"{lang.number(value)}{sign}"

    return [
        line.person.name, crew_words(line.person.crew, roster, lang), shown(round(line.orders, 2)), shown(round(line.hours, 1)),
        shown(line.on_time, "%"), shown(line.average_stars), shown(round(line.redone, 2)),
        str(line.points) if line.orders else "–", lang.amount(Decimal(line.person.grade) if line.person.grade else None),
        lang.amount(line.proposed),
    ]  # fmt: skip


COLUMNS = ("name", "crew", "orders", "hours", "on_time", "stars", "redone", "points", "grade", "proposed")


def measured(context: Context) -> Answer:
    """What each person's work of a month amounts to, and what the score proposes for pay."""
    lang = context.language
    lines, roster, text, until = _measured(context)
    before, after = months_around(text, until, context.now)
    best = [line for line in lines if line.orders][:12]
    figures = []
    if best:
        title = lang("workforce.title.points", name=best[0].person.name, n=best[0].points)
        figures.append(
            chart.bars(
                title,
                [(line.person.name, line.points) for line in best],
                head=(lang("workforce.name"), lang("workforce.points")),
            )
        )
    return page(
        "dispatch/measured.html", rows=[_line(line, roster, lang) for line in lines], figures=figures, month=text,
        before=before, after=after, columns=COLUMNS, share=context.own.performance_share, mine=False,
    )  # fmt: skip


def my_measure(context: Context) -> Answer:
    """The reader's own work of a month, as it will be shown to those who decide."""
    lang = context.language
    lines, roster, text, until = _measured(context, only=context.principal.account)
    before, after = months_around(text, until, context.now)
    return page(
        "dispatch/measured.html", rows=[_line(line, roster, lang) for line in lines], figures=[], month=text, before=before,
        after=after, columns=COLUMNS, share=context.own.performance_share, mine=True,
    )  # fmt: skip


def measured_file(context: Context) -> Answer:
    """The same as CSV."""
    lang = context.language
    lines, roster, text, _ = _measured(context)
    rows = [
        [line.person.name, crew_words(line.person.crew, roster, lang), round(line.orders, 2), round(line.hours, 2), line.on_time,
         line.average_stars, round(line.redone, 2), line.points if line.orders else None, line.person.grade, line.proposed]
        for line in lines
    ]  # fmt: skip
    return table_file(f"measured-{text}.csv", [lang(f"workforce.{name}") for name in COLUMNS], rows)


def api_measured(context: Context) -> Answer:
    """The same as JSON."""
    lines, _, _, _ = _measured(context)
    rows = [
        {"person_id": line.person.person_id, "name": line.person.name, "crew": line.person.crew, "orders": str(round(line.orders, 2)),
         "hours": str(round(line.hours, 2)), "on_time": _number(line.on_time), "stars": _number(line.average_stars),
         "redone": str(round(line.redone, 2)), "points": line.points if line.orders else None,
         "grade": line.person.grade, "proposed": _number(line.proposed)}
        for line in lines
    ]  # fmt: skip
    return answer({"tables": {"people": rows}})


def _number(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _sides(context: Context) -> tuple[dict[str, list[Side]], Roster, str, datetime]:
    since, until, text = month_of(context)
    with context.read() as connection:
        roster = store.read_roster(connection)
        found = workforce.make_or_buy(connection, roster, since, until, context.now, context.own.overhead)
    return found, roster, text, until


def make_or_buy(context: Context) -> Answer:
    """Own crews beside each supplier under contract, by item: what an order takes and costs, and how well it is done."""
    lang = context.language
    found, roster, text, until = _sides(context)
    before, after = months_around(text, until, context.now)
    rows, dear = [], []
    for item, sides in found.items():
        own = next((side for side in sides if not side.supplier), None)
        for side in sides:
            verdict = ""
            if side.supplier and side.each is not None and own is not None and own.each is not None:
                verdict = lang(
                    "workforce.cheaper" if side.each < own.each else "workforce.dearer",
                    yuan=lang.number(abs(side.each - own.each)),
                )
                if side.each < own.each:
                    dear.append((own.each - side.each, item))
            rows.append([
                views.item_name(item, lang), employer_words(side.supplier, roster, lang), side.contract or "–", str(side.orders),
                lang.number(side.hours), lang.number(side.hourly) if side.hourly is not None else "–",
                lang.number(side.each) if side.each is not None else "–",
                f"{lang.number(side.on_time)}%" if side.on_time is not None else "–", str(side.redone), verdict,
            ])  # fmt: skip
    best = max(dear, default=None)
    return page(
        "dispatch/make_or_buy.html", rows=rows, month=text, before=before, after=after, overhead=context.own.overhead,
        best=lang("workforce.best", item=views.item_name(best[1], lang), yuan=lang.number(best[0])) if best else "",
    )  # fmt: skip


def make_or_buy_file(context: Context) -> Answer:
    """The same as CSV."""
    lang = context.language
    found, roster, text, _ = _sides(context)
    head = [
        lang(f"workforce.{name}")
        for name in ("item", "partner", "contract", "orders", "hours", "hourly", "each", "on_time", "redone")
    ]
    return table_file(f"make-or-buy-{text}.csv", head, _side_rows(found, roster, lang))


def _side_rows(found: dict[str, list[Side]], roster: Roster, lang: Language) -> Iterable[list[Any]]:
    for item, sides in found.items():
        for side in sides:
            yield [views.item_name(item, lang), employer_words(side.supplier, roster, lang), side.contract, side.orders,
                   side.hours, side.hourly, side.each, side.on_time, side.redone]  # fmt: skip


def api_make_or_buy(context: Context) -> Answer:
    """The same as JSON, amounts as text."""
    found, _, _, _ = _sides(context)
    return answer({"tables": {item: [
        {"supplier": side.supplier, "contract": side.contract, "orders": side.orders, "hours": str(side.hours),
         "hourly": _number(side.hourly), "each": _number(side.each), "on_time": _number(side.on_time), "redone": side.redone}
        for side in sides
    ] for item, sides in found.items()}})  # fmt: skip


# ---- who does an order


def _named(context: Context, given: dict[str, Any], ref: str) -> None:
    with context.work() as work:
        order = store.order(work.connection, views.full(ref, context.now), lock=True)
        context.check(scoped(order))
        assert order is not None
        if order.state not in views.model.HELD:
            raise Invalid(fields={"people": ["workforce.field.of_crew"]})
        workforce.name_people(work, order.order_id, order.crew, given["people"], context.principal.name)


def _order_again(context: Context, ref: str, **more: Any) -> Answer:
    from services.dispatch.pages import order_page

    return order_page(context, ref, problem=more["problem"], status=more["status"])


def _to_roster(context: Context, **_: str) -> str:
    return context.url("workforce")


ROUTES: tuple[Route, ...] = (
    Route("GET", "/workforce", "workforce", roster_page, noted="person", allow=SEE, accepts=Sought, sample={}, summary="The roster."),
    Route("GET", "/workforce.csv", "workforce_file", roster_file, allow=SEE, kind="file", accepts=Sought, summary="The roster as CSV."),
    Route("GET", "/workforce/structure", "structure", structure, allow=SEE, sample={}, summary="Age, service, education, turnover."),
    Route("GET", "/workforce/structure.csv", "structure_file", structure_file, allow=SEE, kind="file", summary="The same as CSV."),
    Route("GET", "/workforce/measured", "measured", measured, noted="person", allow=SEE, accepts=Month, sample={}, summary="Work measured by person."),
    Route("GET", "/workforce/measured.csv", "measured_file", measured_file, allow=SEE, kind="file", accepts=Month, summary="The same as CSV."),
    Route("GET", "/crew/mine", "my_measure", my_measure, allow=CREW, accepts=Month, sample={}, summary="My own work of a month."),
    Route("GET", "/workforce/make-or-buy", "make_or_buy", make_or_buy, allow=COMPARE, accepts=Month, sample={}, summary="Own crews beside suppliers."),
    Route("GET", "/workforce/make-or-buy.csv", "make_or_buy_file", make_or_buy_file, allow=COMPARE, kind="file", accepts=Month, summary="The same as CSV."),
    Route("GET", "/workforce/people/<person_id>", "person", person, noted="person", allow=SEE, summary="One person's history.",
          sample={"person_id": workforce.first_id("in-elec-1", 1)}),
    *both("/workforce/hire", "hire", _hire, Hire, EDIT, "Somebody begins here.", again=roster_page, back=_to_roster,
          said="workforce.said.hired", api="/api/people"),
    *both("/workforce/move", "move_people", _move, Move, EDIT, "People go to another crew and its employer from an instant on.",
          again=roster_page, back=_to_roster, said="workforce.said.moved", api="/api/people/moves"),
    *both("/workforce/leave", "people_leave", _leave, Leaving, EDIT, "People leave from an instant on.", again=roster_page,
          back=_to_roster, said="workforce.said.left", api="/api/people/leavings"),
    *both("/workforce/people/<person_id>/undo", "undo_move", _undo, Nothing, EDIT, "A move that has not begun is taken back.",
          again=person, back=lambda context, person_id: context.url("person", person_id=person_id),
          said="workforce.said.undone", api="/api/people/<person_id>/undo"),
    *both("/orders/<ref>/people", "name_people", _named, Doers, WORK, "Name who of the crew does the order.",
          again=_order_again, back=lambda context, ref: context.url("order", ref=ref), said="workforce.said.named"),
    Route("GET", "/api/people", "api_people", people_list, noted="person", allow=SEE, kind="api", accepts=Sought, answers=PeopleForm, summary="The roster."),
    Route("GET", "/api/people/<person_id>", "api_person", one_person, noted="person", allow=SEE, kind="api", answers=PersonForm, summary="One person's history."),
    Route("GET", "/api/workforce/structure", "api_structure", api_structure, allow=SEE, kind="api", answers=FiguresForm, summary="Structure and turnover."),
    Route("GET", "/api/workforce/measured", "api_measured", api_measured, noted="person", allow=SEE, kind="api", accepts=Month, answers=FiguresForm, summary="Work measured by person."),
    Route("GET", "/api/workforce/make-or-buy", "api_make_or_buy", api_make_or_buy, allow=COMPARE, kind="api", accepts=Month, answers=FiguresForm, summary="Own crews beside suppliers."),
)  # fmt: skip
