"""Typed rows into Parquet files, a bounded number at a time."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from arts.errors import needs_extra
from arts.files import replacing

ROWS_AT_ONCE = 128
"""Rows in memory, and in one row group."""


def write_parquet(rows: Iterable[msgspec.Struct], path: Path, kind: type[msgspec.Struct]) -> int:
    """Write rows, one column for each field of ``kind``, to a file that is there whole or not at all; their number.

    Raises:
        MissingExtraError: without the extra ``data``.
    """
    with needs_extra(f"{path}: writing Parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    schema = pa.schema(_arrow(pa, inspect.type_info(kind)))
    left, count = iter(rows), 0
    with replacing(path) as place, pq.ParquetWriter(place, schema) as out:
        while group := list(islice(left, ROWS_AT_ONCE)):
            out.write_table(pa.Table.from_pylist(msgspec.to_builtins(group), schema=schema))
            count += len(group)
    return count


def _arrow(pa: Any, kind: inspect.Type) -> Any:
    """The Arrow type of a field; what is neither a number nor holds others is text."""
    match kind:
        case inspect.UnionType(types=(inner, inspect.NoneType())):
            return _arrow(pa, inner)
        case inspect.ListType(item_type=inner):
            return pa.list_(_arrow(pa, inner))
        case inspect.StructType(cls=cls, fields=fields) | inspect.DataclassType(cls=cls, fields=fields):
            kinds = {field.name: field.type for field in fields}  # msgspec has those with a default last
            return pa.struct([(name, _arrow(pa, kinds[name])) for name in cls.__annotations__])
        case inspect.IntType():
            return pa.int64()
        case inspect.FloatType():
            return pa.float64()
    return pa.string()
