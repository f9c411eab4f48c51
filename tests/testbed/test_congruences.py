from dataclasses import fields, replace
from math import gcd

import numpy as np
import pytest
from hypothesis import given, strategies as st

from arts.problems.graders import make_grader
from arts.testbed.congruences import (
    MAX_LINES,
    MODULI,
    Congruence,
    congruence_problems,
    line_is_valid,
    parse_question,
    strategy_of,
)
from arts.testbed.students import MAX_NUMBER, StudentHabits, demonstrate
from arts.testbed.tokenizer import make_tokenizer

SPLITS = ("train", "validation", "test")
WEAKNESSES = [f.name for f in fields(StudentHabits) if isinstance(f.default, float)]
FLAWLESS = replace(StudentHabits(), **dict.fromkeys(WEAKNESSES, 0.0))


@st.composite
def congruences(draw):
    m = draw(st.sampled_from(MODULI))
    return Congruence(draw(st.integers(2, m - 1)), draw(st.integers(1, m - 1)), m)


def solutions(a, b, m):
    return [x for x in range(m) if (a * x - b) % m == 0]


def demonstrations(habits, count=300):
    """Congruences with a student's solution of each, where it ended."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(congruence_problems("train"), count)
    shown = [(c, demonstrate(c, rng, habits)) for c in (parse_question(p.question) for p in chosen)]
    return [(c, text) for c, text in shown if text is not None]


def is_right(c, text):
    return text.endswith(f" 1 x = {c.x}\n")


def test_splits_are_disjoint_and_cover_every_congruence():
    parts = {split: {p.question for p in congruence_problems(split)} for split in SPLITS}
    everything = {Congruence(a, b, m).question for m in MODULI for a in range(2, m) for b in range(1, m)}
    assert sum(map(len, parts.values())) == len(everything)
    assert set.union(*parts.values()) == everything
    shares = [len(parts[split]) / len(everything) for split in SPLITS]
    assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.015)


def test_every_answer_solves_its_congruence():
    for split in SPLITS:
        for problem in congruence_problems(split):
            c = parse_question(problem.question)
            assert 0 <= int(problem.answer) < c.m
            assert (c.a * int(problem.answer) - c.b) % c.m == 0


def test_harder_problems_have_larger_moduli():
    moduli = {level: set() for level in (1, 2, 3)}
    for problem in congruence_problems("test"):
        moduli[problem.level].add(parse_question(problem.question).m)
    assert max(moduli[1]) < min(moduli[2]) and max(moduli[2]) < min(moduli[3])


def test_ids_are_unique_and_the_order_is_shuffled():
    problems = [p for split in SPLITS for p in congruence_problems(split)]
    assert len({p.id for p in problems}) == len(problems)
    assert {parse_question(p.question).m for p in congruence_problems("train")[:100]} == set(MODULI)


@given(congruences())
def test_a_question_reads_back(c):
    assert parse_question(c.question) == c
    assert parse_question(c.question + " ") is None
    assert solutions(c.a, c.b, c.m) == [c.x]


@given(congruences(), st.sampled_from(["add", "div", "mul", "neg"]), st.integers(0, 240), st.integers(0, 240))
def test_a_line_is_valid_when_it_has_the_solution_of_the_problem_and_no_other(c, move, a, b):
    assert line_is_valid(c, f"{move} {a} x = {b}\n") == (solutions(a, b, c.m) == [c.x])


@given(congruences(), st.integers(1, 10), st.integers(1, 18))
def test_moves_of_the_task_keep_a_line_valid_and_errors_do_not(c, factor, error):
    shared = gcd(c.a, c.b)
    assert line_is_valid(c, f"add {c.a} x = {c.b + factor * c.m}\n")
    assert line_is_valid(c, f"mul {factor * c.a % c.m} x = {factor * c.b % c.m}\n")
    assert line_is_valid(c, f"neg {c.m - c.a} x = {c.m - c.b}")
    assert line_is_valid(c, f"div {c.a // shared} x = {c.b // shared}")
    assert not line_is_valid(c, f"add {c.a} x = {c.b + error}\n")
    assert not line_is_valid(c, f"mul {factor * c.m} x = 0\n")  # true, and of no use


@pytest.mark.parametrize(
    "line", ["", "\n", "div 1 x =", "sub 1 x = 2\n", "div 1 x = 2\n\n", "div  1 x = 2", "div 1 x = -2"]
)
def test_what_is_not_a_line_is_not_valid(line):
    assert not any(line_is_valid(Congruence(a, b, 19), line) for a in range(2, 19) for b in range(1, 19))


def test_the_strategy_is_the_moves_in_order_of_first_use():
    assert strategy_of("neg 9 x = 4\nadd 9 x = 23\nadd 9 x = 42\ndiv 3 x = 14\nadd 3 x = 33\n") == "neg+add+div"
    assert strategy_of("nothing") == ""


def test_a_student_without_weaknesses_is_always_right():
    shown = demonstrations(FLAWLESS)
    assert len(shown) > 100
    for c, text in shown:
        assert is_right(c, text)
        assert all(line_is_valid(c, line) for line in text.splitlines(keepends=True))


@pytest.mark.parametrize("weakness", WEAKNESSES)
def test_each_weakness_alone_spoils_solutions(weakness):
    shown = demonstrations(replace(FLAWLESS, **{weakness: 1.0}))
    assert not all(is_right(c, text) for c, text in shown)


@pytest.mark.parametrize(("strategy", "openings"), enumerate([{"add", "div"}, {"mul"}, {"neg"}]))
def test_a_solution_opens_with_its_strategy(strategy, openings):
    habits = replace(FLAWLESS, strategies=tuple(float(i == strategy) for i in range(3)))
    assert {text.split()[0] for _, text in demonstrations(habits, 100)} == openings


def test_demonstrations_end_solved_within_the_lines_and_numbers():
    grader = make_grader("exact")
    shown = demonstrations(StudentHabits())
    assert {is_right(c, text) for c, text in shown} == {True, False}
    for c, text in shown:
        lines = text.splitlines()
        assert 1 <= len(lines) <= MAX_LINES and lines[-1].split()[1] == "1"
        assert max(int(n) for n in text.split() if n.isdigit()) <= MAX_NUMBER
        assert (int(grader.extract(text)) == c.x) == is_right(c, text)


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


def test_tokens_join_back_to_the_text_five_to_a_line(tokenizer):
    for c, text in demonstrations(StudentHabits(), 100):
        tokens = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(tokens) == text
        assert len(tokens) == 5 * text.count("\n")
        assert tokenizer.unk_token_id not in tokens
        question = tokenizer.encode(c.question)
        assert question[0] == tokenizer.bos_token_id
        assert tokenizer.unk_token_id not in question
        assert tokenizer.decode(question, skip_special_tokens=True) == c.question


def test_every_number_is_one_token_and_what_is_not_a_word_is_unknown(tokenizer):
    tokens = [tokenizer.encode(f" {n}", add_special_tokens=False) for n in range(MAX_NUMBER + 1)]
    assert {len(t) for t in tokens} == {1}
    assert len({t[0] for t in tokens} - {tokenizer.unk_token_id}) == MAX_NUMBER + 1
    assert tokenizer.encode(f" {MAX_NUMBER + 1}", add_special_tokens=False) == [tokenizer.unk_token_id]
