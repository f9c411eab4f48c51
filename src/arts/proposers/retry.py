"""How the failures of an endpoint are treated, class by class: how often to try again, and how long to wait."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, final

LONGEST_WAIT_S = 60.0
"""No single wait is longer, whatever the endpoint asks for."""

FailureKind = Literal[
    "rate limit", "server error", "stalled", "broken", "unreachable", "unreadable", "refused", "hopeless"
]
"""``rate limit``: too many requests (429). ``server error``: any other answer that may change (5xx). ``stalled``: no
answer in time. ``broken``: the connection ended before the answer did. ``unreachable``: no connection came about.
``unreadable``: an answer that cannot be understood. ``refused``: no further try of this request will change it, as
where it is too long. ``hopeless``: no further request will change it; the key, the address or the model is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What follows a failure of one class.

    ``patience`` times the run's ``retries``, rounded up, are the further tries of a request after failures of this
    class. Before the k-th of them lies a random wait of at most ``base_s`` · 2^(k-1) seconds (full jitter), or that
    of the endpoint's ``Retry-After`` where it is longer and ``heeds_retry_after``. ``ends_run``: nothing else can
    succeed either.
    """

    patience: float
    base_s: float = 0.5
    heeds_retry_after: bool = False
    ends_run: bool = False


TREATMENTS: dict[FailureKind, Treatment] = {
    "rate limit": Treatment(patience=2, base_s=1.0, heeds_retry_after=True),
    "server error": Treatment(patience=1, heeds_retry_after=True),
    "stalled": Treatment(patience=0.5),
    "broken": Treatment(patience=1),
    "unreachable": Treatment(patience=1),
    "unreadable": Treatment(patience=0.5),
    "refused": Treatment(patience=0),
    "hopeless": Treatment(patience=0, ends_run=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One try that failed; ``retry_after_s`` is how long the endpoint asks to wait, 0 where it does not."""

    kind: FailureKind
    reason: str
    retry_after_s: float = 0.0


@final
class Patience:
    """What is left of the patience with one request; each class of failure has its own."""

    def __init__(self, retries: int, jitter: Callable[[float, float], float]) -> None:
        self._retries, self._jitter = retries, jitter
        self._seen: Counter[FailureKind] = Counter()

    def wait_s(self, failure: Failure) -> float | None:
        """Seconds to wait before the next try; None to give up."""
        treatment, before = TREATMENTS[failure.kind], self._seen[failure.kind]
        if before >= math.ceil(treatment.patience * self._retries):
            return None
        self._seen[failure.kind] += 1
        wait = self._jitter(0.0, min(treatment.base_s * 2**before, LONGEST_WAIT_S))
        asked = failure.retry_after_s if treatment.heeds_retry_after else 0.0
        return min(max(wait, asked), LONGEST_WAIT_S)


def kind_of_status(status: int) -> FailureKind:
    """The class of an HTTP answer that is not a success."""
    if status in (401, 403, 404, 405):
        return "hopeless"
    if status in (400, 413, 422):
        return "refused"
    return "rate limit" if status == 429 else "server error"


def retry_after_s(header: str, now: datetime | None = None) -> float:
    """Seconds from now that a ``Retry-After`` header asks for, given as seconds or as a date; 0 for anything else."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return 0.0
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (date - (now or datetime.now(UTC))).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0
