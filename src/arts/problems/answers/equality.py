"""When two answers are equal. What needs mathematics is asked of a ``judge``; the rest is decided here, exactly."""

import re
from collections.abc import Callable, Sequence
from functools import cache

from arts.problems.answers.values import (
    Choice,
    Formula,
    Interval,
    Items,
    Measured,
    Named,
    Number,
    Numeral,
    Time,
    Value,
    Words,
)

Judge = Callable[[str, str], bool | None]
"""Whether two formulas are equal; None: not known here."""
MAX_UNORDERED = 40
"""Longer lists are compared in their order."""

_SET_LIKE = re.compile(r"\\(?:cup|cap|setminus|mathbb|mid|in|begin|emptyset)(?![a-z])|\|")
_UNORDERED = frozenset({"list", "set", "union"})
_LONG_NAME = 4
"""Characters of a name that is a word; shorter ones are variables."""
_SPOKEN = re.compile(r"[^\W\d_]{4,}(?: [^\W\d_]+)*")


def equal(a: Value, b: Value, judge: Judge) -> bool | None:
    """Whether two values are equal: None where the judge does not know. Symmetric if the judge is."""
    if a.text == b.text:
        return True
    for kind, compare in _RULES:
        if isinstance(a, kind):
            return compare(a, b, judge)
        if isinstance(b, kind):
            return compare(b, a, _swapped(judge))
    return judge(a.text, b.text)


def _swapped(judge: Judge) -> Judge:
    return lambda a, b: judge(b, a)


def _all(verdicts: Sequence[bool | None]) -> bool | None:
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _named(a: Named, b: Value, judge: Judge) -> bool | None:
    if isinstance(b, Named):
        if a.name == b.name or _may_be_one(*sorted((a.name, b.name), key=len)):
            return equal(a.value, b.value, judge)
        linked = a.name in b.value.text.casefold() and b.name in a.value.text.casefold()
        return judge(a.text, b.text) if linked else False
    if isinstance(b, Formula) and "=" in b.text:
        return judge(a.text, b.text)
    return equal(a.value, b, judge)


def _may_be_one(short: str, long: str) -> bool:
    """Whether a letter or a word may be what words call by more of them: ``A`` or ``area``, ``area of the square``."""
    if not _SPOKEN.fullmatch(long):
        return False
    return len(short) < _LONG_NAME or f" {short} " in f" {long} "


def _choice(a: Choice, b: Value, judge: Judge) -> bool | None:
    if isinstance(b, Choice):
        return a.letter == b.letter
    if a.says is not None:
        return equal(a.says, b, judge)
    return judge(a.text, b.text) if isinstance(b, Formula) else False


def _numeral(a: Numeral, b: Value, judge: Judge) -> bool | None:
    if isinstance(b, Numeral):
        return (a.digits, a.base) == (b.digits, b.base)
    return isinstance(b, Number) and not b.unit and a.digits == b.text


def _time(a: Time, b: Value, judge: Judge) -> bool | None:
    if isinstance(b, Time):
        return _minutes(a) == _minutes(b)
    if isinstance(b, Number):
        return a.minute == 0 and b.exact == a.hour and not b.unit
    if isinstance(b, Items) and b.kind == "ratio" and len(b.items) == 2:
        clock = [item.exact for item in b.items if isinstance(item, Number)]
        return clock in ([a.hour, a.minute], [*divmod(_minutes(a), 60)])
    return False


def _minutes(time: Time) -> int:
    return (time.hour % 12 + 12 * (time.half == "p")) * 60 + time.minute


def _items(a: Items, b: Value, judge: Judge) -> bool | None:
    if isinstance(b, Items):
        return _both_items(a, b, judge)
    if isinstance(b, Number):
        if b.listed is not None and len(a.items) > 1:
            return equal(a, b.listed, judge)
        if a.kind == "ratio":
            return _as_fraction(a, b)
    if isinstance(b, Formula) and _SET_LIKE.search(b.text):
        return judge(a.text, b.text)
    if not a.items or (a.kind not in _UNORDERED and len(a.items) > 1):
        return False
    if a.kind == "list" and len({item.text for item in a.items}) < len(a.items):
        return False
    return _all([equal(x, b, judge) for x in a.items])  # several spellings of one value


def _as_fraction(ratio: Items, number: Number) -> bool:
    parts = [item.exact for item in ratio.items if isinstance(item, Number)]
    return len(parts) == 2 and parts[0] == number.exact * parts[1] and not number.unit


def _both_items(a: Items, b: Items, judge: Judge) -> bool | None:
    kinds = {a.kind, b.kind}
    if "ratio" in kinds and len(kinds) > 1:
        return False
    if "union" in kinds:
        same = _unordered(a.items, b.items, judge)
        return judge(a.text, b.text) if same is False and kinds <= _UNORDERED else same
    if len(a.items) != len(b.items):
        return False
    if "brackets" in kinds and len(kinds) == 2 and len(a.items) == 2:
        return False  # a closed interval
    if "set" in kinds and not kinds <= _UNORDERED:
        return False
    if kinds <= _UNORDERED and len(a.items) <= MAX_UNORDERED:
        return _unordered(a.items, b.items, judge)
    return _all([equal(x, y, judge) for x, y in zip(a.items, b.items, strict=True)])


def _unordered(first: Sequence[Value], second: Sequence[Value], judge: Judge) -> bool | None:
    """Whether each element has a partner of its own; the judge is asked of those only that have none without it."""
    if len(first) != len(second):
        return False
    judge = cache(judge)
    first, second = _without_partners(first, second, lambda a, b: None)
    first, second = _without_partners(first, second, judge)
    table = [[equal(x, y, judge) for y in second] for x in first]
    if any(None not in row for row in (*table, *zip(*table, strict=True))):
        return False
    return None if table else True


def _without_partners(
    first: Sequence[Value], second: Sequence[Value], judge: Judge
) -> tuple[Sequence[Value], Sequence[Value]]:
    """The elements of both that equal none of the other."""
    left, alone = list(second), []
    for x in first:
        partner = next((i for i, y in enumerate(left) if equal(x, y, judge)), None)
        if partner is None:
            alone.append(x)
        else:
            del left[partner]
    return alone, left


def _interval(a: Interval, b: Value, judge: Judge) -> bool | None:
    other = _as_interval(b)
    if other is None:
        return judge(a.text, b.text) if isinstance(b, Formula) else False
    if a.name and other.name and a.name != other.name:
        return False
    if (a.open_low, a.open_high) != (other.open_low, other.open_high):
        return False
    return _all([equal(a.low, other.low, judge), equal(a.high, other.high, judge)])


def _as_interval(value: Value) -> Interval | None:
    if isinstance(value, Interval):
        return value
    if isinstance(value, Items) and value.kind in ("tuple", "brackets") and len(value.items) == 2:
        is_open = value.kind == "tuple"
        return Interval(value.text, *value.items, open_low=is_open, open_high=is_open)
    return None


def _measured(a: Measured, b: Value, judge: Judge) -> bool | None:
    if isinstance(b, (Measured, Number)):
        if a.unit and b.unit and a.unit != b.unit:
            return False
        return equal(a.formula, b.formula if isinstance(b, Measured) else Number(b.text, b.exact), judge)
    return equal(a.formula, b, judge)


def _number(a: Number, b: Value, judge: Judge) -> bool | None:
    if isinstance(b, Number):
        if a.unit and b.unit and a.unit != b.unit:
            return False
        return a.exact == b.exact or (a.percent != b.percent and _percent(a) == _percent(b))
    return judge(a.text, b.text)


def _percent(number: Number) -> object:
    return number.exact / 100 if number.percent else number.exact


def _words(a: Words, b: Value, judge: Judge) -> bool | None:
    return isinstance(b, Words) and a.spelling == b.spelling


_RULES: tuple[tuple[type, Callable[..., bool | None]], ...] = (
    (Named, _named),
    (Choice, _choice),
    (Words, _words),
    (Time, _time),
    (Interval, _interval),
    (Items, _items),
    (Numeral, _numeral),
    (Measured, _measured),
    (Number, _number),
)
"""Of two values the first kind of this order compares."""
