"""What a search may spend, and what it has spent."""

from dataclasses import dataclass
from typing import Literal, final

from arts.config import require_at_least

StopReason = Literal[
    "complete", "settled", "generated tokens", "proposer calls", "verifier tokens", "deadline", "nothing succeeded"
]
"""``complete``: the strategy had nothing more to ask. ``settled``: nothing further could, or is likely to, change the
decision. Then the three budgets and the deadline. ``nothing succeeded``: every request failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of one problem's search; None is no limit.

    Generated tokens and proposer calls are never exceeded: a request is sent only when all that it may generate is
    left. A state is not scored when its text could cost more verifier tokens than are left.

    >>> Budget(generated_tokens=4000, seconds=20.0).proposer_calls is None
    True
    """

    generated_tokens: int | None = None
    proposer_calls: int | None = None
    verifier_tokens: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        require_at_least(self, 1, "generated_tokens", "proposer_calls", "verifier_tokens")
        require_at_least(self, 0, "seconds")


@dataclass(slots=True, kw_only=True)
class Spend:
    """What one problem's search has cost.

    ``generated_tokens`` came back from the proposer, failed and unused draws included; a call that was cancelled may
    have generated more, which nobody knows. ``prompt_tokens`` are those of prompts and prefixes that the backend
    says it read; 0 where it does not say. Verifier tokens were computed (new) or taken from memory (reused).
    """

    generated_tokens: int = 0
    proposer_calls: int = 0
    failed_calls: int = 0
    cancelled_calls: int = 0
    prompt_tokens: int = 0
    verifier_tokens_new: int = 0
    verifier_tokens_reused: int = 0
    seconds: float = 0.0


@final
class Ledger:
    """A budget with what is spent and what is promised to requests that are under way."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.spend = Spend()
        self._promised = 0
        self._under_way = 0

    def admit(self, limit: int, reserve: int = 0) -> int:
        """Tokens granted to one more request that would take ``limit``: all of them, or what is left to the last one.

        0 when it cannot be sent now. ``reserve`` tokens, and a call for them, are left untouched. Which requests are
        granted what depends on their order and on what the earlier ones cost, not on when they come back.
        """
        most_calls, most_tokens = self.budget.proposer_calls, self.budget.generated_tokens
        if most_calls is not None and self.spend.proposer_calls + (reserve > 0) >= most_calls:
            return 0
        if most_tokens is not None:
            left = most_tokens - self.spend.generated_tokens - self._promised - reserve
            if left < limit and self._under_way:
                return 0
            limit = min(limit, left)
        if limit <= 0:
            return 0
        self.spend.proposer_calls += 1
        self._promised += limit
        self._under_way += 1
        return limit

    def settle(self, granted: int, generated: int, prompt: int = 0, *, failed: bool = False) -> None:
        """A request came back."""
        self._promised -= granted
        self._under_way -= 1
        self.spend.generated_tokens += generated
        self.spend.prompt_tokens += prompt
        self.spend.failed_calls += failed

    def cancel(self, granted: int) -> None:
        """A request will not come back."""
        self._promised -= granted
        self._under_way -= 1
        self.spend.cancelled_calls += 1

    def exhausted(self) -> StopReason:
        """Which limit refuses a request when none is under way."""
        calls = self.budget.proposer_calls
        return "proposer calls" if calls is not None and self.spend.proposer_calls >= calls else "generated tokens"

    def affords_scoring(self, most: int) -> bool:
        """Whether states that cost at most so many verifier tokens may be scored."""
        limit = self.budget.verifier_tokens
        return limit is None or self.spend.verifier_tokens_new + most <= limit
