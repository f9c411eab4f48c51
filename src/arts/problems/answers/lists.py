r"""Where an answer falls into parts: brackets around the whole, separators outside all brackets.

Every function takes text in the typography of :mod:`arts.problems.answers.typography` and is linear in it.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
"""Digits in groups of three; a list of numbers may look the same."""

_TOKEN = re.compile(
    r"\\[{}]|\\[a-zA-Z]+\{[a-zA-Z]*\}|\\text\{[^{}]*\}|\\[a-zA-Z]+|\\.|[()\[\]{},;=<>:]|\b(?:and|or)\b", re.DOTALL
)
_OPENING = {"(": ")", "[": "]", "{": "}", "\\{": "\\}", "\\langle": "\\rangle"}
_CLOSING = {*_OPENING.values()}
_BRACKETS = {**{mark: mark for mark in _OPENING}, "\\langle": "("}
_JOINING = re.compile(r"\\text\{\W*(?:and|or)\W*\}|and|or")
_TIGHT = re.compile(r",\d{3}(?!\d)")
_GROUP_BEFORE = re.compile(r"(?<!\d)\d{1,3}(?:,\d{3})*$")


class Mark(NamedTuple):
    """A token outside all brackets, from ``start`` to ``end``."""

    text: str
    start: int
    end: int


def marks(text: str) -> Iterator[Mark]:
    """The signs and commands outside all brackets and environments."""
    depth = 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in _OPENING or token.startswith("\\begin{"):
            depth += 1
        elif token in _CLOSING or token.startswith("\\end{"):
            depth -= 1
        elif depth == 0:
            yield Mark(token, found.start(), found.end())


def enclosed(text: str) -> tuple[str, str, str] | None:
    r"""Opening bracket, inside and closing bracket where one pair, which need not match, holds the whole text."""
    depth, opening = 0, ""
    for found in _TOKEN.finditer(text):
        token = found[0]
        if not opening:
            if found.start() or token not in _OPENING:
                return None
            opening = token
        if token in _OPENING or token.startswith("\\begin{"):
            depth += 1
        elif token in _CLOSING or token.startswith("\\end{"):
            depth -= 1
            if depth == 0:
                inside = text[len(opening) : found.start()]
                same = _BRACKETS[opening]
                closing = ")" if token == "\\rangle" else token
                return (same, inside.strip(), closing) if found.end() == len(text) else None
    return None


def split(text: str, *, bare: bool) -> list[str]:
    """The elements of a list, one where the text is none.

    A comma before three digits sets thousands apart where nothing else in a ``bare`` text parts it, or where the
    elements are parted by commas with a blank.
    """
    found = [mark for mark in marks(text) if mark.text in ",;" or _JOINING.fullmatch(mark.text)]
    tight = [mark for mark in found if mark.text == "," and _groups(text, mark.start)]
    others = [mark for mark in found if mark not in tight]
    spaced = any(mark.text != "," or text[mark.end : mark.end + 1] == " " for mark in others)
    if tight and (spaced or (bare and not others)):
        found = others
    return _cut(text, found)


def cut(text: str, wanted: Callable[[str], bool]) -> list[str]:
    """The pieces of a text between marks."""
    return _cut(text, [mark for mark in marks(text) if wanted(mark.text)])


def _cut(text: str, at: list[Mark]) -> list[str]:
    starts = [0, *(mark.end for mark in at)]
    ends = [*(mark.start for mark in at), len(text)]
    return [piece for start, end in zip(starts, ends, strict=True) if (piece := text[start:end].strip())]


def _groups(text: str, comma: int) -> bool:
    """Whether a comma stands between digits as one of thousands does."""
    return bool(_TIGHT.match(text, comma) and _GROUP_BEFORE.search(text[max(0, comma - 40) : comma]))
