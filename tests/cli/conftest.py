import contextlib

import pytest

from arts.trees.store import TreeStore


@pytest.fixture
def interrupted(monkeypatch):
    """``with interrupted(n):`` the user presses Ctrl-C when the store has taken n rollouts."""

    @contextlib.contextmanager
    def interrupt(after):
        write, left = TreeStore.write_rollout, iter(range(after))

        def counting(*args, **options):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return write(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(TreeStore, "write_rollout", counting)
            yield

    return interrupt
