"""What an answer can be, once it is read."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Kind = Literal["list", "tuple", "set", "brackets", "ratio", "union"]
"""``list``: elements without brackets. ``brackets``: in square ones, a list or a closed interval."""


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number with its unit; ``listed`` are the elements where its commas may part a list (``3,100``)."""

    text: str
    exact: Fraction
    unit: str = ""
    percent: bool = False
    listed: "Items | None" = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A formula with a unit, or one in percent."""

    text: str
    formula: "Value"
    unit: str
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Numeral:
    """Digits in a base other than the one of everyday."""

    text: str
    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day; ``half`` is "a", "p" or, on a clock of 24 hours, empty."""

    text: str
    hour: int
    minute: int
    half: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A letter of multiple choice, with the text behind it where it has one."""

    text: str
    letter: str
    says: "Value | None" = None


@dataclass(frozen=True, slots=True)
class Words:
    """Text that is compared by its spelling, without case, blanks and punctuation."""

    text: str
    spelling: str


@dataclass(frozen=True, slots=True)
class Named:
    """``name = value``."""

    text: str
    name: str
    value: "Value"


@dataclass(frozen=True, slots=True)
class Items:
    """Several values."""

    text: str
    kind: Kind
    items: "tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class Interval:
    """Between two ends, each open or not; ``name`` is the variable where it was written as an inequality."""

    text: str
    low: "Value"
    high: "Value"
    open_low: bool
    open_high: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Formula:
    """Mathematics that is more than an exact number."""

    text: str


Value = Number | Measured | Numeral | Time | Choice | Words | Named | Items | Interval | Formula
