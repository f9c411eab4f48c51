"""The parts of a result that are there where they were asked for: calibration of step scores, audit of the grading."""

from typing import Literal

from msgspec import field

from arts.estimate import Estimate
from arts.evaluation.parts import Count, Part
from arts.problems.base import Verdict
from arts.verifiers.base import Unit


class CountedStates(Part, frozen=True, kw_only=True):
    """Inner states whose continuations were counted: ``observed`` is their mean success."""

    states: Count
    rollouts: Count
    observed: Estimate


class ReferenceSummary(Part, frozen=True, kw_only=True):
    """What step scores are held against; ``lost`` probes failed or could not be graded."""

    kind: Literal["probes", "own trees"]
    states: Count
    problems: Count
    rollouts: Count
    correct: Count
    lost: Count
    least_rollouts: Count
    observed: Estimate
    by_depth: dict[int, CountedStates]


class Measures(Part, frozen=True, kw_only=True):
    """What the scores of some states say about success.

    ``spearman``: rank correlation with counted success. ``spread``: squared error of the best constant.
    """

    states: Count
    problems: Count
    observed: Estimate
    spearman: Estimate
    spread: Estimate
    predicted: Estimate
    calibration_error: Estimate
    bins: Count
    squared_error: Estimate


class ReliabilityPoint(Part, frozen=True, kw_only=True):
    """A bin of states: mean predicted and counted success."""

    states: Count
    predicted: float
    observed: Estimate


class Reliability(Part, frozen=True, kw_only=True):
    """A line of the reliability plot: states from the first to the last of two ``depths``."""

    depths: tuple[Count, Count]
    states: Count
    points: list[ReliabilityPoint]


class Residual(Part, frozen=True, kw_only=True):
    """By how much nodes differ from what their children add up to."""

    nodes: Count
    mean: Estimate
    root_mean_square: Estimate


class Residuals(Part, frozen=True, kw_only=True):
    """Residuals of all nodes, and by depth."""

    overall: Residual
    by_depth: dict[int, Residual]


class ScorerCalibration(Part, frozen=True, kw_only=True):
    """One scorer; ``residuals`` are of ``value`` and, where it scores flows, of ``flow``."""

    unit: Unit
    overall: Measures
    by_depth: dict[int, Measures]
    reliability: list[Reliability]
    residuals: dict[str, Residuals]


class Calibration(Part, frozen=True, kw_only=True):
    """Scores of steps held against the counted success of the states they score."""

    reference: ReferenceSummary
    most_bins: Count
    least_own_rollouts: Count
    scorers: dict[str, ScorerCalibration]


class CoveragePoint(Part, frozen=True, kw_only=True):
    """Accuracy where only the surest share (``coverage``) of the problems is answered, all at ``least`` so sure."""

    coverage: float
    least: float
    accuracy: Estimate


class Confidence(Part, frozen=True, kw_only=True):
    """Of one scorer, whose best sample of each problem is chosen: its success probability, and how right it is."""

    predicted: Estimate
    accuracy: Estimate
    calibration_error: Estimate
    curve: list[CoveragePoint]


class CountedShare(Part, frozen=True, kw_only=True):
    """How many samples, and the mean over problems of their share."""

    count: Count
    share: Estimate


class Reason(Part, frozen=True, kw_only=True):
    """Why, and how often."""

    reason: str
    count: Count


class Ungraded(CountedShare, frozen=True, kw_only=True):
    """Samples without a verdict, with the most frequent reasons."""

    reasons: list[Reason]


class Tally(Part, frozen=True, kw_only=True, omit_defaults=True):
    """How often a judge gave each verdict; ``reasons`` of no verdict are known of graders alone."""

    correct: Count
    incorrect: Count
    ungraded: Count
    no_verdict: Count = field(name="no verdict")
    reasons: list[Reason] | None = None


class Example(Part, frozen=True, kw_only=True):
    """An answer on which two judges differ, what each of them says, and how many ``samples`` have it."""

    id: str
    key: str
    answer: str | None
    verdicts: dict[str, Verdict]
    samples: Count


class Disagreement(Part, frozen=True, kw_only=True):
    """Two judges on the samples that both have judged: ``count`` differ.

    ``table`` has by the verdict of the first judge, then of the second, how often both occur together. ``kappa`` is
    Cohen's; None where chance alone must agree.
    """

    judges: tuple[str, str]
    samples: Count
    count: Count
    problems: Count
    share: Estimate
    kappa: float | None
    table: dict[Verdict, dict[Verdict, Count]]
    examples: list[Example]


class OddKey(Part, frozen=True, kw_only=True):
    """An answer key, and what a grader says of it."""

    id: str
    key: str
    verdict: Verdict
    reason: str


class OddKeys(Part, frozen=True, kw_only=True):
    """Keys that are not correct when a solution states them, and keys that are right only in their own spelling."""

    failing: list[OddKey]
    only_by_spelling: list[OddKey]


class Failures(Part, frozen=True, kw_only=True):
    """Rollouts that failed, with the most frequent reasons."""

    count: Count
    reasons: list[Reason]


class LongAnswer(Part, frozen=True, kw_only=True):
    """An answer, of which only the first ``characters`` are kept if there are many."""

    id: str
    answer: str
    characters: Count


class Speed(Part, frozen=True, kw_only=True):
    """Measured times of a grader: of its start, of a first pass over different pairs, of one over all samples."""

    start_seconds: float
    pairs: Count
    pairs_per_second: float | None
    samples: Count
    again_per_second: float | None


class Audit(Part, frozen=True, kw_only=True):
    """What can be said against the grading; problems without a key are only counted."""

    problems: Count
    samples: Count
    without_key: Count
    without_answer: CountedShare
    ungraded: Ungraded
    judges: dict[str, Tally]
    disagreements: list[Disagreement]
    golds: dict[str, OddKeys]
    failed_rollouts: Failures
    longest_answers: list[LongAnswer]
    throughput: dict[str, Speed]
