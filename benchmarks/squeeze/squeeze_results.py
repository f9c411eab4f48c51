"""From the arrays of all runs to estimates with intervals over problems."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from _study import Arrays, Floats, arrays
from msgspec import structs
from numpy.typing import NDArray
from squeeze.compute import compute
from squeeze.decisions import decisions
from squeeze.losses import changes, same_again, strategies, success
from squeeze.plan import BASE, MAIN, Size, policies, settings
from squeeze.traces import traces
from squeeze.zones import zones

from arts.baselines.config import RLConfig
from arts.evaluation.intervals import mean, paired_difference
from arts.selection.expected import pass_at_k
from arts.squeeze.diagnosis.curves import crossing
from arts.squeeze.diagnosis.pairs import ladder

SCHEMA = 1


def summarise(out: Path, size: Size) -> dict[str, Any]:
    """Everything the page shows, with estimates at the leaves."""
    policy, nucleus = Decoded(out, size, ""), Decoded(out, size, "-nucleus")
    base, main = policy.base, policy.runs
    return {
        "schema": SCHEMA,
        "size": asdict(size),
        "settings": {name: _changed(config, settings(size)[MAIN]) for name, config in settings(size).items()},
        "intervals": "problem-clustered bootstrap of means over seeds, percentile, 95 %; seeds are not resampled",
        "curves": curves(base, main),
        "nucleus": curves(nucleus.base, nucleus.runs),
        "success": success(base, main),
        "changes": changes(base, main),
        "same_again": same_again(base, main),
        "strategies": strategies(base, main),
        "traces": traces(load(out, "traces"), [load(out, f"traces-{s}")["logprob"] for s in range(size.seeds)]),
        "zones": zones(nucleus.base, nucleus.runs, nucleus.base_scores),
        "decisions": decisions(nucleus.base, nucleus.runs, nucleus.base_scores, nucleus.run_scores),
        "decisions_policy": decisions(base, main, policy.base_scores, policy.run_scores),
        "ablations": ablations(out, size, base),
        "compute": compute(out, size),
    }


class Decoded:
    """All samples that were drawn in one way, and their scores; ``name`` ends the names of the files."""

    def __init__(self, out: Path, size: Size, name: str) -> None:
        seeds = range(size.seeds)
        self.base = load(out, f"{BASE}{name}")
        self.runs = [load(out, f"{MAIN}-{s}{name}") for s in seeds]
        self.base_scores = [load(out, f"scores-{BASE}{name}-by-{s}") for s in seeds]
        self.run_scores = [load(out, f"scores-{MAIN}-{s}{name}-by-{s}") for s in seeds]


def load(out: Path, name: str) -> Arrays:
    """The arrays of one run."""
    return arrays(out / f"{name}.npz")


def over_seeds(runs: list[Arrays], measure: Callable[[Arrays], Floats]) -> Floats:
    """Mean of a measure per problem over runs, (P, …)."""
    return np.asarray(np.mean([measure(run) for run in runs], axis=0))


def curves(base: Arrays, runs: list[Arrays]) -> dict[str, Any]:
    """pass@k by k of the base model and of RL, the mean of its seeds and each; what is lost and gained at equal k."""
    ks = ladder(min(base["correct"].shape[1], *(r["correct"].shape[1] for r in runs)))
    ours = passes(base, ks)
    each = [passes(r, ks) for r in runs]
    theirs = np.mean(each, axis=0)
    lost = np.mean([ours * (1 - one) for one in each], axis=0)
    gained = np.mean([one * (1 - ours) for one in each], axis=0)
    return {
        "ks": ks,
        "base": _by_k(ks, lambda i: mean(ours[:, i])),
        "rl": _by_k(ks, lambda i: mean(theirs[:, i])),
        "each": [[float(one[:, i].mean()) for i in range(len(ks))] for one in each],
        "difference": _by_k(ks, lambda i: paired_difference(theirs[:, i], ours[:, i])),
        "lost": _by_k(ks, lambda i: mean(lost[:, i])),
        "gained": _by_k(ks, lambda i: mean(gained[:, i])),
        "crossing": structs.asdict(crossing(theirs - ours, ks, 0)),
        "crossings": [crossing(one - ours, ks, 0).value for one in each],
    }


def passes(run: Arrays, ks: list[int]) -> Floats:
    """pass@k of each problem, (P, K)."""
    return np.stack([pass_at_k(run["correct"], k) for k in ks], axis=1)


def ablations(out: Path, size: Size, base: Arrays) -> list[dict[str, Any]]:
    """Each setting after half of the main run's updates, and the main run on its way; compared with its own half."""
    half, seeds, known = size.updates // 2, range(size.seeds), settings(size)
    runs: dict[str, list[Arrays]] = {}
    drawn: dict[str, int] = {}
    for update in (half // 2, half, half + half // 2, size.updates):
        end = "" if update == size.updates else f"-{update}"
        name = f"{MAIN}, {update} updates"
        runs[name] = [_first(load(out, f"{MAIN}-{s}{end}"), size) for s in seeds]
        drawn[name] = _solutions(replace(known[MAIN], updates=update))
    for name, config in list(known.items())[1:]:
        runs[name] = [load(out, p.name) for p in policies(size) if p.setting == name]
        drawn[name] = _solutions(config)
    reference = runs[f"{MAIN}, {half} updates"]
    return [
        {"name": name, "solutions": drawn[name], **_ablation(found, reference, _first(base, size))}
        for name, found in runs.items()
    ]


def _solutions(config: RLConfig) -> int:
    """Drawn in training."""
    return config.updates // config.passes * config.problems_per_update * config.group_size


def _ablation(runs: list[Arrays], reference: list[Arrays], base: Arrays) -> dict[str, Any]:
    ks = ladder(base["correct"].shape[1])
    ours, theirs, others = (over_seeds(part, lambda r: passes(r, ks)) for part in ([base], runs, reference))
    return {
        "ks": ks,
        "rl": _by_k(ks, lambda i: mean(theirs[:, i])),
        "minus_reference": _by_k(ks, lambda i: paired_difference(theirs[:, i], others[:, i])),
        "crossing": structs.asdict(crossing(theirs - ours, ks, 0)),
        "different_texts": mean(over_seeds(runs, lambda r: _different(r["text"]))),
    }


def _first(run: Arrays, size: Size) -> Arrays:
    """As many problems and samples as there are of the other settings."""
    some = {name: column[: size.fewer_problems] for name, column in run.items()}
    return {name: c[:, : size.fewer_samples] if c.ndim > 1 else c for name, c in some.items()}


def _different(text: NDArray[Any]) -> Floats:
    return np.array([len(np.unique(row)) for row in text], dtype=np.float64)


def _by_k(ks: list[int], estimate: Callable[[int], Any]) -> dict[str, Any]:
    return {str(k): estimate(i) for i, k in enumerate(ks)}


def _changed(config: Any, main: Any) -> dict[str, Any]:
    """A setting's values that are not the main run's; all of the main run's."""
    known = asdict(main)
    return {name: v for name, v in asdict(config).items() if config is main or known[name] != v}
