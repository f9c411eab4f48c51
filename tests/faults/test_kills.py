"""A command that is killed loses nothing and leaves no part under a final name; done again, it comes out equal.

``ARTS_TEST_KILLS`` says how often each is killed: 2 by default, 20 by ``make test-faults``.
"""

import os
import random
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from arts.trees.store import TreeStore

from .conftest import fill

KILLS = int(os.environ.get("ARTS_TEST_KILLS", "2"))
DRAWN = "--sampling.temperature 1 --sampling.max-tokens 46 --backend.batch-size 8 --backend.device cpu"
SMALL = "--architecture.reader-width 8 --training.updates 6 --training.save-updates 2 --cross-fit 0"


@dataclass(frozen=True)
class Command:
    """A command line and the final names of what it makes.

    ``grows``: a store that is there in part while the run is not over; other results are whole when they have names.
    """

    line: str
    makes: tuple[str, ...]
    grows: bool = False


COMMANDS = {
    "sample": Command(f"sample congruences:train new.db --limit 6 --n 2 {DRAWN}", ("new.db",), True),
    "solve": Command(
        f"solve --problems congruences:test --limit 3 --n 2 --store new.db --strategy best_of_n {DRAWN}",
        ("new.db",),
        True,
    ),
    "score": Command("score in.db length", ("in.db",), True),
    "train": Command(f"train drawn.db --out new {SMALL}", ("new/verifier.json", "new/verifier.safetensors")),
    "evaluate": Command("evaluate in.db --verifiers length likelihood --n 2 --grader exact --out new", ("new",)),
    "import": Command("store import in.jsonl --out new.db", ("new.db",)),
    "export to JSON Lines": Command("store export in.db --out new.jsonl", ("new.jsonl",)),
    "export to Parquet": Command("store export in.db --out new.parquet", ("new.parquet",)),
    "export to a data set": Command("store export in.db --out new", ("new",)),
}


@pytest.fixture(scope="module")
def inputs(arts, tmp_path_factory):
    """What the commands start from."""
    folder = tmp_path_factory.mktemp("inputs")
    fill(folder / "in.db")
    assert arts(folder, "store export in.db --out in.jsonl")[0] == 0
    assert arts(folder, f"sample congruences:train drawn.db --limit 12 --n 4 {DRAWN}")[0] == 0, arts.said
    return folder


def result(folder, names):
    """By name what was made, as far as it is there: rollouts of stores, bytes of other files."""
    found = {}
    for name in names:
        here = folder / name
        for path in [here, *here.rglob("*")] if here.is_dir() else [here]:
            if path.is_file() and not path.name.startswith("."):
                found[str(path.relative_to(folder))] = solutions(path) if path.suffix == ".db" else path.read_bytes()
    return found


def solutions(path):
    """Every rollout and score of a store by its place."""
    if not path.exists():
        return {}
    with TreeStore.open(path) as store:
        trees = list(store.trees())
    drawn = {
        (t.problem_id, *r.key): (t.solution(r.leaf), r.tokens, r.stop, t.outcomes.get(r.leaf))
        for t in trees
        for r in t.rollouts
    }
    return drawn | {(t.problem_id, s): str(column) for t in trees for s, column in t.scores.items()}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_kills(arts, inputs, tmp_path, command):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        shutil.copytree(inputs, folder)
    started = time.monotonic()
    code, events = arts(whole, command.line)
    assert code == 0, arts.said
    took, wanted = time.monotonic() - started, result(whole, command.makes)
    assert wanted
    moments, before = random.Random(0), {}
    for number in range(KILLS):
        timed = number % 4 == 3
        moment = {"seconds": moments.uniform(0, took)} if timed else {"event": moments.randint(1, events)}
        code, _ = arts(killed, command.line, **moment)
        assert code in (0, -signal.SIGKILL), arts.said
        if command.grows:
            now = solutions(killed / command.makes[0])
            assert before.items() <= now.items() <= solutions(whole / command.makes[0]).items()
            before = now
        else:
            assert result(killed, command.makes).items() <= wanted.items()
        if code == 0:  # it was over before that moment
            for name in command.makes:
                if name != "in.db":
                    remove(killed / name)
            before = {}
    code, _ = arts(killed, command.line)
    assert code == 0, arts.said
    assert result(killed, command.makes) == wanted
    assert {str(p.relative_to(killed)) for p in killed.rglob("*")} == {
        str(p.relative_to(whole)) for p in whole.rglob("*")
    }


def remove(path: Path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
