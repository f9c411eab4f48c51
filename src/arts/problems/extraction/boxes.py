r"""``\boxed{…}`` and ``\fbox{…}``: which of them state the answer."""

import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

MAX_ANSWER = 2_000
"""Longest answer in characters; what is longer is not taken for an answer."""
MAX_BOXES = 16
"""How many boxes are looked at from the end."""

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
"""A brace, or an escaped character that may look like one."""
_OPENING = re.compile(r"\s{0,20}\{")
_WORD = re.compile(
    r" {0,20}(\\[dt]?frac(?: ?\d ?\d|\{[^{}]{1,40}\}\{[^{}]{1,40}\})|[^\s$\\{}.,]*\d[^\s$\\{}.,]*|[A-Z](?![\w']))"
)
"""What ``\boxed`` without braces may hold; any other word is prose about boxes."""
_MARKUP = re.compile(r"\\[()\[\],;:! ]|\\q?quad|\\(?:text|mathrm|mbox)\s*\{|[$}*\s]+")
_BETWEEN = re.compile(
    r"(?:[,;&]|and|or|)\s*(?:[,;]?\s*(?:and|or)\s+)?(?:\\?\w{1,12}(?:_\{?\w+)?\s*=)?"
    r"|[^.=\d]{0,60}(?:,|\band|\bor)(?:\s+\\?\w{1,12}(?:_\{?\w+)?\s*=)?"
)
"""What stands between the boxes of one list, without markup: a separator, or words that end in one."""


class Box(NamedTuple):
    """A box from ``start`` to ``end``; ``content`` is None where it is not closed."""

    content: str | None
    start: int
    end: int


def last_box(text: str) -> Box | None:
    r"""The last box, with those before it that form one list with it; None without any box.

    Boxes without content, and ``\boxed`` in prose, are none. One that is not closed has no content: the text was cut.

    >>> last_box("\\boxed{3} and \\boxed{5}.").content
    '3, 5'
    """
    contents: list[str] = []
    start = end = 0
    for box in reversed(list(_boxes(text, MAX_BOXES))):
        if not contents:
            if box.content is None:
                return box
            contents, end = [box.content], box.end
        elif box.content is None or not _one_list(text[box.end : start]):
            break
        elif box.content not in contents:
            contents.insert(0, box.content)
        start = box.start
    return Box(", ".join(contents), start, end) if contents else None


def stated_boxes(text: str) -> str | None:
    """What the boxes state that end a text; None without any, or where the last one is not closed."""
    found = last_box(text)
    return found.content if found else None


def boxes(text: str) -> list[str]:
    r"""The contents of every closed, non-empty ``\boxed{…}`` or ``\fbox{…}``, in order."""
    return [box.content for box in _boxes(text) if box.content]


def _boxes(text: str, most: int | None = None) -> Iterator[Box]:
    if "\\boxed" not in text and "\\fbox" not in text:
        return
    for found in deque(_BOX.finditer(text), maxlen=most):
        box = _box(text, found.start(), found.end())
        if box is not None and box.content != "":
            yield box


def _box(text: str, start: int, at: int) -> Box | None:
    opening = _OPENING.match(text, at)
    if opening is None:
        word = _WORD.match(text, at, at + 100)
        return Box(word[1], start, word.end()) if word else None
    depth = 1
    for mark in _BRACE.finditer(text, opening.end(), opening.end() + MAX_ANSWER):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return Box(text[opening.end() : mark.start()].strip(), start, mark.end())
    return Box(None, start, len(text))


def _one_list(between: str) -> bool:
    if len(between) > 100:
        return False
    return bool(_BETWEEN.fullmatch(_MARKUP.sub(" ", between).strip()))
