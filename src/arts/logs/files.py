"""Files of rows, told by what they hold and not by their names."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from arts.errors import InputError
from arts.logs.inspect_log import zipped_samples
from arts.logs.json_rows import json_rows
from arts.logs.unread import Unread
from arts.problems.rows import Row, read_rows

Placed = tuple[str, Row]
"""A row with its place for errors, ``file:number``."""
IsRow = Callable[[Row], bool]
"""Whether an object that is alone in its file is a row, and not around a list of rows."""

LARGEST = 2 * 2**30
"""Bytes that a compressed file may unpack to."""
HEAD = 512
"""Bytes that a file is told by."""
_GZIP, _ZIP, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
_OTHERS = {
    b"BZh": "compressed by bzip2; unpack it, or compress it by gzip",
    b"\xfd7zXZ": "compressed by xz; unpack it, or compress it by gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstandard; unpack it, or compress it by gzip",
    b"7z\xbc\xaf": "a 7z archive; unpack it and give the file of samples",
    b"ARROW1": "an Arrow file; save its rows as Parquet or JSON Lines",
    b"\x89HDF": "an HDF5 file; save its rows as JSON Lines",
    b"\x80\x02": "a pickle, which can run code when it is opened; save its rows as JSON Lines",
    b"\x80\x03": "a pickle, which can run code when it is opened; save its rows as JSON Lines",
    b"\x80\x04": "a pickle, which can run code when it is opened; save its rows as JSON Lines",
    b"\x80\x05": "a pickle, which can run code when it is opened; save its rows as JSON Lines",
    b"\xff\xfe": "text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "text in UTF-16; save it as UTF-8",
    b"SQLite format 3": "a SQLite file; only stores of arts are read, and those not among logs",
    b"GGUF": "a model; sample from it first: arts sample",
    b"version https://git-lfs": "a pointer of Git LFS in place of the file; fetch the file: git lfs pull",
    b"%PDF": "a PDF document; give the file of samples",
    b"<": "HTML or XML; give the file of samples itself",
}


def file_rows(path: Path, unread: Unread, is_row: IsRow) -> Iterator[Placed]:
    """The rows of a file: JSON Lines, JSON, a log of inspect_ai, each also gzipped, or Parquet.

    A row that cannot be read is added to ``unread``.

    Raises:
        InputError: no such file, or no file of rows; the line says what it is and what to do.
        MissingExtraError: a Parquet file without the extra ``data``.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            yield from _rows(path, file, unread, is_row)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _rows(path: Path, file: io.BufferedReader, unread: Unread, is_row: IsRow) -> Iterator[Placed]:
    head = _peek(file)
    if head.startswith(_PARQUET):
        if path.suffix != ".parquet":
            raise InputError(f"{path}: a Parquet file; give it a name that ends in .parquet")
        yield from ((f"{path}:{number}", row) for number, row in read_rows(path))
        return
    if head.startswith(_ZIP):
        yield from zipped_samples(path, unread)
        return
    if head.startswith(_GZIP):
        packed = gzip.GzipFile(fileobj=file)
        file = io.BufferedReader(_Bounded(packed, path))
        head = _peek(file)
        if head.startswith((_GZIP, _ZIP, _PARQUET)):
            raise InputError(f"{path}: a packed file inside a packed file; unpack the outer one")
    for mark, what in _OTHERS.items():
        if head.startswith(mark):
            raise InputError(f"{path}: {what}")
    if path.suffix == ".parquet" and not head.lstrip().startswith((b"{", b"[")):
        raise InputError(f"{path}: cannot be read as Parquet: it lacks the mark of one; save it again")
    yield from json_rows(path, file, unread, is_row)


def _peek(file: io.BufferedReader) -> bytes:
    return file.peek(HEAD)[:HEAD]


class _Bounded(io.RawIOBase):
    """What a gzip file unpacks to, no more than ``LARGEST`` bytes of it."""

    def __init__(self, packed: gzip.GzipFile, path: Path) -> None:
        self._packed, self._path, self._left = packed, path, LARGEST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._packed.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise InputError(f"{self._path}: unpacks to more than {LARGEST / 2**30:g} GiB; split it")
        buffer[: len(data)] = data
        return len(data)
