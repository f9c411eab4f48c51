"""From the text of an answer to what it says, see :mod:`arts.problems.answers.values`."""

import re
from collections.abc import Callable
from functools import lru_cache

from arts.problems.answers.lists import THOUSANDS, cut, enclosed, split
from arts.problems.answers.numbers import exact_number
from arts.problems.answers.relations import interval, named
from arts.problems.answers.typography import typeset
from arts.problems.answers.units import quantity
from arts.problems.answers.values import (
    Choice,
    Formula,
    Interval,
    Items,
    Kind,
    Measured,
    Number,
    Numeral,
    Time,
    Value,
    Words,
)
from arts.problems.answers.words import is_opaque, spelling
from arts.problems.extraction.boxes import stated_boxes

MAX_DEPTH = 12
"""Brackets within brackets that are looked into."""
MAX_ITEMS = 200
"""Longer lists are text."""

_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_CHOICE = re.compile(r"\(([A-Z])\)|([A-J])\)?")
_CHOICE_WITH_TEXT = re.compile(
    r"(?:\(([A-J])\)|([A-J])[).]|\\text\{\(?([A-J])[).:]*\}[).:]?|([A-J]):(?=.*\w{3}|\s*\d))\s*(\S.*)", re.DOTALL
)
_TIME = re.compile(r"(?P<hour>\d{1,2})(?:[:.](?P<minute>[0-5]\d))?")
_NUMERAL = re.compile(
    r"\(?(?:\\text\{)?(?P<digits>-?[0-9A-F]?[0-9][0-9A-Fa-f]*(?:\.[0-9A-F]+)?)\}?\)?"
    r"_\{?\(?(?:\\text\{)?(?P<base>[a-z]+|\d{1,2})\}?\)?\}?"
)
_IN_BASE = re.compile(r"(?P<digits>-?[0-9][0-9A-F]*)(?:\\text\{|\s|\()+(?:in )?base[ }-]*(?P<base>[a-z]+|\d{1,2})[})]*")
_BASES = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "sixteen": 16,
}
_KINDS: dict[tuple[str, str], Kind] = {("(", ")"): "tuple", ("[", "]"): "brackets", ("\\{", "\\}"): "set"}
_SIGN = re.compile(r"\\(pm|mp)(?![a-z])")


@lru_cache(maxsize=16_384)
def read(answer: str) -> Value:
    r"""What an answer says; of one with boxes, what they hold.

    >>> read("\\{1, 2\\}").kind, read("12 cm").unit, read("x < 3").open_high
    ('set', 'cm', True)
    """
    boxed = stated_boxes(answer) if "\\boxed" in answer or "\\fbox" in answer else None
    return _read(typeset(answer if boxed is None else boxed), 0)


def _read(text: str, depth: int) -> Value:
    if (number := exact_number(text)) is not None:
        return Number(text, number)
    whole = _TEXT.fullmatch(text)
    if whole:
        inside = _read(typeset(whole[1]), depth + 1) if depth < MAX_DEPTH else Formula(text)
        return Words(text, spelling(text)) if isinstance(inside, Formula) else inside
    if depth > MAX_DEPTH or not text:
        return Words(text, spelling(text))
    for reading in _READINGS:
        found = reading(text, depth)
        if found is not None:
            return found
    return Words(text, spelling(text)) if is_opaque(text) else Formula(text)


def _choice(text: str, depth: int) -> Value | None:
    if letter := _CHOICE.fullmatch(text):
        return Choice(text, letter[1] or letter[2])
    found = _CHOICE_WITH_TEXT.fullmatch(text)
    if found is None:
        return None
    letter_only = next(x for x in found.groups()[:4] if x)
    return Choice(text, letter_only, _read(typeset(found[5]), depth + 1))


def _thousands(text: str, depth: int) -> Value | None:
    if not THOUSANDS.fullmatch(text):
        return None
    number = exact_number(text.replace(",", ""))
    listed = Items(text, "list", tuple(_read(part, depth + 1) for part in text.split(",")))
    return None if number is None else Number(text.replace(",", ""), number, listed=listed)


def _numeral(text: str, depth: int) -> Value | None:
    found = _NUMERAL.fullmatch(text) or _IN_BASE.fullmatch(text)
    if found is None:
        return None
    base = int(found["base"]) if found["base"].isdigit() else _BASES.get(found["base"])
    return None if base is None else Numeral(text, found["digits"].upper(), base)


def _bracketed(text: str, depth: int) -> Value | None:
    found = enclosed(text)
    if found is None:
        return None
    opening, inside, closing = found
    if (opening, closing) == ("{", "}"):
        return _read(inside, depth + 1)
    parts = split(inside, bare=False)
    if len(parts) > MAX_ITEMS:
        return Words(text, spelling(text))
    kind = _KINDS.get((opening, closing))
    if kind == "tuple" and len(parts) == 1:
        return _read(inside, depth + 1)
    if kind == "set" and (":" in inside or "\\mid" in inside or "|" in inside):
        return None
    items = tuple(_read(part, depth + 1) for part in parts)
    if kind is not None:
        return Items(text, kind, items)
    if len(items) == 2 and opening in "([" and closing in ")]":
        return Interval(text, items[0], items[1], open_low=opening == "(", open_high=closing == ")")
    return None


def _union(text: str, depth: int) -> Value | None:
    parts = cut(text, lambda mark: mark == "\\cup")
    if len(parts) < 2 or len(parts) > MAX_ITEMS:
        return None
    items = tuple(_read(part, depth + 1) for part in parts)
    return Items(text, "union", items) if all(isinstance(x, (Items, Interval)) for x in items) else None


def _list(text: str, depth: int) -> Value | None:
    parts = split(text, bare=True)
    if len(parts) < 2 or len(parts) > MAX_ITEMS:
        return None
    items: list[Value] = []
    for part in parts:
        item = _read(part, depth + 1)
        items += item.items if isinstance(item, Items) and item.kind == "list" else [item]
    return Items(text, "list", tuple(items))


def _either_sign(text: str, depth: int) -> Value | None:
    r"""The two values of ``\pm``."""
    if len(_SIGN.findall(text)) != 1:
        return None
    upper, lower = ("+", "-") if "\\pm" in text else ("-", "+")
    values = (_read(typeset(_SIGN.sub(sign, text).removeprefix("+")), depth + 1) for sign in (upper, lower))
    return Items(text, "list", tuple(values))


def _ratio(text: str, depth: int) -> Value | None:
    parts = text.split(":")
    numbers = [exact_number(part) for part in parts]
    if len(parts) < 2 or None in numbers:
        return None
    return Items(text, "ratio", tuple(Number(part, n) for part, n in zip(parts, numbers, strict=True) if n is not None))


def _quantity(text: str, depth: int) -> Value | None:
    found = quantity(text)
    if found is None:
        return None
    if found.half:
        time = _TIME.fullmatch(found.number)
        return Time(text, int(time["hour"]), int(time["minute"] or 0), found.half) if time else None
    inner = _read(found.number, depth + 1)
    if isinstance(inner, Number) and not inner.unit:
        exact = inner.exact * found.scale
        return Number(text, exact, unit=found.unit, percent=found.percent)
    if isinstance(inner, Words) or found.scale != 1:
        return None
    if not found.unit and not found.percent:
        return inner
    return Measured(text, inner, found.unit, percent=found.percent)


def _relation(text: str, depth: int) -> Value | None:
    return interval(text, lambda part: _read(part, depth + 1))


def _assignment(text: str, depth: int) -> Value | None:
    return named(text, lambda part: _read(part, depth + 1))


_READINGS: tuple[Callable[[str, int], Value | None], ...] = (
    _thousands,
    _choice,
    _numeral,
    _ratio,
    _bracketed,
    _union,
    _list,
    _relation,
    _assignment,
    _quantity,
    _either_sign,
)
"""In this order; the first that says something counts."""
