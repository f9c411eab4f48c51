"""What tasks in the background bring, as it comes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def waiting(queue: asyncio.Queue[T]) -> list[T]:
    """Everything that is in a queue now, in order."""
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def arrived(queue: asyncio.Queue[T]) -> list[T]:
    """Everything that is in a queue, in order, at least one item."""
    return [await queue.get(), *waiting(queue)]


async def stream(work: Callable[[Callable[[T], None]], Coroutine[Any, Any, None]]) -> AsyncGenerator[list[T], None]:
    """What ``work`` hands over: all of it that is there by the time the consumer asks again, at least one item.

    A failure of the work comes out behind what it has handed over; the work ends with the iterator.
    """
    queue: asyncio.Queue[T | None] = asyncio.Queue()
    task = asyncio.create_task(work(queue.put_nowait))
    task.add_done_callback(lambda _: queue.put_nowait(None))
    items: list[T | None] = []
    try:
        while None not in items[-1:]:
            items = await arrived(queue)
            if ready := [item for item in items if item is not None]:
                yield ready
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose first failure comes out as itself, not inside an exception group."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
