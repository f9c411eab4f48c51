"""The Proposer protocol: the frozen language model as a source of continuations. It never picks between them."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self, runtime_checkable

from arts.config import require_at_least
from arts.errors import UsageError
from arts.trees.tree import State

CompletionStop = Literal["stop", "length", "error"]
"""``stop``: the model ended its text (end-of-sequence) or a stop string was met. ``length``: ``max_tokens`` ran
out. ``error``: the backend failed; the reason is in :attr:`Completion.error`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How text is drawn from the proposer.

    ``temperature`` 0 is greedy. ``top_p`` keeps the smallest set of tokens with at least that much probability.
    ``max_tokens`` limits the generated tokens of one completion. ``stop`` strings end it (and are not part of
    the text). Log-probabilities are always those of the untempered model (temperature 1, no truncation).

    >>> Sampling(temperature=0.8, max_tokens=256).top_p
    0.95
    """

    temperature: float = 0.6
    top_p: float = 0.95
    max_tokens: int = 512
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise UsageError(f"temperature is {self.temperature}; use 0 (greedy) or more")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p is {self.top_p}; use a number in (0, 1]")
        require_at_least(self, 1, "max_tokens")
        if "" in self.stop:
            raise UsageError("a stop string is empty; every text would end at once")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Continue ``state`` once; all randomness of this completion comes from ``seed`` (0 ≤ seed < 2**63).

    ``max_tokens``, 1 or more, is this request's own limit of generated tokens; it holds where it is less than the
    sampling's.
    """

    state: State
    seed: int
    max_tokens: int | None = None

    def limit(self, sampling: Sampling) -> int:
        """At most so many tokens are generated for this request."""
        return sampling.max_tokens if self.max_tokens is None else min(self.max_tokens, sampling.max_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What came back for one request.

    ``text`` continues ``state.text`` (end-of-sequence markers removed). ``tokens`` counts generated tokens,
    the end marker included. ``token_ends[i]`` is the length of ``text`` in characters after token i and
    ``token_logprobs[i]`` its log-probability in nats under the untempered model; both are empty when the
    backend gives none, otherwise both have ``tokens`` entries. The tokens of a stop string are among them.

    ``boundary``: it ended at one of the stop strings, so that the model may go on after it; also true where stop
    strings were given and the backend cannot say whether the model ended by itself. ``prompt_tokens`` of prompt and
    prefix were read (billed) for it, as the backend counts them; 0 where it does not say.
    ``refused``: an error of this request alone, which says nothing of the backend; it is too long, say.
    """

    text: str
    tokens: int
    stop: CompletionStop
    token_ends: tuple[int, ...] = ()
    token_logprobs: tuple[float, ...] = ()
    error: str = ""
    boundary: bool = False
    prompt_tokens: int = 0
    refused: bool = False

    @classmethod
    def failed(cls, error: str, *, refused: bool = False) -> Self:
        """What came back is only why there is nothing."""
        return cls(text="", tokens=0, stop="error", error=error, refused=refused)


@runtime_checkable
class Proposer(Protocol):
    """A frozen language model.

    Laws: exactly one completion per request; a failing request yields a completion with ``stop == "error"``
    and never an exception (only a backend that is unusable as a whole raises); an empty batch yields nothing;
    the same request yields the same text where :attr:`reproducible` is true.

    >>> from arts.proposers.scripted import ScriptedProposer
    >>> isinstance(ScriptedProposer({"1 + 1?": {"2": 1.0}}), Proposer)
    True
    """

    name: str
    """Model name, as stores and reports give it."""
    reproducible: bool
    """True when the same batch of requests always yields bit-identical completions."""
    batch_size: int
    """How many requests the backend likes to have at once."""
    concurrent: bool
    """True where separate calls of :meth:`propose` run side by side; else requests are better put into one."""

    def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Yield ``(index of request, completion)`` as they finish, in any order."""

    async def aclose(self) -> None:
        """Release the model or the connections."""


def find_stop(text: str, stop: Sequence[str]) -> tuple[int, int] | None:
    """Where the stop string that is complete first begins and ends in ``text``; None when there is none."""
    found = [(at + len(s), at) for s in stop if (at := text.find(s)) >= 0]
    if not found:
        return None
    end, start = min(found)
    return start, end


async def as_finished(
    complete: Callable[[Request], Awaitable[Completion]], requests: Sequence[Request]
) -> AsyncIterator[tuple[int, Completion]]:
    """Complete all requests side by side; yields as they finish, and what is left is cancelled with the iterator."""

    async def indexed(index: int, request: Request) -> tuple[int, Completion]:
        return index, await complete(request)

    tasks = [asyncio.create_task(indexed(i, r)) for i, r in enumerate(requests)]
    try:
        for finished in asyncio.as_completed(tasks):
            yield await finished
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
