"""What both routes cost: seconds here, tokens, and operations by the usual count."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from plan import MAIN, OBJECTIVES, SHAPE, Size
from safetensors import safe_open

from arts.models import bundled_model
from arts.proposers.grow import spent
from arts.trees.store import TreeStore


def compute(out: Path, size: Size) -> dict[str, Any]:
    """Training cost of RL (mean over seeds) and of the verifier route: trees once, then one verifier.

    Operations: 2 per parameter and token forwards, 6 forwards and backwards, both for tokens without padding. A
    verifier's frozen backbone reads every token of the trees once, its own layers at every pass.
    """
    runs = [json.loads((out / f"{MAIN}-{seed}" / "rl.json").read_text(encoding="utf-8")) for seed in range(size.seeds)]
    model = _parameters(bundled_model() / "model.safetensors")
    rl_tokens = float(np.mean([r["tokens"] for r in runs]))
    with TreeStore.open(out / "trees.db") as store:
        grown = list(store.trees())
    cost = spent(grown)
    trained = [out / "verifiers" / f"{OBJECTIVES[0]}-{seed}" for seed in range(size.seeds)]
    own = _parameters(trained[0] / "verifier.safetensors")
    passes = size.verifier_updates * 8 / size.trees
    return {
        "parameters": {"model": model, "verifier": own},
        "rl": {
            "solutions": float(np.mean([r["updates"] for r in runs])) * 256,
            "tokens": rl_tokens,
            "seconds": float(np.mean([r["seconds"] for r in runs])),
            "operations": (2 + 6) * model * rl_tokens,
        },
        "verifier": {
            "solutions": cost.rollouts,
            "tokens": cost.tokens,
            "seconds_trees": _seconds(out, "trees"),
            "seconds_verifier": float(np.mean([_seconds(out, f"verifiers-{s}") for s in range(size.seeds)]))
            / len(OBJECTIVES),
            "operations": 2 * model * cost.tokens
            + 2 * model * cost.unique_tokens
            + 6 * own * passes * cost.unique_tokens,
        },
        "architecture": {"trunk_layers": SHAPE.trunk_layers, "trunk_width": SHAPE.trunk_width},
        "study_hours": sum(float(f.read_text()) for f in (out / "seconds").iterdir()) / 3600,
    }


def _seconds(out: Path, job: str) -> float:
    return float((out / "seconds" / job).read_text(encoding="utf-8"))


def _parameters(file: Path) -> int:
    with safe_open(file, framework="np") as tensors:
        return sum(int(np.prod(tensors.get_slice(name).get_shape())) for name in tensors.keys())  # noqa: SIM118
