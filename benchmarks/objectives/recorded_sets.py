"""Recorded samples of real models, split by problem."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _study import RECORDED

from arts.logs.samples import read_samples
from arts.problems.base import Grader, Problem
from arts.trees.exchange import import_trees
from arts.trees.splitting import SplitterName
from arts.trees.tree import Tree


@dataclass(frozen=True, kw_only=True)
class Split:
    """Problems and their trees."""

    problems: Sequence[Problem]
    trees: Sequence[Tree]


@dataclass(frozen=True, kw_only=True)
class RecordedSet:
    """Where a set is from, how its texts are cut, how many problems are trained on; the rest is tested on."""

    about: str
    files: tuple[str, ...]
    candidates: int
    train: int = 0
    splitter: SplitterName = "newline"


RECORDED_SETS = {
    "svamp-qwen": RecordedSet(
        about="Qwen2.5-Coder-0.5B on SVAMP: trees sampled with this project",
        files=("qwen_svamp_train.jsonl.gz", "qwen_svamp_test.jsonl.gz"),
        candidates=8,
    ),
    "gsm8k": RecordedSet(
        about="four fine-tuned GPT-3 models on GSM8K, one solution each",
        files=("gsm8k_openai.jsonl.gz",),
        candidates=4,
        train=240,
    ),
    "math-l5": RecordedSet(
        about="twelve open-weight models on MATH level 5, one greedy solution each",
        files=("math_l5_zeroeval.jsonl.gz",),
        candidates=12,
        train=60,
        splitter="paragraph",
    ),
}


def load_recorded(name: str, grader: Grader) -> tuple[Split, Split]:
    """Training and test problems of a recorded set."""
    about = RECORDED_SETS[name]
    if len(about.files) == 2:
        train, test = (_stored(RECORDED / file) for file in about.files)
        return train, test
    found = read_samples(RECORDED / about.files[0], splitter=about.splitter, grader=grader)
    problems, trees = found.problems, found.trees
    parts = (slice(None, about.train), slice(about.train, None))
    train, test = (Split(problems=problems[part], trees=trees[part]) for part in parts)
    return train, test


def _stored(path: Path) -> Split:
    with tempfile.TemporaryDirectory() as folder, import_trees(path, Path(folder) / "trees.db") as store:
        return Split(problems=store.problems(), trees=list(store.trees()))
