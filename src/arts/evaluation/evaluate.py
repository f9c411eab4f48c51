"""From problems, trees and verifiers to a report's content: first the recording, then all that follows from it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from arts.errors import UsageError
from arts.evaluation.candidates import Candidates, NodeScores, collect, score_nodes, select, stored_scores
from arts.evaluation.cassette import LEAD_AGGREGATIONS, Recording, Settings
from arts.evaluation.compare import compare
from arts.evaluation.drill_down import drill_down
from arts.evaluation.steps import Reference, calibration
from arts.problems.base import Grader, Problem
from arts.selection.scores import Aggregation
from arts.trees.tree import Tree
from arts.verifiers.base import Unit, Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Verifiers that differ only in the seed they were trained with: in a report they are one method."""

    name: str
    members: tuple[Verifier, ...]


def evaluate_trees(
    problems: Sequence[Problem],
    trees: Sequence[Tree],
    verifiers: Sequence[Verifier | Family],
    grader: Grader,
    *,
    ks: Sequence[int],
    scores: Sequence[tuple[str, Unit]] = (),
    aggregations: Sequence[Aggregation] = LEAD_AGGREGATIONS,
    reference: Reference | None = None,
    seed: int = 0,
    about: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Compare every way of deciding on the same samples; :func:`record` and :func:`report` in one."""
    settings = Settings(ks=tuple(ks), aggregations=tuple(aggregations), seed=seed)
    recorded = record(problems, trees, verifiers, grader, settings, scores=scores, reference=reference)
    return report(replace(recorded, about=about or {}))


def record(
    problems: Sequence[Problem],
    trees: Sequence[Tree],
    verifiers: Sequence[Verifier | Family],
    grader: Grader,
    settings: Settings,
    *,
    scores: Sequence[tuple[str, Unit]] = (),
    reference: Reference | None = None,
) -> Recording:
    """Let the verifiers score the candidates, and the grader say which answers are equal.

    ``scores`` names columns that the trees carry already. With a ``reference``, states of the ``trees`` whose
    successors have been counted, all states are scored and the report has a part ``calibration``.

    Raises:
        UsageError: too few samples for the largest of the settings' ``ks``; no aggregation; two verifiers or scores
            with one name.
    """
    if not settings.aggregations:
        raise UsageError("no aggregation is given; use last, min, product or mean")
    _check_names([v.name for v in verifiers] + [name for name, _ in scores])
    candidates = collect(problems, trees, max(settings.ks), grader)
    scored, nodes = candidates.trees, candidates.nodes()
    if reference is not None:
        scored, nodes = list(trees), [list(range(len(t))) for t in trees]
    found: list[NodeScores] = []
    for v in verifiers:
        if isinstance(v, Family):
            found += [score_nodes(m, scored, nodes, name=v.name, member=i) for i, m in enumerate(v.members)]
        else:
            found.append(score_nodes(v, scored, nodes))
    found += [stored_scores(trees, name, unit) for name, unit in scores]
    classes = {p.id: row.tolist() for p, row in zip(candidates.problems, candidates.classes, strict=True)}
    return Recording(
        settings=settings, problems=problems, trees=trees, scorers=found, classes=classes, reference=reference
    )


def report(recording: Recording) -> dict[str, Any]:
    """Everything a report shows, JSON-able: a pure function of the recording.

    Raises:
        UsageError: ``against`` is no method, or an expression of ``where`` cannot be read.
    """
    settings = recording.settings
    candidates = collect(recording.problems, recording.trees, max(settings.ks), recording.classes)
    hows = list(dict.fromkeys(settings.aggregations))
    selectors = [s for scorer in recording.scorers for s in select(candidates, scorer, hows)]
    result = compare(candidates, selectors, settings, recording.policy)
    result["unscored"] = {s.label: n for s in recording.scorers if (n := _unscored(s, candidates))}
    if recording.reference is not None:
        result["calibration"] = calibration(recording.scorers, recording.trees, recording.reference, settings.seed)
    if recording.audit is not None:
        result["audit"] = recording.audit
    shown = drill_down(candidates, selectors, settings.drill_down)
    return {**result, "drill_down": shown, "about": dict(recording.about)}


def _unscored(scorer: NodeScores, candidates: Candidates) -> int:
    """How many of the candidates have no score."""
    trees = zip(candidates.trees, candidates.leaves, strict=True)
    return sum(int(np.isnan(scorer.columns[tree][leaves]).sum()) for tree, leaves in trees)


def _check_names(names: Sequence[str]) -> None:
    counts: Mapping[str, int] = Counter(names)
    for name, count in counts.items():
        if count > 1:
            raise UsageError(f"{count} verifiers or scores are called '{name}'; leave one out or rename it")
