"""Notation of programs as LaTeX: ``2**x``, ``sqrt(2)``, ``1e-5``, ``pi``."""

import re
from collections.abc import Callable

from arts.problems.answers.signs import GREEK

_PIECES = re.compile(r"(\\text\{[^{}]*\})")
_SCIENTIFIC = re.compile(r"(?<![A-Za-z\\\d.])(\d+\.?\d*|\.\d+)[eE]([+-]?\d{1,6})(?![\d.A-Za-z])")
_FUNCTION = "arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|log|ln|exp|det|max|min|gcd|lcm"
_CALLED = re.compile(rf"(?<![A-Za-z\\])({_FUNCTION})(?=\s*[(\d^{{\\]|\s+[a-z](?![a-z]))")
_FRACTION_BEFORE = re.compile(r"(?<![\d./)}])(\d+)/(\d+)\s+(?=[a-zA-Z\\])")
"""With a blank behind it the whole of 4/3 stands before pi."""
_PLAIN_ROOT = re.compile(r"(?<![A-Za-z\\])sqrt\s*(\d+|[a-z](?![a-z]))")
_ROOT_CALL = re.compile(r"\\?(?<![A-Za-z])(sqrt|cbrt)\s*\(")
_EXPONENT_CALL = re.compile(r"\^\s*\(|\\exp\s*\(")
_WORD_SIGNS = re.compile(rf"(?<![A-Za-z\\])(?:({'|'.join(GREEK)})|(infinity|inf|oo))(?![A-Za-z])")
_EMPHASIS = re.compile(r"(?<![\w)*])\*\*([^*\n]+)\*\*(?![\w(*])")


def as_latex(text: str) -> str:
    """Program notation as LaTeX, outside words that are set as text."""
    pieces = _PIECES.split(text)
    pieces[::2] = [_code(piece) for piece in pieces[::2]]
    return "".join(pieces)


def _code(text: str) -> str:
    text = (
        _EMPHASIS.sub(r"\1", text)
        .replace("**", "^")
        .replace("<=", "\\le ")
        .replace(">=", "\\ge ")
        .replace("!=", "\\ne ")
    )
    text = _FRACTION_BEFORE.sub(r"\\frac{\1}{\2} ", text)
    text = _SCIENTIFIC.sub(lambda m: f"{m[1]}\\cdot 10^{{{int(m[2])}}}", text)
    text = _WORD_SIGNS.sub(lambda m: f"\\{m[1]} " if m[1] else "\\infty ", text)
    text = _PLAIN_ROOT.sub(r"\\sqrt{\1}", text)
    text = _CALLED.sub(r"\\\1", text)
    text = _with_braces(_ROOT_CALL, text, lambda m: "\\sqrt" if m[1] == "sqrt" else "\\sqrt[3]")
    return _with_braces(_EXPONENT_CALL, text, lambda m: "e^" if "exp" in m[0] else "^")


def _with_braces(call: re.Pattern[str], text: str, command: Callable[[re.Match[str]], str]) -> str:
    """Every ``call(…)`` as ``command{…}``; a parenthesis that nothing closes stays."""
    found = list(call.finditer(text))
    if not found:
        return text
    partner = _partners(text)
    calls = {m.start(): m for m in found if m.end() - 1 in partner}
    closing = {partner[m.end() - 1] for m in calls.values()}
    out, i = [], 0
    while i < len(text):
        if i in calls:
            out.append(command(calls[i]) + "{")
            i = calls[i].end()
        else:
            out.append("}" if i in closing else text[i])
            i += 1
    return "".join(out)


def _partners(text: str) -> dict[int, int]:
    """Where each opening parenthesis is closed."""
    open_, partner = [], {}
    for i, sign in enumerate(text):
        if sign == "(":
            open_.append(i)
        elif sign == ")" and open_:
            partner[open_.pop()] = i
    return partner
