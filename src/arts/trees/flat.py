"""Flat rollouts as other tools write them: one row per problem, a list of whole samples, no tree.

``{"problem": …, "answer": …, "samples": [{"text": …, "score": …}, …]}``; each sample becomes a backbone of the
problem's tree, equal prefixes are merged, answers are extracted and graded here.

A number of a sample is a score of the whole of it, a list of numbers one score for each of its steps: either of the
``steps`` that it gives itself, ``{"steps": ["a", "b"], "prm": [0.9, 0.4]}``, or of those that the splitter cuts out of
its ``text``. ``null`` is no score.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from arts.errors import InputError
from arts.problems.base import Grader, Problem, Verdict
from arts.problems.load import whole_number
from arts.problems.rows import read_rows
from arts.trees.splitting import SPLITTERS, SplitterName
from arts.trees.tree import ROOT, Outcome, Rollout, Step, Tree

AS_GIVEN, AS_MOST_GIVEN = "as given", "as given for most samples with this text"
NO_VERDICT = "the log has no verdict, or as many for as against"
"""Reasons of outcomes that a log decides."""
"""The reason of a verdict that was believed."""
_NOT_SCORES = frozenset({"text", "steps", "answer", "correct", "model", "tokens", "logprob"})
_PER_TOKEN = frozenset({"logprobs", "token_ids", "token_logprobs"})
"""Lists that other tools write beside a sample and that are no step scores."""


def import_flat(path: Path, *, splitter: SplitterName, grader: Grader) -> tuple[list[Problem], list[Tree]]:
    """Problems and trees of a file of flat rollouts, graded against the row's ``answer``.

    A row without ``answer`` needs ``correct`` in each of its samples, which is then believed. Numeric fields of
    a sample other than ``tokens`` and ``logprob`` (in nats) become scores at its leaf, lists of numbers scores at the
    nodes of its path, the leaf included; samples that share a node give it the mean of their scores.

    Raises:
        InputError: a row or sample does not have the fields, or a list not one number per step; the text names file
            and row.
    """
    stem = path.name.split(".")[0]
    rows = ((f"{path}:{number}", f"{stem}-{number}", row) for number, row in read_rows(path))
    problems, trees = _import(rows, splitter, grader, believe=False)
    if not problems:
        raise InputError(f"{path}: no rows; each line must be one JSON object with 'problem' and 'samples'")
    return problems, trees


def import_rows(
    rows: Iterable[tuple[str, Mapping[str, Any]]], *, splitter: SplitterName, grader: Grader, believe: bool
) -> tuple[list[Problem], list[Tree]]:
    """The same of rows that are at hand, each with its place for errors and a ``problem_id``.

    ``believe``: where a row's samples have verdicts, they go before its ``answer``. A sample whose verdict is None is
    then ungraded, and so are samples of one text that have both verdicts.
    """
    return _import(((place, "", row) for place, row in rows), splitter, grader, believe=believe)


def _import(
    rows: Iterable[tuple[str, str, Mapping[str, Any]]], splitter: SplitterName, grader: Grader, *, believe: bool
) -> tuple[list[Problem], list[Tree]]:
    problems, trees, seen = [], [], set()
    for place, default_id, row in rows:
        problem = _problem(row, place, default_id)
        if problem.id in seen:
            raise InputError(f"{place}: id '{problem.id}' was used in an earlier row; ids must be unique")
        seen.add(problem.id)
        problems.append(problem)
        trees.append(_tree(problem, row, place, splitter, grader, believe))
    return problems, trees


def _problem(row: Mapping[str, Any], place: str, default_id: str) -> Problem:
    question = row.get("problem", row.get("question"))
    if not isinstance(question, str):
        raise InputError(f"{place}: no text under 'problem'; give the question there")
    if not isinstance(row.get("samples"), list) or not row["samples"]:
        raise InputError(f"{place}: no list under 'samples'; give [{{\"text\": …}}, …]")
    key = row.get("answer")
    if key is not None and (isinstance(key, bool) or not isinstance(key, (str, int, float))):
        raise InputError(f"{place}: 'answer' is a {type(key).__name__}; give text or a number")
    subject = row.get("subject")
    given = (row.get("problem_id"), row.get("id"))
    return Problem(
        id=str(next((name for name in given if name is not None), default_id)),
        question=question,
        answer="" if key is None else str(key),
        subject=None if subject is None else str(subject),
        level=whole_number(row.get("level"), f"{place}: 'level'"),
        source=str(row.get("source", "")),
    )


def _tree(
    problem: Problem, row: Mapping[str, Any], place: str, splitter: SplitterName, grader: Grader, believe: bool
) -> Tree:
    tree = Tree(problem_id=problem.id, question=problem.question)
    keyless = row.get("answer") is None
    believe = believe and any(isinstance(s, dict) and isinstance(s.get("correct"), bool) for s in row["samples"])
    answers: dict[int, str | None] = {}
    given: dict[int, list[bool | None]] = {}
    scores: dict[str, dict[int, list[float]]] = {}
    for index, sample in enumerate(row["samples"]):
        where = f"{place}: sample {index + 1}"
        if not isinstance(sample, dict):
            raise InputError(f"{where} is a {type(sample).__name__}; give an object with 'text'")
        leaf = _add_sample(tree, index, sample, where, splitter)
        answers[leaf] = _answer(sample, tree.solution(leaf), grader)
        if believe:
            given.setdefault(leaf, []).append(sample["correct"])
        elif keyless:
            believed = _believed(sample, answers[leaf], where)
            if tree.outcomes.setdefault(leaf, believed).verdict is not believed.verdict:
                raise InputError(f"{where}: an earlier sample with the same text has the other 'correct'; mend one")
        for name, node, value in _scores(sample, tree.path(leaf), where):
            scores.setdefault(name, {}).setdefault(node, []).append(value)
    for leaf, verdicts in given.items():
        tree.outcomes[leaf] = _as_logged(answers[leaf], verdicts)
    if not keyless and not believe:
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
        if _is_number(value):
            yield name, path[-1], _score(value, place)
        elif name not in _PER_TOKEN and _are_step_scores(value):
            if len(value) != len(path):
                raise InputError(
                    f"{place} has {len(value)} numbers for {len(path)} steps; give one per step (the steps under"
                    " 'steps', or the --splitter that cuts the text so) or leave it out"
                )
            yield from ((name, n, _score(x, place)) for n, x in zip(path, value, strict=True) if x is not None)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_step_scores(value: object) -> bool:
    """A list of numbers and nulls with at least one number."""
    return (
        isinstance(value, list) and all(x is None or _is_number(x) for x in value) and any(x is not None for x in value)
    )


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
    leaf = tree.add_path(ROOT, steps, "stop")
    tokens = whole_number(sample.get("tokens"), f"{where}: 'tokens'") or 0
    tree.rollouts.append(Rollout(backbone=index, leaf=leaf, tokens=tokens, stop="stop"))
    return leaf


def _answer(sample: Mapping[str, Any], text: str, grader: Grader) -> str | None:
    given = sample.get("answer")
    return str(given) if isinstance(given, (str, int, float)) else grader.extract(text)


def _score(value: float, place: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"{place} is too large; give a number that fits 64-bit floating point") from error


def _believed(sample: Mapping[str, Any], answer: str | None, where: str) -> Outcome:
    correct = sample.get("correct")
    if not isinstance(correct, bool):
        raise InputError(f"{where}: neither the row has 'answer' nor the sample 'correct'; give one of them")
    verdict = Verdict.CORRECT if correct else Verdict.INCORRECT
    return Outcome(answer=answer, verdict=verdict, reason=AS_GIVEN)


def _as_logged(answer: str | None, given: Sequence[bool | None]) -> Outcome:
    """The outcome of a text by what the log says of its samples: the verdict of most of those that have one."""
    right, wrong = given.count(True), given.count(False)
    if right == wrong:
        return Outcome(answer=answer, verdict=Verdict.UNGRADED, reason=NO_VERDICT)
    verdict = Verdict.CORRECT if right > wrong else Verdict.INCORRECT
    return Outcome(answer=answer, verdict=verdict, reason=AS_MOST_GIVEN if right and wrong else AS_GIVEN)
