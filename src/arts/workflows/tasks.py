"""Names that users give → problems, and what fits them; the place where the testbed is an ordinary choice."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

from arts.errors import InputError, UsageError
from arts.files import StrPath
from arts.problems import load
from arts.problems.base import Problem
from arts.trees.splitting import SplitterName

CONGRUENCES = "congruences"
GIVEN = "given"
"""What stands for problems that a program hands over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefaults:
    """What a problem set usually goes with."""

    grader: str
    splitter: SplitterName
    longest: int | None = None
    """Tokens of the longest solution that the bundled model can write; None where nobody knows."""


def load_problems(spec: StrPath, *, limit: int | None = None, offset: int = 0) -> list[Problem]:
    """The problems that a spec names, ``congruences:SPLIT`` (the bundled task) included.

    Raises:
        InputError: unknown spec or split, missing or malformed file, nothing left after ``offset``.
        UsageError: a limit below 1 or an offset below 0.

    >>> load_problems("congruences:test", limit=1)[0].question
    'solve 30 x = 5 mod 31'
    """
    return named_problems(spec, limit=limit, offset=offset)[1]


def named_problems(
    problems: StrPath | Sequence[Problem], *, limit: int | None = None, offset: int = 0
) -> tuple[str, list[Problem]]:
    """A spec or problems, as a name for the record of a run and a list; see :func:`load_problems`."""
    if limit is not None and limit < 1:
        raise UsageError(f"limit is {limit}; use 1 or more")
    if offset < 0:
        raise UsageError(f"offset is {offset}; use 0 or more")
    spec = os.fspath(problems) if isinstance(problems, str | os.PathLike) else GIVEN
    part = slice(offset, None if limit is None else offset + limit)
    if not isinstance(problems, str | os.PathLike):
        found = list(problems)[part]
    elif spec.split(":")[0] == CONGRUENCES:
        found = _congruences(spec)[part]
    else:
        found = load.load_problems(spec, limit=limit, offset=offset)
    if not found:
        remedy = f"no problems after skipping {offset}; use a smaller offset" if offset else "holds no problems"
        raise InputError(f"{spec}: {remedy}")
    return spec, found


def other_splits(spec: str) -> list[str]:
    """The splits of the same set that should hold other problems and are here without the network.

    None for procedural sets, whose splits are apart by the way they are made.
    """
    name, _, split = spec.partition(":")
    if name == CONGRUENCES:
        from arts.testbed.congruences import Split

        return [f"{name}:{other}" for other in get_args(Split) if other != (split or "test")]
    from arts.problems.fetch import fetched
    from arts.problems.sets import CLEAN, SETS

    if name not in SETS:
        return []
    splits = SETS[name].splits
    own = (split or SETS[name].names[-1]).removesuffix(CLEAN)
    apart = (other for other in splits if not {*splits[other].hub.split("+")} & {*splits[own].hub.split("+")})
    return [f"{name}:{other}" for other in apart if fetched(name, other)]


def _congruences(spec: str) -> list[Problem]:
    from arts.testbed.congruences import Split, congruence_problems

    split = spec.partition(":")[2] or "test"
    if split not in get_args(Split):
        raise InputError(f"{spec}: no split '{split}'; there are: {', '.join(get_args(Split))}")
    return congruence_problems(cast(Split, split))


def task_defaults(spec: str) -> TaskDefaults:
    """Grader, splitter and length that fit a problem set; files of one's own get mathematics in paragraphs."""
    name = spec.split(":")[0]
    if name == CONGRUENCES:
        return TaskDefaults(grader="exact", splitter="newline", longest=46)
    from arts.problems.procedural import GYM
    from arts.problems.sets import SETS

    if name == GYM:
        return TaskDefaults(grader="exact", splitter="paragraph")
    known = SETS.get(name)
    if known is None:
        return TaskDefaults(grader="math", splitter="paragraph")
    return TaskDefaults(grader=known.grader, splitter=known.splitter)
