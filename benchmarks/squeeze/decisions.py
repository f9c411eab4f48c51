"""The headline: deciding between samples of the frozen model, against RL, and RL with the same verifiers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from methods import LEADING, METHODS, PUBLISHED, Arrays
from numpy.typing import NDArray
from plan import Size, policies

from arts.evaluation.statistics import gap_closed, mean, paired_difference, plain

Floats = NDArray[np.float64]
TOP = 16
MARGIN = 0.03
"""Accuracies whose difference lies within this, interval included, are called equivalent."""


def decisions(base: Arrays, runs: list[Arrays], base_scores: list[Arrays], rl_scores: list[Arrays]) -> dict[str, Any]:
    """Accuracy by number of samples on both models, tokens per sample, and the comparisons at equal tokens.

    Seed s of RL goes with the verifiers of seed s; per problem the seeds' mean, intervals over problems.
    """
    ks = [k for k in (1, 4, 16, 64) if k <= base["correct"].shape[1] // 2]
    tokens = float(base["tokens"].mean()), float(np.mean([r["tokens"].mean() for r in runs]))
    equal = max(1, int(TOP * tokens[0] / tokens[1]))
    wanted = sorted({*ks, equal})
    frozen = _accuracies([base] * len(runs), base_scores, wanted)
    reinforced = _accuracies(runs, rl_scores, wanted)
    single, best = frozen["random choice"][TOP], frozen["oracle (pass@N)"][TOP]
    rl_single = reinforced["random choice"][TOP]
    return {
        "ks": ks,
        "tokens_per_sample": {"base": tokens[0], "rl": tokens[1]},
        "equal_k": equal,
        "margin": MARGIN,
        "base": {name: {str(k): plain(mean(v[k])) for k in ks} for name, v in frozen.items()},
        "rl": {name: {str(k): plain(mean(v[k])) for k in wanted} for name, v in reinforced.items()},
        "gap_closed": {name: plain(gap_closed(v[TOP], single, best)) for name, v in frozen.items()},
        "minus_rl_single": {name: plain(paired_difference(v[TOP], rl_single)) for name, v in frozen.items()},
        "minus_rl_same": {
            name: plain(paired_difference(v[TOP], reinforced[name][equal])) for name, v in frozen.items()
        },
        "minus_rivals": {
            leading: {
                rival.name: plain(paired_difference(frozen[leading][TOP], frozen[rival.name][TOP]))
                for rival in METHODS
                if rival.name != leading
            }
            for leading in LEADING
        },
        "minus_rl_majority": plain(paired_difference(frozen[PUBLISHED][TOP], reinforced["majority"][equal])),
    }


def _accuracies(runs: list[Arrays], scores: list[Arrays], ks: list[int]) -> dict[str, dict[int, Floats]]:
    """By method and k the mean over seeds of each problem's accuracy."""
    pairs = list(zip(runs, scores, strict=True))
    alike = all(run is runs[0] for run in runs)
    return {
        m.name: {
            k: np.mean([m.decide(run, seen, k) for run, seen in (pairs if m.verified or not alike else pairs[:1])], 0)
            for k in ks
        }
        for m in METHODS
    }


def validation_curve(out: Path, size: Size) -> dict[str, list[dict[str, float]]]:
    """Pass rate on validation problems by update, of every setting: 4 samples of 128 problems, mean over seeds."""
    found: dict[str, list[dict[str, float]]] = {}
    for policy in policies(size):
        if not (out / policy.name / "rl.json").exists():
            continue
        record = json.loads((out / policy.name / "rl.json").read_text(encoding="utf-8"))
        found.setdefault(policy.setting, []).append(record["held_out_pass_rate"])
    return {
        name: [
            {"update": int(update), "pass_rate": float(np.mean([run[update] for run in runs]))} for update in runs[0]
        ]
        for name, runs in found.items()
    }
