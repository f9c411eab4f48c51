"""Decision rules: which of N candidates, or which answer, to give."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arts.verifiers.base import Unit, flow_weights

Aggregation = Literal["last", "min", "product", "mean"]
Rule = Literal["best_of_n", "majority", "flow_vote"]

LARGEST = np.finfo(np.float64).max

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The chosen answer.

    ``candidate`` is the index of the solution that stands for it, ``share`` its share of the vote (of the weights
    for a flow vote; NaN for best-of-N). ``shares`` are those of all answer classes, in the order of the classes; empty
    for best-of-N. ``answer`` is None when no candidate stated any.
    """

    answer: str | None
    candidate: int
    rule: Rule
    share: float
    shares: tuple[float, ...] = ()


def aggregate(scores: Floats, how: Aggregation, unit: Unit) -> float:
    """One score of a candidate in the unit of its steps' scores, shape ``(steps,)``, in order; NaN without steps.

    ``product`` multiplies probabilities, those that log-odds stand for too (the sum of log-odds would grow with every
    step that is likelier right than wrong); scores of the other units are logarithms and are added. ``mean`` is the
    plain mean in every unit.
    """
    if len(scores) == 0:
        return float("nan")
    if how == "last":
        return float(scores[-1])
    if how == "min":
        return float(scores.min())
    with np.errstate(invalid="ignore", divide="ignore"):  # missing scores, +∞ beside −∞, certain steps only
        if how == "mean":
            return float(scores.mean())
        if unit == "probability":
            return float(scores.prod())
        if unit != "logit":
            return float(scores.sum())
        log_product = -np.logaddexp(0.0, -scores).sum()
        return float(log_product - np.log(-np.expm1(log_product)))


def best_of_n(scores: Floats) -> int:
    """Index of the highest score; the first of equal ones. Candidates without a score (NaN) come last."""
    return int(np.argmax(ranked(scores)))


def ranked(scores: Floats) -> Floats:
    """The same order without NaN: what has no score is below everything else, −∞ included."""
    return np.where(np.isnan(scores), -np.inf, np.clip(scores, -LARGEST, None))


def voting_weights(scores: Floats, unit: Unit) -> Floats:
    """Flow weights along the last axis; a candidate without a score counts as the least scored one of its problem.

    Where no candidate has a score all weigh the same.
    """
    missing = np.isnan(scores)
    lowest = np.where(missing, np.inf, scores).min(axis=-1, keepdims=True)
    lowest = np.where(missing.all(axis=-1, keepdims=True), 0.0, lowest)
    return flow_weights(np.where(missing, lowest, scores), unit)


def vote(classes: Classes, weights: Floats) -> tuple[int, Floats]:
    """The answer class with the most weight, and the share of each class, shape ``(number of classes,)``.

    Candidates without an answer (class −1) do not vote; of equal classes the one that appeared first wins.
    Without any vote the class is −1.
    """
    voting = classes >= 0
    if not voting.any():
        return -1, np.zeros(0)
    totals = np.bincount(classes[voting], weights=np.nan_to_num(weights[voting]))
    if totals.sum() == 0:
        totals = np.bincount(classes[voting]).astype(np.float64)
    return int(np.argmax(totals)), totals / totals.sum()


def decide(
    rule: Rule, answers: list[str | None], classes: Classes, scores: Floats | None = None, unit: Unit = "rank"
) -> Decision:
    """Apply a rule to candidates with answers, their equivalence classes and, but for majority, their scores.

    The candidate that stands for a voted answer is its best-scored one, without scores the first.
    """
    if rule == "majority" or scores is None:
        rule, weights = "majority", np.ones(len(classes))
    elif rule == "flow_vote":
        weights = voting_weights(scores, unit)
    else:
        chosen = best_of_n(scores)
        return Decision(answer=answers[chosen], candidate=chosen, rule=rule, share=float("nan"))
    winner, shares = vote(classes, weights)
    if winner < 0:
        return Decision(answer=None, candidate=0, rule=rule, share=float("nan"))
    members = np.flatnonzero(classes == winner)
    chosen = int(members[best_of_n(scores[members])] if scores is not None else members[0])
    return Decision(
        answer=answers[chosen],
        candidate=chosen,
        rule=rule,
        share=float(shares[winner]),
        shares=tuple(shares.tolist()),
    )
