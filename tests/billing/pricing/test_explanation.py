"""Steps: what they add up to, and that they can be said."""

import ast
import string
from fractions import Fraction
from pathlib import Path

import services.billing
from services.billing.pricing.aggregation import AGGREGATIONS
from services.billing.pricing.explanation import AGGREGATION_WORDS, MODE_WORDS, WORDS, Step, inexact, say, total
from services.billing.pricing.rounding import MODES

BILLING = Path(services.billing.__file__).parent
SOURCES = [
    *sorted((BILLING / "pricing").glob("*.py")),
    *(BILLING / f"{name}.py" for name in ("assessment", "full_cost", "handlers/deductions")),
]


def keys_in_code():
    """Every key that a ``Step(...)`` or a keyed helper names in the sources."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"Step", "_graduated", "_rounding_step"}
            ):
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def names(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_key_in_the_code_has_its_words_and_every_word_its_key():
    used = {key for key in keys_in_code() if key not in {"unit_price", "rate_pct"}}
    assert used == WORDS.keys()


def test_both_languages_say_the_same_parameters():
    for key, (chinese, english) in WORDS.items():
        assert names(chinese) == names(english), key


def test_numbers_are_said_as_plain_decimals():
    step = Step("per_unit", {"quantity": Fraction(1, 4), "unit_price": Fraction(10)}, Fraction(5, 2))
    assert say(step, "zh") == "0.25 × 单价 10"
    assert say(step, "en") == "0.25 × unit price 10"
    assert step.data() == {"key": "per_unit", "params": {"quantity": "0.25", "unit_price": "10"}, "amount": "2.5"}


def test_names_are_said_in_the_language_of_the_sentence():
    assert AGGREGATION_WORDS.keys() == AGGREGATIONS.keys()
    assert MODE_WORDS.keys() == MODES.keys()
    step = Step("aggregate", {"events": 26, "aggregation": "time_weighted", "quantity": Fraction(3)})
    assert say(step, "zh") == "26 笔，按 时间加权 汇总 = 3"
    assert say(step, "en") == "time-weighted level of 26 events = 3"


def test_steps_that_only_tell_add_nothing():
    assert total(
        [Step("amount", {"amount": Fraction(9)}), Step("flat", {}, Fraction(2)), Step("cap", {}, Fraction(-1, 3))]
    ) == Fraction(5, 3)
    assert "amount" not in Step("amount").data()


def test_only_what_no_decimal_holds_is_called_inexact():
    assert inexact(Fraction(1, 80)) == ()
    assert inexact(Fraction(1, 3))[0].shown() == {"fraction": "1/3"}
