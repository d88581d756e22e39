"""Pages of the administrator: the catalogue, people and their rights, how this service runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, forms, model, store
from services.requests.handlers import accounts, factors, signing
from services.requests.pages.people import MOST_PASSWORD
from shared.errors import Absent, Invalid, Refused
from shared.web.answers import Answer, page, see_other
from shared.web.principal import ROLES
from shared.web.routes import Route
from shared.web.schemas import Key, Text

if TYPE_CHECKING:
    from services.requests.desk import Desk
    from services.requests.store import Account
    from shared.web.context import Context

PAGE = 60
HERE = "/requests/admin"


class PeopleQuery(Schema):
    """Whom to list: part of a name or number, one role."""

    q = Text(60, load_default="")
    role = fields.String(load_default="", validate=validate.OneOf(["", *ROLES]))
    cursor = fields.String(load_default="", validate=validate.Length(max=400))


class AccountForm(Schema):
    """An account's names and rights."""

    user = Key(load_default="")
    name = Text(40, required=True)
    name_en = Text(60, required=True)
    roles = fields.List(fields.String(validate=validate.OneOf(ROLES)), load_default=list)
    department = Key(load_default="")
    organisation = fields.String(
        load_default="",
        validate=[validate.Length(max=120), validate.Regexp(r"^([a-z0-9-]+(/[a-z0-9-]+)*)?$", error="field.key")],
    )
    supplier = Key(load_default="")
    crew = Key(load_default="")
    office = Key(load_default="")
    phone = forms.Phone(load_default="")
    enabled = fields.String(load_default="", validate=validate.OneOf(["", "on"]))


class PasswordForm(Schema):
    """A first password, told to the person by other means."""

    password = fields.String(required=True, validate=validate.Length(max=MOST_PASSWORD))


class TokenId(Schema):
    """One of the account's tokens."""

    token = Key(required=True)


class Bare(Schema):
    """A form of one button."""


def start(context: Context) -> Answer:
    """The administrator begins with the catalogue."""
    return see_other(context.url("admin_catalogue"))


# ---- people


def people(context: Context) -> Answer:
    """Accounts by user name."""
    asked = context.query()
    cursors = context.application.cursors
    key = cursors.read("people", asked["cursor"])
    with context.read() as connection:
        found = store.list_accounts(
            connection, text=asked["q"], role=asked["role"], after=key[0] if key else "", limit=PAGE + 1
        )
        departments = context.own.departments(connection)
    shown = found[:PAGE]
    onward = cursors.write("people", shown[-1].user_name) if len(found) > PAGE else ""
    return page(
        "requests/admin_people.html",
        accounts=shown,
        departments=departments,
        asked=asked,
        roles=ROLES,
        onward=context.url("admin_people", q=asked["q"], role=asked["role"], cursor=onward) if onward else "",
        first=context.url("admin_people", q=asked["q"], role=asked["role"]) if key else "",
    )


def new_person(context: Context) -> Answer:
    """The form of a new account."""
    return _person_page(context, None, _empty(context))


def _empty(context: Context) -> Account:
    return store.Account(
        id="", user_name="", name="", name_en="", roles=("staff",), department="", organisation=context.principal.organisation,
        supplier="", crew="", office="", phone="", password="",
    )  # fmt: skip


def make_person(context: Context) -> Answer:
    """The account exists; it cannot sign in before it has a password."""
    try:
        form = context.form()
        if not form["user"]:
            raise Invalid(fields={"user": ["field.required"]})
        wanted = _account_of(context, form, _empty(context))
        with context.work() as work:
            made = accounts.make_account(work, replace(wanted, user_name=form["user"]))
    except Refused as error:
        context.give_up()
        return _person_page(context, None, _typed(context, _empty(context)), error)
    return see_other(context.url("admin_person", account_id=made.id))


def one_person(context: Context, account_id: str) -> Answer:
    """One account: names, rights, sessions."""
    return _person_page(context, _wanted(context, account_id))


def change_person(context: Context, account_id: str) -> Answer:
    """The account has these names and rights from now on."""
    before = _wanted(context, account_id)
    try:
        after = _account_of(context, context.form(), before)
        changes = {
            name: getattr(after, name)
            for name in (
                "name",
                "name_en",
                "roles",
                "department",
                "organisation",
                "supplier",
                "crew",
                "office",
                "phone",
                "enabled",
            )
            if getattr(after, name) != getattr(before, name)
        }
        if changes:
            with context.work() as work:
                accounts.change_account(work, account_id, context.principal.account, **changes)
    except Refused as error:
        return _person_page(context, before, _typed(context, before), error)
    context.own.forget()
    return see_other(context.url("admin_person", account_id=account_id))


def give_password(context: Context, account_id: str) -> Answer:
    """The account has this password; its sessions have ended."""
    before = _wanted(context, account_id)
    try:
        password = context.form()["password"]
        with context.work() as work:
            accounts.set_password(work, account_id, password)
    except Invalid as error:
        return _person_page(context, before, error=error)
    return see_other(context.url("admin_person", account_id=account_id))


def end_sessions(context: Context, account_id: str) -> Answer:
    """Every session of the account has ended."""
    context.form()
    _wanted(context, account_id)
    with context.work() as work:
        signing.end_sessions(work, store.sessions_of(work.connection, account_id), "ended_elsewhere")
    return see_other(context.url("admin_person", account_id=account_id))


def revoke_token(context: Context, account_id: str) -> Answer:
    """The account's token and its passes are dead."""
    _wanted(context, account_id)
    with context.work() as work:
        signing.revoke_token(work, account_id, context.form()["token"])
    return see_other(context.url("admin_person", account_id=account_id) + "#tokens")


def drop_factor(context: Context, account_id: str) -> Answer:
    """The account has no second factor any more: its telephone is lost. A role that demands one wants a new one."""
    context.form()
    _wanted(context, account_id)
    with context.work() as work:
        factors.remove(work, account_id)
        signing.end_sessions(work, store.sessions_of(work.connection, account_id), "ended_elsewhere")
    return see_other(context.url("admin_person", account_id=account_id))


def _wanted(context: Context, account_id: str) -> Account:
    with context.read() as connection:
        found = store.account_by_id(connection, account_id)
    if found is None:
        raise Absent
    return found


def _account_of(context: Context, form: dict[str, Any], before: Account) -> Account:
    """The account as the form says.

    Raises:
        Invalid: no role, a department or office that is not there.
    """
    desk: Desk = context.own
    roles = tuple(dict.fromkeys(form["roles"]))
    accounts.check_roles(roles, form["supplier"])
    wrong: dict[str, list[str]] = {}
    with context.read() as connection:
        if form["department"] and form["department"] not in desk.departments(connection):
            wrong["department"] = ["field.choice"]
        if form["office"] and form["office"] not in desk.places(connection):
            wrong["office"] = ["requests.field.place"]
    if wrong:
        raise Invalid(fields=wrong)
    # The role that was shown first stays first.
    first = [role for role in before.roles if role in roles]
    return replace(
        before, name=form["name"], name_en=form["name_en"], roles=(*first, *(role for role in roles if role not in first)),
        department=form["department"], organisation=form["organisation"], supplier=form["supplier"], crew=form["crew"],
        office=form["office"], phone=form["phone"], enabled=bool(form["enabled"]),
    )  # fmt: skip


def _typed(context: Context, before: Account) -> Account:
    """What was typed, for showing the form again; nothing of it is checked."""
    posted = context.request.form
    texts = {
        name: posted.get(name, "")[:120]
        for name in ("name", "name_en", "department", "organisation", "supplier", "crew", "office", "phone")
    }
    return replace(
        before,
        **texts,  # type: ignore[arg-type]  # mypy takes every field for a candidate
        user_name=before.user_name or posted.get("user", "")[:60],
        roles=tuple(posted.getlist("roles")[:20]),
        enabled="enabled" in posted,
    )


def _person_page(
    context: Context, account: Account | None, shown: Account | None = None, error: Refused | None = None
) -> Answer:
    shown = shown or account
    assert shown is not None
    with context.read() as connection:
        sessions = (
            [each for each in store.sessions_of(connection, account.id) if each.lives(context.now)] if account else []
        )
        tokens = store.tokens_of(connection, account.id) if account else []
        factor = account is not None and factors.has_factor(connection, account.id)
        departments = context.own.departments(connection)
    code = context.language.code
    return page(
        "requests/admin_person.html",
        status=error.status if error else 200,
        account=account,
        shown=shown,
        sessions=sessions,
        tokens=tokens,
        factor=factor,
        roles=ROLES,
        departments=sorted((each.code, each.name.in_(code)) for each in departments.values()),
        errors=context.errors(error) if error else {},
        problem=context.language(error.key, **error.parameters) if error and not error.fields else "",
        fresh=(context.now - context.principal.signed_in_at).total_seconds() < 600,
    )


# ---- running


def running(context: Context) -> Answer:
    """How this service runs: what was filed today, what is open, what waits to be sent or handled."""
    with context.read() as connection:
        figures = store.figures(connection, context.now, model.day_of(context.now))
    return page("requests/admin_running.html", figures=figures)


ROUTES = (
    Route("GET", "/admin/", "admin", start, allow=access.ADMINISTER, summary="Where the administrator begins."),
    Route("GET", "/admin/people", "admin_people", people, allow=access.ADMINISTER, accepts=PeopleQuery, summary="People and rights.",
          sample={}),
    Route("GET", "/admin/people/new", "admin_new_person", new_person, allow=access.ADMINISTER, summary="A new account.", sample={}),
    Route("POST", "/admin/people/new", "admin_make_person", make_person, allow=access.ADMINISTER, accepts=AccountForm, creates=True,
          summary="Make an account."),
    Route("GET", "/admin/people/<account_id>", "admin_person", one_person, noted="person", allow=access.ADMINISTER, summary="One account."),
    Route("POST", "/admin/people/<account_id>", "admin_change_person", change_person, allow=access.ADMINISTER, accepts=AccountForm,
          summary="Change an account."),
    Route("POST", "/admin/people/<account_id>/password", "admin_password", give_password, allow=access.ADMINISTER, accepts=PasswordForm,
          fresh=True, summary="Give an account a password."),
    Route("POST", "/admin/people/<account_id>/sessions", "admin_end_sessions", end_sessions, allow=access.ADMINISTER, accepts=Bare,
          summary="End all sessions of an account."),
    Route("POST", "/admin/people/<account_id>/tokens", "admin_revoke_token", revoke_token, allow=access.ADMINISTER, accepts=TokenId,
          summary="Revoke a token of an account."),
    Route("POST", "/admin/people/<account_id>/second-factor", "admin_drop_factor", drop_factor, allow=access.ADMINISTER, accepts=Bare,
          fresh=True, summary="Take an account's second factor away."),
    Route("GET", "/admin/running", "admin_running", running, allow=access.ADMINISTER, summary="How this service runs.", sample={}),
)  # fmt: skip
