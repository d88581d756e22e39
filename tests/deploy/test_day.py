"""The simulated day: what will be asked follows from the seed alone, and is what the forms take."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from deploy import day
from services.dispatch.standards import items as dispatched
from services.requests import forms, model, standing
from services.requests.api import item_out
from services.requests.catalogue_reading import load_catalogue
from services.requests.compound import load_compound

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
CATALOGUE = load_catalogue()
ITEMS = [item_out(item, item.may_ask(frozenset({"staff"}), "secretariat")) for item in CATALOGUE]
BY_CODE = {item["code"]: item for item in ITEMS}
PLACES = {
    item.code: sorted(place.code for place in load_compound().places if model.place_fits(item, place.kind, place.code))[
        :40
    ]
    for item in CATALOGUE
}


def test_the_same_seed_gives_the_same_day_and_another_seed_another():
    assert day.plan(ITEMS, PLACES, 7, 120) == day.plan(ITEMS, PLACES, 7, 120)
    assert day.plan(ITEMS, PLACES, 7, 120) != day.plan(ITEMS, PLACES, 8, 120)


@pytest.mark.parametrize("seed", range(8))
def test_a_day_has_every_item_and_every_fate_in_order_of_time(seed):
    wishes = day.plan(ITEMS, PLACES, seed, 300)
    assert len(wishes) == 300
    assert {wish.item for wish in wishes} == set(BY_CODE)
    assert {wish.fate for wish in wishes} == set(day.FATES)
    assert [wish.minute for wish in wishes] == sorted(wish.minute for wish in wishes)
    assert all(day.OPENS <= wish.minute < day.CLOSES for wish in wishes)
    assert any(wish.body.get("priority") == 1 for wish in wishes)


def test_mornings_and_afternoons_are_busier_than_noon():
    hours = Counter(int(wish.minute // 60) for seed in range(5) for wish in day.plan(ITEMS, PLACES, seed, 300))
    assert hours[9] > 2 * hours[12]
    assert hours[14] > 2 * hours[12]


@pytest.mark.parametrize("seed", range(4))
def test_every_wish_is_what_its_form_takes(seed):
    for wish in day.plan(ITEMS, PLACES, seed, 300):
        item = CATALOGUE.get(wish.item)
        body = day.posted(wish, BY_CODE[wish.item], NOW)
        parts = {
            name: datetime.fromisoformat(body[name]) if name in body else None for name in ("starts_at", "ends_at")
        }
        filing = forms.from_json(item, {**body, **{name: at.isoformat() for name, at in parts.items() if at}})
        assert model.refusals(filing, item, NOW) == {}, body
        assert standing.excesses(filing, item) == [], body


def test_the_residence_is_asked_for_by_those_who_may():
    users = {wish.user for wish in day.plan(ITEMS, PLACES, 3, 300) if wish.item == "residence"}
    people = {person.user: person for person in load_compound().people}
    assert users == {day.RECEPTION}
    assert not CATALOGUE.get("residence").may_ask(
        frozenset(people[day.RECEPTION].roles), people[day.RECEPTION].department
    )
    assert {*day.STAFF, day.DISPATCHER} <= set(people)


def test_what_was_used_is_within_the_meters_of_the_item():
    meters = {item.code: item.meters for item in dispatched().values()}
    for wish in day.plan(ITEMS, PLACES, 5, 300):
        known = {each.code: each for each in meters[wish.item]}
        told = [
            {"code": m.code, "least": str(m.least), "most": str(m.most), "step": str(m.step)} for m in known.values()
        ]
        found = day.used(wish, told)
        assert found
        assert found == day.used(wish, told)
        for each in found:
            meter = known[each["meter"]]
            quantity = type(meter.least)(each["quantity"])
            assert meter.least <= quantity <= meter.most
            assert quantity % meter.step == 0


def test_a_day_shorter_than_the_catalogue_is_refused():
    with pytest.raises(ValueError, match="at least 12"):
        day.plan(ITEMS, PLACES, 1, 5)
