"""Amortized Reasoning Tree Search: better answers from a frozen language model (arXiv 2602.12846).

Everything that a program needs is here: ``sample`` grows reasoning trees into a store, ``train_verifier`` learns from
them, ``score``, ``decide`` and ``solve`` use what was learned, ``evaluate`` and ``diagnose`` measure it. A name is
imported when it is first used, so that ``import arts`` costs nothing and only what trains or runs models loads torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arts.errors import ArtsError as ArtsError
    from arts.estimate import Estimate as Estimate
    from arts.logs.samples import Samples as Samples, read_samples as read_samples
    from arts.problems.base import Grade as Grade, Grader as Grader, Problem as Problem, Verdict as Verdict
    from arts.problems.graders import GRADERS as GRADERS, make_grader as make_grader
    from arts.proposers.base import Proposer as Proposer, Sampling as Sampling
    from arts.proposers.load import load_proposer as load_proposer
    from arts.proposers.scripted import ScriptedProposer as ScriptedProposer
    from arts.search.base import Strategy as Strategy
    from arts.search.budget import Budget as Budget
    from arts.search.strategies import STRATEGIES as STRATEGIES
    from arts.selection.base import Choice as Choice, Pool as Pool, Selector as Selector
    from arts.selection.decide import decide as decide
    from arts.selection.expected import pass_at_k as pass_at_k
    from arts.selection.selectors import SELECTORS as SELECTORS
    from arts.training.config import TrainConfig as TrainConfig
    from arts.training.objectives import OBJECTIVES as OBJECTIVES
    from arts.trees.store import open_store as open_store
    from arts.trees.tree import Outcome as Outcome, Rollout as Rollout, State as State, Step as Step, Tree as Tree
    from arts.verifiers.base import Verifier as Verifier
    from arts.verifiers.load import load_verifier as load_verifier
    from arts.verifiers.modules import Architecture as Architecture
    from arts.workflows.diagnose import diagnose as diagnose, diagnose_async as diagnose_async
    from arts.workflows.evaluate import evaluate as evaluate, evaluate_async as evaluate_async
    from arts.workflows.sample import sample as sample, sample_async as sample_async
    from arts.workflows.score import score as score
    from arts.workflows.solve import (
        solve as solve,
        solve_async as solve_async,
        solve_problems as solve_problems,
        solve_problems_async as solve_problems_async,
    )
    from arts.workflows.tasks import load_problems as load_problems
    from arts.workflows.train import train_verifier as train_verifier

    __version__: str

_NAMES = {
    "errors": "ArtsError",
    "estimate": "Estimate",
    "logs.samples": "Samples read_samples",
    "problems.base": "Grade Grader Problem Verdict",
    "problems.graders": "GRADERS make_grader",
    "proposers.base": "Proposer Sampling",
    "proposers.load": "load_proposer",
    "proposers.scripted": "ScriptedProposer",
    "search.base": "Strategy",
    "search.budget": "Budget",
    "search.strategies": "STRATEGIES",
    "selection.base": "Choice Pool Selector",
    "selection.decide": "decide",
    "selection.expected": "pass_at_k",
    "selection.selectors": "SELECTORS",
    "training.config": "TrainConfig",
    "training.objectives": "OBJECTIVES",
    "trees.store": "open_store",
    "trees.tree": "Outcome Rollout State Step Tree",
    "verifiers.base": "Verifier",
    "verifiers.load": "load_verifier",
    "verifiers.modules": "Architecture",
    "workflows.diagnose": "diagnose diagnose_async",
    "workflows.evaluate": "evaluate evaluate_async",
    "workflows.sample": "sample sample_async",
    "workflows.score": "score",
    "workflows.solve": "solve solve_async solve_problems solve_problems_async",
    "workflows.tasks": "load_problems",
    "workflows.train": "train_verifier",
}
"""Where the names live; a test holds this equal to what type checkers see above."""
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOME)  # noqa: PLE0605 - the names above


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from arts.versions import versions

        return versions("arts")["arts"]
    if name not in _HOME:
        raise AttributeError(f"module 'arts' has no attribute {name!r}")
    from arts.errors import needs_extra

    with needs_extra(f"arts.{name}"):
        value = getattr(importlib.import_module(f"arts.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
