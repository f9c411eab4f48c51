"""Rows of JSON Lines files, with errors that name file and row."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arts.errors import InputError
from arts.text import well_formed


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered JSON objects of a ``.jsonl`` or ``.jsonl.gz`` file, blank lines skipped.

    Raises:
        InputError: the file is missing or unreadable, or a row is not a JSON object.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _parse(path, number, line)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}:{number + 1}: cannot be read as UTF-8 text: {error}") from error


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if "\\ud" in line.lower():
            row = json.loads(well_formed(json.dumps(row, ensure_ascii=False)))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}:{number}: not JSON ({error}); each line must be one JSON object") from error
    if not isinstance(row, dict):
        raise InputError(f"{path}:{number}: a {type(row).__name__}; each line must be one JSON object")
    return row
