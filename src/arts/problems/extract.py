r"""Reading the stated answer off a solution text.

In this order: the last balanced ``\boxed{…}``, the last ``#### …`` line (GSM8K), the last "the answer is …", and,
as a declared fallback, the last number. Each look is linear in the text and bounded, whatever a model wrote.
"""

import re
from collections import deque
from dataclasses import dataclass
from typing import Literal

from arts.problems.normalise import normalise

MAX_ANSWER = 2_000
"""Longest answer in characters; what is longer is not taken for an answer."""
TAIL = 20_000
"""Phrases, marks and numbers are looked for in this many characters at the end."""
MAX_BOXES = 8
"""How many boxes are tried from the end before giving up on balanced ones."""

How = Literal["boxed", "hash", "phrase", "last_number"]

_BOX = re.compile(r"\\(?:boxed|fbox)")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
"""A brace, or an escaped character that may look like one."""
_HASH = re.compile(r"^[ \t]*####[ \t]*([^\n]{1,500})", re.MULTILINE)
_PHRASE = re.compile(
    r"\banswer(?: is\b[ \t]*+(?!:)|(?: is)?[ \t]*+:(?P<gap>(?:[\s:*]|(?:\\\[|\$\$)\s*\n)*+))(?P<line>[^\n]{1,500})",
    re.IGNORECASE,
)
"""After a colon the answer may stand on a later line, below the opening of a displayed formula too."""
_SENTENCE_END = re.compile(r"\.(?:\s|$)")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?")
_NO_PROSE = "and|or|to|plus|minus|times|over|mod|choose|pi|sqrt|sin|cos|tan|log|ln|exp"
_SCALE = "hundred|thousand|million|billion|trillion|dozen"
_NUMBER_FIRST = re.compile(
    r"(?:\\?\$)?(-?)(?:\\?\$)?(\d+(?:,\d+)*(?:\.\d+)?(?:/\d+)?)(?:\$|\*\*)?[,;]?[\s(–—]+"
    rf"(?!(?:{_NO_PROSE}|{_SCALE})\b)[^\W\d_]{{2,}}+(?!\s*[-+*/^=(])",
    re.IGNORECASE,
)
"""A number that words follow: "18 dollars", "$72, which is correct"; not "2 sqrt(3)", "3 or 4", "5 million"."""
_WORD = re.compile(rf"\b(?!(?:{_NO_PROSE})\b)[^\W\d_]{{2,}}+", re.IGNORECASE)
_LATEX = re.compile(r"\\[^$]|\$(?!\s)[^$]*(?<!\s)\$(?!\d)")


@dataclass(frozen=True, slots=True)
class Extraction:
    """An answer and how it was found."""

    value: str
    how: How


def extract_answer(text: str) -> Extraction | None:
    """The answer that a text states, or None."""
    boxed = _last_box(text)
    if boxed is not None:
        return Extraction(boxed, "boxed")
    tail = text[-TAIL:]
    marked = _last(_HASH, tail)
    if marked:
        return Extraction(marked, "hash")
    return _stated(tail) or _last_number(tail)


def _stated(text: str) -> Extraction | None:
    """What follows the last "answer is"; of a whole sentence only its number, if it has one."""
    found = deque(_PHRASE.finditer(text), maxlen=1)
    if not found:
        return None
    value = _SENTENCE_END.split(found[0]["line"].strip(), maxsplit=1)[0].strip(" *\t")
    led = _NUMBER_FIRST.match(value)
    if led:
        return Extraction(led[1] + led[2], "phrase")
    number = _last_number(value)
    if number and not _LATEX.search(value) and len(_WORD.findall(value)) > 1:
        solution_below = "\n" in (found[0]["gap"] or "")
        return None if solution_below else number
    return Extraction(value, "phrase") if value else None


def _last_number(text: str) -> Extraction | None:
    number = _last(_NUMBER, text)
    return Extraction(number.rstrip(","), "last_number") if number else None


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = deque(pattern.finditer(text), maxlen=1)
    return found[0][found[0].lastindex or 0].strip() if found else None


def _last_box(text: str) -> str | None:
    for box in reversed(deque(_BOX.finditer(text), maxlen=MAX_BOXES)):
        content = _box_content(text, box.end())
        if content is not None:
            return content.strip()
    return None


def _box_content(text: str, at: int) -> str | None:
    r"""What a box at ``at`` holds: ``{…}`` with balanced braces, or, as in ``\boxed 5``, one word."""
    if text.startswith(" ", at):
        word = re.compile(r" +([^\s$\\{}.]+)").match(text, at, at + 100)
        return word[1] if word else None
    if not text.startswith("{", at):
        return None
    depth = 0
    for mark in _BRACE.finditer(text, at, at + MAX_ANSWER):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return text[at + 1 : mark.start()]
    return None


def boxes(text: str) -> list[str]:
    r"""The contents of every balanced, non-empty ``\boxed{…}`` or ``\fbox{…}``, in order."""
    found = (_box_content(text, box.end()) for box in _BOX.finditer(text))
    return [content.strip() for content in found if content and content.strip()]


def has_several_boxes(text: str) -> bool:
    """Whether the boxes hold different answers; other spellings of one answer do not count."""
    return len({normalise(box) for box in boxes(text)}) > 1
