"""What was taken for answers, scores and verdicts, in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from arts.logs.read import Log
from arts.logs.unread import counted
from arts.problems.base import Verdict
from arts.problems.extraction.answer import LAST_NUMBER
from arts.problems.pool import SLOW_KEY
from arts.trees.tree import Tree

ANSWERS, SCORES, VERDICTS = "answers taken", "scores taken", "verdicts taken"
"""Names of the phrases in a report."""
SHOWN_KEYS = 3
"""Keys that are named because they take too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    r"""Three phrases.

    >>> print(*Taken(answers="read off the texts", scores="none", verdicts="of the log").lines(), sep="\n")
    answers: read off the texts
    scores: none
    verdicts: of the log
    """

    answers: str
    scores: str
    verdicts: str

    def with_scores(self, names: Sequence[str] | None) -> "Taken":
        """With the score columns that were asked for, None where nobody did."""
        return self if names is None else replace(self, scores=", ".join(names) or "none")

    def named(self) -> dict[str, str | int | float]:
        """By the names under which a report keeps them."""
        names = (ANSWERS, SCORES, VERDICTS)
        return dict(zip(names, (self.answers, self.scores, self.verdicts), strict=True))

    def lines(self) -> list[str]:
        """One line each."""
        return taken_lines(self.named())


def taken_lines(settings: Mapping[str, object]) -> list[str]:
    """The lines of what a report keeps (:meth:`Taken.named`); none of one that keeps nothing of it."""
    return [f"{name.split()[0]}: {settings[name]}" for name in (ANSWERS, SCORES, VERDICTS) if name in settings]


def taken_from_log(log: Log, trees: Sequence[Tree], judges: str) -> Taken:
    """Of a log: the fields that were used, and how many samples state an answer and have a verdict."""
    samples = [s for p in log.problems for s in p.samples]
    given = sum(s.read_off is not None for s in samples)
    rest = ", else read off the texts" if given < len(samples) else ""
    answers = f"field '{log.fields['answer']}'{rest}" if given else "read off the texts"
    left = f"; numbers that are none: {', '.join(log.chosen.left)} (--scores names them)" if log.chosen.left else ""
    whose = [
        *([f"key in '{log.fields['key']}'"] if "grader" in judges and "key" in log.fields else []),
        *([f"field '{log.fields['correct']}'"] if "of the log" in judges and "correct" in log.fields else []),
    ]
    ungraded = [
        *([f"{counted(unjudged, 'sample')} ungraded"] if (unjudged := _count(trees)["ungraded"]) else []),
        *_slow_keys(trees),
        *([f"{counted(len(log.keyless), 'problem')} without a key ({_short(log.keyless[0])})"] if log.keyless else []),
        *([f"{counted(log.unread.count, 'row')} not read ({_short(log.unread.first)})"] if log.unread.count else []),
    ]
    return Taken(
        answers=f"{answers}; {_stating(trees)}",
        scores=(", ".join(log.chosen.taken) or "none") + left,
        verdicts="; ".join([", ".join([judges, *whose]), *([", ".join(ungraded)] if ungraded else [])]),
    )


def taken_from_trees(trees: Sequence[Tree], judges: str) -> Taken:
    """Of a store or exported trees."""
    scores = sorted({name for tree in trees for name in tree.scores})
    ungraded = _count(trees)["ungraded"]
    return Taken(
        answers=f"as stored; {_stating(trees)}",
        scores=f"none chosen; stored are {', '.join(scores)} (--scores names them)" if scores else "none",
        verdicts=f"{judges}; {counted(ungraded, 'sample')} ungraded" if ungraded else judges,
    )


def _short(place: str) -> str:
    """A place without its folders and without what is wrong there."""
    return place.split(": ")[0].replace("\\", "/").rpartition("/")[2]


def _slow_keys(trees: Sequence[Tree]) -> list[str]:
    """The first keys that no answer can be compared with in time, each once."""
    reasons = (outcome.reason for tree in trees for outcome in tree.outcomes.values())
    return list(dict.fromkeys(reason for reason in reasons if reason.startswith(SLOW_KEY)))[:SHOWN_KEYS]


def _stating(trees: Sequence[Tree]) -> str:
    found = _count(trees)
    last = f", of {found['last number']:,} the last number is taken" if found["last number"] else ""
    return f"{found['stating']:,} of {found['all']:,} samples state one{last}"


def _count(trees: Sequence[Tree]) -> Counter[str]:
    """Samples that state an answer, that have but a last number, that are ungraded, and all."""
    found: Counter[str] = Counter()
    for tree in trees:
        for rollout in tree.backbones:
            outcome = tree.outcomes.get(rollout.leaf)
            found["all"] += 1
            found["ungraded"] += outcome is None or outcome.verdict is Verdict.UNGRADED
            if outcome is not None and outcome.answer is not None:
                found["last number" if outcome.reason.endswith(LAST_NUMBER) else "stating"] += 1
    return found
