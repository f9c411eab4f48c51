"""Logs of other tools as samples by problem, found by naming where things are.

``docs/recorded-runs.md`` describes the formats. A log holds one row per sample, or one row per problem; rows of one
problem are brought together by its id, and by its question where there is none.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import NamedTuple

from arts.errors import InputError
from arts.files import StrPath
from arts.logs.conditions import Where
from arts.logs.formats import FORMATS, LogFormat, LogName, LogOptions
from arts.logs.keys import Keys
from arts.logs.rows import Placed, joined, rows_of
from arts.logs.sample import Sample, SampledProblem
from arts.logs.values import (
    MISSING,
    answer_of,
    as_float,
    digest,
    either,
    field_names,
    is_number,
    key_of,
    level_of,
    look,
    scores_of,
    spelling,
    spread,
    text_of,
    was_cut,
)
from arts.problems.base import Problem
from arts.problems.fields import whole_number
from arts.problems.rows import Row

PER_SAMPLE = ("text", "answer", "correct", "tokens", "logprob", "finish")
"""The fields that are of a sample."""
STEP = "step"
"""The field in which verl and TRL write the training step."""
DIFFERENT_SCORES = 9
"""How many different values of a score are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What was read.

    ``scores`` are numbers that were met as verdicts, the first few different ones. ``steps`` are the training steps
    whose policies drew the samples, in order; none where ``where`` has chosen among them. ``empty`` counts rows
    without any sample, such as failed requests.
    """

    format: LogName
    problems: list[SampledProblem]
    scores: tuple[float, ...]
    steps: tuple[str, ...]
    empty: int


def read_log(source: StrPath, options: LogOptions, scores: Sequence[str] | None = None) -> Log:
    """The samples of a file, or of all files that a pattern like ``rollouts/*.jsonl`` names, by problem.

    A problem without an id is named by a digest of its question. ``scores`` names the fields that are read as such;
    None: the numbers, and lists of numbers, of samples that the row lists.

    Raises:
        InputError: no file, a row that does not fit (named by file and row), or nothing left by ``where``.
        MissingExtraError: a Parquet file without the extra ``data``.
        UsageError: an expression of ``where`` cannot be read.
    """
    name = os.fspath(source)
    rows = rows_of(name)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{name}: no rows; give a log with one JSON object per line, or a Parquet file")
    known = _format(first, options)
    reader = _Reader(known, options, scores)
    for place, row in joined(known.name, chain([first], rows)):
        reader.add(place, row)
    return reader.done(name)


def _format(first: Placed, options: LogOptions) -> LogFormat:
    place, row = first
    given = options.fields
    for known in FORMATS:  # the last one is the custom one
        if options.format == known.name or (options.format == "auto" and known.marks and known.marks <= row.keys()):
            break
    else:
        if not (given.text and (given.problem or (given.id and options.keys))):
            raise InputError(
                f"{place}: no known format has the fields {field_names(row)}; list the samples under 'samples', or name"
                " at least the fields of problem and text (fields.problem, fields.text)"
            )
    named = {name: path for name, path in asdict(given).items() if path}
    return replace(known, fields=replace(known.fields, **named))


class _Found(NamedTuple):
    """A sample as its row has it: place, the object that holds it, values by the names of ``PER_SAMPLE``, scores."""

    place: str
    holder: Row
    values: Row
    scores: Row


class _Reader:
    """Brings samples of one problem together."""

    def __init__(self, known: LogFormat, options: LogOptions, scores: Sequence[str] | None) -> None:
        self._format = known
        self._paths: dict[str, str] = asdict(known.fields)
        self._named = {name for name, path in asdict(options.fields).items() if path}
        self._keys = Keys(options.keys) if options.keys else None
        self._above = options.correct_above
        self._wanted = Where(options.where)
        self._chosen = scores
        self._numbers: set[str] = set()
        self._taken = {path.split(".")[0] for name in PER_SAMPLE for path in self._paths[name].split("|")}
        self._problems: dict[str, SampledProblem] = {}
        self._scores: set[float] = set()
        self._steps: set[str] = set()
        self._filters: set[str] = set()
        self._empty = 0

    def add(self, place: str, row: Row) -> None:
        found = list(self._found(place, row))
        self._empty += not found
        samples = [self._sample(one, row) for one in found if self._wanted(one.holder, row)]
        if not samples:
            return
        self._filters.add(str(row.get("filter")))
        problem = self._problem(place, row)
        if not problem.answer and all(s.correct is None for s in samples):
            raise InputError(
                f"{place}: no verdict under '{self._paths['correct']}' and no key under '{self._paths['key']}';"
                " name where either is (fields.correct, fields.key), or a problem set (keys); the row has"
                f" {field_names(row)}"
            )
        known = self._problems.setdefault(problem.id, SampledProblem(place=place, problem=problem, samples=[]))
        if (known.problem.question, known.problem.answer) != (problem.question, problem.answer):
            raise InputError(
                f"{place}: problem '{problem.id}' has another question or key than at {known.place}; an id must name"
                " one problem (fields.id)"
            )
        known.samples.extend(samples)

    def _problem(self, place: str, row: Row) -> Problem:
        """What a row says of its problem, or what the set of keys has of it."""
        question = text_of(self._find("problem", row, place), "user")
        given = self._find("id", row, place)
        name = None if given is None else str(given)
        if self._keys:
            return self._keys.find(question, name, place)
        if question is None:
            raise InputError(f"{place}: no text under '{self._paths['problem']}'; the row has {field_names(row)}")
        subject, source = self._find("subject", row, place), row.get("source")
        return Problem(
            id=digest(question) if name is None else name,
            question=question,
            answer=key_of(self._find("key", row, place)),
            level=whole_number(level_of(self._find("level", row, place)), f"{place}: 'level'"),
            subject=None if subject is None else str(subject),
            source=source if isinstance(source, str) else "",
        )

    def done(self, source: str) -> Log:
        problems = list(self._problems.values())
        if not problems:
            met = [f"{name} is {' or '.join(sorted(v)[:8]) or 'nowhere'}" for name, v in self._wanted.met.items()]
            said = f"nothing is left by where; {', '.join(met)}" if met else "there are no graded samples"
            raise InputError(f"{source}: {said}")
        if self._format.name == "lm-eval" and len(self._filters) > 1:
            names = sorted(self._filters)
            raise InputError(
                f"{source}: has every sample once for each of the filters {', '.join(names)}; choose one by where"
                f" filter={names[0]}"
            )
        scored = {name for problem in problems for sample in problem.samples for name in sample.scores}
        for name in self._chosen or ():
            if name not in scored:
                there = ", ".join(sorted(self._numbers)) or "none"
                raise InputError(f"{source}: no scores named '{name}'; numbers of its samples are: {there}")
        steps = () if STEP in self._wanted.met else sorted(self._steps, key=lambda step: (len(step), step))
        return Log(
            format=self._format.name,
            problems=problems,
            scores=tuple(sorted(self._scores)),
            steps=tuple(steps),
            empty=self._empty,
        )

    def _found(self, place: str, row: Row) -> Iterator[_Found]:
        if self._paths["samples"]:
            samples = self._find("samples", row, place)
            if not isinstance(samples, list):
                raise InputError(f"{place}: no list under '{self._paths['samples']}'; the row has {field_names(row)}")
            for number, sample in enumerate(samples, start=1):
                where = f"{place}: sample {number}"
                if not isinstance(sample, Mapping):
                    raise InputError(f"{where} is a {type(sample).__name__}; give an object")
                yield _Found(where, sample, self._values(sample, where), self._scores_of(sample, row))
            return
        for values, scores in spread(self._values(row, place), self._scores_of(row, row), place):
            yield _Found(place, row, values, scores)

    def _values(self, holder: Row, place: str) -> Row:
        return {name: self._find(name, holder, place) for name in PER_SAMPLE}

    def _scores_of(self, holder: Row, row: Row) -> Row:
        """What the scores of a sample may be, as it is."""
        if self._chosen is not None:
            self._numbers |= {name for name, value in holder.items() if is_number(value)} if self._chosen else set()
            return {name: either(name, holder, row) for name in self._chosen}
        return {} if holder is row else {name: x for name, x in holder.items() if name not in self._taken}

    def _sample(self, found: _Found, row: Row) -> Sample:
        step = either(STEP, found.holder, row)
        if step is not MISSING:
            self._steps.add(spelling(step))
        place, values = found.place, found.values
        body, answer = self._body(found), answer_of(values["answer"])
        return Sample(
            place=place,
            body=body,
            answer=None if answer == body else answer,
            correct=self._verdict(values["correct"], place),
            tokens=whole_number(values["tokens"], f"{place}: 'tokens'"),
            logprob=as_float(values["logprob"], f"{place}: 'logprob'"),
            cut=was_cut(values["finish"]),
            scores=scores_of(found.scores, place),
        )

    def _body(self, found: _Found) -> str | tuple[str, ...]:
        body = found.values["text"]
        if isinstance(body, list) and all(isinstance(step, str) for step in body):
            return tuple(body)
        text = text_of(body, "assistant")
        if text is None:
            there = field_names(found.holder)
            raise InputError(f"{found.place}: no text under '{self._paths['text']}'; there are {there}")
        return text

    def _verdict(self, value: object, place: str) -> bool | None:
        if isinstance(value, bool) or value is None:
            return value
        if not isinstance(value, (int, float)) or abs(value) > sys.float_info.max:
            raise InputError(
                f"{place}: '{self._paths['correct']}' is {json.dumps(value, default=str)[:60]}; a verdict is true,"
                " false or a number that fits 64-bit floating point"
            )
        if value != value:
            return None
        if len(self._scores) < DIFFERENT_SCORES:
            self._scores.add(float(value))
        return value > self._above

    def _find(self, name: str, holder: Row, place: str) -> object:
        """The value of a field, None where there is none; a field that the user has named must be there."""
        path = self._paths[name]
        value = look(path, holder, nulls=name != "text") if path else None
        if value is not MISSING:
            return value
        if name in self._named:
            raise InputError(f"{place}: no field '{path}'; there are {field_names(holder)}")
        return None
