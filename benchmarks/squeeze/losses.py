"""What is gone after RL: problems, ways of solving them, and texts; against what another draw from base would miss."""

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np
from _study import Arrays, Floats
from numpy.typing import NDArray

from arts.evaluation.intervals import mean, paired_difference, ratio
from arts.problems.base import Problem
from arts.squeeze.diagnosis.diversity import distinct
from arts.squeeze.diagnosis.pairs import Pair, Side
from arts.squeeze.diagnosis.significance import find_changes

RATE = 0.05
BINS = ((0.0, 0.0), (0.0, 0.05), (0.05, 0.25), (0.25, 0.75), (0.75, 0.95), (0.95, 1.0), (1.0, 1.0))
"""Success rates: exactly 0, above the first and up to the second, …, exactly 1."""


def success(base: Arrays, runs: list[Arrays]) -> list[dict[str, Any]]:
    """Share of problems by their success rate over all samples, before and after."""
    rates = [run["correct"].mean(axis=1) for run in (base, *runs)]
    rows = []
    for low, high in BINS:
        inside = [_inside(r, low, high).astype(np.float64) for r in rates]
        after = np.mean(inside[1:], axis=0)
        rows.append(
            {
                "low": low,
                "high": high,
                "base": mean(inside[0]),
                "rl": mean(after),
                "difference": paired_difference(after, inside[0]),
            }
        )
    return rows


def _inside(rate: Floats, low: float, high: float) -> NDArray[np.bool_]:
    if low == high:
        return rate == low
    return (rate > low) & (rate <= high) & (rate < 1)


def changes(base: Arrays, runs: list[Arrays]) -> list[dict[str, int]]:
    """Problems of each class of the diagnosis (arts squeeze diagnose), by seed of RL."""
    return [find_changes(pair(base, run), RATE).counts() for run in runs]


def pair(base: Arrays, run: Arrays) -> Pair:
    """Both sides as the diagnosis takes them."""
    problems = [Problem(id=str(name), question="", answer="") for name in base["problem"]]
    return Pair(problems=problems, base=side(base), rl=side(run), matching={})


def side(run: Arrays) -> Side:
    """Samples one after another."""
    n = run["correct"].shape[1]
    return Side(
        owner=np.repeat(np.arange(len(run["correct"])), n),
        correct=run["correct"].reshape(-1),
        ungraded=np.zeros(run["correct"].size, dtype=np.bool_),
        answer=run["classes"].reshape(-1).astype(np.int64),
        text=run["text"].reshape(-1),
        first=np.zeros(run["correct"].size, dtype=np.int64),
        steps=False,
    )


def same_again(base: Arrays, runs: list[Arrays]) -> dict[str, Any]:
    """Of what half of the base samples shows correct, the share that the same number of other samples does not show.

    ``again`` is another draw from the base model (the other half), ``rl`` a half of RL's samples: the difference is
    what RL has done, the first alone is chance. Problems, strategies of problems, and texts. Exact over all halvings.
    """
    kinds: dict[str, Callable[[Arrays], NDArray[Any]]] = {
        "problems": lambda run: np.zeros(run["correct"].shape, dtype=np.int64),
        "strategies": lambda run: run["strategy"],
        "texts": lambda run: run["text"],
    }
    out = {}
    for name, kind in kinds.items():
        seen, again, gone = _gone(base, runs, kind)
        out[name] = {
            "seen": float(seen.sum()),
            "again": ratio(again, seen),
            "rl": ratio(gone, seen),
            "difference": ratio(gone - again, seen),
        }
    return out


def _gone(base: Arrays, runs: list[Arrays], kind: Callable[[Arrays], NDArray[Any]]) -> tuple[Floats, Floats, Floats]:
    """Expected numbers per problem: of things seen in a base half, of those missing in the other, of those in RL's."""
    n, half = base["correct"].shape[1], base["correct"].shape[1] // 2
    sums = np.zeros((3, len(base["correct"])))
    of = [kind(run) for run in (base, *runs)]
    for i in range(len(base["correct"])):
        things, counts = np.unique(of[0][i][base["correct"][i]], return_counts=True)
        for thing, c in zip(things, counts.tolist(), strict=True):
            seen = 1 - _none(c, n, half)
            others = [int((o[i][run["correct"][i]] == thing).sum()) for o, run in zip(of[1:], runs, strict=True)]
            sums[:, i] += seen, _none(c, n, n - half), seen * np.mean([_none(d, n, half) for d in others])
    return sums[0], sums[1], sums[2]


def _none(c: int, n: int, drawn: int) -> float:
    """Probability that none of c among n is drawn."""
    return comb(n - c, drawn) / comb(n, drawn)


def strategies(base: Arrays, runs: list[Arrays]) -> dict[str, Any]:
    """Different correct strategies and texts per problem in half of the samples; how solutions begin, how they end."""
    half = base["correct"].shape[1] // 2
    out: dict[str, Any] = {"k": half}
    for name, column in (("strategies", "strategy"), ("texts", "text")):
        found = [_different(run, column, half) for run in (base, *runs)]
        after = np.mean(found[1:], axis=0)
        out[name] = {
            "base": mean(found[0]),
            "rl": mean(after),
            "difference": paired_difference(after, found[0]),
        }
    moves = sorted({str(s).split("+")[0] for run in (base, *runs) for s in np.unique(run["strategy"])} - {""})
    out["moves"] = {move: _move(base, runs, move) for move in moves}
    return out


def _different(run: Arrays, column: str, k: int) -> Floats:
    """Expected number of different correct ones in k samples of each problem, (P,)."""
    s = side(run)
    return distinct(s, np.unique(run[column], return_inverse=True)[1].reshape(-1), s.correct, k)


def _move(base: Arrays, runs: list[Arrays], move: str) -> dict[str, Any]:
    """Share of solutions that begin with a move, and their success."""
    begins = [np.char.startswith(run["strategy"], move) for run in (base, *runs)]
    share = [b.mean(axis=1) for b in begins]
    right = [(b & run["correct"]).mean(axis=1) for b, run in zip(begins, (base, *runs), strict=True)]
    after_share, after_right = np.mean(share[1:], axis=0), np.mean(right[1:], axis=0)
    return {
        "base": mean(share[0]),
        "rl": mean(after_share),
        "base_success": ratio(right[0], share[0]),
        "rl_success": ratio(after_right, after_share),
    }
