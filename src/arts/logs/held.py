"""Rows inside one JSON object."""

from collections.abc import Callable, Mapping
from pathlib import Path

from arts.errors import InputError
from arts.logs.inspect_log import is_log as is_inspect_log
from arts.problems.rows import Row

HOLDERS = (
    *("results", "samples", "data", "rows", "examples", "items", "records", "instances"),
    *("predictions", "generations", "completions", "responses", "outputs"),
)
"""Names under which an object holds rows, where it holds several lists; the first of them counts."""


def opened(path: Path, document: Row, is_row: Callable[[Row], bool]) -> list[Row]:
    """The rows inside an object that is alone in its file; the object itself where ``is_row`` holds of it.

    They are its one list of objects, of several lists that with a name of ``HOLDERS``, or its values where all are
    objects, whose names are then their ids.

    Raises:
        InputError: it holds several lists, or says by its fields that it has no rows.
    """
    if is_inspect_log(document):
        return _listed(path, document, "samples", "a log of inspect_ai without samples; log them (--log-samples)")
    if {"results", "configs"} <= document.keys() and isinstance(document["results"], Mapping):
        raise InputError(
            f"{path}: the totals of lm-evaluation-harness; give the samples_*.jsonl beside it (--log_samples)"
        )
    if is_row(document):
        return [document]
    lists = [name for name, value in document.items() if _objects(value)]
    if len(lists) > 1 and not any(name in HOLDERS for name in lists):
        raise InputError(f"{path}: an object with the lists {', '.join(lists)}; give a file with one of them")
    if lists:
        name = next((name for name in HOLDERS if name in lists), lists[0])
        return _listed(path, document, name, "")
    held = next((document[name] for name in HOLDERS if isinstance(document.get(name), Mapping)), document)
    if isinstance(held, Mapping) and held and all(isinstance(value, Mapping) for value in held.values()):
        return [{"id": name, **value} for name, value in held.items()]
    return [document]


def _listed(path: Path, document: Row, name: str, lacking: str) -> list[Row]:
    value = document.get(name)
    if not isinstance(value, list) or not value:
        raise InputError(f"{path}: {lacking}")
    return value


def _objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
