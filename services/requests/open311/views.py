"""The routes of GeoReport v2, each as XML and as JSON."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from services.requests import api, forms, model
from services.requests import store as requests
from services.requests.chat.arrivals import principal_for
from services.requests.handlers import filing
from services.requests.open311 import store, xml
from services.requests.open311.points import nearest, points
from shared.clock import from_text, to_text
from shared.errors import Absent, Forbidden, Invalid, Malformed, TooMany
from shared.web.answers import Answer, File, Json
from shared.web.intake import clean_text, single
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug import Request as HttpRequest

    from services.requests.catalogue import Field, Item
    from services.requests.desk import Desk
    from services.requests.store import Request
    from shared.language import Language
    from shared.web.context import Context
    from shared.web.principal import Principal
    from shared.work import Work

KINDS = ("xml", "json")
TYPES = {"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGED = "2026-11-30T00:00:00Z"  # of this interface, for the discovery document
SPAN = timedelta(days=90)  # GeoReport v2, GET Service Requests: at most, and by default
MOST = 1000  # requests in one answer
MOST_IDS = 100
OPEN = tuple(sorted({*model.OPEN_STATES}))
CLOSED = ("closed", "refused", "to_confirm", "withdrawn")  # for whoever reported it, finished is resolved
DATATYPES = {
    "choice": "singlevaluelist", "choices": "multivaluelist", "yes_no": "singlevaluelist", "moment": "datetime",
    "whole": "number", "lines": "text", "text": "string",
}  # fmt: skip
_ATTRIBUTE = re.compile(r"attribute\[([A-Za-z0-9_]{1,40})\](\[\])?")
_KNOWN = frozenset({
    "api_key", "jurisdiction_id", "service_code", "lat", "long", "address_string", "address_id", "email", "device_id", "account_id",
    "first_name", "last_name", "phone", "description", "media_url",
})  # fmt: skip


# ---- answers in both formats


def written(
    kind: str, root: str, value: Any, plain: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Answer:
    """The same as XML under ``root`` or as JSON."""
    if kind == "json":
        return Json(data=plain, status=status, headers={**(headers or {}), "Content-Type": TYPES["json"]})
    return File(body=xml.document(root, value), content_type=TYPES["xml"], status=status, headers=headers or {})


def several(
    kind: str,
    root: str,
    each: str,
    rows: list[dict[str, Any]],
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Answer:
    """A list of equal things: elements ``each`` under ``root``, or a JSON array."""
    return written(kind, root, [(each, _as_xml(row)) for row in rows], [_as_json(row) for row in rows], status, headers)


def _as_xml(row: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in row.items():
        if isinstance(value, list):
            found[name] = [
                (name.removesuffix("s"), _as_xml(each) if isinstance(each, dict) else each) for each in value
            ]
        else:
            found[name] = value
    return found


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [_as_json(each) for each in value] if isinstance(value, list) else None if value == "" else value
        for name, value in row.items()
    }


def failed(request: HttpRequest, status: int, words: str, fields: Mapping[str, list[str]]) -> Answer:
    """A failure as GeoReport v2 wants it: 404 for what is not there, 403 for a key, 400 for the rest that is the caller's."""
    status = status if status in {400, 403, 404, 429} or status >= 500 else 403 if status == 401 else 400
    said = [f"{name}: {text}" if name else text for name, texts in fields.items() for text in texts] or [words]
    return several(
        "json" if request.path.endswith(".json") else "xml",
        "errors",
        "error",
        [{"code": status, "description": each} for each in said],
        status,
    )


# ---- what is there


def _open(context: Context, given: Mapping[str, str]) -> tuple[Desk, list[Item]]:
    """The desk and the public items.

    Raises:
        Absent: the interface is off, or the jurisdiction is another.
    """
    desk: Desk = context.own
    settings = desk.open311
    if not settings.on:
        raise Absent
    asked = given.get("jurisdiction_id", "")
    if settings.jurisdiction and asked and asked != settings.jurisdiction:
        raise Absent("open311.jurisdiction")
    return desk, [item for item in desk.catalogue if item.public and not item.restricted]


def _query(context: Context) -> dict[str, str]:
    found = {name: str(value) for name, value in single(context.request.args, ()).items()}
    for value in found.values():
        try:
            clean_text(value)
        except ValueError as error:
            raise Malformed from error
    return found


def discovery(context: Context, kind: str) -> Answer:
    """Where the interface is, in which formats, and where keys come from."""
    desk, _ = _open(context, {})
    base = context.application.public_url
    endpoint = {
        "specification": SPECIFICATION, "url": f"{base}/requests/open311/v2", "changeset": CHANGED,
        "type": "test" if desk.demonstration else "production", "formats": [TYPES["xml"].partition(";")[0], TYPES["json"].partition(";")[0]],
    }  # fmt: skip
    head = {
        "changeset": CHANGED, "contact": context.language("open311.contact", site=desk.site_name or context.language("shell.name"), number=desk.emergency),
        "key_service": context.language("open311.key_service", address=f"{base}/requests/me#tokens"),
    }  # fmt: skip
    formats = [("format", each) for each in endpoint["formats"]]
    value = {**head, "endpoints": [("endpoint", {**endpoint, "formats": formats})]}
    return written(kind, "discovery", value, {**head, "endpoints": [endpoint]})


def services(context: Context, kind: str) -> Answer:
    """What can be reported."""
    _, items = _open(context, _query(context))
    code = context.language.code
    rows = [
        {
            "service_code": item.code, "service_name": item.name.in_(code), "description": item.standard.scope.in_(code),
            "metadata": bool(_attributes(item)), "type": "realtime", "keywords": ",".join(_keywords(item, code)),
            "group": context.language("open311.group"),
        }
        for item in items
    ]  # fmt: skip
    return several(kind, "services", "service", rows)


def _keywords(item: Item, code: str) -> list[str]:
    return [option.words.in_(code).replace(",", " ") for each in item.fields for option in each.options][:20]


def _attributes(item: Item) -> list[Field]:
    """The form's fields that are no description: that one is the report's own."""
    return [each for each in item.fields if each.name != "details"]


def definition(context: Context, kind: str, code: str) -> Answer:
    """What is asked for beside place and description."""
    _, items = _open(context, _query(context))
    item = next((each for each in items if each.code == code), None)
    if item is None:
        raise Absent("open311.service")
    language = context.language.code
    rows = [
        {
            "variable": True, "code": each.name, "datatype": DATATYPES[each.type], "required": each.required,
            "datatype_description": each.help.in_(language) if each.help else "", "order": order, "description": each.label.in_(language),
            "values": _values(context, each),
        }
        for order, each in enumerate(_attributes(item), start=1)
    ]  # fmt: skip
    return written(
        kind, "service_definition", {"service_code": item.code, "attributes": [("attribute", _as_xml(row)) for row in rows]},
        {"service_code": item.code, "attributes": [_as_json(row) for row in rows]},
    )  # fmt: skip


def _values(context: Context, each: Field) -> list[dict[str, str]]:
    if each.type == "yes_no":
        return [{"key": key, "name": context.language(f"open311.{key}")} for key in ("true", "false")]
    return [{"key": option.code, "name": option.words.in_(context.language.code)} for option in each.options]


# ---- reporting


def report(context: Context, kind: str) -> Answer:
    """A report is filed as a request, under the key's account or, where that is allowed, without one."""
    request = context.request
    if request.mimetype not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        raise Malformed("open311.form")
    given, attributes = _given(request)
    desk, items = _open(context, given)
    code = given.get("service_code", "")
    if not code:
        raise Malformed("open311.no_service")
    item = next((each for each in items if each.code == code), None)
    if item is None:
        raise Absent("open311.service")
    with context.work() as work:
        person = _reporter(context, work, given.get("api_key", ""))
        places = {
            code: each
            for code, each in desk.places(work.connection).items()
            if model.place_fits(item, each.kind, each.code)
        }
        place = _place(given, places, item)
        posted = _posted(item, given, attributes, place)
        filed = filing.file_request(work, desk, person, forms.from_form(item, posted), "open311")
    context.after_commit(desk.numbers.refill)
    notice = item.pledge.in_(context.language.code)
    row = {
        "service_request_id": filed.reference,
        "service_notice": notice,
        "account_id": given.get("account_id", "")[:64],
    }
    address = context.application.public_url + context.url(f"open311_request_{kind}", reference=filed.reference)
    return several(kind, "service_requests", "request", [row], 201, {"Location": address})


def _given(request: HttpRequest) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What the form says, and its attributes by code.

    Raises:
        Malformed: a name is given twice or not known, or a value cannot be a text.
    """
    given: dict[str, str] = {}
    attributes: dict[str, list[str]] = {}
    for name in request.form:
        values = [each.replace("\r\n", "\n") for each in request.form.getlist(name)]
        match = _ATTRIBUTE.fullmatch(name)
        if len(values) > 50 or (len(values) > 1 and not (match and match[2])):
            raise Malformed("open311.twice", name=name[:60])
        if match:
            attributes.setdefault(match[1], []).extend(values)
        elif name in _KNOWN:
            try:
                given[name] = clean_text(values[0], lines=name == "description")
            except ValueError as error:
                raise Invalid(fields={name: [str(error)]}) from error
    return given, attributes


def _reporter(context: Context, work: Work, key: str) -> Principal:
    """Whose report it is.

    Raises:
        Forbidden: there is no key, or it is not good here. TooMany: too many without a key.
    """
    desk: Desk = context.own
    if not key:
        account = requests.account_by_user(work.connection, desk.open311.account) if desk.open311.account else None
        person = principal_for(work, account.id, "open311") if account else None
        if person is None:
            raise Forbidden("open311.key_missing")
        wait = context.application.limits.take(
            f"open311 peer:{context.peer}", Limit(desk.open311.per_minute, desk.open311.per_minute)
        )
        if wait:
            raise TooMany(wait)
        work.actor = person.actor
        return person
    token = requests.token_by_secret(work.connection, model.digest(key)) if len(key) <= 100 else None
    if (
        token is None
        or not token.lives(work.now)
        or "write" not in token.verbs.split()
        or "requests" not in token.services.split()
    ):
        raise Forbidden("open311.key_wrong")
    person = principal_for(work, token.account_id, token.id)
    if person is None:
        raise Forbidden("open311.key_wrong")
    requests.change_token(work.connection, token.id, used_at=work.now)
    work.actor = person.actor
    return person


def _place(given: dict[str, str], places: dict[str, Any], item: Item) -> str:
    """Code of the place that is meant.

    Raises:
        Invalid: none is said, or it is none of ours.
    """
    if given.get("address_id"):
        if given["address_id"] not in places:
            raise Invalid(fields={"address_id": ["open311.place"]})
        return given["address_id"]
    if given.get("lat") or given.get("long"):
        code = nearest(_degrees(given, "lat", 90), _degrees(given, "long", 180), places)
        if not code:
            raise Invalid(fields={"lat": ["open311.outside"]})
        return code
    if given.get("address_string"):
        found = api.find_places(places, given["address_string"][:60], item, 1)
        if not found:
            raise Invalid(fields={"address_string": ["open311.place"]})
        return found[0].code
    if len(places) == 1:
        return next(iter(places))
    raise Invalid(fields={"address_id": ["open311.no_place"]})


def _degrees(given: dict[str, str], name: str, most: int) -> float:
    text = given.get(name, "")
    if not re.fullmatch(r"[+-]?\d{1,3}(\.\d{1,15})?", text, re.ASCII) or abs(float(text)) > most:
        raise Invalid(fields={name: ["open311.degrees"]})
    return float(text)


def _posted(item: Item, given: dict[str, str], attributes: dict[str, list[str]], place: str) -> dict[str, Any]:
    """The report as the item's form.

    Raises:
        Invalid: an attribute is none of the item's, or the description is too long for it.
    """
    known = {each.name: each for each in _attributes(item)}
    wrong: dict[str, list[Any]] = {f"attribute[{name}]": ["field.unknown"] for name in attributes if name not in known}
    posted: dict[str, Any] = {"place": place} if item.place != "fixed" else {}
    for name, values in attributes.items():
        each = known.get(name)
        if each is None:
            continue
        if each.type == "choices":
            posted[name] = [value for value in values if value]
        elif len(values) > 1:
            wrong[f"attribute[{name}]"] = ["open311.one_value"]
        else:
            posted[name] = values[0]
    if given.get("description") and item.field("details"):
        posted["details"] = given["description"]
    if given.get("phone") and forms.PHONE.fullmatch(re.sub(r"[\s-]", "", given["phone"])):
        posted["contact"] = given["phone"]
    if wrong:
        raise Invalid(fields=wrong)
    return posted


# ---- following


def listed(context: Context, kind: str) -> Answer:
    """Reports of the last 90 days, or as asked; at most a thousand, with a link to those that follow."""
    asked = _query(context)
    desk, items = _open(context, asked)
    codes = [item.code for item in items]
    if asked.get("service_request_id"):
        wanted = [each.strip() for each in asked["service_request_id"].split(",") if each.strip()]
        if len(wanted) > MOST_IDS:
            raise Malformed("open311.many", most=MOST_IDS)
        full = [model.full_reference(each[:30], model.day_of(context.now)) for each in wanted]
        with context.read() as connection:
            found = store.named(connection, codes, full)
            places = desk.places(connection)
        return several(kind, "service_requests", "request", [_row(context, each, places) for each in found])
    if asked.get("service_code"):
        codes = [code for code in codes if code in {each.strip() for each in asked["service_code"].split(",")}]
    states = _states(asked.get("status", ""))
    begin, end = _span(asked, context.now)
    size = _size(asked.get("page_size", ""))
    cursors = context.application.cursors
    key = cursors.read("open311", asked.get("cursor", ""))
    with context.read() as connection:
        found = store.listed(
            connection, codes, begin, end, states, limit=size + 1, after=(from_text(key[0]), key[1]) if key else None
        )
        places = desk.places(connection)
    shown, headers = found[:size], {}
    if len(found) > size:
        cursor = cursors.write("open311", to_text(shown[-1].filed_at), shown[-1].id)
        kept = {
            name: asked[name] for name in ("service_code", "status", "page_size", "jurisdiction_id") if asked.get(name)
        }
        onward = context.url(
            f"open311_requests_{kind}", **kept, start_date=to_text(begin), end_date=to_text(end), cursor=cursor
        )
        headers = {"Link": f'<{context.application.public_url}{onward}>; rel="next"'}
    return several(
        kind, "service_requests", "request", [_row(context, each, places) for each in shown], headers=headers
    )


def _states(text: str) -> tuple[str, ...]:
    wanted = {each.strip() for each in text.split(",") if each.strip()}
    if wanted - {"open", "closed"}:
        raise Invalid(fields={"status": ["open311.status"]})
    return (*(OPEN if not wanted or "open" in wanted else ()), *(CLOSED if not wanted or "closed" in wanted else ()))


def _span(asked: dict[str, str], now: datetime) -> tuple[datetime, datetime]:
    begin, end = (_instant(asked, name) for name in ("start_date", "end_date"))
    if begin is None:
        end = end or now
        begin = end - SPAN
    elif end is None:
        end = min(begin + SPAN, max(now, begin))
    if begin > end or end - begin > SPAN:
        raise Invalid(fields={"end_date": ["open311.span"]})
    return begin, end


def _instant(asked: dict[str, str], name: str) -> datetime | None:
    text = asked.get(name, "")
    if not text:
        return None
    try:
        found = from_text(text.replace(" ", "+"))  # a plus sign that nobody escaped
    except ValueError as error:
        raise Invalid(fields={name: ["open311.instant"]}) from error
    if not 1970 < found.year < 2200:
        raise Invalid(fields={name: ["open311.instant"]})
    return found


def _size(text: str) -> int:
    if not text:
        return MOST
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= MOST:
        raise Invalid(fields={"page_size": ["open311.page_size"]})
    return int(text)


def one(context: Context, kind: str, reference: str) -> Answer:
    """One report."""
    desk, items = _open(context, _query(context))
    full = model.full_reference(reference[:30], model.day_of(context.now))
    with context.read() as connection:
        found = store.named(connection, [item.code for item in items], [full])
        places = desk.places(connection)
    if not found:
        raise Absent("open311.request")
    return several(kind, "service_requests", "request", [_row(context, found[0], places)])


def token(context: Context, kind: str, token: str) -> Answer:
    """The id of the request that a token stands for; ids are given at once here, so hardly anybody asks."""
    _, items = _open(context, _query(context))
    with context.read() as connection:
        found = store.by_token(connection, [item.code for item in items], token)
    if found is None:
        raise Absent("open311.token")
    return several(kind, "service_requests", "request", [{"service_request_id": found.reference, "token": token}])


def _row(context: Context, request: Request, places: Mapping[str, Any]) -> dict[str, Any]:
    """What anybody may know: state, service, place, times; what somebody wrote only where it was reported in public."""
    words, desk = context.language, context.own
    item, place, point = desk.catalogue.get(request.item), places.get(request.place), points().get(request.place)
    closed = request.state in CLOSED
    updated = (
        request.closed_at or request.withdrawn_at or request.finished_at if closed else None
    ) or request.changed_at
    choice = (
        [item.said(each, request.answers.get(each.name) or "", words.code) for each in item.fields if each.options]
        if item
        else []
    )
    told = [text for text in choice if text]
    if request.channel == "open311" and request.answers.get("details"):
        told.append(str(request.answers["details"]))
    return {
        "service_request_id": request.reference, "status": "closed" if closed else "open",
        "status_notes": words.state("request", request.state), "service_name": item.name.in_(words.code) if item else request.item,
        "service_code": request.item, "description": "\n".join(told)[:4000], "agency_responsible": desk.site_name,
        "service_notice": item.pledge.in_(words.code) if item else "", "requested_datetime": _w3(request.filed_at),
        "updated_datetime": _w3(updated), "expected_datetime": _w3(request.due_at) if request.due_at else "",
        "address": place.name.in_(words.code) if place else "", "address_id": request.place, "zipcode": "",
        "lat": float(point.lat) if point else "", "long": float(point.long) if point else "", "media_url": "",
    }  # fmt: skip


def _w3(moment: datetime) -> str:
    return f"{to_text(moment)[:19]}Z"


def _failed(
    request: HttpRequest, _language: Language, status: int, words: str, fields: Mapping[str, list[str]]
) -> Answer:
    return failed(request, status, words, fields)


OFTEN = Limit(per_minute=300, burst=100, peers=1)
_PATHS = (
    ("GET", "/open311/discovery", "open311_discovery", discovery, "Where the Open311 interface is."),
    ("GET", "/open311/v2/discovery", "open311_discovery_v2", discovery, "Where the Open311 interface is."),
    ("GET", "/open311/v2/services", "open311_services", services, "What can be reported."),
    ("GET", "/open311/v2/services/<code>", "open311_service", definition, "What a report of a service says."),
    ("POST", "/open311/v2/requests", "open311_report", report, "Report something."),
    ("GET", "/open311/v2/requests", "open311_requests", listed, "Reports and how they stand."),
    ("GET", "/open311/v2/requests/<reference>", "open311_request", one, "One report."),
    ("GET", "/open311/v2/tokens/<token>", "open311_token", token, "The report that a token stands for."),
)


def _routes() -> tuple[Route, ...]:
    found = []
    for kind in KINDS:
        for method, path, name, view, summary in _PATHS:
            bound = partial(view, kind=kind)
            bound.__doc__ = view.__doc__
            found.append(
                Route(
                    method, f"{path}.{kind}", f"{name}_{kind}", bound, allow=PUBLIC, kind="api", limit=OFTEN, summary=summary,  # type: ignore[arg-type]
                    creates=method == "POST", status=201 if method == "POST" else 200, failure=_failed,
                    max_body=200_000,
                )
            )  # fmt: skip
    return tuple(found)


ROUTES = _routes()
