"""Prices, terms and quantities for the tests: builders, and strategies that draw sound ones."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from services.billing.pricing.cards import CardLine
from services.billing.pricing.models import by_event, read_price
from services.billing.pricing.rating import Conversion, Terms
from services.billing.pricing.rounding import MODES, Rounding

thorough = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
quick = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def decimals(least="0", most="2000", places=3):
    return st.decimals(Decimal(least), Decimal(most), places=places, allow_nan=False, allow_infinity=False)


def texts(least="0", most="50", places=3):
    return decimals(least, most, places).map(str)


def per_unit(unit_price="2"):
    return read_price({"model": "per_unit", "unit_price": unit_price})


def tiered(model, *tiers, rate="unit_price"):
    """``tiers`` as (up_to, rate, fee)."""
    return read_price(
        {"model": model, "tiers": [{"up_to": up_to, rate: price, "flat_fee": fee} for up_to, price, fee in tiers]}
    )


def blocks(model, *tiers):
    """``tiers`` as (block_size, max_blocks, block_price)."""
    names = ("block_size", "max_blocks", "block_price")
    return read_price({"model": model, "tiers": [dict(zip(names, tier, strict=True)) for tier in tiers]})


@st.composite
def _tiers(draw, rate, most="50"):
    bounds = sorted(draw(st.sets(st.integers(0, 400), max_size=3)))
    return [
        {"up_to": bound, rate: draw(texts(most=most)), "flat_fee": draw(texts(most="30", places=2))}
        for bound in [*map(str, bounds), None]
    ]


@st.composite
def _blocks(draw):
    count = draw(st.integers(1, 3))
    found = [
        {
            "block_size": draw(st.integers(1, 40).map(str)),
            "max_blocks": draw(st.integers(0, 6).map(str)),
            "block_price": draw(texts()),
        }
        for _ in range(count)
    ]
    if draw(st.booleans()):
        found[-1]["max_blocks"] = None
    return found


@st.composite
def _percentage(draw):
    """With and without limits on an event: the two halves of the model."""
    limits = sorted(draw(st.tuples(decimals(most="12", places=2), decimals(most="12", places=2))))
    data = {
        "rate_pct": draw(texts(most="30")),
        "fixed_fee": draw(texts(most="5", places=2)),
        "free_events": str(draw(st.integers(0, 3))),
        "free_amount": draw(st.just("0") | texts(most="60", places=1)),
    }
    for name, limit in zip(("event_min", "event_max"), limits, strict=True):
        if draw(st.booleans()):
            data[name] = str(limit)
    return data


@st.composite
def _capacity(draw):
    """Prices rise and fall from tier to tier: nothing forbids a falling one."""
    bounds = sorted(draw(st.sets(st.integers(0, 4000), max_size=3)))
    limits = [*(str(Decimal(bound) / 10) for bound in bounds), None]
    return [{"up_to": limit, "price": draw(texts(most="900", places=2))} for limit in limits]


MODEL_DATA = {
    "flat": st.fixed_dictionaries({"amount": texts(most="900")}),
    "per_unit": st.fixed_dictionaries({"unit_price": texts()}),
    "multiplier": st.fixed_dictionaries({"multiplier": texts(most="3")}),
    "package": st.fixed_dictionaries({"size": texts("0.5", "30", 1), "price": texts(), "free_units": texts(places=1)}),
    "graduated": st.fixed_dictionaries({"tiers": _tiers("unit_price")}),
    "volume": st.fixed_dictionaries({"tiers": _tiers("unit_price")}),
    "graduated_percentage": st.fixed_dictionaries({"tiers": _tiers("rate_pct")}),
    "graduated_blocks": st.fixed_dictionaries({"tiers": _blocks()}),
    "volume_blocks": st.fixed_dictionaries({"tiers": _blocks()}),
    "capacity": st.fixed_dictionaries({"tiers": _capacity()}),
    # A percentage looks at each event: where a property speaks of one quantity, that is one event of this amount.
    "percentage": _percentage(),
}


def price_data(model):
    return MODEL_DATA[model].map(lambda data: {"model": model, **data})


def prices(model=None):
    chosen = st.sampled_from(sorted(MODEL_DATA)) if model is None else st.just(model)
    return chosen.flatmap(price_data).map(read_price)


roundings = st.builds(Rounding, st.sampled_from(sorted(MODES)), st.integers(-1, 3))

terms = st.builds(
    Terms,
    convert=st.none()
    | st.builds(
        Conversion,
        st.sampled_from(["multiply", "divide"]),
        st.sampled_from([3, 7, 60, Decimal("0.25")]),
        st.none() | roundings,
    ),
    free_quantity=st.just(0) | decimals(most="60", places=1),
    minimum=st.none() | decimals(most="900", places=2),
    maximum=st.none() | decimals(most="900", places=2),
    discount_pct=st.just(0) | st.integers(0, 100),
    rounding=st.none() | roundings,
)


def a_card_line(price, agreed, aggregation="sum"):
    """A line that a card can agree on: what prices each event is neither converted nor aggregated nor free in quantity."""
    if by_event(price):
        return CardLine(price, replace(agreed, convert=None, free_quantity=0))
    return CardLine(price, agreed, aggregation)


quantities = decimals(places=2).map(Fraction)
