"""Each way in which a store lost something, or gave what was not its own."""

import contextlib
import functools
import math
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from arts.cli import main
from arts.errors import InputError, StoreError
from arts.files import replacing, replacing_folder, unfinished, write_whole
from arts.problems.base import Problem
from arts.trees import database
from arts.trees.data_set import export_data_set
from arts.trees.exchange import export_trees, import_trees
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.trees.tree import Step

from .conftest import fill, rows

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

OTHER = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in ("PRAGMA user_version = 1", "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)"):
    connection.execute(statement)
os._exit(0)
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


def said(capsys, line, *words, code):
    assert main(line.split()) == code
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if not line.startswith("sampling: ")]  # of a slow machine
    assert len(lines) == 1 and lines[0].startswith("arts: "), error
    assert [w for w in words if w not in error] == [], error


# logs of other stores


@pytest.mark.parametrize("rest", [["-wal"], ["-wal", "-shm"]])
def test_the_log_of_another_store_is_not_merged_into_a_new_one(exported, filled, tmp_path, rest):
    killed(tmp_path / "old.db")
    for ending in rest:
        shutil.copy(f"{tmp_path / 'old.db'}{ending}", f"{tmp_path / 'new.db'}{ending}")
    before = log(tmp_path / "new.db").read_bytes()
    import_trees(exported, tmp_path / "new.db").close()
    assert rows(tmp_path / "new.db") == rows(filled)
    assert not log(tmp_path / "new.db").exists()
    assert Path(f"{log(tmp_path / 'new.db')}.old").read_bytes() == before  # it may be of a store that was moved


def test_a_store_that_was_moved_away_gets_its_log_back(tmp_path):
    killed(tmp_path / "a.db").rename(tmp_path / "kept.db")
    fill(tmp_path / "a.db", 3)
    with pytest.raises(InputError, match=r"kept\.db-wal"):
        TreeStore.open(tmp_path / "kept.db")
    Path(tmp_path / "a.db-wal.old").rename(tmp_path / "kept.db-wal")
    assert len(rows(tmp_path / "kept.db")) == 201 and len(rows(tmp_path / "a.db")) == 3


@pytest.mark.parametrize("write", [False, True])
def test_the_log_of_another_store_is_not_merged_into_one_that_was_put_in_its_place(filled, tmp_path, write):
    killed(tmp_path / "a.db")
    shutil.copy(filled, tmp_path / "a.db")
    TreeStore.open(tmp_path / "a.db", write=write).close()
    assert rows(tmp_path / "a.db") == rows(filled)


def test_a_log_is_left_beside_the_database_of_another_program(tmp_path):
    subprocess.run([sys.executable, "-c", OTHER, str(tmp_path / "b.db")], check=True)
    before = log(tmp_path / "b.db").read_bytes()
    for write in (False, True):
        with pytest.raises(InputError, match="not a tree store"):
            TreeStore.open(tmp_path / "b.db", write=write)
    assert log(tmp_path / "b.db").read_bytes() == before


def test_opening_a_killed_store_without_writing_loses_nothing(tmp_path):
    TreeStore.open(killed(tmp_path / "a.db"), write=True).close()
    assert len(rows(tmp_path / "a.db")) == 201
    assert [p.name for p in tmp_path.iterdir()] == ["a.db"]


def test_a_log_that_cannot_be_folded_stays(tmp_path, monkeypatch):
    class Full(sqlite3.Connection):
        def execute(self, statement, *of):
            if statement.startswith("PRAGMA wal_checkpoint"):
                raise sqlite3.OperationalError("disk full")
            return super().execute(statement, *of)

    killed(tmp_path / "a.db")
    with monkeypatch.context() as patch:
        patch.setattr(database.sqlite3, "connect", functools.partial(sqlite3.connect, factory=Full))
        with TreeStore.open(tmp_path / "a.db", write=True) as store:
            store.add_problems([Problem(id="more", question="?", answer="1")])
    assert log(tmp_path / "a.db").exists()
    assert len(rows(tmp_path / "a.db")) == 202


def test_what_a_killed_run_has_written_is_there(tmp_path):
    assert len(rows(killed(tmp_path / "a.db"))) == 201
    with TreeStore.open(tmp_path / "a.db", write=True) as store:
        store.add_problems([Problem(id="more", question="?", answer="1")])
    assert len(rows(tmp_path / "a.db")) == 202
    assert [p.name for p in tmp_path.iterdir()] == ["a.db"]


# copies


@pytest.mark.parametrize("line", ["store info c.db", "store export c.db --out c.jsonl", "score c.db length"])
def test_a_copy_without_its_log_is_refused(tmp_path, monkeypatch, capsys, line):
    monkeypatch.chdir(tmp_path)
    shutil.copy(killed(tmp_path / "a.db"), "c.db")
    before = Path("c.db").read_bytes()
    Path("c.db").chmod(0o400)
    said(capsys, line, "c.db: was copied without c.db-wal", "copy both files", code=2)
    assert Path("c.db").read_bytes() == before and not log("c.db").exists()
    shutil.copy("a.db-wal", "c.db-wal")
    Path("c.db").chmod(0o600)
    assert len(rows(Path("c.db"))) == 201


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


def test_a_store_on_a_read_only_disk_is_read_whole_or_refused(filled, tiny, tmp_path):
    shutil.copy(filled, tiny / "whole.db")
    killed(tmp_path / "a.db")
    for name in ("a.db", "a.db-wal"):
        shutil.copy(tmp_path / name, tiny / name)
    shutil.copy(tmp_path / "a.db", tiny / "alone.db")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny)], check=True)
    assert rows(tiny / "whole.db") == rows(filled)
    with pytest.raises(StoreError, match="permission to write; copy both"):
        TreeStore.open(tiny / "a.db")
    with pytest.raises(InputError, match=r"alone\.db-wal"):
        TreeStore.open(tiny / "alone.db")


# stores that go away


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


# two writers


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


# full disks


def use_up(disk):
    with contextlib.suppress(OSError):
        (disk / "rest").write_bytes(b"x" * 10_000_000)


def test_a_full_disk_is_named_and_what_was_written_stays(tiny, monkeypatch, capsys):
    path = fill(tiny / "a.db", 40)
    before = rows(path)
    (tiny / "ballast").write_bytes(b"x" * 100_000)
    monkeypatch.chdir(tiny)
    use_up(tiny)
    for line in (
        "score a.db length",
        "store export a.db --out t.jsonl",
        "sample congruences:train new.db --n 1 --limit 1",
    ):
        said(capsys, line, "the disk is full", "run the same command again", code=1)
    (tiny / "rest").unlink()
    assert rows(path) == before
    assert {p.name for p in tiny.iterdir()} == {"a.db", "ballast"}
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


# infinite numbers


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


# files


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


# signals


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
