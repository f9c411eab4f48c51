"""Single values of logs: found by their paths, and read as text, key, answer or score."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from arts.errors import InputError
from arts.logs.sample import Score
from arts.problems.base import question_key
from arts.problems.rows import Row

NO_ANSWER = frozenset({"", "[invalid]", "[no_extraction]"})
"""What tools write where they found no answer, in lower case."""

_NO_SCORES = frozenset({"text", "steps", "answer", "correct", "model", "tokens", "logprob"})
_PER_TOKEN = frozenset({"logprobs", "token_ids", "token_logprobs"})
"""Lists that other tools write beside a sample and that are no step scores."""

MISSING = object()
"""What :func:`look` finds where there is nothing; None is a value."""

_CUT = frozenset({"length", "max_tokens", "max_length", "model_length", "token_limit"})
"""What the end of a sample that was cut is called."""


def look(paths: str, holder: Row, *, nulls: bool = True) -> object:
    """The value under the first of the alternatives that is there; without ``nulls``, is there and is not null."""
    found: object = MISSING
    for path in paths.split("|"):
        value = holder.get(path, MISSING)
        if value is MISSING:
            value = holder
            for name in path.split("."):
                value = value.get(name, MISSING) if isinstance(value, Mapping) else MISSING
        if value is not MISSING and (nulls or value is not None):
            return value
        found = value if found is MISSING else found
    return found


def either(name: str, holder: Row, row: Row) -> object:
    """The value of a sample, or else of its row."""
    value = look(name, holder)
    return look(name, row) if value is MISSING else value


def is_chat(value: object) -> TypeGuard[list[Row]]:
    """Whether a value is a list of chat messages."""
    return isinstance(value, list) and bool(value) and all(isinstance(m, Mapping) and "content" in m for m in value)


def _are_likelihoods(value: object) -> bool:
    """Whether a list is what lm-eval has of loglikelihood requests: of each request pairs (log-likelihood, greedy)."""
    if not isinstance(value, list) or not value or not all(isinstance(request, list) and request for request in value):
        return False
    pairs = [pair for request in value for pair in request]
    return all(isinstance(pair, list) and len(pair) == 2 and str(pair[1]) in ("True", "False") for pair in pairs)


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
    """An answer key, "" for none; of a worked solution that marks its answer by ``####``, as in GSM8K, the answer."""
    return (_plain(_only(value)) or "").rpartition("####")[2].strip()


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


def scores_of(values: Row, place: str) -> dict[str, Score]:
    """Those of the values that are scores, in floating point; raises as :func:`as_float`.

    A score is a number, or a list of numbers and nulls with at least one number.
    """
    found: dict[str, Score] = {}
    for name, value in values.items():
        where = f"{place}: '{name}'"
        if name in _NO_SCORES:
            continue
        if isinstance(value, list):
            numbers = any(map(is_number, value)) and all(x is None or is_number(x) for x in value)
            if numbers and name not in _PER_TOKEN:
                found[name] = [as_float(x, where) for x in value]
        elif (number := as_float(value, where)) is not None:
            found[name] = number
    return found


def _only(value: object) -> object:
    """The one element of a list of one."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def _flattened(value: list[object]) -> list[object]:
    """The elements of a list of lists, however deep."""
    return [x for item in value for x in (_flattened(item) if isinstance(item, list) else [item])]


def spread(values: Row, scores: Row, place: str) -> Iterator[tuple[Row, Row]]:
    """Values and scores for each text of a row, as the rows of one sample each have them.

    Beside a list of texts there are lists of as many values; what has another length is None for all texts.

    Raises:
        InputError: the row is of an lm-eval task without texts; ``place`` names it.
    """
    texts = values["text"]
    if not isinstance(texts, list) or is_chat(texts):
        yield {name: value if name == "text" else _only(value) for name, value in values.items()}, scores
        return
    if _are_likelihoods(texts):
        raise InputError(
            f"{place}: loglikelihood requests have no samples, only likelihoods of given answers; give the log of a"
            " task that generates text"
        )
    count = len(_flattened(texts))
    columns, scored = ({name: _beside(x, count) for name, x in of.items()} for of in (values, scores))
    for i in range(count):
        yield {name: column[i] for name, column in columns.items()}, {name: x[i] for name, x in scored.items()}


def _beside(value: object, count: int) -> list[object]:
    values = _flattened(value) if isinstance(value, list) else [value]
    return values if len(values) == count else [None] * count


def digest(question: str) -> str:
    """A name for a question that has none, the same in every log; white space does not matter."""
    return f"q-{hashlib.sha256(question_key(question).encode()).hexdigest()[:16]}"


def spelling(value: object) -> str:
    """A value as ``where`` spells it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def field_names(row: Row) -> str:
    """The fields of a row, for an error."""
    return ", ".join(map(str, row)) or "nothing"
