"""Which samples, scores and verifiers are evaluated, and what a reader must know of the choice."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from arts.documents.words import count
from arts.errors import UsageError
from arts.logs.samples import Samples, verdicts_of
from arts.problems.base import Verdict, question_key
from arts.trees.tree import Tree
from arts.verifiers.base import Unit

V = TypeVar("V")
Note = Callable[[str], None]
"""Takes whole sentences about what was chosen."""


def verdicts_by_problem(other: Samples, source: Samples, note: Note) -> dict[str, list[bool]]:
    """Verdicts on the samples of another policy, by the id of the problem; an ungraded one counts as not correct.

    Problems are matched by their questions, whatever their spaces. ``note`` is told how many are.

    Raises:
        UsageError: none of the problems has samples there, or they are the very samples of the source.
    """
    if [t.text for t in other.trees] == [t.text for t in source.trees]:
        raise UsageError(f"{other.path}: the same samples as {source.path}; --policy needs those of another policy")
    verdicts = {
        question_key(p.question): [v is Verdict.CORRECT for v in verdicts_of(t)]
        for p, t in zip(other.problems, other.trees, strict=True)
        if t.backbones
    }
    questions = {p.id: question_key(p.question) for p in source.problems}
    found = {name: verdicts[question] for name, question in questions.items() if question in verdicts}
    if not found:
        raise UsageError(f"{other.path}: no samples of any of the problems; sample the other policy on the same ones")
    note(f"{other.path}: samples of {len(found)} of {len(source.problems)} problems")
    return found


def score_names(asked: Sequence[str] | None, source: Samples) -> list[str]:
    """The score columns to select by: those asked for, or all that samples of other tools carry.

    Raises:
        UsageError: there is no such column.
    """
    if asked is None:
        return [] if source.kind == "store" else source.scores
    for name in asked:
        if name not in source.scores:
            there = ", ".join(source.scores) or "none"
            raise UsageError(f"{source.path}: no scores named '{name}'; there are: {there}")
    return list(asked)


def remark_on_units(names: Sequence[str], unit: Unit, trees: Sequence[Tree], note: Note) -> None:
    """Say which scores do not look like what they are taken for."""
    for name in names:
        values = np.concatenate([t.scores[name] for t in trees if name in t.scores])
        known = values[~np.isnan(values)]
        within = bool(((known >= 0) & (known <= 1)).all())
        if unit == "probability" and not within:
            note(f"{name}: not all between 0 and 1, and read as probabilities (--score-unit)")
        if unit == "logit" and within and len(known):
            note(f"{name}: all between 0 and 1, and read as logits; are they --score-unit probability?")


def usable(specs: Sequence[V], trees: Sequence[Tree], note: Note) -> list[V]:
    """Likelihood only where the proposer gave log-probabilities."""
    if "likelihood" not in specs or any(x == x for tree in trees for x in tree.logprob[1:]):
        return list(specs)
    note("likelihood is left out: these samples carry no log-probabilities")
    return [s for s in specs if s != "likelihood"]


def reachable(ks: Sequence[int], trees: Sequence[Tree], note: Note) -> list[int]:
    """The numbers of samples that at least half of the problems have."""
    counts = sorted(len(t.backbones) for t in trees)
    most = counts[len(counts) // 2] if counts else 0
    asked = sorted(set(ks))
    kept = [k for k in asked if k <= most] or [max(most, 1)]
    if most > 0 and kept != asked:
        who = "every problem has" if counts[0] == counts[-1] else "half of the problems have at most"
        note(f"{who} {count(most, 'sample')}: N is {', '.join(map(str, kept))}")
    few = sum(n < kept[-1] for n in counts)
    if few:
        note(f"{few} of {len(counts)} problems have fewer than {kept[-1]} samples and are left out")
    return kept
