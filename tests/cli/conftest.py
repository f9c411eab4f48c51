import contextlib

import pytest

from arts.trees.store import TreeStore


@pytest.fixture
def interrupted(monkeypatch):
    """``with interrupted(n):`` the user presses Ctrl-C when the store has taken n rollouts."""

    @contextlib.contextmanager
    def interrupt(after):
        commit, left = TreeStore.commit, iter(range(after))

        def counting(*args, **options):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return commit(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(TreeStore, "commit", counting)
            yield

    return interrupt
