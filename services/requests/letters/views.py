"""How each person is told: address, language, topics, own address for requests; stopping by link; what stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access
from services.requests.letters import boxes, queue, writing
from services.requests.notices.rules import MAILS, RULES, TOPICS, of_topic
from shared.errors import Absent, Conflict, Forbidden, Invalid
from shared.web.answers import Answer, Said, answer, nothing, page, see_other
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, SIGNED_IN, Route
from shared.web.schemas import Instant, Text

if TYPE_CHECKING:
    from services.requests.letters.boxes import Box
    from services.requests.letters.office import Office
    from shared.language import Code
    from shared.web.context import Context

LANGUAGES = ("zh-Hans", "en")
PAGE = 50
SELDOM = Limit(per_minute=6, burst=6)
CODES = Limit(per_minute=1, burst=4)  # they are mailed to whatever address is given


class AddressForm(Schema):
    """An address to be verified."""

    address = Text(254, required=True)


class CodeForm(Schema):
    """The code that was mailed there."""

    code = Text(20, required=True)


# The language of letters, and how each topic and each kind (``request-approved``) is wanted; empty follows the rules, of a
# kind its topic.
ChoicesForm = Schema.from_dict(
    {
        "language": fields.String(load_default="", validate=validate.OneOf(["", *LANGUAGES])),
        **{topic: fields.String(load_default="", validate=validate.OneOf(["", *boxes.WAYS])) for topic in TOPICS},
        **{
            kind.replace(".", "-"): fields.String(load_default="", validate=validate.OneOf(["", *MAILS]))
            for kind in RULES
        },
    },
    name="ChoicesForm",
)


class ChoicesBody(Schema):
    """The same for programs: topics and kinds that are not named stay as they are."""

    language = fields.String(validate=validate.OneOf(LANGUAGES))
    topics = fields.Dict(
        keys=fields.String(validate=validate.OneOf(TOPICS)),
        values=fields.String(validate=validate.OneOf(["", *boxes.WAYS])),
        load_default=dict,
    )
    kinds = fields.Dict(
        keys=fields.String(validate=validate.OneOf(list(RULES))),
        values=fields.String(validate=validate.OneOf(["", *MAILS])),
        load_default=dict,
    )


class MailOut(Schema):
    """Where somebody has mail, and how each topic is wanted; empty follows the rules. ``kinds``: those chosen singly."""

    address = fields.String()
    verified_at = Instant(allow_none=True)
    refused = fields.String()
    wanted = fields.String()
    language = fields.String()
    topics = fields.Dict(keys=fields.String(), values=fields.String())
    kinds = fields.Dict(keys=fields.String(), values=fields.String())
    own_address = fields.Boolean()


class OwnOut(Schema):
    """One's own address for requests; told this once."""

    address = fields.String()


class Bare(Schema):
    """A form of one button."""


class Nothing(Schema):
    """An empty object."""


class StopForm(Schema):
    """The token of the link in a letter."""

    token = Text(200, required=True)


class LettersQuery(Schema):
    """Where the list goes on."""

    cursor = fields.String(load_default="", validate=validate.Length(max=400))


# ---- my mail


def show(context: Context) -> Answer:
    """Where and how I am told."""
    return _page(context)


def _page(context: Context, *, own: str = "", error: Invalid | None = None) -> Answer:
    office: Office = context.own.office
    account = context.principal.account
    with context.read() as connection:
        box = boxes.of_account(connection, account)
        chosen = boxes.choices(connection, [account]).get(account, {})
    return page(
        "requests/mail.html", status=error.status if error else 200, box=box, chosen=chosen, own=own,
        topics=[(topic, of_topic(topic)) for topic in TOPICS], ways=boxes.WAYS, single=MAILS,
        office=office, errors=context.errors(error) if error else {}, languages=LANGUAGES,
        fresh=(context.now - context.principal.signed_in_at).total_seconds() < 600,
    )  # fmt: skip


def _want(context: Context, address: str) -> None:
    office: Office = context.own.office
    if office.smtp is None:
        raise Forbidden("letter.page.off")
    with context.work() as work:
        language = _code(context)
        code = boxes.want(work, context.principal.account, address, language)
        writing.write_code(work, office, context.principal.account, address, code, language)


def _code(context: Context) -> Code:
    return "en" if context.language.code == "en" else "zh-Hans"


def want(context: Context) -> Answer:
    """A code is on its way to the address."""
    try:
        _want(context, context.form()["address"])
    except Invalid as error:
        return _page(context, error=error)
    return see_other(context.url("my_mail"), said=Said("letter.said.sent"))


def _verify(context: Context, code: str) -> None:
    with context.work() as work:
        done = boxes.verify(work, context.principal.account, code)
    if not done:
        raise Invalid(fields={"code": ["letter.field.code"]})


def verify(context: Context) -> Answer:
    """The address is mine."""
    try:
        _verify(context, context.form()["code"])
    except Invalid as error:
        return _page(context, error=error)
    return see_other(context.url("my_mail"), said=Said("letter.said.verified"))


def drop(context: Context) -> Answer:
    """I have no address any more."""
    context.form()
    with context.work() as work:
        boxes.drop(work, context.principal.account)
    return see_other(context.url("my_mail"), said=Said("letter.said.dropped"))


def choose(context: Context) -> Answer:
    """Topics and kinds are wanted so from now on."""
    form = context.form()
    language = form.pop("language")
    with context.work() as work:
        boxes.choose(work, context.principal.account, {name.replace("-", "."): mail for name, mail in form.items()})
        if language:
            boxes.speak(work, context.principal.account, language)
    return see_other(context.url("my_mail"), said=Said("letter.said.saved"))


def _own(context: Context) -> str:
    office: Office = context.own.office
    if not office.intake:
        raise Conflict("letter.page.intake_off")
    with context.work() as work:
        secret = boxes.make_secret(work, context.principal.account)
    local, _, domain = office.sender.rpartition("@")
    return f"{local}+{secret}@{domain}"


def make_own(context: Context) -> Answer:
    """I have an address of my own for requests, shown this once."""
    context.form()
    return _page(context, own=_own(context))


def drop_own(context: Context) -> Answer:
    """My own address for requests is void."""
    context.form()
    with context.work() as work:
        boxes.drop_secret(work, context.principal.account)
    return see_other(context.url("my_mail"))


# ---- the same for programs


def mail_api(context: Context) -> Answer:
    """Where and how I am told."""
    account = context.principal.account
    with context.read() as connection:
        box = boxes.of_account(connection, account)
        chosen = boxes.choices(connection, [account]).get(account, {})
    return answer(_out(box, chosen))


def _out(box: Box | None, chosen: dict[str, str]) -> dict[str, Any]:
    return {
        "address": box.address if box else "", "verified_at": box.verified_at if box else None,
        "refused": box.refused if box else "", "wanted": box.wanted if box else "", "language": box.language if box else "zh-Hans",
        "topics": {topic: chosen.get(topic, "") for topic in TOPICS},
        "kinds": {kind: way for kind, way in chosen.items() if kind in RULES}, "own_address": bool(box and box.secret),
    }  # fmt: skip


def choose_api(context: Context) -> Answer:
    """Topics and kinds are wanted so from now on."""
    body = context.json()
    account = context.principal.account
    with context.work() as work:
        boxes.choose(work, account, {**body["topics"], **body["kinds"]})
        if "language" in body:
            boxes.speak(work, account, body["language"])
        box = boxes.of_account(work.connection, account)
        chosen = boxes.choices(work.connection, [account]).get(account, {})
    return answer(_out(box, chosen))


def want_api(context: Context) -> Answer:
    """A code is on its way to the address."""
    _want(context, context.json()["address"])
    return nothing()


def verify_api(context: Context) -> Answer:
    """The address is mine."""
    _verify(context, context.json()["code"])
    return nothing()


def drop_api(context: Context) -> Answer:
    """I have no address any more."""
    with context.work() as work:
        boxes.drop(work, context.principal.account)
    return nothing()


def own_api(context: Context) -> Answer:
    """A new address of my own for requests; the one before is void."""
    context.json()
    return answer({"address": _own(context)}, 201)


# ---- stopping by the link in a letter


def show_stop(context: Context, token: str) -> Answer:
    """What the link stops, and a button that does it: opening the link changes nothing."""
    _, what = boxes.stop_wanted(context.own.office.secret, token)
    return page("requests/mail_stop.html", token=token, what=what, done=False)


def stop(context: Context) -> Answer:
    """Letters of that kind are written no more."""
    token = context.form()["token"]
    account, what = boxes.stop_wanted(context.own.office.secret, token)
    with context.work() as work:
        boxes.stop(work, account, what)
    return page("requests/mail_stop.html", token=token, what=what, done=True)


def stop_at_once(context: Context, token: str) -> Answer:
    """The same in one click of a mail program (RFC 8058); its body says so and carries nothing else."""
    account, what = boxes.stop_wanted(context.own.office.secret, token)
    if context.request.form.get("List-Unsubscribe", "") != "One-Click":
        raise Invalid(fields={"List-Unsubscribe": ["field.required"]})
    with context.work() as work:
        boxes.stop(work, account, what)
    return nothing()


# ---- the administrator's


def letters(context: Context) -> Answer:
    """Letters that stopped, and how mail stands."""
    cursors = context.application.cursors
    key = cursors.read("letters", context.query()["cursor"])
    with context.read() as connection:
        found = queue.parked(connection, after=key[0] if key else "", limit=PAGE + 1)
        figures = queue.figures(connection)
    shown = found[:PAGE]
    onward = cursors.write("letters", shown[-1].id) if len(found) > PAGE else ""
    return page(
        "requests/admin_letters.html", letters=[(each, masked(each.address)) for each in shown], figures=figures,
        office=context.own.office, shown=len(shown), onward=context.url("letters", cursor=onward) if onward else "",
        first=context.url("letters") if key else "",
    )  # fmt: skip


def masked(address: str) -> str:
    """An address as others may see it: h…g@office.example."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…{local[-1:]}@{domain}" if len(local) > 2 else f"…@{domain}"


def again(context: Context, letter_id: str) -> Answer:
    """The letter is sent once more."""
    context.form()
    with context.work() as work:
        if not queue.again(work.connection, letter_id, work.now):
            raise Absent
    return see_other(context.url("letters"))


def discard(context: Context, letter_id: str) -> Answer:
    """The letter is never sent."""
    context.form()
    with context.work() as work:
        if not queue.drop(work.connection, letter_id, work.now):
            raise Absent
    return see_other(context.url("letters"))


ROUTES = (
    Route("GET", "/me/mail", "my_mail", show, allow=SIGNED_IN, summary="How I am told.", sample={}),
    Route("POST", "/me/mail/address", "want_address", want, allow=SIGNED_IN, accepts=AddressForm, fresh=True, limit=CODES,
          summary="Have a code sent to a mail address."),
    Route("POST", "/me/mail/code", "verify_address", verify, allow=SIGNED_IN, accepts=CodeForm, limit=SELDOM,
          summary="Verify my mail address."),
    Route("POST", "/me/mail/drop", "drop_address", drop, allow=SIGNED_IN, accepts=Bare, summary="Remove my mail address."),
    Route("POST", "/me/mail/choices", "choose_mail", choose, allow=SIGNED_IN, accepts=ChoicesForm, summary="Choose what is mailed."),
    Route("POST", "/me/mail/own", "make_own_address", make_own, allow=SIGNED_IN, accepts=Bare, fresh=True, limit=SELDOM,
          summary="Make an address of my own for requests."),
    Route("POST", "/me/mail/own/drop", "drop_own_address", drop_own, allow=SIGNED_IN, accepts=Bare,
          summary="Revoke my own address for requests."),
    Route("GET", "/api/me/mail", "api_mail", mail_api, allow=SIGNED_IN, kind="api", answers=MailOut, summary="How I am told."),
    Route("PUT", "/api/me/mail", "api_choose_mail", choose_api, allow=SIGNED_IN, kind="api", accepts=ChoicesBody, answers=MailOut,
          summary="Choose what is mailed."),
    Route("POST", "/api/me/mail/address", "api_want_address", want_api, allow=SIGNED_IN, kind="api", accepts=AddressForm, status=204,
          fresh=True, limit=CODES, summary="Have a code sent to a mail address."),
    Route("POST", "/api/me/mail/code", "api_verify_address", verify_api, allow=SIGNED_IN, kind="api", accepts=CodeForm, status=204,
          limit=SELDOM, summary="Verify my mail address."),
    Route("DELETE", "/api/me/mail/address", "api_drop_address", drop_api, allow=SIGNED_IN, kind="api", status=204,
          summary="Remove my mail address."),
    Route("POST", "/api/me/mail/own", "api_own_address", own_api, allow=SIGNED_IN, kind="api", accepts=Nothing, answers=OwnOut,
          fresh=True, status=201, limit=SELDOM, summary="Make an address of my own for requests."),
    Route("GET", "/letters/stop/<token>", "show_stop", show_stop, allow=PUBLIC, limit=Limit(per_minute=60, burst=60, peers=1),
          summary="Stop letters of a kind."),
    Route("POST", "/letters/stop", "stop_letters", stop, allow=PUBLIC, accepts=StopForm, limit=Limit(per_minute=60, burst=60, peers=1),
          summary="Stop letters of a kind."),
    Route("POST", "/letters/stop/<token>", "stop_at_once", stop_at_once, allow=PUBLIC, kind="api", proof=False, status=204,
          max_body=10_000, limit=Limit(per_minute=60, burst=60, peers=1), summary="Stop letters of a kind in one click (RFC 8058)."),
    Route("GET", "/admin/letters", "letters", letters, allow=access.ADMINISTER, accepts=LettersQuery, summary="Letters that stopped.",
          sample={}),
    Route("POST", "/admin/letters/<letter_id>/again", "letter_again", again, noted="change", allow=access.ADMINISTER, accepts=Bare,
          summary="Send a letter once more."),
    Route("POST", "/admin/letters/<letter_id>/drop", "letter_drop", discard, noted="change", allow=access.ADMINISTER, accepts=Bare,
          summary="Never send a letter."),
)  # fmt: skip
