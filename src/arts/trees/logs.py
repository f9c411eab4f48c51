"""Logs of other tools, brought into the shape of flat rollouts (see ``flat.py``) by naming where things are.

``docs/squeeze-diagnose.md`` describes the formats. A log holds one row per sample, or one row per problem; rows of one
problem are brought together by its id, and by its question where there is none.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from arts.errors import InputError, MissingExtraError
from arts.problems.rows import read_rows
from arts.trees.log_formats import FORMATS, Fields, LogFormat, LogName, LogOptions
from arts.trees.log_values import (
    MISSING,
    answer_of,
    are_likelihoods,
    beside,
    digest,
    flattened,
    is_chat,
    key_of,
    look,
    only,
    text_of,
)

Row = Mapping[str, Any]

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
ROWS_AT_ONCE = 1024
STEP = "step"
"""The field in which verl and TRL write the training step."""
DIFFERENT_SCORES = 9
"""How many different values of a score are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What was read: rows as ``flat.import_rows`` takes them, each with its place.

    ``scores`` are numbers that were met as verdicts, the first few different ones. ``steps`` are the training steps
    whose policies drew the samples, in order; none where ``where`` has chosen among them.
    """

    format: LogName
    rows: list[tuple[str, dict[str, Any]]]
    scores: tuple[float, ...]
    steps: tuple[str, ...]


def is_log(source: str) -> bool:
    """Whether a source names a log, by how its name ends, rather than a store or a model."""
    return source.endswith(SUFFIXES)


def read_log(source: str, options: LogOptions) -> Log:
    """The samples of a file, or of all files that a pattern like ``rollouts/*.jsonl`` names, by problem.

    Each row has ``problem_id`` (given, or a digest of the question), ``problem``, ``answer`` (the key, if any) and
    ``samples`` of ``text`` or ``steps``, ``answer`` and ``correct``, which is None where the log has no verdict.

    Raises:
        InputError: no file, a row that does not fit (named by file and row), or nothing left by ``where``.
        MissingExtraError: a Parquet file without the extra ``data``.
    """
    rows = _rows(source)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{source}: no rows; give a log with one JSON object per line, or a Parquet file")
    known = _format(first, options)
    rows = _again(first, rows)
    reader = _Reader(known, options)
    for place, row in _joined_events(rows) if known.name == "openai-evals" else rows:
        reader.add(place, row)
    return reader.done(source)


def _rows(source: str) -> Iterator[tuple[str, Row]]:
    pattern = Path(source)
    paths = sorted(pattern.parent.glob(pattern.name)) if "*" in pattern.name else [pattern]
    if not paths:
        raise InputError(f"{source}: no file has such a name")
    for path in paths:
        numbered = _parquet_rows(path) if path.suffix == ".parquet" else read_rows(path)
        yield from ((f"{path}:{number}", row) for number, row in numbered)


def _again(first: tuple[str, Row], rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, Row]]:
    yield first
    yield from rows


def _parquet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{path}: reading Parquet", "data") from error
    try:
        batches = pq.ParquetFile(path).iter_batches(batch_size=ROWS_AT_ONCE)
        yield from enumerate((row for batch in batches for row in batch.to_pylist()), start=1)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from error


def _format(first: tuple[str, Row], options: LogOptions) -> LogFormat:
    place, row = first
    given = options.fields
    for known in FORMATS:
        if options.format == known.name or (options.format == "auto" and known.marks and known.marks <= row.keys()):
            chosen = known
            break
    else:
        if not (given.problem and given.text):
            raise InputError(
                f"{place}: no format that is known has the fields {_names(row)}; name at least those of problem and"
                " text (fields.problem, fields.text)"
            )
        chosen = FORMATS[-1]
    named = {f.name: getattr(given, f.name) for f in fields(Fields) if getattr(given, f.name)}
    return replace(chosen, fields=replace(chosen.fields, **named))


def _joined_events(rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, Row]]:
    """One row per graded sample of an event log: each ``match`` with the ``sampling`` before it of the same sample."""
    drawn: dict[object, Mapping[str, Any]] = {}
    for place, event in rows:
        data = event.get("data")
        if not isinstance(data, Mapping):
            continue  # the specification of the run, its final report
        if event.get("type") == "sampling":
            drawn[event.get("sample_id")] = data
        elif event.get("type") == "match":
            before = drawn.pop(event.get("sample_id"), {})
            head = {name: value for name, value in event.items() if name != "data"}
            yield place, {**head, **before, **{name: value for name, value in data.items() if value is not None}}


class _Reader:
    """Brings samples of one problem together."""

    def __init__(self, known: LogFormat, options: LogOptions) -> None:
        self._format = known
        self._fields = known.fields
        self._named = frozenset(f.name for f in fields(Fields) if getattr(options.fields, f.name))
        self._above = options.correct_above
        self._where = _conditions(options.where)
        self._met: dict[str, set[str]] = {name: set() for name in self._where}
        self._problems: dict[str, tuple[str, dict[str, Any]]] = {}
        self._scores: set[float] = set()
        self._steps: set[str] = set()
        self._filters: set[str] = set()

    def add(self, place: str, row: Row) -> None:
        samples = [self._sample(*found) for found in self._found(place, row) if self._is_wanted(found[1], row)]
        if not samples:
            return
        self._filters.add(str(row.get("filter")))
        question = text_of(self._find("problem", row, place), "user")
        if question is None:
            raise InputError(f"{place}: no text under '{self._fields.problem}'; the row has {_names(row)}")
        key = key_of(self._find("key", row, place))
        if key is None and all(s["correct"] is None for s in samples):
            raise InputError(
                f"{place}: no verdict under '{self._fields.correct}' and no key under '{self._fields.key}'; name where"
                f" either is (fields.correct, fields.key); the row has {_names(row)}"
            )
        given = self._find("id", row, place)
        name = digest(question) if given is None else str(given)
        fresh: dict[str, Any] = {"problem_id": name, "problem": question, "answer": key, "samples": []}
        first, known = self._problems.setdefault(name, (place, fresh))
        if (known["problem"], known["answer"]) != (question, key):
            raise InputError(
                f"{place}: problem '{name}' has another question or key than at {first}; an id must name one problem"
                " (fields.id)"
            )
        known["samples"].extend(samples)

    def done(self, source: str) -> Log:
        if not self._problems:
            met = [f"{name} is {' or '.join(sorted(v)[:8]) or 'nowhere'}" for name, v in self._met.items()]
            raise InputError(f"{source}: nothing is left by where; {', '.join(met) or 'there are no graded samples'}")
        if self._format.name == "lm-eval" and len(self._filters) > 1:
            names = sorted(self._filters)
            raise InputError(
                f"{source}: has every sample once for each of the filters {', '.join(names)}; choose one by where"
                f" filter={names[0]}"
            )
        return Log(
            format=self._format.name,
            rows=list(self._problems.values()),
            scores=tuple(sorted(self._scores)),
            steps=tuple(sorted(self._steps, key=lambda step: (len(step), step))),
        )

    def _found(self, place: str, row: Row) -> Iterator[tuple[str, Row, object, object, object]]:
        """Place, holder, text, answer and verdict of each sample, as they are."""
        if self._fields.samples:
            samples = self._find("samples", row, place)
            if not isinstance(samples, list):
                raise InputError(f"{place}: no list under '{self._fields.samples}'; the row has {_names(row)}")
            for number, sample in enumerate(samples, start=1):
                where = f"{place}: sample {number}"
                if not isinstance(sample, Mapping):
                    raise InputError(f"{where} is a {type(sample).__name__}; give an object")
                yield where, sample, *(self._find(name, sample, where) for name in ("text", "answer", "correct"))
            return
        text, answer, correct = (self._find(name, row, place) for name in ("text", "answer", "correct"))
        if not isinstance(text, list) or is_chat(text):
            yield place, row, text, only(answer), only(correct)
            return
        if are_likelihoods(text):
            raise InputError(
                f"{place}: loglikelihood requests have no samples, only likelihoods of given answers; give the log of a"
                " task that generates text"
            )
        texts = flattened(text)
        for one in zip(texts, beside(answer, len(texts)), beside(correct, len(texts)), strict=True):
            yield place, row, *one

    def _sample(self, place: str, holder: Row, body: object, answer: object, correct: object) -> dict[str, Any]:
        """The flat shape."""
        verdict = self._verdict(correct, place)
        if isinstance(body, list) and all(isinstance(step, str) for step in body):
            return {"steps": body, "answer": answer_of(answer), "correct": verdict}
        text = text_of(body, "")
        if text is None:
            raise InputError(f"{place}: no text under '{self._fields.text}'; there are {_names(holder)}")
        stated = answer_of(answer)
        return {"text": text, "answer": None if stated == text else stated, "correct": verdict}

    def _verdict(self, value: object, place: str) -> bool | None:
        if isinstance(value, bool) or value is None:
            return value
        if not isinstance(value, (int, float)) or abs(value) > sys.float_info.max:
            raise InputError(
                f"{place}: '{self._fields.correct}' is {json.dumps(value, default=str)[:60]}; a verdict is true, false"
                " or a number that fits 64-bit floating point"
            )
        if value != value:
            return None
        if len(self._scores) < DIFFERENT_SCORES:
            self._scores.add(float(value))
        return value > self._above

    def _is_wanted(self, holder: Row, row: Row) -> bool:
        """Whether a sample, or else its row, meets every condition."""
        met = True
        for name, wanted in self._where.items():
            value = _either(name, holder, row)
            if value is not MISSING:
                self._met[name].add(_named(value))
            met &= value is not MISSING and _named(value) in wanted
        if met and STEP not in self._where and (step := _either(STEP, holder, row)) is not MISSING:
            self._steps.add(_named(step))
        return met

    def _find(self, name: str, holder: Row, place: str) -> Any:
        """The value of a field, None where there is none; a field that the user has named must be there."""
        path = getattr(self._fields, name)
        value = look(path, holder) if path else None
        if value is not MISSING:
            return value
        if name in self._named:
            raise InputError(f"{place}: no field '{path}'; there are {_names(holder)}")
        return None


def _either(name: str, holder: Row, row: Row) -> Any:
    """The value of a sample, or else of its row."""
    value = look(name, holder)
    return look(name, row) if value is MISSING else value


def _conditions(where: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for condition in where:
        name, equals, value = condition.partition("=")
        if not name or not equals:
            raise InputError(f"where {condition}: give FIELD=VALUE")
        found.setdefault(name, set()).add(value)
    return found


def _named(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _names(row: Row) -> str:
    return ", ".join(map(str, row)) or "nothing"
