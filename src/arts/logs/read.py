"""Logs of other tools, brought into the shape of flat rollouts (see ``flat.py``) by naming where things are.

``docs/recorded-runs.md`` describes the formats. A log holds one row per sample, or one row per problem; rows of one
problem are brought together by its id, and by its question where there is none.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from arts.errors import InputError
from arts.logs.formats import FORMATS, Fields, LogFormat, LogName, LogOptions
from arts.logs.keys import load_keys
from arts.logs.rows import Placed, Row, joined, rows_of
from arts.logs.values import (
    MISSING,
    answer_of,
    are_likelihoods,
    beside,
    conditions,
    digest,
    either,
    field_names,
    flattened,
    is_chat,
    is_number,
    is_score,
    key_of,
    level_of,
    look,
    look_past_nulls,
    only,
    spelling,
    text_of,
)

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
PER_SAMPLE = ("text", "answer", "correct", "tokens", "logprob")
"""The fields that are of a sample."""
STEP = "step"
"""The field in which verl and TRL write the training step."""
DIFFERENT_SCORES = 9
"""How many different values of a score are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What was read: rows as ``flat.import_rows`` takes them, each with its place.

    ``scores`` are numbers that were met as verdicts, the first few different ones. ``steps`` are the training steps
    whose policies drew the samples, in order; none where ``where`` has chosen among them. ``empty`` counts rows
    without any sample, such as failed requests.
    """

    format: LogName
    rows: list[tuple[str, dict[str, Any]]]
    scores: tuple[float, ...]
    steps: tuple[str, ...]
    empty: int


def is_log(source: str) -> bool:
    """Whether a source names a log, by how its name ends, rather than a store or a model."""
    return source.endswith(SUFFIXES)


def read_log(source: str, options: LogOptions, scores: Sequence[str] | None = None) -> Log:
    """The samples of a file, or of all files that a pattern like ``rollouts/*.jsonl`` names, by problem.

    Each row has ``problem_id`` (given, or a digest of the question), ``problem``, ``answer`` (the key, if any),
    ``level``, ``subject``, ``source`` and ``samples`` of ``text`` or ``steps``, ``answer``, ``correct``, which is None
    where the log has no verdict, ``tokens`` and ``logprob`` where it has them, and scores. ``scores`` names the fields
    that are read as such; None: the numbers, and lists of numbers, of samples that the row lists.

    Raises:
        InputError: no file, a row that does not fit (named by file and row), or nothing left by ``where``.
        MissingExtraError: a Parquet file without the extra ``data``.
    """
    rows = rows_of(source)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{source}: no rows; give a log with one JSON object per line, or a Parquet file")
    known = _format(first, options)
    reader = _Reader(known, options, scores)
    for place, row in joined(known.name, _again(first, rows)):
        reader.add(place, row)
    return reader.done(source)


def _again(first: Placed, rows: Iterable[Placed]) -> Iterator[Placed]:
    yield first
    yield from rows


def _format(first: tuple[str, Row], options: LogOptions) -> LogFormat:
    place, row = first
    given = options.fields
    for known in FORMATS:
        if options.format == known.name or (options.format == "auto" and known.marks and known.marks <= row.keys()):
            chosen = known
            break
    else:
        if not (given.text and (given.problem or (given.id and options.keys))):
            raise InputError(
                f"{place}: no known format has the fields {field_names(row)}; list the samples under 'samples', or name"
                " at least the fields of problem and text (fields.problem, fields.text)"
            )
        chosen = FORMATS[-1]
    named = {f.name: getattr(given, f.name) for f in fields(Fields) if getattr(given, f.name)}
    return replace(chosen, fields=replace(chosen.fields, **named))


class _Reader:
    """Brings samples of one problem together."""

    def __init__(self, known: LogFormat, options: LogOptions, scores: Sequence[str] | None) -> None:
        self._format = known
        self._fields = known.fields
        self._named = frozenset(f.name for f in fields(Fields) if getattr(options.fields, f.name))
        self._keys = load_keys(options.keys) if options.keys else None
        self._above = options.correct_above
        self._where = conditions(options.where)
        self._met: dict[str, set[str]] = {name: set() for name in self._where}
        self._chosen = scores
        self._numbers: set[str] = set()
        paths = "|".join(getattr(known.fields, name) for name in PER_SAMPLE)
        self._taken = frozenset(path.split(".")[0] for path in paths.split("|"))
        self._problems: dict[str, tuple[str, dict[str, Any]]] = {}
        self._scores: set[float] = set()
        self._steps: set[str] = set()
        self._filters: set[str] = set()
        self._empty = 0

    def add(self, place: str, row: Row) -> None:
        found = list(self._found(place, row))
        self._empty += not found
        samples = [self._sample(*one) for one in found if self._is_wanted(one[1], row)]
        if not samples:
            return
        self._filters.add(str(row.get("filter")))
        head = self._problem(place, row)
        if head["answer"] is None and all(s["correct"] is None for s in samples):
            raise InputError(
                f"{place}: no verdict under '{self._fields.correct}' and no key under '{self._fields.key}'; name where"
                f" either is (fields.correct, fields.key), or a problem set (keys); the row has {field_names(row)}"
            )
        first, known = self._problems.setdefault(head["problem_id"], (place, {**head, "samples": []}))
        if (known["problem"], known["answer"]) != (head["problem"], head["answer"]):
            raise InputError(
                f"{place}: problem '{head['problem_id']}' has another question or key than at {first}; an id must name"
                " one problem (fields.id)"
            )
        known["samples"].extend(samples)

    def _problem(self, place: str, row: Row) -> dict[str, Any]:
        """What a row says of its problem, or what the set of keys says of it."""
        question = text_of(self._find("problem", row, place), "user")
        given = self._find("id", row, place)
        name = None if given is None else str(given)
        if self._keys:
            known = self._keys.find(question, name, place)
            return {
                "problem_id": known.id,
                "problem": known.question,
                "answer": known.answer,
                **{field: getattr(known, field) for field in ("level", "subject", "source")},
            }
        if question is None:
            raise InputError(f"{place}: no text under '{self._fields.problem}'; the row has {field_names(row)}")
        subject, source = self._find("subject", row, place), row.get("source")
        return {
            "problem_id": digest(question) if name is None else name,
            "problem": question,
            "answer": key_of(self._find("key", row, place)),
            "level": level_of(self._find("level", row, place)),
            "subject": None if subject is None else str(subject),
            "source": source if isinstance(source, str) else "",
        }

    def done(self, source: str) -> Log:
        if not self._problems:
            met = [f"{name} is {' or '.join(sorted(v)[:8]) or 'nowhere'}" for name, v in self._met.items()]
            said = f"nothing is left by where; {', '.join(met)}" if met else "there are no graded samples"
            raise InputError(f"{source}: {said}")
        if self._format.name == "lm-eval" and len(self._filters) > 1:
            names = sorted(self._filters)
            raise InputError(
                f"{source}: has every sample once for each of the filters {', '.join(names)}; choose one by where"
                f" filter={names[0]}"
            )
        rows = list(self._problems.values())
        for name in self._chosen or ():
            if not any(is_score(s.get(name)) for _, row in rows for s in row["samples"]):
                there = ", ".join(sorted(self._numbers)) or "none"
                raise InputError(f"{source}: no scores named '{name}'; numbers of its samples are: {there}")
        return Log(
            format=self._format.name,
            rows=rows,
            scores=tuple(sorted(self._scores)),
            steps=tuple(sorted(self._steps, key=lambda step: (len(step), step))),
            empty=self._empty,
        )

    def _found(self, place: str, row: Row) -> Iterator[tuple[str, Row, dict[str, Any]]]:
        """Place, holder and values of each sample, as they are."""
        if self._fields.samples:
            samples = self._find("samples", row, place)
            if not isinstance(samples, list):
                raise InputError(f"{place}: no list under '{self._fields.samples}'; the row has {field_names(row)}")
            for number, sample in enumerate(samples, start=1):
                where = f"{place}: sample {number}"
                if not isinstance(sample, Mapping):
                    raise InputError(f"{where} is a {type(sample).__name__}; give an object")
                values = {name: self._find(name, sample, where) for name in PER_SAMPLE}
                yield where, sample, {**self._scores_of(sample, row), **values}
            return
        values, scores = {name: self._find(name, row, place) for name in PER_SAMPLE}, self._scores_of(row, row)
        if not isinstance(values["text"], list) or is_chat(values["text"]):
            beside_it = {name: only(value) for name, value in values.items() if name != "text"}
            yield place, row, {**scores, **beside_it, "text": values["text"]}
            return
        if are_likelihoods(values["text"]):
            raise InputError(
                f"{place}: loglikelihood requests have no samples, only likelihoods of given answers; give the log of a"
                " task that generates text"
            )
        count = len(flattened(values["text"]))
        columns = {name: beside(value, count) for name, value in {**scores, **values}.items()}
        for i in range(count):
            yield place, row, {name: column[i] for name, column in columns.items()}

    def _scores_of(self, holder: Row, row: Row) -> dict[str, Any]:
        """The scores of a sample, as they are."""
        if self._chosen is not None:
            self._numbers |= {name for name, value in holder.items() if is_number(value)} if self._chosen else set()
            found = {name: either(name, holder, row) for name in self._chosen}
            return {name: None if value is MISSING else value for name, value in found.items()}
        if holder is row:
            return {}
        return {name: value for name, value in holder.items() if name not in self._taken and is_score(value)}

    def _sample(self, place: str, holder: Row, values: dict[str, Any]) -> dict[str, Any]:
        """The flat shape."""
        body, stated = values.pop("text"), answer_of(values.pop("answer"))
        verdict = self._verdict(values.pop("correct"), place)
        rest = {name: value for name, value in values.items() if value is not None}
        if isinstance(body, list) and all(isinstance(step, str) for step in body):
            return {"steps": body, "answer": stated, "correct": verdict, **rest}
        text = text_of(body, "assistant")
        if text is None:
            raise InputError(f"{place}: no text under '{self._fields.text}'; there are {field_names(holder)}")
        return {"text": text, "answer": None if stated == text else stated, "correct": verdict, **rest}

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
            value = either(name, holder, row)
            if value is not MISSING:
                self._met[name].add(spelling(value))
            met &= value is not MISSING and spelling(value) in wanted
        if met and STEP not in self._where and (step := either(STEP, holder, row)) is not MISSING:
            self._steps.add(spelling(step))
        return met

    def _find(self, name: str, holder: Row, place: str) -> Any:
        """The value of a field, None where there is none; a field that the user has named must be there."""
        path = getattr(self._fields, name)
        value = look_past_nulls(path, holder) if name == "text" else look(path, holder) if path else None
        if value is not MISSING:
            return value
        if name in self._named:
            raise InputError(f"{place}: no field '{path}'; there are {field_names(holder)}")
        return None
