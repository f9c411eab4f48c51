r"""Reading the stated answer off a solution text.

In this order: the last balanced ``\boxed{…}``, the last ``#### …`` line (GSM8K), the last "the answer is …", and,
as a declared fallback, the last number. Each look is linear in the text and bounded, whatever a model wrote.
"""

import re
from collections import deque
from dataclasses import dataclass
from typing import Literal

MAX_ANSWER = 2_000
"""Longest answer in characters; what is longer is not taken for an answer."""
TAIL = 20_000
"""Phrases, marks and numbers are looked for in this many characters at the end."""
MAX_BOXES = 8
"""How many boxes are tried from the end before giving up on balanced ones."""

How = Literal["boxed", "hash", "phrase", "last_number"]

_HASH = re.compile(r"^[ \t]*####[ \t]*([^\n]{1,500})", re.MULTILINE)
_PHRASE = re.compile(r"\banswer(?: is|:)[ \t]*:?[ \t]*([^\n]{1,500})", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\.(?:\s|$)")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?")


@dataclass(frozen=True, slots=True)
class Extraction:
    """An answer and how it was found."""

    value: str
    how: How


def extract_answer(text: str, *, fallback_last_number: bool = True) -> Extraction | None:
    """The answer that a text states, or None."""
    boxed = _last_box(text)
    if boxed is not None:
        return Extraction(boxed, "boxed")
    tail = text[-TAIL:]
    marked = _last(_HASH, tail)
    if marked:
        return Extraction(marked, "hash")
    stated = _last(_PHRASE, tail)
    if stated:
        return Extraction(_SENTENCE_END.split(stated, maxsplit=1)[0].strip(" *\t"), "phrase")
    if fallback_last_number:
        number = _last(_NUMBER, tail)
        if number:
            return Extraction(number.rstrip(","), "last_number")
    return None


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = deque(pattern.finditer(text), maxlen=1)
    return found[0][found[0].lastindex or 0].strip() if found else None


def _last_box(text: str) -> str | None:
    end = len(text)
    for _ in range(MAX_BOXES):
        at = max(text.rfind("\\boxed", 0, end), text.rfind("\\fbox", 0, end))
        if at < 0:
            return None
        content = _box_content(text, at + (6 if text.startswith("\\boxed", at) else 5))
        if content is not None:
            return content.strip()
        end = at
    return None


def _box_content(text: str, at: int) -> str | None:
    r"""What a box at ``at`` holds: ``{…}`` with balanced braces, or, as in ``\boxed 5``, one word."""
    if text.startswith(" ", at):
        word = re.compile(r" +([^\s$\\{}.]+)").match(text, at, at + 100)
        return word[1] if word else None
    if not text.startswith("{", at):
        return None
    depth, escaped = 0, False
    for i in range(at, min(len(text), at + MAX_ANSWER)):
        if escaped:
            escaped = False
        elif text[i] == "\\":
            escaped = True
        elif text[i] == "{":
            depth += 1
        elif text[i] == "}":
            depth -= 1
            if depth == 0:
                return text[at + 1 : i]
    return None
