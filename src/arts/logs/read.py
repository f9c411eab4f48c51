"""Logs of other tools as samples by problem, found by naming where things are.

``docs/recorded-runs.md`` describes the formats. A log holds one row per sample, or one row per problem; rows of one
problem are brought together by its id, and by its question where there is none.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from arts.errors import InputError
from arts.files import StrPath
from arts.logs.conditions import Where
from arts.logs.fields import Found, RowFields
from arts.logs.formats import LogFormat, LogName, LogOptions
from arts.logs.keys import Keys
from arts.logs.rows import joined, rows_of
from arts.logs.sample import Sample, SampledProblem
from arts.logs.scores import Chosen, choose_scores, keep_scores, numbers_of
from arts.logs.told import HEAD, is_row, told_format
from arts.logs.unread import Unread
from arts.logs.values import MISSING, as_float, either, field_names, is_number, spelling, was_cut
from arts.logs.verdicts import UnfitFields, refuse_tasks_without_verdicts
from arts.problems.base import Problem
from arts.problems.fields import whole_number
from arts.problems.rows import Row

STEP = "step"
"""The field in which verl and TRL write the training step."""
DIFFERENT_SCORES = 9
"""How many different values of a score are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What was read.

    ``fields`` are the paths that were found, by the names of :class:`arts.logs.formats.Fields`. ``scores`` are numbers
    that were met as verdicts, the first few different ones, ``chosen`` the names of the score columns and of numbers
    that are none. ``steps`` are the training steps whose policies drew the samples, in order; none where ``where`` has
    chosen among them. ``empty`` counts rows without any sample, such as failed requests, ``unread`` those that cannot
    be read. ``keyless`` has the places of problems whose samples nobody can judge, ``shared`` counts rows whose one
    verdict is of several samples.
    """

    format: LogName
    fields: dict[str, str]
    problems: list[SampledProblem]
    scores: tuple[float, ...]
    chosen: Chosen
    steps: tuple[str, ...]
    empty: int
    unread: Unread
    keyless: tuple[str, ...]
    shared: int


def read_log(source: StrPath, options: LogOptions, scores: Sequence[str] | None = None) -> Log:
    """The samples of a file, or of all files that a pattern like ``rollouts/*.jsonl`` names, by problem.

    A problem without an id is named by a digest of its question. ``scores`` names the fields that are read as such;
    None: the numbers, and lists of numbers, of samples that the row lists and that look like scores.

    Rows that cannot be read are left out and counted, unless that is all of them.

    Raises:
        InputError: no file, no row that fits (named by file and row), or nothing left by ``where``.
        MissingExtraError: a Parquet file without the extra ``data``.
        UsageError: an expression of ``where`` cannot be read.
    """
    name, unread = os.fspath(source), Unread()
    rows = rows_of(name, unread, lambda row: is_row(row, options))
    head = list(islice(rows, HEAD))
    if not head:
        raise InputError(
            unread.first or f"{name}: no rows; give a log with one JSON object per line, or a Parquet file"
        )
    known = told_format(head, options)
    reader = _Reader(known, options, scores, head[0][0])
    for place, row in joined(known.name, chain(head, rows)):
        try:
            reader.add(place, row)
        except UnfitFields:
            raise
        except InputError as error:
            unread.add(str(error))
        except RecursionError:
            unread.add(f"{place}: nested too deeply")
    return reader.done(name, unread)


class _Reader:
    """Brings samples of one problem together."""

    def __init__(self, known: LogFormat, options: LogOptions, scores: Sequence[str] | None, place: str) -> None:
        self._format = known
        self._fields = RowFields(known, options.fields, scores, place)
        self._keys = Keys(options.keys) if options.keys else None
        self._above = options.correct_above
        self._judged = bool(options.fields.correct)
        self._wanted = Where(options.where)
        self._chosen = scores
        self._numbers: set[str] = set()
        self._problems: dict[str, SampledProblem] = {}
        self._scores: set[float] = set()
        self._steps: set[str] = set()
        self._filters: set[str] = set()
        self._first_fields = ""
        self._empty = self._shared = 0

    def add(self, place: str, row: Row) -> None:
        found = list(self._fields.samples(place, row))
        samples = [self._sample(one, row) for one in found if self._wanted(one.holder, row)]
        self._first_fields = self._first_fields or field_names(row)
        if samples:
            self._file(place, row, samples)
        self._empty += not found

    def _file(self, place: str, row: Row, samples: list[Sample]) -> None:
        """Put the samples of a row to their problem."""
        problem = self._problem(place, row)
        silent = all(s.correct is None for s in samples)
        said = self._fields.find("correct", row, place) if silent and not self._fields.paths["samples"] else None
        if self._format.name == "lm-eval" and not self._judged:
            refuse_tasks_without_verdicts(row, said if silent else samples[0].correct, place)
        known = self._problems.get(problem.id) or SampledProblem(place=place, problem=problem, samples=[])
        keys = {known.problem.answer, problem.answer} - {""}
        if known.problem.question != problem.question or len(keys) > 1:
            raise UnfitFields(
                f"{place}: problem '{problem.id}' has another question or key than at {known.place}; an id must name"
                " one problem (fields.id)"
            )
        known = known if known.problem.answer else replace(known, problem=problem)  # a row may lack what others have
        known.samples.extend(samples)
        self._problems[problem.id] = known
        self._filters.add(str(row.get("filter")))
        self._shared += silent and said is not None and len(samples) > 1

    def _problem(self, place: str, row: Row) -> Problem:
        """What a row says of its problem, or what the set of keys has of it."""
        if self._keys:
            return self._keys.find(*self._fields.question(place, row), place)
        return self._fields.problem(place, row)

    def _sample(self, found: Found, row: Row) -> Sample:
        step = either(STEP, found.holder, row)
        if step is not MISSING:
            self._steps.add(spelling(step))
        if self._chosen:
            self._numbers |= {name for name, value in found.holder.items() if is_number(value)}
        place, values = found.place, found.values
        return Sample(
            place=place,
            body=self._fields.body(found),
            answer=self._fields.answer(found),
            correct=self._verdict(found),
            tokens=whole_number(values["tokens"], f"{place}: 'tokens'"),
            logprob=as_float(values["logprob"], f"{place}: 'logprob'"),
            cut=was_cut(values["finish"]),
            scores=numbers_of(found.scores, place, named=self._chosen is not None),
        )

    def _verdict(self, found: Found) -> bool | None:
        said = self._fields.verdict(found)
        if said is None or isinstance(said, bool):
            return said
        if len(self._scores) < DIFFERENT_SCORES:
            self._scores.add(said)
        return said > self._above

    def done(self, source: str, unread: Unread) -> Log:
        problems = list(self._problems.values())
        if not problems:
            if unread.first:
                raise InputError(unread.first)
            met = [f"{name} is {' or '.join(sorted(v)[:8]) or 'nowhere'}" for name, v in self._wanted.met.items()]
            said = f"nothing is left by where; {', '.join(met)}" if met else "there are no graded samples"
            raise InputError(f"{source}: {said}")
        keyless = [p for p in problems if not p.problem.answer and all(s.correct is None for s in p.samples)]
        if len(keyless) == len(problems):
            raise self._unjudged(keyless[0])
        if self._format.name == "lm-eval" and len(self._filters) > 1:
            names = sorted(self._filters)
            raise InputError(
                f"{source}: has every sample once for each of the filters {', '.join(names)}; choose one by where"
                f" filter={names[0]}"
            )
        chosen = self._choose(source, problems)
        steps = () if STEP in self._wanted.met else sorted(self._steps, key=lambda step: (len(step), step))
        return Log(
            format=self._format.name,
            fields=self._fields.used,
            problems=keep_scores(problems, chosen.taken),
            scores=tuple(sorted(self._scores)),
            chosen=chosen,
            steps=tuple(steps),
            empty=self._empty,
            unread=unread,
            keyless=tuple(p.place for p in keyless),
            shared=self._shared,
        )

    def _unjudged(self, first: SampledProblem) -> InputError:
        paths = self._fields.paths
        return InputError(
            f"{first.place}: no verdict under '{paths['correct']}' and no key under '{paths['key']}', nor in any other"
            " row; name where either is (fields.correct, fields.key), or a problem set (keys); the row has"
            f" {self._first_fields}"
        )

    def _choose(self, source: str, problems: Sequence[SampledProblem]) -> Chosen:
        if self._chosen is None:
            return choose_scores(problems)
        scored = {name for problem in problems for sample in problem.samples for name in sample.scores}
        for name in self._chosen:
            if name not in scored:
                there = ", ".join(sorted(self._numbers)) or "none"
                raise InputError(f"{source}: no scores named '{name}'; numbers of its samples are: {there}")
        return Chosen(taken=tuple(self._chosen), left=())
