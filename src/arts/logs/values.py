"""Single values of logs: found by their paths, and read as text, key, answer or score."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TypeGuard

from arts.errors import InputError
from arts.problems.base import question_key
from arts.problems.rows import Row

NO_ANSWER = frozenset({"", "[invalid]", "[no_extraction]"})
"""What tools write where they found no answer, in lower case."""

MISSING = object()
"""What :func:`look` finds where there is nothing; None is a value."""

_CUT = frozenset({"length", "max_tokens", "max_length", "model_length", "token_limit"})
"""What the end of a sample that was cut is called."""


def look(paths: str, holder: Row, *, nulls: bool = True) -> object:
    """The value under the first of the alternatives that is there; without ``nulls``, is there and is not null."""
    return look_where(paths, holder, nulls=nulls)[1]


def look_where(paths: str, holder: Row, *, nulls: bool = True) -> tuple[str, object]:
    """The alternative that :func:`look` takes, the last one where there is none, and its value."""
    found: tuple[str, object] = "", MISSING
    for path in paths.split("|"):
        value = holder.get(path, MISSING)
        if value is MISSING:
            value = holder
            for name in path.split("."):
                value = value.get(name, MISSING) if isinstance(value, Mapping) else MISSING
        if value is not MISSING and (nulls or value is not None):
            return path, value
        found = (path, value) if found[1] is MISSING else found
    return found


def either(name: str, holder: Row, row: Row) -> object:
    """The value of a sample, or else of its row."""
    value = look(name, holder)
    return look(name, row) if value is MISSING else value


def is_chat(value: object) -> TypeGuard[list[Row]]:
    """Whether a value is a list of chat messages."""
    return isinstance(value, list) and bool(value) and all(isinstance(m, Mapping) and "content" in m for m in value)


def text_of(value: object, role: str) -> str | None:
    """Text, or the contents of chat messages: of those by ``role`` where there are any, else of all."""
    if isinstance(value, str):
        return value
    if not is_chat(value):
        return None
    contents = [m["content"] for m in [m for m in value if m.get("role") == role] or value]
    parts = [part for content in contents for part in (content if isinstance(content, list) else [content])]
    return "\n\n".join(str(p.get("text", "")) if isinstance(p, Mapping) else str(p or "") for p in parts)


def key_of(value: object) -> str:
    r"""An answer key, "" for none; of a worked solution that marks its answer by ``####``, as in GSM8K, the answer.

    >>> key_of("2 + 2 = 4\n#### 4"), key_of("# 4"), key_of(["4"]), key_of(None)
    ('4', '4', '4', '')
    """
    return (_plain(only(value)) or "").rpartition("####")[2].strip().removeprefix("# ").strip()


def answer_of(value: object) -> str | None:
    """The answer that a tool has read off; None where it says that it found none."""
    text = _plain(value)
    return None if text is None or text.strip().lower() in NO_ANSWER else text


def _plain(value: object) -> str | None:
    """A text or a number as text."""
    return str(value) if isinstance(value, str) or (is_number(value) and value == value) else None


def level_of(value: object) -> int | None:
    """A difficulty: a whole number, or the one that a text such as "Level 5" ends in."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    ending = re.search(r"(?<![\d.-])\d{1,9}$", value) if isinstance(value, str) else None
    return int(ending[0]) if ending else None


def was_cut(finish: object) -> bool:
    """Whether what a log says of a sample's end means that it was cut at its token limit."""
    return finish is True or (isinstance(finish, str) and finish.lower() in _CUT)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_float(value: object, place: str) -> float | None:
    """A number in floating point; None for what is none.

    Raises:
        InputError: it is too large for that; ``place`` names it.
    """
    try:
        return float(value) if is_number(value) else None
    except OverflowError as error:
        raise InputError(f"{place} is too large; give a number that fits 64-bit floating point") from error


def only(value: object) -> object:
    """The one element of a list of one."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def digest(question: str) -> str:
    """A name for a question that has none, the same in every log; white space does not matter."""
    return f"q-{hashlib.sha256(question_key(question).encode()).hexdigest()[:16]}"


def spelling(value: object) -> str:
    """A value as ``where`` spells it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def field_names(row: Row) -> str:
    """The fields of a row, for an error."""
    return ", ".join(map(str, row)) or "nothing"
