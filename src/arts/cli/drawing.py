"""A tree of solutions for the terminal."""

from typing import Any

import numpy as np
from rich.text import Text
from rich.tree import Tree as Drawing

from arts.trees.tree import ROOT, Tree
from arts.verifiers.base import Verifier

LONGEST = 100
"""Characters of a step that are shown."""


def draw_tree(tree: Tree, chosen: int | None, verifier: Verifier | None) -> Drawing:
    """How often each step was drawn and how likely it was, the flow and success probability of its state, the choice.

    π is the proposer's probability of the step. F is exp of a log-flow; scores of another unit are shown as they are.
    p is the success probability that the score stands for.
    """
    drawing = Drawing(Text(tree.question))
    path = set(tree.path(chosen)) if chosen is not None else set()
    draws, branches = tree.visits(), {ROOT: drawing}
    for node in range(1, len(tree)):
        style = "bold" if node in path else "dim"
        line = Text(f"{draws[node]}× {_step(tree.text[node])}", style=style)
        for name, value in _numbers(tree, node, verifier):
            line.append(f"  {name} ", style="dim").append(value, style=style)
        mark = {"length": "  ✂", "stop": "  ✓" if node == chosen else "  ■"}.get(tree.stop[node] or "", "")
        line.append(mark, style="bold green" if node == chosen else style)
        branches[node] = branches[tree.parent[node]].add(line)
    return drawing


def legend(verifier: Verifier | None) -> str:
    """What :func:`draw_tree` shows, in one line."""
    meaning = "flow" if verifier is not None and verifier.unit == "log_flow" else "score"
    success = "" if verifier is None or np.isnan(verifier.values(np.zeros(1))).all() else ", p success"
    scores = "" if verifier is None else f", {_score_name(verifier)} {meaning} by '{verifier.name}'{success}"
    return f"× times drawn, π the step's probability{scores}; ✓ chosen, ■ other solution, ✂ cut"


def _step(text: str) -> str:
    shown = " ".join(text.split()) or "(end)"
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def _numbers(tree: Tree, node: int, verifier: Verifier | None) -> list[tuple[str, str]]:
    found: list[tuple[str, Any]] = [("π", np.exp(tree.logprob[node]))]
    column = None if verifier is None else tree.scores.get(verifier.name)
    if verifier is not None and column is not None:
        score = column[node]
        found.append((_score_name(verifier), np.exp(score) if verifier.unit == "log_flow" else score))
        if verifier.unit != "probability":
            found.append(("p", verifier.values(column[node : node + 1])[0]))
    return [(name, f"{value:.2g}") for name, value in found if not np.isnan(value)]


def _score_name(verifier: Verifier) -> str:
    return {"log_flow": "F", "probability": "p", "log_probability": "log π"}.get(verifier.unit, "score")
