"""From arrays per problem to estimates with intervals over problems and seeds."""

from pathlib import Path
from typing import Any

import numpy as np
from _study import Arrays, Floats, arrays
from objectives.objectives_results import state_rows
from step_reader.policies import policy_path
from step_reader.trained_rows import DEFAULT, ROWS, Row

from arts.evaluation.intervals import gap_closed, mean, paired_difference, ratio

KS = (16, 64)
MANY, FEW = "6,309 problems × 4", "800 problems × 32"
"""Rows of about as many generated tokens."""
MARGIN = 0.03
"""A difference that is smaller does not count."""
REFERENCE = {
    "default": DEFAULT[-1].name,
    "rewards": "rfm, R(correct) / R(incorrect) = 100",
    "adapters": "frozen",
    "ablation": "1,600 problems × 16 whole solutions",
}
"""What the rows of each group are compared with."""


def summarise(out: Path, seeds: int) -> dict[str, Any]:
    """Everything that the page says; rows that are not trained with all seeds are left out."""
    plain = arrays(out / "plain.npz")
    policies = _policies(out, seeds)
    known = {row: found for row in ROWS if (found := _found(out, row, seeds))}
    groups: dict[str, Any] = {}
    for row, found in known.items():
        group = groups.setdefault(row.group, {})
        reference = next(
            (f for other, f in known.items() if (other.group, other.name) == (row.group, REFERENCE[row.group])), None
        )
        group[row.name] = _row(found, plain, reference if reference is not found else None) | {"advice": row.advice}
        if policies and row.group == "default":
            group[row.name] |= _beside(found, _of(policies, "one"))
    by_name = {row.name: found for row, found in known.items() if row.group == "ablation"}
    spread = [by_name[name] for name in (MANY, FEW) if name in by_name]
    return {
        **({"many minus few": _differences(*spread)} if len(spread) == 2 else {}),
        "problems": len(plain["oracle 1"]),
        "states": len(plain["graded"]),
        "rollouts": int(plain["graded"].sum()),
        "seeds": seeds,
        "margin": MARGIN,
        **({"policies": _of_policies(policies)} if policies else {}),
        "plain": {
            name: mean(column)
            for name, column in plain.items()
            if name.split()[0] in ("majority", "oracle", "likelihood")
        },
        "groups": groups,
    }


def _differences(many: list[Arrays], few: list[Arrays]) -> dict[str, Any]:
    """Best of N with all problems minus that with few, at equal generated tokens."""
    return {str(k): paired_difference(*(_of(found, f"best last {k}") for found in (many, few))) for k in KS}


def _policies(out: Path, seeds: int) -> list[Arrays]:
    paths = [policy_path(out, seed) for seed in range(seeds)]
    return [arrays(p) for p in paths] if all(p.exists() for p in paths) else []


def _of_policies(policies: list[Arrays]) -> dict[str, Any]:
    by_seed = {"one by seed": [float(p["one"].mean()) for p in policies]}
    return {name: mean(_of(policies, name)) for name in policies[0]} | by_seed


def _beside(found: list[Arrays], one: Floats) -> dict[str, Any]:
    """A verifier's best of N minus one sample of GRPO."""
    row: dict[str, Any] = {}
    for k in KS:
        best = _of(found, f"best last {k}")
        row[f"minus GRPO {k}"] = paired_difference(best, one)
    return row


def _found(out: Path, row: Row, seeds: int) -> list[Arrays]:
    paths = [out / f"{row.stem}-{seed}.npz" for seed in range(seeds)]
    return [arrays(p) for p in paths] if all(p.exists() for p in paths) else []


def _row(found: list[Arrays], plain: Arrays, reference: list[Arrays] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"solutions": int(found[0]["cost"][0]), "tokens": int(found[0]["cost"][1])}
    for k in KS:
        for rule in (f"best last {k}", f"vote {k}"):
            row[rule] = mean(_of(found, rule))
            row[f"{rule} by seed"] = [float(f[rule].mean()) for f in found]
        best = _of(found, f"best last {k}")
        row[f"minus majority {k}"] = paired_difference(best, _every(plain[f"majority {k}"], len(found)))
        row[f"gap closed {k}"] = gap_closed(
            best, _every(plain["oracle 1"], len(found)), _every(plain[f"oracle {k}"], len(found))
        )
        if reference is not None:
            row[f"minus reference {k}"] = paired_difference(best, _of(reference, f"best last {k}"))
    row["rare"] = ratio(_of(found, "rare_sum"), _of(found, "rare_times"))
    row["auc"] = mean(_of(found, "auc"))
    success = plain["correct"] / plain["graded"]
    scores, values = _of(found, "state scores"), _of(found, "state values")
    of_states = state_rows(scores, values, success, plain["problem"], found[0]["state depths"])
    return row | {name: of_states[name] for name in ("spearman", "calibration error")}


def _of(found: list[Arrays], name: str) -> Floats:
    return np.stack([f[name] for f in found])


def _every(column: Floats, seeds: int) -> Floats:
    return np.stack([column] * seeds)
