"""Subsets of problems: labelled on one half of the samples, decided on the other."""

from collections.abc import Callable
from typing import Any

import numpy as np
from _study import Arrays, Floats
from numpy.typing import NDArray
from squeeze.methods import METHODS, part

from arts.evaluation.intervals import ratio
from arts.selection.expected import pass_at_k

SPLITS = 10
"""Random halvings, each used in both directions."""
PUBLISHED_N = 16
KS = (16, 64)
OWN = ("GRPO's own samples", "GRPO's own samples, pass@N")
Label = Callable[[Arrays, Arrays], NDArray[np.bool_]]
"""Half of the base samples and half of RL's → the problems of the subset."""


def _first(run: Arrays) -> NDArray[np.bool_]:
    return np.asarray(run["correct"][:, :PUBLISHED_N])


def _rare(base: Arrays, rl: Arrays) -> NDArray[np.bool_]:
    found = _first(base).sum(axis=1)
    return (found >= 1) & (found <= 2)


ZONES: dict[str, tuple[str, Label]] = {
    "rare": ("1 or 2 of 16 base samples are correct (arXiv 2602.12846).", _rare),
    "extinction zone": (
        "None of 16 GRPO samples is correct (arXiv 2602.12846).",
        lambda base, rl: ~_first(rl).any(axis=1),
    ),
    "extinct": (
        "None of half of the GRPO samples is correct, some of as many base samples are.",
        lambda base, rl: ~rl["correct"].any(axis=1) & base["correct"].any(axis=1),
    ),
    "gained": (
        "The reverse of extinct.",
        lambda base, rl: rl["correct"].any(axis=1) & ~base["correct"].any(axis=1),
    ),
}
"""Subsets: what they are, and how they are labelled."""


def zones(base: Arrays, runs: list[Arrays], scores: list[Arrays]) -> dict[str, Any]:
    """Accuracy on each subset of every way to decide between base samples, and of RL's own samples.

    A problem counts as often as it is labelled, over splits and seeds; RL seed s goes with the verifiers of seed s.
    Intervals are over problems.
    """
    n = base["correct"].shape[1]
    half = n // 2
    ks = [k for k in KS if k <= half] or [half]
    rng = np.random.default_rng(0)
    times = {zone: np.zeros(len(base["correct"])) for zone in ZONES}
    sums: dict[tuple[str, str, int], Floats] = {}
    for _ in range(SPLITS):
        order = rng.permutation(n)
        for label, rest in ((order[:half], order[half:]), (order[half:], order[:half])):
            for rl, seen in zip(runs, scores, strict=True):
                for zone, (_, of) in ZONES.items():
                    inside = of(part(base, label), part(rl, label))
                    times[zone] += inside
                    for (name, k), values in _measured(base, rl, seen, rest, inside, ks).items():
                        total = sums.setdefault((zone, name, k), np.zeros(len(inside)))
                        total[inside] += values
    return {
        zone: {
            "labelled": float(times[zone].sum() / (2 * SPLITS * len(runs))),
            "ever": int((times[zone] > 0).sum()),
            "methods": {
                name: {str(k): _mean(sums[zone, name, k], times[zone]) for k in ks}
                for name in dict.fromkeys(key[1] for key in sums)
            },
        }
        for zone in ZONES
    }


def _mean(total: Floats, times: Floats) -> Any:
    found = times > 0
    return ratio(total[found], times[found])


def _measured(
    base: Arrays, rl: Arrays, scores: Arrays, rest: NDArray[np.int64], inside: NDArray[np.bool_], ks: list[int]
) -> dict[tuple[str, int], Floats]:
    if not inside.any():
        return {(name, k): np.zeros(0) for name in (*(m.name for m in METHODS), *OWN) for k in ks}
    run, seen = part(base, rest, inside), part(scores, rest, inside)
    out = {(m.name, k): m.decide(run, seen, k) for m in METHODS for k in ks}
    own = part({"correct": rl["correct"]}, rest, inside)["correct"]
    for k in ks:
        out[OWN[0], k], out[OWN[1], k] = pass_at_k(own, 1), pass_at_k(own, k)
    return out
