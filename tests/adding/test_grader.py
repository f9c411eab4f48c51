"""A grader of one's own: a function, a class or an object, by name or given."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from arts.errors import UsageError
from arts.problems.base import Grade, Grader, Verdict
from arts.problems.graders import GRADERS, ExactGrader, equivalence_classes, make_grader
from arts.trees.store import TreeStore

BUNDLED = ("--backend.device", "cpu", "--sampling.max-tokens", 46)
SAMPLE = ("sample", "--problems", "congruences:train", "--n", 2, "--store", "own.db", *BUNDLED)


def graded(function, key="7", answer="7"):
    return make_grader(function).grade([(key, answer)])[0]


@pytest.mark.parametrize(
    ("said", "verdict", "reason"),
    [
        (True, "correct", ""),
        (False, "incorrect", ""),
        (np.bool_(True), "correct", ""),
        (Verdict.INCORRECT, "incorrect", ""),
        (Verdict.UNGRADED, "ungraded", "gave no verdict"),
        (Grade(verdict=Verdict.UNGRADED, reason="too long"), "ungraded", "too long"),
        (None, "ungraded", "gave no verdict"),
        (1.0, "ungraded", "returned float, not a verdict"),
        ("correct", "ungraded", "returned str, not a verdict"),
    ],
)
def test_what_a_function_returns_is_a_verdict(said, verdict, reason):
    grade = graded(lambda key, answer: said)
    assert grade.verdict == verdict
    assert grade.reason.endswith(reason)


@pytest.mark.parametrize("error", [ValueError("no\nidea"), RecursionError(), KeyError("x"), AssertionError()])
def test_a_function_that_raises_leaves_the_answer_ungraded_with_the_reason(error):
    def fails(key, answer):
        raise error

    grade = graded(fails)
    assert grade.verdict is Verdict.UNGRADED
    assert type(error).__name__ in grade.reason
    assert "\n" not in grade.reason


@given(st.lists(st.tuples(st.text(max_size=3), st.none() | st.text(max_size=3))))
def test_the_laws_of_a_grader_hold(pairs):
    def judge(key, answer):
        return {"0": None, "1": 1 / 0}[key] if key in ("0", "1") else key == answer

    grader = make_grader(judge)
    grades = grader.grade(pairs)
    assert isinstance(grader, Grader)
    assert len(grades) == len(pairs)
    for (key, answer), grade in zip(pairs, grades, strict=True):
        assert grade == grader.grade([(key, answer)])[0]
        assert grade.reason or grade.verdict is not Verdict.UNGRADED
        if answer is None:
            assert (grade.verdict, grade.reason) == (Verdict.INCORRECT, "no answer")
    assert all(g.verdict is not Verdict.INCORRECT for g in grader.grade([(key, key) for key, _ in pairs]))
    grader.close()


def test_answers_are_extracted_as_by_the_exact_grader_or_by_the_function_itself():
    def judge(key, answer):
        return key == answer

    text = "first 3, so $\\boxed{4}$\nlast line"
    assert make_grader(judge).extract(text) == ExactGrader().extract(text) == "4"
    judge.extract = lambda text: text.splitlines()[-1]
    assert make_grader(judge).extract(text) == "last line"


def test_classes_of_answers_are_by_the_function():
    assert equivalence_classes(make_grader(lambda key, answer: key[0] == answer[0]), ["a1", "b", "a2", None]) == [
        0,
        1,
        0,
        -1,
    ]


SOURCE = """
    from arts.problems.base import Grade, Verdict

    def even(key, answer):
        "Right when key and answer are both even or both odd."
        return None if not answer.isdigit() else int(key) % 2 == int(answer) % 2

    def broken(key, answer):
        raise RuntimeError("out of order")

    class Whole:
        "The whole text is the answer."

        name = "own_parts:Whole"

        def extract(self, text):
            return text

        def grade(self, pairs):
            return [Grade(verdict=Verdict("correct" if k in (a or "") else "incorrect")) for k, a in pairs]

        def close(self):
            pass

    class Misnamed(Whole):
        name = "whole"

    class Lenient:
        def __init__(self):
            self.seen = 0

        def __call__(self, key, answer):
            self.seen += 1
            return True

    instance = Whole()
    instance.name = "own_parts:instance"
    number = 3
"""


def test_a_name_finds_functions_classes_and_objects(own):
    own(SOURCE)
    for name in ("even", "Whole", "instance", "Lenient"):
        grader = make_grader(f"own_parts:{name}")
        assert grader.name == f"own_parts:{name}"
        assert make_grader(grader.name).name == grader.name
    assert make_grader("own_parts:Whole").extract("a\nb") == "a\nb"
    assert graded("own_parts:Lenient", "1", "2").verdict is Verdict.CORRECT


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("exakt", ("no grader 'exakt'; did you mean 'exact'? there are: exact, math",)),
        ("own_parts:odd", ("own_parts:odd", "has no attribute 'odd'")),
        ("no_such_module:f", ("no_such_module:f", "No module named")),
        ("own_parts:number", ("own_parts:number", "neither a function")),
        ("own_parts:Misnamed", ("calls itself 'whole'", "must be 'own_parts:Misnamed'")),
    ],
)
def test_what_is_no_grader_is_refused_before_anything_is_sampled(own, refused, name, words):
    own(SOURCE)
    said = refused(*SAMPLE, "--grader", name)
    assert [word for word in words if word not in said] == []
    with pytest.raises(UsageError):
        make_grader(name)


def verdicts(path):
    with TreeStore.open(Path(path)) as store:
        return [o for tree in store.trees() for o in tree.outcomes.values()], store.run_config().sample["grader"]


def test_sampling_grades_with_it_and_the_store_finds_it_again(own, arts):
    own(SOURCE)
    assert arts(*SAMPLE, "--limit", 2, "--grader", "own_parts:even")[0] == 0
    outcomes, name = verdicts("own.db")
    assert name == "own_parts:even"
    assert {o.verdict for o in outcomes if o.answer is not None} <= {Verdict.CORRECT, Verdict.INCORRECT}
    assert arts(*SAMPLE, "--limit", 3, "--grader", "own_parts:even")[0] == 0
    assert len(verdicts("own.db")[0]) > len(outcomes)
    code, _, said = arts(*SAMPLE, "--limit", 3, "--grader", "exact")
    assert code == 2
    assert "made with grader = own_parts:even, not exact" in said


def test_one_that_raises_never_stops_a_run(own, arts):
    own(SOURCE)
    assert arts(*SAMPLE, "--limit", 2, "--grader", "own_parts:broken")[0] == 0
    answered = [o for o in verdicts("own.db")[0] if o.answer is not None]
    assert answered
    assert {o.verdict for o in answered} == {Verdict.UNGRADED}
    assert {o.reason for o in answered} == {"own_parts:broken raised RuntimeError: out of order"}


def test_every_command_that_names_a_grader_takes_it(own, arts, tmp_path):
    own(SOURCE)
    rows = [
        {"problem": f"{i}?", "answer": str(i), "samples": [{"text": f"\\boxed{{{i + d}}}"} for d in (1, 2)]}
        for i in range(4)
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "set.jsonl").write_text("".join(json.dumps({"problem": "?", "answer": "5", "id": "q"}) + "\n"))
    flag = ("--grader", "own_parts:even")
    code, out, _ = arts("problems", "check", "set.jsonl", "--json", *flag)
    assert code == 0
    assert json.loads(out)["grader"] == "own_parts:even"
    assert arts("store", "import", "log.jsonl", "--out", "imported.db", *flag)[0] == 0
    with TreeStore.open(tmp_path / "imported.db") as store:
        found = [[t.outcomes[r.leaf].verdict for r in t.rollouts] for t in store.trees()]
    assert found == [[Verdict.INCORRECT, Verdict.CORRECT]] * 4
    assert arts("evaluate", "log.jsonl", "--n", 2, "--out", "report", *flag)[0] == 0
    (tmp_path / "other.jsonl").write_text((tmp_path / "log.jsonl").read_text())
    code, _, said = arts("squeeze", "diagnose", "log.jsonl", "other.jsonl", "--out", "diagnosis", *flag)
    assert code == 0, said
    code, out, said = arts("solve", "solve 7 x = 12 mod 29", "--n", 4, "--step-tokens", 8, *BUNDLED, *flag)
    assert code == 0, said


def test_it_can_be_registered(own, arts, monkeypatch):
    for entry in (lambda key, answer: True, "own_parts:even"):
        own(SOURCE)
        monkeypatch.setitem(GRADERS, "mine", entry)
        assert graded("mine", "1", "3").verdict is Verdict.CORRECT
        assert make_grader("mine").name == "mine"
    assert arts(*SAMPLE, "--limit", 1, "--grader", "mine")[0] == 0
    assert verdicts("own.db")[1] == "mine"
