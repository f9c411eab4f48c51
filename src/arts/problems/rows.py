"""Rows of JSON Lines and Parquet files, with errors that name file and row, and of the Hugging Face Hub."""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arts.errors import ArtsError, InputError, needs_extra
from arts.files import StrPath
from arts.problems.lines import MOST_PACKED, SLACK, numbered_lines
from arts.text import parsed_json, well_formed

Row = Mapping[str, object]
"""A JSON object from outside, as it is: narrow every value before use."""
ROWS_AT_ONCE = 128
"""Rows of a Parquet file in memory."""


def part(row: Row, name: str) -> Row:
    """The object under a name; empty where there is none."""
    found = row.get(name)
    return found if isinstance(found, Mapping) else {}


def read_rows(source: StrPath) -> Iterator[tuple[int, Row]]:
    """Numbered rows of a ``.jsonl``, ``.jsonl.gz`` or ``.parquet`` file, blank lines skipped.

    Raises:
        InputError: the file is missing or unreadable, or a row is not a JSON object.
        MissingExtraError: a Parquet file without the extra ``data``.
    """
    path = Path(source)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return _parquet(path) if path.suffix == ".parquet" else _json_lines(path)


def hub_rows(repo: str, config: str | None, split: str, *, remedy: str) -> Iterator[tuple[int, Row]]:
    """Numbered rows of one split of a Hub data set.

    Raises:
        ArtsError: the Hub cannot be reached, or has no such set or split; the line ends with ``remedy``.
        MissingExtraError: the extra ``data`` is not installed.
    """
    with needs_extra(f"{repo}: a set of the Hugging Face Hub"):
        import datasets
    try:
        rows = datasets.load_dataset(repo, config, split=split)
    except (OSError, ValueError, RuntimeError) as error:
        detail = " ".join(str(error).split())[:200]
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
        raise ArtsError(f"{repo}: cannot be fetched from the Hub{offline}: {detail}; {remedy}") from error
    return enumerate(rows, start=1)


def _json_lines(path: Path) -> Iterator[tuple[int, Row]]:
    number = 0
    try:
        for number, line in numbered_lines(path):
            if line.strip():
                yield number, _parse(path, number, line)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"{path}:{number + 1}: cannot be read as UTF-8 text: {error}") from error


def _parse(path: Path, number: int, line: str) -> Row:
    try:
        row = parsed_json(line)
        if "\\ud" in line.lower():
            row = json.loads(well_formed(json.dumps(row, ensure_ascii=False)))
    except ValueError as error:
        raise InputError(f"{path}:{number}: not JSON ({error}); each line must be one JSON object") from error
    if not isinstance(row, dict):
        raise InputError(f"{path}:{number}: a {type(row).__name__}; each line must be one JSON object")
    return row


def _parquet(path: Path) -> Iterator[tuple[int, Row]]:
    with needs_extra(f"{path}: reading Parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    try:
        with pq.ParquetFile(path) as file:
            _require_sound(file.metadata, path)
            batches = file.iter_batches(batch_size=ROWS_AT_ONCE)
            yield from enumerate((row for batch in batches for row in batch.to_pylist()), start=1)
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from error


def _require_sound(about: Any, path: Path) -> None:
    """Refuse a file that says it holds far more than its size allows."""
    size = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if max(size, about.num_rows) > SLACK + MOST_PACKED * path.stat().st_size:
        raise InputError(f"{path}: unpacks to more than {MOST_PACKED} times its size; give a file that does not")
