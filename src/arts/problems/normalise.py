"""One spelling for answers that differ only in typography, and exact numbers where an answer is one."""

import re
from fractions import Fraction

_DROPPED = re.compile(r"\\left(?![a-z])|\\right(?![a-z])|\\[!,;: ]|\\?\$|\\?%|\^\\circ|\^\{\\circ\}|°|\s+")
_THOUSANDS = re.compile(r"(?<=\d)(?:,|\{,\})(?=\d{3}(?!\d))")
_UNIT = re.compile(r"\\(?:text|mbox|mathrm)\{[^{}]*\}$")
_WORDS = re.compile(r"\\(?:text|mbox|mathrm|textbf)\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\frac(\d)(\d)(?!\d)")
_FRACTION = re.compile(r"(-?)\\frac\{(-?\d+)\}\{(-?\d+)\}")
_PLAIN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:/\d+)?")
_MAX_DIGITS = 100


def normalise(answer: str) -> str:
    """A canonical spelling; idempotent. Answers with the same one are equal."""
    previous, text = None, answer.strip()
    while text != previous:
        previous, text = text, _once(text)
    return text


def _once(text: str) -> str:
    text = _DROPPED.sub("", text.replace("\x00", "").replace("−", "-"))
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text)
    if _UNIT.search(text) and text[:1].isdigit() and ":" not in text:
        text = _UNIT.sub("", text)
    text = _THOUSANDS.sub("", _WORDS.sub(r"\1", text))
    text = text.removeprefix("x=") or text
    return text.rstrip(".").strip("*")


def exact_number(normalised: str) -> Fraction | None:
    """The rational number that a normalised answer spells out in digits, or None."""
    if len(normalised) > _MAX_DIGITS:
        return None
    latex = _FRACTION.fullmatch(normalised)
    try:
        if latex:
            return Fraction(int(latex[2]), int(latex[3])) * (-1 if latex[1] else 1)
        if _PLAIN.fullmatch(normalised):
            whole, _, below = normalised.partition("/")
            return Fraction(whole.rstrip(".") if whole.endswith(".") else whole) / Fraction(below or 1)
    except (ZeroDivisionError, ValueError):
        return None
    return None
