"""The language of ``where``: conditions over named fields, written as in Python but never run as Python.

The text is parsed, each construct that is known here becomes a small function of the fields, all others are refused.
The kinds of a problem's fields are checked beforehand. Those of a foreign row are known only when it is read: what is
not of the kind that its place needs counts as missing. So what can be read can also be evaluated, on everything.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Protocol

from arts.errors import UsageError
from arts.text import visible

Kind = Literal["number", "text", "condition"]
"""Of a value: a number, text, or true and false."""


class Fields(Protocol):
    """What a condition is asked of; a mapping is one."""

    def get(self, name: str, /) -> object:
        """The value of a field, None where there is none."""
        ...


Condition = Callable[[Fields], bool]
_Of = Callable[[Fields], Any]
"""A value of some fields; None where one is missing."""

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
"""What an expression may say of a problem. ``depth`` is the median number of steps of the problem's samples."""
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
    """A part of an expression; its value is None where a field is missing, but a condition then is false.

    ``kind`` is None for a field of a foreign row.
    """

    kind: Kind | None
    of: _Of


class _Refused(Exception):
    def __init__(self, node: ast.AST, why: str) -> None:
        self.node, self.why = node, why


def condition(expression: str, known: Mapping[str, Kind] | None = FIELDS) -> Condition:
    r"""The expression as a function of fields; it never raises.

    ``known`` has the names that may occur and their kinds; None allows all names, and dots in them, as foreign rows
    need it. Beside names there are numbers, texts, ``and or not``, comparisons (chained ones too), ``in`` a text or a
    list, ``+ - * / %`` of numbers, and the ``FUNCTIONS``. A backslash is a backslash: ``"\frac" in answer``. A
    comparison with a missing field is false, whatever it compares; so is one with a quotient by zero, and one of
    unlike kinds, where these are known only from the values.

    >>> condition("doc.level >= 4 and passed", None)({"doc.level": 5, "passed": True})
    True

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
        return _Reader(known).want(whole, "condition", 0)
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
        raise UsageError(f"expression '{shown}': cannot be read; {_hint(known)}") from None


def _shown(text: str) -> str:
    """The text in one short line."""
    return visible(" ".join(text[:SHOWN].split())) + ("…" if len(text) > SHOWN else "")


def _hint(known: Mapping[str, Kind] | None) -> str:
    fields = "the names of a row" if known is None else ", ".join(known)
    return f"fields are {fields}; functions are {', '.join(FUNCTIONS)}"


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns parsed expressions into functions of the fields; ``nested`` counts the levels above a node."""

    known: Mapping[str, Kind] | None

    def want(self, node: ast.expr, kind: Kind, nested: int) -> _Of:
        """The values of an expression of this kind."""
        return _of_kind(self.read(node, nested), kind, node)

    def read(self, node: ast.expr, nested: int) -> _Term:
        if nested > MOST_NESTED:
            raise _Refused(node, f"more than {MOST_NESTED} levels of nesting")
        deeper = nested + 1
        match node:
            case ast.Constant(value=bool() | None):
                raise _Refused(node, "write a comparison; one with a missing field is false by itself")
            case ast.Constant(value=int() | float() | str() as value):
                return _Term(kind=_kind(value), of=lambda _: value)
            case ast.Name() | ast.Attribute() if name := self._name(node):
                return self._field(node, name)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.want(operand, "condition", deeper)
                return _Term(kind="condition", of=lambda fields: not inner(fields))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _Term(kind="number", of=_lifted(operator.neg, [self.want(operand, "number", deeper)]))
            case ast.BoolOp(op=op, values=values):
                parts = [self.want(v, "condition", deeper) for v in values]
                join = all if isinstance(op, ast.And) else any
                return _Term(kind="condition", of=lambda fields: join(part(fields) for part in parts))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                both = [self.want(side, "number", deeper) for side in (left, right)]
                return _Term(kind="number", of=_lifted(_ARITHMETIC[type(op)], both))
            case ast.Compare(left=left, ops=ops, comparators=others):
                pairs = zip(pairwise([left, *others]), ops, strict=True)
                links = [self._link(a, op, b, deeper) for (a, b), op in pairs]
                return _Term(kind="condition", of=lambda fields: all(link(fields) for link in links))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                return self._call(node, name, arguments, deeper)
        raise _Refused(node, f"this is not understood; {_hint(self.known)}")

    def _name(self, node: ast.expr) -> str | None:
        """The name that a node spells, a path with dots where every name is allowed."""
        if isinstance(node, ast.Attribute) and self.known is None:
            before = self._name(node.value)
            return before and f"{before}.{node.attr}"
        return node.id if isinstance(node, ast.Name) else None

    def _field(self, node: ast.expr, name: str) -> _Term:
        if self.known is None:
            return _Term(kind=None, of=lambda fields: fields.get(name))
        if name in OUTCOMES:
            why = "the samples that decide it are evaluated too, which favours some methods; the report's subsets"
            raise _Refused(node, f"{why} 'rare' and 'extinct' are labelled and evaluated on different samples")
        if name not in self.known:
            raise _Refused(node, f"there is no such field; {_hint(self.known)}")
        return _Term(kind=self.known[name], of=lambda fields: fields.get(name))

    def _call(self, node: ast.AST, name: str, given: list[ast.expr], nested: int) -> _Term:
        kinds, kind, function = FUNCTIONS[name]
        if len(given) != len(kinds):
            raise _Refused(node, f"{name} takes {len(kinds)} argument{'s' if len(kinds) > 1 else ''}, not {len(given)}")
        value = _lifted(function, [self.want(a, wanted, nested) for a, wanted in zip(given, kinds, strict=True)])
        return _Term(kind=kind, of=(lambda fields: bool(value(fields))) if kind == "condition" else value)

    def _link(self, left: ast.expr, op: ast.cmpop, right: ast.expr, nested: int) -> _Of:
        """One comparison of a chain; None with a missing value."""
        if type(op) in _ORDER:
            return _lifted(_ORDER[type(op)], [self.want(side, "number", nested) for side in (left, right)])
        first = self.read(left, nested)
        if isinstance(op, ast.In | ast.NotIn):
            contained, outside = self._contained(first, left, right, nested), isinstance(op, ast.NotIn)
            return _lifted(lambda found: found is not outside, [contained])
        if type(op) in _EQUALITY:
            same = _EQUALITY[type(op)]
            both = self._alike(first, left, [right], nested)
            return _lifted(lambda a, b: same(a, b) if _kind(a) == _kind(b) else None, both)
        raise _Refused(right, "this comparison is not understood; use == != < <= > >= or in")

    def _alike(self, first: _Term, node: ast.expr, others: list[ast.expr], nested: int) -> list[_Of]:
        """The values of expressions that are all of one kind, as far as kinds are known."""
        terms = [first, *(self.read(other, nested) for other in others)]
        kind = next((term.kind for term in terms if term.kind), None)
        read = zip(terms, [node, *others], strict=True)
        return [_of_kind(term, kind, at) if kind else term.of for term, at in read]

    def _contained(self, item: _Term, node: ast.expr, whole: ast.expr, nested: int) -> _Of:
        """Whether a text holds another, or a list a value."""
        if isinstance(whole, ast.List | ast.Tuple | ast.Set):
            return _lifted(lambda value, *rest: value in rest, self._alike(item, node, whole.elts, nested))
        return _lifted(operator.contains, [self.want(whole, "text", nested), _of_kind(item, "text", node)])


def _kind(value: object) -> Kind | None:
    """The kind of a value; None for what can only be missing here, as a list."""
    if isinstance(value, bool):
        return "condition"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else None


def _of_kind(term: _Term, kind: Kind, node: ast.AST) -> _Of:
    """The values of a term, which has to be of this kind; where that shows in the values only, None for others."""
    of = term.of
    if term.kind is None and kind == "condition":
        return lambda fields: of(fields) is True
    if term.kind is None:
        return lambda fields: value if _kind(value := of(fields)) == kind else None
    if term.kind != kind:
        raise _Refused(node, f"this is a {term.kind}, where a {kind} is needed")
    return of


def _lifted(function: Callable[..., Any], arguments: list[_Of]) -> _Of:
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
