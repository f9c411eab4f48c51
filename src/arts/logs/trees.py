"""Samples as trees: each becomes a backbone of its problem's tree, equal prefixes are merged, answers are graded."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from arts.errors import InputError
from arts.logs.sample import Sample, SampledProblem
from arts.problems.base import Grader, Verdict
from arts.problems.extraction.answer import Extraction
from arts.problems.graders import find_answer
from arts.trees.splitting import SPLITTERS, SplitterName
from arts.trees.tree import MOST_STEPS, Outcome, Step, Tree

AS_GIVEN, AS_MOST_GIVEN = "as given", "as given for most samples with this text"
NO_VERDICT = "the log has no verdict, or as many for as against"
"""Reasons of outcomes that a log decides."""


def tree_of(sampled: SampledProblem, *, splitter: SplitterName, grader: Grader, believe: bool) -> Tree:
    """The tree of a problem's samples.

    Samples are graded against the key. Where there is none, and with ``believe`` where any of the samples has a
    verdict of the log, the log's verdicts go: a sample without one is then ungraded, and samples of one text have the
    verdict of most of them.

    Where the log has no answer, or the whole text for one, the grader reads one off the text; of a text that states
    none the whole counts where the log says so.

    Scores of samples become scores at their leaves, lists scores at the nodes of their paths, the leaf included;
    samples that share a node give it the mean of their scores.

    Raises:
        InputError: a list of scores has not one number per step; the text names the place.
    """
    problem = sampled.problem
    tree = Tree(problem_id=problem.id, question=problem.question)
    answers: dict[int, Extraction | None] = {}
    logged: dict[int, list[bool | None]] = {}
    scores: dict[str, dict[int, list[float]]] = {}
    for index, sample in enumerate(sampled.samples):
        leaf = _add_sample(tree, index, sample, splitter)
        answers[leaf] = _answer(grader, tree.solution(leaf), sample)
        logged.setdefault(leaf, []).append(sample.correct)
        for name, node, value in _scores(sample, tree.path(leaf)):
            scores.setdefault(name, {}).setdefault(node, []).append(value)
    if not problem.answer or (believe and any(s.correct is not None for s in sampled.samples)):
        tree.outcomes = {leaf: _as_logged(answers[leaf], verdicts) for leaf, verdicts in logged.items()}
    else:
        grades = grader.grade([(problem.answer, found.value if found else None) for found in answers.values()])
        for (leaf, found), grade in zip(answers.items(), grades, strict=True):
            tree.outcomes[leaf] = _outcome(found, grade.verdict, grade.reason)
    for name, by_node in scores.items():
        with np.errstate(invalid="ignore", over="ignore"):  # +∞ and −∞ have no mean: NaN, no score
            tree.set_scores(name, by_node, np.array([np.mean(values) for values in by_node.values()]))
    return tree


def _answer(grader: Grader, text: str, sample: Sample) -> Extraction | None:
    """What the log has read off the text, or what the grader reads; where neither reads any, what the log says."""
    if sample.read_off is not None:
        return Extraction(sample.read_off, "own")
    found = find_answer(grader, text, cut=sample.cut)
    return Extraction(sample.answer, "own") if found is None and sample.answer is not None else found


def _outcome(found: Extraction | None, verdict: Verdict, reason: str) -> Outcome:
    if found is None:
        return Outcome(answer=None, verdict=verdict, reason=reason)
    return Outcome(answer=found.value, verdict=verdict, reason=found.remarked(reason))


def _scores(sample: Sample, path: Sequence[int]) -> Iterator[tuple[str, int, float]]:
    """Name, node and value of every score of a sample."""
    for name, value in sample.scores.items():
        if not isinstance(value, list):
            yield name, path[-1], value
            continue
        if len(value) != len(path):
            raise InputError(
                f"{sample.place}: '{name}' has {len(value)} numbers for {len(path)} steps; give one per step (the steps"
                " under 'steps', or the --splitter that cuts the text so), or name the --scores without it"
            )
        yield from ((name, node, x) for node, x in zip(path, value, strict=True) if x is not None)


def _add_sample(tree: Tree, index: int, sample: Sample, splitter: SplitterName) -> int:
    if isinstance(sample.body, str):
        pieces = SPLITTERS[splitter](sample.body) if sample.body else [""]
    else:
        pieces = [piece if piece.endswith("\n") else piece + "\n" for piece in sample.body] or [""]
    if len(pieces) > MOST_STEPS:
        raise InputError(f"{sample.place}: {len(pieces):,} steps; at most {MOST_STEPS:,} go, or use another --splitter")
    steps = [Step(text=piece, logprob=math.nan) for piece in pieces]
    if sample.logprob is not None:
        # only the total is known: all of it on the last step keeps the sum over the path right
        steps = [Step(text=p, logprob=0.0) for p in pieces[:-1]] + [Step(text=pieces[-1], logprob=sample.logprob)]
    return tree.add_rollout(steps, backbone=index, tokens=sample.tokens or 0).leaf


def _as_logged(answer: Extraction | None, verdicts: Sequence[bool | None]) -> Outcome:
    """The outcome of a text by what the log says of its samples: the verdict of most of those that have one."""
    right, wrong = verdicts.count(True), verdicts.count(False)
    if right == wrong:
        return _outcome(answer, Verdict.UNGRADED, NO_VERDICT)
    verdict = Verdict.CORRECT if right > wrong else Verdict.INCORRECT
    return _outcome(answer, verdict, AS_MOST_GIVEN if right and wrong else AS_GIVEN)
