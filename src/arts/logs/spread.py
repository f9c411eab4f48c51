"""Rows that hold several samples side by side: a list of texts, with lists of the other fields beside it."""

import re
from collections.abc import Iterator, Sequence

from arts.errors import InputError
from arts.logs.values import is_chat, only
from arts.logs.verdicts import UnfitFields
from arts.problems.rows import Row

_STEPS = re.compile(r"(?:^|[^a-z])steps?(?:$|[^a-z])|(?<=[a-z])Steps?(?:$|[^a-z])")
_NUMBERED = re.compile(r"\s*(?:\*\*|#+ ?)?step (\d{1,4})\b", re.IGNORECASE)


def are_steps(path: str, texts: Sequence[object]) -> bool:
    """Whether a list of texts is one solution: its field is called steps, or the texts are numbered as steps.

    >>> are_steps("model_output_steps", ["First,", "so 4"]), are_steps("code", ["Step 1: a", "Step 2: b"])
    (True, True)
    >>> are_steps("responses", ["First, 4", "It is 5"])
    False
    """
    if not all(isinstance(text, str) for text in texts):
        return False
    numbers = [match and int(match[1]) for match in (_NUMBERED.match(str(text)) for text in texts)]
    return bool(_STEPS.search(path.split(".")[-1])) or (len(texts) > 1 and numbers == list(range(1, len(texts) + 1)))


def spread(values: Row, scores: Row, place: str, *, path: str, named: frozenset[str]) -> Iterator[tuple[Row, Row]]:
    """Values and scores for each text of a row, as the rows of one sample each have them.

    A list of texts is one solution where :func:`are_steps` says so of its field, ``path``, and several samples
    otherwise. Beside several there are lists of as many values; what has another length is None for all texts.

    Raises:
        InputError: the row is of an lm-eval task without texts; ``place`` names it.
        UnfitFields: a field that is ``named`` has another number of values than there are texts.
    """
    texts = values["text"]
    if not isinstance(texts, list) or is_chat(texts) or are_steps(path, texts):
        yield {name: value if name == "text" else only(value) for name, value in values.items()}, scores
        return
    if _are_likelihoods(texts):
        raise InputError(
            f"{place}: loglikelihood requests have no samples, only likelihoods of given answers; give the log of a"
            " task that generates text"
        )
    count = len(_flattened(texts))
    for name in sorted(named & values.keys()):
        if values[name] is not None and count and (given := len(_listed(values[name]))) != count:
            raise UnfitFields(
                f"{place}: {given} {'value' if given == 1 else 'values'} of '{name}' for {count} samples; name a field"
                f" with one for each, or none (fields.{name})"
            )
    columns, scored = ({name: _beside(x, count) for name, x in of.items()} for of in (values, scores))
    for i in range(count):
        yield {name: column[i] for name, column in columns.items()}, {name: x[i] for name, x in scored.items()}


def _are_likelihoods(value: object) -> bool:
    """Whether a list is what lm-eval has of loglikelihood requests: of each request pairs (log-likelihood, greedy)."""
    if not isinstance(value, list) or not value or not all(isinstance(request, list) and request for request in value):
        return False
    pairs = [pair for request in value for pair in request]
    return all(isinstance(pair, list) and len(pair) == 2 and str(pair[1]) in ("True", "False") for pair in pairs)


def _flattened(value: list[object]) -> list[object]:
    """The elements of a list of lists, however deep."""
    return [x for item in value for x in (_flattened(item) if isinstance(item, list) else [item])]


def _listed(value: object) -> list[object]:
    return _flattened(value) if isinstance(value, list) else [value]


def _beside(value: object, count: int) -> list[object]:
    values = _listed(value)
    return values if len(values) == count else [None] * count
