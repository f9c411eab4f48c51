"""Scores for many searches: states that wait are scored together, in a thread beside the event loop."""

import asyncio
from collections.abc import Sequence
from typing import final

from arts.arrays import Floats
from arts.trees.tree import Tree
from arts.verifiers.base import CountsTokens, Verifier


@final
class ScoringDesk:
    """The queue in front of a verifier: one batch at a time, of all that is waiting."""

    def __init__(self, verifier: Verifier, tasks: asyncio.TaskGroup) -> None:
        self.verifier, self._tasks = verifier, tasks
        self._waiting: list[tuple[Tree, Sequence[int], asyncio.Future[tuple[Floats, tuple[int, int]]]]] = []
        self._working = False

    async def score(self, tree: Tree, nodes: Sequence[int]) -> tuple[Floats, tuple[int, int]]:
        """Scores of some nodes of a tree that does not change meanwhile, shape ``(len(nodes),)``, and what they cost.

        The cost is in verifier tokens, computed and reused; nothing where the verifier does not count them.
        """
        future: asyncio.Future[tuple[Floats, tuple[int, int]]] = asyncio.get_running_loop().create_future()
        self._waiting.append((tree, nodes, future))
        if not self._working:
            self._working = True
            self._tasks.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # others that are ready come along
            batch, self._waiting = self._waiting, []
            scores = await asyncio.to_thread(self.verifier.score, [(tree, nodes) for tree, nodes, _ in batch])
            costs = self.verifier.last_tokens if isinstance(self.verifier, CountsTokens) else [(0, 0)] * len(batch)
            for (_, _, future), found, cost in zip(batch, scores, costs, strict=True):
                if not future.done():
                    future.set_result((found, cost))
        self._working = False
