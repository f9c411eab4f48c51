"""Problems by name: files, sets of the catalogue, procedural sets, and any set of the Hugging Face Hub."""

import difflib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from arts.errors import InputError
from arts.files import StrPath
from arts.problems.base import Problem
from arts.problems.fetch import set_problems
from arts.problems.fields import problems_of
from arts.problems.procedural import GYM, SIZE, gym_problems
from arts.problems.rows import hub_rows, read_rows
from arts.problems.sets import SETS
from arts.text import well_formed

_FILES = (".jsonl", ".gz", ".parquet")


def load_problems(spec: StrPath, *, limit: int | None = None, offset: int = 0) -> list[Problem]:
    """The problems that ``spec`` names, ``limit`` of them after skipping ``offset``.

    ``spec`` is a ``.jsonl``, ``.jsonl.gz`` or ``.parquet`` file, a name of the catalogue with an optional ``:SPLIT``,
    ``reasoning-gym:TASK`` with an optional ``:SPLIT`` and ``:SEED``, or ``hf:REPO#SPLIT``. A set of the catalogue is
    read from the cache, and fetched into it the first time. Without a limit a procedural set ends after 500.

    Raises:
        InputError: unknown spec or split, missing file, malformed row (named by file and row).
        MissingExtraError: what is needed for the set is not installed.
        ArtsError: the Hub cannot be reached.
    """
    name = os.fspath(spec)
    if limit is None and name.partition(":")[0] == GYM:
        limit = SIZE
    return list(islice(_problems(name), offset, None if limit is None else offset + limit))


def _problems(spec: str) -> Iterator[Problem]:
    name, _, split = spec.partition(":")
    path = Path(spec)
    if name == "hf":
        repo, _, hub_split = split.partition("#")
        rows = hub_rows(repo, None, hub_split or "test", remedy="or give a .jsonl file")
        return problems_of(rows, place=spec, stem=_stem(path))
    if name == GYM:
        return _gym(spec, *split.split(":"))
    if name in SETS:
        names = SETS[name].names
        if split and split not in names:
            raise InputError(f"{spec}: no split '{split}'; there are: {', '.join(names)}")
        return set_problems(name, split or names[-1])
    if path.suffix in _FILES or path.exists():
        return problems_of(read_rows(path), place=str(path), stem=_stem(path))
    near = difflib.get_close_matches(name, [*SETS, GYM, "congruences"], n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise InputError(
        f"{spec}: no such problem set; {hint}give a .jsonl file, hf:REPO#SPLIT or a name of 'arts problems list'"
    )


def _stem(path: Path) -> str:
    return well_formed(path.name.split(".")[0])


def _gym(spec: str, task: str, split: str = "test", seed: str = "0", *more: str) -> Iterator[Problem]:
    if more or not (seed.isascii() and seed.isdigit() and len(seed) < 19):
        raise InputError(f"{spec}: give {GYM}:TASK, {GYM}:TASK:SPLIT or {GYM}:TASK:SPLIT:SEED, a whole number")
    return gym_problems(task, split, int(seed))
