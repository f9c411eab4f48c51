"""Recorded solutions of real models, in folds: each problem is decided by a verifier that has not seen it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from objectives.recorded_sets import RECORDED_SETS, Split, load_recorded

from arts.logs.samples import read_samples
from arts.problems.base import Grader
from arts.training.config import TrainConfig
from arts.verifiers.modules import Architecture

FOLDS = 5
BACKBONES = ("smollm2-135m", "qwen2.5-coder-0.5b")
ABOUT = {
    "svamp-qwen": "40 SVAMP problems × 8 solutions by Qwen2.5-Coder-0.5B, learned from 40 others",
    "gsm8k": "400 GSM8K problems × 4 solutions by fine-tuned GPT-3 models, five folds",
    "math-l5": "100 MATH problems of level 5 × 12 open-weight models, one greedy solution each, five folds",
    "gsm8k-all": "all 1,319 GSM8K test problems × 4 solutions by fine-tuned GPT-3 models, five folds",
}
SETS = tuple(ABOUT)
CANDIDATES = {"svamp-qwen": 8, "gsm8k": 4, "math-l5": 12, "gsm8k-all": 4}


@dataclass(frozen=True, kw_only=True)
class Fold:
    """What is learned from, what is decided on."""

    taught: Split
    tested: Split


def folds(name: str, samples: Path | None, grader: Grader) -> list[Fold]:
    """The folds of a set; ``samples`` is the file of the set that is not in the repository."""
    if name == "svamp-qwen":
        taught, tested = load_recorded(name, grader)
        return [Fold(taught=taught, tested=tested)]
    if name in RECORDED_SETS:
        first, second = load_recorded(name, grader)
        whole = Split(problems=[*first.problems, *second.problems], trees=[*first.trees, *second.trees])
    else:
        assert samples is not None
        read = read_samples(samples, splitter=RECORDED_SETS["gsm8k"].splitter, grader=grader)
        whole = Split(problems=read.problems, trees=read.trees)
    return list(_split(whole))


def _split(whole: Split) -> Iterator[Fold]:
    places = range(len(whole.problems))
    for fold in range(FOLDS):
        inside = [i for i in places if i % FOLDS == fold]
        outside = [i for i in places if i % FOLDS != fold]
        yield Fold(taught=_part(whole, outside), tested=_part(whole, inside))


def _part(whole: Split, places: list[int]) -> Split:
    return Split(problems=[whole.problems[i] for i in places], trees=[whole.trees[i] for i in places])


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One way of reading, and what it is trained for; all else by the rule of ``arts train``."""

    name: str
    shape: Architecture
    training: TrainConfig

    @property
    def stem(self) -> str:
        """Of its files."""
        return self.name.replace(", ", "-")


def readers(backbone: str) -> tuple[Reader, ...]:
    """The default, then others: the end of each step only, from the same layers, and other objectives."""
    steps = Architecture(backbone=backbone, precision="bfloat16")
    shapes = {"steps": steps, "state": replace(steps, reading="state", layers=steps.read_layers)}
    pairs = (("value_flow", "steps"), *((o, "state") for o in ("value_flow", "rfm", "prm")), ("rfm", "steps"))
    return tuple(
        Reader(name=f"{objective}, {reading}", shape=shapes[reading], training=TrainConfig(objective=objective))
        for objective, reading in pairs
    )
