"""Numbers and texts from outside as a reader sees them, the same in every form of a report."""

from math import isnan

from arts.estimate import UNDEFINED, Estimate
from arts.text import visible

LONGEST_TEXT = 4_000
"""Characters of a text from outside that are shown."""
LEAST_P = 0.001
"""Smaller p-values are only said to be smaller."""


def shown(text: object) -> str:
    """Text from a model or a file, for reading: bounded, control and direction marks made visible."""
    whole = str(text)
    more = len(whole) - LONGEST_TEXT
    return visible(whole[:LONGEST_TEXT]) + (f" … ({more:,} more characters)" if more > 0 else "")


def excerpt(text: object, most: int) -> str:
    """The first words of a text, on one line."""
    line = " ".join(str(text)[: 2 * most + LONGEST_TEXT].split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def percent(estimate: Estimate | None, *, signed: bool = False) -> str:
    """``57.3 [52.1, 62.4]`` in percent; a dash where there is none."""
    return _with_interval(estimate, 100, 1, signed)


def number(estimate: Estimate | None, digits: int = 3) -> str:
    """``0.573 [0.521, 0.624]``; a dash where there is none."""
    return _with_interval(estimate, 1, digits, False)


def _with_interval(estimate: Estimate | None, scale: int, digits: int, signed: bool) -> str:
    if estimate is None or not estimate.defined:
        return UNDEFINED
    value, low, high = (_rounded(scale * x, digits, signed) for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]" if not isnan(estimate.low) else value


def _rounded(x: float, digits: int, signed: bool) -> str:
    return f"{round(x, digits) + 0.0:{'+' if signed else ''}.{digits}f}"  # adding 0 takes the sign off −0


def p_value(p: float | None) -> str:
    """A p-value to three places; a dash where there was no test."""
    if p is None:
        return UNDEFINED
    return f"< {LEAST_P}" if p < LEAST_P else f"{p:.3f}"


def span(first: object, last: object) -> str:
    """``3–5``, or ``3`` where both ends are the same."""
    return f"{first}" if first == last else f"{first}–{last}"


def points(share: float | None) -> str:
    """A difference of accuracies in points."""
    return UNDEFINED if share is None else f"{100 * share:.1f}"


def count(number: int, one: str) -> str:
    """``1 problem``, ``2,000 problems``."""
    return f"{number:,} {one if number == 1 else one + 's'}"
