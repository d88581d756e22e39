"""What a view is given."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.errors import Absent, Forbidden, Invalid, SignInNeeded
from shared.web import noting, routes
from shared.web.intake import list_names, load, read_json, single
from shared.work import Work, work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.errors import Refused
    from shared.language import Language
    from shared.web.app import Application
    from shared.web.incoming import Incoming
    from shared.web.principal import Principal
    from shared.web.routes import Route, Scope, Scoped


class GivenUp(Exception):
    """Why a transaction that nobody refused is rolled back."""


@dataclass(kw_only=True)
class Context:
    """One HTTP request as a view sees it.

    Attributes:
        now: the instant of the request, aware UTC; the same as ``work().now`` unless the clock moved.
        correlation_id: goes into events, logs and error pages.
        own: what the service gave to ``Application(own=...)``: its catalogue, settings, hub.
        proof: the form token (CSRF); templates write ``{{ proof() }}``.
        places: the values of the path.
        again: the view of a ``creates`` route runs once more, because a constraint stood in the way of the first attempt.
        unit: the open transaction of a ``creates`` route; the application's own business.
    """

    request: Incoming
    route: Route
    language: Language
    now: datetime
    correlation_id: str
    application: Application
    principal_or_none: Principal | None = None
    proof: str = ""
    again: bool = False
    places: dict[str, Any] = field(default_factory=dict)
    unit: Work | None = None
    _after: list[Callable[[], None]] = field(default_factory=list)

    @property
    def principal(self) -> Principal:
        """Who asks.

        Raises:
            SignInNeeded: nobody is signed in (possible on PUBLIC routes only).
        """
        if self.principal_or_none is None:
            raise SignInNeeded
        return self.principal_or_none

    @property
    def own(self) -> Any:
        return self.application.own

    @property
    def peer(self) -> str:
        """The address of whoever is connected; forwarding headers count only from trusted proxies."""
        return self.application.peer(self.request)

    # ---- what came in

    def query(self) -> dict[str, Any]:
        """The query, checked by the route's ``accepts`` (GET routes).

        Raises:
            Malformed: a scalar was given twice. Invalid: the schema refuses it.
        """
        return self._loaded(single(self.request.args, self._lists()))

    def form(self) -> dict[str, Any]:
        """The posted form, checked by the route's ``accepts``; files stay in ``request.files``.

        Raises:
            Malformed: a scalar was given twice. Invalid: the schema refuses it.
        """
        found = single(self.request.form, self._lists())
        given = {name: value for name, value in found.items() if name not in {"_csrf", "_key"}}
        try:
            return self._loaded(given)
        except Invalid as error:  # a date that was left empty is missing, not wrong
            missing = {name: ["field.required"] for name in error.fields if given.get(name) == ""}
            raise Invalid(fields={**error.fields, **missing}) from error

    def json(self) -> dict[str, Any]:
        """The JSON body, checked by the route's ``accepts``.

        Raises:
            Malformed: it is no JSON within the limits. Invalid: the schema refuses it.
        """
        return self._loaded(read_json(self.request.body()))

    def given(self) -> dict[str, Any]:
        """Query, form or JSON, whichever this request carries."""
        if self.request.method in routes.SAFE:
            return self.query()
        return self.json() if self.request.mimetype == "application/json" else self.form()

    def errors(self, error: Refused) -> dict[str, list[str]]:
        """The messages of a refusal by field name in the reader's language, for showing a form again."""
        from shared.web.failures import field_messages

        return field_messages(self.language, error.fields)

    @property
    def posted(self) -> dict[str, Any]:
        """The form as it was typed, unchecked, for filling its fields again."""
        form = self.request.form
        return {name: form.getlist(name) if len(form.getlist(name)) > 1 else form[name] for name in form}

    def _lists(self) -> frozenset[str]:
        return list_names(self.route.accepts) if self.route.accepts else frozenset()

    def _loaded(self, data: Any) -> dict[str, Any]:
        if self.route.accepts is None:
            raise TypeError(f"route {self.route.name} declares no schema")
        return load(self.route.accepts, data)

    # ---- who may

    @property
    def scopes(self) -> frozenset[Scope]:
        """How far the person sees on this route; lists filter by it."""
        return self.route.allow.of(self.principal)

    def check(self, thing: Scoped | None) -> None:
        """Return if the person may use this route on ``thing``.

        Raises:
            Absent: there is no such thing (None), or it lies outside the person's scope; the answers are equal.
            Forbidden: the role may not do this.
        """
        if thing is None:
            raise Absent
        verdict = routes.decide(self.principal_or_none, self.route, thing)
        if verdict == "hide":
            raise Absent
        if verdict == "refuse":
            raise Forbidden

    def may(self, name: str, thing: Scoped | None = None) -> bool:
        """Whether the person may use the route ``name`` of this service (on ``thing``); for showing a button."""
        return routes.decide(self.principal_or_none, self.application.by_name[name], thing) == "allow"

    # ---- the database

    def work(self) -> AbstractContextManager[Work]:
        """One write transaction with the person as actor and the request's correlation id.

        On a ``creates`` route it is committed after the view has returned, together with the answer under its
        ``Idempotency-Key``; calling it twice gives the same transaction. Elsewhere it is committed when the block
        ends.
        """
        if not self.route.creates:
            return self._alone()
        if self.unit is None:
            self.unit = self._open()
        return nullcontext(self.unit)

    def give_up(self) -> None:
        """Nothing of this ``creates`` view's work is kept; it answers with the form again."""
        if self.unit is not None:
            self.unit.end(GivenUp())
        self.begin_anew()

    @contextmanager
    def _alone(self) -> Iterator[Work]:
        with self._open() as unit:
            yield unit
            noting.note_silent(self, unit)
        if unit.revoked:
            self.application.revoked()
        self.committed()

    def _open(self) -> Work:
        application = self.application
        return work(
            application.service,
            application.database,
            application.clock,
            actor=self.principal_or_none.actor if self.principal_or_none else "",
            correlation_id=self.correlation_id,
            ids=application.ids,
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for one consistent picture. Inside a ``creates`` view read through ``work()`` instead."""
        with self.application.database.read() as connection:
            yield connection

    def after_commit(self, do: Callable[[], None]) -> None:
        """Call ``do`` once the work of this view is committed; not at all when it is rolled back."""
        self._after.append(do)

    def committed(self) -> None:
        """Do what waited for the commit; called by whoever committed."""
        if self.unit is not None and self.unit.revoked:
            self.application.revoked()
        waiting, self._after = self._after, []
        for do in waiting:
            do()

    def begin_anew(self) -> None:
        """The view's transaction was rolled back and the view runs again."""
        self.unit = None
        self._after = []

    # ---- addresses

    def url(self, name: str, **values: Any) -> str:
        """The path of the route ``name`` of this service; values without a place become the query."""
        return self.application.url(name, **values)
