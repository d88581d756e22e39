"""Pages of the second factor: asking for a code, setting it up, recovery codes; and the link that lets somebody in once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import Schema, fields, validate

from services.requests import store
from services.requests.handlers import factors, links, signing
from services.requests.pages import entering
from shared.errors import Absent, Invalid
from shared.web import qr
from shared.web.addresses import own_path
from shared.web.answers import Answer, page, see_other
from shared.web.limits import Limit
from shared.web.navigation import HOMES
from shared.web.routes import PUBLIC, SIGNED_IN, Route
from shared.web.schemas import Text

if TYPE_CHECKING:
    from services.requests.store import Account
    from shared.web.context import Context

SIGN_IN = "/requests/sign-in"


class CodeForm(Schema):
    """A code, and who showed the password before."""

    ticket = fields.String(load_default="", validate=validate.Length(max=1000))
    code = Text(40, load_default="")
    next = fields.String(load_default="", validate=validate.Length(max=2000))


class ChosenPassword(Schema):
    """A new password, twice."""

    password = fields.String(load_default="", validate=validate.Length(max=512))
    again = fields.String(load_default="", validate=validate.Length(max=512))


class Nothing(Schema):
    """A form without fields."""


# ---- after the password


def ask_code(
    context: Context, account: Account, target: str, *, fault: str = "", wait: int = 0, status: int = 200
) -> Answer:
    """The page that asks for a code; the session does not exist yet."""
    ticket = factors.write_ticket(context.own, account, context.now, context.proof)
    found = page("requests/factor_code.html", status=status, ticket=ticket, target=target, fault=fault, wait=wait)
    if wait:
        found.headers["Retry-After"] = str(wait)
    return found


def show_setting_up(
    context: Context,
    account: Account,
    target: str,
    *,
    seed: bytes = b"",
    action: str = "",
    fault: str = "",
    wait: int = 0,
    status: int = 200,
) -> Answer:
    """The page on which a second factor is set up; nothing is stored before its first code is right."""
    seed = seed or factors.new_seed()
    site = context.application.site_name or context.language("shell.name")
    found = page(
        "requests/factor_set.html", status=status, ticket=factors.write_ticket(context.own, account, context.now, context.proof, seed),
        picture=qr.picture(factors.address(seed, account, site)), seed=factors.seed_text(seed),
        target=target, fault=fault, wait=wait, action=action or context.url("do_enrol"),
    )  # fmt: skip
    if wait:
        found.headers["Retry-After"] = str(wait)
    return found


def _who(context: Context, ticket: str) -> tuple[Account, factors.Ticket] | None:
    """The account of a ticket that is good here and now, as long as the account stands as it stood."""
    read = factors.read_ticket(context.own, ticket, context.now, context.proof)
    if read is None:
        return None
    with context.read() as connection:
        account = store.account_by_id(connection, read.account_id)
    if account is None or account.epoch != read.epoch or not account.may_sign_in(context.now):
        return None
    return account, read


def _trying(context: Context, account: Account) -> tuple[signing.Try, int]:
    """One try, counted like a password; and how many seconds it has to wait instead."""
    with context.work() as work:
        tried = signing.begin(work, account.user_name, entering.device_of(context), context.peer)
    return tried, max(1, int(tried.wait.total_seconds() + 0.999)) if tried.wait else 0


def give_code(context: Context) -> Answer:
    """The browser has a session when the code is right; a code counts once."""
    form = context.form()
    target = own_path(form["next"])
    found = _who(context, form["ticket"])
    if found is None:
        return see_other(SIGN_IN)
    account, _ = found
    tried, wait = _trying(context, account)
    if wait:
        return ask_code(context, account, target, fault="wait", wait=wait, status=429)
    with context.work() as work:
        right = factors.accept(work, context.own, account.id, form["code"])
        if not right:
            signing.failed(work, tried)
    if not right:
        return ask_code(context, account, target, fault="wrong", status=422)
    done, cookies = entering.signing_in(context, tried)
    return see_other(target or HOMES[done.principal.role], cookies=cookies)


def enrol(context: Context) -> Answer:
    """The second factor is set up and the browser has a session; the recovery codes are on this page and nowhere else."""
    form = context.form()
    target = own_path(form["next"])
    found = _who(context, form["ticket"])
    if found is None or not found[1].seed:
        return see_other(SIGN_IN)
    account, ticket = found
    with context.read() as connection:
        if factors.has_factor(connection, account.id):  # set up meanwhile: the way in is a code
            return see_other(SIGN_IN)
    tried, wait = _trying(context, account)
    if wait:
        return show_setting_up(context, account, target, seed=ticket.seed, fault="wait", wait=wait, status=429)
    with context.work() as work:
        codes = factors.set_up(work, context.own, account, ticket.seed, form["code"])
        if codes is None:
            signing.failed(work, tried)
    if codes is None:
        return show_setting_up(context, account, target, seed=ticket.seed, fault="wrong", status=422)
    done, cookies = entering.signing_in(context, tried)
    shown = page("requests/factor_codes.html", codes=codes, onward=target or HOMES[done.principal.role])
    shown.cookies.extend(cookies)
    return shown


# ---- on my account


def _mine(context: Context) -> Account:
    with context.read() as connection:
        account = store.account_by_id(connection, context.principal.account)
    if account is None:
        raise Absent
    return account


def show_mine(context: Context) -> Answer:
    """The page on which I set up a second factor, or another one."""
    return show_setting_up(context, _mine(context), "", action=context.url("set_factor"))


def set_mine(context: Context) -> Answer:
    """I have this second factor; an earlier one is worth nothing."""
    form = context.form()
    found = _who(context, form["ticket"])
    if found is None or not found[1].seed or found[0].id != context.principal.account:
        return see_other(context.url("show_factor"))
    account, ticket = found
    with context.work() as work:
        codes = factors.set_up(work, context.own, account, ticket.seed, form["code"])
    if codes is None:
        action = context.url("set_factor")
        return show_setting_up(context, account, "", seed=ticket.seed, action=action, fault="wrong", status=422)
    return page("requests/factor_codes.html", codes=codes, onward=context.url("me") + "#second")


def drop_mine(context: Context) -> Answer:
    """I have no second factor any more."""
    context.form()
    account = _mine(context)
    with context.work() as work:
        factors.drop_own(work, context.own, account)
    return see_other(context.url("me") + "#second")


def new_codes(context: Context) -> Answer:
    """I have other recovery codes, shown on this page and nowhere else."""
    context.form()
    account = _mine(context)
    with context.work() as work:
        if not factors.has_factor(work.connection, account.id):
            raise Absent
        codes = factors.new_codes(work, account.id)
    return page("requests/factor_codes.html", codes=codes, onward=context.url("me") + "#second")


# ---- the link


def show_welcome(context: Context, code: str) -> Answer:
    """The page on which somebody with a link chooses a password; opening it uses nothing up."""
    with context.read() as connection:
        account = links.invited(connection, code, context.now)
    if account is None:
        raise Absent
    return page("requests/welcome.html", code=code, account=account, faults={})


def welcome(context: Context, code: str) -> Answer:
    """The password is set and the link used up; signing in follows, with the second factor where there is one."""
    form = context.form()
    try:
        if form["password"] != form["again"]:
            raise Invalid(fields={"again": ["requests.password.differs"]})
        with context.work() as work:
            links.welcome(work, code, form["password"])
    except Invalid as error:
        with context.read() as connection:
            account = links.invited(connection, code, context.now)
        if account is None:
            raise Absent from error
        return page("requests/welcome.html", status=422, code=code, account=account, faults=context.errors(error))
    return see_other(SIGN_IN)


ROUTES = (
    Route("POST", "/sign-in/code", "do_code", give_code, allow=PUBLIC, accepts=CodeForm, summary="Sign in: the second factor.", max_body=20_000,
          limit=Limit(per_minute=300, burst=300, peers=1)),
    Route("POST", "/sign-in/second-factor", "do_enrol", enrol, allow=PUBLIC, accepts=CodeForm, summary="Sign in: set up the second factor.",
          max_body=20_000, limit=Limit(per_minute=300, burst=300, peers=1)),
    Route("GET", "/me/second-factor", "show_factor", show_mine, allow=SIGNED_IN, fresh=True, sample={}, summary="Set up my second factor."),
    Route("POST", "/me/second-factor", "set_factor", set_mine, allow=SIGNED_IN, accepts=CodeForm, fresh=True,
          summary="Set up my second factor.", limit=Limit(per_minute=12, burst=12)),
    Route("POST", "/me/second-factor/remove", "drop_factor", drop_mine, allow=SIGNED_IN, accepts=Nothing, fresh=True,
          summary="Give up my second factor."),
    Route("POST", "/me/recovery-codes", "new_codes", new_codes, allow=SIGNED_IN, accepts=Nothing, fresh=True, summary="New recovery codes.",
          limit=Limit(per_minute=6, burst=6)),
    Route("GET", "/welcome/<code>", "show_welcome", show_welcome, allow=PUBLIC, summary="Choose a password by a link."),
    Route("POST", "/welcome/<code>", "welcome", welcome, allow=PUBLIC, accepts=ChosenPassword, summary="Choose a password by a link.",
          limit=Limit(per_minute=30, burst=30, peers=1)),
)  # fmt: skip
