"""Flat rollouts as other tools write them: one row per problem, a list of whole samples, no tree.

``{"problem": …, "answer": …, "samples": [{"text": …, "score": …}, …]}``; each sample becomes a backbone of the
problem's tree, equal prefixes are merged, answers are extracted and graded here.

A number of a sample is a score of the whole of it, a list of numbers one score for each of its steps: either of the
``steps`` that it gives itself, ``{"steps": ["a", "b"], "prm": [0.9, 0.4]}``, or of those that the splitter cuts out of
its ``text``. ``null`` is no score.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from arts.errors import InputError
from arts.logs.values import are_step_scores, is_number
from arts.problems.base import Grader, Problem, Verdict
from arts.problems.fields import whole_number
from arts.trees.splitting import SPLITTERS, SplitterName
from arts.trees.tree import Outcome, Step, Tree

AS_GIVEN, AS_MOST_GIVEN = "as given", "as given for most samples with this text"
NO_VERDICT = "the log has no verdict, or as many for as against"
"""Reasons of outcomes that a log decides."""
_NOT_SCORES = frozenset({"text", "steps", "answer", "correct", "model", "tokens", "logprob"})
_PER_TOKEN = frozenset({"logprobs", "token_ids", "token_logprobs"})
"""Lists that other tools write beside a sample and that are no step scores."""


def import_rows(
    rows: Iterable[tuple[str, Mapping[str, Any]]], *, splitter: SplitterName, grader: Grader, believe: bool
) -> tuple[list[Problem], list[Tree]]:
    """Problems and trees of rows, each with its place for errors, a ``problem_id``, ``problem`` and ``samples``.

    Samples are graded against the row's ``answer``. Where it has none, and with ``believe`` where any of the row's
    samples has a verdict, ``correct`` goes for them: a sample whose verdict is None is then ungraded, and samples of
    one text have the verdict of most of them.

    Numeric fields of a sample other than ``tokens`` and ``logprob`` (in nats) become scores at its leaf, lists of
    numbers scores at the nodes of its path, the leaf included; samples that share a node give it the mean of their
    scores.

    Raises:
        InputError: a sample does not have the fields, a list not one number per step, or two rows one id; the text
            names the place.
    """
    problems, trees, seen = [], [], set()
    for place, row in rows:
        problem = _problem(row, place)
        if problem.id in seen:
            raise InputError(f"{place}: id '{problem.id}' was used in an earlier row; ids must be unique")
        seen.add(problem.id)
        problems.append(problem)
        trees.append(_tree(problem, row, place, splitter, grader, believe))
    return problems, trees


def _problem(row: Mapping[str, Any], place: str) -> Problem:
    key = row.get("answer")
    return Problem(
        id=row["problem_id"],
        question=row["problem"],
        answer="" if key is None else str(key),
        subject=row.get("subject"),
        level=whole_number(row.get("level"), f"{place}: 'level'"),
        source=row.get("source", ""),
    )


def _tree(
    problem: Problem, row: Mapping[str, Any], place: str, splitter: SplitterName, grader: Grader, believe: bool
) -> Tree:
    tree = Tree(problem_id=problem.id, question=problem.question)
    judged = any(isinstance(s.get("correct"), bool) for s in row["samples"])
    answers: dict[int, str | None] = {}
    given: dict[int, list[bool | None]] = {}
    scores: dict[str, dict[int, list[float]]] = {}
    for index, sample in enumerate(row["samples"]):
        where = f"{place}: sample {index + 1}"
        leaf = _add_sample(tree, index, sample, where, splitter)
        answers[leaf] = _answer(sample, tree.solution(leaf), grader)
        given.setdefault(leaf, []).append(sample.get("correct"))
        for name, node, value in _scores(sample, tree.path(leaf), where):
            scores.setdefault(name, {}).setdefault(node, []).append(value)
    if row.get("answer") is None or (believe and judged):
        tree.outcomes = {leaf: _as_logged(answers[leaf], verdicts) for leaf, verdicts in given.items()}
    else:
        grades = grader.grade([(problem.answer, answer) for answer in answers.values()])
        for (leaf, answer), grade in zip(answers.items(), grades, strict=True):
            tree.outcomes[leaf] = Outcome(answer=answer, verdict=grade.verdict, reason=grade.reason)
    for name, by_node in scores.items():
        with np.errstate(invalid="ignore", over="ignore"):  # +∞ and −∞ have no mean: NaN, no score
            tree.set_scores(name, by_node, np.array([np.mean(values) for values in by_node.values()]))
    return tree


def _scores(sample: Mapping[str, Any], path: Sequence[int], where: str) -> Iterator[tuple[str, int, float]]:
    """Name, node and value of every score of a sample."""
    for name, value in sample.items():
        place = f"{where}: '{name}'"
        if name in _NOT_SCORES:
            continue
        if is_number(value):
            yield name, path[-1], _score(value, place)
        elif name not in _PER_TOKEN and are_step_scores(value):
            if len(value) != len(path):
                raise InputError(
                    f"{place} has {len(value)} numbers for {len(path)} steps; give one per step (the steps under"
                    " 'steps', or the --splitter that cuts the text so), or name the --scores without it"
                )
            yield from ((name, n, _score(x, place)) for n, x in zip(path, value, strict=True) if x is not None)


def _add_sample(tree: Tree, index: int, sample: Mapping[str, Any], where: str, splitter: SplitterName) -> int:
    if isinstance(sample.get("steps"), list):
        pieces = [str(step) for step in sample["steps"]]
        pieces = [piece if piece.endswith("\n") else piece + "\n" for piece in pieces] or [""]
    elif isinstance(sample.get("text"), str):
        pieces = SPLITTERS[splitter](sample["text"]) if sample["text"] else [""]
    else:
        raise InputError(f"{where}: no 'text' and no 'steps'; give the sampled solution")
    logprob = sample.get("logprob")
    steps = [Step(text=piece, logprob=math.nan) for piece in pieces]
    if isinstance(logprob, (int, float)):
        logprob = _score(logprob, f"{where}: 'logprob'")
        # only the total is known: all of it on the last step keeps the sum over the path right
        steps = [Step(text=p, logprob=0.0) for p in pieces[:-1]] + [Step(text=pieces[-1], logprob=logprob)]
    tokens = whole_number(sample.get("tokens"), f"{where}: 'tokens'") or 0
    return tree.add_rollout(steps, backbone=index, tokens=tokens).leaf


def _answer(sample: Mapping[str, Any], text: str, grader: Grader) -> str | None:
    given = sample.get("answer")
    return str(given) if isinstance(given, (str, int, float)) else grader.extract(text)


def _score(value: float, place: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"{place} is too large; give a number that fits 64-bit floating point") from error


def _as_logged(answer: str | None, given: Sequence[bool | None]) -> Outcome:
    """The outcome of a text by what the log says of its samples: the verdict of most of those that have one."""
    right, wrong = given.count(True), given.count(False)
    if right == wrong:
        return Outcome(answer=answer, verdict=Verdict.UNGRADED, reason=NO_VERDICT)
    verdict = Verdict.CORRECT if right > wrong else Verdict.INCORRECT
    return Outcome(answer=answer, verdict=verdict, reason=AS_MOST_GIVEN if right and wrong else AS_GIVEN)
