"""A proposer that recites: for tests, examples and exact probabilities, without a model."""

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import pairwise
from typing import final

import numpy as np

from arts.proposers.base import Completion, Request, Sampling, find_stop
from arts.trees.tree import State


@final
class ScriptedProposer:
    """Knows whole solutions of some questions and their probabilities.

    ``solutions`` maps a question to its solutions and their weights. From a prefix it continues with one of the
    solutions that begin with it, drawn in proportion to the weights, so that the log-probability of every text is
    exact. A token is one character; temperature and top-p are not applied. A state that no solution begins with
    is a failed rollout.

    >>> model = ScriptedProposer({"1 + 1?": {"It is 2": 3.0, "It is 3": 1.0}})
    >>> model.distribution(State(problem_id="p", question="1 + 1?", text="It is "))
    {'2': 0.75, '3': 0.25}
    """

    name = "scripted"
    reproducible = True
    batch_size = 256
    concurrent = False

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
            return Completion.failed("no scripted solution begins like this")
        texts, weights = zip(*choices.items(), strict=True)
        drawn = np.random.default_rng(request.seed).choice(len(texts), p=weights)
        text, limit = texts[int(drawn)], request.limit(sampling)
        start, end = find_stop(text[:limit], sampling.stop) or (limit, limit)
        boundary = start < end
        tokens = min(end, len(text) + 1)
        return Completion(
            text=text[:start],
            tokens=tokens,
            stop="stop" if boundary or len(text) < limit else "length",
            token_ends=tuple(min(i, start, len(text)) for i in range(1, tokens + 1)),
            token_logprobs=tuple(_character_logprobs(text, choices, tokens)),
            boundary=boundary,
            prompt_tokens=len(request.state.question) + len(request.state.text),
        )


def _character_logprobs(text: str, choices: Mapping[str, float], tokens: int) -> list[float]:
    """Conditional log-probability of each character and of the end, by counting the mass that agrees so far."""
    upto = min(tokens, len(text))
    masses = [sum(p for t, p in choices.items() if t.startswith(text[:i])) for i in range(upto + 1)]
    if tokens > len(text):
        masses.append(choices[text])
    return [math.log(after / before) for before, after in pairwise(masses)]
