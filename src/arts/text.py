"""Text from outside, made safe to keep and to look at: one function for each kind of place that shows it."""

import json
import re
import reprlib
from typing import Any

LONGEST_NAME = 80
"""Characters of a quoted name."""
LONGEST_LINE = 2_000
"""Characters of a remark on the terminal."""
MOST_NESTED = 64
"""Levels of lists and tables in what is read; deeper ones would exhaust the stack of whoever walks them."""
TOO_DEEP = f"more than {MOST_NESTED} levels of nesting"

_MARKS = re.compile(
    r"""[\\`*|<~$&]             # code, emphasis, cells, tags, strikethrough, formulas, entities
    |(?<![^\W_])_|_(?![^\W_])   # emphasis by underscores, which within a word are plain
    |\](?=[\[(:])               # what would end the text of a link
    |:(?=//)|(?<=\bwww)\.       # bare addresses, which become links too
    |^[\#>]|^[-+=](?=[-+=\s]|$)  # headings, quotations, lists, rules""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_FORMULA = re.compile("[-=+@－＝＋＠]")
_NUMBER = re.compile(r"[+-][\d.,]+( %| \[[+-]?[\d.,]+, [+-]?[\d.,]+\])?")


def visible(text: object) -> str:
    r"""The text with control and direction marks spelled out; line breaks and tabs stay.

    What a model or a server has written can move a terminal's cursor or turn a line's direction; this cannot.

    >>> print(visible("\x1b]52;c;aGk=\x07"))
    \u001b]52;c;aGk=\u0007
    """
    whole = str(text)
    return whole if whole.isprintable() else "".join(map(_visible, whole))


def _visible(c: str) -> str:
    if c in "\n\t" or c.isprintable():
        return c
    return f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"


def one_line(text: object, most: int = LONGEST_LINE) -> str:
    """The text as one line of at most so many characters, control and direction marks spelled out."""
    return shortened(visible(" ".join(str(text)[: 2 * most].split())), most)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def markdown(text: object, *, brackets: bool = False) -> str:
    r"""The text as one line of Markdown that shows it as it is: no markup, no link, no tag, no new cell.

    ``brackets`` are escaped too, for text that stands within a pair of them.

    >>> print(markdown("![a](http://x) | <b> `c`"))
    ![a\](http\://x) \| \<b> \`c\`
    """
    line = _NUMBERED.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", visible(" ".join(str(text).split()))))
    return re.sub(r"(?<!\\)[\[\]]", r"\\\g<0>", line) if brackets else line


def code_span(text: object, most: int) -> str:
    """The text as one span of code in Markdown, in a table too, of at most so many characters."""
    line = visible(" ".join(str(text).split())).replace("`", "'").replace("|", "/")
    return f"`{line[:most] or ' '}{'…' if len(line) > most else ''}`"


def cell(text: object) -> str:
    """The text as a cell of a tab-separated table, which no spreadsheet takes for a formula.

    A cell that begins like one, and is no number, gets an apostrophe in front; one that begins with a quotation mark
    is quoted.

    >>> cell("=1+1"), cell("-1.5 [-2.0, -1.0]"), cell('"=1"')
    ("'=1+1", '-1.5 [-2.0, -1.0]', '\"\"\"=1\"\"\"')
    """
    line = visible(" ".join(str(text).split()))
    if line.startswith('"'):
        return '"' + line.replace('"', '""') + '"'
    return f"'{line}" if _FORMULA.match(line) and not _NUMBER.fullmatch(line) else line


def parsed_json(text: str | bytes) -> Any:
    """What JSON from outside says.

    Raises:
        ValueError: it is no JSON in UTF-8, or has more than ``MOST_NESTED`` levels.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    brackets = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if brackets > MOST_NESTED:
        require_shallow(value)
    return value


def require_shallow(value: object) -> None:
    """Refuse lists and tables that are nested more deeply than ``MOST_NESTED`` levels.

    Raises:
        ValueError: they are.
    """
    level = [value]
    for _ in range(MOST_NESTED + 1):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _parts(outer)]
        if not level:
            return
    raise ValueError(TOO_DEEP)


def _parts(outer: dict[str, object] | list[object]) -> list[object]:
    return list(outer.values()) if isinstance(outer, dict) else outer


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
