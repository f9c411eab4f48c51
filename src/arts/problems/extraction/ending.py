"""Answers that nothing announces: what the last sentence of a text ends in."""

import re

from arts.problems.answers.lists import split
from arts.problems.answers.units import leading_unit
from arts.problems.extraction.formulas import FORMULA, inside

_HOPE = re.compile(r"I hope (?:it|this) (?:is correct|helps)[.!]?\s*$")
_SENTENCE = re.compile(r"(?<=[.!?。])\s+(?=[A-Z\\$*\u4e00-\u9fff])")
_SEPARATOR = re.compile(r"\s*(?:,|,?\s*(?:and|or)|;)\s*")
_RELATION = re.compile(r"(?<![<>!:])=|\\approx(?![a-z])")
_NAME_ONLY = re.compile(r"\\?[A-Za-z]+(?:_\{?\w+\}?)?(?:\([A-Za-z](?:\([a-z]\))?\))?'?|\(?[a-z](?:,\s*[a-z])+\)?")
"""A formula that is but a name: the sentence is about it, and its value stands elsewhere."""
_EQUATION_LAST = re.compile(
    r"(?:^|[\s=*])=\s*\**(?P<value>-?\\?[$€£]?-?\d[\d,]*(?:\.\d+)?(?:/\d+)?)\**(?P<rest>[^\d=$\\+*/^(-]{0,40})$"
)
_BOLD_LAST = re.compile(r"\*\*(?P<value>[^*\n:]{1,60})\*\*(?P<rest>[^\w$\\]*)$")
_OPEN = re.compile(r"\s*|[A-Za-z\\({].*", re.DOTALL)
"""What follows an opening dollar sign; a currency's is followed by its amount."""
_LONE_CHOICE = re.compile(r"\**(?:\([A-J]\)|[A-J])\**\.?|\**(?:\([A-J]\)|[A-J][).:])\**\s+\S[^\n]{0,200}")
_MOST_WORDS = 3
"""Bold words, or words behind a formula, that can be its unit; more are a sentence."""


def ends_in_formula(text: str) -> bool:
    """Whether a text stops within a formula, as one does that was cut."""
    text = text.rstrip()
    last = text.rpartition("\n")[2]
    if text.endswith((".", "!", "?", "。", "\\]", "\\)")):
        return False
    if last.rfind("\\(") > last.rfind("\\)") or text.rfind("\\[") > text.rfind("\\]"):
        return True
    if text.count("$$") % 2 == 1:
        return True
    return last.count("$") % 2 == 1 and bool(_OPEN.fullmatch(last.rpartition("$")[2]))


def lone_choice(text: str) -> str | None:
    """The letter of multiple choice, with or without its text, that is all a text says.

    >>> lone_choice("**(B)**"), lone_choice("E: A polygenic trait"), lone_choice("I see.")
    ('(B)', 'E: A polygenic trait', None)
    """
    found = _LONE_CHOICE.fullmatch(text.strip())
    return found[0].replace("*", "").strip() if found else None


def conclusion(text: str) -> str | None:
    r"""The formulas, the value of an equation or the bold words that the last sentence ends in.

    >>> conclusion("We add. Hence, $AB = 2\\sqrt{3}$.")
    '2\\sqrt{3}'
    """
    text = _HOPE.sub("", text.rstrip()).rstrip()
    sentences = [piece for piece in _SENTENCE.split(text.rpartition("\n")[2]) if piece.strip()]
    if not sentences:
        return None
    last = sentences[-1].strip().rstrip(".!。 ")
    formulas = _formulas(last)
    if formulas:
        return formulas
    for pattern in (_EQUATION_LAST, _BOLD_LAST):
        found = pattern.search(last)
        if found and len(found["value"].split()) <= _MOST_WORDS:
            return found["value"].strip() + leading_unit(found["rest"])
    return None


def _formulas(sentence: str) -> str | None:
    """The formulas that a sentence ends in, as one list; of an equation what stands behind its last sign."""
    found = list(FORMULA.finditer(sentence))
    if not found:
        return None
    rest = sentence[found[-1].end() :].strip(" *_")
    unit = leading_unit(rest)
    if rest and len(rest.split()) > len(unit.split()):
        return None
    values = [inside(found[-1])]
    for before, after in zip(reversed(found[:-1]), reversed(found), strict=False):
        between = sentence[before.end() : after.start()]
        if not _SEPARATOR.fullmatch(between) or _label(inside(before)) != _label(values[-1]):
            break
        values.insert(0, inside(before))
    if len(values) == 1 and len(split(values[0], bare=True)) == 1:
        values = [_RELATION.split(values[0])[-1].strip()]
    stated = ", ".join(value.rstrip(".") for value in values)
    return None if not stated or _NAME_ONLY.fullmatch(stated) else stated + unit


def _label(formula: str) -> str:
    """What the formulas of one list have in common: the name of the variable, without its index."""
    name, sign, _ = formula.partition("=")
    return re.sub(r"_.*", "", name).strip() if sign else ""
