"""Text from outside, made safe to keep and to look at."""


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
