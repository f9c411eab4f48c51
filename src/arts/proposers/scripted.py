"""A proposer that recites: for tests, examples and exact probabilities, without a model."""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import pairwise
from typing import final

import numpy as np

from arts.proposers.base import Completion, Request, Sampling
from arts.trees.tree import State


@final
class ScriptedProposer:
    """Knows whole solutions of some questions and their probabilities.

    ``solutions`` maps a question to its solutions and their weights. From a prefix it continues with one of the
    solutions that begin with it, drawn in proportion to the weights, so that the log-probability of every text is
    exact. A token is one character; temperature and top-p are not applied. A state that no solution begins with
    is a failed rollout.
    """

    name = "scripted"
    reproducible = True
    batch_size = 256

    def __init__(self, solutions: Mapping[str, Mapping[str, float]]) -> None:
        self._solutions = solutions

    def distribution(self, state: State) -> dict[str, float]:
        """Probability of each remaining text; empty when no solution begins with the state's."""
        whole = self._solutions.get(state.question, {})
        rest = {text[len(state.text) :]: w for text, w in whole.items() if text.startswith(state.text)}
        total = sum(rest.values())
        return {text: weight / total for text, weight in rest.items() if weight > 0}

    async def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Yield completions in the order of the requests."""
        for index, request in enumerate(requests):
            yield index, self._complete(request, sampling)

    async def aclose(self) -> None:
        """Nothing to release."""

    def _complete(self, request: Request, sampling: Sampling) -> Completion:
        choices = self.distribution(request.state)
        if not choices:
            return Completion(text="", tokens=0, stop="error", error="no scripted solution begins like this")
        texts, weights = zip(*choices.items(), strict=True)
        drawn = np.random.default_rng(request.seed).choice(len(texts), p=weights)
        text = texts[int(drawn)]
        logprobs = self._character_logprobs(text, choices)
        if len(text) >= sampling.max_tokens:
            return _completion(text[: sampling.max_tokens], logprobs[: sampling.max_tokens], ended=False)
        return _completion(text, logprobs, ended=True)

    def _character_logprobs(self, text: str, choices: Mapping[str, float]) -> list[float]:
        """Conditional log-probability of each character and of the end, by counting the mass that agrees so far."""
        masses = [sum(p for t, p in choices.items() if t.startswith(text[:i])) for i in range(len(text) + 1)]
        masses.append(choices[text])
        return [math.log(after / before) for before, after in pairwise(masses)]


def _completion(text: str, logprobs: Sequence[float], *, ended: bool) -> Completion:
    ends = [*range(1, len(text) + 1), *([len(text)] if ended else [])]
    return Completion(
        text=text,
        tokens=len(ends),
        stop="stop" if ended else "length",
        token_ends=tuple(ends),
        token_logprobs=tuple(logprobs),
    )
