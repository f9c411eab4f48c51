"""What both routes cost: seconds here, tokens, and operations by the usual count."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _study import TESTBED_SHAPE, testbed_training, testbed_trees, trees_of
from safetensors import safe_open
from squeeze.plan import MAIN, OBJECTIVES, Size, settings

from arts.models import bundled_model
from arts.sampling.grow import spent
from arts.training.fit import fit_verifier


def timed_parts(folder: Path, size: Size, reinforce: Callable[[Path, int], None]) -> dict[str, float]:
    """Seconds of a small part of each route, one after the other with nothing beside them, scaled to the whole.

    A tenth of the updates, of the trees, and of the verifier's updates, in ``folder``; ``reinforce`` runs GRPO into a
    folder for a number of updates. Starting and loading count too, so the whole is a little overestimated.
    """
    tenth = replace(size, trees=max(8, size.trees // 10), verifier_updates=max(2, size.verifier_updates // 10))
    updates = max(2, size.updates // 10)
    objective = OBJECTIVES[0]

    def seconds(work: Callable[[], object]) -> float:
        started = time.monotonic()
        work()
        return time.monotonic() - started

    def learn() -> None:
        training = testbed_training(objective, 0, tenth.verifier_updates)
        fit_verifier(trees_of(folder / "trees.db"), TESTBED_SHAPE, training, folder / objective)

    return {
        "rl": seconds(lambda: reinforce(folder / "rl", updates)) * size.updates / updates,
        "trees": seconds(lambda: testbed_trees(folder / "trees.db", "train", tenth.trees)) * size.trees / tenth.trees,
        "verifier": seconds(learn) * size.verifier_updates / tenth.verifier_updates,
    }


def compute(out: Path, size: Size) -> dict[str, Any]:
    """Training cost of RL (mean over seeds) and of the verifier route: trees once, then one verifier.

    Operations: 2 per parameter and token forwards, 6 forwards and backwards, for tokens of solutions without padding
    and prompts. A verifier's frozen backbone reads every token of the trees once, its own layers at every pass.
    ``reading`` is what a token costs to score, as a multiple of what it costs to draw.
    """
    model = _parameters(bundled_model() / "model.safetensors")
    rows = [row for seed in range(size.seeds) for row in _updates(out / f"{MAIN}-{seed}" / "metrics.jsonl")]
    main = settings(size)[MAIN]
    solutions = main.updates * main.problems_per_update * main.group_size
    rl_tokens = float(np.mean([row["tokens_per_solution"] for row in rows])) * solutions
    grown = trees_of(out / "trees.db")
    cost = spent(grown)
    own = _parameters(out / "verifiers" / f"{OBJECTIVES[0]}-0" / "verifier.safetensors")
    passes = (
        size.verifier_updates * testbed_training(OBJECTIVES[0], 0, size.verifier_updates).trees_per_batch / size.trees
    )
    seconds = json.loads((out / "timing.json").read_text(encoding="utf-8"))
    return {
        "rl": {
            "solutions": solutions,
            "tokens": rl_tokens,
            "seconds": seconds["rl"],
            "operations": (2 + 6) * model * rl_tokens,
        },
        "verifier": {
            "solutions": cost.rollouts,
            "tokens": cost.tokens,
            "seconds_trees": seconds["trees"],
            "seconds_verifier": seconds["verifier"],
            "operations": 2 * model * cost.tokens
            + 2 * model * cost.unique_tokens
            + 6 * own * passes * cost.unique_tokens,
        },
        "reading": (model + own) / model,
        "job_hours": sum(float(f.read_text(encoding="utf-8")) for f in (out / "seconds").iterdir()) / 3600,
    }


def _updates(metrics: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if "tokens_per_solution" in row]


def _parameters(file: Path) -> int:
    with safe_open(file, framework="np") as tensors:
        return sum(int(np.prod(tensors.get_slice(name).get_shape())) for name in tensors.keys())  # noqa: SIM118
