"""Telling a backend that fails now and then from one that is dead."""

from collections.abc import Callable
from typing import Generic, TypeVar, final

from arts.errors import EndpointError
from arts.proposers.base import Completion

MAX_FAILURES_IN_A_ROW = 32
"""After this many failures without one success between them the backend is taken to be unusable."""

MAX_FAILURES_AT_THE_END = 8
"""After so many a run that has nothing more to ask does not end well either."""

T = TypeVar("T")


@final
class FailureWatch(Generic[T]):
    """Keeps failures back until a success of the same run shows that the backend is alive: then they are data.

    Failures of a backend that turns out to be dead are dropped, so that the next run asks again.
    """

    def __init__(self, backend: str, keep: Callable[[T], object]) -> None:
        self._backend, self._keep = backend, keep
        self._held: list[T] = []
        self._alive = False
        self._reason = ""

    def came_back(self, item: T, completion: Completion) -> None:
        """Keep the item that holds this completion, now or later; a refused request says nothing of the backend.

        Raises:
            EndpointError: too many failures in a row.
        """
        if completion.stop == "error" and not completion.refused:
            return self.failure(item, completion.error)
        if completion.stop != "error":
            self.success()
        self._keep(item)

    def success(self) -> None:
        """Count a success: the failures that were held back are kept now."""
        self._alive = True
        for failure in self._held:
            self._keep(failure)
        self._held.clear()

    def failure(self, failure: T, reason: str) -> None:
        """Hold a failure back.

        Raises:
            EndpointError: too many times in a row.
        """
        self._held.append(failure)
        self._reason = reason
        if len(self._held) >= MAX_FAILURES_IN_A_ROW:
            raise self._unusable()

    def close(self) -> None:
        """No more requests will come.

        Raises:
            EndpointError: none has succeeded, or none of the last ones.
        """
        if self._held and (not self._alive or len(self._held) >= MAX_FAILURES_AT_THE_END):
            raise self._unusable()
        self.success()

    def _unusable(self) -> EndpointError:
        return EndpointError(
            f"{self._backend}: {len(self._held)} requests in a row failed, the last one with: {self._reason};"
            " mend the backend and run the same command again"
        )
