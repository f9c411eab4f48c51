"""The calibration part of a report: scores of steps held against the counted success of the states they score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from arts.arrays import Bools, Floats, Ints
from arts.estimate import Estimate
from arts.evaluation import calibration as measures, optional_parts as parts
from arts.evaluation.candidates import NodeScores
from arts.trees.tree import ROOT, Tree

LEAST_ROLLOUTS = 8
"""Graded rollouts that an inner state of a tree needs to be counted where there are no probes."""
DEPTH_GROUPS = 4
"""Most lines of a reliability plot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Inner states whose successors have been counted, all (S,).

    ``tree`` and ``node`` say which state it is: position among the trees and node in it. ``correct`` of ``graded``
    continuations from there were. ``kind`` ``probes``: continuations sampled for this purpose; ``own trees``: the
    rollouts of the trees themselves. ``lost`` probes failed or could not be graded, and are not counted.
    """

    kind: Literal["probes", "own trees"]
    tree: Ints
    node: Ints
    depth: Ints
    graded: Ints
    correct: Ints
    lost: int = 0

    @property
    def rates(self) -> Floats:
        """Monte-Carlo success rates."""
        return np.asarray(self.correct / self.graded)

    def part(self, of: Bools) -> "Reference":
        """Some of the states."""
        return replace(
            self,
            tree=self.tree[of],
            node=self.node[of],
            depth=self.depth[of],
            graded=self.graded[of],
            correct=self.correct[of],
        )


def own_reference(trees: Sequence[Tree]) -> Reference:
    """Every inner state but the root with at least ``LEAST_ROLLOUTS`` graded rollouts of its own tree below it."""
    rows: list[tuple[int, ...]] = []
    for i, tree in enumerate(trees):
        graded, correct = tree.success_counts()
        inner = np.array([stop is None for stop in tree.stop]) & (graded >= LEAST_ROLLOUTS)
        rows.extend((i, n, tree.depth[n], graded[n], correct[n]) for n in np.flatnonzero(inner).tolist() if n != ROOT)
    where, node, depth, graded, correct = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    return Reference(kind="own trees", tree=where, node=node, depth=depth, graded=graded, correct=correct)


def calibration(
    scorers: Sequence[NodeScores], trees: Sequence[Tree], reference: Reference, seed: int
) -> parts.Calibration:
    """All measures of all scorers.

    Calibration errors, residuals of values and reliability need a unit that stands for success probabilities, the
    residual of flows the unit ``log_flow``; without it they have no states.
    """
    return parts.Calibration(
        reference=parts.ReferenceSummary(
            kind=reference.kind,
            states=len(reference.node),
            problems=len(np.unique(reference.tree)),
            rollouts=int(reference.graded.sum()),
            correct=int(reference.correct.sum()),
            lost=reference.lost,
            least_rollouts=int(reference.graded.min(initial=reference.graded.max(initial=0))),
            observed=_observed(reference, seed),
            by_depth={d: _counted(reference.part(reference.depth == d), seed) for d in _depths(reference)},
        ),
        most_bins=measures.BINS,
        least_own_rollouts=LEAST_ROLLOUTS,
        scorers={s.label: _scorer(s, trees, reference, seed) for s in scorers},
    )


def _scorer(scores: NodeScores, trees: Sequence[Tree], reference: Reference, seed: int) -> parts.ScorerCalibration:
    where = list(zip((trees[t] for t in reference.tree), reference.node, strict=True))
    column, values = (np.array([of[tree][n] for tree, n in where]) for of in (scores.columns, scores.success))
    scored = ~np.isnan(column)
    states, column, values = reference.part(scored), column[scored], values[scored]
    by_depth = {d: states.depth == d for d in _depths(states)}
    residuals = {"value": [measures.value_residual(t, scores.success[t]) for t in trees]}
    if scores.unit == "log_flow":
        residuals["flow"] = [measures.flow_residual(t, scores.columns[t]) for t in trees]
    return parts.ScorerCalibration(
        unit=scores.unit,
        overall=_measured(column, values, states, seed),
        by_depth={d: _measured(column[m], values[m], states.part(m), seed) for d, m in by_depth.items()},
        reliability=_reliability(values, states, seed),
        residuals={name: _residuals(columns, trees, seed) for name, columns in residuals.items()},
    )


def _depths(states: Reference) -> list[int]:
    return [int(d) for d in np.unique(states.depth)]


def _observed(states: Reference, seed: int) -> Estimate:
    return measures.average(states.rates, states.tree, seed)


def _counted(states: Reference, seed: int) -> parts.CountedStates:
    return parts.CountedStates(
        states=len(states.node), rollouts=int(states.graded.sum()), observed=_observed(states, seed)
    )


def _measured(scores: Floats, values: Floats, states: Reference, seed: int) -> parts.Measures:
    """Every measure of some states that have a score."""
    known = ~np.isnan(values)
    values, valued = values[known], states.part(known)
    problem, graded, correct = valued.tree, valued.graded, valued.correct
    return parts.Measures(
        states=len(scores),
        problems=len(np.unique(states.tree)),
        observed=_observed(states, seed),
        spearman=measures.spearman(scores, states.rates, states.tree, seed),
        spread=measures.spread(states.graded, states.correct, states.tree, seed),
        predicted=measures.average(values, problem, seed),
        calibration_error=measures.calibration_error(values, valued.rates, problem, seed),
        bins=len(np.unique(measures.bins(values))),
        squared_error=measures.squared_error(values, graded, correct, problem, seed),
    )


def _reliability(values: Floats, states: Reference, seed: int) -> list[parts.Reliability]:
    """Predicted against counted success in bins of equal mass, for groups of neighbouring depths of equal size."""
    known = ~np.isnan(values)
    values, states = values[known], states.part(known)
    found = []
    for depths in depth_groups(states.depth):
        inside = np.isin(states.depth, depths)
        group, predicted = states.part(inside), values[inside]
        bins = measures.bins(predicted)
        points = [
            parts.ReliabilityPoint(
                states=int(of.sum()), predicted=float(predicted[of].mean()), observed=_observed(group.part(of), seed)
            )
            for of in (bins == b for b in np.unique(bins))
        ]
        ends = int(depths[0]), int(depths[-1])
        found.append(parts.Reliability(depths=ends, states=len(predicted), points=points))
    return found


def depth_groups(depth: Ints) -> list[Ints]:
    """At most ``DEPTH_GROUPS`` runs of the depths that occur, with about equally many states each."""
    depths, counts = np.unique(depth, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    group = (middle * DEPTH_GROUPS / max(len(depth), 1)).astype(np.int64)
    return [depths[group == g] for g in np.unique(group)]


def _residuals(columns: Sequence[Floats], trees: Sequence[Tree], seed: int) -> parts.Residuals:
    """Mean and root mean square over nodes, overall and by depth of the node."""
    problem = np.concatenate([np.full(len(t), i) for i, t in enumerate(trees)])
    depth = np.concatenate([np.asarray(t.depth) for t in trees])
    numbers = np.concatenate(columns)
    known = ~np.isnan(numbers)
    problem, depth, numbers = problem[known], depth[known], numbers[known]

    def summary(of: Bools) -> parts.Residual:
        return parts.Residual(
            nodes=int(of.sum()),
            mean=measures.average(numbers[of], problem[of], seed),
            root_mean_square=measures.root_mean_square(numbers[of], problem[of], seed),
        )

    by_depth = {d: summary(depth == d) for d in np.unique(depth).tolist()}
    return parts.Residuals(overall=summary(np.ones(len(depth), dtype=bool)), by_depth=by_depth)
