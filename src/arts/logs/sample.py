"""One sample of another tool, and the problem that it answers: what every format is read into."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from arts.problems.base import Problem

Score = float | list[float | None]
"""Of a whole sample, or of each of its steps, None where a step has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sampled solution as a log has it.

    ``body`` is its text, or its steps where the log gives these. ``answer`` is what the tool has read off it, which
    may be all of it, ``correct`` the log's verdict, ``tokens`` how many were generated, ``logprob`` the log-probability
    of the whole in nats; None where the log says nothing. ``cut``: the log says that the token limit cut it. ``place``
    names file and row for errors.
    """

    place: str
    body: str | tuple[str, ...]
    answer: str | None = None
    correct: bool | None = None
    tokens: int | None = None
    logprob: float | None = None
    cut: bool = False
    scores: Mapping[str, Score] = field(default_factory=dict)

    @property
    def read_off(self) -> str | None:
        """The answer, unless it is the whole text: then the tool has read nothing off."""
        return None if self.answer == self.body else self.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledProblem:
    """A problem, with an empty key where the log has none, and its samples; ``place`` is where it was met first."""

    place: str
    problem: Problem
    samples: list[Sample]
