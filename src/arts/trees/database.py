"""The SQLite file under a tree store: its tables, its lock, how it is opened, and what its errors mean."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from arts.errors import InputError, StoreError
from arts.files import FULL, hold
from arts.text import LONGEST_NAME, one_line
from arts.trees.journal import settle, unreadable

SCHEMA_VERSION = 1

SCHEMA = """
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


def lock(path: Path) -> int:
    """Lock a store against other writers; returns the descriptor whose closing, or the process's end, gives it back.

    Raises:
        StoreError: another process holds the lock, or the file cannot be written.
    """
    try:
        return hold(path)
    except BlockingIOError as error:
        raise _in_use(path) from error
    except OSError as error:
        raise _not_writable(path, error.strerror) from error


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """A connection without implicit transactions, usable from any thread; to write, the store has to be locked.

    Raises:
        InputError: the store was copied without its log.
        StoreError: its log cannot be read here.
    """
    alone = settle(path, held=write)
    if write:
        return sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        # A store in a read-only folder cannot open its write-ahead log; a whole one does not need it.
        connection.close()
        if not alone:
            raise unreadable(path) from error
        connection = sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None, check_same_thread=False)
    return connection


def check_version(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a database that this version cannot read.

    Raises:
        InputError: it is no tree store, or of a newer schema.
    """
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
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's complaints into one line with a remedy.

    Raises:
        StoreError: it cannot be read or written.
        InputError: it is no database.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _explain(path, error) from error
    except PermissionError as error:
        raise StoreError(f"{path}: no permission to write here; choose another place") from error
    except BlockingIOError as error:
        raise _in_use(path) from error
    except OSError as error:
        if error.errno in FULL:
            raise _full(path) from error
        raise StoreError(f"{path}: {error.strerror or error}; choose another place") from error


def _explain(path: Path, error: sqlite3.DatabaseError) -> StoreError | InputError:
    text = str(error)
    match error.sqlite_errorname.split("_")[1] if hasattr(error, "sqlite_errorname") else "":
        case "LOCKED" | "BUSY":
            return _in_use(path)
        case "READONLY" | "CANTOPEN":
            return _not_writable(path, text)
        case "FULL":
            return _full(path)
        case "IOERR":
            return StoreError(
                f"{path}: {text} ({error.sqlite_errorname}): the disk or a quota is full, or the disk fails; free some"
                " space and run the same command again"
            )
        case "NOTADB" | "CORRUPT":
            return InputError(f"{path}: not a tree store ({text}); give a file that arts made")
    if "locked" in text:
        return _in_use(path)
    if "decode to UTF-8" in text or "no such" in text:
        return damaged(path, text)
    return StoreError(f"{path}: {text}")


def damaged(path: Path, why: object) -> InputError:
    """What is in a store does not fit together."""
    return InputError(f"{path}: a damaged store ({one_line(why, LONGEST_NAME)}); give a copy that is whole")


def _full(path: Path) -> StoreError:
    return StoreError(f"{path}: the disk is full; free some space and run the same command again")


def _in_use(path: Path) -> StoreError:
    return StoreError(f"{path}: another process is writing to this store; wait for it or stop it")


def _not_writable(path: Path, why: object) -> StoreError:
    return StoreError(f"{path}: cannot be written ({why}); check its permissions or choose another place")
