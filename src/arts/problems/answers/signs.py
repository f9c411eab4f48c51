"""Signs of Unicode as LaTeX: roots, powers, fractions, Greek, relations, currencies; what cannot be seen goes."""

import re
from collections.abc import Mapping
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
GREEK = [
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
_LETTERS = dict(zip("αβγδεζηθικλμνξπρστφχψω", (f"\\{name} " for name in GREEK), strict=True))
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


def as_latex(text: str) -> str:
    """A text in ASCII, as far as its signs have a name there."""
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
