"""The answer within the line that announces it, whose rest may be a sentence."""

import re
from collections import deque

from arts.problems.answers.units import leading_unit, scale_of
from arts.problems.extraction.formulas import FORMULA, inside
from arts.problems.extraction.found import Found

_SENTENCE_END = re.compile(r"(?<![ap]\.m)(?<!\b[ap])\.(?=\s|$)|[。．]|\s+I hope\b|(?<=[\w$)*])[!](?=\s|$)")
_FILLER = re.compile(
    r"(?:(?:(?:therefore|thus|hence|simply|indeed|exactly|clearly|just|then|also|equal to|given by|option|choice"
    r"|the number|about|approximately|donc|por lo tanto)\b|[:,])[ \t]*)+",
    re.IGNORECASE,
)
_NO_PROSE = "and|or|to|plus|minus|times|over|mod|choose|pi|sqrt|sin|cos|tan|log|ln|exp"
_NUMBER_FIRST = re.compile(
    r"(?P<number>(?:\\?\$)?-?(?:\\?\$|€|£)?\d+(?:,\d+)*(?:\.\d+)?(?:/\d+)?)(?:\$|\*\*)?(?P<stop>[,;]?)[\s(–—]+"
    rf"(?!(?:{_NO_PROSE})\b)(?=[^\W\d_]{{2,}})(?![^\W\d_]{{2,}}\s*[-+*/^=(])",
    re.IGNORECASE,
)
"""A number that words follow: "18 dollars", "$72, which is correct"; not "2 sqrt(3)", "3 or 4"."""
_NEXT_FORMULA = re.compile(r"\s*(?:,?\s*(?:and|or|y|et|und|o|ou|oder)\b|,)\s*(?=\$|\\\(|\\\[)")
_WORD = re.compile(rf"\b(?!(?:{_NO_PROSE})\b)[^\W\d_]{{2,}}+", re.IGNORECASE)
_LATEX = re.compile(r"\\[^$]|\$(?!\s)[^$]*(?<!\s)\$(?!\d)")
_REASON = r"\s+(?:since|because|as|for|which)\b"
_LETTER = re.compile(rf"(?:\\text(?:bf)?\{{)?(?:\(?[A-J]\)|[A-J](?=[.,:;*]|\s*$|{_REASON}))")
_AFTER_LETTER = re.compile(rf"{_REASON}|[,;]\s+[a-z]{{2,}}")
_NUMBER = re.compile(r"-?(?:\d{1,6} (?=\d{1,6}/\d))?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?:/\d+)?")
_IN_FORMULA = re.compile(r"\\[A-Za-z]+\s?$|[{^_]-?$")
"""What stands before digits that are but a part of a formula: ``\\frac12``, ``x^{2}``."""
_HASH = re.compile(r"^[ \t]*####[ \t]*([^\n]{1,500})", re.MULTILINE)
_HASH_VALUE = re.compile(r"[-+−$€£*(\\\[{]*\s*(?:\d|\.\d|\\|[a-zA-Z]\b|[a-zA-Z]\s*=)")
_HEADING = re.compile(r"\**\d+\s*[.):]\**\s+\D|\**[A-Za-z]\)?\s+[a-z]")
_HEADINGS = 4
"""How many lines with #### are looked at from the end."""


def is_value(text: str) -> bool:
    """Whether a text is more than words: it has a digit, a formula, or is a letter of multiple choice."""
    return bool(re.search(r"\d|[\\$=]", text) or _LETTER.match(text) or len(text) <= 3)


def value_of(line: str, *, below: bool = False) -> Found | None:
    """The answer that a line begins with; of a whole sentence its number, if it has one.

    ``below``: the line stands below its phrase, where a sentence is no answer but the solution.
    """
    value = _SENTENCE_END.split(line.strip(), maxsplit=1)[0].strip(' *_\t`"').removeprefix('\\"').removesuffix("\\")
    filler = _FILLER.match(value)
    value = value[filler.end() :] if filler else value
    formulas = _formulas(value)
    if formulas:
        return Found(formulas)
    led = _NUMBER_FIRST.match(value)
    if led:
        rest = "" if led["stop"] else leading_unit(value[led.end("number") :].lstrip("$*"))
        money = not led["number"].lstrip("-")[0].isdigit()
        return Found(led["number"] + (rest if not money or scale_of(rest.strip()) else ""))
    letter = _LETTER.match(value)
    number = last_number(value)
    if number and not letter and not _LATEX.search(value) and len(_WORD.findall(value)) > 1:
        return None if below else Found(number, number=True)
    if letter and _AFTER_LETTER.match(value, letter.end()):
        value = letter[0]
    return Found(value) if value else None


def hashed(text: str) -> Found | None:
    """What stands behind the last ``####``, GSM8K's mark, that is no heading of Markdown."""
    for match in reversed(deque(_HASH.finditer(text) if "####" in text else (), maxlen=_HEADINGS)):
        line = match[1].strip()
        if _HASH_VALUE.match(line) and not _HEADING.match(line):
            return Found(line, match.start())
    return None


def last_number(text: str) -> str | None:
    """The last number of a text, with the unit or the scale behind it; None where it is a part of a formula."""
    found = deque(_NUMBER.finditer(text), maxlen=1)
    if not found or _IN_FORMULA.search(text[max(found[0].start() - 40, 0) : found[0].start()]):
        return None
    return found[0][0].rstrip(",") + leading_unit(text[found[0].end() : found[0].end() + 60])


def _formulas(value: str) -> str | None:
    """The formulas that a value begins with, as one list; the unit behind the last of them with it."""
    first = FORMULA.match(value)
    if first is None:
        return None
    found, at = [inside(first)], first.end()
    while (gap := _NEXT_FORMULA.match(value, at)) and (following := FORMULA.match(value, gap.end())):
        found.append(inside(following))
        at = following.end()
    return ", ".join(found) + leading_unit(value[at:])
