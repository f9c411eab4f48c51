"""What training costs, by the usual count: 2 operations per parameter and token forwards, 6 forwards and backwards.

Tokens are those of solutions, without prompts and padding.
"""

import json
from pathlib import Path

import numpy as np
from safetensors import safe_open

from arts.models import bundled_model


def model_parameters() -> int:
    """Of the bundled model."""
    return parameters(bundled_model() / "model.safetensors")


def parameters(file: Path) -> int:
    """Numbers in a file of weights."""
    with safe_open(file, framework="np") as tensors:
        return sum(int(np.prod(tensors.get_slice(name).get_shape())) for name in tensors.keys())  # noqa: SIM118


def of_policy(folder: Path, updates: int, *, solutions: int, kl: bool) -> tuple[float, float]:
    """Operations and rollouts of the first updates of a GRPO run: drawing, training, and with ``kl`` a reference."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    tokens = {r["update"]: r["tokens_per_solution"] * solutions for r in rows if "tokens_per_solution" in r}
    drawn = sum(count for update, count in tokens.items() if update <= updates)
    return (2 + 6 + 2 * kl) * model_parameters() * drawn, float(updates * solutions)


def of_verifier(folder: Path, *, tokens: float, passes: float) -> float:
    """Operations of a verifier on a frozen model: its solutions are drawn, read once by the model, learned from."""
    own = parameters(folder / "verifier.safetensors")
    return (2 + 2) * model_parameters() * tokens + 6 * own * passes * tokens
