"""Pages of supervision: the bodies and who reads for them, and the digest of a day."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from marshmallow import Schema, ValidationError, fields, validate

from services.audit import bodies, digest
from services.audit.api import READERS, note_reading, reads_of
from services.audit.bodies import KINDS, LEVELS, Body
from services.audit.figures import midnight
from services.audit.wording import named_in_full
from shared.clock import SITE_ZONE
from shared.contracts.base import SERVICES
from shared.errors import Absent, Invalid, Refused
from shared.mail.smtp import is_address
from shared.web import qr
from shared.web.answers import Answer, page, see_other
from shared.web.routes import Access, Route
from shared.web.schemas import Key, Text

if TYPE_CHECKING:
    from shared.web.context import Context

ADMINISTER = Access.to(administrator="all")
SUBSCRIBE = Access.to(supervisor="all", auditor="all")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
SEES_ALL = "audit.keep_entries"


class BodyForm(Schema):
    """A supervising body."""

    code = Key(required=True)
    parent = Key(load_default="")
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    level = fields.String(required=True, validate=validate.OneOf(LEVELS))
    name = Text(80, required=True)
    name_en = Text(80, required=True)
    sources = fields.List(fields.String(validate=validate.OneOf(SERVICES)), load_default=list)
    things = Text(400, load_default="", metadata={"description": "by comma"})


class MandateForm(Schema):
    """An account that reads for a body."""

    account_id = Key(required=True)
    body = Key(required=True)
    ends_on = fields.Date(required=True, metadata={"description": "last day at the site"})


class EndForm(Schema):
    """A mandate that ends now."""

    account_id = Key(required=True)
    body = Key(required=True)


def tree(context: Context) -> Answer:
    """The bodies, what each reads, and who reads for it."""
    return _tree(context)


def _tree(context: Context, error: Refused | None = None, which: str = "") -> Answer:
    with context.read() as connection:
        found = bodies.bodies(connection)
        given = bodies.mandates(connection)
    depth: dict[str, int] = {}
    rows = []
    for each in found:
        depth[each.code] = depth.get(each.parent, -1) + 1
        rows.append(
            {
                "body": each,
                "depth": min(depth[each.code], 4),
                "source_words": [context.language(f"audit.source.{one}") for one in each.sources],
                "mandates": [one for one in given if one.body == each.code and one.ends_at > context.now],
                "over": sum(one.body == each.code and one.ends_at <= context.now for one in given),
            }
        )
    return page(
        "audit/bodies.html",
        status=error.status if error else 200,
        rows=rows,
        kinds=[(each, context.language(f"audit.code.body_kind.{each}")) for each in KINDS],
        levels=[(each, context.language(f"audit.code.level.{each}")) for each in LEVELS],
        services=[(each, context.language(f"audit.source.{each}")) for each in SERVICES],
        codes=[(each.code, context.language.named(each.name, each.name_en)) for each in found],
        errors={which: context.errors(error)} if error else {},
        posted=context.posted if error else {},
        administers=context.may("put_body"),
        latest=(context.now + timedelta(days=bodies.LONGEST_DAYS - 1)).astimezone(SITE_ZONE).date(),
    )


def put_body(context: Context) -> Answer:
    """A body is set up or changed."""
    try:
        form = context.form()
        things = tuple(each.strip() for each in form["things"].replace("，", ",").split(",") if each.strip())
        with context.work() as work:
            bodies.put_body(work, Body(**{**form, "sources": tuple(form["sources"]), "things": things}))
    except Refused as error:
        if not error.fields:
            raise
        return _tree(context, error, "body")
    return see_other(context.url("bodies"))


def give(context: Context) -> Answer:
    """An account may read for a body until the end of a day."""
    try:
        form = context.form()
        if form["ends_on"] > date(9000, 1, 1):
            raise Invalid(fields={"ends_on": "audit.mandate.time"})
        with context.work() as work:
            bodies.give(work, form["account_id"], form["body"], work.now, midnight(form["ends_on"] + timedelta(days=1)))
    except Refused as error:
        if not error.fields:
            raise
        return _tree(context, error, "mandate")
    return see_other(context.url("bodies"))


def end(context: Context) -> Answer:
    """A mandate ends now."""
    form = context.form()
    with context.work() as work:
        bodies.end(work, form["account_id"], form["body"])
    return see_other(context.url("bodies"))


# ---- the digest of a day


def mailbox(text: str) -> None:
    """Refuse what is no mail address."""
    if not is_address(text):
        raise ValidationError("audit.digest.no_address")


class Subscription(Schema):
    """Where the digest is sent; empty ends it."""

    address = Text(200, load_default="", validate=lambda text: mailbox(text) if text else None)


def today(context: Context) -> Answer:
    """The digest of the last full day."""
    yesterday = context.now.astimezone(SITE_ZONE).date() - timedelta(days=1)
    return see_other(context.url("digest", day=yesterday.isoformat()))


def of_day(context: Context, day: str) -> Answer:
    """What a day brought, and the checkpoint at its end, on one sheet."""
    return _of_day(context, day)


def _of_day(context: Context, day: str, error: Refused | None = None) -> Answer:
    on = _day(day)
    here = context.now.astimezone(SITE_ZONE).date()
    if on > here or on.year < 2000:
        raise Absent
    with context.read() as connection:
        found = digest.digest_of(connection, on, SEES_ALL, reads_of(context, connection))
        mine = digest.address_of(connection, context.principal.account)
    note_reading(context, "export", f"digest {on}", 1)
    words = context.language
    return page(
        "audit/digest.html",
        status=error.status if error else 200,
        digest=found,
        counts=[(named_in_full(f"{fact}.v1", words), count) for fact, count in found.counts],
        picture=qr.picture(found.text) if found.note else "",
        before=(on - timedelta(days=1)).isoformat(),
        after=(on + timedelta(days=1)).isoformat() if on < here else "",
        open_day=on == here,
        mine=mine,
        errors=context.errors(error) if error else {},
        posted=context.posted if error else {},
        subscribes=context.may("subscribe"),
        mails=bool(context.own.settings["AUDIT_MAIL_URL"]),
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else date.min
    except ValueError as error:
        raise Absent from error


def subscribe(context: Context) -> Answer:
    """The person is sent each day's digest, or no longer."""
    yesterday = (context.now.astimezone(SITE_ZONE).date() - timedelta(days=1)).isoformat()
    try:
        address = context.form()["address"]
    except Refused as error:
        if not error.fields:
            raise
        return _of_day(context, yesterday, error)
    with context.work() as work:
        if address:
            digest.subscribe(work.connection, context.own, context.principal.account, address, context.language.code)
        else:
            digest.unsubscribe(work.connection, context.principal.account)
    return see_other(context.url("digest", day=yesterday))


ROUTES = (
    Route("GET", "/bodies", "bodies", tree, allow=READERS, summary="Who supervises, and what each body reads.", sample={}),
    Route("POST", "/bodies", "put_body", put_body, allow=ADMINISTER, accepts=BodyForm, fresh=True, summary="Set up a body."),
    Route("POST", "/mandates", "give_mandate", give, allow=ADMINISTER, accepts=MandateForm, fresh=True,
          summary="Let an account read for a body until a day."),
    Route("POST", "/mandates/end", "end_mandate", end, allow=ADMINISTER, accepts=EndForm, summary="End a mandate now."),
    Route("GET", "/digest/", "digest_today", today, allow=READERS, summary="The digest of the last full day."),
    Route("GET", "/digest/<day>", "digest", of_day, allow=READERS, summary="What a day brought, with its checkpoint.",
          sample={"day": "2026-11-24"}),
    Route("POST", "/digest/subscription", "subscribe", subscribe, allow=SUBSCRIBE, accepts=Subscription,
          summary="Be sent the digest, or no longer."),
)  # fmt: skip
