"""A service's pages and API as one WSGI callable.

In this order, for every request: find the route, know the person, decide, check that the request comes from our own
pages, count it against its limit, call the view, render, add the headers that every answer carries. Errors of every
kind become an answer here and nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import logging
import random
import re
import secrets
import time
from collections import defaultdict
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from sqlalchemy.exc import IntegrityError
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.routing import BuildError, Map, RequestRedirect, Rule

from shared import observe
from shared.clock import SystemClock
from shared.errors import (
    Absent,
    Conflict,
    Crossed,
    Forbidden,
    Invalid,
    Malformed,
    OutOfSpace,
    Refused,
    SignInNeeded,
    Stale,
    TooMany,
    Transient,
)
from shared.faults import fault
from shared.ids import new_id
from shared.language import choose, language
from shared.web import answers, idempotency
from shared.web.answers import Answer, Cookie
from shared.web.assets import FOLDER, SHARED, Assets
from shared.web.context import Context
from shared.web.cookies import LANGUAGE, PASS, SAID, SESSION, THEME, VISITOR, YEAR, Jar
from shared.web.cursor import Cursors
from shared.web.intake import clean_text, list_names, single
from shared.web.limits import Limits
from shared.web.navigation import FOOT, HOMES, LOG_READERS, bar, here
from shared.web.passes import BadPass
from shared.web.rendering import Pages, Reading
from shared.web.routes import SAFE, Route, decide
from shared.web.schemas import message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from marshmallow import Schema

    from shared.clock import Clock
    from shared.database import Database
    from shared.ids import Ids
    from shared.language import Language
    from shared.web.passes import Verifier
    from shared.web.principal import Principal
    from shared.web.revocation import Revocations

log = logging.getLogger("houqin.web")

CROSSED_PAUSES = (0.02, 0.05)  # seconds, at most, before a creating view runs again

FRESH = timedelta(minutes=10)
RENEW = "/requests/session/renew"
SIGN_IN = "/requests/sign-in"
CONFIRM = "/requests/session/confirm"

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ALWAYS_BUT_POLICY = {name: value for name, value in ALWAYS.items() if name != "Content-Security-Policy"}
FILE_POLICY = "sandbox; default-src 'none'"  # security D3: a stored file is never a document of our origin

# Which status each family of failure has. ``Refused`` carries its own; what is not here is a bug and answers 500.
STATUS: dict[type[Exception], int] = {
    Malformed: 400,
    SignInNeeded: 401,
    Forbidden: 403,
    Absent: 404,
    Conflict: 409,
    Stale: 412,
    Invalid: 422,
    TooMany: 429,
    OutOfSpace: 507,
    Transient: 503,
}
_HTTP_KEYS = {
    400: "error.malformed",
    404: "error.absent",
    405: "error.method",
    408: "error.timeout",
    411: "error.malformed",
    413: "error.too_large",
    414: "error.too_large",
    415: "error.media_type",
    431: "error.too_large",
}


# What a body may be written in; a form without a body has no kind.
_READ = defaultdict(
    lambda: frozenset({"application/x-www-form-urlencoded", "multipart/form-data"}),
    api=frozenset({"application/json", "multipart/form-data"}),
)


class Fresh(SignInNeeded):
    """The password must be asked for again."""

    key = "error.fresh"


class UnsupportedMedia(Refused):
    """The body is of a kind this address does not read."""

    status = 415
    key = "error.media_type"


class TooLarge(Refused):
    """The body is larger than this address takes."""

    status = 413
    key = "error.too_large"


class Application:
    """One service on the web.

    Args:
        service: its name; all its addresses begin with ``/<service>``.
        routes: all of them; ``/look``, ``/api/openapi.json`` and, in development, ``/parts`` are added.
        verifier: checks passes.
        revocations: passes that died early.
        secret: signs cursors; the same in all replicas.
        public_url: the address people use; https makes cookies ``__Host-`` and Secure.
        templates: the service's own template folder (``<service>/...`` in it), before the floor's.
        static: the service's own folder of style sheets and pictures.
        alive: in requests only: looks into the database whether the session still lives, and returns it as it is now.
        own: whatever the service's views need; ``context.own``.
        trusted_proxies: addresses whose ``X-Forwarded-For`` is believed.
    """

    def __init__(
        self,
        service: str,
        routes: Iterable[Route],
        *,
        database: Database,
        verifier: Verifier,
        revocations: Revocations,
        secret: bytes,
        clock: Clock | None = None,
        ids: Ids = new_id,
        public_url: str = "http://127.0.0.1:8000",
        site_name: str = "",
        demonstration: bool = False,
        development: bool = False,
        templates: Path | None = None,
        static: Path | None = None,
        alive: Callable[[Principal, datetime], Principal | None] | None = None,
        own: Any = None,
        trusted_proxies: Iterable[str] = (),
    ) -> None:
        from shared.web import builtin

        self.service = service
        self.prefix = f"/{service}"
        self.database = database
        self.clock: Clock = clock or SystemClock()
        self.ids = ids
        self.cursors = Cursors(secret)
        self.limits = Limits(self.clock)
        self.public_url = public_url.rstrip("/")
        self.site_name = site_name
        self.demonstration = demonstration
        self.own = own
        self.jar = Jar(secure=self.public_url.startswith("https://"))
        self.routes = (*routes, *builtin.routes(development=development))
        self.by_name = {route.name: route for route in self.routes}
        if len(self.by_name) != len(self.routes):
            raise ValueError(f"{service}: two routes have one name")
        self._verifier = verifier
        self._revocations = revocations
        self._alive = alive
        self._proxies = frozenset(trusted_proxies)
        self._assets = Assets(*SHARED)
        self._own_assets = Assets(*([static] if static else []), prefix=f"{self.prefix}/static")
        folders = [*([templates] if templates else []), FOLDER / "templates"]
        self.pages = Pages(folders, (self._own_assets, self._assets), {"url": self.url})
        self._map = Map(
            [Rule(self.prefix + route.path, endpoint=route, methods=[route.method]) for route in self.routes],
            strict_slashes=False,
            merge_slashes=False,
        )
        self._bound = self._map.bind("")
        self._seconds = observe.REQUEST_SECONDS.labels(service)
        self._addresses = Map(
            [Rule(self.prefix + route.path, endpoint=route.name, methods=[route.method]) for route in self.routes]
        ).bind("x")

    # ---- the request

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = time.perf_counter()
        request = Request(environ)
        response, name = self._respond(request)
        _counter(self.service, name, response.status_code).inc()
        self._seconds.observe(time.perf_counter() - began)
        return _sent(response, environ, start_response)

    def _respond(self, request: Request) -> tuple[Response, str]:
        correlation = _correlation(request)
        observe.correlation.set(correlation)
        static = self._static(request)
        if static is not None:
            return self._headed(static, correlation, cache=static.headers.get("Cache-Control", "")), "static"
        context: Context | None = None
        route: Route | None = None
        try:
            route, values = self._match(request)
            context = self._context(request, route, correlation)
            response = self._handled(context, values)
        except Exception as error:  # noqa: BLE001  the edge: every failure becomes an answer here
            response = self._failed(error, request, route, context, correlation)
        name = route.name if route else "none"
        return self._headed(response, correlation, cache=response.headers.get("Cache-Control", "no-store")), name

    def _match(self, request: Request) -> tuple[Route, dict[str, Any]]:
        try:
            if "HTTP_UPGRADE" in request.environ:  # to a websocket, which no route is
                route, values = self._map.bind_to_environ(request.environ).match()
            else:
                route, values = self._bound.match(request.path, request.method)
        except RequestRedirect as error:
            raise Absent from error
        for value in values.values():
            if isinstance(value, str) and (len(value) > 200 or not _clean(value)):
                raise Absent
            if isinstance(value, int) and value >= 2**53:
                raise Absent
        return route, dict(values)

    def _context(self, request: Request, route: Route, correlation: str) -> Context:
        jar = request.cookies
        context = Context(
            request=request,
            route=route,
            language=self._language(request),
            now=self.clock.now(),
            correlation_id=correlation,
            application=self,
        )
        visitor = jar.get(self.jar.name(VISITOR), "")
        if visitor and re.fullmatch(r"[\w-]{22,64}", visitor, re.ASCII):
            context.proof = _visitor_proof(visitor)
        return context

    def _handled(self, context: Context, values: dict[str, Any]) -> Response:
        request, route = context.request, context.route
        if request.content_length is not None and request.content_length > route.max_body:
            raise TooLarge(most=route.max_body)
        request.max_content_length = route.max_body
        request.max_form_memory_size = min(route.max_body, 1_000_000)
        request.max_form_parts = 200
        single(request.args, list_names(route.accepts) if route.accepts and not route.changes else ())
        if "access_token" in request.args or any(value.startswith("hq_") for value in request.args.values()):
            raise Malformed("error.token_in_query")
        person = self._person(context)
        if isinstance(person, Response):
            return person
        context.principal_or_none = person
        if person is not None:
            context.proof = person.proof
        verdict = decide(person, route)
        if verdict != "allow":
            if person is None:
                return self._to_sign_in(context)
            raise Forbidden
        if route.changes:
            self._same_site(context)
            if (
                route.accepts
                and request.mimetype not in _READ[route.kind]
                and (route.kind == "api" or request.content_length)
            ):
                raise UnsupportedMedia
            if route.accepts and route.kind != "api" and request.content_length and not (request.form or request.files):
                raise Malformed  # not one name could be read
        self._count(context)
        if route.fresh and context.now - context.principal.signed_in_at > FRESH:
            if route.kind == "page" and request.method in SAFE:
                return _redirect(f"{CONFIRM}?{urlencode({'next': _full_path(request)})}", 303)
            raise Fresh
        if not route.creates:
            found = route.view(context, **values)
            return self._response(context, found)
        return self._created(context, values)

    def _created(self, context: Context, values: dict[str, Any]) -> Response:
        claim = idempotency.claim(context.request, self._account(context))
        try:
            response = self._attempts(context, values, claim)
        except (Refused, IntegrityError):
            # A first attempt may have taken the key, or the thing itself: then its answer is the answer.
            first = self._first_answer(claim) if claim else None
            if first is None:
                raise
            response = Response(first.body, first.status, first.headers)
            response.headers["Idempotent-Replayed"] = "true"
            return response
        context.committed()
        return response

    def _attempts(self, context: Context, values: dict[str, Any], claim: idempotency.Claim | None) -> Response:
        """The whole view again, at most three times, where two transactions stood in each other's way."""
        for pause in CROSSED_PAUSES:
            try:
                return self._attempt(context, values, claim)
            except Crossed as error:
                log.info("once more: %s", error)
                context.begin_anew()
                time.sleep(random.uniform(0, pause))
        return self._attempt(context, values, claim)

    def _attempt(self, context: Context, values: dict[str, Any], claim: idempotency.Claim | None) -> Response:
        with context.held:
            response = self._response(context, context.route.view(context, **values))
            if claim and context.unit and response.status_code < 400:
                kept = idempotency.Kept(response.status_code, _repeated(response), response.get_data(as_text=True))
                idempotency.keep(context.unit, claim, kept)
            fault("handler.before_commit")
        fault("handler.after_commit")
        return response

    def _first_answer(self, claim: idempotency.Claim) -> idempotency.Kept | None:
        with self.database.read() as connection:
            return idempotency.find(connection, claim)

    def _account(self, context: Context) -> str:
        return context.principal_or_none.account if context.principal_or_none else f"peer:{context.peer}"

    # ---- who asks

    def _person(self, context: Context) -> Principal | Response | None:
        """The person, nobody, or the way to a new pass."""
        request, route = context.request, context.route
        header = request.headers.get("Authorization", "")
        if header:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise SignInNeeded("error.bearer")
            try:
                person = self._verifier.read(token.strip(), context.now, "api")
            except BadPass as error:
                log.info("bearer refused: %s", error)
                raise SignInNeeded("error.bearer") from error
            if self._dead(person, context.now):
                raise SignInNeeded("error.bearer")
            return person
        text = request.cookies.get(self.jar.name(PASS), "")
        known: Principal | None = None
        if text:
            try:
                known = self._verifier.read(text, context.now, "session")
            except BadPass as error:
                log.info("pass refused: %s", error)
        if known is not None and not self._dead(known, context.now):
            person_now = self._alive(known, context.now) if self._alive else known
            if person_now is not None:
                return person_now
        # The session may live although the pass does not. Routes without a form token are the renewal itself.
        if request.cookies.get(self.jar.name(SESSION)) and route.proof:
            if route.kind == "page":
                target = f"{RENEW}?{urlencode({'next': _full_path(request)})}"
                return _redirect(target, 303 if request.method in SAFE else 307)
            if not route.allow.public:
                raise SignInNeeded("error.pass_ended")
        return None

    def _dead(self, person: Principal, now: datetime) -> bool:
        return self._revocations.dead(person, now)

    def revoked(self) -> None:
        """Passes have died in a transaction of ours: no request after this one believes them."""
        self._revocations.look_again()

    def believed(self, person: Principal) -> bool:
        """Whether the pass behind ``person`` still holds; live streams ask again and again."""
        now = self.clock.now()
        return (person.until is None or now < person.until) and not self._dead(person, now)

    def _to_sign_in(self, context: Context) -> Response:
        if context.route.kind != "page":
            raise SignInNeeded
        back = _full_path(context.request) if context.request.method in SAFE else self.prefix + "/"
        return _redirect(f"{SIGN_IN}?{urlencode({'next': back})}", 303)

    # ---- does it come from our own pages

    def _same_site(self, context: Context) -> None:
        """Return if a changing request was made by our own page or by a program with a token.

        Raises:
            Forbidden: another site's page made it, or it lacks the form token.
        """
        request = context.request
        if request.headers.get("Authorization"):
            return  # browsers never add it by themselves
        site = request.headers.get("Sec-Fetch-Site")
        origin = request.headers.get("Origin")
        if site is not None and site != "same-origin":
            raise Forbidden("error.cross_site")
        if origin is not None and not self._our_origin(origin, request):
            raise Forbidden("error.cross_site")
        if context.principal_or_none is None and context.route.kind == "api":
            return  # no cookie of ours gives this request any right
        if site is None and origin is None:
            raise Forbidden("error.cross_site")
        if not context.route.proof:
            return
        given = request.headers.get("X-CSRF-Token") or ""
        if not given and request.mimetype in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            given = request.form.get("_csrf", "")
        if not context.proof or not hmac.compare_digest(given.encode(), context.proof.encode()):
            raise Forbidden("error.form_token")

    def _our_origin(self, origin: str, request: Request) -> bool:
        if origin == self.public_url:
            return True
        # On plain http this machine has several names.
        host = urlsplit(origin).hostname or ""
        return not self.jar.secure and origin == f"http://{request.host}" and _loopback(host)

    def _count(self, context: Context) -> None:
        limit, route = context.route.limit, context.route.name
        if limit is None:
            return
        wait = self.limits.take(f"{route} {self._account(context)}", limit)
        if not wait and limit.peers:
            wait = self.limits.take(f"{route} peer:{context.peer}", limit, limit.peers)
        if wait:
            raise TooMany(wait)

    def peer(self, request: Request) -> str:
        """The address of whoever is connected; the last ``X-Forwarded-For`` only from a trusted proxy."""
        address = request.remote_addr or ""
        if address in self._proxies:
            forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
            try:
                return str(ipaddress.ip_address(forwarded))
            except ValueError:
                return address
        return address

    # ---- answers

    def _response(self, context: Context, found: Any) -> Response:
        if isinstance(found, Response):
            raise TypeError(f"{context.route.name}: a view returns an answer, not a response")
        response = self._body(context, found)
        for name, value in found.headers.items():
            response.headers[name] = value
        for cookie in found.cookies:
            response.headers.add("Set-Cookie", self.jar.header(cookie))
        return response

    def _body(self, context: Context, found: Answer) -> Response:
        match found:
            case answers.Page():
                return self.page(context, found.template, found.values, found.status)
            case answers.Json():
                return _json(_dumped(context.route, found.data), found.status)
            case answers.SeeOther():
                response = _redirect(own_path(found.location) or self.prefix + "/", found.status)
                if found.said:
                    response.headers.add(
                        "Set-Cookie", self.jar.header(Cookie(name=SAID, value=_said_cookie(found.said), max_age=60))
                    )
                return response
            case answers.Stream():
                context.request.environ["eventlet.minimum_write_chunk_size"] = 0
                response = Response(found.events, found.status, content_type="text/event-stream; charset=utf-8")
                response.headers["X-Accel-Buffering"] = "no"
                return response
            case answers.File():
                return _file(found)
            case answers.Empty():
                return Response(b"", found.status)
        raise TypeError(f"{context.route.name}: {type(found).__name__} is no answer")

    def page(self, context: Context, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
        """A page in the reader's language with the shell's values around the view's own."""
        visitor = ""
        if not context.proof:
            visitor = secrets.token_urlsafe(16)
            context.proof = _visitor_proof(visitor)
        theme = context.request.cookies.get(self.jar.name(THEME), "")
        theme = theme if theme in {"light", "dark"} else ""
        said = self._just_said(context)
        reading = Reading(now=context.now, proof=context.proof, theme=theme)
        text = self.pages.render(
            context.language.code, template, {**self._shell(context, theme), "said": said, **values}, reading
        )
        response = Response(text, status, content_type="text/html; charset=utf-8")
        if said is not None:
            response.headers.add("Set-Cookie", self.jar.header(Cookie(name=SAID, max_age=0)))
        if visitor:
            response.headers.add("Set-Cookie", self.jar.header(Cookie(name=VISITOR, value=visitor)))
        return response

    def _just_said(self, context: Context) -> dict[str, str] | None:
        """The toast that the action before left; anything but a key we have is ignored."""
        text = context.request.cookies.get(self.jar.name(SAID), "")
        if not text or len(text) > 2000:
            return None
        try:
            key, parameters, undo = json.loads(base64.urlsafe_b64decode(text.encode() + b"=="))
            words = context.language(str(key), **{str(name): value for name, value in parameters.items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        return {"words": words, "undo": own_path(str(undo))}

    def _shell(self, context: Context, theme: str) -> dict[str, Any]:
        person = context.principal_or_none
        places = bar(person.role) if person else ()
        return {
            "me": person,
            "places": places,
            "foot": [place for place in FOOT if not place.later],
            "here": here(places, context.request.path),
            "home": HOMES[person.role] if person else "/requests/",
            "path": _full_path(context.request),
            "theme": theme,
            "service": self.service,
            "site_name": self.site_name,
            "demonstration": self.demonstration,
            "may": context.may,
            "reads_log": bool(person and person.roles & LOG_READERS),
            "own_css": self._own_assets.address(f"{self.service}.css"),
            "own_js": self._own_assets.address(f"{self.service}.js"),
            "renew_in": _seconds_left(person, context.now),
        }

    def _static(self, request: Request) -> Response | None:
        if request.method not in {"GET", "HEAD"}:
            return None
        for assets, prefix in ((self._assets, "/static/"), (self._own_assets, f"{self.prefix}/static/")):
            if request.path.startswith(prefix):
                asset = assets.find(request.path.removeprefix(prefix))
                if asset is None:
                    return None
                packed = asset.packed if "gzip" in request.headers.get("Accept-Encoding", "") else None
                response = Response(packed or asset.body, content_type=asset.content_type)
                response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
                response.headers["Vary"] = "Accept-Encoding"
                if packed:
                    response.headers["Content-Encoding"] = "gzip"
                return response
        return None

    def _headed(self, response: Response, correlation: str, *, cache: str) -> Response:
        if self.jar.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        response.headers["Cache-Control"] = cache
        response.headers["X-Correlation-ID"] = correlation
        return response

    # ---- failures

    def _failed(
        self, error: Exception, request: Request, route: Route | None, context: Context | None, correlation: str
    ) -> Response:
        status, key, parameters, fields, headers = _failure(error)
        if status >= 500 and not isinstance(error, Transient):
            log.error("unexpected failure", exc_info=error)
        elif isinstance(error, Transient):
            log.warning("not now: %s", error)
        words = self._language(request)
        html = route.kind == "page" if route else _wants_html(request, self.prefix)
        if html:
            try:
                response = self._error_page(
                    context or self._bare(request, correlation), status, key, parameters, fields
                )
            except Exception:  # the error page itself is broken: say so plainly
                log.exception("the error page failed")
                html = False
        if not html:
            extra = error.extra if isinstance(error, Refused) else {}
            response = _problem(words, status, key, parameters, fields, correlation, request.path, extra)
        for name, value in headers.items():
            response.headers[name] = value
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="houqin"'
        return response

    def _error_page(
        self, context: Context, status: int, key: str, parameters: dict[str, Any], fields: dict[str, Any]
    ) -> Response:
        known = context.language.has(f"shell.error.{status}.title")
        return self.page(
            context,
            "error.html",
            {
                "status": status,
                "title": context.language(f"shell.error.{status if known else 500}.title"),
                "advice": context.language(f"shell.error.{status if known else 500}.advice"),
                "words": _said(context.language, key, parameters),
                "fields": field_messages(context.language, fields),
                "reference": short_reference(context.correlation_id),
                "correlation_id": context.correlation_id,
            },
            status,
        )

    def _bare(self, request: Request, correlation: str) -> Context:
        from shared.web import builtin

        context = self._context(request, builtin.NOWHERE, correlation)
        try:
            person = self._person(context)
        except Refused:
            person = None
        context.principal_or_none = None if isinstance(person, Response) else person
        if context.principal_or_none:
            context.proof = context.principal_or_none.proof
        return context

    # ---- small things

    def _language(self, request: Request) -> Language:
        chosen = request.cookies.get(self.jar.name(LANGUAGE))
        return language(choose(chosen, request.headers.get("Accept-Language", "")))

    def url(self, name: str, **values: Any) -> str:
        """The path of the route ``name``; values without a place become the query.

        Raises:
            KeyError: there is no such route, or a place has no value.
        """
        try:
            return self._addresses.build(name, {key: value for key, value in values.items() if value is not None})
        except BuildError as error:
            raise KeyError(f"{self.service}: no address for {name} with {sorted(values)}") from error


def look_cookies(*, language_code: str = "", theme: str = "") -> list[Cookie]:
    """The cookies that keep how pages look, for a year; theme ``system`` forgets it."""
    found = []
    if language_code in {"zh-Hans", "en"}:
        found.append(Cookie(name=LANGUAGE, value=language_code, max_age=YEAR))
    if theme in {"light", "dark", "system"}:
        found.append(
            Cookie(name=THEME, value="" if theme == "system" else theme, max_age=0 if theme == "system" else YEAR)
        )
    return found


def own_path(location: str) -> str:
    r"""``location`` if it is a path of this site, else nothing: ``//evil``, ``/\evil``, ``https:evil`` are not."""
    if not location.startswith("/") or location.startswith(("//", "/\\")) or len(location) > 2000:
        return ""
    if any(ord(character) <= 0x20 or character in {"\\", "\x7f"} for character in location):
        return ""
    return location


def _said_cookie(said: answers.Said) -> str:
    body = json.dumps([said.key, said.parameters, said.undo], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def short_reference(correlation_id: str) -> str:
    """What a caller reads out on the phone: the last six digits, ``7f3a-22``."""
    digits = correlation_id.replace("-", "")[-6:]
    return f"{digits[:4]}-{digits[4:]}"


def field_messages(words: Language, fields: Mapping[str, Any]) -> dict[str, list[str]]:
    """Messages by field name (``materials.0.quantity``) in the reader's language."""
    found: dict[str, list[str]] = {}

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                part = "" if key in {"_schema", ""} else str(key)
                walk(f"{name}.{part}".strip("."), inner)
            return
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, dict):
                walk(name, each)
            else:
                key, parameters = message_of(each)
                found.setdefault(name, []).append(_said(words, key, parameters))

    for name, value in fields.items():
        walk("" if name == "_schema" else str(name), value)
    return found


def _said(words: Language, key: str, parameters: Mapping[str, Any]) -> str:
    try:
        return words(key, **parameters)
    except KeyError:
        log.exception("no words for %s", key)
        return words("error.refused")


def _failure(error: Exception) -> tuple[int, str, dict[str, Any], dict[str, Any], dict[str, str]]:
    """Status, message key, its parameters, messages by field and headers of a failure."""
    if isinstance(error, TooMany):
        wait = str(error.retry_after)
        return 429, error.key, {"n": error.retry_after, **error.parameters}, {}, {"Retry-After": wait}
    if isinstance(error, Refused):
        return error.status, error.key, error.parameters, error.fields, {}
    if isinstance(error, Transient):
        return (
            STATUS[OutOfSpace if isinstance(error, OutOfSpace) else Transient],
            "error.not_now",
            {},
            {},
            {"Retry-After": "2"},
        )
    if isinstance(error, MethodNotAllowed):
        return 405, "error.method", {}, {}, {"Allow": ", ".join(sorted(error.valid_methods or ()))}
    if isinstance(error, RequestEntityTooLarge):
        return 413, "error.too_large", {"most": 1_000_000}, {}, {}
    if isinstance(error, HTTPException) and error.code and error.code < 500:
        return error.code, _HTTP_KEYS.get(error.code, "error.malformed"), {"most": 1_000_000}, {}, {}
    return 500, "error.unexpected", {}, {}, {}


def _problem(
    words: Language,
    status: int,
    key: str,
    parameters: Mapping[str, Any],
    fields: Mapping[str, Any],
    correlation: str,
    path: str,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """RFC 9457."""
    title = f"shell.error.{status}.title"
    body: dict[str, Any] = {
        "type": f"urn:houqin:problem:{key.removeprefix('error.')}",
        "title": words(title if words.has(title) else "shell.error.500.title"),
        "status": status,
        "detail": _said(words, key, parameters),
        "instance": quote(path, safe="/:@!$&'()*+,;=~"),
        "correlation_id": correlation,
    }
    if fields:
        body["errors"] = field_messages(words, fields)
    body |= {name: value for name, value in (extra or {}).items() if name not in body}
    response = _json(body, status)
    response.headers["Content-Type"] = "application/problem+json"
    response.headers["Content-Language"] = words.code
    return response


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _json(data: Any, status: int) -> Response:
    return Response(_ENCODE(data), status, content_type="application/json")


@cache
def _counter(service: str, route: str, status: int) -> Any:
    return observe.REQUESTS.labels(service, route, str(status))


_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9/._~?&=%:+-]*")


def _sent(response: Response, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """``response`` with the headers that every answer carries.

    A finished body with headers that are right already is handed over as it is; Werkzeug mends and guards the others.
    """
    headers = response.headers
    always = _ALWAYS_BUT_POLICY if "Content-Security-Policy" in headers else ALWAYS
    if (
        response.status_code in {200, 201}
        and environ["REQUEST_METHOD"] != "HEAD"
        and isinstance(response.response, list)
        and "Content-Length" in headers
        and _PLAIN_ADDRESS.fullmatch(headers.get("Location", ""))
    ):
        start_response(response.status, [*headers.to_wsgi_list(), *always.items()])
        return response.response
    headers.extend(always)
    return response(environ, start_response)


def _dumped(route: Route, data: Any) -> Any:
    """``data`` as the route's ``answers`` schema writes it; pages of a list are ``{"items": [...], "next": ...}``."""
    schema = route.answers
    if schema is None:
        return data
    if isinstance(schema, tuple):
        return {"items": _writer(schema[0]).dump(data["items"], many=True), "next": data.get("next") or None}
    return _writer(schema).dump(data)


@cache
def _writer(schema: type[Schema]) -> Schema:
    """One instance serves all answers: dumping keeps nothing in it."""
    return schema()


def _file(found: answers.File) -> Response:
    response = Response(found.body, found.status, content_type=found.content_type)
    response.headers["Content-Security-Policy"] = FILE_POLICY
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", found.name)[:80]
    if found.name:  # RFC 6266: an ASCII form, and the true one percent-encoded
        name = quote(re.sub(r"[\x00-\x1f\x7f/\\]", "_", found.name)[:150], safe="")
        response.headers["Content-Disposition"] = f"attachment; filename=\"{plain or 'file'}\"; filename*=UTF-8''{name}"
    elif not found.content_type.startswith("image/"):
        response.headers["Content-Disposition"] = "attachment"
    if found.immutable:
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def _repeated(response: Response) -> dict[str, str]:
    """Headers that a repeated answer carries too; cookies are not among them."""
    return {name: value for name, value in response.headers.items() if name in {"Content-Type", "Location", "ETag"}}


def _redirect(location: str, status: int) -> Response:
    response = Response(b"", status, content_type="text/plain; charset=utf-8")
    response.headers["Location"] = location
    response.autocorrect_location_header = False
    return response


def _full_path(request: Request) -> str:
    query = request.query_string.decode("ascii", "replace")
    path = quote(request.path, safe="/:@!$&'()*+,;=~-._")
    return own_path(f"{path}?{query}" if query else path) or "/"


def _correlation(request: Request) -> str:
    given = request.headers.get("X-Correlation-ID", "")
    return given if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", given) else new_id()


def _visitor_proof(visitor: str) -> str:
    return hashlib.sha256(b"houqin form\0" + visitor.encode()).hexdigest()


def _wants_html(request: Request, prefix: str) -> bool:
    if request.path.startswith(f"{prefix}/api/"):
        return False
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def _clean(value: str) -> bool:
    try:
        clean_text(value)
    except ValueError:
        return False
    return "\ufffd" not in value


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _seconds_left(person: Principal | None, now: datetime) -> int:
    return int((person.until - now).total_seconds()) if person and person.until else 0
