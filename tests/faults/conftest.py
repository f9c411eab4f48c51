"""Commands in children that can be killed, and stores to try them on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from arts.cli import main
from arts.problems.base import Problem, Verdict
from arts.trees.exchange import export_trees
from arts.trees.rows import tree_row
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.trees.tree import Outcome, Step


class Arts:
    """Calls ``arts`` in children of the server: exit code and number of events."""

    def __init__(self, server, errors):
        self._server, self._errors = server, errors
        self.said = ""

    def __call__(self, folder, line, **kill):
        """Run a command line in a folder; what it says on stderr is in ``said``."""
        before = self._errors.stat().st_size
        request = {"arguments": line.split(), "folder": str(folder), **kill}
        print(json.dumps(request), file=self._server.stdin, flush=True)
        found = json.loads(self._server.stdout.readline())
        self.said = self._errors.read_bytes()[before:].decode()
        return found["code"], found["events"]


@pytest.fixture(scope="session")
def arts(tmp_path_factory):
    if not hasattr(os, "fork"):
        pytest.skip("a system without fork")
    here = tmp_path_factory.mktemp("server")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ARTS_CACHE": str(here / "cache")}
    environment.pop("RANK", None)
    with (
        (here / "stderr").open("w") as stderr,
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
        ) as server,
    ):
        yield Arts(server, here / "stderr")


def fill(path, problems=40, solutions=2, config=None):
    """A store of questions, each with right and wrong solutions of two steps."""
    with TreeStore.create(path, config or RunConfig(proposer="m", sample={"model": "bundled"})) as store:
        names = [f"q{i}" for i in range(problems)]
        store.add_problems([Problem(id=n, question=f"solve {i} + 1", answer=str(i)) for i, n in enumerate(names)])
        for i, name in enumerate(names):
            tree = store.tree(name)
            for k in range(solutions):
                right = k % 2 == i % 2
                steps = [
                    Step(text=f"{i} {k}\n", tokens=3, logprob=-1.5),
                    Step(text=f"{right}\n", tokens=2, logprob=-0.25),
                ]
                verdict = Verdict.CORRECT if right else Verdict.INCORRECT
                with store.growing(tree):
                    tree.add_rollout(steps=steps, backbone=k, outcome=Outcome(answer=str(k), verdict=verdict))
    return path


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """A closed store; not to be changed."""
    return fill(tmp_path_factory.mktemp("filled") / "filled.db")


def rows(path):
    """Everything that a store holds."""
    with TreeStore.open(path) as store:
        return [tree_row(p, store.tree(p.id), store.run_config().to_json()) for p in store.problems()]


WRITER = """
import os, sys
from arts.problems.base import Problem
from arts.trees.store import TreeStore
from arts.trees.tree import Step
store = TreeStore.create(sys.argv[1])
store.add_problems([Problem(id=f"other{i}", question=f"{i}?", answer="1") for i in range(201)])
for tree in store.trees():
    with store.growing(tree):
        tree.add_rollout([Step(text="x")])
print("written", flush=True)
if sys.argv[2] == "dies":
    os._exit(9)
sys.stdin.read()
store.close()
"""


def killed(path):
    """A store whose run was killed, so that its rollouts are in its log."""
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), "dies"], check=False, capture_output=True, text=True
    )
    assert done.stdout == "written\n", done.stderr
    assert log(path).stat().st_size > 0
    return path


def log(path):
    return Path(f"{path}-wal")


@pytest.fixture
def exported(filled, tmp_path):
    with TreeStore.open(filled) as store:
        export_trees(store, tmp_path / "in.jsonl")
    return tmp_path / "in.jsonl"


@pytest.fixture
def tiny(tmp_path):
    """A file system of eight megabytes that can be made read-only; only root can have one."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no permission to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def said(capsys, line, *words, code):
    assert main(line.split()) == code
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if not line.startswith("sampling: ")]  # of a slow machine
    assert len(lines) == 1 and lines[0].startswith("arts: "), error
    assert [w for w in words if w not in error] == [], error


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("ARTS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def refused(here, capsys):
    """A command line ends in one line with these words, and makes nothing."""

    def refused(line, *words, code=2):
        before = sorted(Path().rglob("*"))
        try:
            ended = main(line.split())
        except SystemExit as end:
            ended = end.code
        said = capsys.readouterr().err
        assert ended == code, said
        assert said.startswith("arts: ") and said.count("\n") == 1 and len(said) < 2_500, said
        assert [w for w in words if w not in said] == [], said
        assert sorted(Path().rglob("*")) == before

    return refused


SHAPE = {"backbone": "bundled", "mode": "frozen", "reading": "steps"}


def settings(**changed):
    return {"schema": 1, "name": "v", "unit": "log_flow", "architecture": SHAPE, **changed}
