"""The tree store: one SQLite file per run, append-only, one transaction per finished rollout."""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self, final

from arts.arrays import Floats
from arts.errors import InputError, StoreError
from arts.files import StrPath, fresh, is_same, unfinished
from arts.problems.base import Problem
from arts.text import quoted
from arts.trees.database import SCHEMA, SCHEMA_VERSION, check_version, connect, damaged, lock, translated
from arts.trees.journal import WHOLE, begin, clear, end, put_mark, remove, take_name
from arts.trees.reading import read_tree
from arts.trees.runs import RunConfig
from arts.trees.splitting import SplitterName
from arts.trees.tree import Rollout, Tree


class TreeStore:
    """All trees of one run in one file; use as a context manager.

    The file is the only state of a run: what :meth:`growing` and the other writing methods have returned from
    survives the death of the process, and nothing else does. Nodes and rollouts are never changed or removed.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, held: int | None = None) -> None:
        self.path = path
        connection.row_factory = sqlite3.Row
        self._connection: sqlite3.Connection | None = connection
        self._held = held
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
        return cls._opened(path, lock(path) if write else None)

    @classmethod
    def _opened(cls, path: Path, held: int | None) -> Self:
        """An existing store, to be written where it is ``held``; lets go of it in the end."""
        with contextlib.ExitStack() as opened, translated(path):
            if held is not None:
                opened.callback(os.close, held)
            with contextlib.closing(connect(path, write=False)) as reader:  # leaves all as it is
                check_version(path, reader)
            connection = connect(path, write=held is not None)
            # before the lock is released: closing a file drops SQLite's own locks
            opened.callback(_close, path, connection, held)
            store = cls(path, connection, held)
            store._release = opened.pop_all()
            return store

    @classmethod
    def create(cls, path: StrPath, config: RunConfig | None = None) -> Self:
        """Make a new store that remembers the configuration of its run; the file must not exist.

        What lies beside its name, left by another store, is not taken up.
        """
        path = Path(path)
        place = unfinished(path)
        with contextlib.ExitStack() as failed, translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            held = fresh(place)
            failed.callback(os.close, held)
            failed.callback(place.unlink, missing_ok=True)
            clear(place)
            _write_schema(place, config or RunConfig())
            take_name(place, path)  # a store is there whole or not at all
            failed.pop_all()
        return cls._opened(path, held)

    @classmethod
    @contextlib.contextmanager
    def building(cls, path: StrPath, config: RunConfig, *, replace: bool = False) -> Iterator[Self]:
        """A store that has its name only at the end, when it is whole; there is none if what is done within fails.

        With ``replace`` an earlier one of this name is replaced then.
        """
        path = Path(path)
        place = unfinished(path)
        with translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            remove(place)  # of a process that was killed
        store = cls.create(place, config)
        held = os.dup(store._held) if store._held is not None else None
        try:
            yield store
            store.close()
            with translated(path):
                take_name(place, path, replace=replace)
        except BaseException as error:
            store.abandon()
            with contextlib.suppress(OSError):
                place.unlink(missing_ok=True)
                clear(place)
            if isinstance(error, StoreError | InputError):  # named as the user has named it
                raise type(error)(str(error).replace(str(place), str(path))) from error
            raise
        finally:
            if held is not None:
                os.close(held)

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"{self.path}: this store is closed; read its trees before closing it, or open it again")
        return self._connection

    def run_config(self) -> RunConfig:
        """What the store remembers of its run."""
        ((text,),) = self._rows("SELECT coalesce(max(value), '{}') FROM meta WHERE key = 'config'")
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
        return [Problem(**row) for row in self._rows(f"SELECT {columns} FROM problems ORDER BY position")]

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
        """The tree of one problem as it stands on disk (only a root when nothing was sampled).

        Raises:
            InputError: the store is damaged.
        """
        at = self._positions[problem_id]
        try:
            return read_tree(problem_id, lambda select: self._rows(select, at))
        except (ValueError, TypeError, LookupError) as error:
            raise damaged(self.path, f"problem {problem_id}: {error!r}") from error

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
        count = "SELECT count(*) FROM scores WHERE problem = ? AND verifier = ?"
        return int(self._rows(count, self._positions[problem_id], verifier)[0][0])

    def close(self) -> None:
        """Fold the write-ahead log into the file, so that readers need nothing else, and release it.

        Raises:
            StoreError: the file was removed or replaced while it was written.
        """
        there = self._connection is None or not self._written or self._is_there()
        self.abandon()
        if not there:
            raise self._gone()

    def abandon(self) -> None:
        """The same, come what may."""
        self._connection = None
        self._release.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *more: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def _find_problems(self) -> None:
        self._positions = dict(map(tuple, self._rows("SELECT id, position FROM problems ORDER BY position")))

    def _rows(self, select: str, *of: object) -> list[sqlite3.Row]:
        with translated(self.path):
            return self._db.execute(select, of).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated(self.path):
            if not self._is_there():
                raise self._gone()
            if not self._written:
                begin(self._db)
                self._written = True
            with self._db as db:  # commits, or rolls back if anything is raised
                db.execute("BEGIN IMMEDIATE")
                yield

    def _is_there(self) -> bool:
        """Whether this store still has its name."""
        return self._held is None or is_same(self.path, self._held)

    def _gone(self) -> StoreError:
        return StoreError(
            f"{self.path}: was removed or replaced while this run wrote to it; put it back, or run the command again"
        )


def _close(path: Path, connection: sqlite3.Connection, held: int | None) -> None:
    """Close a store; what was written is folded into it if it still has its name: else what is beside is another's."""
    writes = held is not None and is_same(path, held)
    with end(path, connection) if writes else contextlib.nullcontext():
        connection.close()


def _write_schema(place: Path, config: RunConfig) -> None:
    """The tables of an empty store, whole and in one file."""
    with contextlib.closing(sqlite3.connect(place)) as db:
        db.executescript("PRAGMA journal_mode=DELETE; BEGIN;" + SCHEMA)
        db.executemany(
            "INSERT INTO meta VALUES (?, ?)", {"schema": str(SCHEMA_VERSION), "config": config.to_json()}.items()
        )
        db.commit()
        put_mark(db, WHOLE)


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
