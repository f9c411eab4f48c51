r"""Whether two formulas are equal, by math-verify; how numbers compare is decided here.

math-verify rounds and cuts off what is small, so that :math:`2^{-99}` was :math:`2^{-98}`. Here numbers are equal when
their difference has no digit other than zero, or, where one of them is a decimal, when they agree to six places and to
five digits. Formulas are read whole or not at all. Imported by the grading worker only.
"""

import contextlib
import re
from functools import lru_cache
from typing import Any

from latex2sympy2_extended.math_normalization import NormalizationConfig, normalize_latex
from math_verify import grader as library, verify
from math_verify.parser import parse_latex_cached
from sympy import Float, MatrixBase, Rational, expand, nan as not_a_number, zoo
from sympy.core.evalf import PrecisionExhausted

DIGITS = 400
"""Digits up to which a difference is looked for."""
SPARE = 50
"""Digits at the end that may be wrong."""
PLACES = 5e-7
"""Decimals agree that differ by no more than this,"""
RELATIVE = 1e-5
"""nor by more than this share."""

_CONFIG = NormalizationConfig(units=False, malformed_operators=True, nits=True, boxed="none")
_DEGREES = re.compile(r"(\d+(?:\.\d+)?|(?<![A-Za-z\\])[a-z]|\\[a-z]+)\^(?:\{\\circ\}|\\circ)")
_IMAGINARY = re.compile(r"(?<![A-Za-z\\_{])i(?![A-Za-z=])")
_SUBSCRIPT = re.compile(r"_\{[^{}]*\}")
"""Where a sum begins, among others."""
_INDEXED = re.compile(r"\\(?:sum|prod)(?![a-z])")


class UnreadableKeyError(ValueError):
    """math-verify does not read the key as mathematics."""


def judge(key: str, answer: str) -> bool:
    """Whether a formula equals the key.

    Raises:
        UnreadableKeyError: the key is no formula that math-verify reads.
    """
    gold = _parsed_key(key)
    if gold is None:
        raise UnreadableKeyError("the key cannot be parsed")
    if "=" in _SUBSCRIPT.sub("", key) and "=" not in answer:
        return False  # an equation is no value; the other way round, what a value is set equal to may be the answer
    said = _parsed(answer)
    return said is not None and bool(verify(gold, said, timeout_seconds=None, allow_set_relation_comp=True))


def _parsed(text: str) -> Any:
    text = _DEGREES.sub(r"(\\frac{\1\\pi}{180})", text)
    if not _INDEXED.search(text):
        text = _IMAGINARY.sub(" i ", text)
    try:
        return parse_latex_cached(normalize_latex(text, config=_CONFIG).strip())
    except RecursionError:
        raise
    except Exception:  # whatever its parser raises, the text is no formula to it
        return None


_parsed_key = lru_cache(maxsize=512)(_parsed)


def _numbers_equal(a: Any, b: Any, *_: int) -> bool:
    """In place of math-verify's comparison of numbers, also of those within sets, intervals and matrices."""
    if isinstance(a, MatrixBase) or isinstance(b, MatrixBase):
        same = isinstance(a, MatrixBase) and isinstance(b, MatrixBase) and a.shape == b.shape
        return same and all(library.sympy_expr_eq(x, y, 6, 15) for x, y in zip(a.flat(), b.flat(), strict=True))
    decimal = bool(a.atoms(Float) | b.atoms(Float))
    a, b = _exact(a), _exact(b)
    if a.free_symbols or b.free_symbols:
        return bool(expand(a - b) == 0)
    if a == b or a in (zoo, not_a_number) or b in (zoo, not_a_number):
        return bool(a == b)
    return _close(a, b) if decimal else _no_digit_differs(a, b)


def _exact(expression: Any) -> Any:
    """The expression evaluated, decimals as the fractions that they spell."""
    floats = {x: Rational(str(x)) for x in expression.atoms(Float)}
    return (expression.xreplace(floats) if floats else expression).doit()


def _no_digit_differs(a: Any, b: Any) -> bool:
    with contextlib.suppress(PrecisionExhausted):
        if (a - b).evalf(2, maxn=DIGITS, strict=True) != 0:
            return False
    first, second = a.evalf(DIGITS), b.evalf(DIGITS)  # sympy takes log(1 + 10⁻²⁰) for 0 where two digits are wanted
    return bool(abs(first - second) <= Float(f"1e-{DIGITS - SPARE}", DIGITS) * max(1, abs(first), abs(second)))


def _close(a: Any, b: Any) -> bool:
    first, second = complex(a.evalf(20)), complex(b.evalf(20))
    difference = abs(first - second)
    return difference <= PLACES and difference <= RELATIVE * max(abs(first), abs(second))


_simplified = library.sympy_symbolic_eq


def _formulas_equal(a: Any, b: Any) -> bool:
    """math-verify's comparison by simplifying, for formulas with variables; numbers have been compared by then."""
    variables = getattr(a, "free_symbols", None) or getattr(b, "free_symbols", None)
    return bool(variables) and bool(_simplified(a, b))


library.sympy_numeric_eq = _numbers_equal
library.sympy_symbolic_eq = _formulas_equal
