"""What is learned, and the place where it is: the identity of a run, so that it can be taken up again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct, to_builtins

from arts.baselines.config import RLConfig
from arts.config import check_same_run
from arts.documents.data import read_result
from arts.errors import UsageError
from arts.files import UNFINISHED
from arts.problems.base import Problem
from arts.proposers.prompt import PromptFormat

PLAN, CARD, RECORD = "plan.json", "README.md", "rl.json"
"""In the folder of a run: what it is; for the reader; what came of it, there when it has finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Problems whose pass rate is measured before training and at every checkpoint, by ``samples`` solutions each."""

    problems: Sequence[Problem]
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A model and the problems that it shall solve better, in solutions of at most ``max_tokens`` tokens."""

    model: str
    problems: Sequence[Problem]
    max_tokens: int
    prompt: PromptFormat = field(default_factory=PromptFormat)
    held_out: HeldOut | None = None


class Fingerprint(Struct, frozen=True, kw_only=True):
    """Which problems, without their texts."""

    count: int
    hash: str

    def __str__(self) -> str:
        return f"{self.count:,} problems (fingerprint `{self.hash}`)"


class Measured(Struct, frozen=True, kw_only=True):
    """Held-out problems and how many solutions of each are drawn."""

    problems: Fingerprint
    samples: int


class Run(Struct, frozen=True, kw_only=True):
    """Everything that decides the weights: equal exactly when two runs are the same."""

    model: str
    problems: Fingerprint
    grader: str
    settings: RLConfig
    max_tokens: int
    prompt: PromptFormat
    held_out: Measured | None


class Record(Struct, frozen=True, kw_only=True):
    """What a finished run says of itself.

    ``tokens`` are of prompts and solutions, ``seconds`` of drawing, grading and gradients. ``held_out_pass_rate`` is by
    update, empty where nothing is held out.
    """

    run: Run
    versions: dict[str, str]
    updates: int
    tokens: float
    seconds: float
    held_out_pass_rate: dict[int, float]


def make_plan(task: Task, grader: str, config: RLConfig) -> Run:
    """The identity of a run."""
    held = task.held_out
    return Run(
        model=task.model,
        problems=_fingerprint(task.problems),
        grader=grader,
        settings=config,
        max_tokens=task.max_tokens,
        prompt=task.prompt,
        held_out=None if held is None else Measured(problems=_fingerprint(held.problems), samples=held.samples),
    )


def check_place(out: Path, plan: Run) -> None:
    """Refuse a folder that is another run's.

    Raises:
        UsageError: it is, it holds anything else, or it is no folder.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"{out}: is a file; give a folder as --out")
    begun = out / PLAN
    if begun.is_file():
        before, now = (to_builtins(run) for run in (read_result(begun, Run, "plan of arts rl"), plan))
        check_same_run(out, before, now, remedy="use the same ones or another --out")
    elif any(entry.suffix != UNFINISHED for entry in out.iterdir()):
        raise UsageError(f"{out}: holds files that are no run of arts rl; use another --out")


def finished(out: Path) -> Record | None:
    """What a run that has come to its end says of itself."""
    record = out / RECORD
    return read_result(record, Record, "record of arts rl") if record.is_file() else None


def _fingerprint(problems: Sequence[Problem]) -> Fingerprint:
    seen = hashlib.blake2b(repr([(p.id, p.question, p.answer) for p in problems]).encode(), digest_size=8)
    return Fingerprint(count=len(problems), hash=seen.hexdigest())
