"""Is a problem set fit to be trained or measured on? Counts, repetitions, and keys that cannot be trusted."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arts.problems.answers.numbers import exact_number
from arts.problems.answers.spelling import normalise
from arts.problems.base import Grade, Grader, Problem, Verdict
from arts.problems.extraction.answer import extract_answer, has_several_boxes
from arts.problems.extraction.boxes import boxes
from arts.problems.near import nearest, one_spelling

ANOTHER = "\\sqrt{7}+\\sqrt{11}"
"""A formula that no key is, but that a formula can be compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A problem and the one that it repeats, by id; ``jaccard`` is 1 for the same text."""

    id: str
    of: str
    jaccard: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What a set repeats of another one, or of itself: ``same`` texts and ``near`` ones (:mod:`arts.problems.near`).

    ``checked`` problems were compared with ``problems``. Within one set a text that occurs three times is two
    repetitions.
    """

    other: str
    checked: int
    problems: int
    same: list[Repeat]
    near: list[Repeat]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingKey:
    """A key that its own grader does not call correct: ``grade`` is what it says of ``read``, None for no answer."""

    problem: Problem
    read: str | None
    grade: Grade


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRemark:
    """A key about which there is something to say."""

    id: str
    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found.

    ``missing`` counts problems without a solution, subject or level. ``wrong`` are keys that fail themselves
    (:func:`failing_keys`), or contradict the answer that their own solution states; ``stated`` is how many solutions
    state one. ``own_spelling`` are keys that math-verify does not read as mathematics: the right answer in another
    spelling is graded incorrect. ``several_boxes`` are ids of problems whose key may be a part of the answer. ``pairs``
    were graded in ``seconds``, ``respelled`` of them by math-verify.
    """

    set: str
    problems: int
    levels: dict[str, int]
    subjects: dict[str, int]
    missing: dict[str, int]
    within: Overlap
    across: list[Overlap]
    stated: int
    wrong: list[KeyRemark]
    own_spelling: list[KeyRemark]
    several_boxes: list[str]
    grader: str
    pairs: int
    respelled: int
    seconds: float


def check_problems(
    name: str, problems: Sequence[Problem], others: Mapping[str, Sequence[Problem]], grader: Grader
) -> Checked:
    """Check a set against itself and others, and its keys with ``grader``."""
    stated = {p.id: answer for p in problems if (answer := _stated(p))}
    started = time.perf_counter()
    wrong = _wrong(problems, stated, grader)
    own_spelling, respelled = _own_spelling(problems, grader)
    seconds = time.perf_counter() - started
    return Checked(
        set=name,
        problems=len(problems),
        levels={str(k): n for k, n in sorted(Counter(p.level for p in problems if p.level is not None).items())},
        subjects=dict(Counter(p.subject for p in problems if p.subject).most_common()),
        missing={
            field: sum(getattr(p, field) in (None, "") for p in problems) for field in ("solution", "subject", "level")
        },
        within=_overlap(problems),
        across=[_overlap(problems, other, theirs) for other, theirs in others.items()],
        stated=len(stated),
        wrong=wrong,
        own_spelling=own_spelling,
        several_boxes=[p.id for p in problems if has_several_boxes(p.solution or "")],
        grader=grader.name,
        pairs=len(problems) + len(stated) + respelled,
        respelled=respelled,
        seconds=seconds,
    )


def failing_keys(problems: Sequence[Problem], grader: Grader) -> list[FailingKey]:
    """Keys that the grader does not accept: as they are, or as it reads them off a solution that boxes them."""
    boxed = {p.answer: grader.extract(f"The answer is $\\boxed{{{p.answer}}}$.") for p in problems}
    read = [(p, answer) for p in problems for answer in dict.fromkeys((p.answer, boxed[p.answer]))]
    grades = grader.grade([(p.answer, answer) for p, answer in read])
    failing = {
        p.id: FailingKey(problem=p, read=answer, grade=grade)
        for (p, answer), grade in reversed([*zip(read, grades, strict=True)])
        if grade.verdict is not Verdict.CORRECT
    }
    return [failing[p.id] for p in problems if p.id in failing]


def _stated(problem: Problem) -> str | None:
    """The answer in the last box, or after the last ``####``, of a problem's solution."""
    found = extract_answer(problem.solution or "")
    if found and found.how == "boxed":
        return boxes(problem.solution or "")[-1]  # not the list of the last ones, of which the key may be a part
    return found.value if found and found.how == "hash" else None


def _wrong(problems: Sequence[Problem], stated: Mapping[str, str], grader: Grader) -> list[KeyRemark]:
    found = [(f.problem, _failure(f), f.grade) for f in failing_keys(problems, grader)]
    with_answer = [p for p in problems if p.id in stated]
    grades = grader.grade([(p.answer, stated[p.id]) for p in with_answer])
    found += [
        (p, f"the solution ends in {stated[p.id]}", grade)
        for p, grade in zip(with_answer, grades, strict=True)
        if grade.verdict is not Verdict.CORRECT
    ]
    return [
        KeyRemark(id=p.id, key=p.answer, reason=f"{what}: {grade.reason}" if grade.reason else what)
        for p, what, grade in found
    ]


def _failure(failing: FailingKey) -> str:
    itself = f"grades itself {failing.grade.verdict}"
    return itself if failing.read == failing.problem.answer else f"{itself}, read off a box as {failing.read}"


def _own_spelling(problems: Sequence[Problem], grader: Grader) -> tuple[list[KeyRemark], int]:
    """Keys that the mathematics grader cannot compare with a formula, and how many pairs it took to see that."""
    if not grader.name.startswith("math"):
        return [], 0
    keys = sorted({p.answer for p in problems if exact_number(normalise(p.answer)) is None})
    grades = grader.grade([(key, ANOTHER) for key in keys])
    unread = {key for key, grade in zip(keys, grades, strict=True) if grade.verdict is Verdict.UNGRADED}
    reason = "math-verify does not read it as mathematics"
    return [KeyRemark(id=p.id, key=p.answer, reason=reason) for p in problems if p.answer in unread], len(keys)


def _overlap(problems: Sequence[Problem], other: str = "itself", theirs: Sequence[Problem] | None = None) -> Overlap:
    """What problems repeat of other ones, or without these of one another."""
    itself = theirs is None
    first = {one_spelling(p.question): p.id for p in reversed(problems if theirs is None else theirs)}
    found = {p.id: first.get(one_spelling(p.question)) for p in problems}
    twins = {mine: twin for mine, twin in found.items() if twin is not None and not (itself and twin == mine)}
    rest = [p for p in problems if p.id not in twins]
    among = rest if theirs is None else theirs
    close = nearest([p.question for p in rest], None if itself else [p.question for p in among])
    return Overlap(
        other=other,
        checked=len(problems),
        problems=len(problems if theirs is None else theirs),
        same=[Repeat(id=mine, of=twin, jaccard=1.0) for mine, twin in twins.items()],
        near=[
            Repeat(id=p.id, of=among[near.index].id, jaccard=round(near.jaccard, 3))
            for p, near in zip(rest, close, strict=True)
            if near is not None
        ],
    )
