"""Two runs compared: what differs between their decisions, on the problems and samples that they share."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test, ttest_ind

from arts.estimate import Estimate
from arts.evaluation.intervals import mean, paired_difference, plain
from arts.evaluation.methods import MAJORITY, RANDOM
from arts.evaluation.paired import DRAWS, equivalence, holm, paired_test
from arts.evaluation.power import ALPHA
from arts.evaluation.report.sections import facts
from arts.selection import expected as metrics

Part = Mapping[str, Any]
Floats = NDArray[np.float64]

SCHEMA_VERSION = 1
LEAST_SHARED = 2
"""Problems that two runs must share to be compared problem by problem."""
FLIPPED = 20
"""Problems that are listed, those with the largest changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """Which rows of the two problem tables are compared, and whether row by row."""

    a: Part
    b: Part
    rows_a: NDArray[np.int64]
    rows_b: NDArray[np.int64]
    paired: bool
    seed: int

    def accuracy(self, method: str, k: int) -> tuple[Floats, Floats]:
        """A method's accuracy on each problem, in either run."""
        tables = ((self.a, self.rows_a), (self.b, self.rows_b))
        first, second = (_floats(run["problem_table"]["accuracy"][method][str(k)])[rows] for run, rows in tables)
        return first, second

    def reach(self, k: int) -> tuple[Floats, Floats]:
        """Pass@k of each problem, in either run."""
        first, second = (_pass_at(run, k)[rows] for run, rows in ((self.a, self.rows_a), (self.b, self.rows_b)))
        return first, second

    def difference(self, first: Floats, second: Floats, *, same: bool = False) -> dict[str, Any]:
        """Means of both and of second − first, with their intervals; ``same``: equal ones are so by definition."""
        a, b = mean(first, self.seed), mean(second, self.seed)
        if self.paired:
            between = paired_difference(first if same and np.array_equal(first, second) else second, first, self.seed)
        else:
            between = independent_difference(b, a)
        return {"a": plain(a), "b": plain(b), "difference": plain(between)}

    @property
    def same_samples(self) -> bool:
        """Whether the samples of all compared problems are the same."""
        sides = ((self.a, self.rows_a), (self.b, self.rows_b))
        first, second = (np.array(run["problem_table"]["samples"])[rows] for run, rows in sides)
        return self.paired and bool((first == second).all())


def compare_runs(a: Part, b: Part, *, margin: float | None = None, seed: int = 0) -> dict[str, Any]:
    """B − A for every method but the oracle that both results of ``arts evaluate`` have, JSON-able.

    All is said at the largest N that both have.
    Problems with one id are paired, unless a question that both show says that ids of theirs mean different problems;
    where fewer than ``LEAST_SHARED`` are shared all problems of both are compared as independent sets. Of several
    trained seeds the mean is taken, so that intervals are over problems alone. ``p_adjusted`` is by Holm over
    methods, that of equivalence over these tests. ``margin`` is a difference of accuracies in (0, 1).
    """
    matching = _matching(a, b)
    sides = _sides(a, b, matching, seed)
    ks = [k for k in a["ks"] if k in b["ks"]]
    names = [n for n, m in a["methods"].items() if n in b["methods"] and m["rule"] != "oracle"]
    pairs = [_pair(sides, name, ks[-1], margin) for name in names] if ks else []
    _adjust(pairs)
    ladder = [k for k in a["pass_at_k"] if k in b["pass_at_k"]]
    return {
        "schema": SCHEMA_VERSION,
        "matching": matching,
        "paired": sides.paired,
        "samples_per_problem": [a["samples_per_problem"], b["samples_per_problem"]],
        "problems": [len(sides.rows_a), len(sides.rows_b)],
        "k": ks[-1] if ks else None,
        "alpha": ALPHA,
        "margin": margin,
        "pairs": pairs,
        "only_a": [name for name in a["methods"] if name not in b["methods"]],
        "only_b": [name for name in b["methods"] if name not in a["methods"]],
        "pass_at_k": {k: sides.difference(*sides.reach(int(k)), same=sides.same_samples) for k in ladder},
        "changed": changed(a, b),
        "flipped": _flipped(sides, names, ks[-1]) if ks and sides.paired else [],
        "about": {"seed": seed},
    }


def _matching(a: Part, b: Part) -> dict[str, Any]:
    """How many problems and samples the runs share, and how many questions say that equal ids are not."""
    tables, questions = (
        [dict(zip(run["problem_table"]["ids"], run["problem_table"][name], strict=True)) for run in (a, b)]
        for name in ("samples", "questions")
    )
    shared = [i for i in tables[0] if i in tables[1]]
    return {
        "problems": [len(t) for t in tables],
        "shared": len(shared),
        "same_samples": sum(tables[0][i] == tables[1][i] for i in shared),
        "other_question": sum(questions[0][i] != questions[1][i] for i in questions[0] if i in questions[1]),
    }


def _sides(a: Part, b: Part, matching: Part, seed: int) -> _Sides:
    ids_a, ids_b = a["problem_table"]["ids"], b["problem_table"]["ids"]
    paired = matching["shared"] >= LEAST_SHARED and not matching["other_question"]
    at = {name: i for i, name in enumerate(ids_b)}
    shared = [(i, at[name]) for i, name in enumerate(ids_a) if name in at]
    rows = tuple(zip(*shared, strict=True)) if paired else (range(len(ids_a)), range(len(ids_b)))
    first, second = (np.array(r, dtype=np.int64) for r in rows)
    return _Sides(a=a, b=b, rows_a=first, rows_b=second, paired=paired, seed=seed)


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array(values, dtype=np.float64)


def _pass_at(run: Part, k: int) -> Floats:
    solved = np.array(run["problem_table"]["solved"])
    return metrics.pass_at_k(np.arange(run["samples_per_problem"]) < solved[:, None], k)


def _pair(sides: _Sides, name: str, k: int, margin: float | None) -> dict[str, Any]:
    first, second = sides.accuracy(name, k)
    if sides.paired:
        found = paired_test(second, first)
        tested: dict[str, Any] = {"test": found.test, "wins": found.wins, "losses": found.losses, "p": found.p}
    else:
        tested = {"test": "permutation", "wins": None, "losses": None, "p": _permuted(second, first)}
    same, chosen = None, name in (RANDOM, MAJORITY)
    if margin is not None:
        same = asdict(equivalence(second, first, margin)) if sides.paired else _welch(second, first, margin)
    return {
        "method": name,
        "k": k,
        **sides.difference(first, second, same=chosen and sides.same_samples),
        **tested,
        "equivalence": same,
    }


def _adjust(pairs: Sequence[dict[str, Any]]) -> None:
    """Holm over the pairs, and over their equivalence tests; None where there was no test."""
    tests = [pair["equivalence"] for pair in pairs if pair["equivalence"] is not None]
    for group in (pairs, tests):
        for test, p in zip(group, holm([t["p"] for t in group]), strict=True):
            test["p_adjusted"] = p
            test.update({key: None if x != x else float(x) for key, x in test.items() if isinstance(x, float)})


def independent_difference(b: Estimate, a: Estimate) -> Estimate:
    """Difference b − a of means over different problems.

    The distances of both to their ends are added as squares (Zou and Donner 2008, doi 10.1002/sim.3095).
    """
    value, n = b.value - a.value, a.n + b.n
    low = value - float(np.hypot(b.value - b.low, a.high - a.value))
    high = value + float(np.hypot(b.high - b.value, a.value - a.low))
    return Estimate(value=value, low=low, high=high, n=n, method="independent sets, squared distances added")


def _permuted(b: Floats, a: Floats) -> float:
    """The two-sided p-value of the difference of means among random exchanges of problems between the runs."""
    samples = [x[~np.isnan(x)] for x in (b, a)]
    if min(map(len, samples)) < LEAST_SHARED:
        return float(np.nan)
    found = permutation_test(
        samples,
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        vectorized=True,
        n_resamples=DRAWS,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def _welch(b: Floats, a: Floats, margin: float) -> dict[str, Any]:
    """Two one-sided Welch tests: the 1 − 2α interval of the difference, and whether it lies within ± ``margin``."""
    second, first = (x[~np.isnan(x)] for x in (b, a))
    none = {"margin": margin, "low": None, "high": None, "p": np.nan, "equivalent": False}
    if min(len(first), len(second)) < LEAST_SHARED or second.std() + first.std() == 0:
        return none
    above = ttest_ind(second + margin, first, equal_var=False, alternative="greater").pvalue
    below = ttest_ind(second - margin, first, equal_var=False, alternative="less").pvalue
    ends = ttest_ind(second, first, equal_var=False).confidence_interval(1 - 2 * ALPHA)
    p = float(max(above, below))
    return {**none, "low": float(ends.low), "high": float(ends.high), "p": p, "equivalent": p < ALPHA}


def changed(a: Part, b: Part) -> list[dict[str, Any]]:
    """Settings, versions, flags and costs that are not the same in both, by name; None where one has it not."""
    first, second = (dict(_known(run)) for run in (a, b))
    names = dict.fromkeys([*first, *second])
    return [{"what": n, "a": first.get(n), "b": second.get(n)} for n in names if first.get(n) != second.get(n)]


def _known(run: Part) -> list[tuple[str, str]]:
    settings = [(n.replace("_", " "), _text(run[n])) for n in ("samples_per_problem", "ks", "ungraded_share")]
    cost = [(n.replace("_", " "), _text(v)) for n, v in run["cost"].items()]
    about = {k: v for k, v in run["about"].items() if k not in ("command", "commands")}
    return [*settings, *cost, *facts(about), *_flags(str(run["about"].get("command", "")))]


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _flags(command: str) -> list[tuple[str, str]]:
    """The command's flags with their values, and its words before them."""
    try:
        words = shlex.split(command)
    except ValueError:  # no shell wrote this
        return [("command", command)]
    found: dict[str, list[str]] = {"command": []}
    name = "command"
    for word in words:
        if word.startswith("--"):
            name = f"flag {word}"
            found[name] = []
        else:
            found[name].append(word)
    return [(n, " ".join(values) or "set") for n, values in found.items()]


def _flipped(sides: _Sides, names: Sequence[str], k: int) -> list[dict[str, Any]]:
    """Shared problems that most methods decide differently in the two runs, by the mean size of the change."""
    tables = [sides.accuracy(name, k) for name in names]
    change = np.nan_to_num(np.array([second - first for first, second in tables]))
    size = np.abs(change).mean(axis=0)
    order = [int(i) for i in np.argsort(-size, kind="stable")[:FLIPPED] if size[i] > 0]
    questions = {p["id"]: p["question"] for run in (sides.a, sides.b) for p in run["drill_down"]["problems"]}
    found = []
    for i in order:
        row_a, row_b = int(sides.rows_a[i]), int(sides.rows_b[i])
        table_a, table_b = sides.a["problem_table"], sides.b["problem_table"]
        found.append(
            {
                "id": table_a["ids"][row_a],
                "question": questions.get(table_a["ids"][row_a]),
                "same_samples": table_a["samples"][row_a] == table_b["samples"][row_b],
                "solved": [table_a["solved"][row_a], table_b["solved"][row_b]],
                "change": {name: float(x) for name, x in zip(names, change[:, i], strict=True) if x},
            }
        )
    return found
