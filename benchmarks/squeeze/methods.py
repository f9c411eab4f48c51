"""Ways of deciding between samples, as they are compared in the tables."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from _study import Arrays, Floats
from numpy.typing import NDArray

from arts.selection.expected import best_of_k, pass_at_k, vote_at_k

Decide = Callable[[Arrays, Arrays, int], Floats]
"""Samples, their scores and k → expected accuracy of each problem over k-subsets, (P,)."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A row of the tables; ``verified`` ones need scores."""

    name: str
    decide: Decide
    verified: bool = True


def _best(column: str) -> Decide:
    return lambda run, scores, k: best_of_k(run["correct"], scores[column], k)


def _vote(objective: str) -> Decide:
    return lambda run, scores, k: vote_at_k(run["correct"], run["classes"], scores[f"{objective} weight"], k)


RANDOM, ORACLE = "random choice", "oracle (pass@N)"
METHODS = (
    Method(name=RANDOM, decide=lambda run, scores, k: pass_at_k(run["correct"], 1), verified=False),
    Method(
        name="majority",
        decide=lambda run, scores, k: vote_at_k(run["correct"], run["classes"], np.ones(run["correct"].shape), k),
        verified=False,
    ),
    Method(name="RM, minimum over steps", decide=_best("rm min")),
    Method(name="PRM, minimum over steps", decide=_best("prm min")),
    Method(name="RM, last step", decide=_best("rm last")),
    Method(name="PRM, last step", decide=_best("prm last")),
    Method(name="ORM", decide=_best("orm last")),
    Method(name="RFM, best of N", decide=_best("rfm last")),
    Method(name="RFM, flow vote", decide=_vote("rfm")),
    Method(name="value flow, best of N", decide=_best("value_flow last")),
    Method(name="value flow, flow vote", decide=_vote("value_flow")),
    Method(name=ORACLE, decide=lambda run, scores, k: pass_at_k(run["correct"], k), verified=False),
)
"""The published baselines take the minimum over steps; RFM's best of N is what the paper calls ARTS."""
PUBLISHED = "RFM, best of N"
DEFAULT = "value flow, flow vote"
LEADING = (PUBLISHED, "RFM, flow vote", "value flow, best of N", DEFAULT)


def part(run: Arrays, columns: NDArray[np.int64], rows: NDArray[np.bool_] | slice = slice(None)) -> Arrays:
    """Some samples of some problems; columns of problems stay as they are."""
    return {name: c[rows][:, columns] if c.ndim > 1 else c[rows] for name, c in run.items()}
