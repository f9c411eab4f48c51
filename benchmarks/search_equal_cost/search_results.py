"""From runs per cell to estimates with intervals over problems."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from _study import Arrays, Floats, arrays
from numpy.typing import NDArray
from search_equal_cost.amplification import DEPTHS
from search_equal_cost.cells import ABLATION, BUDGETS, GUIDED, LEADING, METHODS, MIDDLE, VERIFIERS, Cell, Method
from step_reader.policies import policy_path

from arts.evaluation.intervals import mean, paired_difference, ratio

Runs = dict[str, Floats]
"""By kind of number, (seeds, problems)."""

SCHEMA = 2
RARE = 2
"""A problem is rare when at least one and at most so many of 16 further samples are correct (arXiv 2602.12846)."""
EQUIVALENCE = 0.01
"""Accuracies whose difference is within this, interval included, are called equal."""
BASELINES = ("best-of-N", "flow vote")
"""What every method is compared with, at the same budget and with the same verifier."""
ADAPTIVE = (("adaptive majority", "majority", ""), ("adaptive flow vote", "flow vote", LEADING))


def summarise(out: Path, seeds: int) -> dict[str, Any]:
    """Everything the page shows; of cells that were run with every seed."""
    labels = arrays(out / "labels.npz")
    masks = groups(labels)
    found = {
        key: runs
        for method in METHODS
        for verifier in (VERIFIERS if method.verified else ("",))
        for budget in BUDGETS
        if (runs := load(out, "test", key := (method, verifier, budget), seeds)) is not None
    }
    cells = {(m.name, v, b): runs for (m, v, b), runs in found.items()}
    changed = {m.name: runs for m in ABLATION if (runs := load(out, "test", (m, LEADING, MIDDLE), seeds)) is not None}
    return {
        "schema": SCHEMA,
        "seeds": seeds,
        "problems": len(labels["correct"]),
        "sample_tokens": float(arrays(out / "sample.npz")["tokens"].mean()),
        "intervals": "problem-clustered bootstrap of means over seeds, percentile, 95 %",
        "groups": {name: int(mask.sum()) for name, mask in masks.items()},
        "cells": [_cell(name, runs, cells, masks) for name, runs in cells.items()],
        "policy": _beside_policy(out.parent / "verifiers", cells, seeds),
        "ablation": {name: _changed(runs, changed[GUIDED.name]) for name, runs in changed.items()},
        "adaptive": {a: _adaptive(cells, a, fixed, verifier) for a, fixed, verifier in ADAPTIVE},
        "validation": _validation(out, seeds),
        "amplification": _amplification(out, seeds),
    }


def _beside_policy(folder: Path, cells: Mapping[tuple[str, str, int], Runs], seeds: int) -> list[dict[str, Any]]:
    """Methods with the leading verifier minus GRPO, one sample and the majority, paired by problem and seed."""
    paths = [policy_path(folder, seed) for seed in range(seeds)]
    if not all(path.exists() for path in paths):
        return []
    policies = [arrays(path) for path in paths]
    rows = []
    for (name, verifier, budget), runs in cells.items():
        if verifier == LEADING:
            rivals = {"one": "one", "majority": f"majority {max(budget, 16)}"}
            minus = {
                rival: paired_difference(runs["correct"], np.stack([policy[key] for policy in policies]))
                for rival, key in rivals.items()
            }
            rows.append({"method": name, "budget": budget, "minus": minus})
    return rows


def _changed(runs: Runs, reference: Runs) -> dict[str, Any]:
    accuracy, other = (r["correct"].mean(axis=0) for r in (runs, reference))
    costs = {kind: float(runs[kind].mean()) for kind in ("tokens", "calls", "rounds")}
    minus = {} if runs is reference else {"minus": paired_difference(accuracy, other)}
    return {"accuracy": mean(accuracy), **minus, **costs}


def load(out: Path, split: str, key: tuple[Method, str, int], seeds: int) -> Runs | None:
    """The runs of a cell with all seeds; None when one is missing."""
    method, verifier, budget = key
    names = [Cell(method=method, verifier=verifier, budget=budget, seed=seed).name for seed in range(seeds)]
    paths = [out / f"{split}-{name}.npz" for name in names]
    if not all(path.exists() for path in paths):
        return None
    runs = [arrays(path) for path in paths]
    return {kind: np.array([run[kind] for run in runs], dtype=np.float64) for kind in runs[0]}


def groups(labels: Arrays) -> dict[str, NDArray[np.bool_]]:
    """Problems that are rare, and thirds of them by the mean number of lines of a solution."""
    correct, lines = labels["correct"], labels["lines"]
    low, high = np.nanquantile(lines, [1 / 3, 2 / 3])
    return {
        "rare": (correct >= 1) & (correct <= RARE),
        f"short (≤ {low:.1f} lines)": lines <= low,
        "middle": (lines > low) & (lines <= high),
        f"deep (> {high:.1f} lines)": lines > high,
    }


def _cell(
    key: tuple[str, str, int], runs: Runs, cells: Mapping[tuple[str, str, int], Runs], masks: Mapping[str, Any]
) -> dict[str, Any]:
    name, verifier, budget = key
    accuracy = runs["correct"].mean(axis=0)
    minus = {}
    for baseline in BASELINES:
        other = cells.get((baseline, verifier or LEADING, budget))
        if other is not None and baseline != name:
            minus[baseline] = paired_difference(accuracy, other["correct"].mean(axis=0))
    return {
        "method": name,
        "verifier": verifier,
        "budget": budget,
        "accuracy": mean(accuracy),
        "by_seed": [float(x) for x in runs["correct"].mean(axis=1)],
        "minus": minus,
        "any_candidate": mean(runs["any"].mean(axis=0)),
        "tokens": float(runs["tokens"].mean()),
        "calls": float(runs["calls"].mean()),
        "rounds": float(runs["rounds"].mean()),
        "groups": {group: mean(accuracy[mask]) for group, mask in masks.items()},
    }


def _adaptive(
    cells: Mapping[tuple[str, str, int], Runs], name: str, fixed: str, verifier: str, budget: int = 16
) -> dict[str, Any]:
    """Adaptive stopping against all N samples: difference of accuracy, share of the tokens."""
    some, all_of_them = cells[name, verifier, budget], cells[fixed, verifier, budget]
    a, b = (runs["correct"].mean(axis=0) for runs in (some, all_of_them))
    difference = paired_difference(a, b)
    return {
        "n": budget,
        "accuracy": mean(a),
        "fixed": mean(b),
        "difference": difference,
        "equal_within_a_point": bool(difference.low >= -EQUIVALENCE and difference.high <= EQUIVALENCE),
        "token_share": ratio(some["tokens"].mean(axis=0), all_of_them["tokens"].mean(axis=0)),
    }


def _validation(out: Path, seeds: int) -> dict[str, Any]:
    found = {}
    for method in METHODS:
        runs = load(out, "validation", (method, LEADING if method.verified else "", 16), seeds)
        if runs is not None:
            accuracy = mean(runs["correct"].mean(axis=0))
            found[method.name] = {"accuracy": accuracy, "tokens": float(runs["tokens"].mean())}
    return found


def _amplification(out: Path, seeds: int) -> list[dict[str, float]]:
    """By depth: what the formula multiplies, and how many searches still have a sound state."""
    runs = [arrays(out / f"survival-{seed}.npz") for seed in range(seeds)]
    draws, sound, kept = (np.concatenate([run[kind] for run in runs]) for kind in ("draws", "sound", "kept"))
    rows, predicted = [], 1.0
    for depth in range(DEPTHS):
        asked = draws[:, depth] > 0
        if asked.sum() < 10:
            break
        drawn = sound[:, depth] > 0
        p = sound[asked, depth].sum() / draws[asked, depth].sum()
        seen = (1 - (1 - p) ** draws[asked, depth]).mean()
        recall = (kept[asked & drawn, depth] > 0).mean()
        predicted *= recall * seen
        rows.append(
            {
                "depth": depth + 1,
                "searches": int(asked.sum()),
                "draws": float(draws[asked, depth].mean()),
                "p": float(p),
                "seen_by_formula": float(seen),
                "seen": float(drawn[asked].mean()),
                "recall": float(recall),
                "alive_by_formula": float(predicted),
                "alive": float((kept[:, depth] > 0).mean()),
            }
        )
    return rows
