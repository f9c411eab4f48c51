"""From arrays per problem to estimates with intervals over problems and seeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _page import rounded
from _study import Arrays, Floats, arrays
from numpy.typing import NDArray
from objectives.measure import AGGREGATIONS
from objectives.recorded_sets import RECORDED_SETS
from objectives.variants import VARIANTS
from scipy.stats import spearmanr

from arts.estimate import Estimate
from arts.evaluation.calibration import bins

RESAMPLES = 2_000
STATE_RESAMPLES = 500
METHOD = "bootstrap over problems and seeds, percentile"
DEFAULT = "value_flow, steps"
"""What arts train makes, which the others are compared with."""


def two_level(matrix: Floats, weights: Floats | None = None) -> Estimate:
    """Mean of (S seeds, P problems), both resampled; ``weights`` (P,) makes it Σ matrix / Σ weights over problems.

    Problems that are undefined in any seed are left out.
    """
    known = ~np.isnan(matrix).any(axis=0)
    matrix = matrix[:, known]
    whole = np.ones(matrix.shape[1]) if weights is None else weights[known]
    seeds, problems = matrix.shape
    rng = np.random.default_rng(0)
    of_problems = rng.multinomial(problems, np.full(problems, 1 / problems), size=RESAMPLES)
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES) / seeds
    parts = (of_seeds * (of_problems @ matrix.T)).sum(axis=1)
    values = parts / np.maximum(of_problems @ whole, 1e-12)
    low, high = np.quantile(values, [0.025, 0.975])
    value = matrix.mean(axis=0).sum() / whole.sum()
    return rounded(Estimate(value=float(value), low=float(low), high=float(high), n=problems, method=METHOD))


def over_states(
    statistic: Callable[[NDArray[np.int64], int], float], problem: NDArray[np.int64], seeds: int, *, reflect: bool
) -> Estimate:
    """Mean over seeds of a statistic of some states (given as indices), states resampled by problem.

    ``reflect``: for one that chance makes larger, as in :func:`arts.evaluation.intervals.bootstrap`.
    """
    rng = np.random.default_rng(0)
    of = [np.flatnonzero(problem == p) for p in np.unique(problem)]
    values = []
    for _ in range(STATE_RESAMPLES):
        chosen = np.concatenate([of[i] for i in rng.integers(len(of), size=len(of))])
        values.append(np.mean([statistic(chosen, s) for s in rng.integers(seeds, size=seeds)]))
    value = float(np.mean([statistic(np.arange(len(problem)), s) for s in range(seeds)]))
    low, high = np.quantile(values, [0.025, 0.975])
    if reflect:
        low, high = max(0.0, 2 * value - high), max(0.0, 2 * value - low)
    return rounded(Estimate(value=value, low=float(low), high=float(high), n=len(of), method=METHOD))


def summarise(out: Path, seeds: int) -> dict[str, Any]:
    """Everything the page shows."""
    testbed = _set(out / "testbed", "test", seeds)
    validation = _set(out / "testbed", "validation", seeds)
    scores = {
        name: (rows["best last 16"].value + rows["vote 16"].value) / 2 for name, rows in validation["variants"].items()
    }
    best = max(scores, key=lambda name: scores[name])
    testbed["states"] = _states(out / "testbed", seeds)
    names = {v.name: v for v in VARIANTS}
    return {
        "schema": 1,
        "seeds": seeds,
        "intervals": METHOD,
        "chosen_on_validation": best,
        "compared": DEFAULT,
        "chosen": {"objective": names[best].objective, "options": list(names[best].options)},
        "testbed": {
            **testbed,
            "differences": _differences(out / "testbed", DEFAULT, seeds, 16),
            "against_baselines": _against_baselines(out / "testbed", seeds, 16),
        },
        "validation": validation,
        "recorded": {
            n: _recorded(out / n, n, DEFAULT, seeds) for n in RECORDED_SETS if (out / n / "test-plain.npz").exists()
        },
    }


def _recorded(folder: Path, name: str, best: str, seeds: int) -> dict[str, Any]:
    found = _set(folder, "test", seeds)
    top = RECORDED_SETS[name].candidates
    about = RECORDED_SETS[name].about
    differences = _differences(folder, best, seeds, top)
    against = _against_baselines(folder, seeds, top)
    return {"about": about, **found, "top": top, "differences": differences, "against_baselines": against}


def _set(folder: Path, split: str, seeds: int) -> dict[str, Any]:
    """Estimates of every method of a set."""
    plain = arrays(folder / f"{split}-plain.npz")
    return {
        "problems": len(plain["oracle 1"]),
        "plain": {key: two_level(plain[key][None]) for key in plain},
        "variants": {v.name: _rows(runs) for v in VARIANTS if (runs := _runs(folder, split, v.name, seeds))},
        "baselines": {n: _rows([arrays(f)]) for n in BASELINES if (f := folder / f"{split}-{n}.npz").exists()},
    }


BASELINES = ("likelihood", "length")
PUBLISHED_MINIMUM = ("prm", "rm")
"""The published baselines, whose published rule is the minimum over steps."""


def _runs(folder: Path, split: str, name: str, seeds: int) -> list[Arrays]:
    files = [folder / f"{split}-{stem(name)}-{seed}.npz" for seed in range(seeds)]
    return [arrays(f) for f in files] if all(f.exists() for f in files) else []


def _rows(runs: list[Arrays]) -> dict[str, Estimate]:
    kinds = (*(f"best {a}" for a in AGGREGATIONS), "vote", "auc", "first error")
    keys = [k for k in runs[0] if k.startswith(kinds)]
    rows = {key: two_level(np.stack([run[key] for run in runs])) for key in keys}
    rows["rare"] = two_level(np.stack([run["rare_sum"] for run in runs]), runs[0]["rare_times"])
    return rows


def _differences(folder: Path, best: str, seeds: int, top: int) -> dict[str, Any]:
    """The chosen variant minus every other method, best-of-N by the last score and vote, on the same problems."""
    chosen = _runs(folder, "test", best, seeds)
    if not chosen:
        return {}
    keys = {"best-of-N": f"best last {top}", "vote": f"vote {top}"}
    ours = {rule: np.stack([run[key] for run in chosen]) for rule, key in keys.items()}
    plain = arrays(folder / "test-plain.npz")
    known = {"one sample (random choice)": "oracle 1", "majority": f"majority {top}"}
    others = {name: dict.fromkeys(keys, plain[key][None]) for name, key in known.items()}
    for name in (*BASELINES, *(v.name for v in VARIANTS if v.name != best)):
        files = folder / f"test-{name}.npz"
        runs = [arrays(files)] if name in BASELINES and files.exists() else _runs(folder, "test", name, seeds)
        if runs:
            others[name] = {rule: np.stack([run[key] for run in runs]) for rule, key in keys.items()}
    for name in PUBLISHED_MINIMUM:
        runs = _runs(folder, "test", name, seeds)
        minimum = np.stack([run[f"best min {top}"] for run in runs])
        others[f"{name}, minimum over steps (as published)"] = {"best-of-N": minimum}
    return {
        name: {rule: two_level(ours[rule] - matrix) for rule, matrix in rows.items()} for name, rows in others.items()
    }


def _against_baselines(folder: Path, seeds: int, top: int) -> dict[str, Any]:
    """Every variant, best-of-N by the last score, minus one sample, the majority and the published baselines.

    These read in the same way, and by the minimum over steps, as published.
    """
    key = f"best last {top}"
    found = {
        v.name: np.stack([run[key] for run in runs]) for v in VARIANTS if (runs := _runs(folder, "test", v.name, seeds))
    }
    plain = arrays(folder / "test-plain.npz")
    others = {"one sample": plain["oracle 1"][None], "majority": plain[f"majority {top}"][None]}
    for base in PUBLISHED_MINIMUM:
        runs = _runs(folder, "test", base, seeds)
        others[base] = found[base]
        others[f"{base}, minimum over steps"] = np.stack([run[f"best min {top}"] for run in runs])
    return {
        name: {base: two_level(matrix - other) for base, other in others.items() if base != name}
        for name, matrix in found.items()
    }


def _states(folder: Path, seeds: int) -> dict[str, Any]:
    """Rank correlation with counted success and calibration error of inner states."""
    probes = arrays(folder / "probes.npz")
    rates, problem, depth = probes["rates"], probes["problem"], probes["depth"]
    out: dict[str, Any] = {"states": len(rates), "rollouts": int(probes["graded"].sum()), "variants": {}}
    for v in VARIANTS:
        runs = _runs(folder, "test", v.name, seeds)
        if not runs:
            continue
        scores, values = (np.stack([run[key] for run in runs]) for key in ("state scores", "state values"))
        out["variants"][v.name] = state_rows(scores, values, rates, problem, depth)
    return out


def state_rows(
    scores: Floats, values: Floats, rates: Floats, problem: NDArray[np.int64], depth: NDArray[np.int64]
) -> dict[str, Any]:
    """Rank correlation and calibration error of states' scores and values, (S seeds, states), and by depth."""

    def rank(part: NDArray[np.int64], seed: int) -> float:
        return float(spearmanr(scores[seed, part], rates[part]).statistic)

    def error(part: NDArray[np.int64], seed: int) -> float:
        number = bins(values[seed, part])
        gaps = np.bincount(number, weights=values[seed, part] - rates[part])
        return float(np.abs(gaps).sum() / len(part))

    def within(statistic: Callable[[NDArray[np.int64], int], float], at: NDArray[np.int64]) -> Estimate:
        return over_states(lambda part, seed: statistic(at[part], seed), problem[at], len(scores), reflect=False)

    everywhere = np.arange(len(rates))
    by_depth = {str(d): np.flatnonzero(depth == d) for d in np.unique(depth)}
    return {
        "spearman": within(rank, everywhere),
        "calibration error": over_states(error, problem, len(scores), reflect=True),
        "spearman by depth": {
            d: within(rank, at) for d, at in by_depth.items() if len(at) >= 20 and len(np.unique(rates[at])) > 2
        },
    }


def stem(variant: str) -> str:
    """A variant in the names of files."""
    return variant.replace(", ", "-").replace(" = ", "")
