"""Routes as data, and the one policy function that decides who may use them.

A service lists its routes in ``api.py`` and ``pages.py`` as a tuple ``ROUTES``. Everything that must hold for every
route (access table, OpenAPI document, CSRF, limits, the browser suite) is read from these tuples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

from shared.web.principal import ROLES, Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from marshmallow import Schema
    from werkzeug import Request

    from shared.language import Language
    from shared.web.answers import Answer
    from shared.web.limits import Limit

Scope = Literal["own", "department", "organisation", "supplier", "all"]
Verdict = Literal["allow", "hide", "refuse"]
Kind = Literal["page", "api", "events", "file"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Access:
    """Which roles may use a route, and how far each of them sees.

    Write ``Access.to(staff="own", dispatcher="organisation", supplier="supplier", auditor="all")``; several scopes for
    one role as a tuple: ``staff=("own", "department")``.
    """

    scopes: dict[Role, tuple[Scope, ...]] = field(default_factory=dict)
    public: bool = False

    @classmethod
    def to(cls, **scopes: Scope | tuple[Scope, ...]) -> Access:
        unknown = set(scopes) - set(ROLES)
        if unknown:
            raise TypeError(f"no such role: {', '.join(sorted(unknown))}")
        return cls({role: _many(scopes[role]) for role in ROLES if role in scopes})

    def of(self, principal: Principal) -> frozenset[Scope]:
        """All scopes that this person has on the route, over all roles; empty when none."""
        return self._of(principal.roles)

    @cached_property
    def _of(self) -> Callable[[frozenset[Role]], frozenset[Scope]]:
        """Scopes by roles, remembered: there are few sets of roles."""

        @lru_cache(maxsize=64)
        def of(roles: frozenset[Role]) -> frozenset[Scope]:
            return frozenset(scope for role in roles for scope in self.scopes.get(role, ()))

        return of


def _many(scope: Scope | tuple[Scope, ...]) -> tuple[Scope, ...]:
    return scope if isinstance(scope, tuple) else (scope,)


PUBLIC = Access(public=True)
SIGNED_IN = Access(dict.fromkeys(ROLES, ("own",)))


@dataclass(frozen=True, kw_only=True)
class Scoped:
    """Where one object belongs; what :func:`decide` compares with the person who asks.

    Attributes:
        owners: account ids whose own thing it is (requester, joiner, booker).
        crews: crew ids that hold it now.
        organisation: path in the tree of bodies.
        supplier: id of the supplier whose contract, order or statement it is.
    """

    owners: frozenset[str] = frozenset()
    crews: frozenset[str] = frozenset()
    department: str = ""
    organisation: str = ""
    supplier: str = ""


@dataclass(frozen=True, eq=False)
class Route:
    """One address and what may be done there.

    Attributes:
        path: below the service's prefix, in Werkzeug's syntax: ``/``, ``/<ref>``, ``/api/requests/<ref>``.
        name: unique in the service; templates write ``{{ url("name", ref=...) }}``.
        view: called with the context and the path's values; returns an answer (``shared.web.answers``).
        kind: ``page`` answers HTML and redirects to sign-in; ``api`` answers JSON and 401; ``events`` streams.
        accepts: the schema of the form, JSON body or, for GET, of the query; unknown names are refused.
        answers: the schema of a JSON answer, for the OpenAPI document; a tuple ``(Schema,)`` means a page of them.
        creates: the view makes something new: ``Idempotency-Key`` is honoured (forms carry ``_key``).
        fresh: refuses a session whose password was asked for more than ten minutes ago.
        proof: a posted form must carry the session's token; off only for the renewal of a pass, which changes nothing.
        noted: export, photo, contact, person or change, where each answer is an entry of the log (``shared.web.noting``).
        limit: how often, by account and by address.
        max_body: bytes; a larger body is refused with 413 before it is read.
        failure: writes the body of a failure where another standard than RFC 9457 demands its own; such a route is not in the
            OpenAPI document. Given the status, the words, and messages by field.
        sample: values for the path's places with which the browser suite may visit the page in demonstration data.
    """

    method: Method
    path: str
    name: str
    view: Callable[..., Any]
    allow: Access = field(kw_only=True)
    kind: Kind = field(default="page", kw_only=True)
    accepts: type[Schema] | None = field(default=None, kw_only=True)
    answers: type[Schema] | tuple[type[Schema]] | None = field(default=None, kw_only=True)
    creates: bool = field(default=False, kw_only=True)
    fresh: bool = field(default=False, kw_only=True)
    proof: bool = field(default=True, kw_only=True)
    noted: Literal["", "export", "photo", "contact", "person", "change"] = field(default="", kw_only=True)
    limit: Limit | None = field(default=None, kw_only=True)
    max_body: int = field(default=1_000_000, kw_only=True)
    status: int = field(default=200, kw_only=True)
    summary: str = field(default="", kw_only=True)
    sample: dict[str, str] | None = field(default=None, kw_only=True)
    failure: Callable[[Request, Language, int, str, dict[str, list[str]]], Answer] | None = field(
        default=None, kw_only=True
    )

    @property
    def changes(self) -> bool:
        """Whether the route may change anything; GET never does."""
        return self.method not in SAFE


def decide(principal: Principal | None, route: Route, thing: Scoped | None = None) -> Verdict:
    """Whether ``principal`` may use ``route``, on ``thing`` if one is given. The only place that decides.

    ``refuse``: the role may not do this at all. ``hide``: it may, but this thing lies outside its scope, and the
    answer must be the same as for a thing that does not exist.
    """
    if route.allow.public:
        return "allow"
    if principal is None:
        return "refuse"
    scopes = route.allow.of(principal)
    if not scopes:
        return "refuse"
    if route.changes and "write" not in principal.verbs:
        return "refuse"
    if not route.changes and "read" not in principal.verbs:
        return "refuse"
    if thing is None or any(covers(scope, principal, thing) for scope in scopes):
        return "allow"
    return "hide"


def covers(scope: Scope, principal: Principal, thing: Scoped) -> bool:
    """Whether ``thing`` lies within ``scope`` as ``principal`` has it. Empty never equals empty."""
    if scope == "all":
        return True
    if scope == "own":
        return principal.account in thing.owners or bool(principal.crew and principal.crew in thing.crews)
    if scope == "department":
        return bool(principal.department) and principal.department == thing.department
    if scope == "supplier":
        return bool(principal.supplier) and principal.supplier == thing.supplier
    return below(principal.organisation, thing.organisation)


def below(root: str, path: str) -> bool:
    """Whether the body ``path`` is ``root`` or lies under it in the tree."""
    return bool(root) and (path == root or path.startswith(root + "/"))
