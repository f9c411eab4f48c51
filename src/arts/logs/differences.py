"""Where the verdicts of a log and those of our grader differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arts.logs.sample import SampledProblem
from arts.problems.base import Grader, Verdict
from arts.text import visible
from arts.trees.tree import Tree

REMARKABLE = 0.01
"""Share of samples above which a difference is said."""
EXAMPLES = 3
SHOWN = 40
"""Characters of an answer, a key or an id that an example shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One sample that the log and the grader judge differently; ``logged`` is the log's verdict."""

    problem: str
    key: str
    answer: str | None
    logged: bool

    def __str__(self) -> str:
        said, ours = ("right", "wrong") if self.logged else ("wrong", "right")
        answer = "no answer" if self.answer is None else f"'{_short(self.answer)}'"
        return f"{_short(self.problem)}, {answer} for the key '{_short(self.key)}': log {said}, grader {ours}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """All of them, and how many samples have a verdict of both; ``grader`` is the name of the one."""

    found: Sequence[Difference]
    of: int
    grader: str

    def remark(self, *, believed: bool) -> str:
        """One sentence with examples, "" below ``REMARKABLE``; ``believed``: the log's verdicts count."""
        if len(self.found) <= REMARKABLE * self.of:
            return ""
        share = len(self.found) / self.of
        counts = "those of the log count" if believed else "those of the grader count; --verdicts log for the others"
        examples = dict.fromkeys(map(str, self.found))  # of equal ones the first
        return (
            f"the log's verdicts and the {self.grader} grader differ on {len(self.found):,} of {self.of:,} samples"
            f" ({share:.1%}), {counts}. For example {'; '.join(list(examples)[:EXAMPLES])}."
        )


def differences(problems: Sequence[SampledProblem], trees: Sequence[Tree], grader: Grader) -> Differences:
    """The samples with a verdict of the log that the grader, asked about their answers again, does not share.

    What either of them does not judge is not counted.
    """
    asked = [
        (sampled.problem.id, sampled.problem.answer, tree.outcomes[rollout.leaf].answer, sample.correct)
        for sampled, tree in zip(problems, trees, strict=True)
        if sampled.problem.answer
        for sample, rollout in zip(sampled.samples, tree.backbones, strict=True)
        if sample.correct is not None
    ]
    grades = grader.grade([(key, answer) for _, key, answer, _ in asked]) if asked else []
    both = [(one, g) for one, g in zip(asked, grades, strict=True) if g.verdict is not Verdict.UNGRADED]

    def differing() -> Iterator[Difference]:
        for (name, key, answer, logged), grade in both:
            if logged != (grade.verdict is Verdict.CORRECT):
                yield Difference(problem=name, key=key, answer=answer, logged=logged)

    return Differences(found=list(differing()), of=len(both), grader=grader.name)


def _short(text: str) -> str:
    line = " ".join(visible(text).split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
