"""One function decides; these are its cases."""

import pytest

from shared.web.principal import ROLES
from shared.web.routes import PUBLIC, Access, Route, Scoped, decide
from tests.web.site import a_person

THING = Scoped(
    owners=frozenset({"a1"}), crews=frozenset({"c7"}), department="d1", organisation="cn/zj/hz", supplier="hy"
)


def a_route(**scopes):
    return Route("GET", "/x", "x", lambda context: None, allow=Access.to(**scopes))


@pytest.mark.parametrize(
    ("scope", "person", "verdict"),
    [
        ("own", {"account": "a1"}, "allow"),
        ("own", {"account": "b2"}, "hide"),
        ("own", {"account": "b2", "crew": "c7"}, "allow"),
        ("own", {"account": "b2", "crew": ""}, "hide"),
        ("department", {"account": "b2", "department": "d1"}, "allow"),
        ("department", {"account": "b2", "department": "d2"}, "hide"),
        ("department", {"account": "b2", "department": ""}, "hide"),
        ("organisation", {"account": "b2", "organisation": "cn/zj"}, "allow"),
        ("organisation", {"account": "b2", "organisation": "cn/zj/hz"}, "allow"),
        ("organisation", {"account": "b2", "organisation": "cn/zj/h"}, "hide"),
        ("organisation", {"account": "b2", "organisation": "cn/zj/hz/gs"}, "hide"),
        ("organisation", {"account": "b2", "organisation": ""}, "hide"),
        ("supplier", {"account": "b2", "supplier": "hy"}, "allow"),
        ("supplier", {"account": "b2", "supplier": "dl"}, "hide"),
        ("supplier", {"account": "b2", "supplier": ""}, "hide"),
        ("all", {"account": "b2"}, "allow"),
    ],
)
def test_a_scope_covers_what_it_says(scope, person, verdict):
    assert decide(a_person(**person), a_route(staff=scope), THING) == verdict


def test_a_thing_that_belongs_nowhere_is_covered_by_all_only():
    person = a_person(organisation="cn", department="d1", supplier="hy")
    for scope in ("own", "department", "organisation", "supplier"):
        assert decide(person, a_route(staff=scope), Scoped()) == "hide"
    assert decide(person, a_route(staff="all"), Scoped()) == "allow"


@pytest.mark.parametrize("role", [role for role in ROLES if role != "finance"])
def test_a_role_that_is_not_named_is_refused(role):
    assert decide(a_person(role=role), a_route(finance="all"), THING) == "refuse"


def test_nobody_is_refused_but_on_public_routes():
    assert decide(None, a_route(staff="all")) == "refuse"
    assert decide(None, Route("GET", "/x", "x", lambda context: None, allow=PUBLIC)) == "allow"


def test_rights_come_from_all_roles_of_a_person():
    person = a_person("b2", role="staff", roles=frozenset({"staff", "auditor"}))
    assert decide(person, a_route(staff="own", auditor="all"), THING) == "allow"


def test_a_role_that_does_not_exist_cannot_be_written():
    with pytest.raises(TypeError, match="chief"):
        Access.to(chief="all")
