"""The tree store: one SQLite file per run, append-only, one transaction per finished rollout."""

import contextlib
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Self, final

import numpy as np

from arts.arrays import Floats
from arts.errors import InputError, StoreError
from arts.files import StrPath
from arts.problems.base import Problem, Verdict
from arts.text import quoted
from arts.trees.database import SCHEMA, SCHEMA_VERSION, check_version, connect, lock, translated
from arts.trees.runs import RunConfig
from arts.trees.splitting import SplitterName
from arts.trees.tree import Outcome, Rollout, Step, Tree


class TreeStore:
    """All trees of one run in one file; use as a context manager.

    The file is the only state of a run: what :meth:`growing` and the other writing methods have returned from
    survives the death of the process, and nothing else does. Nodes and rollouts are never changed or removed.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        connection.row_factory = sqlite3.Row
        self._connection: sqlite3.Connection | None = connection
        self._release = contextlib.ExitStack()
        self._written = False
        self._find_problems()

    def __repr__(self) -> str:
        return f"TreeStore({quoted(self.path)}: {len(self._positions)} problem{'s' * (len(self._positions) != 1)})"

    @classmethod
    def open(cls, path: StrPath, *, write: bool = False) -> Self:
        """Open an existing store; see :func:`open_store`."""
        path = Path(path)
        if path.is_dir():
            raise InputError(f"{path}: is a folder; a store is a file, choose another name")
        if not path.is_file():
            raise InputError(f"{path}: no such store; make one with: arts sample PROBLEMS {path}")
        with contextlib.ExitStack() as opened, translated(path):
            if write:
                opened.callback(os.close, lock(path))
            connection = connect(path, write=write)
            opened.callback(connection.close)  # before the lock is released: closing a file drops SQLite's own locks
            check_version(path, connection)
            store = cls(path, connection)
            store._release = opened.pop_all()
            return store

    @classmethod
    def create(cls, path: StrPath, config: RunConfig | None = None) -> Self:
        """Make a new store that remembers the configuration of its run; the file must not exist."""
        path = Path(path)
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.new")
            unfinished.unlink(missing_ok=True)
            connection = sqlite3.connect(unfinished)
            connection.executescript("PRAGMA journal_mode=DELETE; BEGIN;" + SCHEMA)
            rows = {"schema": str(SCHEMA_VERSION), "config": (config or RunConfig()).to_json()}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", rows.items())
            connection.commit()
            connection.close()
            unfinished.rename(path)  # a store is there whole or not at all
        return cls.open(path, write=True)

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"{self.path}: this store is closed; read its trees before closing it, or open it again")
        return self._connection

    def run_config(self) -> RunConfig:
        """What the store remembers of its run."""
        (text,) = self._db.execute("SELECT value FROM meta WHERE key = 'config'").fetchone()
        return RunConfig.from_json(text, str(self.path))

    def set_run_config(self, config: RunConfig) -> None:
        """Replace what is remembered (a run that was extended)."""
        if config == self.run_config():
            return
        with self._transaction():
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'config'", (config.to_json(),))

    def add_problems(self, problems: Sequence[Problem]) -> None:
        """Append the problems that are not there yet; one that is must be the same.

        Raises:
            InputError: a problem's id is taken by a different question or answer.
        """
        known = {p.id: p for p in self.problems()}
        there = set(known)
        for p in problems:
            old = known.setdefault(p.id, p)
            if (old.question, old.answer) != (p.question, p.answer):
                raise InputError(
                    f"{self.path}: problem '{p.id}' is there with another text; give every problem an id of its"
                    " own, or use a new store"
                )
        fresh = [asdict(p) for name, p in known.items() if name not in there]
        if not fresh:
            return
        with self._transaction():
            columns = ":id, :question, :answer, :solution, :subject, :level, :source"
            self._db.executemany(f"INSERT INTO problems VALUES (NULL, {columns})", fresh)
        self._find_problems()

    def problems(self) -> list[Problem]:
        """All problems in the order they were added."""
        columns = "id, question, answer, solution, subject, level, source"
        return [Problem(**row) for row in self._db.execute(f"SELECT {columns} FROM problems ORDER BY position")]

    @contextlib.contextmanager
    def growing(self, tree: Tree) -> Iterator[None]:
        """Write the rollout that is added to ``tree`` within, in one transaction."""
        before = len(tree)
        yield
        self.write_rollout(tree, tree.rollouts[-1], range(before, len(tree)))

    def write_rollout(self, tree: Tree, rollout: Rollout, nodes: Iterable[int]) -> None:
        """Write a rollout that is in the tree already, its outcome, and the ``nodes`` that are new with it.

        All in one transaction.
        """
        at = self._positions[tree.problem_id]
        columns = (tree.parent, tree.text, tree.tokens, tree.logprob, tree.stop)
        rows = [(at, i, *(column[i] for column in columns)) for i in nodes]  # SQLite keeps NaN as NULL
        outcome = tree.outcomes.get(rollout.leaf)
        with self._transaction():
            self._db.executemany("INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            self._db.execute(
                "INSERT INTO rollouts SELECT :at, coalesce(max(number) + 1, 0), :backbone, :pivot, :leaf, :tokens,"
                " :stop, :error FROM rollouts WHERE problem = :at",
                {"at": at, **asdict(rollout)},
            )
            if outcome is not None:
                self._db.execute(
                    "INSERT OR IGNORE INTO outcomes VALUES (:at, :leaf, :answer, :verdict, :reason)",
                    {"at": at, "leaf": rollout.leaf, **asdict(outcome)},
                )

    def tree(self, problem_id: str) -> Tree:
        """The tree of one problem as it stands on disk (only a root when nothing was sampled)."""
        at = self._positions[problem_id]
        (question,) = self._db.execute("SELECT question FROM problems WHERE position = ?", (at,)).fetchone()
        tree = Tree(problem_id=problem_id, question=question)
        for parent, text, tokens, logprob, stop in self._db.execute(
            "SELECT parent, text, tokens, logprob, stop FROM nodes WHERE problem = ? ORDER BY node", (at,)
        ):
            step = Step(text=text, tokens=tokens, logprob=math.nan if logprob is None else logprob)
            tree.add(parent, step, stop)
        rollouts = "SELECT backbone, pivot, leaf, tokens, stop, error FROM rollouts WHERE problem = ? ORDER BY number"
        tree.rollouts = [Rollout(**row) for row in self._db.execute(rollouts, (at,))]
        for node, answer, verdict, reason in self._db.execute(
            "SELECT node, answer, verdict, reason FROM outcomes WHERE problem = ?", (at,)
        ):
            tree.outcomes[node] = Outcome(answer=answer, verdict=Verdict(verdict), reason=reason)
        self._load_scores(tree, at)
        return tree

    def trees(self) -> "StoredTrees":
        """Trees of all problems, in order."""
        return StoredTrees(self)

    def write_scores(self, problem_id: str, verifier: str, nodes: Iterable[int], values: Floats) -> None:
        """Write a verifier's scores of some nodes, NaN for none; earlier ones of the same verifier are replaced."""
        at = self._positions[problem_id]
        rows = [(at, int(n), verifier, float(v)) for n, v in zip(nodes, values, strict=True)]
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)", rows)

    def scored(self, problem_id: str, verifier: str) -> int:
        """How many nodes of a tree have a score of this verifier (one without a value included)."""
        row = self._db.execute(
            "SELECT count(*) FROM scores WHERE problem = ? AND verifier = ?", (self._positions[problem_id], verifier)
        ).fetchone()
        return int(row[0])

    def close(self) -> None:
        """Fold the write-ahead log into the file, so that readers need nothing else, and release it."""
        if self._connection is None:
            return
        with contextlib.suppress(sqlite3.Error):
            if self._written:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._db.execute("PRAGMA journal_mode=DELETE")
        self._connection = None
        self._release.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _find_problems(self) -> None:
        self._positions = dict(self._db.execute("SELECT id, position FROM problems ORDER BY position").fetchall())

    def _load_scores(self, tree: Tree, at: int) -> None:
        rows = self._db.execute(
            "SELECT verifier, node, score FROM scores WHERE problem = ? ORDER BY verifier, node", (at,)
        )
        for verifier, scored in groupby(rows, key=itemgetter(0)):
            _, nodes, values = zip(*scored, strict=True)
            tree.set_scores(verifier, nodes, np.array(values, dtype=np.float64))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated(self.path):
            if not self._written:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._written = True
            with self._db as db:  # commits, or rolls back if anything is raised
                db.execute("BEGIN IMMEDIATE")
                yield


@final
class StoredTrees:
    """The trees of a store, read from it one by one each time they are iterated; the store has to stay open."""

    def __init__(self, store: TreeStore) -> None:
        self.store = store

    def __len__(self) -> int:
        return len(self.store._positions)

    def __iter__(self) -> Iterator[Tree]:
        return map(self.store.tree, list(self.store._positions))

    def __repr__(self) -> str:
        return f"StoredTrees({self.store!r})"

    @property
    def splitter(self) -> SplitterName | None:
        """What cut the solutions into steps; None where the store does not say."""
        return self.store.run_config().splitter


def open_store(path: StrPath, *, write: bool = False) -> TreeStore:
    """An existing store, for reading or for writing too; use it as a context manager.

    Raises:
        InputError: missing file, not a store, or written by a newer version.
        StoreError: no permission, or another run is writing to it.

    >>> import arts
    >>> with arts.open_store("train.db") as store:  # doctest: +SKIP
    ...     print(sum(len(tree.rollouts) for tree in store.trees()))
    4829
    """
    return TreeStore.open(path, write=write)
