"""Problems whose samples are no more than right or wrong."""

import numpy as np

from arts.evaluation.candidates import Candidates, CandidateScores
from arts.evaluation.cassette import Settings
from arts.evaluation.compare import compare
from arts.evaluation.comparisons import known
from arts.evaluation.evaluate import observe
from arts.evaluation.methods import methods
from arts.evaluation.subsets import subset_panel
from arts.problems.base import Problem
from arts.trees.tree import ROOT, Step, Tree

RATES = np.random.default_rng(0).beta(0.5, 0.8, 2_000)
"""True solve rates of problems."""


def evaluate_trees(problems, trees, verifiers, grader, *, scores=(), reference=None, **settings):
    """Every way of deciding on the same samples."""
    return compare(
        observe(problems, trees, verifiers, grader, Settings(**settings), scores=scores, reference=reference)
    )


def candidates(correct, **fields):
    """Samples with these verdicts; ``fields`` are by problem, ``depth`` the number of steps of all its samples."""
    problems, n = correct.shape
    depths = fields.pop("depth", [1] * problems)
    rows = [{name: values[i] for name, values in fields.items()} for i in range(problems)]
    trees, leaves = [], []
    for depth in depths:
        tree = Tree(problem_id="", question="")
        steps = [depth] * n if isinstance(depth, int) else depth
        leaves.append(
            [tree.add_path(ROOT, [Step(text=f"{j}.{s}") for s in range(d)], "stop") for j, d in enumerate(steps)]
        )
        trees.append(tree)
    return Candidates(
        problems=[Problem(**{"id": f"p{i}", "question": "q", "answer": "1"} | row) for i, row in enumerate(rows)],
        trees=trees,
        leaves=np.array(leaves),
        correct=correct,
        ungraded=np.zeros_like(correct),
        classes=np.where(correct, 0, 1 + np.arange(n)),
        left_out=0,
    )


def panel(found, k=None, **options):
    k = k or found.n
    scored = options.pop("scored", [])
    return subset_panel(found, scored, methods(found, scored, [k], 0), k, **options)


def values(entry, name="random"):
    return known(entry.methods[name].value)


def drawn(rates, n, seed):
    return np.random.default_rng(seed).random((len(rates), n)) < rates[:, None]


def score(correct, seed):
    return CandidateScores(
        verifier="v",
        aggregation="last",
        unit="logit",
        scores=correct + np.random.default_rng(seed).normal(size=correct.shape),
    )
