"""Cutting a solution into steps. Every splitter is lossless: the pieces join back to the text exactly."""

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Literal

SplitterName = Literal["newline", "paragraph", "numbered", "gsm8k"]

_NUMBERED = re.compile(r"^(?:#{1,6}[ \t]*|[*_]{1,3})?step[ \t]+\d+\b", re.IGNORECASE | re.MULTILINE)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BLANK = re.compile(r"\n[ \t\r]*\n\s*")
_INDENTED = re.compile(r"[ \t]+\S")
_BULLET = re.compile(r"[ \t]*[-*+•][ \t]")
_DISPLAY = ("\\[", "$$", "\\begin")
_CLOSERS = {"\\[": "\\]", "$$": "$$", "```": "```", "~~~": "~~~"}
_DELIMITER = re.compile(r"\\\[|\\\]|\$\$|^[ \t]*(?:```|~~~)|\\(?:begin|end)\{[A-Za-z]+\*?\}", re.MULTILINE)


def split_lines(text: str) -> list[str]:
    """One step per line; blank lines belong to the line before them (leading ones to the first)."""
    return _attach_blank(_LINE.findall(text))


def split_numbered(text: str) -> list[str]:
    """A step begins at each line that opens with "Step N" (optionally a heading or bold); else one step."""
    return _attach_blank(_cut(text, (m.start() for m in _NUMBERED.finditer(text))))


def split_paragraphs(text: str) -> list[str]:
    r"""A step ends at a blank line, except inside display mathematics, environments, code fences and lists.

    Protected are ``\[…\]``, ``$$…$$``, ``\begin{e}…\end{e}`` and fenced code, when closed. Blank lines before
    an indented line (the body of a list item) or between two bullet items do not cut; top-level numbered items
    do, because models write their steps as such items. Display mathematics stays with the sentence that
    introduces it.
    """
    beyond = len(text) + 1
    spans = iter([*_protected(text), (beyond, beyond)])
    opened, closed = next(spans)
    cuts, start = [], 0
    for blank in _BLANK.finditer(text):
        while closed <= blank.start():
            opened, closed = next(spans)
        if opened <= blank.start() or (opened <= blank.end() and text.startswith(_DISPLAY, opened)):
            continue
        indent = blank[0].rsplit("\n", 1)[-1]
        following = indent + text[blank.end() : blank.end() + 8]
        line = max(text.rfind("\n", start, blank.start()) + 1, start)
        if _INDENTED.match(following) or (_BULLET.match(following) and _BULLET.match(text, line)):
            continue
        cuts.append(blank.end() - len(indent))
        start = blank.end()
    return _attach_blank(_cut(text, cuts))


SPLITTERS: dict[str, Callable[[str], list[str]]] = {
    "newline": split_lines,
    "paragraph": split_paragraphs,
    "numbered": split_numbered,
    "gsm8k": split_lines,  # one line is one step, the closing "#### n" line included (openai/grade-school-math)
}


def _protected(text: str) -> list[tuple[int, int]]:
    r"""Closed spans of display mathematics, environments and code, in order; linear in the text.

    An opener whose closer never comes protects nothing: the last position of every closing mark is known
    before the pass.
    """
    marks = [(m.start(), m.end(), m.group().strip()) for m in _DELIMITER.finditer(text)]
    last = {mark: start for start, _, mark in marks}
    spans: list[tuple[int, int]] = []
    opened, closer = 0, ""
    for start, end, mark in marks:
        if closer:
            if mark == closer:
                spans.append((opened, end))
                closer = ""
            continue
        wanted = mark.replace("\\begin", "\\end") if mark.startswith("\\begin") else _CLOSERS.get(mark)
        if wanted and last.get(wanted, -1) > start:
            opened, closer = start, wanted
    return spans


def _cut(text: str, positions: Iterable[int]) -> list[str]:
    edges = [0, *positions, len(text)]
    return [text[a:b] for a, b in pairwise(edges) if b > a]


def _attach_blank(pieces: list[str]) -> list[str]:
    """Blank pieces joined to what they follow, those at the beginning to what follows them."""
    steps: list[str] = []
    for piece in pieces:
        if steps and not (piece.strip() and steps[-1].strip()):
            steps[-1] += piece
        else:
            steps.append(piece)
    return steps
