"""Questions that are the same, or the same but for their numbers."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from arts.problems.base import question_key

THRESHOLD = 0.8
"""Jaccard similarity from which two questions count as near duplicates."""
WORDS = 5

_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"\\?\w+|[^\w\s]")

Shingles = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """The closest text: its index among those compared with, and the Jaccard similarity of the two."""

    index: int
    jaccard: float


def one_spelling(text: str) -> str:
    """The text without regard to case and white space: equal for what counts as an exact duplicate."""
    return question_key(text).casefold()


def shingles(text: str) -> Shingles:
    """The runs of five words of a text, every number taken for the same word.

    A word is a run of letters and digits, a LaTeX command or a single sign. A shorter text is one run; an empty one has
    none.
    """
    words = _WORD.findall(_NUMBER.sub("0", text.casefold()))
    if not words:
        return frozenset()
    return frozenset(tuple(words[i : i + WORDS]) for i in range(max(1, len(words) - WORDS + 1)))


def nearest(
    texts: Sequence[str], among: Sequence[str] | None = None, *, threshold: float = THRESHOLD
) -> list[Near | None]:
    """For each text the closest one of ``among``, or None where none has a Jaccard similarity of ``threshold`` or more.

    Without ``among`` they are compared with one another, never with themselves. Of equally close ones it is the
    first. An inverted index finds the texts that share a run; the pairs that share none are never looked at. Texts that
    differ in numbers only are looked at once, so templates cost nothing.
    """
    index = _Index(texts if among is None else among)
    wanted = [shingles(text) for text in texts]
    if among is None:
        return [index.closest(own, threshold, besides=i) for i, own in enumerate(wanted)]
    known = {own: index.closest(own, threshold) for own in set(wanted)}
    return [known[own] for own in wanted]


class _Index:
    """Which of some texts have which runs; texts with the same runs are one group."""

    def __init__(self, texts: Sequence[str]) -> None:
        members: dict[Shingles, list[int]] = {}
        for i, text in enumerate(texts):
            members.setdefault(shingles(text), []).append(i)
        self._groups = list(members.items())
        self._with: dict[tuple[str, ...], list[int]] = {}
        for group, (runs, _) in enumerate(self._groups):
            for run in runs:
                self._with.setdefault(run, []).append(group)

    def closest(self, own: Shingles, threshold: float, *, besides: int | None = None) -> Near | None:
        """The first of the closest texts, that of index ``besides`` left out."""
        shared = Counter(group for run in own for group in self._with.get(run, ()))
        found: list[Near] = []
        for group, common in shared.items():
            runs, members = self._groups[group]
            jaccard = common / (len(own) + len(runs) - common)
            first = next((i for i in members if i != besides), None)
            if first is not None and jaccard >= threshold:
                found.append(Near(index=first, jaccard=jaccard))
        return max(found, key=lambda near: (near.jaccard, -near.index), default=None)
