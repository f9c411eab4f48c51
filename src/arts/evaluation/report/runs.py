"""Two runs compared: what differs between their decisions, on the problems and samples that they share."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import structs
from scipy.stats import permutation_test, ttest_ind

from arts.arrays import Floats, Ints
from arts.estimate import Estimate
from arts.evaluation.comparisons import adjusted, known
from arts.evaluation.intervals import mean, paired_difference
from arts.evaluation.methods import MAJORITY, RANDOM, needs_key
from arts.evaluation.paired import DRAWS, equivalence, paired_test
from arts.evaluation.parts import About, Equivalence
from arts.evaluation.power import ALPHA
from arts.evaluation.report.sections import facts
from arts.evaluation.results import Change, Comparison, Evaluation, Flip, Matching, RunPair, Sides
from arts.selection import expected as metrics

SCHEMA_VERSION = 1
"""Of ``compare.json``."""
LEAST_SHARED = 2
"""Problems that two runs must share to be compared problem by problem."""
FLIPPED = 20
"""Problems that are listed, those with the largest changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """Which rows of the two problem tables are compared, and whether row by row."""

    a: Evaluation
    b: Evaluation
    rows_a: Ints
    rows_b: Ints
    paired: bool
    seed: int

    def accuracy(self, method: str, k: int) -> tuple[Floats, Floats]:
        """A method's accuracy on each problem, in either run."""
        first, second = (np.array(run.problem_table.accuracy[method][k]) for run in (self.a, self.b))
        return first[self.rows_a], second[self.rows_b]

    def reach(self, k: int) -> tuple[Floats, Floats]:
        """Pass@k of each problem, in either run."""
        return _pass_at(self.a, k)[self.rows_a], _pass_at(self.b, k)[self.rows_b]

    def sides(self, first: Floats, second: Floats, *, same: bool = False) -> Sides:
        """Means of both and of second − first, with their intervals; ``same``: equal ones are so by definition."""
        a, b = mean(first, self.seed), mean(second, self.seed)
        if self.paired:
            between = paired_difference(first if same and np.array_equal(first, second) else second, first, self.seed)
        else:
            between = independent_difference(b, a)
        return Sides(a=a, b=b, difference=between)

    @property
    def same_samples(self) -> bool:
        """Whether the samples of all compared problems are the same."""
        first, second = (np.array(run.problem_table.samples) for run in (self.a, self.b))
        return self.paired and bool((first[self.rows_a] == second[self.rows_b]).all())


def compare_runs(
    a: Evaluation, b: Evaluation, *, margin: float | None = None, seed: int = 0, command: str = ""
) -> Comparison:
    """B − A for every method but the oracle that both results of ``arts evaluate`` have.

    All is said at the largest N that both have.
    Problems with one id are paired, unless a question that both show says that ids of theirs mean different problems;
    where fewer than ``LEAST_SHARED`` are shared all problems of both are compared as independent sets. Of several
    trained seeds the mean is taken, so that intervals are over problems alone. ``p_adjusted`` is by Holm over
    methods, that of equivalence over these tests. ``margin`` is a difference of accuracies in (0, 1). ``command`` is
    what asked for it.
    """
    matching = _matching(a, b)
    runs = _paired(a, b, matching, seed)
    ks = [k for k in a.ks if k in b.ks]
    names = [n for n, m in a.table.items() if n in b.table and not needs_key(m.selector)]
    ladder = [k for k in a.pass_at_k if k in b.pass_at_k]
    return Comparison(
        schema=SCHEMA_VERSION,
        matching=matching,
        paired=runs.paired,
        samples_per_problem=(a.samples_per_problem, b.samples_per_problem),
        problems=(len(runs.rows_a), len(runs.rows_b)),
        k=ks[-1] if ks else None,
        alpha=ALPHA,
        margin=margin,
        pairs=adjusted([_pair(runs, name, ks[-1], margin) for name in names]) if ks else [],
        only_a=[name for name in a.table if name not in b.table],
        only_b=[name for name in b.table if name not in a.table],
        pass_at_k={k: runs.sides(*runs.reach(k), same=runs.same_samples) for k in ladder},
        changed=changed(a, b),
        flipped=_flipped(runs, names, ks[-1]) if ks and runs.paired else [],
        about=About(command=command, seed=seed),
    )


def _shared(a: Evaluation, b: Evaluation) -> list[tuple[int, int]]:
    """Rows of either problem table that have one id."""
    at = {name: j for j, name in enumerate(b.problem_table.ids)}
    return [(i, at[name]) for i, name in enumerate(a.problem_table.ids) if name in at]


def _matching(a: Evaluation, b: Evaluation) -> Matching:
    """How many problems and samples the runs share, and how many questions say that equal ids are not."""
    first, second, shared = a.problem_table, b.problem_table, _shared(a, b)
    return Matching(
        problems=(len(first.ids), len(second.ids)),
        shared=len(shared),
        same_samples=sum(first.samples[i] == second.samples[j] for i, j in shared),
        other_question=sum(first.questions[i] != second.questions[j] for i, j in shared),
    )


def _paired(a: Evaluation, b: Evaluation, matching: Matching, seed: int) -> _Runs:
    paired = matching.shared >= LEAST_SHARED and not matching.other_question
    rows = zip(*_shared(a, b), strict=True) if paired else (range(a.problems), range(b.problems))
    first, second = (np.array(r, dtype=np.int64) for r in rows)
    return _Runs(a=a, b=b, rows_a=first, rows_b=second, paired=paired, seed=seed)


def _pass_at(run: Evaluation, k: int) -> Floats:
    solved = np.array(run.problem_table.solved)
    return metrics.pass_at_k(np.arange(run.samples_per_problem) < solved[:, None], k)


def _pair(runs: _Runs, name: str, k: int, margin: float | None) -> RunPair:
    first, second = runs.accuracy(name, k)
    sides = runs.sides(first, second, same=name in (RANDOM, MAJORITY) and runs.same_samples)
    found = paired_test(second, first) if runs.paired else None
    same = None
    if margin is not None:
        same = equivalence(second, first, margin) if runs.paired else _welch(second, first, margin)
    return RunPair(
        method=name,
        k=k,
        a=sides.a,
        b=sides.b,
        difference=sides.difference,
        test=found.test if found else "permutation",
        wins=found.wins if found else None,
        losses=found.losses if found else None,
        p=known(found.p if found else _permuted(second, first)),
        equivalence=same,
    )


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


def _welch(b: Floats, a: Floats, margin: float) -> Equivalence:
    """Two one-sided Welch tests: the 1 − 2α interval of the difference, and whether it lies within ± ``margin``."""
    second, first = (x[~np.isnan(x)] for x in (b, a))
    if min(len(first), len(second)) < LEAST_SHARED or second.std() + first.std() == 0:
        return Equivalence(margin=margin, low=None, high=None, p=None, equivalent=False)
    above = ttest_ind(second + margin, first, equal_var=False, alternative="greater").pvalue
    below = ttest_ind(second - margin, first, equal_var=False, alternative="less").pvalue
    ends = ttest_ind(second, first, equal_var=False).confidence_interval(1 - 2 * ALPHA)
    p = float(max(above, below))
    return Equivalence(margin=margin, low=float(ends.low), high=float(ends.high), p=p, equivalent=p < ALPHA)


def changed(a: Evaluation, b: Evaluation) -> list[Change]:
    """Settings, versions, flags and costs that are not the same in both, by name."""
    first, second = _known(a), _known(b)
    names = dict.fromkeys([*first, *second])
    return [Change(what=n, a=first.get(n), b=second.get(n)) for n in names if first.get(n) != second.get(n)]


def _known(run: Evaluation) -> dict[str, str]:
    sizes = {
        "samples per problem": str(run.samples_per_problem),
        "ks": ", ".join(map(str, run.ks)),
        "ungraded share": _text(run.ungraded_share),
    }
    cost = {name.replace("_", " "): _text(x) for name, x in structs.asdict(run.cost).items()}
    return sizes | cost | facts(run.about) | _flags(run.about.command)


def _text(x: float) -> str:
    return f"{x:,.4g}" if isinstance(x, float) else str(x)


def _flags(command: str) -> dict[str, str]:
    """The command's flags with their values, and its words before them."""
    try:
        words = shlex.split(command)
    except ValueError:  # no shell wrote this
        return {"command": command}
    found: dict[str, list[str]] = {"command": []}
    name = "command"
    for word in words:
        if word.startswith("--"):
            name = f"flag {word}"
            found[name] = []
        else:
            found[name].append(word)
    return {n: " ".join(values) or "set" for n, values in found.items()}


def _flipped(runs: _Runs, names: Sequence[str], k: int) -> list[Flip]:
    """Shared problems that most methods decide differently in the two runs, by the mean size of the change."""
    tables = [runs.accuracy(name, k) for name in names]
    change = np.nan_to_num(np.array([second - first for first, second in tables]))
    size = np.abs(change).mean(axis=0)
    order = [int(i) for i in np.argsort(-size, kind="stable")[:FLIPPED] if size[i] > 0]
    questions = {p.id: p.question for run in (runs.a, runs.b) for p in run.drill_down.problems}
    table_a, table_b = runs.a.problem_table, runs.b.problem_table
    found = []
    for i in order:
        row_a, row_b = int(runs.rows_a[i]), int(runs.rows_b[i])
        found.append(
            Flip(
                id=table_a.ids[row_a],
                question=questions.get(table_a.ids[row_a]),
                same_samples=table_a.samples[row_a] == table_b.samples[row_b],
                solved=(table_a.solved[row_a], table_b.solved[row_b]),
                change={name: float(x) for name, x in zip(names, change[:, i], strict=True) if x},
            )
        )
    return found
