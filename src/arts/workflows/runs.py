"""The store of a run, made or taken up again."""

from collections.abc import Sequence
from pathlib import Path

from arts.config import Settings, check_same_run
from arts.errors import UsageError
from arts.problems.base import Problem
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore, open_store

GROWS = ("n", "fork_probability", "max_forks_per_trajectory")
"""Settings that may differ when a store is taken up again: larger values add rollouts and change none."""
UNLIMITED = float("inf")


def open_run(path: Path, config: RunConfig, problems: Sequence[Problem]) -> TreeStore:
    """The store of this run: a new one, or the existing one when its run was the same but for its size.

    Raises:
        UsageError: the store was made with other settings.
    """
    if not path.exists():
        store = TreeStore.create(path, config)
    else:
        store = open_store(path, write=True)
        try:
            before, now = (_sizes(known.sample or {}) for known in (store.run_config(), config))
            check_same_run(path, before, now, may_grow=GROWS, remedy="use the same value or another store")
        except UsageError:
            store.close()
            raise
        store.set_run_config(config)
    store.add_problems(problems)
    return store


def _sizes(settings: Settings) -> Settings:
    """With no limit of forks as the largest one."""
    return settings | {"max_forks_per_trajectory": settings.get("max_forks_per_trajectory") or UNLIMITED}
