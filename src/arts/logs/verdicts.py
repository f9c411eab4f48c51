"""Verdicts as logs write them: true and false, numbers, words."""

import json
import re
import sys
from collections.abc import Mapping

from arts.errors import InputError

WORDS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "correct", "right", "yes", "pass", "passed", "c"), True),
    **dict.fromkeys(("false", "incorrect", "wrong", "no", "fail", "failed", "i", "n", "p"), False),
}
"""Words in lower case; the single letters are those of inspect_ai: correct, incorrect, no answer, partially correct."""
NO_VERDICTS = frozenset(
    {
        *("mae", "mse", "rmse", "loss", "nll", "perplexity", "ppl", "word_perplexity", "byte_perplexity"),
        *("bits_per_byte", "bleu", "chrf", "ter", "wer", "cer", "rouge", "rouge1", "rouge2", "rougel", "rougelsum"),
    }
)
"""Metrics that measure a distance, a likelihood or an overlap, in lower case."""


_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,18})?")


class UnfitFields(InputError):
    """The log as a whole cannot be read with these fields; no row of it is left out for that."""


def verdict_in(value: object) -> bool | float | None:
    """What a value says: true, false, a number; None where it is no verdict.

    >>> verdict_in("wrong"), verdict_in(1.0), verdict_in("12 apples")
    (False, 1.0, None)
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return float(value) if abs(value) <= sys.float_info.max else None
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    return float(word) if _NUMBER.fullmatch(word) else WORDS.get(word)


def refuse_other_metrics(path: str, place: str) -> None:
    """Refuse a named verdict that by its name is another metric.

    Raises:
        UnfitFields: it is one of ``NO_VERDICTS``.
    """
    for name in path.split("|"):
        if name.split(".")[-1].split(",")[0].lower() in NO_VERDICTS:
            raise UnfitFields(f"{place}: '{name}' is no verdict but another metric; name a field that is one, or none")


def refuse_tasks_without_verdicts(row: Mapping[str, object], verdict: object, place: str) -> None:
    """Refuse a row of lm-eval whose task is not one of right and wrong answers.

    Raises:
        UnfitFields: the row has metrics, and neither a verdict nor one that is 0 or 1.
    """
    metrics = row.get("metrics")
    if verdict is not None or not isinstance(metrics, list) or not metrics:
        return
    names = [str(name) for name in metrics]
    if all(name.lower() in NO_VERDICTS or row.get(name, 0.5) not in (0, 1) for name in names):
        raise UnfitFields(
            f"{place}: the metric of this task is {', '.join(names)}, which is no verdict; give the log of a task with"
            " right and wrong answers, or name a field that says which (fields.correct)"
        )


def unfit(path: str, value: object, place: str) -> UnfitFields:
    """The error of a value that is no verdict."""
    return UnfitFields(
        f"{place}: '{path}' is {json.dumps(value, default=str)[:60]}; a verdict is true, false, a number that fits"
        " 64-bit floating point, or a word such as correct and wrong"
    )
