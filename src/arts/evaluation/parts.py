"""The parts of a result of ``arts evaluate``, as ``report.json`` holds them.

Accuracies, shares and differences of accuracies are fractions, not percent. What is a number of samples or a depth is
a whole number here and text in JSON, as keys there are. None and NaN are ``null``: not defined.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from arts.estimate import Estimate
from arts.problems.base import Verdict

T = TypeVar("T")
Count = Annotated[int, Meta(ge=0)]
Samples = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Kind = Literal["level", "subject", "depth", "answer type", "given", "rare", "extinct"]
"""What a subset is cut by."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a result: immutable, and without other fields than these."""


class MethodResult(Part, frozen=True, kw_only=True):
    """One way of deciding between N samples.

    ``selector`` is its name in the registry, ``scorer`` the verifier or score column that it decides by and
    ``aggregation`` how scores of steps become one, both None where it needs no scores. Of several trained ``seeds``
    accuracies are means and intervals cover them. ``tokens``: mean generated tokens of a problem. The last three are
    at the largest N; ``gap_closed`` is 0 for one sample and 1 for the oracle.
    """

    selector: str
    scorer: str | None
    aggregation: str | None
    seeds: Samples
    accuracy: dict[int, Estimate]
    tokens: dict[int, float]
    minus_majority: Estimate
    minus_random: Estimate
    gap_closed: Estimate


class VoteSubsets(Part, frozen=True, kw_only=True):
    """How many subsets a vote of so many samples is averaged over, and whether these are ``all`` there are."""

    count: Samples
    all: bool


class Equivalence(Part, frozen=True, kw_only=True):
    """Two one-sided tests: the 1 − 2α interval of the difference, and whether it lies within ± ``margin``.

    ``p_adjusted`` is by Holm over all equivalence tests of the result.
    """

    margin: Share
    low: float | None
    high: float | None
    p: Share | None
    equivalent: bool
    p_adjusted: Share | None = None

    def holds(self, alpha: float) -> bool:
        """True where it is shown after the correction."""
        return self.p_adjusted is not None and self.p_adjusted < alpha


class Pair(Part, frozen=True, kw_only=True):
    """A method against another one on the same samples, or in two runs.

    ``wins`` and ``losses`` are problems on which it is above and below, None where problems are not paired.
    ``p_adjusted`` is by Holm over all pairs. ``equivalence`` is None where no margin was given.
    """

    method: str
    k: Samples
    difference: Estimate
    test: str
    wins: Count | None
    losses: Count | None
    p: Share | None
    equivalence: Equivalence | None
    p_adjusted: Share | None = None

    def equivalent(self, alpha: float) -> bool:
        """True where equivalence was tested and holds after the correction."""
        return self.equivalence is not None and self.equivalence.holds(alpha)


class Comparisons(Part, frozen=True, kw_only=True):
    """Every method at every N against one of them."""

    against: str
    margin: Share | None
    alpha: Share
    pairs: list[Pair]


class Power(Part, frozen=True, kw_only=True):
    """The smallest true differences that the run finds with probability ``power``, None where there is none.

    ``paired``: to the method that all are tested against. ``single``: to an accuracy on as many other problems.
    """

    power: Share
    alpha: Share
    paired: Share | None
    single: Share | None


class RateError(Part, frozen=True, kw_only=True):
    """Root mean square by which rates are expected to miss the true ones."""

    observed: float
    shrunk: float


class RateBin(Part, frozen=True, kw_only=True):
    """Shares of the problems whose rates lie above ``low`` and not above ``high``; equal ends are just that rate."""

    low: Share
    high: Share
    observed: Share
    shrunk: Share


class LabelErrors(Part, frozen=True, kw_only=True):
    """How far labels of a zone are from true rates.

    ``belong``: expected share of the problems whose true rate belongs to the zone. ``false``: of labels, the expected
    share on problems that do not. ``missed``: of problems that do, the expected share without the label.
    """

    belong: Estimate
    false: Estimate
    missed: Estimate


class ZoneLabels(Part, frozen=True, kw_only=True):
    """A zone of true ``rates``, how many problems all samples label, and how far off that is (:class:`LabelErrors`)."""

    name: str
    rates: tuple[Share, Share]
    labelled: Estimate
    belong: Estimate
    false: Estimate
    missed: Estimate


class SolveRates(Part, frozen=True, kw_only=True):
    """How often problems are solved, by counts of ``n`` samples and as a beta distribution over problems has it.

    ``prior``: its two parameters. ``reliability``: share of the variance of counted rates that is of true ones.
    """

    prior: tuple[float, float]
    n: Samples
    reliability: float
    error: RateError
    bins: list[RateBin]
    zones: list[ZoneLabels]


class LabelNoise(Part, frozen=True, kw_only=True):
    """Errors of labels by samples, as in :class:`LabelErrors`.

    ``agreement``: of what one half of the samples labels, the share that the other half labels too. ``naive``: by
    method the accuracy on the very samples that label, which is biased.
    """

    false: Estimate
    missed: Estimate
    agreement: Estimate
    naive: dict[str, Estimate]


class Subset(Part, frozen=True, kw_only=True):
    """Every method at ``k`` on some of the problems; ``policy`` is the accuracy there of one sample of another policy.

    ``problems``: how many it holds, a mean over halvings for zones. ``label_noise``: where samples label problems.
    """

    name: str
    kind: Kind
    problems: float
    k: Count
    note: str
    label_noise: LabelNoise | None
    methods: dict[str, Estimate]
    policy: Estimate | None


class Cost(Part, frozen=True, kw_only=True):
    """What the samples took."""

    candidates: Count
    generated_tokens: Count
    tokens_per_candidate: float


class ProblemTable(Part, frozen=True, kw_only=True):
    """What two runs need to be compared problem by problem, in columns.

    ``questions`` and ``samples`` are digests, the latter of all the samples whatever their order; ``solved`` says how
    many of them are correct, ``accuracy`` of every method at every N how likely it decides correctly.
    """

    ids: list[str]
    questions: list[str]
    samples: list[str]
    solved: list[Count]
    accuracy: dict[str, dict[int, list[float]]]

    def __post_init__(self) -> None:
        rows = [row for of in self.accuracy.values() for row in of.values()]
        lengths = {*map(len, (self.ids, self.questions, self.samples)), len(self.solved), *map(len, rows)}
        if len(lengths) > 1:
            raise ValueError(f"columns of different lengths: {', '.join(map(str, sorted(lengths)))}")
        if len(set(self.ids)) < len(self.ids):
            raise ValueError("ids: has one id twice")

    def part(self, rows: Sequence[int]) -> "ProblemTable":
        """Some of the problems."""

        def of(column: list[T]) -> list[T]:
            return [column[i] for i in rows]

        return ProblemTable(
            ids=of(self.ids),
            questions=of(self.questions),
            samples=of(self.samples),
            solved=of(self.solved),
            accuracy={name: {k: of(x) for k, x in by_k.items()} for name, by_k in self.accuracy.items()},
        )


class ShownSample(Part, frozen=True, kw_only=True):
    """One sample of a problem; ``scores`` by scorer, where it has one that is finite."""

    text: str
    answer: str | None
    verdict: Verdict
    reason: str
    tokens: Count
    scores: dict[str, float]


class ShownProblem(Part, frozen=True, kw_only=True):
    """One problem with all its samples; ``shrunk`` is the estimate of its true solve rate."""

    id: str
    question: str
    key: str
    level: int | str | None
    subject: str | None
    solved: Count
    samples: list[ShownSample]
    shrunk: Share | None = None


class DrillDown(Part, frozen=True, kw_only=True):
    """Some ``of`` so many problems."""

    of: Count
    problems: list[ShownProblem]


class About(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Where a result is from and how it is made again; what is not known is empty.

    ``source_kind``: a store, or a log and its format. ``verdicts``: whose they are. ``proposer``: what sampled.
    ``command`` made the result, ``commands`` are all from sampling on. ``versions`` by package. ``score_unit``: what
    score columns were taken for. ``settings``: what else there is to know, by name.
    """

    source_kind: str = ""
    verdicts: str = ""
    proposer: str = ""
    command: str = ""
    commands: list[str] = []
    versions: dict[str, str] = {}
    seed: int | None = None
    score_unit: str = ""
    settings: dict[str, str | int | float] = {}
