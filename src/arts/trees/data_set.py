"""A store as a data set's folder, which ``datasets`` loads and ``arts store import`` takes back.

Two configurations: ``trees``, one row per tree with everything a store has of it, and ``samples``, one flat row per
rollout, which is what people train on. ``README.md`` is the data card.
"""

import math
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from arts.errors import UsageError
from arts.files import UNFINISHED
from arts.problems.base import Problem, Verdict
from arts.trees.data_card import SAMPLES, Contents, data_card
from arts.trees.exchange import TREES, export_trees
from arts.trees.parquet import Kind, Row, write_parquet
from arts.trees.store import TreeStore
from arts.trees.tree import Tree

SAMPLE_COLUMNS: dict[str, Kind] = {
    **dict.fromkeys(("problem_id", "problem", "answer_key", "subject"), "string"),
    **{"level": "int64", "source": "string", "backbone": "int64", "pivot": "int64", "text": "string"},
    **dict.fromkeys(("answer", "verdict", "reason"), "string"),
    **{"tokens": "int64", "logprob": "double", "stop": "string"},
    "scores": [{"verifier": "string", "score": "double"}],
}
"""The columns of rollouts in Parquet; the data card explains them."""
_NAME = re.compile(r"\w+(\.\w+)*")
_LICENCE = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")


@dataclass(slots=True, kw_only=True)
class _Count:
    """What has been seen while it was written."""

    verdicts: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    verifiers: set[str] = field(default_factory=set)
    forks: int = 0
    tokens: int = 0
    rates: list[float] = field(default_factory=list)


def export_data_set(store: TreeStore, folder: Path, *, split: str = "train", licence: str = "unknown") -> int:
    """Write the folder, whole or not at all; returns the number of trees.

    ``licence`` is an identifier as the Hugging Face Hub has them (``mit``, ``apache-2.0``).

    Raises:
        UsageError: the folder holds something, or ``split`` or ``licence`` is no such name.
        MissingExtraError: without the extra ``data``.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: is there already; choose another --out")
    if not _NAME.fullmatch(split):
        raise UsageError(f"--split: '{split}' is no name of a split; use letters, digits and _")
    if not _LICENCE.fullmatch(licence):
        raise UsageError(f"--licence: '{licence}' is no identifier of the Hub; use one such as mit or apache-2.0")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}{UNFINISHED}")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        trees = _write(store, unfinished, split, licence)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return trees


def _write(store: TreeStore, folder: Path, split: str, licence: str) -> int:
    count, file = _Count(), f"{split}-00000-of-00001.parquet"
    for part in (TREES, SAMPLES):
        (folder / part).mkdir(parents=True)
    rollouts = write_parquet(_sample_rows(store, count), folder / SAMPLES / file, SAMPLE_COLUMNS)
    trees = export_trees(store, folder / TREES / file)
    contents = Contents(
        trees=trees,
        rollouts=rollouts,
        forks=count.forks,
        failed=count.stops["error"],
        cut=count.stops["length"],
        tokens=count.tokens,
        verdicts={v.value: count.verdicts[v] for v in Verdict},
        solve_rate=sum(count.rates) / len(count.rates) if count.rates else math.nan,
        verifiers=sorted(count.verifiers),
        run=store.run_config(),
    )
    (folder / "README.md").write_text(data_card(contents, split=split, licence=licence), encoding="utf-8")
    return trees


def _sample_rows(store: TreeStore, count: _Count) -> Iterator[Row]:
    for problem in store.problems():
        tree = store.tree(problem.id)
        backbones = [tree.outcomes.get(r.leaf) for r in tree.backbones]
        if backbones:
            solved = sum(o is not None and o.verdict is Verdict.CORRECT for o in backbones)
            count.rates.append(solved / len(backbones))
        yield from _rollouts(problem, tree, count)


def _rollouts(problem: Problem, tree: Tree, count: _Count) -> Iterator[Row]:
    """A row for each rollout that did not fail; only those that ended have a verdict."""
    count.verifiers |= tree.scores.keys()
    for rollout in tree.rollouts:
        count.stops[rollout.stop] += 1
        count.tokens += rollout.tokens
        if rollout.stop == "error":
            continue
        count.forks += rollout.pivot > 0
        outcome = tree.outcomes.get(rollout.leaf)
        count.verdicts[outcome.verdict if outcome else "none"] += 1
        logprob = math.fsum(tree.logprob[n] for n in tree.path(rollout.leaf))
        found = ((name, float(column[rollout.leaf])) for name, column in sorted(tree.scores.items()))
        yield {
            "problem_id": problem.id,
            "problem": problem.question,
            "answer_key": problem.answer,
            **{name: getattr(problem, name) for name in ("level", "subject", "source")},
            **{name: getattr(rollout, name) for name in ("backbone", "pivot", "tokens", "stop")},
            "text": tree.solution(rollout.leaf),
            "answer": outcome.answer if outcome else None,
            "verdict": outcome.verdict.value if outcome else None,
            "reason": outcome.reason if outcome else None,
            "logprob": None if math.isnan(logprob) else logprob,
            "scores": [{"verifier": name, "score": score} for name, score in found if not math.isnan(score)],
        }
