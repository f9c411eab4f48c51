"""From arrays per problem to points of the frontier, with intervals over problems and seeds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _study import Arrays, Floats, arrays
from frontier.frontier_plan import (
    BUDGET,
    BUDGETS,
    FULL,
    MOVES,
    NS,
    SHOWN,
    VERIFIERS,
    Size,
    stem,
)
from frontier.rare import table_of

from arts.evaluation.intervals import mean, paired_difference

CHOICE = "sweep.npz"
SEARCH = "guided search"
VOTED = 16
"""Samples of the majority that is compared."""


def summarise(out: Path, size: Size, chosen: str, alpha: float) -> dict[str, Any]:
    """Every point, what is to be compared, and where curves cross."""

    def load(name: str) -> list[Arrays]:
        return [arrays(out / f"{name}-{seed}.npz") for seed in range(size.seeds)]

    policies = {updates: load(f"policy-{updates}") for updates in size.stages}
    last = policies[size.stages[-1]]
    full = load(f"guided-{stem(FULL.name)}-{BUDGET}")
    own, own_guided = load("own"), load("own-guided")
    return {
        "seeds": size.seeds,
        "problems": size.problems,
        "setting": chosen,
        "power": alpha,
        "sweep": {name: float(rate) for name, rate in arrays(out / CHOICE).items()},
        "power_validation": {k: float(v.mean()) for k, v in arrays(out / "power-validation.npz").items()},
        "points": [
            *_by_samples("frozen model, majority", "majority", [arrays(out / "majority.npz")], ""),
            *(
                _point("frozen model, power sampling", load(f"power-{moves}"), "correct", f"{moves} per line")
                for moves in MOVES
            ),
            *(
                point
                for row in VERIFIERS
                for point in _by_samples(
                    "frozen model, best of N", "best", load(f"verifier-{stem(row.name)}"), row.name
                )
            ),
            *(_guided(load, row.name, BUDGET) for row in VERIFIERS if row != FULL),
            *(_guided(load, FULL.name, budget) for budget in BUDGETS),
            *(
                point
                for updates, found in policies.items()
                for point in _by_samples("GRPO, majority", "majority", found, f"{updates} updates")
            ),
            *_by_samples("frozen model, oracle", "oracle", [arrays(out / "majority.npz")], ""),
            *_by_samples("GRPO, oracle", "oracle", last, f"{size.stages[-1]} updates"),
            *_by_samples("GRPO and verifier, best of N", "best", own, f"{size.stages[-1]} updates"),
            _point(f"GRPO and verifier, {SEARCH}", own_guided, "correct", f"{size.stages[-1]} updates", cost=own),
        ],
        "rare": table_of(load("rare")),
        "crossings": {
            what: crossing(
                [float(np.mean([f["cost"][0] for f in found])) for found in policies.values()],
                [float(_of(found, key).mean()) for found in policies.values()],
                float(_of(full, "correct").mean()),
            )
            for what, key in (("one sample", "majority 1"), (f"majority of {VOTED}", f"majority {VOTED}"))
        },
        "differences": {
            **{
                f"{SEARCH} on the frozen model minus {what} of GRPO, {updates} updates": _minus(full, found, key)
                for updates, found in policies.items()
                for what, key in (("one sample", "majority 1"), (f"the majority of {VOTED}", f"majority {VOTED}"))
            },
            f"GRPO and verifier, {SEARCH}, minus one sample of GRPO": _minus(own_guided, last, "majority 1"),
            f"GRPO and verifier, {SEARCH}, minus the majority of {NS[-1]}": _minus(
                own_guided, last, f"majority {NS[-1]}"
            ),
            f"GRPO and verifier, {SEARCH}, minus {SEARCH} on the frozen model": _minus(own_guided, full, "correct"),
            f"GRPO and verifier, best of {VOTED}, minus the majority of {VOTED}": paired_difference(
                _of(own, f"best {VOTED}"), _of(last, f"majority {VOTED}")
            ),
        },
    }


def shown(row: str) -> str:
    """What a row of the study of verifiers is called here."""
    return SHOWN.get(row, row)


def _guided(load: Callable[[str], list[Arrays]], row: str, budget: int) -> dict[str, Any]:
    found, cost = load(f"guided-{stem(row)}-{budget}"), load(f"verifier-{stem(row)}")
    return _point(f"frozen model, {SEARCH}", found, "correct", shown(row), cost=cost) | {"n": budget}


def _by_samples(system: str, rule: str, found: Sequence[Arrays], trained: str) -> list[dict[str, Any]]:
    return [_point(system, found, f"{rule} {n}", trained, n) for n in NS]


def _point(
    system: str, found: Sequence[Arrays], key: str, trained: str, n: int = 1, cost: Sequence[Arrays] | None = None
) -> dict[str, Any]:
    """``operations`` and ``rollouts`` are of training, ``tokens`` what is generated for a problem."""
    costs = [f["cost"] for f in cost or found if "cost" in f]
    operations, rollouts = np.mean(costs, axis=0) if costs else (0.0, 0.0)
    return {
        "system": system,
        "trained": trained,
        "n": n,
        "operations": float(operations),
        "rollouts": int(rollouts),
        "tokens": float(n * np.mean([f["tokens"].mean() for f in found])),
        "accuracy": mean(_of(found, key)),
        "by_seed": [float(f[key].mean()) for f in found],
    }


def crossing(operations: Sequence[float], accuracy: Sequence[float], level: float) -> float | None:
    """Operations of training at which a curve first reaches a level, between points on a logarithmic scale."""
    for i, reached in enumerate(accuracy):
        if reached >= level:
            if i == 0:
                return operations[0]
            share = (level - accuracy[i - 1]) / (reached - accuracy[i - 1])
            return float(operations[i - 1] * (operations[i] / operations[i - 1]) ** share)
    return None


def _minus(a: Sequence[Arrays], b: Sequence[Arrays], key: str) -> Any:
    return paired_difference(_of(a, "correct"), _of(b, key))


def _of(found: Sequence[Arrays], name: str) -> Floats:
    return np.stack([f[name] for f in found])
