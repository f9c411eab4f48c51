"""Laws of reading and comparing answers; single answers are in tests/cases."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from arts.problems.answers.equality import equal
from arts.problems.answers.numbers import exact_number
from arts.problems.answers.reading import read
from arts.problems.answers.spelling import normalise
from arts.problems.answers.units import leading_unit, quantity
from arts.problems.base import Verdict
from arts.problems.extraction.answer import extract_answer
from arts.problems.graders import quick_grade

CASES = Path(__file__).parents[1] / "cases"
KNOWN = sorted(
    {case[side] for name in ("grading", "own") for line in (CASES / f"{name}.jsonl").read_text("utf-8").splitlines()
     for case in [json.loads(line)] for side in ("gold", "pred") if len(case[side]) < 100}
)  # fmt: skip
PIECES = [
    *(
        "\\frac",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ",",
        ", ",
        " ",
        "1",
        "23",
        "100",
        "\\text{cm}",
        "\\text{",
        "\\pm",
        "x",
        "=",
    ),
    *("<", "\\le", "\\cup", "^", "_", "$", "\\$", "%", "\\boxed{", "e", "p.m.", " and ", ":", "\\circ", "½", "−", "√"),
    *("**", "*", "/", "!", "\\{", "\\}", "-", "B", "million", "answer:", "\\", "\n", "\\quad", ";", "|", "`", '"', "."),
]
SOUP = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
ANSWERS = st.sampled_from(KNOWN) | SOUP | st.text(max_size=20)
TOLD = ["The answer is ", "\\boxed{5}", "#### ", "<think>", "</think>", "<answer>", "</answer>", '{"answer": "', '"}']
TEXTS = st.lists(st.sampled_from([*PIECES, *TOLD, "```", "Respuesta: ", "答案是"]), max_size=20).map("".join)


@given(ANSWERS)
def test_normalising_is_idempotent_and_keeps_what_is_said(answer):
    once = normalise(answer)
    assert normalise(once) == once


@given(ANSWERS, ANSWERS)
def test_equality_is_symmetric(a, b):
    first, second = quick_grade(a, b), quick_grade(b, a)
    assert (first and first.verdict) == (second and second.verdict)


@given(ANSWERS)
def test_every_answer_equals_itself(answer):
    assert equal(read(answer), read(answer), lambda a, b: None)
    again = quick_grade(answer, f" {answer} ")
    assert again is None or again.verdict is Verdict.CORRECT


@given(TEXTS)
def test_reading_an_answer_off_any_text_raises_nothing(text):
    found = extract_answer(text)
    assert found is None or isinstance(found.value, str)


@given(st.lists(st.integers(0, 999), min_size=2, max_size=5))
def test_numbers_never_run_together(numbers):
    joined = "".join(map(str, numbers))
    for separator in (" ", ", ", "; ", "\\ ", "\n", "~", "\\quad "):
        grade = quick_grade(joined, separator.join(map(str, numbers)))
        assert grade is not None
        assert grade.verdict is Verdict.INCORRECT


@given(st.fractions(max_denominator=50), st.sampled_from(["", "cm", "apples", "\\text{ km}"]))
def test_a_number_is_its_value_in_every_spelling(number, unit):
    whole, part = divmod(abs(number), 1)
    sign = "-" if number < 0 else ""
    above, below = part.numerator, part.denominator
    spellings = [f"{number}", f"\\frac{{{number.numerator}}}{{{number.denominator}}}"]
    if whole and part:
        spellings += [f"{sign}{whole} {above}/{below}", f"{sign}{whole}\\frac{{{above}}}{{{below}}}"]
    for spelling in spellings:
        assert exact_number(normalise(spelling)) == number
        assert quick_grade(str(number), f"{spelling} {unit}").verdict is Verdict.CORRECT
        assert quick_grade(str(number + Fraction(1, 7)), f"{spelling} {unit}").verdict is Verdict.INCORRECT


@pytest.mark.parametrize(
    "text", ["1/0", "9^{9^9}", "10^{1000000}", "99999!", "(" * 300 + "1", "1" * 500, "2^{0.5}", "", "x", "1..2"]
)
def test_what_is_no_number_or_too_large_is_none(text):
    assert exact_number(text) is None


@pytest.mark.parametrize(
    ("text", "unit"),
    [("12\\text{ square feet}", "ft^2"), ("5 km/h", "h^-1 km"), ("60 mph", "h^-1 mi"), ("3\\text{m}^{-2}", "m^-2")],
)
def test_units_have_one_name(text, unit):
    assert quantity(normalise(text)).unit == unit


def test_the_unit_of_prose_ends_where_the_prose_goes_on():
    assert leading_unit(" miles per hour on average") == " miles per hour"
    assert leading_unit(" in all") == leading_unit(" which is right") == ""


@pytest.mark.parametrize(
    "piece", [*PIECES, "1,", "1 ", "\\text{a}", "(1,", "\\frac{1}{", "^{", "x=", "a:", '{"answer":"']
)
def test_hostile_repetition_takes_no_time(piece):
    answer = (piece * 2_000)[:2_000]
    normalise(answer)
    quick_grade("1", answer)
    extract_answer(piece * 20_000)  # the suite's time limit is the assertion
