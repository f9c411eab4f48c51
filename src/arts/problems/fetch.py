"""Sets of the catalogue on this machine: brought once, from the Hub or from a file, and read from then on.

A fetched split is two files in the folder ``problems`` of :func:`arts.models.cache_folder`: ``SPLIT.jsonl`` with
one problem a row, and ``SPLIT.json`` with its checksum, its number of rows and where it came from.

A set that another was drawn from (MATH, of which MATH-500 is a part) is cleaned: rows without a key, repetitions of an
earlier row and the problems of the other set are left out. What remains but is doubtful gets ``marks``: a question
close to one of the other set by :func:`arts.problems.near.nearest`, or a solution with several different boxes, whose
key may be a part of the answer.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from arts.errors import InputError, UsageError
from arts.files import StrPath, write_whole
from arts.models import cache_folder
from arts.problems.base import Problem
from arts.problems.extraction.answer import has_several_boxes
from arts.problems.fields import key_of, problems_of, question_of
from arts.problems.near import nearest, one_spelling
from arts.problems.rows import Row, hub_rows, read_rows
from arts.problems.sets import CLEAN, SETS, ProblemSet
from arts.text import parsed_json

NEAR, BOXES = "near", "several boxes"
NO_KEY, REPEATED = "without a key", "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What is known of a fetched split.

    ``origin`` is the Hub's name or the file; ``sha256`` that of the rows as they are kept. ``left_out`` and ``marked``
    count rows by reason.
    """

    path: Path
    origin: str
    sha256: str
    rows: int
    left_out: dict[str, int]
    marked: dict[str, int]


def fetched(name: str, split: str) -> Fetched | None:
    """What is here of a split of the catalogue; None where it is not, or what is known of it is damaged."""
    path = _path(name, split)
    try:
        about = parsed_json(path.with_suffix(".json").read_bytes())
        return Fetched(path=path, **about) if path.is_file() else None
    except (FileNotFoundError, ValueError, TypeError):
        return None


def fetch_set(name: str, split: str, *, file: StrPath | None = None) -> Fetched:
    """Bring a split into the cache: from ``file`` (JSON Lines or Parquet) or the Hub; what is there stays there.

    A file replaces what was there.

    Raises:
        UsageError: no such split.
        InputError: a row without a question, or not as many rows as the set is known to have.
        ArtsError: the Hub cannot be reached.
    """
    known = SETS[name]
    if split not in known.splits:
        raise UsageError(f"{name}:{split}: no such split to fetch; there are: {', '.join(known.splits)}")
    here = None if file else fetched(name, split)
    if here and _digest(here.path.read_bytes()) == here.sha256:
        return here
    remedy = f"or bring a copy and register it: arts problems fetch {name}:{split} --file PATH"
    hub = known.splits[split].hub
    origin = str(file) if file else " ".join(part for part in (known.hub_id, known.config, hub) if part)
    rows = list(read_rows(file) if file else hub_rows(known.hub_id, known.config, hub, remedy=remedy))
    _require_all(len(rows), origin, name, split)
    left_out: Counter[str] = Counter()
    if known.apart_from:
        rows = list(_cleaned(rows, known, left_out))
    problems = list(problems_of(rows, place=origin, stem=f"{name}-{split}", key_mark=known.key_mark))
    marks = _marks(problems, known.apart_from) if known.apart_from else [[] for _ in problems]
    return _write(_path(name, split), origin, problems, marks, left_out)


def set_problems(name: str, split: str) -> Iterator[Problem]:
    """The problems of a split of the catalogue, from the cache; fetched first if need be.

    A split that ends in ``-clean`` is that split without the marked problems.

    Raises:
        InputError: the cached file is damaged.
        ArtsError: as for :func:`fetch_set`.
    """
    whole = split.removesuffix(CLEAN)
    here = fetched(name, whole) or fetch_set(name, whole)
    if _digest(here.path.read_bytes()) != here.sha256:
        raise InputError(f"{here.path}: not as it was fetched; mend it with: arts problems fetch {name}:{whole}")
    rows = read_rows(here.path)
    unmarked = rows if whole == split else ((number, row) for number, row in rows if not row["marks"])
    return problems_of(unmarked, place=str(here.path), stem=f"{name}-{whole}")


def _path(name: str, split: str) -> Path:
    return cache_folder() / "problems" / name / f"{split}.jsonl"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _require_all(count: int, origin: str, name: str, split: str) -> None:
    wanted = SETS[name].splits[split].rows
    if count not in wanted:
        numbers = " or ".join(f"{number:,}" for number in wanted)
        raise InputError(f"{origin}: {count:,} rows, but {name}:{split} has {numbers}; give a whole copy of that split")


def _cleaned(rows: Iterable[tuple[int, Row]], known: ProblemSet, left_out: Counter[str]) -> Iterator[tuple[int, Row]]:
    others = {one_spelling(p.question) for p in set_problems(known.apart_from, "test")}
    seen: set[str] = set()
    for number, row in rows:
        question = one_spelling(question_of(row))
        if not key_of(row, known.key_mark):
            left_out[NO_KEY] += 1
        elif question in others:
            left_out[f"in {known.apart_from}"] += 1
        elif question in seen:
            left_out[REPEATED] += 1
        else:
            yield number, row
        seen.add(question)


def _marks(problems: list[Problem], apart_from: str) -> list[list[str]]:
    others = list(set_problems(apart_from, "test"))
    close = nearest([p.question for p in problems], [p.question for p in others])
    return [
        ([f"{NEAR} {others[near.index].id}"] if near else []) + ([BOXES] if has_several_boxes(p.solution or "") else [])
        for p, near in zip(problems, close, strict=True)
    ]


def _write(
    path: Path, origin: str, problems: list[Problem], marks: list[list[str]], left_out: Mapping[str, int]
) -> Fetched:
    text = "".join(map(_line, problems, marks))
    done = Fetched(
        path=path,
        origin=origin,
        sha256=_digest(text.encode("utf-8")),
        rows=len(problems),
        left_out=dict(left_out),
        marked=dict(Counter(NEAR if mark.startswith(NEAR) else mark for row in marks for mark in row)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    kept = {name: value for name, value in asdict(done).items() if name != "path"}
    write_whole(path.with_suffix(".json"), json.dumps(kept, indent=1) + "\n")
    return done


def _line(problem: Problem, marks: list[str]) -> str:
    row = {("problem" if k == "question" else k): v for k, v in asdict(problem).items()}
    return json.dumps(row | {"marks": marks}, ensure_ascii=False) + "\n"
