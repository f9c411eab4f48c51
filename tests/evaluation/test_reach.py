"""pass@k is counted over every sample there is, whatever is decided between."""

import json
from itertools import combinations
from math import nan

import pytest
from hypothesis import given, settings, strategies as st

from arts.cli import main
from arts.evaluation.reach import pass_at_k, ungraded_share
from arts.problems.base import Verdict
from arts.trees.tree import ROOT, Outcome, Step, Tree
from arts.workflows.evaluate import evaluate

COUNTS = [24, 23, 12, 7, 1, 0, 24, 3]
"""Correct of 24 samples."""


def tree(verdicts):
    made = Tree(problem_id="", question="")
    for i, verdict in enumerate(verdicts):
        leaf = made.add_rollout([Step(text=f"{i}", logprob=nan)], backbone=i, tokens=0).leaf
        made.outcomes[leaf] = Outcome(answer="1", verdict=verdict, reason="")
    assert made.children[ROOT] or not verdicts
    return made


def counted(rows, k):
    """The share of the subsets of k samples that hold a correct one, over the problems that have k."""
    shares = [[any(subset) for subset in combinations(row, k)] for row in rows if len(row) >= k]
    return sum(sum(share) / len(share) for share in shares) / len(shares)


@settings(max_examples=40)
@given(st.lists(st.lists(st.booleans(), min_size=0, max_size=9), min_size=1, max_size=5).filter(any))
def test_every_sample_counts_once(rows):
    trees = [tree([Verdict.CORRECT if right else Verdict.INCORRECT for right in row]) for row in rows]
    found = pass_at_k(trees, (3,), 0)
    assert 1 in found
    for k, share in found.items():
        assert share.value == pytest.approx(counted(rows, k), abs=1e-12)
        assert share.n == sum(len(row) >= k for row in rows)


def test_the_share_of_ungraded_ones_is_of_all_samples():
    rows = [[Verdict.UNGRADED] * 3, [Verdict.CORRECT], []]
    assert ungraded_share([tree(row) for row in rows]) == 0.75
    assert ungraded_share([tree([])]) == 0


def log(tmp_path, counts, of):
    rows = [
        {"id": f"p{i}", "problem": f"{i}?", "answer": "4"}
        | {"samples": [{"text": f"{j} #### {4 if (j * 7) % n < c else 5}"} for j in range(n)]}
        for i, (c, n) in enumerate(zip(counts, of, strict=True))
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("n", [(2, 4, 8, 16), (1,), (2,), (5,), (24,), (8, 24)])
def test_a_file_of_24_samples_gives_the_same_numbers_for_any_n(tmp_path, n):
    found = evaluate(log(tmp_path, COUNTS, [24] * len(COUNTS)), n=n, grader="exact")
    assert found.pass_at_k[1].value == pytest.approx(sum(COUNTS) / 24 / len(COUNTS))
    assert found.table["random"].accuracy[max(n)].value == pytest.approx(found.pass_at_k[1].value)
    assert found.table["oracle (pass@N)"].accuracy[max(n)].value == pytest.approx(found.pass_at_k[max(n)].value)
    assert (found.samples_per_problem, found.unused_samples, sum(found.problem_table.solved)) == (24, 0, sum(COUNTS))


def test_nine_samples_are_nine(tmp_path):
    found = evaluate(log(tmp_path, [9, 8, 1], [9] * 3), grader="exact")
    assert found.ks == [2, 4, 8] and 9 in found.pass_at_k
    assert found.pass_at_k[1].value == pytest.approx(18 / 27) == found.table["random"].accuracy[8].value


def test_what_is_not_decided_between_still_counts_and_is_said(tmp_path, capsys):
    path = log(tmp_path, [5, 3, 2, 1], [9, 9, 5, 1])
    found = evaluate(path, n=(2, 4), grader="exact")
    assert found.pass_at_k[1].value == pytest.approx((5 / 9 + 3 / 9 + 2 / 5 + 1) / 4)
    assert (found.samples_per_problem, found.unused_samples, found.left_out_problems) == (5, 8, 1)
    out = str(tmp_path / "out")
    assert main(["evaluate", str(path), "--n", "2", "4", "--grader", "exact", "--out", out]) == 0
    said = capsys.readouterr().err
    assert "8 samples beyond the 5 that every problem here has: they count for pass@k" in said
    assert "1 of 4 problems have fewer than 4 samples and are left out" in said
