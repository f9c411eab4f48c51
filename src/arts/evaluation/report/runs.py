"""Two runs compared: what differs between their decisions, on the problems and samples that they share."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ne

import numpy as np
from msgspec import structs
from scipy.stats import permutation_test, ttest_ind

from arts.arrays import Floats
from arts.estimate import Estimate
from arts.evaluation.comparisons import adjusted, known
from arts.evaluation.intervals import mean, paired_difference
from arts.evaluation.methods import MAJORITY, RANDOM, needs_key
from arts.evaluation.paired import DRAWS, PairedTest, equivalence, paired_test
from arts.evaluation.parts import About, Equivalence, ProblemTable
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
    """The two problem tables that are compared, whether row by row, and the samples of each problem."""

    a: ProblemTable
    b: ProblemTable
    paired: bool
    samples: tuple[int, int]
    seed: int

    def accuracy(self, method: str, k: int) -> tuple[Floats, Floats]:
        """A method's accuracy on each problem, in either run."""
        return np.array(self.a.accuracy[method][k]), np.array(self.b.accuracy[method][k])

    def reach(self, k: int) -> Sides:
        """Pass@k in either run."""
        tables = zip((self.a, self.b), self.samples, strict=True)
        first, second = (metrics.pass_at_k(np.arange(n) < np.array(t.solved)[:, None], k) for t, n in tables)
        return self.sides(first, second, same=self.same_samples)

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
        return self.paired and self.a.samples == self.b.samples


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
    first, second = _shared(a.problem_table, b.problem_table)
    matching = Matching(
        problems=(a.problems, b.problems),
        shared=len(first.ids),
        same_samples=sum(map(eq, first.samples, second.samples)),
        other_question=sum(map(ne, first.questions, second.questions)),
    )
    paired = matching.shared >= LEAST_SHARED and not matching.other_question
    if not paired:
        first, second = a.problem_table, b.problem_table
    samples = a.samples_per_problem, b.samples_per_problem
    runs = _Runs(a=first, b=second, paired=paired, samples=samples, seed=seed)
    ks = [k for k in a.ks if k in b.ks]
    names = [n for n, m in a.table.items() if n in b.table and not needs_key(m.selector)]
    questions = {p.id: p.question for run in (a, b) for p in run.drill_down.problems}
    return Comparison(
        schema=SCHEMA_VERSION,
        matching=matching,
        paired=paired,
        samples_per_problem=samples,
        problems=(len(first.ids), len(second.ids)),
        k=ks[-1] if ks else None,
        alpha=ALPHA,
        margin=margin,
        pairs=adjusted([_pair(runs, name, ks[-1], margin) for name in names]) if ks else [],
        only_a=[name for name in a.table if name not in b.table],
        only_b=[name for name in b.table if name not in a.table],
        pass_at_k={k: runs.reach(k) for k in a.pass_at_k if k in b.pass_at_k},
        changed=changed(a, b),
        flipped=_flipped(runs, names, ks[-1], questions) if ks and paired else [],
        about=About(command=command, seed=seed),
    )


def _shared(a: ProblemTable, b: ProblemTable) -> tuple[ProblemTable, ProblemTable]:
    """The rows of either table whose id is in both, in the order of the first."""
    at = {name: j for j, name in enumerate(b.ids)}
    rows = [i for i, name in enumerate(a.ids) if name in at]
    return a.part(rows), b.part([at[a.ids[i]] for i in rows])


def _pair(runs: _Runs, name: str, k: int, margin: float | None) -> RunPair:
    first, second = runs.accuracy(name, k)
    sides = runs.sides(first, second, same=name in (RANDOM, MAJORITY) and runs.same_samples)
    found = paired_test(second, first) if runs.paired else _permuted(second, first)
    equal = equivalence if runs.paired else _welch
    return RunPair(
        method=name,
        k=k,
        a=sides.a,
        b=sides.b,
        difference=sides.difference,
        test=found.test,
        wins=found.wins,
        losses=found.losses,
        p=known(found.p),
        equivalence=None if margin is None else equal(second, first, margin),
    )


def independent_difference(b: Estimate, a: Estimate) -> Estimate:
    """Difference b − a of means over different problems.

    The distances of both to their ends are added as squares (Zou and Donner 2008, doi 10.1002/sim.3095).
    """
    value, n = b.value - a.value, a.n + b.n
    low = value - float(np.hypot(b.value - b.low, a.high - a.value))
    high = value + float(np.hypot(b.high - b.value, a.value - a.low))
    return Estimate(value=value, low=low, high=high, n=n, method="independent sets, squared distances added")


def _permuted(b: Floats, a: Floats) -> PairedTest:
    """The two-sided test of the difference of means among random exchanges of problems between the runs."""
    samples, p = [x[~np.isnan(x)] for x in (b, a)], np.nan
    if min(map(len, samples)) >= LEAST_SHARED:
        p = permutation_test(
            samples,
            lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
            vectorized=True,
            n_resamples=DRAWS,
            rng=np.random.default_rng(0),
        ).pvalue
    return PairedTest(test="permutation", wins=None, losses=None, p=float(p))


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
        "answers that are the last number of the text": str(run.last_numbers),
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


def _flipped(runs: _Runs, names: Sequence[str], k: int, questions: Mapping[str, str]) -> list[Flip]:
    """Shared problems that most methods decide differently in the two runs, by the mean size of the change."""
    a, b = runs.a, runs.b
    change = np.nan_to_num([second - first for first, second in (runs.accuracy(name, k) for name in names)])
    size = np.abs(change).mean(axis=0)
    return [
        Flip(
            id=a.ids[i],
            question=questions.get(a.ids[i]),
            same_samples=a.samples[i] == b.samples[i],
            solved=(a.solved[i], b.solved[i]),
            change={name: float(x) for name, x in zip(names, change[:, i], strict=True) if x},
        )
        for i in np.argsort(-size, kind="stable")[:FLIPPED].tolist()
        if size[i] > 0
    ]
