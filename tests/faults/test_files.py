"""Full disks, infinite numbers, and files that are there whole or not at all."""

import contextlib
import math
import threading

import numpy as np
import pytest

from arts.cli import main
from arts.files import replacing, unfinished, write_whole
from arts.problems.base import Problem
from arts.trees.data_set import export_data_set
from arts.trees.exchange import export_trees, import_trees
from arts.trees.store import TreeStore
from arts.trees.tree import Step

from .conftest import fill, rows, said


def use_up(disk):
    with contextlib.suppress(OSError):
        (disk / "rest").write_bytes(b"x" * 10_000_000)


def test_a_full_disk_is_named_and_what_was_written_stays(tiny, monkeypatch, capsys):
    path = fill(tiny / "a.db", 40)
    before = rows(path)
    (tiny / "ballast").write_bytes(b"x" * 100_000)
    monkeypatch.chdir(tiny)
    assert main(["store", "export", "a.db", "--out", "in.jsonl"]) == 0
    use_up(tiny)
    for line in (
        "score a.db length",
        "store export a.db --out t.jsonl",
        "sample congruences:train new.db --n 1 --limit 1",
        "store import in.jsonl --out in.db",
    ):
        said(capsys, line, "the disk is full", "run the same command again", code=1)
    (tiny / "rest").unlink()
    assert rows(path) == before
    assert {p.name for p in tiny.iterdir()} == {"a.db", "in.jsonl", "ballast"}
    assert main(["score", "a.db", "length"]) == 0


def test_training_on_a_full_disk_is_one_line(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = f"train drawn.db --out {tiny / 'v'} --training.updates 4 --training.save-updates 1 --cross-fit 0"
    assert (
        main(["sample", "congruences:train", "drawn.db", "--limit", "8", "--n", "4", "--sampling.temperature", "1"])
        == 0
    )
    capsys.readouterr()
    use_up(tiny)
    assert main(line.split()) == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error and "disk is full" in error.splitlines()[-1]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_infinite_log_probabilities_go_out_and_come_back(tmp_path, form):
    with TreeStore.create(tmp_path / "a.db") as store:
        store.add_problems([Problem(id="p", question="?", answer="1")])
        tree = store.tree("p")
        steps = [Step(text="a", logprob=-math.inf), Step(text="b", logprob=math.inf), Step(text="c")]
        with store.growing(tree):
            tree.add_rollout(steps)
        store.write_scores("p", "v", [0, 1, 2], np.array([math.inf, -math.inf, 1e308]))
        export_trees(store, tmp_path / f"a.{form}")
        if form == "parquet":
            assert export_data_set(store, tmp_path / "set") == 1
    import_trees(tmp_path / f"a.{form}", tmp_path / "b.db").close()
    assert rows(tmp_path / "a.db") == rows(tmp_path / "b.db")
    assert rows(tmp_path / "b.db")[0].logprob == [-math.inf, math.inf, None]


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path):
    write_whole(tmp_path / "a", "before")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a") as place:
        place.write_text("half")
        raise RuntimeError
    unfinished(tmp_path / "a").write_text("of a process that was killed")
    assert (tmp_path / "a").read_text() == "before"
    write_whole(tmp_path / "a", "after")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "after")]


def test_threads_that_write_one_file_leave_a_whole_one(tmp_path):
    told = []

    def write(text):
        try:
            write_whole(tmp_path / "a", text * 100_000)
        except BlockingIOError as error:
            told.append(error)

    threads = [threading.Thread(target=write, args=(c,)) for c in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = (tmp_path / "a").read_text()
    assert len(found) == 100_000 and len(set(found)) == 1 and len(told) < 8
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
