"""What is kept of crews' people beside their names: certificates, leave, declared interests. All of it binds assignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from services.dispatch import choices, store, tables
from services.dispatch.access import CREWS, DISPATCH
from services.dispatch.acts import in_words
from services.dispatch.store import forget_roster
from services.dispatch.views import skill_words
from shared.errors import Invalid
from shared.web.answers import Answer, Said, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from shared.web.context import Context
    from shared.work import Work

LEAVES = ("holiday", "sick", "training", "other")
SOON = 60  # days before a certificate ends from which it is pointed out


def _member(connection: Connection, crew: str, number: int) -> None:
    """Return when there is such a member.

    Raises:
        Invalid: there is none.
    """
    M = tables.member.c  # noqa: N806
    if connection.execute(select(M.name).where(M.crew == crew, M.number == number)).first() is None:
        raise Invalid(fields={"number": ["dispatch.field.member"]})


def certify(work: Work, crew: str, number: int, skill: str, paper: str, expires_on: date) -> None:
    """The member holds this certificate for the skill; the newest word on it counts.

    From the first certificate on, the crew has the skill only while one of its certificates is good.

    Raises:
        Invalid: no such member, or the crew does not have the skill at all.
    """
    _member(work.connection, crew, number)
    if skill not in store.read_roster(work.connection).teams[crew].skills:
        raise Invalid(fields={"skill": ["dispatch.field.skill"]})
    C = tables.certificate.c  # noqa: N806
    work.connection.execute(delete(tables.certificate).where(C.crew == crew, C.number == number, C.skill == skill))
    row = {"crew": crew, "number": number, "skill": skill, "paper": paper, "expires_on": expires_on}
    work.connection.execute(insert(tables.certificate).values(row))
    forget_roster()


def take_leave(work: Work, crew: str, number: int, from_on: date, until_on: date, kind: str, who: str) -> None:
    """The member is away on these days, the last included.

    Raises:
        Invalid: no such member, or the days end before they begin.
    """
    _member(work.connection, crew, number)
    if until_on < from_on:
        raise Invalid(fields={"until_on": ["dispatch.field.backwards"]})
    row = {"leave_id": work.new_id(), "crew": crew, "number": number, "from_on": from_on, "until_on": until_on,
           "kind": kind, "noted_by": who}  # fmt: skip
    work.connection.execute(insert(tables.leave).values(row))
    forget_roster()


def declare(work: Work, crew: str, about: str, words: str, who: str) -> None:
    """The crew has an interest in an account or a department, so it is not sent there; the same again changes its words.

    Raises:
        Invalid: no such crew, or ``about`` is a department's code alone, which is no account and would bind nobody.
    """
    if crew not in store.read_roster(work.connection).teams:
        raise Invalid(fields={"crew": ["dispatch.field.crew"]})
    if store.is_department(work.connection, about):
        raise Invalid(fields={"about": ["dispatch.field.about"]})
    I = tables.interest.c  # noqa: E741, N806
    work.connection.execute(delete(tables.interest).where(I.crew == crew, I.about == about))
    row = {"crew": crew, "about": about, "words": words, "declared_at": work.now, "declared_by": who}
    work.connection.execute(insert(tables.interest).values(row))
    forget_roster()


# ---- pages


class Certificate(Schema):
    """A member's certificate."""

    crew = Key(required=True)
    number = Whole(1, 1000, required=True)
    skill = Key(required=True)
    paper = Text(60, required=True)
    expires_on = fields.Date(required=True)


class CertificateForm(Schema):
    """The same by form: the member as the page offers it."""

    member = Key(required=True)
    skill = Key(required=True)
    paper = Text(60, required=True)
    expires_on = fields.Date(required=True)


class Leave(Schema):
    """A member's days away."""

    crew = Key(required=True)
    number = Whole(1, 1000, required=True)
    from_on = fields.Date(required=True)
    until_on = fields.Date(required=True)
    kind = fields.String(load_default="holiday", validate=validate.OneOf(LEAVES))


class LeaveForm(Schema):
    """The same by form."""

    member = Key(required=True)
    from_on = fields.Date(required=True)
    until_on = fields.Date(required=True)
    kind = fields.String(load_default="holiday", validate=validate.OneOf(LEAVES))


class Interest(Schema):
    """An interest that a crew declares."""

    crew = Key(required=True)
    about = Key(required=True)
    words = Text(200, required=True)


def _of_form(given: dict[str, Any]) -> dict[str, Any]:
    """What a form says, its member as crew and number."""
    crew, _, number = given.pop("member").rpartition(":")
    if not number.isdecimal():
        raise Invalid(fields={"member": ["dispatch.field.member"]})
    return given | {"crew": crew, "number": int(number)}


def crews_page(
    context: Context, *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200, form: str = ""
) -> Answer:
    """All crews with their people, certificates, leave and declared interests; a supplier sees its own.

    ``form`` is the one of which the errors are.
    """
    from services.dispatch.api import own_supplier

    lang, now = context.language, context.now
    today = now.date()
    supplier = own_supplier(context)
    with context.read() as connection:
        roster = store.read_roster(connection)
        teams = [team for team in roster.teams.values() if supplier is None or team.supplier == supplier]
        people = store.members(connection, [team.code for team in teams])
        papers = list(connection.execute(select(tables.certificate)))
        leaves = [row for row in connection.execute(select(tables.leave)) if row.until_on >= today]
        interests = list(connection.execute(select(tables.interest)))
        about = choices.interests(connection, lang) if supplier is None else []
        members = choices.members(connection, teams, lang)
    names = {(each.crew, each.number): each.name for each in people}
    whom = dict(about)

    def member(row: Any) -> str:
        return names.get((row.crew, row.number), "–")

    shown = [
        {
            "code": team.code, "name": team.name_in(lang.code), "active": team.active, "retired": team.retired,
            "people": [f"{each.number} {each.name}" for each in people if each.crew == team.code],
            "papers": [
                {"words": f"{member(row)} {row.paper}", "skill": skill_words(row.skill, lang), "until": row.expires_on,
                 "over": row.expires_on <= today, "soon": (row.expires_on - today).days <= SOON}
                for row in papers if row.crew == team.code
            ],
            "leaves": [
                {"words": member(row), "kind": lang(f"dispatch.leave.{row.kind}"), "from": row.from_on, "until": row.until_on}
                for row in leaves if row.crew == team.code
            ],
            "interests": [(row.about, whom.get(row.about, row.about), row.words) for row in interests if row.crew == team.code]
            if supplier is None else [],
        }
        for team in teams
    ]  # fmt: skip
    return page(
        "dispatch/crews.html", status=status, teams=shown, problem=problem, errors={form: errors or {}},
        given={form: context.posted if form else {}}, members=members, about=about,
        crews=[(team.code, team.name_in(lang.code)) for team in teams],
        kinds=[(kind, lang(f"dispatch.leave.{kind}")) for kind in LEAVES],
        skills=[(skill, skill_words(skill, lang)) for skill in sorted({s for team in teams for s in team.skills})],
    )  # fmt: skip


def _noting(form: str, do: Any, key: str) -> Any:
    def view(context: Context) -> Answer:
        try:
            given = context.form()
            with context.work() as work:
                do(work, context.principal.name, given)
        except Invalid as error:
            errors = context.errors(error)
            if "number" in errors:
                errors["member"] = errors.pop("number")
            return crews_page(context, problem=in_words(context, error), errors=errors, status=error.status, form=form)
        return see_other(context.url("crews"), said=Said(key))

    view.__name__ = form
    return view


ROUTES: tuple[Route, ...] = (
    Route("GET", "/crews", "crews", crews_page, noted="person", allow=CREWS, sample={}, summary="Crews, certificates, leave, interests."),
    Route("POST", "/crews/certificates", "certify", _noting("certify", lambda w, _, g: certify(w, **_of_form(g)), "dispatch.said.certified"),
          allow=DISPATCH, accepts=CertificateForm, summary="Note a certificate."),
    Route("POST", "/crews/leave", "take_leave", _noting("take_leave", lambda w, who, g: take_leave(w, **_of_form(g), who=who), "dispatch.said.leave"),
          allow=DISPATCH, accepts=LeaveForm, creates=True, summary="Note days away."),
    Route("POST", "/crews/interests", "declare", _noting("declare", lambda w, who, g: declare(w, **g, who=who), "dispatch.said.declared"),
          allow=DISPATCH, accepts=Interest, summary="Note a declared interest."),
)  # fmt: skip
