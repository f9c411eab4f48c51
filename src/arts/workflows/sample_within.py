"""Sample trees to learn from within a budget of generated tokens."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from arts.errors import UsageError
from arts.files import StrPath
from arts.problems.base import Problem
from arts.sampling.budget import LEAST_SOLUTIONS, TreePlan, plan_trees
from arts.sampling.grow import Spent
from arts.trees.store import open_store
from arts.workflows.blocking import blocking
from arts.workflows.sample import sample_async
from arts.workflows.tasks import named_problems

PILOT = 16
"""Problems whose solutions tell how long one is."""


async def sample_within_async(
    problems: StrPath | Sequence[Problem],
    store: StrPath,
    budget_tokens: int,
    *,
    limit: int | None = None,
    offset: int = 0,
    on_plan: Callable[[TreePlan], None] = lambda plan: None,
    **how: Any,
) -> Spent:
    """Bring a store to what a budget of generated tokens is best spent on; returns what all its trees have cost.

    The first problems are sampled to learn how long a solution is; they count. ``limit`` problems after ``offset`` are
    the most that is taken; ``on_plan`` is told what was chosen, see :func:`arts.sampling.budget.plan_trees`. ``how``
    is the rest of :func:`arts.sample`. The same call again resumes the run, a larger budget extends it.

    Raises:
        UsageError: the budget is not positive, the store has forks, or as for :func:`arts.sample`.
        EndpointError: the model fails as a whole; what has succeeded is in the store.
    """
    if budget_tokens < 1:
        raise UsageError(f"budget_tokens is {budget_tokens}; use at least 1")
    _, wanted = named_problems(problems, limit=limit, offset=offset)
    few, least = min(PILOT, len(wanted)), max(LEAST_SOLUTIONS, _solutions(Path(store)))
    known, held = _lengths(Path(store), wanted)
    if len(known) < few * LEAST_SOLUTIONS:
        await sample_async(problems, store, limit=few, offset=offset, n=least, fork_probability=0.0, **how)
        known, held = _lengths(Path(store), wanted)
    plan = plan_trees(budget_tokens, float(np.mean(known)), len(wanted), held, least)
    on_plan(plan)
    return await sample_async(
        problems, store, limit=plan.problems, offset=offset, n=plan.n, fork_probability=0.0, **how
    )


def _solutions(path: Path) -> int:
    """Solutions of each problem that a store was sampled with."""
    if not path.exists():
        return 0
    with open_store(path) as store:
        sample = store.run_config().sample or {}
    if sample.get("fork_probability"):
        raise UsageError(f"{path}: has forks, on which no budget is spent; use another store")
    return int(sample.get("n") or 0)


def _lengths(path: Path, problems: Sequence[Problem]) -> tuple[list[int], int]:
    """Tokens of the first solutions of the first problems, the same whenever they are asked for; problems held."""
    if not path.exists():
        return [], 0
    first = [p.id for p in problems[:PILOT]]
    with open_store(path) as store:
        held = {p.id for p in store.problems()}
        trees = [store.tree(name) for name in first if name in held]
    return [r.tokens for t in trees for r in t.backbones[:LEAST_SOLUTIONS]], len(held)


sample_within = blocking(sample_within_async)
