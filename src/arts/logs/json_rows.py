"""Rows of JSON text: one object a line, an array of them, or an object around them."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from arts.errors import InputError
from arts.logs.held import opened
from arts.logs.unread import Unread
from arts.problems.rows import Row
from arts.text import TOO_DEEP, require_shallow, well_formed

HEAD = 512
"""Bytes within which an array starts."""
LONGEST_LINE = 64 * 2**20
"""Bytes of a line; a longer one is left out."""
LARGEST_DOCUMENT = 512 * 2**20
"""Bytes of an array, or of an object over several lines, which is in memory whole."""
_BOM, _SPACE = b"\xef\xbb\xbf", " \t\r\n\ufeff"
_TABLES = frozenset({".csv", ".tsv"})
_DECODER = json.JSONDecoder()


def json_rows(
    path: Path, file: io.BufferedReader, unread: Unread, is_row: Callable[[Row], bool]
) -> Iterator[tuple[str, Row]]:
    """Rows with their places, ``file:line`` or, of an array, ``file:number``; blank lines are skipped.

    An object that is alone in the file, and of which ``is_row`` does not hold, is looked into
    (:func:`arts.logs.held.opened`).

    Raises:
        InputError: no JSON, or an object without rows.
    """
    if _starts_an_array(file):
        yield from _document(path, 1, b"", file, unread, is_row)
        return
    lines = _lines(path, file, unread)
    number, first = next(lines, (0, b""))
    if not first:
        return
    row = _parsed(first)
    if not isinstance(row, Mapping):
        if first.startswith(b"{"):
            yield from _document(path, number, first, file, unread, is_row)
        else:
            more = next(lines, None)
            if more is None or isinstance(_parsed(more[1]), str):
                raise InputError(_no_json(path, first))
            unread.add(f"{path}:{number}: {_fault(row)}")
            yield from _placed(path, chain([more], lines), unread)
        return
    second = next(lines, None)
    if second is None:
        yield from ((f"{path}:{n}", found) for n, found in enumerate(opened(path, row, is_row), start=number))
    else:
        yield from _placed(path, chain([(number, first), second], lines), unread)


def _starts_an_array(file: io.BufferedReader) -> bool:
    return file.peek(HEAD)[:HEAD].removeprefix(_BOM).lstrip().startswith(b"[")


def _lines(path: Path, file: io.BufferedReader, unread: Unread) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that are not blank, without the space around them."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            unread.add(f"{path}:{number}: a line of more than {LONGEST_LINE // 2**20} MiB")
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
            continue
        line = line.removeprefix(_BOM).strip()
        if line:
            yield number, line


def _placed(path: Path, lines: Iterator[tuple[int, bytes]], unread: Unread) -> Iterator[tuple[str, Row]]:
    for number, line in lines:
        row = _parsed(line)
        if isinstance(row, Mapping):
            yield f"{path}:{number}", row
        else:
            unread.add(f"{path}:{number}: {_fault(row)}")


def _parsed(line: bytes) -> object:
    """What a line holds; a text says why it cannot be read."""
    try:
        return _value(line.decode("utf-8"), 0)[0]
    except ValueError as error:
        return f"not JSON ({error})"


def _value(text: str, start: int, *, alone: bool = True) -> tuple[object, int]:
    """The JSON value at a place, where ``alone`` the only one, and the place behind it; halves of characters mended."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    require_shallow(value)
    if alone and text[end:].strip(_SPACE):
        raise ValueError(f"more text from character {end + 1} on")
    if "\\ud" in text[start:end].lower():
        value = json.loads(well_formed(json.dumps(value, ensure_ascii=False)))
    return value, end


def _fault(value: object) -> str:
    if isinstance(value, str) and value.startswith("not JSON"):
        return value
    kind = type(value).__name__
    return f"{'an' if kind == 'int' else 'a'} {kind}, no object"


def _document(
    path: Path, number: int, first: bytes, file: io.BufferedReader, unread: Unread, is_row: Callable[[Row], bool]
) -> Iterator[tuple[str, Row]]:
    """The rows of a file that is one array, or of objects over several lines each."""
    rest = file.read(LARGEST_DOCUMENT + 1)
    if len(rest) > LARGEST_DOCUMENT:
        raise InputError(
            f"{path}: JSON of more than {LARGEST_DOCUMENT // 2**20} MiB in one piece; save it as JSON Lines, one object"
            " a line"
        )
    try:
        text = (first + b"\n" + rest).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    text = text.lstrip(_SPACE)
    array = text.startswith("[")
    faults = Unread()
    found = list(_values(path, text, faults, array=array))
    if faults.count and not array:  # one broken line more likely than a broken object: what can be read by lines
        lines = ((n, x.strip()) for n, x in enumerate(text.encode().split(b"\n"), start=number) if x.strip())
        by_line, broken = Unread(), faults
        rows = list(_placed(path, lines, by_line))
        if len(rows) > len(found):
            for fault in by_line.named:
                unread.add(fault)
            unread.count += by_line.count - len(by_line.named)
            yield from rows
            return
        faults = broken
    for fault in faults.named:
        unread.add(fault)
    if not array and len(found) == 1 and not faults.count and isinstance(found[0], Mapping):
        found = list(opened(path, found[0], is_row))
    for n, value in enumerate(found, start=1):
        if isinstance(value, Mapping):
            yield f"{path}:{n}", value
        else:
            unread.add(f"{path}:{n}: {_fault(value)}")


def _values(path: Path, text: str, faults: Unread, *, array: bool) -> Iterator[object]:
    """The elements of an array, or values one after another, up to one that cannot be read."""
    place, count = int(array), 0
    while True:
        while place < len(text) and text[place] in _SPACE + ("," if array else ""):
            place += 1
        if place >= len(text) and array:
            faults.add(f"{path}:{count + 1}: the array has no end; what is behind row {count} is missing")
        if place >= len(text) or (array and text[place] == "]"):
            return
        try:
            value, place = _value(text, place, alone=False)
        except ValueError as error:
            faults.add(f"{path}:{count + 1}: not JSON ({error}); rows from here on are not read")
            return
        count += 1
        yield value


def _no_json(path: Path, first: bytes) -> str:
    start = first[:40].decode("utf-8", "replace")
    if path.suffix.lower() in _TABLES:
        return f"{path}: a table of text; save its rows as JSON Lines, one object a line"
    return (
        f"{path}: neither JSON nor Parquet, it begins with {json.dumps(start)}; give JSON Lines (one object a line), a"
        " JSON array, Parquet or a log of inspect_ai"
    )
