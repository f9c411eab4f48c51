r"""Inequalities as intervals, and assignments as named values: ``3 < x \le 4``, ``x \in (3, 4]``, ``k = 7``."""

import re
from collections.abc import Callable

from arts.problems.answers.lists import cut, marks
from arts.problems.answers.values import Formula, Interval, Named, Value

Read = Callable[[str], Value]

_GREEK = "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|rho|sigma|tau|phi|chi|psi|omega"
_INDEX = r"(?:_(?:\w|\{[\w,+ -]+\}))?'*"
_VARIABLE = re.compile(rf"(?:[A-Za-z]|\\(?:{_GREEK}|Gamma|Delta|Theta|Lambda|Sigma|Phi|Omega)){_INDEX}")
_OF = r"\([^()]{1,30}\)"
_FUNCTION = (
    rf"\\(?:sin|cos|tan|cot|log|ln|gcd|lcm|max|min|det|operatorname\{{\w{{1,8}}\}})(?:\^2)?(?:{_OF}|\s?\\?\w{{1,8}})"
)
_POINTS = r"m?\\?angle\s?[A-Z]{1,3}|\|?[A-Z]{2,4}\|?|\\(?:overline|vec|hat|bar)\{?\w{1,3}\}?"
_SPOKEN = r"(?:\\text\{)?[A-Za-z][a-z]{3,20}(?: [A-Za-z]{1,12}){0,4}\}?"
_NAME = re.compile(rf"{_VARIABLE.pattern}(?:{_OF})?|{_FUNCTION}|{_POINTS}|{_SPOKEN}|\([a-z](?:,[a-z])+\)")
"""What a value may be called: ``x_1``, ``f(2)``, ``\\cos\\theta``, ``AB``, ``Area``, ``(x,y)``."""
_TEXT = re.compile(r"\\text\{[^{}]*\}")
_LETTER = re.compile(r"(?<!\\)\b[A-Za-z]|(?<=\d)[A-Za-z]|\\(?!frac|sqrt|cdot|times|text)[a-z]")
_SIDES = {"<": (True, False), ">": (True, True), "\\le": (False, False), "\\ge": (False, True)}
"""Of each relation: whether the end is open, and whether the smaller side stands on the right."""
_INFINITE = Formula("\\infty")
_MINUS_INFINITE = Formula("-\\infty")
_NO_ASSIGNMENT = re.compile(r"\\(?:ne|equiv|pmod|bmod|sim|to|rightarrow)(?![a-z])|[<>]|\\[lg]e(?![a-z])")


def interval(text: str, read: Read) -> Interval | None:
    """The interval that an inequality for one variable gives, None for anything else."""
    found = [mark.text for mark in marks(text) if mark.text in _SIDES]
    if not found or "=" in text or "\\ne" in text:
        return None
    parts = cut(text, lambda mark: mark in _SIDES)
    if len(parts) != len(found) + 1 or len(parts) > 3:
        return None
    if len({_SIDES[mark][1] for mark in found}) > 1:
        return None
    if _SIDES[found[0]][1]:
        parts, found = parts[::-1], found[::-1]
    opened = [_SIDES[mark][0] for mark in found]
    variables = [bool(_VARIABLE.fullmatch(part)) for part in parts]
    if len(parts) == 3 and variables[1]:
        low, name, high = parts
        return Interval(text, read(low), read(high), open_low=opened[0], open_high=opened[1], name=name)
    if len(parts) == 2 and variables == [True, False]:
        return Interval(text, _MINUS_INFINITE, read(parts[1]), open_low=True, open_high=opened[0], name=parts[0])
    if len(parts) == 2 and variables == [False, True]:
        return Interval(text, read(parts[0]), _INFINITE, open_low=opened[0], open_high=True, name=parts[1])
    return None


def named(text: str, read: Read) -> Value | None:
    r"""``name = value``, also at the end of a chain, before ``\approx`` or with ``\in``; None for anything else."""
    if text.startswith("\\approx"):
        return read(text.removeprefix("\\approx"))
    if "\\approx" in text:
        exact = cut(text, lambda mark: mark == "\\approx")
        first = exact[0] if exact else ""
        return read(exact[-1] if _VARIABLE.fullmatch(first) else first) if len(exact) > 1 else None
    parts = cut(text, lambda mark: mark in ("=", "\\in"))
    if len(parts) < 2 or _NO_ASSIGNMENT.search(text):
        return None
    name, value = parts[0], parts[-1]
    if "\\in" not in text and all(map(_is_computed, parts[:-1])):
        return read(value)  # a computation
    if not _NAME.fullmatch(name):
        name, value = value, name
        if len(parts) > 2 or not _VARIABLE.fullmatch(name):
            return None
    if re.search(rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z])", value):
        return None
    return Named(text, _plain(name), read(value))


def _is_computed(part: str) -> bool:
    """Whether a side is numbers with their units, without any name."""
    bare = _TEXT.sub("", part)
    return not _LETTER.search(bare) and (bare == part or any(map(str.isdigit, bare)))


def _plain(name: str) -> str:
    return name.replace("\\text{", "").replace("}", "").replace("{", "").casefold()
