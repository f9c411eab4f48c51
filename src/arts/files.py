"""Paths as callers give them, and files that are there whole or not at all."""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

if sys.platform != "win32":
    import fcntl

StrPath = str | PathLike[str]
"""What a function of this package takes for a path."""


UNFINISHED = ".new"
"""Ends the name of what is being written."""


def unfinished(path: StrPath) -> Path:
    """The name, beside ``path``, of what is being written and will take its place."""
    path = Path(path)
    return path.with_name(f".{path.name}{UNFINISHED}")


def write_whole(path: StrPath, content: str | bytes) -> Path:
    """Write a file, text in UTF-8, so that a reader, or a later run, never meets half of it; returns its path.

    Raises:
        OSError: as for :func:`replacing`.
    """
    with replacing(path) as place:
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return Path(path)


@contextlib.contextmanager
def replacing(path: StrPath) -> Iterator[Path]:
    """An empty file to write; at the end it is on the disk and takes the name ``path``, on a failure it is removed.

    Raises:
        OSError: with the name of the file, also where the disk is full; ``EAGAIN`` while another process writes it.
    """
    place = unfinished(path)
    with _named(path):
        descriptor = fresh(place)
        try:
            yield place
            flush(place)
            place.replace(path)
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        flush(Path(path).parent)


@contextlib.contextmanager
def replacing_folder(path: StrPath) -> Iterator[Path]:
    """An empty folder to fill; the same as :func:`replacing`, where ``path`` must not exist or be an empty folder."""
    place = unfinished(path)
    with _named(path):
        place.mkdir(parents=True, exist_ok=True)
        descriptor = hold(place)
        try:
            for old in place.iterdir():
                shutil.rmtree(old) if old.is_dir() else old.unlink()
            yield place
            place.replace(path)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        finally:
            os.close(descriptor)
        flush(Path(path).parent)


def hold(path: Path) -> int:
    """Keep other processes from holding this file or folder too; closing the descriptor lets go.

    Raises:
        OSError: it cannot be opened; ``EAGAIN`` while another process holds it.
    """
    if sys.platform == "win32":  # which has no flock, and renames nothing that is open
        return os.open(os.devnull, os.O_RDONLY)
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_same(path, descriptor):  # whoever held it has renamed or removed it
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def fresh(path: Path) -> int:
    """Make an empty file and hold it; what a process that was killed has left under this name is removed.

    Raises:
        OSError: as for :func:`hold`.
    """
    while True:
        with contextlib.suppress(FileNotFoundError):
            discard(path)
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
            return hold(path)
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def discard(path: Path) -> None:
    """Remove a file that no process holds.

    Raises:
        OSError: as for :func:`hold`.
    """
    descriptor = hold(path)
    try:
        path.unlink()
    finally:
        os.close(descriptor)


def is_same(path: Path, descriptor: int) -> bool:
    """Whether what :func:`hold` has opened still has this name."""
    try:
        return sys.platform == "win32" or os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def flush(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        if path.is_dir():  # Windows opens none
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # a file system that cannot be asked to
            raise
    finally:
        os.close(descriptor)


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk, a quota or a limit that is exhausted."""
LEAST_FREE = 65_536
"""Bytes of a disk that is taken to be full, where a library does not say why it cannot write."""


def is_full(place: Path, error: Exception) -> bool:
    """Whether something could not be written here because there is no space left."""
    said = (isinstance(error, OSError) and error.errno in FULL) or "No space left" in str(error)
    return said or shutil.disk_usage(place).free < LEAST_FREE


@contextlib.contextmanager
def _named(path: StrPath) -> Iterator[None]:
    """Give errors of the system the name of the file where they have none, as those of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename) == str(unfinished(path)):
            error.filename = os.fspath(path)
        raise
