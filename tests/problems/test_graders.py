import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from arts.errors import UsageError
from arts.problems.answers.spelling import normalise
from arts.problems.base import Verdict
from arts.problems.graders import MathGrader, equivalence_classes, make_grader, quick_grade

DATA = Path(__file__).parents[1] / "data"
KEYS = [json.loads(line) for line in (DATA / "keys.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def grader():
    grader = MathGrader(workers=2, deadline_s=10.0)
    yield grader
    grader.close()


@given(st.text(max_size=30) | st.from_regex(r"-?\d{1,6}(\.\d+)?|\\frac\{\d+\}\{\d+\}|\\text\{ab\}", fullmatch=True))
def test_normalising_is_idempotent(text):
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("key", "answer", "verdict"),
    [
        ("\\frac12", "0.5", "correct"),
        ("1,000", "1000.0", "correct"),
        ("\\dfrac{3}{4}", "3/4", "correct"),
        ("5", "5 \\text{ cm}", "correct"),
        ("50\\%", "50", "correct"),
        ("\\$6", "6", "correct"),
        ("\\$\\sqrt{4}", "2", "correct"),
        ("7", "8", "incorrect"),
        ("x^2+1", "1+x^2", "correct"),
        ("2\\sqrt{3}", "\\sqrt{12}", "correct"),
        ("(1,2)", "(2,1)", "incorrect"),
        ("\\text{Evelyn}", "Evelyn", "correct"),
        ("3", None, "incorrect"),
    ],
)
def test_mathematics(grader, key, answer, verdict):
    (grade,) = grader.grade([(key, answer)])
    assert grade.verdict == verdict


def test_every_key_grades_itself_correct(grader):
    grades = grader.grade([(k["answer"], k["answer"]) for k in KEYS])
    assert [k["id"] for k, g in zip(KEYS, grades, strict=True) if g.verdict is not Verdict.CORRECT] == []


@pytest.mark.parametrize(
    "hostile",
    [
        "9^{9^{9^{9}}}",
        "\\frac{" * 300,
        "x" * 10_000_000,
        "\x00" * 50,
        "a\x00b",
        "\\left(\\left[{",
        "__import__('os').system('true')",
        "(" * 1500,
        "\u202e5",
        "\ud800",
    ],
)
def test_hostile_answers_neither_hang_nor_crash(hostile):
    grader = MathGrader(workers=1, deadline_s=2.0)
    try:
        hard, after = grader.grade([("5", hostile), ("x+1", "1+x")])
        assert hard.verdict is not Verdict.CORRECT
        assert hard.verdict is Verdict.INCORRECT or hard.reason
        assert after.verdict is Verdict.CORRECT  # the pool goes on
    finally:
        grader.close()


def test_a_hung_pair_is_ungraded_with_its_reason():
    grader = MathGrader(workers=1, deadline_s=1.0)
    try:
        (grade,) = grader.grade([("9", "9^{9^{9^{9}}}")])
    finally:
        grader.close()
    assert (grade.verdict, grade.reason) == (Verdict.UNGRADED, "math-verify: no verdict within 1 s")


def test_a_module_of_the_current_folder_is_not_taken_for_an_installed_one(tmp_path, monkeypatch):
    (tmp_path / "sympy.py").write_text("raise SystemExit('not sympy')")
    monkeypatch.chdir(tmp_path)
    grader = MathGrader(workers=1)
    try:
        (grade,) = grader.grade([("x+1", "1+x")])
    finally:
        grader.close()
    assert grade.verdict is Verdict.CORRECT


def test_it_works_from_threads_and_from_asyncio(grader):
    pairs = [("x+1", "1+x"), ("2x", "x"), ("7", "7")]
    wanted = ["correct", "incorrect", "correct"]
    with ThreadPoolExecutor(4) as threads:
        rows = list(threads.map(lambda _: [g.verdict for g in grader.grade(pairs)], range(8)))

    async def gathered():
        return await asyncio.gather(*(asyncio.to_thread(grader.grade, pairs) for _ in range(4)))

    rows += [[g.verdict for g in grades] for grades in asyncio.run(gathered())]
    assert rows == [wanted] * 12


def test_repeated_pairs_are_graded_once(monkeypatch):
    grader = MathGrader(workers=1)
    asked = []
    monkeypatch.setattr(
        grader._pool, "grade", lambda pairs: asked.extend(pairs) or [quick_grade("1", "1")] * len(pairs)
    )
    grader.grade([("x+1", "1+x")] * 3)
    grader.grade([("x+1", "1+x")])
    assert asked == [("x+1", "1+x")]
    grader.close()


def test_equivalent_answers_share_a_class(grader):
    assert equivalence_classes(grader, ["1/2", "0.5", None, "\\frac{1}{2}", "3", "x+1", "1+x"]) == [
        0,
        0,
        -1,
        0,
        1,
        2,
        2,
    ]


@given(st.lists(st.none() | st.sampled_from(["1", "1.0", "2", "a", "A"])))
def test_classes_refine_equality(answers):
    classes = equivalence_classes(make_grader("exact"), answers)
    assert [c < 0 for c in classes] == [a is None for a in answers]
    for a, x in zip(answers, classes, strict=True):
        for b, y in zip(answers, classes, strict=True):
            assert x == y or a != b
    assert list(dict.fromkeys(c for c in classes if c >= 0)) == list(range(len(set(classes) - {-1})))


def test_an_unknown_grader_is_named():
    with pytest.raises(UsageError, match="no grader 'maths'"):
        make_grader("maths")
