"""From trees to the arrays that metrics take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arts.errors import UsageError
from arts.problems.base import Grader, Problem, Verdict
from arts.problems.graders import equivalence_classes
from arts.search.decide import Aggregation, aggregate
from arts.trees.tree import Tree
from arts.verifiers.base import Unit, Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Scores of all candidates by one verifier under one aggregation, shape (P, N)."""

    verifier: str
    aggregation: Aggregation
    unit: Unit
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """N exchangeable solutions of each of P problems.

    ``correct``, ``ungraded`` and ``classes`` are (P, N); an ungraded answer counts as not correct and is reported.
    ``left_out`` problems had fewer than N successful samples.
    """

    problems: list[Problem]
    trees: list[Tree]
    leaves: NDArray[np.int64]
    correct: NDArray[np.bool_]
    ungraded: NDArray[np.bool_]
    classes: NDArray[np.int64]
    left_out: int

    @property
    def n(self) -> int:
        """Samples per problem."""
        return int(self.leaves.shape[1])


def collect(problems: Sequence[Problem], trees: Sequence[Tree], n: int, grader: Grader) -> Candidates:
    """The first ``n`` backbones of every problem that has so many.

    Raises:
        UsageError: no problem has.
    """
    kept = [(p, t, t.backbones[:n]) for p, t in zip(problems, trees, strict=True) if len(t.backbones) >= n]
    if not kept:
        most = max((len(t.backbones) for t in trees), default=0)
        raise UsageError(
            f"no problem has {n} successful samples (the most is {most}); use a smaller --n or sample more"
        )
    outcomes = [[t.outcomes.get(r.leaf) for r in rollouts] for _, t, rollouts in kept]
    verdicts = [[o.verdict if o else Verdict.UNGRADED for o in row] for row in outcomes]
    answers = [[o.answer if o else None for o in row] for row in outcomes]
    return Candidates(
        problems=[p for p, _, _ in kept],
        trees=[t for _, t, _ in kept],
        leaves=np.array([[r.leaf for r in rollouts] for _, _, rollouts in kept]),
        correct=np.array([[v is Verdict.CORRECT for v in row] for row in verdicts]),
        ungraded=np.array([[v is Verdict.UNGRADED for v in row] for row in verdicts]),
        classes=np.array([equivalence_classes(grader, row) for row in answers]),
        left_out=len(trees) - len(kept),
    )


def score_candidates(candidates: Candidates, verifier: Verifier, aggregations: Sequence[Aggregation]) -> list[Selector]:
    """Every step of every candidate scored once, then aggregated in each way."""
    wanted = []
    for tree, leaves in zip(candidates.trees, candidates.leaves, strict=True):
        nodes = sorted({n for leaf in leaves for n in tree.path(int(leaf))})
        wanted.append((tree, nodes))
    scored = verifier.score(wanted)
    columns = []
    for (tree, nodes), values in zip(wanted, scored, strict=True):
        column = np.full(len(tree), np.nan)
        column[nodes] = values
        columns.append(column)
    return [_aggregated(candidates, verifier.name, verifier.unit, columns, how) for how in aggregations]


def stored_selector(candidates: Candidates, name: str, unit: Unit) -> Selector:
    """Scores that the trees already carry at their leaves, as given with imported samples."""
    columns = [t.scores.get(name, np.full(len(t), np.nan)) for t in candidates.trees]
    return _aggregated(candidates, name, unit, columns, "last")


def _aggregated(
    candidates: Candidates, name: str, unit: Unit, columns: Sequence[NDArray[np.float64]], how: Aggregation
) -> Selector:
    scores = [
        [aggregate(column[tree.path(int(leaf))], how, unit) for leaf in leaves]
        for tree, leaves, column in zip(candidates.trees, candidates.leaves, columns, strict=True)
    ]
    return Selector(verifier=name, aggregation=how, unit=unit, scores=np.array(scores, dtype=np.float64))


def groups(problems: Sequence[Problem]) -> Mapping[str, NDArray[np.bool_]]:
    """Masks over problems by level and by subject, those with at least two values."""
    out: dict[str, NDArray[np.bool_]] = {}
    for field in ("level", "subject"):
        values = [getattr(p, field) for p in problems]
        known = sorted({v for v in values if v is not None})
        if len(known) > 1:
            out |= {f"{field} {v}" if field == "level" else str(v): np.array([x == v for x in values]) for v in known}
    return out
