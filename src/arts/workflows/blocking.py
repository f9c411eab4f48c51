"""Functions that wait for a model, for callers that do not await."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def blocking(wait: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The same function, to be called without ``await``.

    It works inside a running event loop too, as in a notebook: there it runs on a thread of its own, and the loop
    stands still until it is done.

    >>> async def double_async(x: int) -> int:
    ...     return 2 * x
    >>> blocking(double_async)(21)
    42
    """

    @wraps(wait)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(wait(*args, **kwargs))
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, wait(*args, **kwargs)).result()

    run.__name__ = run.__qualname__ = wait.__name__.removesuffix("_async")
    return run


def like(other: Callable[..., Any], function: F, *, first: str = "", returns: type | None = None) -> F:
    """The function with the signature of another one, whose parameters it hands on.

    ``first`` is the name of its own first parameter, a text, in place of the other's; ``returns`` what it returns.
    """
    signature = inspect.signature(other)
    parameters = list(signature.parameters.values())
    if first:
        parameters[0] = parameters[0].replace(name=first, annotation=str)
    function.__signature__ = signature.replace(parameters=parameters, return_annotation=returns)  # type: ignore[attr-defined]
    return function
