"""What kind of thing an answer key is, by its spelling."""

import re
from typing import Literal, get_args

from arts.problems.answers.numbers import exact_number
from arts.problems.answers.spelling import normalise

AnswerType = Literal["whole number", "fraction or decimal", "expression", "tuple or set", "text", "choice"]
ANSWER_TYPES: tuple[AnswerType, ...] = get_args(AnswerType)

MOST_CHARACTERS = 2_000
"""A longer key is text."""

_WRAPPED = re.compile(r"\\(?:text|textbf|textnormal|mbox|mathrm|mathbf)\s*\{([^{}]*)\}(?:\^\{?\d\}?)?")
"""Words inside a formula, with the power that a unit may have."""
_JOINED = re.compile(r"\W*(?:,|\b(?:and|or)\b)\W*", re.IGNORECASE)
_CHOICE = re.compile(r"\(?[A-Z]\)?")
_NUMERAL = re.compile(r"-?\d+_\{?\d+\}?")
"""A whole number written in another base than ten."""
_MIXED = re.compile(r"-?\d+\\frac\{\d+\}\{\d+\}")
_SHORT_FRACTION = re.compile(r"\\frac(?:\{(-?\d+)\}|(\d))(?:\{(-?\d+)\}|(\d))")
_REPEATING = re.compile(r"-?\d*\.\d*\\overline\{\d+\}")
_SEVERAL = re.compile(
    r"\\(?:begin|cup|cap|in|infty|pm|mp|emptyset|varnothing|mathbb|setminus|langle|leq?|geq?)(?![a-z])|\\\{|[<>]"
)
_WORDS = re.compile(r"[^\W\d_]{2,}[.!]?(?:[ '-]+[^\W\d_]+[.!]?)*")
_SEPARATOR = re.compile(r",(?!\d{3}(?!\d)|\\!|\})|(?<=circ),")
"""A comma that does not set thousands apart."""
_BRACKETED = re.compile(r"(?:\\left\s*)?[(\[].*[)\]]", re.DOTALL)
_OPEN, _CLOSE = "([{", ")]}"
_PRODUCT = 4
"""A run of fewer lower-case letters than this is taken for variables that are multiplied."""
_SHORT_WORDS = frozenset({"yes", "no", "odd", "all", "one", "two", "six", "ten"})


def answer_type(key: str) -> AnswerType:
    r"""The type of a key, LaTeX or plain; of every key exactly one of ``ANSWER_TYPES``.

    Units and degree signs do not count, numbers go by their value (``\frac{4}{2}`` and ``204_5`` are whole), several
    values, intervals and matrices are a ``tuple or set``, and what is neither that nor words is an ``expression``.
    """
    if len(key) > MOST_CHARACTERS:
        return "text"
    key = key.strip().strip("$").rstrip(".").strip()
    if _CHOICE.fullmatch(normalise(key)):
        return "choice"
    whole = _WRAPPED.fullmatch(key)
    if whole:
        return "tuple or set" if "," in whole[1] else _number(normalise(whole[1])) or "text"
    apart = key.replace(",", ";") if _BRACKETED.fullmatch(key) else _SEPARATOR.sub(";", key)
    text = normalise(_WRAPPED.sub(_without_unit, apart))
    number = _number(text)
    if number:
        return number
    if _SEVERAL.search(text) or _separated(text) or _enclosed_list(text):
        return "tuple or set"
    return "text" if _is_words(key) else "expression"


def _without_unit(match: re.Match[str]) -> str:
    """A comma for words that join values, nothing for a unit."""
    return "," if _JOINED.fullmatch(match[1]) else ""


def _number(text: str) -> AnswerType | None:
    if _NUMERAL.fullmatch(text):
        return "whole number"
    if _MIXED.fullmatch(text) or _REPEATING.fullmatch(text):
        return "fraction or decimal"
    value = exact_number(_SHORT_FRACTION.sub(_long_fraction, text))
    if value is None:
        return None
    return "whole number" if value.denominator == 1 else "fraction or decimal"


def _long_fraction(match: re.Match[str]) -> str:
    above, below = match[1] or match[2], match[3] or match[4]
    return rf"\frac{{{above}}}{{{below}}}"


def _separated(text: str) -> bool:
    """Whether a comma or a semicolon stands outside all brackets."""
    depth = 0
    for c in text:
        depth += (c in _OPEN) - (c in _CLOSE)
        if depth == 0 and c in ",;":
            return True
    return False


def _enclosed_list(text: str) -> bool:
    """Whether one pair of brackets, which may differ as those of intervals do, holds the whole and a comma."""
    return len(text) > 2 and text[0] in "([" and text[-1] in ")]" and _separated(text[1:-1])


def _is_words(key: str) -> bool:
    if not _WORDS.fullmatch(key):
        return False
    return len(key) >= _PRODUCT or key.lower() in _SHORT_WORDS or key.isupper()
