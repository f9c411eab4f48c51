r"""Exact rational numbers that an answer spells out: ``-2 2/3``, ``1.5``, ``3\cdot10^{8}``, ``\frac{1}{2^{99}}``.

A small calculator over the four operations, whole powers and factorials, for text in the typography of
:mod:`arts.problems.answers.typography`. Whatever else is in a text, it is no number here. Sizes are bounded before
anything is computed.
"""

import math
import re
from fractions import Fraction
from functools import lru_cache

MAX_CHARACTERS = 400
"""Longer texts are no numbers."""
MAX_BITS = 100_000
"""Size of the largest numerator and denominator that are computed."""
MAX_FACTORIAL = 5_000
MAX_DEPTH = 40
"""Nesting of brackets and powers."""

_TOKEN = re.compile(
    r"(?P<number>\d+\.?\d*|\.\d+)|\\(?P<command>frac|cdot|times|overline)(?![a-zA-Z])"
    r"|(?P<blank>\s+)|(?P<sign>[-+*/^!(){}])"
)
_LITERAL = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?")
_REPEATING = re.compile(r"(-?)(\d*)\.(\d*)\\overline\{(\d{1,20})\}")


class _NoNumberError(ValueError):
    """The text is no number that is computed here."""


@lru_cache(maxsize=8_192)
def exact_number(text: str) -> Fraction | None:
    r"""The rational number that a text spells out, or None.

    >>> exact_number("-2 2/3"), exact_number("\\frac{3}{4}"), exact_number("2 3")
    (Fraction(-8, 3), Fraction(3, 4), None)
    """
    if _LITERAL.fullmatch(text):
        return Fraction(text)
    if not text or len(text) > MAX_CHARACTERS or not re.search(r"\d", text):
        return None
    repeating = _REPEATING.fullmatch(text)
    if repeating:
        return _repeating(*repeating.groups())
    try:
        return _Calculator(text).all()
    except (_NoNumberError, ZeroDivisionError):
        return None


def _repeating(sign: str, whole: str, fixed: str, period: str) -> Fraction:
    start = Fraction(int(whole + fixed or "0"), 10 ** len(fixed))
    value = start + Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(fixed))
    return -value if sign else value


class _Calculator:
    """Reads tokens from left to right; every method leaves the position behind what it has read."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _NoNumberError
            self._tokens.append(found["command"] or found[0][:1] if found["blank"] else found["command"] or found[0])
            at = found.end()
        self._at = 0
        self._depth = 0

    def all(self) -> Fraction:
        value = self._sum()
        if self._peek():
            raise _NoNumberError
        return value

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        if self._peek() not in wanted:
            return ""
        self._at += 1
        return self._tokens[self._at - 1]

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise _NoNumberError

    def _sum(self) -> Fraction:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _NoNumberError
        value = self._signed()
        while sign := self._take("+", "-"):
            value = _bounded(value + self._signed() * (1 if sign == "+" else -1))
        self._depth -= 1
        return value

    def _signed(self) -> Fraction:
        sign = self._take("+", "-")
        value = self._product()
        return -value if sign == "-" else value

    def _product(self) -> Fraction:
        value = self._power()
        while True:
            if self._take("*", "cdot", "times"):
                value = _bounded(value * self._factor())
            elif self._take("/"):
                value = _bounded(value / self._factor())
            elif self._peek() in ("(", "frac"):
                value = _bounded(value * self._power())
            else:
                return value

    def _factor(self) -> Fraction:
        sign = self._take("-")
        value = self._power()
        return -value if sign else value

    def _power(self) -> Fraction:
        value = self._primary()
        while mark := self._take("^", "!"):
            value = _power(value, self._exponent()) if mark == "^" else _factorial(value)
        return value

    def _exponent(self) -> Fraction:
        if self._peek() == "{":
            return self._group()
        number = self._peek()
        if not re.fullmatch(r"\d", number):
            raise _NoNumberError
        self._at += 1
        return Fraction(number)

    def _primary(self) -> Fraction:
        token = self._peek()
        if token == "frac":
            self._at += 1
            above = self._group()
            return _bounded(above / self._group())
        if token == "{":
            return self._group()
        if self._take("("):
            value = self._sum()
            self._need(")")
            return value
        if not token[:1].isdigit() and token[:1] != ".":
            raise _NoNumberError
        self._at += 1
        return self._mixed(token) or Fraction(token.removesuffix("."))

    def _mixed(self, whole: str) -> Fraction | None:
        r"""A whole number with a proper fraction behind it, ``2 2/3`` or ``2\frac{2}{3}``; None for another."""
        if not whole.isdigit():
            return None
        start = self._at
        blank = self._take(" ")
        part: tuple[str, str] | None = None
        if self._take("frac"):
            signs = [self._peek(i) for i in range(6)]
            if signs[0] == signs[3] == "{" and signs[2] == signs[5] == "}":
                part = signs[1], signs[4]
                self._at += 6
        elif blank and self._peek(1) == "/":
            part = self._peek(), self._peek(2)
            self._at += 3
        if part and all(map(str.isdigit, part)) and 0 < int(part[0]) < int(part[1]):
            return int(whole) + Fraction(int(part[0]), int(part[1]))
        self._at = start
        return None

    def _group(self) -> Fraction:
        self._need("{")
        value = self._sum()
        self._need("}")
        return value


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _NoNumberError
    return value


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > MAX_BITS:
        raise _NoNumberError
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits * abs(exponent) > MAX_BITS:
        raise _NoNumberError
    return Fraction(base ** int(exponent))


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
        raise _NoNumberError
    return Fraction(math.factorial(int(value)))
