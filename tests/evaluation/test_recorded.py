"""Recorded solutions with reward-model scores: what we report equals a few lines of arithmetic on the raw file."""

import json
import math
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from arts.logs.samples import read_samples
from arts.problems.base import Verdict
from arts.problems.graders import MathGrader

from .samples import evaluate_trees

PATH = Path(__file__).parents[1] / "data" / "math_rm_12x8.jsonl"
ROWS = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]
KS = (1, 4, 8)
TYPOGRAPHY = "\\text{4:30 p.m.}"
"""The key whose recorded verdicts depend on the spelling of the unit."""


@pytest.fixture(scope="module")
def grader():
    grader = MathGrader(workers=1, deadline_s=10.0)
    yield grader
    grader.close()


@pytest.fixture(scope="module")
def result(grader, tmp_path_factory):
    """The recorded verdicts, believed because the rows have no key."""
    path = tmp_path_factory.mktemp("recorded") / "rollouts.jsonl"
    keyless = [{k: v for k, v in row.items() if k != "answer"} for row in ROWS]
    path.write_text("".join(json.dumps(row) + "\n" for row in keyless), encoding="utf-8")
    found = read_samples(path, splitter="paragraph", grader=grader)
    problems, trees = found.problems, found.trees
    return evaluate_trees(problems, trees, [], grader, ks=KS, scores=[("rm_score", "logit")])


def over_subsets(k, accuracy):
    return np.mean([np.mean([accuracy(chosen) for chosen in combinations(row["samples"], k)]) for row in ROWS])


def best(chosen):
    return max(chosen, key=lambda s: s["rm_score"])["correct"]


def voted(chosen, weight):
    """Answers are compared as they stand in the last box."""
    boxes = [re.findall(r"\\boxed\{(.*)\}", s["text"])[-1] for s in chosen]
    totals = {box: sum(weight(s) for b, s in zip(boxes, chosen, strict=True) if b == box) for box in boxes}
    winners = [box for box in totals if math.isclose(totals[box], max(totals.values()))]
    return np.mean([chosen[boxes.index(box)]["correct"] for box in winners])


EXPECTED = {
    "random": lambda chosen: np.mean([s["correct"] for s in chosen]),
    "majority": lambda chosen: voted(chosen, lambda s: 1.0),
    "rm_score best-of-N": best,
    "rm_score vote": lambda chosen: voted(chosen, lambda s: math.exp(s["rm_score"])),
    "oracle (pass@N)": lambda chosen: any(s["correct"] for s in chosen),
}


def test_the_methods_are_these(result):
    assert list(result.table) == list(EXPECTED)


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("method", EXPECTED)
def test_accuracy(result, method, k):
    assert result.table[method].accuracy[k].value == pytest.approx(over_subsets(k, EXPECTED[method]))


@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_pass_at_k(result, k):
    assert result.pass_at_k[k].value == pytest.approx(over_subsets(k, EXPECTED["oracle (pass@N)"]))


@pytest.mark.parametrize("method", EXPECTED)
def test_differences_and_gap_are_those_of_the_accuracies(result, method):
    accuracy = {name: m.accuracy[8].value for name, m in result.table.items()}
    room = accuracy["oracle (pass@N)"] - accuracy["random"]
    found = result.table[method]
    assert found.minus_majority.value == pytest.approx(accuracy[method] - accuracy["majority"])
    assert found.minus_random.value == pytest.approx(accuracy[method] - accuracy["random"])
    assert found.gap_closed.value == pytest.approx((accuracy[method] - accuracy["random"]) / room)


def test_levels_divide_the_problems(result):
    sizes = {s.name: s.methods["majority"].n for s in result.subsets if s.kind == "level"}
    counts = Counter(r["level"] for r in ROWS)
    assert sizes == {f"level {v}": n for v, n in sorted(counts.items()) if n > 1}


def test_our_grades_are_the_recorded_ones(grader):
    found = read_samples(PATH, splitter="paragraph", grader=grader)
    problems, trees = found.problems, found.trees
    ours = [[t.outcomes[r.leaf].verdict is Verdict.CORRECT for r in t.backbones] for t in trees]
    recorded = [[s["correct"] for s in row["samples"]] for row in ROWS]
    assert [p.answer for p, a, b in zip(problems, ours, recorded, strict=True) if a != b] in ([], [TYPOGRAPHY])
