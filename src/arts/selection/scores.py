"""Scores of candidates: from those of their steps, into an order, into weights of a vote."""

from typing import Literal

import numpy as np

from arts.arrays import Floats
from arts.verifiers.base import Unit, flow_weights

Aggregation = Literal["last", "min", "product", "mean"]

LARGEST = np.finfo(np.float64).max


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


def best(scores: Floats) -> int:
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
