"""Problems from JSON Lines files and from the Hugging Face Hub."""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from arts.errors import ArtsError, InputError, MissingExtraError
from arts.problems.base import Problem
from arts.problems.rows import read_rows
from arts.problems.sets import SETS, ProblemSet

Row = Mapping[str, Any]

_QUESTION_FIELDS = ("problem", "question", "question_concat", "prompt")
_ANSWER_FIELDS = ("answer", "Answer", "final_answer", "target")


def load_problems(spec: str, *, limit: int | None = None, offset: int = 0) -> list[Problem]:
    """The problems that ``spec`` names, ``limit`` of them after skipping ``offset``.

    ``spec`` is a ``.jsonl`` or ``.jsonl.gz`` file, a name of the catalogue with an optional ``:SPLIT``, or
    ``hf:REPO#SPLIT``.

    Raises:
        InputError: unknown spec or split, missing file, malformed row (named by file and row).
        MissingExtraError: a Hub set without the extra ``data``.
    """
    stop = None if limit is None else offset + limit
    if spec.startswith("hf:"):
        repo, _, split = spec[len("hf:") :].partition("#")
        rows = _hub_rows(repo, None, split or "test")
        return list(islice(_from_rows(rows, spec, None), offset, stop))
    name, _, split = spec.partition(":")
    if name in SETS:
        known = SETS[name]
        rows = _hub_rows(known.hub_id, known.config, _split(spec, split, known))
        return list(islice(_from_rows(rows, spec, known), offset, stop))
    path = Path(spec)
    if path.suffix in (".jsonl", ".gz") or path.exists():
        return list(islice(_from_rows(read_rows(path), str(path), None), offset, stop))
    near = difflib.get_close_matches(name, [*SETS, "congruences"], n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise InputError(
        f"{spec}: no such problem set; {hint}give a .jsonl file, hf:REPO#SPLIT or a name of 'arts problems list'"
    )


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


def _split(spec: str, split: str, known: ProblemSet) -> str:
    if split and split not in known.splits:
        raise InputError(f"{spec}: no split '{split}'; there are: {', '.join(known.splits)}")
    return split or known.splits[-1]


def _from_rows(rows: Iterable[tuple[int, Row]], place: str, known: ProblemSet | None) -> Iterator[Problem]:
    stem = Path(place).name.split(".")[0]
    seen: set[str] = set()
    for number, row in rows:
        problem = _problem(row, f"{place}:{number}", f"{stem}-{number}", known)
        if problem.id in seen:
            raise InputError(f"{place}:{number}: id '{problem.id}' was used in an earlier row; ids must be unique")
        seen.add(problem.id)
        yield problem


def _problem(row: Row, place: str, default_id: str, known: ProblemSet | None) -> Problem:
    question = _text(row, (known.question,) if known else _QUESTION_FIELDS, place)
    answer = _text(row, (known.answer,) if known else _ANSWER_FIELDS, place)
    if known and known.key_mark:
        answer = answer.rpartition(known.key_mark)[2].strip().replace(",", "")
    given = (row.get("id"), row.get("unique_id"), row.get("ID"))
    return Problem(
        id=str(next((name for name in given if name is not None), default_id)),
        question=question,
        answer=answer,
        solution=_optional(row.get("solution")),
        subject=_optional(row.get("subject", row.get("Type"))),
        level=whole_number(row.get("level"), f"{place}: 'level'"),
        source=str(row.get("source", default_id.rpartition("-")[0])),
    )


def _text(row: Row, names: tuple[str, ...], place: str) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, (str, int, float)) and str(value).strip():
            return str(value)
    raise InputError(f"{place}: nothing under '{names[0]}'; every row needs a question and an answer")


def _optional(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _hub_rows(repo: str, config: str | None, split: str) -> Iterator[tuple[int, Row]]:
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{repo}: a set of the Hugging Face Hub", "data") from error
    try:
        rows = datasets.load_dataset(repo, config, split=split)
    except (OSError, ValueError, RuntimeError) as error:
        detail = " ".join(str(error).split())[:200]
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
        raise ArtsError(f"{repo}: cannot be fetched from the Hub{offline}: {detail}; or give a .jsonl file") from error
    return ((number, row) for number, row in enumerate(rows, start=1))
