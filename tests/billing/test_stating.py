"""A month from its close to its payment by calls alone, by the same people and rules as on the page."""

from datetime import UTC, datetime

from tests.billing.conftest import a_client, hours, tell
from tests.people import headers_of

REF, PERIOD = "HY-2026-01", "2026-11"
PATH = f"/billing/api/statements/{REF}/{PERIOD}"


def test_a_month_goes_all_the_way_to_paid_by_calls(quick):
    tell(quick, [hours(1, "10"), hours(2, "2")])
    quick.clock.set(datetime(2026, 12, 3, 2, tzinfo=UTC))
    client = a_client(quick)

    def by(role, who=""):
        return headers_of(
            quick,
            role,
            supplier="HY" if role == "supplier" else "",
            now=quick.clock.now(),
            **({"account": who} if who else {}),
        )

    assert client.get(PATH, headers=by("finance")).status_code == 404
    early = client.post(
        "/billing/api/statements/close", json={"contract": REF, "period": "2026-12"}, headers=by("finance")
    )
    assert (early.status_code, early.mimetype) == (409, "application/problem+json")
    drawn = client.post(
        "/billing/api/statements/close", json={"contract": REF, "period": PERIOD}, headers=by("finance", "clerk")
    )
    assert (drawn.json["total"], drawn.json["state"]) == ("1020.00", "draft")
    assert drawn.json["lines"][0]["steps"]
    assert client.post(f"{PATH}/sign", json={}, headers=by("finance")).status_code == 409
    for act, body, who in (
        ("send", {}, by("contract_manager")), ("lines/1/dispute", {"words": "少算"}, by("supplier")),
        ("lines/1/decide", {"decision": "upheld", "words": "核过"}, by("contract_manager")), ("agree", {}, by("supplier")),
        ("accept", {}, by("contract_manager")), ("sign", {}, by("contract_manager")), ("sign", {}, by("finance")),
    ):  # fmt: skip
        answer = client.post(f"{PATH}/{act}", json=body, headers=who)
        assert answer.status_code == 200, (act, answer.text)
    assert (answer.json["state"], len(answer.json["signatures"]), answer.json["due_on"]) == ("stated", 2, "2027-01-02")
    pay = {"amount": "1020.00", "paid_on": "2026-12-03", "reference": "V-1"}
    assert client.post(f"{PATH}/pay", json=pay | {"amount": "1020.01"}, headers=by("finance")).status_code == 409
    assert client.post(f"{PATH}/pay", json=pay, headers=by("finance")).json["state"] == "paid"
    other = headers_of(quick, "supplier", supplier="JJ", now=quick.clock.now())
    assert client.get(PATH, headers=other).status_code == 404
    assert client.get("/billing/api/statements", headers=other).json == {"statements": []}
    [mine] = client.get(f"/billing/api/statements?contract={REF}", headers=by("supplier")).json["statements"]
    assert mine["state"] == "paid"
