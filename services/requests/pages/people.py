"""Pages about the person: sign-in, sign-out, password asked again, role, devices, tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import Schema, fields, validate

from services.requests import store
from services.requests.handlers import accounts, factors, signing
from services.requests.pages import entering, second
from shared.contracts.base import SERVICES
from shared.errors import Absent, Invalid
from shared.web import session
from shared.web.addresses import own_path
from shared.web.answers import Answer, page, see_other
from shared.web.limits import Limit
from shared.web.navigation import HOMES
from shared.web.routes import PUBLIC, SIGNED_IN, Route
from shared.web.schemas import Key, Text, Whole

if TYPE_CHECKING:
    from services.requests.desk import Desk
    from shared.web.context import Context
    from shared.web.principal import Principal

MOST_PASSWORD = 512  # characters read at all; longer ones are wrong


class SignIn(Schema):
    """Name and password."""

    user = Text(60, load_default="")
    password = fields.String(load_default="", validate=validate.Length(max=MOST_PASSWORD))
    next = fields.String(load_default="", validate=validate.Length(max=2000))


class Confirm(Schema):
    """The password once more."""

    password = fields.String(load_default="", validate=validate.Length(max=MOST_PASSWORD))
    next = fields.String(load_default="", validate=validate.Length(max=2000))


class Role(Schema):
    """Which of one's roles."""

    role = Key(required=True)


class NextQuery(Schema):
    """Where to go afterwards."""

    next = fields.String(load_default="", validate=validate.Length(max=2000))


class NewPassword(Schema):
    """A new password, twice."""

    password = fields.String(required=True, validate=validate.Length(max=MOST_PASSWORD))
    again = fields.String(required=True, validate=validate.Length(max=MOST_PASSWORD))


class EndSession(Schema):
    """One of one's sessions."""

    session = Key(required=True)


class TokenForm(Schema):
    """A token to be made."""

    name = Text(60, required=True)
    write = fields.String(load_default="", validate=validate.OneOf(["", "on"]))
    services = fields.List(fields.String(validate=validate.OneOf(SERVICES)), load_default=lambda: ["requests"])
    days = Whole(1, signing.MOST_TOKEN_DAYS, load_default=90)


class TokenId(Schema):
    """One of one's tokens."""

    token = Key(required=True)


# ---- signing in


def show_sign_in(context: Context) -> Answer:
    """The sign-in page; somebody who is signed in goes on."""
    target = own_path(context.query()["next"])
    if context.principal_or_none is not None:
        return see_other(target or HOMES[context.principal.role])
    return _sign_in_page(context, target)


def _sign_in_page(
    context: Context, target: str, *, user: str = "", fault: str = "", left: int = 0, wait: int = 0, status: int = 200
) -> Answer:
    desk: Desk = context.own
    shown = []
    if desk.demonstration:
        with context.read() as connection:
            shown = store.shown_accounts(connection)
    found = page(
        "requests/sign_in.html", status=status, target=target, user=user, fault=fault, left=left, wait=wait, accounts=shown,
        password=accounts.DEMONSTRATION_PASSWORD if shown else "", emergency=desk.emergency,
    )  # fmt: skip
    if wait:
        found.headers["Retry-After"] = str(wait)
    return found


def sign_in(context: Context) -> Answer:
    """The browser has a session, or the page says why not; unknown, wrong and disabled look alike."""
    form = context.form()
    target = own_path(form["next"])
    with context.work() as work:
        tried = signing.begin(work, form["user"], entering.device_of(context), context.peer)
    if tried.wait:
        seconds = max(1, int(tried.wait.total_seconds() + 0.999))
        return _sign_in_page(context, target, user=form["user"], fault="wait", wait=seconds, status=429)
    if not signing.is_right(tried, form["password"], context.now, earnest=not context.own.demonstration):
        with context.work() as work:
            signing.failed(work, tried)
        return _sign_in_page(context, target, user=form["user"], fault="wrong", left=tried.left, status=422)
    assert tried.account is not None
    renewed_hash = signing.renew_hash(tried.account.password, form["password"])
    if renewed_hash:
        with context.work() as work:
            store.replace_hash(work.connection, tried.account, renewed_hash)
    with context.read() as connection:
        step = factors.next_step(connection, context.own, tried.account)
    if step:
        with context.work() as work:
            store.uncount(work.connection, (*tried.subjects, tried.peer), work.now)
    if step == "code":
        return second.ask_code(context, tried.account, target)
    if step == "enrol":
        return second.show_setting_up(context, tried.account, target)
    return enter(context, tried, target)


def enter(context: Context, tried: signing.Try, target: str) -> Answer:
    """The browser has a session: whoever ``tried`` has shown all that is asked for."""
    done, cookies = entering.signing_in(context, tried)
    return see_other(target or HOMES[done.principal.role], cookies=cookies)


def renewed(context: Context, secret: str) -> str | None:
    """A new pass for the session of this cookie; None when it has ended."""
    with context.work() as work:
        return signing.renew(work, context.own, secret)


def sign_out(context: Context) -> Answer:
    """The session has ended everywhere; this browser forgets it."""
    with context.work() as work:
        signing.sign_out(work, session.secret_of(context))
    found = see_other("/requests/sign-in", cookies=session.clear())
    found.headers["Clear-Site-Data"] = '"storage"'
    return found


def show_confirm(context: Context) -> Answer:
    """The page that asks for the password again."""
    return page("requests/confirm_password.html", target=own_path(context.query()["next"]), fault="", wait=0)


def confirm(context: Context) -> Answer:
    """The session counts as fresh for ten minutes."""
    form = context.form()
    target = own_path(form["next"])
    with context.read() as connection:
        account = store.account_by_id(connection, context.principal.account)
    if account is None:
        raise Absent
    with context.work() as work:
        tried = signing.begin(work, account.user_name, entering.device_of(context), context.peer)
    if tried.wait:
        seconds = max(1, int(tried.wait.total_seconds() + 0.999))
        return page("requests/confirm_password.html", status=429, target=target, fault="wait", wait=seconds)
    if not signing.is_right(tried, form["password"], context.now):
        with context.work() as work:
            signing.failed(work, tried)
        return page("requests/confirm_password.html", status=422, target=target, fault="wrong", wait=0)
    new = session.new_session()
    with context.work() as work:
        store.forgive(work.connection, tried.subjects)
        store.uncount(work.connection, (tried.peer,), work.now)
        signing.confirm_password(work, context.principal.session, new)
    return _go_on(context, new, target or HOMES[context.principal.role])


def change_role(context: Context) -> Answer:
    """The person acts in another role, under a new session."""
    role = context.form()["role"]
    new = session.new_session()
    with context.work() as work:
        account = store.account_by_id(work.connection, context.principal.account)
        if account is None:
            raise Absent
        signing.change_role(work, context.principal.session, account, role, new)
    return _go_on(context, new, HOMES[role])


def _go_on(context: Context, new: session.NewSession, target: str) -> Answer:
    with context.work() as work:
        signed = signing.renew(work, context.own, new.secret)
        kept = store.session_by_secret(work.connection, new.digest)
    if signed is None or kept is None:
        return see_other("/requests/sign-in", cookies=session.clear())
    seconds = int((kept.ends_at - context.now).total_seconds())
    return see_other(target, cookies=session.give(signed, secret=new.secret, seconds=seconds))


# ---- me


def me(context: Context) -> Answer:
    """Who I am here, where I am signed in, my tokens."""
    return _me_page(context)


def _me_page(
    context: Context, *, made: str = "", faults: dict[str, list[str]] | None = None, done: str = "", status: int = 200
) -> Answer:
    person = context.principal
    with context.read() as connection:
        account = store.account_by_id(connection, person.account)
        sessions = [each for each in store.sessions_of(connection, person.account) if each.lives(context.now)]
        tokens = store.tokens_of(connection, person.account)
        places = context.own.places(connection)
        factor, codes_left = (
            factors.has_factor(connection, person.account),
            factors.codes_left(connection, person.account),
        )
    if account is None:
        raise Absent
    return page(
        "requests/me.html", status=status, account=account, office=places.get(account.office), sessions=sessions, tokens=tokens,
        made=made, faults=faults or {}, done=done, services=SERVICES, fresh=_fresh(context, person),
        factor=factor, codes_left=codes_left, factor_demanded=factors.demanded(context.own, account),
    )  # fmt: skip


def _fresh(context: Context, person: Principal) -> bool:
    return (context.now - person.signed_in_at).total_seconds() < 600


def end_session(context: Context) -> Answer:
    """One of my sessions has ended; ending this one signs out."""
    wanted = context.form()["session"]
    with context.work() as work:
        mine = [each for each in store.sessions_of(work.connection, context.principal.account) if each.id == wanted]
        if not mine:
            raise Absent
        signing.end_sessions(work, mine, "ended_elsewhere")
    if wanted == context.principal.session:
        return see_other("/requests/sign-in", cookies=session.clear())
    return see_other(context.url("me"))


def set_password(context: Context) -> Answer:
    """I have another password; my other sessions have ended."""
    form = context.form()
    if form["password"] != form["again"]:
        error = Invalid(fields={"again": ["requests.password.differs"]})
        return _me_page(context, faults=context.errors(error), status=422)
    try:
        with context.work() as work:
            accounts.set_password(
                work, context.principal.account, form["password"], keep_session=context.principal.session
            )
    except Invalid as error:
        return _me_page(context, faults=context.errors(error), status=422)
    return see_other(context.url("me") + "#password")


def make_token(context: Context) -> Answer:
    """I have a new token; its text is on this page and nowhere else."""
    form = context.form()
    with context.work() as work:
        made = signing.make_token(
            work,
            context.principal,
            form["name"],
            ["read", "write"] if form["write"] else ["read"],
            form["services"] or ["requests"],
            form["days"],
        )
    return _me_page(context, made=made.text)


def revoke_token(context: Context) -> Answer:
    """The token is revoked."""
    with context.work() as work:
        signing.revoke_token(work, context.principal.account, context.form()["token"])
    return see_other(context.url("me") + "#tokens")


ROUTES = (
    *session.routes(renewed),
    Route("GET", "/sign-in", "sign_in", show_sign_in, allow=PUBLIC, accepts=NextQuery, summary="Sign in.", sample={}),
    Route("POST", "/sign-in", "do_sign_in", sign_in, allow=PUBLIC, accepts=SignIn, summary="Sign in.", max_body=20_000,
          limit=Limit(per_minute=300, burst=300, peers=1)),
    Route("POST", "/sign-out", "sign_out", sign_out, allow=SIGNED_IN, summary="Sign out."),
    Route("GET", "/session/confirm", "confirm_password", show_confirm, allow=SIGNED_IN, accepts=NextQuery, summary="The password again.",
          sample={}),
    Route("POST", "/session/confirm", "do_confirm_password", confirm, allow=SIGNED_IN, accepts=Confirm, summary="The password again."),
    Route("POST", "/session/role", "change_role", change_role, allow=SIGNED_IN, accepts=Role, summary="Act in another role."),
    Route("GET", "/me", "me", me, allow=SIGNED_IN, sample={}, summary="My account, devices and tokens."),
    Route("POST", "/me/sessions", "end_session", end_session, allow=SIGNED_IN, accepts=EndSession, summary="End one of my sessions."),
    Route("POST", "/me/password", "set_password", set_password, allow=SIGNED_IN, accepts=NewPassword, fresh=True,
          summary="Change my password."),
    Route("POST", "/me/tokens", "make_token", make_token, allow=SIGNED_IN, accepts=TokenForm, fresh=True, summary="Make a token.",
          limit=Limit(per_minute=6, burst=6)),
    Route("POST", "/me/tokens/revoke", "revoke_token", revoke_token, allow=SIGNED_IN, accepts=TokenId, summary="Revoke a token."),
)  # fmt: skip
