r"""One way to write what can be written in many: Unicode, LaTeX, Markdown and program code become the same signs.

Only looks change here: ``½`` becomes ``\frac{1}{2}``, ``2**x`` becomes ``2^x``, ``\$5`` becomes ``5\text{dollar}``. No
digit meets another one that was apart, and no unit is lost. Every pass is linear in the text.
"""

import re

from arts.problems.answers import latex, money, program, signs

_BOLD = re.compile(r"^\*\*(.*)\*\*$", re.DOTALL)
_QUOTED = re.compile(r"""^(["'`])(.*)\1$""", re.DOTALL)
_LABEL = re.compile(
    r"^(\\text\{)?(?P<label>(?:the )?(?:final |correct )?answer(?: is)?\s*[:=]?)\s*(?(1)\})\s*[:=]?\s*(?=\S)",
    re.IGNORECASE,
)
_STOP = re.compile(r"(?<![\\.,;\s])(?<![ap]\.m)(?<!\s)[.,;]\s*$", re.IGNORECASE)
_ENDS = " \t\r\n"
_BRACES = re.compile(r"(?<=[_^])\{([0-9A-Za-z])\}")
_BLANKS = re.compile(r"\s+")
_BLANK_AFTER_COMMA = re.compile(r", ")
_THOUSANDS = re.compile(r",\s?\d{3}(?!\d)")
"""Where there may be any, the blanks behind commas tell the elements of a list."""
_BLANK_AFTER_COMMAND = re.compile(r"(\\[a-zA-Z]+) (?![a-zA-Z])")
_NEEDLESS_BLANK = re.compile(r"(?<![\w,]) | (?![\w])", re.ASCII)


def typeset(answer: str) -> str:
    r"""An answer in the one typography that :mod:`arts.problems.answers` reads.

    >>> typeset("½"), typeset("3e8"), typeset("\\$32,\\!348"), typeset("2**(1/4)")
    ('\\frac{1}{2}', '3\\cdot10^8', '32,348\\text{dollar}', '2^{1/4}')
    """
    text = _bare(answer.strip())
    if not text.isascii() or "\x00" in text:
        text = signs.as_latex(text)
    if "\\" in text or "{,}" in text or "~" in text:
        text = latex.one_spelling(text)
    text = money.behind_amounts(text)
    if any(map(str.isalpha, text)) or "**" in text:
        text = program.as_latex(text)
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


def _spaced(text: str) -> str:
    """Blanks only where they keep apart what would be read as one: two words, two numbers, two elements of a list."""
    text = _BLANKS.sub(" ", text).strip()
    text = _BLANK_AFTER_COMMA.sub("," if _THOUSANDS.search(text) is None else ", ", text)
    text = _BLANK_AFTER_COMMAND.sub(r"\1", text)
    return _NEEDLESS_BLANK.sub("", text)
