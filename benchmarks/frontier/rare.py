"""Rare problems, and those that GRPO has lost: who still solves them?

Samples come in blocks of 16. A problem is *rare* in a block where one or two of the base model's samples are correct
(arXiv 2602.12846), *extinct* where some are and none of GRPO's. What a block labels is decided in each other block, so
no sample is used for both.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from _study import Arrays, Floats
from numpy.typing import NDArray

from arts.estimate import Estimate
from arts.evaluation.intervals import bootstrap, ratio
from arts.selection import expected
from arts.selection.scores import Aggregation

BLOCK = 16
RARE = 2
SUBSETS = ("rare", "extinct")
RANDOM = "random sample"
PUBLISHED: tuple[tuple[str, str, Aggregation], ...] = (
    ("value flow, steps", "value_flow, steps", "last"),
    ("RFM, steps", "rfm, steps", "last"),
    ("value flow", "value_flow", "last"),
    ("RFM", "rfm", "last"),
    ("PRM, minimum", "prm", "min"),
    ("PRM", "prm", "last"),
    ("RM, minimum", "rm", "min"),
    ("RM", "rm", "last"),
    ("ORM", "orm", "last"),
)
"""Name here, in the study of objectives, and how the scores of steps become one; single states but for the first."""
RIVALS = ("PRM, minimum", "RM, minimum")
"""As published."""
DETECTED = 2.8
"""A difference of so many standard errors is found with a power of 80 %."""
WIDTH = 3.92
"""Standard errors that a 95 % interval is wide."""

Bools = NDArray[np.bool_]


def labels(base: Bools, policy: Bools) -> dict[str, Bools]:
    """By subset, whether a problem is in it by each block, (P, B); both samples are (P, B x 16)."""
    before, after = _counts(base), _counts(policy)
    return {"rare": (before >= 1) & (before <= RARE), "extinct": (before >= 1) & (after == 0)}


def chosen(correct: Bools, scores: Floats) -> Floats:
    """Accuracy of the best of each block, (P, B)."""
    return np.stack(
        [
            expected.best_of_k(correct[:, at], scores[:, at], BLOCK)
            for at in (slice(start, start + BLOCK) for start in range(0, correct.shape[1], BLOCK))
        ],
        axis=1,
    )


def shares(correct: Bools) -> Floats:
    """Correct samples of each block, (P, B), in [0, 1]."""
    return _counts(correct) / BLOCK


def measured(subsets: Mapping[str, Bools], accuracy: Mapping[str, Floats]) -> Arrays:
    """By subset, ``times`` that a problem is decided on, and by method the accuracies of these times summed.

    Accuracies are (P, B), or (P,) where no block is decided in.
    """
    out: Arrays = {}
    for subset, labelled in subsets.items():
        blocks = labelled.shape[1]
        out[f"{subset}/times"] = labelled.sum(axis=1) * (blocks - 1.0)
        for method, found in accuracy.items():
            everywhere = found if found.ndim == 2 else np.repeat(found[:, None], blocks, axis=1)
            others = everywhere.sum(axis=1, keepdims=True) - everywhere
            out[f"{subset}/{method}"] = (labelled * others).sum(axis=1)
    return out


def table_of(seeds: list[Arrays]) -> dict[str, Any]:
    """Accuracy of every method, as a multiple of chance, and minus the rivals, by subset."""
    return {subset: _subset(seeds, subset) for subset in SUBSETS}


def _subset(seeds: list[Arrays], subset: str) -> dict[str, Any]:
    def of(method: str) -> Floats:
        return np.stack([found[f"{subset}/{method}"] for found in seeds])

    times = of("times")
    methods = [key.partition("/")[2] for key in seeds[0] if key.startswith(f"{subset}/")]
    rows = {
        method: {
            "accuracy": ratio(of(method), times),
            "times chance": _of_both(of(method), of(RANDOM), times, lambda m: m[..., 0] / m[..., 1]),
            **{f"minus {rival}": _of_both(of(method), of(rival), times, _difference) for rival in RIVALS},
        }
        for method in methods
        if method != "times"
    }
    return {
        "problems": int((times > 0).any(axis=0).sum()),
        "rows": rows,
        "detected": {rival: _detected(next(iter(rows.values()))[f"minus {rival}"]) for rival in RIVALS},
    }


def _detected(difference: Estimate) -> float:
    return DETECTED * (difference.high - difference.low) / WIDTH


def _difference(means: Floats) -> Floats:
    return np.asarray((means[..., 0] - means[..., 1]) / means[..., 2])


def _of_both(a: Floats, b: Floats, times: Floats, statistic: Any) -> Estimate:
    return bootstrap(statistic, np.stack([a, b, times], axis=-1))


def _counts(correct: Bools) -> NDArray[np.int64]:
    return np.asarray(correct.reshape(len(correct), -1, BLOCK).sum(axis=2))
