"""From trees to the arrays that metrics take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arts.arrays import Bools, Floats, Ints
from arts.errors import UsageError
from arts.problems.base import Grader, Problem, Verdict
from arts.problems.extraction.answer import LAST_NUMBER
from arts.problems.graders import equivalence_classes
from arts.selection.base import Pool
from arts.selection.scores import Aggregation, aggregate
from arts.trees.tree import Outcome, Tree
from arts.verifiers.base import Unit, Verifier
from arts.verifiers.calibration import success_probability

STEPWISE = frozenset({"log_flow", "probability", "logit"})
"""Units whose scores of single steps can be aggregated; the others are of the whole path already, or only an order."""
MOST = 256
"""Samples of a problem that are decided between, where no larger N is asked for: their pairs are compared."""
Columns = Ints | slice
EVERY = slice(None)
"""All columns of an array."""
NO_OUTCOME = Outcome(answer=None, verdict=Verdict.UNGRADED, reason="no verdict")
"""Of a sample that nobody has graded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """A verifier, or scores that trees carry, without its numbers.

    ``stepwise``: the scores of single steps can be aggregated. ``member`` tells scorers of one name apart that were
    trained with different seeds.
    """

    name: str
    unit: Unit
    stepwise: bool
    member: int | None = None

    @property
    def label(self) -> str:
        """The name that tells it from all others."""
        return self.name if self.member is None else f"{self.name} #{self.member}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeScores(Scorer):
    """One scorer's numbers for the nodes of trees.

    ``columns``: per tree a score of each node, NaN where there is none. ``success``: the success probabilities that
    they stand for, NaN where the unit says nothing of it.
    """

    columns: Mapping[Tree, Floats]
    success: Mapping[Tree, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateScores:
    """Scores of all candidates by one verifier under one aggregation, shape (P, N)."""

    verifier: str
    aggregation: Aggregation
    unit: Unit
    scores: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """N exchangeable solutions of each of P problems.

    ``correct``, ``ungraded`` and ``classes`` are (P, N); an ungraded answer counts as not correct and is reported.
    ``left_out`` problems had too few successful samples, ``unused`` is how many samples the others have beyond N.
    ``last_numbers`` counts the answers that are but the last number of a text that states none.
    """

    problems: list[Problem]
    trees: list[Tree]
    leaves: Ints
    correct: Bools
    ungraded: Bools
    classes: Ints
    left_out: int
    last_numbers: int = 0
    unused: int = 0

    @property
    def n(self) -> int:
        """Samples per problem."""
        return int(self.leaves.shape[1])

    @property
    def paths(self) -> list[tuple[Tree, Ints]]:
        """The tree and the leaves (N,) of each problem."""
        return list(zip(self.trees, self.leaves, strict=True))

    def pool(self, scores: CandidateScores | None = None, columns: Columns = EVERY) -> Pool:
        """The candidates of some columns as selectors take them."""
        correct = self.correct[:, columns]
        bare = Pool.of(correct.shape, classes=self.classes[:, columns], correct=correct)
        return bare if scores is None else replace(bare, scores=scores.scores[:, columns], unit=scores.unit)

    def nodes(self) -> list[list[int]]:
        """The states that the candidates of each problem pass, the root left out, in order."""
        return [sorted({n for leaf in leaves for n in tree.path(int(leaf))}) for tree, leaves in self.paths]


def collect(
    problems: Sequence[Problem], trees: Sequence[Tree], least: int, same: Grader | Mapping[str, Sequence[int]]
) -> Candidates:
    """The backbones of every problem that has at least ``least``; as many of each as all of these have.

    ``same`` says which answers of a problem are equivalent: a grader, or answer classes by problem id, as recorded.

    Raises:
        UsageError: no problem has so many.
    """
    enough = [(p, t) for p, t in zip(problems, trees, strict=True) if len(t.backbones) >= least]
    if not enough:
        most = max((len(t.backbones) for t in trees), default=0)
        raise UsageError(
            f"no problem has {least} successful samples (the most is {most}); use a smaller --n or sample more"
        )
    n = min(max(MOST, least), *(len(t.backbones) for _, t in enough))
    if isinstance(same, Mapping):
        n = min(n, *(len(same[p.id]) for p, _ in enough))
    kept = [(p, t, t.backbones[:n]) for p, t in enough]
    outcomes = [[t.outcomes.get(r.leaf, NO_OUTCOME) for r in rollouts] for _, t, rollouts in kept]
    if isinstance(same, Mapping):
        classes = [same[p.id] for p, _, _ in kept]
    else:
        classes = [equivalence_classes(same, [o.answer for o in row]) for row in outcomes]
    return Candidates(
        problems=[p for p, _, _ in kept],
        trees=[t for _, t, _ in kept],
        leaves=np.array([[r.leaf for r in rollouts] for _, _, rollouts in kept]),
        correct=np.array([[o.verdict is Verdict.CORRECT for o in row] for row in outcomes]),
        ungraded=np.array([[o.verdict is Verdict.UNGRADED for o in row] for row in outcomes]),
        classes=np.array(classes),
        left_out=len(trees) - len(kept),
        last_numbers=sum(o.reason.endswith(LAST_NUMBER) for row in outcomes for o in row),
        unused=sum(len(t.backbones) - n for _, t in enough),
    )


def score_nodes(verifier: Verifier, trees: Sequence[Tree], nodes: Sequence[Sequence[int]]) -> NodeScores:
    """A verifier's scores of some nodes of each tree."""
    columns = {}
    scored = verifier.score(list(zip(trees, nodes, strict=True)))
    for tree, wanted, values in zip(trees, nodes, scored, strict=True):
        columns[tree] = np.full(len(tree), np.nan)
        columns[tree][list(wanted)] = values
    return NodeScores(
        name=verifier.name,
        unit=verifier.unit,
        stepwise=verifier.unit in STEPWISE,
        columns=columns,
        success={tree: verifier.values(column) for tree, column in columns.items()},
    )


def stored_scores(trees: Sequence[Tree], name: str, unit: Unit) -> NodeScores:
    """Scores that the trees carry already, as given with imported samples; stepwise where any inner state has one."""
    columns = carried(trees, name)
    inner = any(np.isfinite(c[[stop is None for stop in t.stop]]).any() for t, c in columns.items())
    return NodeScores(
        name=name,
        unit=unit,
        stepwise=inner and unit in STEPWISE,
        columns=columns,
        success={tree: success_probability(column, unit) for tree, column in columns.items()},
    )


def carried(trees: Sequence[Tree], column: str) -> dict[Tree, Floats]:
    """A column of scores of each tree, NaN where it has none."""
    return {t: t.scores.get(column, np.full(len(t), np.nan)) for t in trees}


def candidate_scores(
    candidates: Candidates, scores: NodeScores, aggregations: Sequence[Aggregation]
) -> list[CandidateScores]:
    """The candidates' scores under each aggregation; those that are not stepwise know only the last."""
    steps = [
        [column[tree.path(int(leaf))] for leaf in leaves]
        for tree, leaves in candidates.paths
        for column in [scores.columns[tree]]
    ]
    return [
        CandidateScores(
            verifier=scores.name,
            aggregation=how,
            unit=scores.unit,
            scores=np.array([[aggregate(path, how, scores.unit) for path in row] for row in steps], dtype=np.float64),
        )
        for how in (aggregations if scores.stepwise else ("last",))
    ]
