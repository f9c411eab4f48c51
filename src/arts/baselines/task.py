"""What is learned, and the place where it is: the identity of a run, so that it can be taken up again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from arts.baselines.config import RLConfig
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


def make_plan(task: Task, grader: str, config: RLConfig) -> str:
    """Everything that decides the weights, as text that two runs have in common exactly when they are the same."""
    held_out = task.held_out
    plan = {
        "model": task.model,
        "problems": _fingerprint(task.problems),
        "grader": grader,
        "settings": asdict(config),
        "max_tokens": task.max_tokens,
        "prompt": asdict(task.prompt),
        "held_out": held_out and {"problems": _fingerprint(held_out.problems), "samples": held_out.samples},
    }
    return json.dumps(plan, sort_keys=True)


def check_place(out: Path, plan: str) -> None:
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
        if begun.read_text(encoding="utf-8") != plan:
            raise UsageError(f"{out}: holds a run with other settings or problems; use the same ones or another --out")
    elif any(entry.suffix != UNFINISHED for entry in out.iterdir()):
        raise UsageError(f"{out}: holds files that are no run of arts rl; use another --out")


def finished(out: Path) -> dict[str, Any] | None:
    """What a run that has come to its end says of itself."""
    record = out / RECORD
    return dict(json.loads(record.read_text(encoding="utf-8"))) if record.is_file() else None


def _fingerprint(problems: Sequence[Problem]) -> dict[str, Any]:
    seen = hashlib.blake2b(repr([(p.id, p.question, p.answer) for p in problems]).encode(), digest_size=8)
    return {"count": len(problems), "hash": seen.hexdigest()}
