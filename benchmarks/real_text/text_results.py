"""From decisions by problem to estimates, intervals over problems and seeds."""

from pathlib import Path
from typing import Any

import numpy as np
from _study import Arrays, Floats, arrays
from real_text.text_sets import ABOUT, BACKBONES, CANDIDATES, SETS, readers

from arts.evaluation.intervals import mean, paired_difference

DEFAULT = "value_flow, steps"


def summarise(out: Path, seeds: int) -> dict[str, Any]:
    """Everything that the page says, of each reader with the seeds that there are."""
    return {"sets": {n: _set(out / n, n, seeds) for n in SETS if (out / n / "plain.npz").exists()}}


def _set(folder: Path, name: str, seeds: int) -> dict[str, Any]:
    plain, n = arrays(folder / "plain.npz"), CANDIDATES[name]
    mixed = (plain["oracle 1"] > 0) & (plain["oracle 1"] < 1)
    return {
        "about": ABOUT[name],
        "problems": len(mixed),
        "mixed": int(mixed.sum()),
        "n": n,
        "plain": {key: mean(column) for key, column in plain.items()},
        "plain, mixed": {key: mean(column[mixed]) for key, column in plain.items()},
        "backbones": {b: rows for b in BACKBONES if (rows := _backbone(folder / b, b, plain, mixed, n, seeds))},
    }


def _backbone(folder: Path, backbone: str, plain: Arrays, mixed: Floats, n: int, seeds: int) -> dict[str, Any]:
    found: dict[str, list[Arrays]] = {}
    for reader in readers(backbone):
        paths = [path for seed in range(seeds) if (path := folder / f"{reader.stem}-{seed}.npz").exists()]
        if paths:
            found[reader.name] = [arrays(path) for path in paths]
    return {name: _row(name, found, plain, mixed, n) for name in found}


def _row(name: str, found: dict[str, list[Arrays]], plain: Arrays, mixed: Floats, n: int) -> dict[str, Any]:
    best, vote = (np.stack([f[f"{rule} {n}"] for f in found[name]]) for rule in ("best last", "vote"))
    majority = np.stack([plain[f"majority {n}"]] * len(best))
    row: dict[str, Any] = {
        "best": mean(best),
        "best, mixed": mean(best[:, mixed]),
        "by seed": [float(of.mean()) for of in best],
        "vote": mean(vote),
        "auc": mean(np.stack([f["auc"] for f in found[name]])),
        "minus one": paired_difference(best, np.stack([plain["oracle 1"]] * len(best))),
        "minus majority": paired_difference(best, majority),
        "vote minus majority": paired_difference(vote, majority),
    }
    if name != DEFAULT and DEFAULT in found:
        default = np.stack([f[f"best last {n}"] for f in found[DEFAULT]])
        both = min(len(default), len(best))
        row["default minus this"] = paired_difference(default[:both], best[:both])
    return row
