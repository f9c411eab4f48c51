"""The ways of deciding that are compared, each as its expected accuracy on every problem."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arts.arrays import Floats
from arts.evaluation.candidates import EVERY, Candidates, CandidateScores, Columns
from arts.selection.base import SCORES, Pool, Selector
from arts.selection.scores import Aggregation
from arts.selection.selectors import SELECTORS

RANDOM, MAJORITY, ORACLE = (SELECTORS[name].title for name in ("random", "majority", "oracle"))
"""Names of the methods that need no scores: one sample, the most frequent answer, any sample being right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way of deciding: a selector and, where it needs scores, the scorer and how scores of steps become one.

    ``per_problem[k]`` is its expected accuracy with k of the samples, in [0, 1], NaN for more than there are: shape
    (P,), or (S, P) where S verifiers that were trained with different seeds decide, each for itself.
    """

    name: str
    selector: str
    scorer: str | None = None
    aggregation: Aggregation | None = None
    per_problem: Mapping[int, Floats]

    @property
    def seeds(self) -> int:
        """Trained seeds that are behind it."""
        first = next(iter(self.per_problem.values()))
        return len(first) if first.ndim > 1 else 1

    def mean(self, k: int) -> Floats:
        """Accuracy on each problem with k samples, averaged over the seeds, (P,)."""
        return np.asarray(np.atleast_2d(self.per_problem[k]).mean(axis=0))


def methods(
    candidates: Candidates, scored: Sequence[CandidateScores], ks: Sequence[int], seed: int, columns: Columns = EVERY
) -> list[Method]:
    """Every selector of ``SELECTORS`` in their order, those that need scores by every scorer and aggregation.

    They decide between the candidates of some ``columns``, by default of all. A vote weighs by a verifier's first
    aggregation, and not by ranks.
    """
    found = []
    for key, selector in SELECTORS.items():
        if not selector.needs & SCORES:
            expected = _expected(selector, [candidates.pool(columns=columns)], ks, seed)
            found.append(Method(name=selector.title, selector=key, per_problem=expected))
            continue
        for members in _families(scored, selector):
            s = members[0]
            found.append(
                Method(
                    name=shown_name(selector, s.verifier, s.aggregation),
                    selector=key,
                    scorer=s.verifier,
                    aggregation=s.aggregation,
                    per_problem=_expected(selector, [candidates.pool(m, columns) for m in members], ks, seed),
                )
            )
    return found


def shown_name(selector: Selector, scorer: str, aggregation: Aggregation) -> str:
    """What tables call a method that decides by scores."""
    return f"{scorer} {selector.title}" + ("" if aggregation == "last" else f", {aggregation}")


def needs_key(selector: str) -> bool:
    """Whether the selector needs the answer key; one that is not registered here is taken not to."""
    return selector in SELECTORS and "key" in SELECTORS[selector].needs


def _expected(selector: Selector, pools: Sequence[Pool], ks: Sequence[int], seed: int) -> dict[int, Floats]:
    """Accuracy by k, of one pool (P,), of those of several seeds (S, P)."""
    each = {k: [selector.expected(pool, k, seed) for pool in pools] for k in ks}
    return {k: np.stack(rows) if len(rows) > 1 else rows[0] for k, rows in each.items()}


def _families(scored: Sequence[CandidateScores], selector: Selector) -> Iterable[list[CandidateScores]]:
    """The scores that a selector can use; those that differ in nothing but the seed of their verifier together."""
    found: dict[tuple[str, str], list[CandidateScores]] = {}
    leading: dict[str, str] = {}
    for s in scored:
        leads = leading.setdefault(s.verifier, s.aggregation) == s.aggregation and s.unit != "rank"
        if leads or "weights" not in selector.needs:
            found.setdefault((s.verifier, s.aggregation), []).append(s)
    return found.values()
