"""The reward of reinforcement learning: what the grader says, and nothing else."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, final

from arts.problems.base import Grader, Verdict


@final
class GraderReward:
    """1 for a correct solution, 0 for any other, in the form of a TRL reward function.

    A solution without an end mark was cut at the token limit and has stated no answer, as in sampled trees. One that
    the grader can give no verdict on counts 0 too; the share of those is logged as ``ungraded``.
    """

    __name__ = "reward"

    def __init__(self, grader: Grader, ends: Collection[int]) -> None:
        self._grader, self._ends = grader, frozenset(ends)

    def __call__(
        self,
        *,
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        key: Sequence[str],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        """Rewards of completions: texts, or the assistant's turn where the prompt is a conversation."""
        texts = [c if isinstance(c, str) else c[-1]["content"] for c in completions]
        ended = [bool(ids) and ids[-1] in self._ends for ids in completion_ids]
        answers = [self._grader.extract(t) if e else None for t, e in zip(texts, ended, strict=True)]
        verdicts = [grade.verdict for grade in self._grader.grade(list(zip(key, answers, strict=True)))]
        log_metric("ungraded", sum(v is Verdict.UNGRADED for v in verdicts) / max(len(verdicts), 1))
        return [float(v is Verdict.CORRECT) for v in verdicts]
