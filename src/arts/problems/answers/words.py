"""Answers that are text: compared by their spelling, never taken for a product of letters."""

import re

_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_ENVIRONMENT = re.compile(r"\\(?:begin|end|operatorname|mathbb|mathcal|overline|vec|hat|bar)\s*\{[a-zA-Z*]*\}")
_WORD = re.compile(r"(?<![A-Za-z\\])[^\W\d_]{4,}")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_UNREADABLE = re.compile(
    r"\\ldots|\.\.\.|\\(?:forall|exists|implies|iff|Rightarrow|to|rightarrow|cong|sim|mid|equiv|pmod|bmod)(?![a-z])"
    r"|(?<![_^])\d\s+\d|\\text\{[^{}]*\w{2}[^{}]*\}|[^\x00-\x7f]"
)
_LIMIT = re.compile(r"\\lim\s?_\s?\{[^{}]*\}")
_SHORT = frozenset(
    [
        "yes",
        "no",
        "odd",
        "all",
        "one",
        "two",
        "six",
        "ten",
        "none",
        "true",
        "false",
        "or",
        "and",
        "on",
        "of",
        "it",
        "he",
        "she",
        "an",
        "at",
        "is",
        "red",
        "up",
    ]
)
_CAPITALS = re.compile(r"[A-Z]{2,}")
_PUNCTUATION = re.compile(r"[\s.!?'\"]+")


def is_opaque(text: str) -> bool:
    r"""Whether mathematics would misread a text: words, names in capitals, dots that leave out, numbers side by side.

    >>> is_opaque("no solution"), is_opaque("AB"), is_opaque("2\\pi r")
    (True, True, False)
    """
    bare = _COMMAND.sub(" ", _ENVIRONMENT.sub(" ", text))
    return bool(
        _UNREADABLE.search(_LIMIT.sub("", text))
        or _WORD.search(bare)
        or _CAPITALS.fullmatch(text)
        or text.lower() in _SHORT
        or (not any(map(str.isalnum, bare)) and "\\" not in text)
    )


def spelling(text: str) -> str:
    """The text without regard to case, blanks at the ends and punctuation."""
    plain = _TEXT.sub(r" \1 ", text).casefold()
    return _PUNCTUATION.sub(" ", plain).strip(" ,;:")
