"""From problems, trees and verifiers to a cassette: what they say, of which all else in an evaluation follows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from arts.errors import UsageError
from arts.evaluation.candidates import NodeScores, collect, score_nodes, stored_scores
from arts.evaluation.cassette import Cassette, Settings
from arts.evaluation.steps import Reference
from arts.problems.base import Grader, Problem
from arts.trees.tree import Tree
from arts.verifiers.base import Unit, Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Verifiers that differ only in the seed they were trained with: in a report they are one method."""

    name: str
    members: tuple[Verifier, ...]


def observe(
    problems: Sequence[Problem],
    trees: Sequence[Tree],
    verifiers: Sequence[Verifier | Family],
    grader: Grader,
    settings: Settings,
    *,
    scores: Sequence[tuple[str, Unit]] = (),
    reference: Reference | None = None,
) -> Cassette:
    """Let the verifiers score the candidates, and the grader say which answers are equal.

    ``scores`` names columns that the trees carry already. With a ``reference``, states of the ``trees`` whose
    successors have been counted, all states are scored and the evaluation has a part ``calibration``.

    Raises:
        UsageError: too few samples for the largest of the settings' ``ks``; no aggregation; two verifiers or scores
            with one name.
    """
    if not settings.aggregations:
        raise UsageError("no aggregation is given; use last, min, product or mean")
    for name, count in Counter([v.name for v in verifiers] + [name for name, _ in scores]).items():
        if count > 1:
            raise UsageError(f"{count} verifiers or scores are called '{name}'; leave one out or rename it")
    candidates = collect(problems, trees, max(settings.ks), grader)
    scored, nodes = candidates.trees, candidates.nodes()
    if reference is not None:
        scored, nodes = list(trees), [list(range(len(t))) for t in trees]
    found: list[NodeScores] = []
    for v in verifiers:
        if isinstance(v, Family):
            found += [replace(score_nodes(m, scored, nodes), name=v.name, member=i) for i, m in enumerate(v.members)]
        else:
            found.append(score_nodes(v, scored, nodes))
    found += [stored_scores(trees, name, unit) for name, unit in scores]
    classes = {p.id: row.tolist() for p, row in zip(candidates.problems, candidates.classes, strict=True)}
    return Cassette(
        settings=settings, problems=problems, trees=trees, scorers=found, classes=classes, reference=reference
    )
