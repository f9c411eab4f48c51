"""A log beside a store, and a store without its log, cost nothing and add nothing."""

import functools
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from arts.errors import InputError, StoreError
from arts.problems.base import Problem
from arts.trees import database
from arts.trees.exchange import import_trees
from arts.trees.store import TreeStore

from .conftest import fill, killed, log, rows, said

OTHER = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in ("PRAGMA user_version = 1", "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)"):
    connection.execute(statement)
os._exit(0)
"""


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
