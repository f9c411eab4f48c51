r"""LaTeX in one spelling: no spacing commands, one name for what has several, ``\text`` for all upright words."""

import re

_THIN_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:(?:\\,|\{,\}|\{\\,\})\d{3})+(?!\d)")
_THIN = re.compile(r"\\,|\{,\}|\{\\,\}")
_COMMA_IN_BRACES = re.compile(r"(?<=\d)\{,\}(?=\d)")
_NOTHING = re.compile(
    r"\\!\s*|\\(?:left|right)(?![a-z])\.?|\\(?:[bB]igg?[lrm]?|displaystyle|textstyle|limits|boldsymbol|mathbf|mathit)(?![a-z])"
    r"|\\label\{[^{}]{0,100}\}|\\tag\{[^{}]{0,100}\}"
)
_SPACES = re.compile(r"(?<!\\)(?:\\[,;: ]|~)|\\q?quad|\\hspace\*?\{[^{}]{0,40}\}")
_DELIMITERS = re.compile(r"(?<!\\)\\[()\[\]]|\$\$")
_SAME = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac"), "\\frac"),
    **dict.fromkeys(("leq", "leqslant"), "\\le"),
    **dict.fromkeys(("geq", "geqslant"), "\\ge"),
    **{"neq": "\\ne", "lt": "<", "gt": ">", "varnothing": "\\emptyset", "infin": "\\infty", "lbrace": "\\{"},
    **{"rbrace": "\\}", "lbrack": "[", "rbrack": "]", "colon": ":", "div": "/", "ast": "*", "degree": "^\\circ"},
    **{"dots": "\\ldots", "cdots": "\\ldots", "bigcup": "\\cup", "imath": "i", "R": "\\mathbb{R}", "percent": "\\%"},
    **{"varepsilon": "\\epsilon", "varphi": "\\phi", "vartheta": "\\theta", "textdollar": "\\$", "lor": "\\text{or}"},
    **{"land": "\\text{and}", "vee": "\\text{or}", "thinspace": " ", "space": " ", "textdegree": "^\\circ"},
}
_COMMAND = re.compile(rf"\\({'|'.join(sorted(_SAME, key=len, reverse=True))})(?![a-zA-Z])")
_TEXT = re.compile(
    r"(?P<before>[\d})]\s*)?\\(?P<name>text(?:bf|it|rm|sf|tt|normal|up)?|mathrm|mathsf|mathtt|mbox|hbox|rm)\s*"
    r"\{(?P<inner>[^{}\\]*(?:\\[^a-zA-Z{}][^{}\\]*)*)\}"
)
_TEMPERATURE = re.compile(r"\^\\circ\s*(?:\\text\{)?([CF])\b\}?")
_UNIT_LETTERS = "mgshlLWVJNKACF"
"""Single letters that are units when they are set upright behind a number."""
_FRACTION = re.compile(r"\\frac\s*(?:\{([^{}]*)\}|(\d)|([a-zA-Z]|\\pi))\s*(?:\{([^{}]*)\}|(\d)|([a-zA-Z]|\\pi))")
_THOUSANDS_ALONE = re.compile(r"(?:(?<=frac\{)|(?<=\}\{))\d{1,3}(?:,\d{3})+(?=\})")
"""In a fraction, which holds no lists."""
_SHORT_ROOT = re.compile(r"\\sqrt\s*([0-9a-zA-Z])(?![0-9])")
_DEGREES = re.compile(r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ")


def one_spelling(text: str) -> str:
    """A text without what only sets it apart, its commands under one name, its arguments in braces."""
    text = _NOTHING.sub("", text)
    text = _THIN_THOUSANDS.sub(lambda m: _THIN.sub("", m[0]), text)
    text = _COMMA_IN_BRACES.sub(".", text)
    text = _DELIMITERS.sub(" ", text)
    text = _SPACES.sub(" ", text)
    text = _COMMAND.sub(lambda m: _SAME[m[1]], text)
    text = _DEGREES.sub(r"^\\circ ", text)
    text = _TEXT.sub(_upright, text)
    text = _TEMPERATURE.sub(r"\\text{degree \1}", text)
    text = _FRACTION.sub(_fraction, text)
    text = _THOUSANDS_ALONE.sub(lambda m: m[0].replace(",", ""), text)
    return _SHORT_ROOT.sub(r"\\sqrt{\1}", text)


def _upright(match: re.Match[str]) -> str:
    """Words stay marked as such; a single letter is a letter, unless it is a unit behind a number."""
    inner, before = match["inner"].strip(" \t\r\n" + "~"), match["before"] or ""
    if not inner:
        return f"{before} "
    if len(inner) == 1 and not (before.strip() and inner in _UNIT_LETTERS and match["name"] != "rm"):
        return f"{before}{inner}" if not (before.isdigit() and inner.isdigit()) else f"{before} {inner}"
    if re.fullmatch(r"[\d.]+", inner):
        return f"{before} {inner}"
    return f"{before}\\text{{{inner}}}"


def _fraction(match: re.Match[str]) -> str:
    above = next(x for x in match.groups()[:3] if x is not None)
    below = next(x for x in match.groups()[3:] if x is not None)
    return f"\\frac{{{above.strip()}}}{{{below.strip()}}}"
