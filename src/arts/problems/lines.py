"""Lines of a text file, packed or not, of bounded length, so that a small file cannot fill the memory."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from arts.errors import InputError

LONGEST_LINE = 64_000_000
"""Characters of a row."""
MOST_PACKED = 200
"""Characters that a byte of a packed file may stand for; the logs in tests/data have 4 to 30."""
SHORTEST_ROW = 64
"""Characters that every line counts for; reading millions of empty ones takes time too."""
SLACK = 16_000_000
"""Characters that any packed file may hold."""


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file, unpacked where its name ends in ``.gz``, with their numbers from 1.

    A byte-order mark is left out.

    Raises:
        InputError: a line is too long, or the file unpacks to far more than rows do.
        OSError, EOFError, UnicodeDecodeError, zlib.error: it cannot be read.
    """
    with path.open("rb") as file:
        packed = path.suffix == ".gz"
        binary = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
        text, number, read = io.TextIOWrapper(binary, encoding="utf-8-sig"), 0, 0
        while line := text.readline(LONGEST_LINE + 1):
            number, read = number + 1, read + max(len(line), SHORTEST_ROW)
            if packed and read > SLACK + MOST_PACKED * file.tell():
                raise InputError(
                    f"{path}:{number}: unpacks to more than {MOST_PACKED} times its size; if that is right, unpack it"
                    " first (gunzip)"
                )
            if len(line) > LONGEST_LINE:
                raise InputError(f"{path}:{number}: a row of more than {LONGEST_LINE:,} characters; split it")
            yield number, line
