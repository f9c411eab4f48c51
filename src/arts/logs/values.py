"""Single values of logs: found by their paths, and read as text, key or answer."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from arts.errors import InputError

NO_ANSWER = frozenset({"", "[invalid]", "[no_extraction]"})
"""What tools write where they found no answer, in lower case."""

MISSING = object()
"""What :func:`look` finds where there is nothing; None is a value."""


def look(paths: str, holder: Mapping[str, Any]) -> Any:
    """The value under the first of the alternatives that is there."""
    for path in paths.split("|"):
        if path in holder:
            return holder[path]
        value: Any = holder
        for part in path.split("."):
            value = value.get(part, MISSING) if isinstance(value, Mapping) else MISSING
        if value is not MISSING:
            return value
    return MISSING


def look_past_nulls(paths: str, holder: Mapping[str, Any]) -> Any:
    """The value under the first of the alternatives that is there and is not null; else as :func:`look` has it."""
    for path in paths.split("|"):
        value = look(path, holder)
        if value is not MISSING and value is not None:
            return value
    return look(paths, holder)


def is_chat(value: object) -> bool:
    """Whether a value is a list of chat messages."""
    return isinstance(value, list) and bool(value) and all(isinstance(m, Mapping) and "content" in m for m in value)


def are_likelihoods(value: object) -> bool:
    """Whether a list is what lm-eval has of loglikelihood requests: of each request pairs (log-likelihood, greedy)."""
    if not isinstance(value, list) or not value or not all(isinstance(request, list) and request for request in value):
        return False
    pairs = [pair for request in value for pair in request]
    return all(isinstance(pair, list) and len(pair) == 2 and str(pair[1]) in ("True", "False") for pair in pairs)


def text_of(value: object, role: str) -> str | None:
    """Text, or the contents of chat messages: of those by ``role`` where there are any, else of all."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not is_chat(value):
        return None
    messages = [m for m in value if m.get("role") == role] or value
    parts = [p for m in messages for p in (m["content"] if isinstance(m["content"], list) else [m["content"]])]
    return "\n\n".join(str(p.get("text", "")) if isinstance(p, Mapping) else str(p or "") for p in parts)


def key_of(value: object) -> str | None:
    """An answer key; of a worked solution that marks its answer by ``####``, as in GSM8K, the answer."""
    value = only(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value != value:
        return None
    return str(value).rpartition("####")[2].strip() or None


def answer_of(value: object) -> str | None:
    """The answer that a tool has read off; None where it says that it found none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value != value:
        return None
    return None if str(value).strip().lower() in NO_ANSWER else str(value)


def level_of(value: object) -> int | None:
    """A difficulty: a whole number, or the one that a text such as "Level 5" ends in."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    ending = re.search(r"(?<![\d.-])\d{1,9}$", value) if isinstance(value, str) else None
    return int(ending[0]) if ending else None


def is_number(value: object) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def are_step_scores(value: object) -> bool:
    """Whether a value is a list of numbers and nulls with at least one number."""
    return (
        isinstance(value, list) and all(x is None or is_number(x) for x in value) and any(x is not None for x in value)
    )


def is_score(value: object) -> bool:
    """Whether a value is a score: of a whole sample, or of each of its steps."""
    return is_number(value) or are_step_scores(value)


def only(value: object) -> object:
    """The one element of a list of one."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def flattened(value: list[Any]) -> list[Any]:
    """The elements of a list of lists, however deep."""
    return [x for item in value for x in (flattened(item) if isinstance(item, list) else [item])]


def beside(value: object, count: int) -> list[Any]:
    """What stands beside each of ``count`` texts: a list of as many; else, of a single text, the value itself."""
    values = flattened(value) if isinstance(value, list) else [value]
    return values if len(values) == count else [None] * count


def digest(question: str) -> str:
    """A name for a question that has none, the same in every log; white space does not matter."""
    return f"q-{hashlib.sha256(' '.join(question.split()).encode()).hexdigest()[:16]}"


def either(name: str, holder: Mapping[str, Any], row: Mapping[str, Any]) -> Any:
    """The value of a sample, or else of its row."""
    value = look(name, holder)
    return look(name, row) if value is MISSING else value


def conditions(where: Sequence[str]) -> dict[str, set[str]]:
    """The values that each field may have, of FIELD=VALUE.

    Raises:
        InputError: one has another form.
    """
    found: dict[str, set[str]] = {}
    for condition in where:
        name, equals, value = condition.partition("=")
        if not name or not equals:
            raise InputError(f"where {condition}: give FIELD=VALUE")
        found.setdefault(name, set()).add(value)
    return found


def spelling(value: object) -> str:
    """A value as conditions spell it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def field_names(row: Mapping[str, Any]) -> str:
    """The fields of a row, for an error."""
    return ", ".join(map(str, row)) or "nothing"
