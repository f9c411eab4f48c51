"""What kind of thing an answer key is, by its spelling."""

import re
from typing import Literal, get_args

from arts.problems.answers.reading import read
from arts.problems.answers.values import Choice, Formula, Interval, Items, Measured, Named, Number, Numeral, Value

AnswerType = Literal["whole number", "fraction or decimal", "expression", "tuple or set", "text", "choice"]
ANSWER_TYPES: tuple[AnswerType, ...] = get_args(AnswerType)

MOST_CHARACTERS = 2_000
"""A longer key is text."""

_COMPUTED = re.compile(r"[!+*]|\^(?!\\circ)|\\cdot|\\times|[\d})]-")
"""A number that is given as a computation."""
_SEVERAL = re.compile(r"\\(?:begin|cup|cap|in|infty|pm|mp|emptyset|mathbb|setminus|langle|le|ge|ne)(?![a-z])|\\\{|[<>]")


def answer_type(key: str) -> AnswerType:
    r"""The type of a key, LaTeX or plain; of every key exactly one of ``ANSWER_TYPES``.

    Units and degree signs do not count, numbers go by their value (``\frac{4}{2}`` and ``204_5`` are whole), several
    values, intervals and matrices are a ``tuple or set``, and what is neither that nor words is an ``expression``.
    """
    return "text" if len(key) > MOST_CHARACTERS else _type(read(key))


def _type(value: Value) -> AnswerType:
    match value:
        case Number() if not _COMPUTED.search(value.text.split("\\text")[0].lstrip("-")):
            return "whole number" if value.exact.denominator == 1 else "fraction or decimal"
        case Numeral():
            return "whole number"
        case Choice():
            return "choice"
        case Items(kind="ratio") | Number():
            return "expression"
        case Items() | Interval():
            return "tuple or set"
        case Named():
            return _type(value.value)
        case Measured():
            return _type(value.formula)
        case Formula():
            return "tuple or set" if _SEVERAL.search(value.text) else "expression"
        case _:
            return "text"
