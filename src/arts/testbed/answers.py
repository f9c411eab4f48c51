"""Functions that answer in a model's place, for :mod:`arts.testbed.endpoint`."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

from arts.proposers.base import Completion, Request, Sampling, find_stop
from arts.proposers.scripted import ScriptedProposer
from arts.trees.tree import State

Answer = Callable[[str, str, int, int, tuple[str, ...]], Completion]
"""Completion of (question, text so far, seed, max_tokens, stop strings); a pure function."""

WORDS = ("so ", "we ", "take ", "both ", "sides ", "and ", "see ", "one ", "more ", "term ", "than ", "before ")


def recited(solutions: Mapping[str, Mapping[str, float]]) -> Answer:
    """The answers of a :class:`ScriptedProposer`."""
    script = ScriptedProposer(solutions)

    def answer(question: str, text: str, seed: int, max_tokens: int, stop: tuple[str, ...]) -> Completion:
        state = State(problem_id="", question=question, text=text)
        return script._complete(Request(state=state, seed=seed), Sampling(max_tokens=max_tokens, stop=stop))

    return answer


def filler(lines: int = 8) -> Answer:
    r"""Solutions of ``lines`` lines with 5 to 30 words, the last line a ``\boxed`` digit.

    A token is a word or a line end. What follows depends on question, text and seed.
    """

    def line(rng: random.Random, last: bool) -> list[str]:
        if last:
            return [f"\\boxed{{{rng.randrange(10)}}}"]
        return [*rng.choices(WORDS, k=rng.randint(5, 30)), "\n"]

    def answer(question: str, text: str, seed: int, max_tokens: int, stop: tuple[str, ...]) -> Completion:
        rng = random.Random(repr((question, text, seed)))
        written, pieces, met = text.count("\n"), list[str](), None
        while written < lines and len(pieces) < max_tokens and not met:
            written += 1
            pieces = (pieces + line(rng, written == lines))[:max_tokens]
            met = find_stop("".join(pieces), stop)
        ended = not met and len(pieces) < max_tokens
        return _told([*pieces, ""] if ended else pieces, met, ended, rng, prompt=len(f"{question} {text}".split()))

    return answer


def _told(
    pieces: Sequence[str], met: tuple[int, int] | None, ended: bool, rng: random.Random, prompt: int
) -> Completion:
    """The completion of these tokens, up to the stop string that was met."""
    text, begins = "".join(pieces), accumulate(map(len, pieces), initial=0)
    start, end = met or (len(text), math.inf)
    ends = [min(at + len(piece), start) for at, piece in zip(begins, pieces, strict=False) if at < end]
    return Completion(
        text=text[:start],
        tokens=len(ends),
        stop="stop" if met or ended else "length",
        token_ends=tuple(ends),
        token_logprobs=tuple(-rng.random() for _ in ends),
        boundary=bool(met),
        prompt_tokens=prompt,
    )
