"""Requests of many searches on their way to one proposer: together where it wants that, never too many, and fairly."""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import final

from arts.proposers.base import Completion, Proposer
from arts.search.session import Call, Drawing

Mailbox = asyncio.Queue[tuple[Call, Completion]]
"""Results on their way back to one search."""


@final
class Dispatcher:
    """The queue in front of a proposer.

    At most ``proposer.batch_size`` requests are with it at a time; the others wait, and are taken one by one from each
    search in turn. A proposer whose calls do not run side by side gets all that is waiting as one batch, once no
    search adds to it any more.
    """

    def __init__(self, proposer: Proposer, drawing: Drawing, tasks: asyncio.TaskGroup) -> None:
        self._proposer, self._drawing, self._tasks = proposer, drawing, tasks
        self._waiting: dict[Mailbox, deque[Call]] = {}
        self._running: dict[Mailbox, set[asyncio.Task[None]]] = {}
        self._free = proposer.batch_size
        self._batching = False

    def submit(self, mailbox: Mailbox, calls: Sequence[Call]) -> None:
        """Send these as soon as their turn comes; results go to the mailbox."""
        if not calls:
            return
        self._waiting.setdefault(mailbox, deque()).extend(calls)
        if self._proposer.concurrent:
            self._send_some()
        elif not self._batching:
            self._batching = True
            self._tasks.create_task(self._send_batches())

    def cancel(self, mailbox: Mailbox) -> None:
        """Forget what a search is waiting for; requests that are under way alone are broken off."""
        self._waiting.pop(mailbox, None)
        for task in self._running.pop(mailbox, ()):
            task.cancel()

    def _send_some(self) -> None:
        for mailbox, call in self._take(self._free):
            sending = self._send([(mailbox, call)])
            try:
                task = self._tasks.create_task(sending)
            except RuntimeError:  # the run is being broken off
                sending.close()
                self._waiting.clear()
                return
            self._free -= 1
            self._running.setdefault(mailbox, set()).add(task)
            task.add_done_callback(partial(self._returned, mailbox))

    def _returned(self, mailbox: Mailbox, task: asyncio.Task[None]) -> None:
        self._free += 1
        self._running.get(mailbox, set()).discard(task)
        if not task.cancelled() and task.exception() is not None:
            return
        self._send_some()

    async def _send_batches(self) -> None:
        while self._waiting:
            seen = -1
            while seen != (seen := sum(map(len, self._waiting.values()))) and seen < self._free:
                await asyncio.sleep(0)
            await self._send(self._take(self._free))
        self._batching = False

    def _take(self, most: int) -> list[tuple[Mailbox, Call]]:
        """The next calls, one of each search in turn; who was served goes to the end of the queue."""
        if sum(map(len, self._waiting.values())) <= most:
            everything = [(mailbox, call) for mailbox, calls in self._waiting.items() for call in calls]
            self._waiting.clear()
            return everything
        taken: list[tuple[Mailbox, Call]] = []
        while self._waiting and len(taken) < most:
            mailbox = next(iter(self._waiting))
            calls = self._waiting.pop(mailbox)
            taken.append((mailbox, calls.popleft()))
            if calls:
                self._waiting[mailbox] = calls
        return taken

    async def _send(self, batch: Sequence[tuple[Mailbox, Call]]) -> None:
        for whole in (False, True):
            if part := [(mailbox, call) for mailbox, call in batch if call.expansion.whole is whole]:
                sampling = self._drawing.sampling if whole else self._drawing.step_sampling
                async for index, completion in self._proposer.propose([call.request for _, call in part], sampling):
                    mailbox, call = part[index]
                    mailbox.put_nowait((call, completion))
