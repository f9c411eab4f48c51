"""A store as a data set's folder, which ``datasets`` loads and ``arts store import`` takes back.

Two configurations: ``trees``, one row per tree with everything a store has of it, and ``samples``, one flat row per
rollout, which is what people train on. ``README.md`` is the data card.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import msgspec

from arts.errors import UsageError
from arts.files import StrPath, replacing_folder, write_whole
from arts.problems.base import Problem, Verdict
from arts.trees.data_card import SAMPLES, Contents, data_card
from arts.trees.exchange import TREES, export_trees
from arts.trees.parquet import write_parquet
from arts.trees.store import TreeStore
from arts.trees.tree import Rollout, Stop, Tree


class SampleScore(msgspec.Struct, frozen=True, kw_only=True):
    """A verifier's score of the end of a solution."""

    verifier: str
    score: float


class SampleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rollout that did not fail; the data card explains the columns."""

    problem_id: str
    problem: str
    answer_key: str
    subject: str | None
    level: int | None
    source: str
    backbone: int
    pivot: int
    text: str
    answer: str | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    tokens: int
    logprob: float | None
    stop: Stop
    scores: list[SampleScore]


_NAME = re.compile(r"\w+(\.\w+)*")
_LICENCE = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")


def export_data_set(store: TreeStore, out: StrPath, *, split: str = "train", licence: str = "unknown") -> int:
    """Write the folder, whole or not at all; returns the number of trees.

    ``licence`` is an identifier as the Hugging Face Hub has them (``mit``, ``apache-2.0``).

    Raises:
        UsageError: the folder holds something, or ``split`` or ``licence`` is no such name.
        MissingExtraError: without the extra ``data``.
    """
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: is there already; choose another --out")
    if not _NAME.fullmatch(split):
        raise UsageError(f"--split: '{split}' is no name of a split; use letters, digits and _")
    if not _LICENCE.fullmatch(licence):
        raise UsageError(f"--licence: '{licence}' is no identifier of the Hub; use one such as mit or apache-2.0")
    with replacing_folder(folder) as place:
        return _write(store, place, split, licence)


def _write(store: TreeStore, folder: Path, split: str, licence: str) -> int:
    contents, file = Contents(run_config=store.run_config()), f"{split}-00000-of-00001.parquet"
    for part in (TREES, SAMPLES):
        (folder / part).mkdir(parents=True)
    write_parquet(_sample_rows(store, contents), folder / SAMPLES / file, SampleRow)
    export_trees(store, folder / TREES / file)
    write_whole(folder / "README.md", data_card(contents, split=split, licence=licence))
    return contents.trees


def _sample_rows(store: TreeStore, contents: Contents) -> Iterator[SampleRow]:
    for problem in store.problems():
        tree = store.tree(problem.id)
        contents.count(tree)
        yield from (_sample_row(problem, tree, r) for r in tree.rollouts if r.stop != "error")


def _sample_row(problem: Problem, tree: Tree, rollout: Rollout) -> SampleRow:
    """Only a rollout that ended has an answer and a verdict."""
    outcome = tree.outcomes.get(rollout.leaf)
    logprob = sum(tree.logprob[n] for n in tree.path(rollout.leaf))
    found = ((name, float(column[rollout.leaf])) for name, column in sorted(tree.scores.items()))
    columns = {
        **{"problem_id": problem.id, "problem": problem.question, "answer_key": problem.answer},
        **{"subject": problem.subject, "level": problem.level, "source": problem.source},
        **asdict(rollout),
        **(asdict(outcome) if outcome else {}),
        "text": tree.solution(rollout.leaf),
        "logprob": None if math.isnan(logprob) else logprob,
        "scores": [SampleScore(verifier=name, score=score) for name, score in found if not math.isnan(score)],
    }
    return msgspec.convert(columns, SampleRow)
