"""A store that goes away, or that two write, ends the run that would lose something."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from arts.errors import StoreError
from arts.files import replacing, replacing_folder
from arts.problems.base import Problem
from arts.trees.exchange import import_trees
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore

from .conftest import WRITER, fill, rows, said


@pytest.mark.parametrize("replaced", [False, True])
def test_a_store_that_goes_away_ends_its_run(filled, tmp_path, replaced):
    path = fill(tmp_path / "a.db", 3)
    with pytest.raises(StoreError, match="was removed or replaced"), TreeStore.open(path, write=True) as store:
        store.write_scores("q0", "v", [0], np.array([1.0]))
        path.unlink()
        if replaced:
            shutil.copy(filled, path)
        store.write_scores("q1", "v", [0], np.array([1.0]))
    if replaced:
        assert rows(path) == rows(filled)


def test_a_store_that_went_away_after_the_last_rollout_is_missed_too(tmp_path):
    path = fill(tmp_path / "a.db", 3)
    with pytest.raises(StoreError, match="was removed"), TreeStore.open(path, write=True) as store:
        store.write_scores("q0", "v", [0], np.array([1.0]))
        path.unlink()


def test_sampling_into_a_store_that_goes_away_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write = TreeStore.write_rollout

    def removing(store, *args):
        write(store, *args)
        store.path.unlink(missing_ok=True)

    monkeypatch.setattr(TreeStore, "write_rollout", removing)
    said(capsys, "sample congruences:train a.db --limit 3 --n 2", "a.db: was removed or replaced", code=1)


def test_two_writers_of_one_store_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, "a.db", "waits"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout.readline() == "written\n"
        said(capsys, "score a.db length", "a.db: another process is writing to this store", code=1)
        assert len(rows(Path("a.db"))) == 201  # and reading goes on
        writer.stdin.close()
        assert writer.wait(60) == 0
    assert [p.name for p in Path().iterdir()] == ["a.db"]


def test_two_that_make_one_store_do_not_replace_each_other(exported, tmp_path):
    path = tmp_path / "a.db"
    with TreeStore.building(path, RunConfig()) as store:
        with pytest.raises(StoreError, match="another process is writing"):
            import_trees(exported, path)
        store.add_problems([Problem(id="mine", question="?", answer="1")])
    assert [row.id for row in rows(path)] == ["mine"]
    with pytest.raises(StoreError, match="is there already"):
        TreeStore.create(path)
    with pytest.raises(StoreError, match="is there already"), TreeStore.building(path, RunConfig()):
        pass
    assert [row.id for row in rows(path)] == ["mine"]


def test_two_that_write_one_file_are_told(tmp_path, filled, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with replacing(Path("a.jsonl")) as place:
        place.write_text("mine")
        said(capsys, f"store export {filled} --out a.jsonl", "another process is writing this (a.jsonl)", code=1)
    assert Path("a.jsonl").read_text() == "mine"
    with replacing_folder(Path("set")) as place:
        (place / "x").write_text("mine")
        said(capsys, f"store export {filled} --out set", "another process is writing this (set)", code=1)
    assert [p.name for p in Path("set").iterdir()] == ["x"]


def test_many_processes_that_make_one_store_leave_a_whole_one(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "a.db"), "closes"]
    many = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    ended = [(p.communicate(timeout=120), p.returncode) for p in many]
    assert sorted(code for _, code in ended) == [0, 1, 1, 1], ended
    assert len(rows(tmp_path / "a.db")) == 201
    assert [p.name for p in tmp_path.iterdir()] == ["a.db"]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_run_that_can_be_taken_up_again(arts, tmp_path, name):
    number = getattr(signal, name)
    drawn = "--limit 6 --n 2 --sampling.temperature 1 --sampling.max-tokens 46 --backend.batch-size 4"
    code, events = arts(tmp_path, f"sample congruences:train whole.db {drawn}")
    code, _ = arts(tmp_path, f"sample congruences:train a.db {drawn}", event=events // 2, kill=number)
    assert code == 128 + number
    assert f"arts: ended by {name}; what was finished is kept" in arts.said
    assert sorted(p.name for p in tmp_path.glob("a.db*")) == ["a.db"]  # its log is in it
    assert (
        0
        < sum(len(row.rollouts) for row in rows(tmp_path / "a.db"))
        < sum(len(row.rollouts) for row in rows(tmp_path / "whole.db"))
    )
    assert arts(tmp_path, f"sample congruences:train a.db {drawn}")[0] == 0
    assert [r.rollouts for r in rows(tmp_path / "a.db")] == [r.rollouts for r in rows(tmp_path / "whole.db")]
