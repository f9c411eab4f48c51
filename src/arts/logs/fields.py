"""The fields of a format in single rows: samples with their values, the problem, verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

from arts.errors import InputError
from arts.logs.formats import Fields, LogFormat
from arts.logs.spread import spread
from arts.logs.values import MISSING, answer_of, digest, either, field_names, key_of, level_of, look_where, text_of
from arts.logs.verdicts import refuse_other_metrics, unfit, verdict_in
from arts.problems.base import Problem
from arts.problems.fields import whole_number
from arts.problems.rows import Row

PER_SAMPLE = ("text", "answer", "correct", "tokens", "logprob", "finish")
"""The fields that are of a sample."""


class Found(NamedTuple):
    """A sample as its row has it: place, the object that holds it, values by the names of ``PER_SAMPLE``, scores."""

    place: str
    holder: Row
    values: Row
    scores: Row


class RowFields:
    """Where rows of a format hold things. ``named`` are the fields that the user gave, which must be there.

    ``scores`` are the fields that are read as such, None: all numbers of listed samples, as candidates.

    Raises:
        UnfitFields: the named verdict is another metric.
    """

    def __init__(self, known: LogFormat, given: Fields, scores: Sequence[str] | None, place: str) -> None:
        self.paths: dict[str, str] = asdict(known.fields)
        self._named = frozenset(name for name, path in asdict(given).items() if path)
        self._scores = scores
        self._used: dict[str, dict[str, None]] = {name: {} for name in self.paths}
        self._taken = {path.split(".")[0] for name in PER_SAMPLE for path in self.paths[name].split("|")}
        if "correct" in self._named:
            refuse_other_metrics(self.paths["correct"], place)

    @property
    def used(self) -> dict[str, str]:
        """The paths that were found, by the names of fields; several are joined by "or"."""
        return {name: " or ".join(paths) for name, paths in self._used.items() if paths}

    def samples(self, place: str, row: Row) -> Iterator[Found]:
        """The samples of a row.

        Raises:
            InputError: the row does not fit.
            UnfitFields: no row does.
        """
        if not self.paths["samples"]:
            named, path = self._named.intersection(PER_SAMPLE) - {"text"}, self.paths["text"]
            values = self._values(row, place)
            for one, scores in spread(values, self._scores_of(row, row), place, path=path, named=named):
                yield Found(place, row, one, scores)
            return
        samples = self.find("samples", row, place)
        if not isinstance(samples, list):
            raise InputError(f"{place}: no list under '{self.paths['samples']}'; the row has {field_names(row)}")
        for number, sample in enumerate(samples, start=1):
            where = f"{place}: sample {number}"
            if not isinstance(sample, Mapping):
                raise InputError(f"{where} is a {type(sample).__name__}; give an object")
            yield Found(where, sample, self._values(sample, where), self._scores_of(sample, row))

    def body(self, found: Found) -> str | tuple[str, ...]:
        """The text of a sample, or its steps.

        Raises:
            InputError: there is none.
        """
        body = found.values["text"]
        if isinstance(body, list) and all(isinstance(step, str) for step in body):
            return tuple(body)
        text = text_of(body, "assistant")
        if text is None:
            there = field_names(found.holder)
            raise InputError(f"{found.place}: no text under '{self.paths['text']}'; there are {there}")
        return text

    def answer(self, found: Found) -> str | None:
        """The answer that the log has read off a sample."""
        return answer_of(found.values["answer"])

    def verdict(self, found: Found) -> bool | float | None:
        """The verdict of the log on a sample, None where it has none.

        Raises:
            UnfitFields: what is there is no verdict.
        """
        value = found.values["correct"]
        said = verdict_in(value)
        if said is None and value is not None and value == value:
            raise unfit(self.paths["correct"], value, found.place)
        return None if said != said else said

    def problem(self, place: str, row: Row) -> Problem:
        """What a row says of its problem.

        Raises:
            InputError: it has no question.
        """
        question, name = self.question(place, row)
        if question is None:
            raise InputError(f"{place}: no text under '{self.paths['problem']}'; the row has {field_names(row)}")
        subject, source = self.find("subject", row, place), row.get("source")
        return Problem(
            id=digest(question) if name is None else name,
            question=question,
            answer=key_of(self.find("key", row, place)),
            level=whole_number(level_of(self.find("level", row, place)), f"{place}: 'level'"),
            subject=None if subject is None else str(subject),
            source=source if isinstance(source, str) else "",
        )

    def question(self, place: str, row: Row) -> tuple[str | None, str | None]:
        """The question and the id, None where the row has none."""
        name = self.find("id", row, place)
        return text_of(self.find("problem", row, place), "user"), None if name is None else str(name)

    def find(self, name: str, holder: Row, place: str) -> object:
        """The value of a field, None where there is none.

        Raises:
            InputError: a field that the user has named is not there.
        """
        path = self.paths[name]
        if not path:
            return None
        where, value = look_where(path, holder, nulls=name != "text")
        if value is not MISSING:
            self._used[name][where] = None
            return value
        if name in self._named:
            raise InputError(f"{place}: no field '{path}'; there are {field_names(holder)}")
        return None

    def _values(self, holder: Row, place: str) -> Row:
        return {name: self.find(name, holder, place) for name in PER_SAMPLE}

    def _scores_of(self, holder: Row, row: Row) -> Row:
        """What the scores of a sample may be, as it is."""
        if self._scores is not None:
            return {name: either(name, holder, row) for name in self._scores}
        return {} if holder is row else {name: x for name, x in holder.items() if name not in self._taken}
