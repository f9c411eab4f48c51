"""Text from outside, made safe to keep and to look at."""

import reprlib

LONGEST_NAME = 80
"""Characters of a quoted name."""


def visible(text: object) -> str:
    """The text with control and direction marks spelled out; line breaks and tabs stay.

    What a model or a server has written can move a terminal's cursor or turn a line's direction; this cannot.
    """
    return "".join(c if c in "\n\t" or c.isprintable() else f"\\u{ord(c):04x}" for c in str(text))


def well_formed(text: str) -> str:
    """The text with every half of a surrogate pair, which JSON can carry and UTF-8 cannot, replaced by ``?``.

    Its length in characters stays the same.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def quoted(name: object) -> str:
    r"""A name as a string literal of bounded length, for a ``repr``; the middle of a longer one is left out.

    >>> print(quoted("line\n"), len(quoted("long" * 1000)))
    'line\n' 80
    """
    short = reprlib.Repr()
    short.maxstring = LONGEST_NAME
    return short.repr(str(name))
