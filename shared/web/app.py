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
from urllib.parse import urlencode, urlsplit

from sqlalchemy.exc import IntegrityError
from werkzeug import Response
from werkzeug.routing import RequestRedirect

from shared import observe
from shared.clock import SystemClock
from shared.errors import (
    Absent,
    Crossed,
    Forbidden,
    Malformed,
    Refused,
    SignInNeeded,
    TooMany,
    Transient,
)
from shared.faults import fault
from shared.ids import new_id
from shared.language import CODES, choose, language
from shared.text import compact
from shared.web import answers, idempotency, noting
from shared.web.addresses import Addresses, full_path, own_path
from shared.web.answers import Answer, Cookie
from shared.web.assets import FOLDER, SHARED, Assets
from shared.web.context import Context
from shared.web.cookies import LANGUAGE, PASS, SAID, SESSION, THEME, VISITOR, Jar
from shared.web.cursor import Cursors
from shared.web.failures import (
    Fresh,
    TooLarge,
    UnsupportedMedia,
    failure_of,
    field_messages,
    problem,
    said_in,
    short_reference,
)
from shared.web.incoming import Incoming
from shared.web.intake import clean_text, list_names, single
from shared.web.limits import Limits
from shared.web.navigation import FOOT, HOMES, LOG_READERS, MOST, bar, here
from shared.web.passes import BadPass
from shared.web.rendering import Pages, Reading
from shared.web.responses import ALWAYS, FOR_YEARS, dumped, file_of, json_of, redirect, repeated, sent
from shared.web.routes import SAFE, Route, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from shared.clock import Clock
    from shared.database import Database
    from shared.ids import Ids
    from shared.language import Language
    from shared.service import Running
    from shared.web.passes import Verifier
    from shared.web.principal import Principal
    from shared.web.revocation import Revocations

log = logging.getLogger("houqin.web")

CROSSED_PAUSES = (0.02, 0.05)  # seconds, at most, before a creating view runs again

FRESH = timedelta(minutes=10)
RENEW = "/requests/session/renew"
SIGN_IN = "/requests/sign-in"
CONFIRM = "/requests/session/confirm"

# What a body may be written in; a form without a body has no kind.
_READ = defaultdict(
    lambda: frozenset({"application/x-www-form-urlencoded", "multipart/form-data"}),
    api=frozenset({"application/json", "multipart/form-data"}),
)


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
        as_now: the person as this service knows them at an instant, where the pass may be behind (whose crew, which
            employer); asked at every request and again and again by live streams, which end when the answer changes.
        own: whatever the service's views need; ``context.own``.
        running: the service itself, for pages that are made from what it declares.
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
        as_now: Callable[[Principal, datetime], Principal] | None = None,
        own: Any = None,
        running: Running | None = None,
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
        self.running = running
        self.jar = Jar(secure=self.public_url.startswith("https://"))
        self.routes = (*routes, *builtin.routes(development=development))
        self.by_name = {route.name: route for route in self.routes}
        if len(self.by_name) != len(self.routes):
            raise ValueError(f"{service}: two routes have one name")
        self._verifier = verifier
        self._revocations = revocations
        self._alive = alive
        self._as_now = as_now or (lambda person, _now: person)
        self._proxies = frozenset(trusted_proxies)
        self._assets = Assets(*SHARED)
        self._own_assets = Assets(*([static] if static else []), prefix=f"{self.prefix}/static")
        folders = [*([templates] if templates else []), FOLDER / "templates"]
        self.pages = Pages(folders, (self._own_assets, self._assets), {"url": self.url})
        self._always = tuple((ALWAYS | (FOR_YEARS if self.jar.secure else {})).items())
        self._seconds = observe.REQUEST_SECONDS.labels(service)
        self._addresses = Addresses(self.prefix, self.routes)
        for code in CODES:
            language(code)  # read before the first reader comes: it takes tens of milliseconds

    # ---- the request

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = time.perf_counter()
        request = Incoming(environ)
        correlation = _correlation(request)
        observe.correlation.set(correlation)
        response, name = self._respond(request, correlation)
        _counter(self.service, name, response.status_code).inc()
        self._seconds.observe(time.perf_counter() - began)
        return sent(response, (*self._always, ("X-Correlation-ID", correlation)), environ, start_response)

    def _respond(self, request: Incoming, correlation: str) -> tuple[Response, str]:
        static = self._static(request)
        if static is not None:
            return static, "static"
        context: Context | None = None
        route: Route | None = None
        try:
            route, values = self._match(request)
            context = self._context(request, route, correlation)
            response = self._handled(context, values)
        except Exception as error:  # noqa: BLE001  the edge: every failure becomes an answer here
            response = self._failed(error, request, route, context, correlation)
        return response, route.name if route else "none"

    def _match(self, request: Incoming) -> tuple[Route, dict[str, Any]]:
        try:
            if "HTTP_UPGRADE" in request.environ:  # to a websocket, which no route is
                name, values = self._addresses.match_upgrade(request.environ)
            else:
                name, values = self._addresses.match(request.path, request.method)
        except RequestRedirect as error:
            raise Absent from error
        for value in values.values():
            if isinstance(value, str) and (len(value) > 200 or not _clean(value)):
                raise Absent
            if isinstance(value, int) and value >= 2**53:
                raise Absent
        return self.by_name[name], dict(values)

    def _context(self, request: Incoming, route: Route, correlation: str) -> Context:
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
        context.places = values
        if request.content_length is not None and request.content_length > route.max_body:
            raise TooLarge(most=route.max_body)
        request.max_content_length = route.max_body
        request.max_form_memory_size = min(route.max_body, 1_000_000)
        request.max_form_parts = 200
        if request.args:
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
            noting.note_refused(context)
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
                return redirect(f"{CONFIRM}?{urlencode({'next': full_path(request)})}", 303)
            raise Fresh
        if not route.creates:
            return self._response(context, self._viewed(context, values))
        return self._created(context, values)

    def _viewed(self, context: Context, values: dict[str, Any]) -> Answer:
        found: Answer = context.route.view(context, **values)
        noting.note_answer(context, values, found)
        return found

    def _created(self, context: Context, values: dict[str, Any]) -> Response:
        claim = idempotency.claim(context.request, self._account(context))
        try:
            response = self._attempts(context, values, claim)
        except (Refused, IntegrityError) as error:
            first = self._first_answer(claim)
            if first is not None:
                return first
            if not isinstance(error, IntegrityError):
                raise
            context.begin_anew()  # the view looks first this time, and says what stands in its way
            context.again = True
            response = self._attempts(context, values, claim)
        if response.status_code >= 400:
            first = self._first_answer(claim)
            if first is not None:
                return first
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
        try:
            response = self._response(context, self._viewed(context, values))
            if context.unit and response.status_code < 400:
                noting.note_silent(context, context.unit)
            if claim and context.unit and response.status_code < 400:
                kept = idempotency.Kept(response.status_code, repeated(response), response.get_data(as_text=True))
                idempotency.keep(context.unit, claim, kept)
            fault("handler.before_commit")
        except BaseException as error:
            if context.unit:
                context.unit.__exit__(type(error), error, error.__traceback__)
            raise
        if context.unit:
            context.unit.__exit__(None, None, None)
        fault("handler.after_commit")
        return response

    def _first_answer(self, claim: idempotency.Claim | None) -> Response | None:
        """What a first attempt was answered, which may have taken the key, or the thing itself; None when there was none."""
        if claim is None:
            return None
        with self.database.read() as connection:
            kept = idempotency.find(connection, claim)
        if kept is None:
            return None
        response = Response(kept.body, kept.status, kept.headers)
        response.headers["Idempotent-Replayed"] = "true"
        return response

    def _account(self, context: Context) -> str:
        return context.principal_or_none.account if context.principal_or_none else f"peer:{context.peer}"

    # ---- who asks

    def _person(self, context: Context) -> Principal | Response | None:
        """The person, nobody, or the way to a new pass."""
        request, route = context.request, context.route
        header = request.header("HTTP_AUTHORIZATION")
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
            return self._as_now(person, context.now)
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
                return self._as_now(person_now, context.now)
        # The session may live although the pass does not. Routes without a form token are the renewal itself.
        if request.cookies.get(self.jar.name(SESSION)) and route.proof:
            if route.kind == "page":
                target = f"{RENEW}?{urlencode({'next': full_path(request)})}"
                return redirect(target, 303 if request.method in SAFE else 307)
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
        if (person.until is not None and now >= person.until) or self._dead(person, now):
            return False
        return self._as_now(person, now) == person

    def _to_sign_in(self, context: Context) -> Response:
        if context.route.kind != "page":
            raise SignInNeeded
        back = full_path(context.request) if context.request.method in SAFE else self.prefix + "/"
        return redirect(f"{SIGN_IN}?{urlencode({'next': back})}", 303)

    # ---- does it come from our own pages

    def _same_site(self, context: Context) -> None:
        """Return if a changing request was made by our own page or by a program with a token.

        Raises:
            Forbidden: another site's page made it, or it lacks the form token.
        """
        request = context.request
        if request.header("HTTP_AUTHORIZATION"):
            return  # browsers never add it by themselves
        site = request.environ.get("HTTP_SEC_FETCH_SITE")
        origin = request.environ.get("HTTP_ORIGIN")
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
        given = request.header("HTTP_X_CSRF_TOKEN")
        if not given and request.mimetype in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            given = request.form.get("_csrf", "")
        if not context.proof or not hmac.compare_digest(given.encode(), context.proof.encode()):
            raise Forbidden("error.form_token")

    def _our_origin(self, origin: str, request: Incoming) -> bool:
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

    def peer(self, request: Incoming) -> str:
        """The address of whoever is connected; the last ``X-Forwarded-For`` only from a trusted proxy."""
        address = request.remote_addr or ""
        if address in self._proxies:
            forwarded = request.header("HTTP_X_FORWARDED_FOR").rpartition(",")[2].strip()
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
                return json_of(dumped(context.route, found.data), found.status)
            case answers.SeeOther():
                response = redirect(own_path(found.location) or self.prefix + "/", found.status)
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
                return file_of(found)
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
        """The toast that the action before left; anything but a key we have is ignored.

        What a script fetches behind the page (X-Fragment) has none and leaves it to the page that follows the action.
        """
        if context.request.header("HTTP_X_FRAGMENT"):
            return None
        text = context.request.cookies.get(self.jar.name(SAID), "")
        if not text or len(text) > 2000:
            return None
        try:
            key, parameters, undo, draft = json.loads(base64.urlsafe_b64decode(text.encode() + b"=="))
            words = context.language(str(key), **{str(name): value for name, value in parameters.items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        return {"words": words, "undo": own_path(str(undo)), "draft": str(draft)}

    def _shell(self, context: Context, theme: str) -> dict[str, Any]:
        person = context.principal_or_none
        places = bar(person.role) if person else ()
        return {
            "me": person,
            "places": places,
            "most": MOST,
            "foot": [place for place in FOOT if not place.later],
            "here": here(places, context.request.path),
            "home": HOMES[person.role] if person else "/requests/",
            "path": full_path(context.request),
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

    def _static(self, request: Incoming) -> Response | None:
        if request.method not in {"GET", "HEAD"}:
            return None
        for assets, prefix in ((self._assets, "/static/"), (self._own_assets, f"{self.prefix}/static/")):
            if request.path.startswith(prefix):
                asset = assets.find(request.path.removeprefix(prefix))
                if asset is None:
                    return None
                packed = asset.packed if "gzip" in request.header("HTTP_ACCEPT_ENCODING") else None
                response = Response(packed or asset.body, content_type=asset.content_type)
                response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
                response.headers["Vary"] = "Accept-Encoding"
                if packed:
                    response.headers["Content-Encoding"] = "gzip"
                return response
        return None

    # ---- failures

    def _failed(
        self, error: Exception, request: Incoming, route: Route | None, context: Context | None, correlation: str
    ) -> Response:
        status, key, parameters, fields, headers = failure_of(error)
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
            if route is not None and route.failure is not None:
                said = field_messages(words, fields)
                response = self._own(route.failure(request, words, status, said_in(words, key, parameters), said))
            else:
                response = problem(words, status, key, parameters, fields, correlation, request.path, extra)
        for name, value in headers.items():
            response.headers[name] = value
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="houqin"'
        return response

    def _own(self, found: Answer) -> Response:
        """A failure in the words of another standard."""
        response = (
            file_of(found) if isinstance(found, answers.File) else json_of(getattr(found, "data", None), found.status)
        )
        for name, value in found.headers.items():
            response.headers[name] = value
        return response

    def _error_page(
        self, context: Context, status: int, key: str, parameters: dict[str, Any], fields: dict[str, Any]
    ) -> Response:
        known = context.language.has(f"shell.error.{status}.title")
        own = f"{key}_" if context.language.has(f"{key}_title") else f"shell.error.{status if known else 500}."
        return self.page(
            context,
            "error.html",
            {
                "status": status,
                "title": context.language(f"{own}title"),
                "advice": context.language(f"{own}advice"),
                "words": said_in(context.language, key, parameters),
                "fields": field_messages(context.language, fields),
                "reference": short_reference(context.correlation_id),
                "correlation_id": context.correlation_id,
            },
            status,
        )

    def _bare(self, request: Incoming, correlation: str) -> Context:
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

    def _language(self, request: Incoming) -> Language:
        chosen = request.cookies.get(self.jar.name(LANGUAGE))
        return language(choose(chosen, request.header("HTTP_ACCEPT_LANGUAGE")))

    def asset(self, name: str) -> str:
        """The address of a static file, the service's own before the floor's; empty when there is none."""
        return self._own_assets.address(name) or self._assets.address(name)

    def url(self, name: str, **values: Any) -> str:
        """The path of the route ``name``; values without a place become the query.

        Raises:
            KeyError: there is no such route, or a place has no value.
        """
        return self._addresses.url(name, **values)


def _said_cookie(said: answers.Said) -> str:
    body = compact([said.key, said.parameters, said.undo, said.draft])
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


@cache
def _counter(service: str, route: str, status: int) -> Any:
    return observe.REQUESTS.labels(service, route, str(status))


def _correlation(request: Incoming) -> str:
    given = request.header("HTTP_X_CORRELATION_ID")
    return given if given and _UUID.fullmatch(given) else new_id()


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _visitor_proof(visitor: str) -> str:
    return hashlib.sha256(b"houqin form\0" + visitor.encode()).hexdigest()


def _wants_html(request: Incoming, prefix: str) -> bool:
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
