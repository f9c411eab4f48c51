"""From a row of somebody's file to a problem: which field is which."""

import re
from collections.abc import Iterable, Iterator

from arts.errors import InputError
from arts.problems.base import Problem
from arts.problems.extraction.boxes import boxes
from arts.problems.rows import Row

_QUESTION_FIELDS = ("problem", "question", "question_concat", "prompt")
_ANSWER_FIELDS = ("answer", "Answer", "final_answer", "target")
_ID_FIELDS = ("id", "unique_id", "ID")
_SUBJECT_FIELDS = ("subject", "type", "Type")
_LEVEL = re.compile(r"(?:Level )?(\d{1,18})")


def problems_of(rows: Iterable[tuple[int, Row]], *, place: str, stem: str, key_mark: str = "") -> Iterator[Problem]:
    """The problems of numbered rows; a row without an id gets ``stem`` and its number.

    ``key_mark``: see :func:`key_of`; the whole answer field is the solution then.

    Raises:
        InputError: a row without a question or a key, or with an id of an earlier one; the text says which.
    """
    seen: set[str] = set()
    for number, row in rows:
        problem = _problem(row, f"{place}:{number}", stem, number, key_mark)
        if problem.id in seen:
            raise InputError(f"{place}:{number}: id '{problem.id}' was used in an earlier row; ids must be unique")
        seen.add(problem.id)
        yield problem


def question_of(row: Row) -> str:
    """The question of a row; "" where it has none."""
    return _first(row, _QUESTION_FIELDS)


def key_of(row: Row, key_mark: str = "") -> str:
    r"""The answer key of a row: its answer field, else the last ``\boxed{…}`` of its solution; "" where it has none.

    With a ``key_mark``, only what follows the last one in the answer field.
    """
    answer = _first(row, _ANSWER_FIELDS)
    if key_mark:
        return answer.rpartition(key_mark)[2].strip().replace(",", "")
    return answer or next(reversed(boxes(_solution(row, key_mark) or "")), "")


def whole_number(value: object, place: str) -> int | None:
    """The value where it is a whole number, else None.

    Raises:
        InputError: a store cannot hold the number; ``place`` names it.
    """
    if not isinstance(value, int):
        return None
    if not -(2**63) <= value < 2**63:
        raise InputError(f"{place} is too large; give a whole number that fits 64 bits")
    return value


def _problem(row: Row, place: str, stem: str, number: int, key_mark: str) -> Problem:
    question, answer = question_of(row), key_of(row, key_mark)
    if not (question and answer):
        missing = "problem" if not question else "answer"
        raise InputError(f"{place}: nothing under '{missing}'; every row needs a question and an answer")
    return Problem(
        id=_first(row, _ID_FIELDS) or f"{stem}-{number}",
        question=question,
        answer=answer,
        solution=_solution(row, key_mark),
        subject=_first(row, _SUBJECT_FIELDS) or None,
        level=_level(row.get("level"), f"{place}: 'level'"),
        source=str(row.get("source", stem)),
    )


def _first(row: Row, names: tuple[str, ...]) -> str:
    """The text of the first of these fields that has one; numbers are written as short as they can be."""
    for name in names:
        value = row.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (str, int, float)) and str(value).strip():
            return str(value)
    return ""


def _solution(row: Row, key_mark: str) -> str | None:
    names = ("solution", *_ANSWER_FIELDS) if key_mark else ("solution",)
    return next((value for name in names if isinstance(value := row.get(name), str)), None)


def _level(value: object, place: str) -> int | None:
    digits = _LEVEL.fullmatch(value) if isinstance(value, str) else None
    return whole_number(int(digits[1]) if digits else value, place)
