"""The parts of a diagnosis, with the names that report.json has. Shares and accuracies are in [0, 1]."""

from typing import Generic, Literal, TypeVar

from msgspec import Struct

from arts.estimate import Estimate

Change = Literal["gained", "squeezed", "extinct", "unresolved"]
Prior = tuple[float, float]
"""Parameters a and b of a beta distribution of success rates."""
ByK = dict[int, Estimate]
"""Estimates by number of samples."""
Value = TypeVar("Value")


class Both(Struct, Generic[Value], frozen=True, kw_only=True):
    """One value for each of the two models."""

    base: Value
    rl: Value


class Contrast(Both[Estimate], frozen=True, kw_only=True):
    """A mean of both models and the paired difference RL − base."""

    difference: Estimate


class Matching(Struct, frozen=True, kw_only=True):
    """How many problems are on both sides.

    ``by_question`` of the ``matched`` have equal questions, the others equal ids. ``other_question`` have one id and
    different questions and were matched all the same; ``disbelieved`` were not.
    """

    matched: int
    by_question: int
    only_base: int
    only_rl: int
    other_question: int
    disbelieved: int


class Origin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the samples of one side come from, in words; None where unknown."""

    source: str | None = None
    kind: str | None = None
    verdicts: str | None = None
    sampling: str | None = None


class SideResult(Origin, frozen=True, kw_only=True, omit_defaults=True):
    """One side: its origin and its size; ``least_samples`` and ``most_samples`` are of one problem.

    ``last_numbers`` of the answers are but the last number of a text that states none.
    """

    samples: int
    least_samples: int
    most_samples: int
    ungraded_share: float
    last_numbers: int = 0


class Crossing(Struct, frozen=True, kw_only=True):
    """From which k on the base model stays ahead; None is later than every k, see :func:`curves.crossing`."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    share_crossing: float
    share_base_throughout: float
    share_not_ahead: float


class Ladder(Struct, frozen=True, kw_only=True):
    """What is by numbers of samples ``ks`` up to ``top_k``, over the ``problems`` that have so many on both sides."""

    ks: list[int]
    top_k: int
    problems: int


class Curves(Ladder, frozen=True, kw_only=True):
    """pass@k of both models and what is lost and gained at equal k, see :func:`curves.curves`.

    ``left_out`` problems have fewer than ``top_k`` samples on one side. ``crossing`` is None where ``top_k`` is 1.
    """

    left_out: int
    base: ByK
    rl: ByK
    difference: ByK
    lost: ByK
    gained: ByK
    room: ByK
    crossing: Crossing | None


class McNemar(Struct, frozen=True, kw_only=True):
    """Problems that one model alone has solved with its one sample, and the exact p-value."""

    base_only: int
    rl_only: int
    p: float


class Plan(Struct, frozen=True, kw_only=True):
    """What more samples would do.

    ``expected`` is how many problems the test would resolve, by samples per side. ``power``, ``level`` and ``most``
    (samples per side) are what :attr:`ProblemRow.needed` rests on.
    """

    power: float
    level: float
    most: int
    prior: Both[Prior]
    expected: dict[int, float]


class ChangesResult(Struct, frozen=True, kw_only=True):
    """Problems of each class, and how they were told; ``mcnemar`` and ``plan`` are None where they do not apply."""

    rate: float
    test: str
    counts: dict[Change, int]
    tested: int
    level: float
    mcnemar: McNemar | None
    plan: Plan | None


class ProblemRow(Struct, frozen=True, kw_only=True):
    """One problem: correct and all samples of each side, and what the test says.

    ``adjusted`` is None where no outcome could be significant. ``rl_at_most`` is the 95 % upper bound of a rate that
    was never seen, else None. ``needed`` samples per side would show the change; None where none of those tried would.
    """

    id: str
    question: str
    base: tuple[int, int]
    rl: tuple[int, int]
    p: float
    adjusted: float | None
    change: Change
    rl_at_most: float | None
    needed: int | None


class Recovery(Ladder, frozen=True, kw_only=True):
    """pass@k of both models on problems that RL has lost, ``lost`` of ``problems`` on average."""

    lost: float
    base: ByK
    rl: ByK


class Diversity(Ladder, frozen=True, kw_only=True, omit_defaults=True):
    """How many different things samples say; ``first_steps`` is None where solutions have one step."""

    answers: dict[int, Contrast]
    entropy: Contrast
    majority_share: Contrast
    majority_correct: Contrast
    texts: Contrast
    correct_texts: Contrast
    first_steps: Contrast | None = None
