"""The tree store: one SQLite file per run, append-only, one transaction per finished rollout."""

import contextlib
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from arts.errors import InputError, StoreError
from arts.problems.base import Problem, Verdict
from arts.trees.lock import WriterLock
from arts.trees.tree import ROOT, Outcome, Rollout, Step, Stop, Tree

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE problems (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, question TEXT NOT NULL,
  answer TEXT NOT NULL, solution TEXT, subject TEXT, level INTEGER, source TEXT NOT NULL);
CREATE TABLE nodes (problem INTEGER NOT NULL REFERENCES problems, node INTEGER NOT NULL,
  parent INTEGER NOT NULL, text TEXT NOT NULL, tokens INTEGER NOT NULL, logprob REAL, stop TEXT,
  PRIMARY KEY (problem, node)) WITHOUT ROWID;
CREATE TABLE rollouts (problem INTEGER NOT NULL REFERENCES problems, number INTEGER NOT NULL,
  backbone INTEGER NOT NULL, pivot INTEGER NOT NULL, leaf INTEGER NOT NULL, tokens INTEGER NOT NULL,
  stop TEXT NOT NULL, error TEXT NOT NULL, PRIMARY KEY (problem, number), UNIQUE (problem, backbone, pivot));
CREATE TABLE outcomes (problem INTEGER NOT NULL REFERENCES problems, node INTEGER NOT NULL, answer TEXT,
  verdict TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (problem, node)) WITHOUT ROWID;
CREATE TABLE scores (problem INTEGER NOT NULL REFERENCES problems, node INTEGER NOT NULL,
  verifier TEXT NOT NULL, score REAL, PRIMARY KEY (problem, verifier, node)) WITHOUT ROWID;
"""


class TreeStore:
    """All trees of one run in one file; use as a context manager.

    The file is the only state of a run: whatever :meth:`commit` returned from survives the death of the
    process, and nothing else does. Nodes and rollouts are never changed or removed.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: WriterLock | None) -> None:
        self.path = path
        self._db = connection
        self._lock = lock
        self._written = False
        self._positions = {row[0]: row[1] for row in connection.execute("SELECT id, position FROM problems")}

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> Self:
        """Open an existing store.

        Raises:
            InputError: missing file, not a store, or written by a newer version.
            StoreError: no permission, or another run is writing to it.
        """
        if path.is_dir():
            raise InputError(f"{path}: is a folder; a store is a file, choose another name")
        if not path.is_file():
            raise InputError(f"{path}: no such store; make one with: arts sample --store {path}")
        lock = WriterLock.take(path) if write else None
        try:
            with _translated(path), contextlib.ExitStack() as on_failure:
                connection = _connect(path, write=write)
                on_failure.callback(connection.close)
                _check_version(path, connection)
                store = cls(path, connection, lock)
                on_failure.pop_all()
                return store
        except BaseException:
            if lock:
                lock.release()
            raise

    @classmethod
    def create(cls, path: Path, config: Mapping[str, Any]) -> Self:
        """Make a new store that remembers the resolved configuration of its run; the file must not exist."""
        with _translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.new")
            unfinished.unlink(missing_ok=True)
            connection = sqlite3.connect(unfinished)
            connection.executescript("PRAGMA journal_mode=DELETE; BEGIN;" + _SCHEMA)
            rows = {"schema": str(SCHEMA_VERSION), "config": json.dumps(config, sort_keys=True)}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", rows.items())
            connection.commit()
            connection.close()
            unfinished.rename(path)  # a store is there whole or not at all
        return cls.open(path, write=True)

    def config(self) -> dict[str, Any]:
        """The configuration that :meth:`create` was given."""
        (text,) = self._db.execute("SELECT value FROM meta WHERE key = 'config'").fetchone()
        config: dict[str, Any] = json.loads(text)
        return config

    def set_config(self, config: Mapping[str, Any]) -> None:
        """Replace the remembered configuration (a run that was extended)."""
        if config == self.config():
            return
        with self._transaction():
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'config'", (json.dumps(config, sort_keys=True),))

    def add_problems(self, problems: Sequence[Problem]) -> None:
        """Append the problems that are not there yet; one that is must be the same.

        Raises:
            InputError: a problem's id is taken by a different question or answer.
        """
        known = {p.id: p for p in self.problems()}
        fresh = []
        for p in problems:
            old = known.get(p.id)
            if old is None:
                fresh.append((p.id, p.question, p.answer, p.solution, p.subject, p.level, p.source))
            elif (old.question, old.answer) != (p.question, p.answer):
                raise InputError(f"{self.path}: problem '{p.id}' is already there with another text; use a new store")
        if not fresh:
            return
        with self._transaction():
            self._db.executemany(
                "INSERT INTO problems (id, question, answer, solution, subject, level, source)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                fresh,
            )
        self._positions = {r[0]: r[1] for r in self._db.execute("SELECT id, position FROM problems")}

    def problems(self) -> list[Problem]:
        """All problems in the order they were added."""
        rows = self._db.execute(
            "SELECT id, question, answer, solution, subject, level, source FROM problems ORDER BY position"
        )
        names = ("id", "question", "answer", "solution", "subject", "level", "source")
        return [Problem(**dict(zip(names, row, strict=True))) for row in rows]

    def commit(
        self,
        tree: Tree,
        *,
        start: int = ROOT,
        steps: Sequence[Step] = (),
        backbone: int,
        pivot: int = 0,
        tokens: int,
        stop: Stop,
        error: str = "",
        outcome: Outcome | None = None,
    ) -> Rollout:
        """Record one finished rollout, in the tree and on disk, in one transaction.

        ``steps`` were sampled from node ``start``. A failed rollout (``stop == "error"``) adds no nodes.
        """
        before = len(tree)
        leaf = start if stop == "error" else tree.add_path(start, steps, stop)
        rollout = Rollout(backbone=backbone, pivot=pivot, leaf=leaf, tokens=tokens, stop=stop, error=error)
        tree.rollouts.append(rollout)
        self.record(tree, rollout, range(before, len(tree)), outcome)
        return rollout

    def record(self, tree: Tree, rollout: Rollout, nodes: range, outcome: Outcome | None = None) -> None:
        """Write a rollout that is in the tree already, with the nodes that are new since, in one transaction."""
        at = self._positions[tree.problem_id]
        columns = (tree.parent, tree.text, tree.tokens, tree.logprob, tree.stop)
        rows = [(at, i, *(column[i] for column in columns)) for i in nodes]
        with self._transaction():
            self._db.executemany(
                "INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(*row[:5], _nullable(row[5]), row[6]) for row in rows],
            )
            (number,) = self._db.execute(
                "SELECT coalesce(max(number) + 1, 0) FROM rollouts WHERE problem = ?", (at,)
            ).fetchone()
            self._db.execute(
                "INSERT INTO rollouts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    at,
                    number,
                    rollout.backbone,
                    rollout.pivot,
                    rollout.leaf,
                    rollout.tokens,
                    rollout.stop,
                    rollout.error,
                ),
            )
            if outcome is not None and rollout.leaf not in tree.outcomes:
                tree.outcomes[rollout.leaf] = outcome
                self._db.execute(
                    "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?)",
                    (at, rollout.leaf, outcome.answer, outcome.verdict.value, outcome.reason),
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
        columns = "backbone, pivot, leaf, tokens, stop, error"
        for row in self._db.execute(f"SELECT {columns} FROM rollouts WHERE problem = ? ORDER BY number", (at,)):
            tree.rollouts.append(Rollout(**dict(zip(columns.split(", "), row, strict=True))))
        for node, answer, verdict, reason in self._db.execute(
            "SELECT node, answer, verdict, reason FROM outcomes WHERE problem = ?", (at,)
        ):
            tree.outcomes[node] = Outcome(answer=answer, verdict=Verdict(verdict), reason=reason)
        self._load_scores(tree, at)
        return tree

    def trees(self) -> Iterator[Tree]:
        """Trees of all problems, in order."""
        for problem_id in sorted(self._positions, key=self._positions.__getitem__):
            yield self.tree(problem_id)

    def write_scores(self, problem_id: str, verifier: str, nodes: Sequence[int], values: NDArray[np.float64]) -> None:
        """Record a verifier's scores of some nodes; earlier ones of the same verifier are replaced."""
        at = self._positions[problem_id]
        rows = [(at, int(n), verifier, _nullable(float(v))) for n, v in zip(nodes, values, strict=True)]
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
        with contextlib.suppress(sqlite3.Error):
            if self._written:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._db.execute("PRAGMA journal_mode=DELETE")
        self._db.close()
        if self._lock:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _load_scores(self, tree: Tree, at: int) -> None:
        columns: dict[str, tuple[list[int], list[float]]] = {}
        for verifier, node, score in self._db.execute(
            "SELECT verifier, node, score FROM scores WHERE problem = ? ORDER BY verifier, node", (at,)
        ):
            nodes, values = columns.setdefault(verifier, ([], []))
            nodes.append(node)
            values.append(math.nan if score is None else score)
        for verifier, (nodes, values) in columns.items():
            tree.set_scores(verifier, nodes, np.asarray(values))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _translated(self.path):
            if not self._written:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._written = True
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise


def _connect(path: Path, *, write: bool) -> sqlite3.Connection:
    if write:
        return sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # A store in a read-only folder cannot open its write-ahead log; a closed one does not need it.
        connection.close()
        connection = sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None, check_same_thread=False)
    return connection


def _check_version(path: Path, connection: sqlite3.Connection) -> None:
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        row = None
    if row is None or not str(row[0]).isdecimal():
        raise InputError(f"{path}: not a tree store (no schema mark); give a file that arts made")
    if int(row[0]) > SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema {row[0]} is newer than this arts reads ({SCHEMA_VERSION});"
            " upgrade with: pip install -U arts-llm"
        )


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's complaints into one line with a remedy."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _explain(path, error) from error
    except PermissionError as error:
        raise StoreError(f"{path}: no permission to write here; choose another place with --store") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}; free some space or choose another place") from error


def _explain(path: Path, error: sqlite3.DatabaseError) -> StoreError | InputError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return StoreError(f"{path}: another process is writing to this store; wait for it or stop it")
    if "readonly" in text or "unable to open" in text:
        return StoreError(f"{path}: cannot be written ({text}); check its permissions or choose another place")
    if "full" in text or "disk I/O" in text:
        return StoreError(f"{path}: the disk is full; free some space and run the same command again")
    if "not a database" in text or "malformed" in text:
        return InputError(f"{path}: not a tree store ({text}); give a file that arts made")
    return StoreError(f"{path}: {text}")


def _nullable(x: float) -> float | None:
    return None if math.isnan(x) else x
