"""The results of ``arts evaluate`` and ``arts report``, as ``report.json`` and ``compare.json`` hold them.

>>> from arts.evaluation.report.read import read_report    # doctest: +SKIP
>>> result = read_report(Path("runs/report"))              # doctest: +SKIP
>>> print(result.methods["flow"].best_of_n[16])            # doctest: +SKIP
0.685 [0.62, 0.75]
"""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from msgspec import field

from arts.documents.words import count
from arts.estimate import Estimate
from arts.evaluation import parts
from arts.evaluation.optional_parts import Audit, Calibration, Confidence

SCHEMA_VERSION = 3
"""Of ``report.json``."""


class Deciding:
    """The methods of one scorer, or the method that needs none: accuracies by the number of samples."""

    def __init__(self, name: str, found: list[parts.MethodResult]) -> None:
        self._name, self._found = name, found

    def by(self, selector: str, aggregation: str | None = None) -> dict[int, Estimate]:
        """Accuracy at each N of a selector, by default with the first aggregation that it was evaluated with.

        Raises:
            KeyError: it was not evaluated; the text says what was.
        """
        for m in self._found:
            if m.selector == selector and aggregation in (None, m.aggregation):
                return ByN(m.accuracy)
        there = ", ".join(_called(m.selector, m.aggregation) for m in self._found)
        raise KeyError(f"'{self._name}' has no {_called(selector, aggregation)}; there are: {there}")

    @property
    def best_of_n(self) -> dict[int, Estimate]:
        """Accuracy at each N of the sample with the highest score."""
        return self._known("best_of_n")

    @property
    def flow_vote(self) -> dict[int, Estimate]:
        """Accuracy at each N of the vote weighted by the scores."""
        return self._known("flow_vote")

    @property
    def accuracy(self) -> dict[int, Estimate]:
        """Accuracy at each N of a selector that needs no scores, as ``majority``."""
        return self._known(self._name)

    def _known(self, selector: str) -> dict[int, Estimate]:
        try:
            return self.by(selector)
        except KeyError as error:
            raise AttributeError(error.args[0]) from None


class ByN(dict[int, Estimate]):
    """By number of samples."""

    def __missing__(self, n: int) -> Estimate:
        raise KeyError(f"no N = {n}; there are: {', '.join(map(str, self))}")


def _called(selector: str, aggregation: str | None) -> str:
    return f"{selector} ({aggregation})" if aggregation else selector


class Methods(dict[str, Deciding]):
    """By scorer, and by selector for those that need no scores."""

    def __missing__(self, name: str) -> Deciding:
        raise KeyError(f"no scorer or selector '{name}'; there are: {', '.join(self)}")


class Evaluation(parts.Part, frozen=True, kw_only=True, omit_defaults=True):
    """Every way of deciding, compared on the same samples of the same problems.

    ``table`` has the methods by the name that tables show (``methods`` in JSON), :attr:`methods` by their scorer.
    ``pass_at_k`` counts every sample of every problem that has k. The methods decide between as many samples of each
    problem as all have that are not left out; ``unused_samples`` are beyond that. ``ks`` are the numbers of samples
    that were decided between, ``top_k`` the largest. ``ungraded_share`` is of all samples. ``unscored``: by scorer, how
    many samples have no score by it; they rank last and have no weight in a vote. ``confidence``: by scorer that says
    how probable success is. ``last_numbers`` of the answers are but the last number of a text that states none.
    ``g_pass_at_k``: G-Pass@k by threshold.
    """

    schema: int
    problems: parts.Samples
    samples_per_problem: parts.Samples
    left_out_problems: parts.Count
    unused_samples: parts.Count = 0
    ungraded_share: parts.Share
    last_numbers: parts.Count = 0
    ks: list[parts.Samples]
    top_k: parts.Samples
    pass_at_k: dict[int, Estimate]
    g_pass_at_k: dict[str, dict[int, Estimate]] = field(default_factory=dict)
    vote_subsets: dict[int, parts.VoteSubsets]
    table: dict[str, parts.MethodResult] = field(name="methods")
    comparisons: parts.Comparisons
    power: parts.Power
    solve_rates: parts.SolveRates | None
    subsets: list[parts.Subset]
    cost: parts.Cost
    problem_table: parts.ProblemTable
    unscored: dict[str, parts.Samples]
    confidence: dict[str, Confidence] = field(default_factory=dict)
    calibration: Calibration | None = None
    audit: Audit | None = None
    drill_down: parts.DrillDown
    about: parts.About

    def __post_init__(self) -> None:
        for fault in self._faults():
            raise ValueError(fault)

    def _faults(self) -> Iterator[str]:
        """What parts that must fit one another have against it."""
        ks, rows = set(self.ks), self.problem_table
        if self.top_k not in ks:
            yield "top_k: is none of ks"
        if 1 not in self.pass_at_k:
            yield "pass_at_k: has no 1"
        for name, m in self.table.items():
            if not ks <= m.accuracy.keys() & m.tokens.keys() & rows.accuracy.get(name, {}).keys():
                yield f"methods: {name[:60]!r} lacks a number of samples that ks has"
        if len(rows.ids) != self.problems:
            yield f"problem_table: has {len(rows.ids)} items for {self.problems} problems"
        if max(rows.solved) > self.samples_per_problem:
            yield "problem_table: has more correct samples than there are"

    @property
    def methods(self) -> Methods:
        """The methods by scorer, and by selector where they need no scores."""
        found: dict[str, list[parts.MethodResult]] = {}
        for m in self.table.values():
            found.setdefault(m.scorer or m.selector, []).append(m)
        return Methods({name: Deciding(name, of) for name, of in found.items()})

    def write(self, folder: str | PathLike[str]) -> list[Path]:
        """The report as files, see :func:`arts.evaluation.report.write_report`; returns their paths."""
        from arts.evaluation.report import write_report

        return write_report(self, Path(folder))

    def __repr__(self) -> str:
        rows = (f"  {name}: {m.accuracy[self.top_k]}" for name, m in self.table.items())
        return "\n".join([f"Evaluation of {count(self.problems, 'problem')}, {self.top_k} samples each", *rows])


class RunPair(parts.Pair, frozen=True, kw_only=True):
    """A method in run B against the same in run A, with its accuracy in both."""

    a: Estimate
    b: Estimate


class Sides(parts.Part, frozen=True, kw_only=True):
    """A number in both runs, and the difference B − A."""

    a: Estimate
    b: Estimate
    difference: Estimate


class Matching(parts.Part, frozen=True, kw_only=True):
    """Problems of A and B, how many are ``shared``, and on how many of these the samples are the same.

    ``other_question``: shared ids that mean different problems.
    """

    problems: tuple[parts.Count, parts.Count]
    shared: parts.Count
    same_samples: parts.Count
    other_question: parts.Count


class Change(parts.Part, frozen=True, kw_only=True):
    """A setting, version, flag or cost that differs between the runs; None where a run lacks it."""

    what: str
    a: str | None
    b: str | None


class Flip(parts.Part, frozen=True, kw_only=True):
    """A problem that methods decide differently: by method the ``change`` in accuracy, where there is one."""

    id: str
    question: str | None
    same_samples: bool
    solved: tuple[parts.Count, parts.Count]
    change: dict[str, float]


class Comparison(parts.Part, frozen=True, kw_only=True):
    """Run B against run A, at the largest N ``k`` that both have; in pairs of numbers A's is the first.

    ``paired``: on shared problems, else the runs are compared as independent sets. ``only_a`` and ``only_b`` are
    methods that the other one lacks.
    """

    schema: int
    matching: Matching
    paired: bool
    samples_per_problem: tuple[parts.Samples, parts.Samples]
    problems: tuple[parts.Count, parts.Count]
    k: parts.Samples | None
    alpha: parts.Share
    margin: parts.Share | None
    pairs: list[RunPair]
    only_a: list[str]
    only_b: list[str]
    pass_at_k: dict[int, Sides]
    changed: list[Change]
    flipped: list[Flip]
    about: parts.About
