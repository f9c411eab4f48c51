"""The files beside a store, STORE-wal and the like, and whether the store needs them.

While a run writes, its latest rollouts are in the write-ahead log. A mark in the store, SQLite's ``user_version``, says
whether the store alone holds everything. It is ``LOGGED``, on the disk, before the first rollout goes to the log, and
``WHOLE`` again when nothing is left there. So a log beside a whole store is another store's, and a store that is logged
and has no log was copied without it. Stores of earlier versions have no mark.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

from arts.errors import InputError, StoreError
from arts.files import discard, flush, hold

WHOLE, LOGGED = 1, 2
BESIDE = ("-wal", "-shm", "-journal")
STRAY = ".old"
"""Ends the name of a log that was found beside a new store: it may be of a store that was moved away."""
LOGGING = "wal"
"""What SQLite calls writing to a log."""
_FORMAT, _WAL_FORMAT = 18, 2
"""Where a file of SQLite says how it is written, and what it says with a write-ahead log."""


def log_of(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of a store."""
    return Path(f"{path.resolve()}-wal")


def remove(path: Path) -> None:
    """Remove a store that no process holds, with everything beside it.

    Raises:
        OSError: a process holds it.
    """
    with contextlib.suppress(FileNotFoundError):
        discard(path)
    clear(path)


def clear(path: Path) -> None:
    """Remove what is beside a store."""
    for ending in BESIDE:
        Path(f"{path.resolve()}{ending}").unlink(missing_ok=True)


def take_name(place: Path, path: Path, *, replace: bool = False) -> None:
    """Give a whole store its name; without ``replace`` only where nothing has it.

    Raises:
        StoreError: something has.
    """
    flush(place)
    if replace:
        clear(path)
        place.replace(path)
    else:
        if path.exists():
            raise _taken(path)
        log = log_of(path)
        if log.is_file() and log.stat().st_size:
            log.replace(f"{log}{STRAY}")
        clear(path)
        _name_new(place, path)
    flush(path.parent)


def _name_new(place: Path, path: Path) -> None:
    try:
        os.link(place, path)  # of two processes one fails here; renaming would replace
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError:  # a file system without links
        place.rename(path)
    else:
        place.unlink()


def _taken(path: Path) -> StoreError:
    return StoreError(f"{path}: is there already, made by another process; run the same command again")


def settle(path: Path, *, held: bool) -> bool:
    """Make sure that a store has the log that it needs, and none that it does not; whether it can do without.

    ``held``: this process holds the store. Where it does not, nor can, a log that is not needed stays.

    Raises:
        InputError: the log is missing.
    """
    mark, log = _mark(path), log_of(path)
    if mark != WHOLE:
        logged = mark == LOGGED or _is_logged(path)
        if logged and not log.is_file():
            raise InputError(
                f"{path}: was copied without {log.name}, where its latest rollouts are; copy both files, or the store"
                " again when its run has ended"
            )
        return not logged
    if log.is_file() and log.stat().st_size:
        with contextlib.suppress(PermissionError):
            return _drop(path, held)
    return True


def _drop(path: Path, held: bool) -> bool:
    """Remove the log of a whole store, unless another process is about to begin or to end with it."""
    try:
        descriptor = None if held else hold(path)
    except BlockingIOError:
        return False
    except OSError as error:
        raise PermissionError from error
    try:
        clear(path)
    except OSError as error:
        raise PermissionError from error
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return True


def _mark(path: Path) -> int:
    """The mark that is in the store itself, whatever its log says; 0 in a database of another program."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as alone:
        ours = alone.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollouts'").fetchone()
        (mark,) = alone.execute("PRAGMA user_version").fetchone()
    return int(mark) if ours else 0


def _is_logged(path: Path) -> bool:
    """Whether a store of an earlier version was not closed."""
    with path.open("rb") as file:
        return file.read(_FORMAT + 1)[_FORMAT:] == bytes([_WAL_FORMAT])


def put_mark(db: sqlite3.Connection, mark: int) -> None:
    """Say what the store holds; it has to be so."""
    db.execute(f"PRAGMA user_version = {mark:d}")


def begin(db: sqlite3.Connection) -> None:
    """Write to the log from now on.

    Raises:
        sqlite3.OperationalError: somebody does not stop reading the store.
    """
    (mode,) = db.execute("PRAGMA journal_mode=WAL").fetchone()
    db.execute("PRAGMA synchronous=NORMAL")
    (mark,) = db.execute("PRAGMA user_version").fetchone()
    if mode == LOGGING and mark != LOGGED:
        put_mark(db, LOGGED)
        if not _fold(db):
            raise sqlite3.OperationalError("database is locked")


def end(path: Path, db: sqlite3.Connection) -> contextlib.AbstractContextManager[object]:
    """Fold the log into the store, so that readers need nothing else; what cannot be folded now stays in the log.

    The connection is to be closed within what is returned: it keeps SQLite from removing a log without a mark.
    """
    with contextlib.suppress(sqlite3.Error):
        (mode,) = db.execute("PRAGMA journal_mode").fetchone()
        if mode != LOGGING:
            return contextlib.nullcontext()
        if _fold(db):
            put_mark(db, WHOLE)
            if _fold(db):
                db.execute("PRAGMA journal_mode=DELETE")
                return contextlib.nullcontext()
    reader = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    with contextlib.suppress(sqlite3.Error):
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return contextlib.closing(reader)


def _fold(db: sqlite3.Connection) -> bool:
    """Bring the log into the store and empty it; False while somebody reads what is in it."""
    busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def unreadable(path: Path) -> StoreError:
    """The store needs its log, and SQLite cannot open it here."""
    return StoreError(
        f"{path}: its latest rollouts are in {log_of(path).name}, which can be read only in a folder with permission to"
        " write; copy both files to one"
    )
