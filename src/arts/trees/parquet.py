"""Rows into Parquet files, a bounded number at a time."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from arts.errors import MissingExtraError
from arts.files import UNFINISHED

Row = dict[str, Any]

Kind = str | list["Kind"] | Mapping[str, "Kind"]
"""The type of a column: ``"string"``, ``"int64"``, ``"double"``, ``"bool"``; ``[kind]`` is a list of it, a mapping a
structure."""
ROWS_AT_ONCE = 128
"""Rows in memory, and in one row group."""


def write_parquet(rows: Iterable[Row], path: Path, columns: Mapping[str, Kind]) -> int:
    """Write rows to a file that is there whole or not at all; returns their number.

    Raises:
        MissingExtraError: without the extra ``data``.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{path}: writing Parquet", "data") from error
    schema = pa.schema([(name, _arrow(pa, kind)) for name, kind in columns.items()])
    unfinished, left, count = path.with_name(f".{path.name}{UNFINISHED}"), iter(rows), 0
    try:
        with pq.ParquetWriter(unfinished, schema) as out:
            while group := list(islice(left, ROWS_AT_ONCE)):
                out.write_table(pa.Table.from_pylist(group, schema=schema))
                count += len(group)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _arrow(pa: Any, kind: Kind) -> Any:
    if isinstance(kind, str):
        return pa.type_for_alias(kind)
    if isinstance(kind, list):
        return pa.list_(_arrow(pa, kind[0]))
    return pa.struct([(name, _arrow(pa, inner)) for name, inner in kind.items()])
