"""One writer per store: an advisory lock on the store file itself, released by the system when a process dies."""

import os
from typing import Self

from arts.errors import StoreError
from arts.files import StrPath

try:
    import fcntl
except ImportError:  # a system without flock: SQLite's own locks must do
    fcntl = None  # type: ignore[assignment]


class WriterLock:
    """Held for as long as a store is open for writing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: StrPath) -> Self:
        """Lock the file.

        Raises:
            StoreError: another process holds the lock, or the file cannot be written.
        """
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be written ({error.strerror}); check its permissions or choose another place"
            ) from error
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                raise StoreError(f"{path}: another process is writing to this store; wait for it or stop it") from error
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back. Call it after the database connection is closed, never before.

        Closing any descriptor of a file drops the POSIX locks that SQLite holds on it in this process.
        """
        os.close(self._descriptor)
