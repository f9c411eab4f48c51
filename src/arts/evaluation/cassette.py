"""A store as a cassette: all that a report is made of, so that it can be made again without a model or a network."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from arts.config import from_dict, to_dict
from arts.errors import InputError
from arts.evaluation.candidates import NodeScores
from arts.evaluation.steps import Reference
from arts.problems.base import Problem
from arts.selection.scores import Aggregation
from arts.trees.exchange import fill_store
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.trees.tree import Tree
from arts.verifiers.base import Unit

RECORDING_VERSION = 1

LEAD_AGGREGATIONS: tuple[Aggregation, ...] = ("last", "min")
"""The published baselines take the minimum over steps, the flow verifier the last step; both are reported for all."""
_SUCCESS = "success by "
"""Columns of success probabilities are called by this and the scorer's label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a report shows of its samples."""

    ks: tuple[int, ...]
    """Numbers of samples to decide between; as many as the largest are taken of each problem."""
    aggregations: tuple[Aggregation, ...] = LEAD_AGGREGATIONS
    """How scores of steps become a solution's score; the first also weighs its vote."""
    against: str = "majority"
    """The method that all others are compared with."""
    margin: float | None = None
    """Difference in accuracy, in (0, 1), below which two methods count as equal; None: equivalence is not tested."""
    where: tuple[str, ...] = ()
    """Expressions over fields of problems, each of which makes a subset."""
    drill_down: int = 100
    """Problems that are shown with all their samples, at most."""
    seed: int = 0
    """Of the bootstrap, the random subsets and the halvings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The samples of a run with everything that was said about them.

    ``classes``: by problem id the answer classes of its first samples, as :func:`equivalence_classes` numbers them.
    ``policy``: by problem id the verdicts on samples of another policy. ``about`` becomes part of the report as it is.
    """

    settings: Settings
    problems: Sequence[Problem]
    trees: Sequence[Tree]
    scorers: Sequence[NodeScores]
    classes: Mapping[str, Sequence[int]]
    reference: Reference | None = None
    policy: Mapping[str, Sequence[bool]] | None = None
    audit: Mapping[str, Any] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


def save_recording(recording: Recording, path: Path) -> None:
    """A new store at ``path`` that holds the recording; an earlier one there is replaced."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    text = json.dumps(_header(recording))  # as text it keeps the order of its keys
    run = RunConfig(command="evaluate", proposer=recording.about.get("proposer", ""), recording=text)
    trees = [_with_scores(tree, recording) for tree in recording.trees]
    fill_store(unfinished, run, zip(recording.problems, trees, strict=True)).close()
    unfinished.replace(path)


def load_recording(path: Path) -> Recording:
    """The recording that a store holds.

    Raises:
        InputError: it holds none, one of another version, or one that is damaged.
    """
    with TreeStore.open(path) as store:
        text = store.run_config().recording
        problems, trees = store.problems(), list(store.trees())
    if text is None:
        raise InputError(f"{path}: holds samples but no evaluation; replay what 'arts evaluate {path}' has recorded")
    try:
        return _recording(json.loads(text), problems, trees, path)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its recording is damaged ({error!r}); run arts evaluate again") from error


def _recording(header: Mapping[str, Any], problems: list[Problem], trees: list[Tree], path: Path) -> Recording:
    if header.get("version") != RECORDING_VERSION:
        raise InputError(
            f"{path}: its recording has version {header.get('version')}, this arts replays {RECORDING_VERSION};"
            " use the arts that made it"
        )
    ks, classes = header["settings"]["ks"], header["classes"]
    decided = [p.id for p, t in zip(problems, trees, strict=True) if len(t.backbones) >= max(ks)]
    if min(ks) < 1 or any(row["unit"] not in get_args(Unit) for row in header["scorers"]):
        raise ValueError("its numbers of samples or units are none")
    if any(len(classes[name]) < max(ks) for name in decided):
        raise ValueError("its answer classes are not those of its samples")
    return Recording(
        settings=from_dict(Settings, header["settings"], str(path)),
        problems=problems,
        trees=trees,
        scorers=[_scorer(row, trees) for row in header["scorers"]],
        classes=classes,
        reference=_reference(header["reference"]),
        policy=header["policy"],
        audit=header["audit"],
        about=header["about"],
    )


def _header(recording: Recording) -> dict[str, Any]:
    reference = recording.reference
    return {
        "version": RECORDING_VERSION,
        "settings": to_dict(recording.settings),
        "scorers": [{n: getattr(s, n) for n in ("name", "unit", "stepwise", "member")} for s in recording.scorers],
        "classes": recording.classes,
        "reference": None if reference is None else _columns(reference),
        "policy": recording.policy,
        "audit": recording.audit,
        "about": recording.about,
    }


def _columns(reference: Reference) -> dict[str, Any]:
    arrays = {n: getattr(reference, n).tolist() for n in ("tree", "node", "depth", "graded", "correct")}
    return {"kind": reference.kind, "lost": reference.lost, **arrays}


def _reference(table: Mapping[str, Any] | None) -> Reference | None:
    if table is None:
        return None
    columns = {n: np.array(v, dtype=np.int64) for n, v in table.items() if isinstance(v, list)}
    return Reference(kind=table["kind"], lost=table["lost"], **columns)


def _with_scores(tree: Tree, recording: Recording) -> Tree:
    """The tree with the scores that the report needs and no others."""
    recorded = copy.copy(tree)
    recorded.scores = {s.label: s.columns[tree] for s in recording.scorers if tree in s.columns}
    if recording.reference is not None:
        recorded.scores |= {_SUCCESS + s.label: s.success[tree] for s in recording.scorers if tree in s.success}
    return recorded


def _scorer(row: Mapping[str, Any], trees: Sequence[Tree]) -> NodeScores:
    unit: Unit = row["unit"]
    bare = NodeScores(**{**row, "unit": unit}, columns={}, success={})

    def columns(name: str) -> dict[Tree, NDArray[np.float64]]:
        return {t: t.scores.get(name, np.full(len(t), np.nan)) for t in trees}

    return NodeScores(
        name=bare.name,
        unit=unit,
        stepwise=bare.stepwise,
        member=bare.member,
        columns=columns(bare.label),
        success=columns(_SUCCESS + bare.label),
    )
