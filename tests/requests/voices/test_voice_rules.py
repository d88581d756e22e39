"""Rules of complaints and surveys by themselves: who is independent, what is due when, which results may be shown."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.requests.voices import model, surveys
from services.requests.voices.model import Candidate, Complained, choose, involvement
from shared.bilingual import Words
from shared.errors import Invalid
from shared.web.sheets import csv_bytes

NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # Wednesday 12:00 at the site


def somebody(account, *kinds, department="office", supplier="", crew=""):
    return Candidate(account, account, account, frozenset(kinds), department, supplier, crew)


DISPATCHER = somebody("d", "dispatcher", department="logistics")
MANAGER = somebody("m", "contract_manager", department="contracts")
SUPERVISOR = somebody("s", "supervisor", department="")
PEOPLE = [SUPERVISOR, MANAGER, DISPATCHER]


@pytest.mark.parametrize(
    ("person", "complained", "why"),
    [
        (MANAGER, Complained(people=frozenset({"m"})), "self"),
        (somebody("x", "contract_manager", crew="c1"), Complained(crews=frozenset({"c1"})), "crew"),
        (somebody("x", "supervisor", supplier="HY"), Complained(suppliers=frozenset({"HY"})), "supplier"),
        (MANAGER, Complained(departments=frozenset({"contracts"})), "department"),
        (DISPATCHER, Complained(dispatch=True), "dispatch"),
        (DISPATCHER, Complained(), ""),
        (SUPERVISOR, Complained(departments=frozenset({""}), crews=frozenset({""}), suppliers=frozenset({""})), ""),
        (MANAGER, Complained(dispatch=True, crews=frozenset({"c1"})), ""),
    ],
)
def test_whoever_has_a_part_in_it_has_no_say(person, complained, why):
    assert involvement(person, complained) == why


def test_the_lowest_kind_that_is_independent_looks_into_it_and_the_reasons_say_why():
    assert choose(PEOPLE, Complained(), {}).account == "d"
    choice = choose(PEOPLE, Complained(dispatch=True), {})
    assert (choice.account, choice.kind) == ("m", "contract_manager")
    assert choice.reasons == (("independent", 0), ("kind_contract_manager", 0), ("barred_dispatch", 1))
    assert choose(PEOPLE, Complained(dispatch=True, departments=frozenset({"contracts"})), {}).account == "s"


def test_among_equals_the_one_with_the_fewest_at_hand_then_the_lowest_id():
    pair = [somebody("b", "contract_manager"), somebody("a", "contract_manager")]
    assert choose(pair, Complained(), {"a": 2, "b": 1}).account == "b"
    assert choose(pair, Complained(), {"a": 1, "b": 1}).account == "a"
    assert ("fewest", 1) in choose(pair, Complained(), {"a": 2, "b": 1}).reasons


def test_an_appeal_goes_higher_and_never_to_whoever_had_it():
    assert choose(PEOPLE, Complained(), {}, above=model.rank("dispatcher"), but=frozenset({"d"})).account == "m"
    assert choose(PEOPLE, Complained(), {}, above=model.rank("contract_manager")).account == "s"
    nobody = choose(PEOPLE, Complained(), {}, above=model.rank("supervisor"), but=frozenset({"s"}))
    assert nobody.account == "" and nobody.reasons[0] == ("nobody", 0) and ("barred_before", 1) in nobody.reasons


def test_every_choice_is_independent_whatever_the_facts():
    """All 2^5 combinations of what a complaint can be about, over a crowd that holds every kind in every place."""
    crowd = [
        somebody(f"{kind}-{place}", kind, department=place, supplier=supplier, crew=crew)
        for kind in model.KINDS
        for place, supplier, crew in (("logistics", "", "c1"), ("contracts", "HY", ""), ("other", "", ""))
    ]
    for mask in range(32):
        complained = Complained(
            frozenset({"dispatcher-other"} if mask & 1 else ()), frozenset({"c1"} if mask & 2 else ()),
            frozenset({"HY"} if mask & 4 else ()), frozenset({"other"} if mask & 8 else ()), bool(mask & 16),
        )  # fmt: skip
        choice = choose(crowd, complained, {})
        chosen = next((each for each in crowd if each.account == choice.account), None)
        free = [each for each in crowd if not involvement(each, complained)]
        assert (chosen in free) if free else (chosen is None)
        if chosen:
            assert model.rank(choice.kind) == min(model.rank(kind) for each in free for kind in each.kinds)


def test_days_are_working_days_and_a_holiday_does_not_count():
    assert model.due(NOON, 1) == datetime(2026, 11, 26, 4, 0, tzinfo=UTC)  # Thursday 12:00
    friday = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
    assert model.due(friday, 1) == datetime(2026, 11, 30, 8, 0, tzinfo=UTC)  # Monday
    assert model.due(datetime(2026, 9, 30, 8, 0, tzinfo=UTC), 1).date() > date(2026, 10, 7)  # the National Day holiday


def test_references_are_read_as_they_are_spoken():
    full = model.reference("C", date(2026, 11, 24), 3)
    assert (full, model.short(full)) == ("C-2026-1124-003", "C-1124-003")
    today = date(2026, 11, 25)
    for said in ("C-1124-003", "c1124-003", "C－1124－003", full):
        assert model.full_reference(said, today) == full
    assert model.full_reference("C-1231-003", today) == "C-2025-1231-003"
    assert model.full_reference("nonsense", today) == "nonsense"


def test_how_an_answer_stands():
    assert model.standing("received", NOON + timedelta(days=3), NOON) == "running"
    assert model.standing("received", NOON + timedelta(hours=3), NOON) == "soon"
    assert model.standing("appealed", NOON - timedelta(seconds=1), NOON) == "breached"
    assert model.standing("closed", NOON - timedelta(days=1), NOON) == "stopped"


@pytest.mark.parametrize(
    ("words", "category"),
    [
        ("司机态度太差", "attitude"), ("等了三个小时没来", "late"), ("空调又坏了", "quality"), ("The electrician was rude", "attitude"),
        ("有漏电的危险", "safety"), ("乱收费", "cost"), ("就是不满意", "other"),
    ],
)  # fmt: skip
def test_a_complaint_in_plain_words_has_a_category(words, category):
    assert model.category_of(words) == category


# ---- surveys

SCALE = surveys.question(1, "scale", "总体满意吗", "How satisfied", (), ())
CHOICE = surveys.question(2, "choice", "常用哪项", "Which most", ("维修", "保洁"), ("Repair", "Cleaning"))
TEXT = surveys.question(3, "text", "还有什么", "Anything else", (), ())


@pytest.mark.parametrize(
    ("kind", "zh", "en"),
    [
        ("choice", ["一"], ["one"]),
        ("choice", ["一", "二"], ["one"]),
        ("choice", ["一", "一"], ["a", "b"]),
        ("scale", ["一"], ["a"]),
    ],
)
def test_options_hold_in_both_languages(kind, zh, en):
    with pytest.raises(Invalid):
        surveys.question(1, kind, "题", "q", zh, en)


def test_answers_are_of_their_questions_kind():
    asked = [SCALE, CHOICE, TEXT]
    assert surveys.read_answers(asked, {"q1": "5", "q2": "a", "q3": ""}) == {"q1": 5, "q2": "a"}
    with pytest.raises(Invalid) as refused:
        surveys.read_answers(asked, {"q1": 6, "q2": "z", "q3": "x" * 501, "q9": 1})
    assert set(refused.value.fields) == {"q1", "q2", "q3", "q9"}
    with pytest.raises(Invalid) as refused:
        surveys.read_answers(asked, {"q1": ["1", "2"], "q2": None})
    assert set(refused.value.fields) == {"q1", "q2"}


@pytest.mark.parametrize(
    ("answered", "shown"),
    [
        ({"a": 10, "b": 5}, {"a", "b"}),
        ({"a": 10, "b": 3}, set()),  # b is what a leaves of the whole
        ({"a": 10, "b": 6, "c": 3}, {"a"}),  # b is hidden too, so that c cannot be worked out
        ({"a": 10, "b": 3, "c": 2}, {"a"}),
        ({"a": 4}, set()),
        ({}, set()),
    ],
)
def test_what_few_have_said_cannot_be_worked_out(answered, shown):
    assert surveys.shown_groups(answered) == shown


def test_results_count_and_average_and_are_hidden_when_few_took_part():
    tally = {("a", "q1", "5"): 4, ("a", "q1", "4"): 2, ("b", "q1", "1"): 5, ("a", "q2", "a"): 6, ("b", "q2", "b"): 5}
    scale, choice = surveys.results([SCALE, CHOICE], tally, {"a": 6, "b": 5})
    assert scale.counts == (("1", 5), ("2", 0), ("3", 0), ("4", 2), ("5", 4)) and scale.total == 11
    assert scale.average == pytest.approx((5 + 8 + 20) / 11)
    assert dict(choice.by_group)["b"] == (("a", 0), ("b", 5))
    assert surveys.results([SCALE], {("a", "q1", "5"): 4}, {"a": 4}) is None


def test_a_sheet_holds_no_formula_and_numbers_stay_numbers():
    text = csv_bytes([["=1+1", -3], ["＋加", "fine"]]).decode("utf-8-sig")
    assert text == "'=1+1,-3\r\n'＋加,fine\r\n"
    assert Words("一", "one").in_("en") == "one"
