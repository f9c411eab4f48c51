r"""One way to write what can be written in many: Unicode, LaTeX, Markdown and program code become the same signs.

Only looks change here: ``½`` becomes ``\frac{1}{2}``, ``2**x`` becomes ``2^x``, ``\$5`` becomes ``5\text{dollar}``. No
digit meets another one that was apart, and no unit is lost. Every pass is linear in the text.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial

_SUPER = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
_SUB = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-", strict=True))
_VULGAR = dict(
    zip(
        "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞",
        ["12", "13", "23", "14", "34", "15", "25", "35", "45", "16", "56", "18", "38", "58", "78"],
        strict=True,
    )
)
_SIGNS = {
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94)},  # full width
    **dict.fromkeys("−–—‐‑‒﹣", "-"),
    **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2007\u2008\u200a\u3000", " "),
    **dict.fromkeys("\u2006\u2009\u202f", "\\,"),
    **dict.fromkeys("\x00\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("‘’", "'"),
    **{"×": "\\times ", "·": "\\cdot ", "⋅": "\\cdot ", "∙": "\\cdot ", "÷": "/", "∕": "/", "⁄": "/", "∗": "*"},
    **{"≤": "\\le ", "⩽": "\\le ", "≥": "\\ge ", "⩾": "\\ge ", "≠": "\\ne ", "≈": "\\approx ", "±": "\\pm "},
    **{"∞": "\\infty ", "∅": "\\emptyset ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "∖": "\\setminus "},
    **{"ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℕ": "\\mathbb{N}", "ℚ": "\\mathbb{Q}", "ℂ": "\\mathbb{C}"},
    **{"°": "^\\circ ", "º": "^\\circ ", "∠": "\\angle ", "…": "\\ldots ", "。": ".", "、": ",", "〈": "(", "〉": ")"},
    **{"€": "\\euro ", "£": "\\pounds ", "¥": "\\yen ", "₹": "\\rupee "},
}
_GREEK = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "pi",
    "rho",
    "sigma",
    "tau",
    "phi",
    "chi",
    "psi",
    "omega",
]
_LETTERS = dict(zip("αβγδεζηθικλμνξπρστφχψω", (f"\\{name} " for name in _GREEK), strict=True))
_CAPITALS = dict(
    zip(
        "ΓΔΘΛΞΠΣΦΨΩ",
        (f"\\{n} " for n in ["Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"]),
        strict=True,
    )
)
_UNICODE = str.maketrans(
    {
        **_SIGNS,
        **_LETTERS,
        **_CAPITALS,
        "ϕ": "\\phi ",
        "ϵ": "\\epsilon ",
        **{sign: f" \\frac{{{digits[0]}}}{{{digits[1]}}}" for sign, digits in _VULGAR.items()},
    }
)
_ROOT = re.compile(r"([√∛])\s*(\((?P<inner>[^()]{1,200})\)|(?P<word>[A-Za-z0-9.]+))?")

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
_EMPHASIS = re.compile(r"(?<![\w)*])\*\*([^*\n]+)\*\*(?![\w(*])")
_BOLD = re.compile(r"^\*\*(.*)\*\*$", re.DOTALL)
_QUOTED = re.compile(r"""^(["'`])(.*)\1$""", re.DOTALL)
_LABEL = re.compile(
    r"^(\\text\{)?(?P<label>(?:the )?(?:final |correct )?answer(?: is)?\s*[:=]?)\s*(?(1)\})\s*[:=]?\s*(?=\S)",
    re.IGNORECASE,
)
_STOP = re.compile(r"(?<![\\.,;\s])(?<![ap]\.m)(?<!\s)[.,;]\s*$", re.IGNORECASE)
_ENDS = " \t\r\n"

_MONEY = re.compile(
    r"(?P<sign>-?)\s*(?P<mark>\\\$|\\euro|\\pounds|\\yen|\\rupee|(?:USD|EUR|GBP|Rs\.?|INR)(?=\s*\d))\s*(?P<minus>-?)"
    r"(?P<amount>\d[\d,]*(?:\.\d+)?|\.\d+)(?P<scale>\s*(?:\\text\{\s*)?(?:hundred|thousand|million|billion|trillion)\}?)?"
)
_MONEY_ALONE = re.compile(r"\\(?:\$|euro|pounds|yen|rupee)(?![a-zA-Z])\s*")
_NAMES = {"\\$": "dollar", "\\euro": "euro", "\\pounds": "pound", "\\yen": "yen", "\\rupee": "rupee"}
_NAMES |= {"USD": "dollar", "EUR": "euro", "GBP": "pound", "Rs": "rupee", "Rs.": "rupee", "INR": "rupee"}
_CODES = tuple(name for name in _NAMES if name.isalnum())

_PIECES = re.compile(r"(\\text\{[^{}]*\})")
_SCIENTIFIC = re.compile(r"(?<![A-Za-z\\\d.])(\d+\.?\d*|\.\d+)[eE]([+-]?\d{1,6})(?![\d.A-Za-z])")
_FUNCTION = "arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|log|ln|exp|det|max|min|gcd|lcm"
_CALLED = re.compile(rf"(?<![A-Za-z\\])({_FUNCTION})(?=\s*[(\d^{{\\]|\s+[a-z](?![a-z]))")
_FRACTION_BEFORE = re.compile(r"(?<![\d./)}])(\d+)/(\d+)\s+(?=[a-zA-Z\\])")
"""With a blank behind it the whole of 4/3 stands before pi."""
_PLAIN_ROOT = re.compile(r"(?<![A-Za-z\\])sqrt\s*(\d+|[a-z](?![a-z]))")
_ROOT_CALL = re.compile(r"\\?(?<![A-Za-z])(sqrt|cbrt)\s*\(")
_EXPONENT_CALL = re.compile(r"\^\s*\(|\\exp\s*\(")
_WORD_SIGNS = re.compile(rf"(?<![A-Za-z\\])(?:({'|'.join(_GREEK)})|(infinity|inf|oo))(?![A-Za-z])")
_BRACES = re.compile(r"(?<=[_^])\{([0-9A-Za-z])\}")
_BLANKS = re.compile(r"\s+")
_BLANK_AFTER_COMMA = re.compile(r", ")
_THOUSANDS = re.compile(r",\s?\d{3}(?!\d)")
"""Where there may be any, the blanks behind commas tell the elements of a list."""
_BLANK_AFTER_COMMAND = re.compile(r"(\\[a-zA-Z]+) (?![a-zA-Z])")
_NEEDLESS_BLANK = re.compile(r"(?<![\w,]) | (?![\w])", re.ASCII)
_DEGREES = re.compile(r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ")


def typeset(answer: str) -> str:
    r"""An answer in the one typography that :mod:`arts.problems.answers` reads.

    >>> typeset("½"), typeset("3e8"), typeset("\\$32,\\!348"), typeset("2**(1/4)")
    ('\\frac{1}{2}', '3\\cdot10^8', '32,348\\text{dollar}', '2^{1/4}')
    """
    text = _bare(answer.strip())
    if not text.isascii() or "\x00" in text:
        text = _ascii(text)
    if "\\" in text or "{,}" in text or "~" in text:
        text = _latex(text)
    text = _money(text)
    if any(map(str.isalpha, text)) or "**" in text:
        text = _from_code(text)
    text = _BRACES.sub(r"\1", text)
    return _bare(_spaced(text).strip(_ENDS))


def _bare(text: str) -> str:
    """The text without quotes, emphasis and a label around it, and without the stop at its end."""
    while True:
        before = text
        for pattern, group in ((_BOLD, 1), (_QUOTED, 2)):
            whole = pattern.match(text)
            text = whole[group].strip() if whole else text
        text = _LABEL.sub("", text, count=1)
        text = _STOP.sub("", text)
        text = text.removeprefix("=").strip(_ENDS)
        if text == before:
            return text


def _ascii(text: str) -> str:
    text = _ROOT.sub(_root, text)
    for digits, mark in ((_SUPER, "^"), (_SUB, "_")):
        run = re.compile(f"[{''.join(digits)}]+")
        text = run.sub(partial(_script, digits, mark), text)
    return text.translate(_UNICODE)


def _script(digits: Mapping[str, str], mark: str, run: re.Match[str]) -> str:
    return f"{mark}{{{''.join(digits[c] for c in run[0])}}}"


def _root(match: re.Match[str]) -> str:
    command = "\\sqrt" if match[1] == "√" else "\\sqrt[3]"
    inner = match["inner"] or match["word"]
    return f"{command}{{{inner}}}" if inner else command


def _latex(text: str) -> str:
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
    inner, before = match["inner"].strip(_ENDS + "~"), match["before"] or ""
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


def _money(text: str) -> str:
    """Currencies behind their amounts, where units stand; dollar signs that delimit formulas go."""
    if "$" in text:
        bare = re.sub(r"\\\$", "", text)
        if bare.count("$") % 2 and re.search(r"(?<!\\)\$\s*-?\d", text):
            text = re.sub(r"(?<!\\)\$", r"\\$", text)
        text = re.sub(r"(?<!\\)\$", " ", text)
    if "\\" in text or text.startswith(_CODES):
        text = _MONEY.sub(_amount, text)
        text = _MONEY_ALONE.sub("", text)
    return text


def _amount(match: re.Match[str]) -> str:
    sign, scale = match["sign"] or match["minus"], match["scale"] or ""
    amount = match["amount"].rstrip(",")
    dropped = match["amount"][len(amount) :]
    return f"{sign}{amount}{scale}\\text{{{_NAMES[match['mark']]}}}{dropped}"


def _from_code(text: str) -> str:
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


def _spaced(text: str) -> str:
    """Blanks only where they keep apart what would be read as one: two words, two numbers, two elements of a list."""
    text = _BLANKS.sub(" ", text).strip()
    text = _BLANK_AFTER_COMMA.sub("," if _THOUSANDS.search(text) is None else ", ", text)
    text = _BLANK_AFTER_COMMAND.sub(r"\1", text)
    return _NEEDLESS_BLANK.sub("", text)
