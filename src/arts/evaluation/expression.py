"""Conditions over the fields of a problem, written as in Python but never run as Python.

The text is parsed, each construct that is known here becomes a small function of the fields, all others are refused.
Kinds are checked beforehand, so what can be read can also be evaluated, on every problem.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from arts.errors import UsageError
from arts.text import visible

Kind = Literal["number", "text", "condition"]
Fields = Mapping[str, float | str | None]
Condition = Callable[[Fields], bool]

FIELDS: Mapping[str, Kind] = {
    "answer": "text",
    "answer_type": "text",
    "depth": "number",
    "id": "text",
    "level": "number",
    "question": "text",
    "solution": "text",
    "source": "text",
    "subject": "text",
}
"""What an expression may speak of. ``depth`` is the median number of steps of the problem's samples."""
FUNCTIONS: Mapping[str, tuple[tuple[Kind, ...], Kind, Callable[..., Any]]] = {
    "len": (("text",), "number", len),
    "lower": (("text",), "text", str.lower),
    "startswith": (("text", "text"), "condition", str.startswith),
}
"""Arguments, result and meaning of what may be called."""
OUTCOMES = frozenset({"solved", "correct", "solve_rate", "pass_rate", "shrunk", "accuracy"})
"""Names of what the evaluated samples decide; problems chosen by them are judged by the samples that chose them."""

MISTAKEN = {"&&": "and", "||": "or", " = ": "=="}
"""Words of other languages, and what they are called here."""
MOST_CHARACTERS = 1_000
MOST_NESTED = 32
SHOWN = 100
"""Characters of an expression that an error repeats."""

_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUALITY: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {ast.Eq: operator.eq, ast.NotEq: operator.ne}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """A part of an expression; its value is None where a field is missing, but a condition then is false."""

    kind: Kind
    of: Callable[[Fields], Any]


class _Refused(Exception):
    def __init__(self, node: ast.AST, why: str) -> None:
        self.node, self.why = node, why


def condition(expression: str) -> Condition:
    r"""The expression as a function of a problem's fields; it never raises.

    Known are the names of ``FIELDS``, numbers, texts, ``and or not``, comparisons (chained ones too), ``in`` a text or
    a list, ``+ - * / %`` of numbers, and the ``FUNCTIONS``. A backslash is a backslash: ``"\frac" in answer``. A
    comparison with a missing field is false, whatever it compares; so is one with a quotient by zero.

    Raises:
        UsageError: it is longer than ``MOST_CHARACTERS``, cannot be parsed, holds anything else, joins kinds that do
            not fit, or speaks of outcomes.
    """
    shown = _shown(expression)
    if len(expression) > MOST_CHARACTERS:
        raise UsageError(f"expression '{shown}': it has {len(expression):,} characters, at most {MOST_CHARACTERS:,} go")
    text = expression.strip().replace("\\", "\\\\")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python finds odd is refused below, or harmless
            whole = ast.parse(text, mode="eval").body
        return _want(_read(whole, 0), "condition", whole)
    except _Refused as refused:
        place = _shown((ast.get_source_segment(text, refused.node) or text).replace("\\\\", "\\"))
        raise UsageError(f"expression '{shown}': at '{place}': {refused.why}") from None
    except SyntaxError as error:
        before = text[: error.offset - 1 if error.offset else len(text)].replace("\\\\", "\\")
        why = f"cannot be read at character {len(before) + 1}: {visible(error.msg)}"
        odd = next((o for o in MISTAKEN if o in f" {text} ".replace("==", "")), None)
        hint = f"; write {MISTAKEN[odd]} for {odd.strip()}" if odd else ""
        raise UsageError(f"expression '{shown}': {why}{hint}") from None
    except (ValueError, RecursionError, MemoryError):
        raise UsageError(f"expression '{shown}': cannot be read; {_HINT}") from None


def _shown(text: str) -> str:
    """The text in one short line."""
    return visible(" ".join(text[:SHOWN].split())) + ("…" if len(text) > SHOWN else "")


_HINT = f"fields are {', '.join(FIELDS)}; functions are {', '.join(FUNCTIONS)}"


def _read(node: ast.expr, nested: int) -> _Term:
    if nested > MOST_NESTED:
        raise _Refused(node, f"more than {MOST_NESTED} levels of nesting")
    deeper = nested + 1
    match node:
        case ast.Constant(value=bool() | None):
            raise _Refused(node, "write a comparison; one with a missing field is false by itself")
        case ast.Constant(value=int() | float() | str() as value):
            return _Term(kind="text" if isinstance(value, str) else "number", of=lambda _: value)
        case ast.Name(id=name):
            return _field(node, name)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _want(_read(operand, deeper), "condition", operand)
            return _Term(kind="condition", of=lambda fields: not inner(fields))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _want(_read(operand, deeper), "number", operand)
            return _Term(kind="number", of=_lifted(operator.neg, [inner]))
        case ast.BoolOp(op=op, values=values):
            parts = [_want(_read(v, deeper), "condition", v) for v in values]
            join = all if isinstance(op, ast.And) else any
            return _Term(kind="condition", of=lambda fields: join(part(fields) for part in parts))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            both = [_want(_read(side, deeper), "number", side) for side in (left, right)]
            return _Term(kind="number", of=_lifted(_ARITHMETIC[type(op)], both))
        case ast.Compare(left=left, ops=ops, comparators=others):
            links = [_link(a, op, b, deeper) for (a, b), op in zip(pairwise([left, *others]), ops, strict=True)]
            return _Term(kind="condition", of=lambda fields: all(link(fields) for link in links))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return _call(node, name, arguments, deeper)
    raise _Refused(node, f"this is not understood; {_HINT}")


def _field(node: ast.AST, name: str) -> _Term:
    if name in OUTCOMES:
        why = "the samples that decide it are evaluated too, which favours some methods; the report's subsets 'rare'"
        raise _Refused(node, f"{why} and 'extinct' are labelled and evaluated on different samples")
    if name not in FIELDS:
        raise _Refused(node, f"there is no such field; {_HINT}")
    return _Term(kind=FIELDS[name], of=lambda fields: fields.get(name))


def _want(term: _Term, kind: Kind, node: ast.AST) -> Callable[[Fields], Any]:
    if term.kind != kind:
        raise _Refused(node, f"this is a {term.kind}, where a {kind} is needed")
    return term.of


def _lifted(function: Callable[..., Any], arguments: list[Callable[[Fields], Any]]) -> Callable[[Fields], Any]:
    """The function of the arguments' values; None where one is missing or there is no such number."""

    def of(fields: Fields) -> Any:
        values = [argument(fields) for argument in arguments]
        if any(value is None for value in values):
            return None
        try:
            return function(*values)
        except ArithmeticError:
            return None

    return of


def _call(node: ast.AST, name: str, given: list[ast.expr], nested: int) -> _Term:
    kinds, kind, function = FUNCTIONS[name]
    if len(given) != len(kinds):
        raise _Refused(node, f"{name} takes {len(kinds)} argument{'s' if len(kinds) > 1 else ''}, not {len(given)}")
    value = _lifted(function, [_want(_read(a, nested), wanted, a) for a, wanted in zip(given, kinds, strict=True)])
    return _Term(kind=kind, of=(lambda fields: bool(value(fields))) if kind == "condition" else value)


def _link(left: ast.expr, op: ast.cmpop, right: ast.expr, nested: int) -> Callable[[Fields], bool | None]:
    """One comparison of a chain; None with a missing value."""
    first = _read(left, nested)
    if isinstance(op, ast.In | ast.NotIn):
        contained, outside = _contained(first, left, right, nested), isinstance(op, ast.NotIn)
        return _lifted(lambda found: found is not outside, [contained])
    if type(op) in _ORDER:
        numbers = [_want(first, "number", left), _want(_read(right, nested), "number", right)]
        return _lifted(_ORDER[type(op)], numbers)
    if type(op) in _EQUALITY:
        return _lifted(_EQUALITY[type(op)], [first.of, _want(_read(right, nested), first.kind, right)])
    raise _Refused(right, "this comparison is not understood; use == != < <= > >= or in")


def _contained(item: _Term, node: ast.expr, whole: ast.expr, nested: int) -> Callable[[Fields], bool | None]:
    """Whether a text holds another, or a list a value."""
    if isinstance(whole, ast.List | ast.Tuple | ast.Set):
        members = [_want(_read(e, nested), item.kind, e) for e in whole.elts]
        return _lifted(lambda value, *rest: value in rest, [item.of, *members])
    return _lifted(operator.contains, [_want(_read(whole, nested), "text", whole), _want(item, "text", node)])
