"""A store as a cassette: all that an evaluation is made of, so that it can be made again without a model or network."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from arts.documents.data import as_json
from arts.errors import InputError
from arts.evaluation.candidates import NodeScores, Scorer, carried
from arts.evaluation.optional_parts import Audit
from arts.evaluation.parts import About, Part
from arts.evaluation.steps import Reference
from arts.evaluation.upgrade import upgraded_about, upgraded_audit
from arts.problems.base import Problem
from arts.selection.scores import Aggregation
from arts.text import parsed_json
from arts.trees.exchange import fill_store
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.trees.tree import Tree

CASSETTE = "cassette.db"
"""What the cassette of a report is called in its folder."""
VERSION = 2
FORMER_KEY = "recording"
"""Where the configuration of a store had the header in version 1."""

LEAD_AGGREGATIONS: tuple[Aggregation, ...] = ("last", "min")
"""The published baselines take the minimum over steps, the flow verifier the last step; both are reported for all."""
_SUCCESS = "success by "
"""Columns of success probabilities are called by this and the scorer's label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a report shows of its samples."""

    ks: tuple[int, ...]
    """Numbers of samples to decide between; problems with fewer than the largest are left out."""
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
    """Seed for the bootstrap, the random subsets and the halvings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """The samples of a run with everything that was said about them.

    ``classes``: by problem id the answer classes of the samples that are decided between, the first ones, as
    :func:`equivalence_classes` numbers them.
    ``policy``: by problem id the verdicts on samples of another policy.
    """

    settings: Settings
    problems: Sequence[Problem]
    trees: Sequence[Tree]
    scorers: Sequence[NodeScores]
    classes: Mapping[str, Sequence[int]]
    reference: Reference | None = None
    policy: Mapping[str, Sequence[bool]] | None = None
    audit: Audit | None = None
    about: About = field(default_factory=About)


class _Header(Part, frozen=True, kw_only=True):
    """What a cassette holds beside problems and trees."""

    version: int = VERSION
    settings: Settings
    scorers: list[Scorer]
    classes: Mapping[str, Sequence[int]]
    reference: Reference | None
    policy: Mapping[str, Sequence[bool]] | None
    audit: Audit | None
    about: About

    def __post_init__(self) -> None:
        if min(self.settings.ks, default=0) < 1:
            raise ValueError("invalid numbers of samples")


def save_cassette(cassette: Cassette, path: Path) -> None:
    """A new store at ``path`` that holds the cassette; an earlier one there is replaced."""
    text = as_json(_convert(cassette, from_attributes=True), indent=None)  # as text it keeps the order of its keys
    run = RunConfig(command="evaluate", proposer=cassette.about.proposer or "", cassette=text)
    trees = [_with_scores(tree, cassette) for tree in cassette.trees]
    fill_store(path, run, zip(cassette.problems, trees, strict=True), replace=True).close()


def load_cassette(path: Path) -> Cassette:
    """The cassette that a store holds.

    Raises:
        InputError: it holds none, one of another version, or one that is damaged.
    """
    with TreeStore.open(path) as store:
        run = store.run_config()
        problems, trees = store.problems(), list(store.trees())
    text = run.cassette or run.other.get(FORMER_KEY)
    if text is None:
        raise InputError(f"{path}: holds samples but no evaluation; replay the cassette of 'arts evaluate {path}'")
    try:
        header = parsed_json(text)
        if header["version"] not in (1, VERSION):
            raise InputError(
                f"{path}: a cassette of version {header['version']}, this arts replays {VERSION};"
                " use the arts that made it"
            )
        return _cassette(_convert(_upgraded(header)), problems, trees)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: a damaged cassette ({error!r}); run arts evaluate again") from error


def _convert(header: object, *, from_attributes: bool = False) -> _Header:
    """The header of a cassette, or from JSON."""
    return msgspec.convert(
        header, _Header, from_attributes=from_attributes, dec_hook=lambda _, x: np.array(x, np.int64)
    )


def _upgraded(header: Any) -> Any:
    if header["version"] == VERSION:
        return header
    audit = None if header["audit"] is None else upgraded_audit(header["audit"])
    return header | {"version": VERSION, "audit": audit, "about": upgraded_about(header["about"])}


def _cassette(header: _Header, problems: list[Problem], trees: list[Tree]) -> Cassette:
    decided = [p.id for p, t in zip(problems, trees, strict=True) if len(t.backbones) >= max(header.settings.ks)]
    if len({len(header.classes[name]) for name in decided}) > 1 or any(
        len(header.classes[name]) < max(header.settings.ks) for name in decided
    ):
        raise ValueError("its answer classes are not those of its samples")
    return Cassette(
        settings=header.settings,
        problems=problems,
        trees=trees,
        scorers=[_scores(scorer, trees) for scorer in header.scorers],
        classes=header.classes,
        reference=header.reference,
        policy=header.policy,
        audit=header.audit,
        about=header.about,
    )


def _with_scores(tree: Tree, cassette: Cassette) -> Tree:
    """The tree with the scores that the evaluation needs and no others."""
    kept = copy.copy(tree)
    kept.scores = {s.label: s.columns[tree] for s in cassette.scorers if tree in s.columns}
    success = {_SUCCESS + s.label: s.success[tree] for s in cassette.scorers if tree in s.success}
    kept.scores |= {name: column for name, column in success.items() if not np.isnan(column).all()}
    return kept


def _scores(scorer: Scorer, trees: Sequence[Tree]) -> NodeScores:
    columns, success = (carried(trees, prefix + scorer.label) for prefix in ("", _SUCCESS))
    return NodeScores(**asdict(scorer), columns=columns, success=success)
