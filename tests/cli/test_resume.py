"""A run of ``arts sample`` may die at any moment and be taken up again; in the end it is as if it had never died.

Run as a script, this file is a server that has the libraries loaded: it reads command lines, forks a child for each,
and has it die by SIGKILL at a chosen statement that writes to the store, in a transaction or between two.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys

import pytest

from arts.trees.rows import tree_row
from arts.trees.store import TreeStore

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")

N, PROBLEMS, KILLS = 4, 12, 10
READS = ("SELECT", "PRAGMA")


def serve():
    """One JSON line ``[arguments, statement to die at or null]`` in, one exit code out."""
    from arts.cli import main
    from arts.proposers.load import load_proposer
    from arts.proposers.options import BackendOptions
    from arts.proposers.prompt import PromptFormat

    load_proposer("bundled", prompt=PromptFormat(), options=BackendOptions())  # imports all that the children need
    for line in sys.stdin:
        arguments, last = json.loads(line)
        child = os.fork()
        if child == 0:
            if last is not None:
                die_at(last)
            sys.stdout = sys.stderr
            code = main(arguments)
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def die_at(last):
    """Kill this process when it begins the ``last``-th statement that is more than reading."""
    connect, left = sqlite3.connect, iter(range(last - 1, -1, -1))

    def count(statement):
        if not statement.startswith(READS) and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(*args, **options):
        connection = connect(*args, **options)
        connection.set_trace_callback(count)
        return connection

    sqlite3.connect = counted


class Sampler:
    """Calls ``arts sample`` in children of the server."""

    def __init__(self, server, errors):
        self._server, self._errors = server, errors

    def __call__(self, store, *flags, last=None):
        """The exit code, negative for a signal, and what was said on stderr."""
        before = self._errors.stat().st_size
        arguments = ["sample", "--problems", "congruences:train", "--store", str(store)]
        arguments += ["--limit", str(PROBLEMS), "--n", str(N)]
        arguments += ["--sampling.temperature", "1", "--sampling.max-tokens", "46", "--fork-probability", "0.5"]
        arguments += ["--backend.batch-size", "8", "--backend.device", "cpu", *flags]
        print(json.dumps([arguments, last]), file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline()), self._errors.read_bytes()[before:].decode()


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    errors = tmp_path_factory.mktemp("sampler") / "stderr"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
        ) as server,
    ):
        yield Sampler(server, errors)


@pytest.fixture(scope="module")
def whole(sample, tmp_path_factory):
    """A store of an uninterrupted run."""
    path = tmp_path_factory.mktemp("whole") / "whole.db"
    assert sample(path)[0] == 0
    return path


def rows(path):
    with TreeStore.open(path) as store:
        return [tree_row(p, store.tree(p.id), store.run_config().to_json()) for p in store.problems()]


def solutions(path):
    """Every rollout by its place in the plan, with all its text and numbers."""
    with TreeStore.open(path) as store:
        return {
            (t.problem_id, *r.key): (t.solution(r.leaf), r.tokens, r.stop, t.outcomes[r.leaf])
            for t in store.trees()
            for r in t.rollouts
        }


def test_a_run_that_was_killed_ten_times_ends_as_if_it_had_not_been(sample, whole, tmp_path):
    path, moments = tmp_path / "killed.db", random.Random(0)
    assert sample(path, last=3)[0] == -signal.SIGKILL
    assert not path.exists()  # it died before the store was whole
    for _ in range(KILLS - 1):
        assert sample(path, last=moments.randint(1, 40))[0] == -signal.SIGKILL
    survived = solutions(path)
    assert 0 < len(survived) < len(solutions(whole))
    assert sample(path)[0] == 0
    assert list(tmp_path.iterdir()) == [path]
    assert rows(path) == rows(whole)


def test_a_complete_run_samples_nothing_more(sample, whole):
    before = rows(whole)
    assert sample(whole)[0] == 0
    assert rows(whole) == before


def test_larger_numbers_keep_what_is_there(sample, tmp_path):
    path = tmp_path / "grown.db"
    assert sample(path, "--limit", "3", "--n", "1")[0] == 0
    old = solutions(path)
    assert sample(path, "--limit", "4")[0] == 0
    new = solutions(path)
    assert old.items() <= new.items()
    assert sum(pivot == 0 for _, _, pivot in new) == 4 * N


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--sampling.temperature", "0.5"], ["sampling", "0.5", "another store"]),
        (["--seed", "1"], ["seed = 0, not 1", "another store"]),
        (["--splitter", "paragraph"], ["splitter = newline, not paragraph", "another store"]),
        (["--n", str(N - 1)], ["larger n"]),
    ],
)
def test_another_setting_on_the_same_store_is_refused(sample, whole, flags, words):
    before = rows(whole)
    code, said = sample(whole, *flags)
    assert code == 2
    assert said.startswith(f"arts: {whole}")
    assert said.count("\n") == 1
    assert [w for w in words if w not in said] == []
    assert rows(whole) == before


if __name__ == "__main__":
    serve()
