"""Which numbers of a sample are scores: those that are named, and those that look like scores."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from arts.errors import InputError
from arts.logs.sample import Sample, SampledProblem, Score
from arts.logs.values import as_float, is_number
from arts.problems.rows import Row

SCORE_WORDS = frozenset(
    {
        *("score", "scores", "reward", "rewards", "rm", "prm", "orm", "logit", "logits", "prob", "probs"),
        *("probability", "probabilities", "likelihood", "confidence", "verifier", "flow", "rating", "quality"),
        *("critic", "advantage"),
    }
)
"""Words that name a score."""
OTHER_WORDS = frozenset(
    {
        *("id", "idx", "index", "i", "no", "nr", "num", "number", "n", "count", "counts", "rank", "rollout", "sample"),
        *("seed", "step", "steps", "epoch", "iteration", "turn", "turns", "attempt", "attempts", "trial", "choice"),
        *("token", "tokens", "len", "length", "chars", "characters", "words", "lines", "size", "bytes", "usage"),
        *("time", "times", "seconds", "sec", "secs", "ms", "duration", "latency", "elapsed", "timestamp", "created"),
        *("cost", "price", "usd", "year", "temperature", "answer", "answers", "pred", "preds"),
        *("prediction", "predicted", "extracted", "parsed", "gold", "gt", "target", "truth", "label", "key"),
        *("logprob", "logprobs", "finish", "level", "difficulty"),
    }
)
"""Words that name something else: running indices, counts, times, settings, answers and keys."""
_NO_SCORES = frozenset({"text", "steps", "answer", "correct", "model", "tokens", "logprob"})
_PER_TOKEN = frozenset({"logprobs", "token_ids", "token_logprobs"})
"""Lists that other tools write beside a sample and that are no step scores."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
SAME = 0.9
"""Share of the samples whose answer a number may be before it is taken for the answer."""


def numbers_of(values: Row, place: str, *, named: bool) -> dict[str, Score]:
    """Those of the values that can be scores, in floating point.

    A score is a number, or a list of numbers and nulls with at least one number.

    Raises:
        InputError: one is too large for floating point, and its name does not say that it is no score; ``place`` names
            it. All are ``named`` where the user has named them.
    """
    found: dict[str, Score] = {}
    for name, value in values.items():
        if name in _NO_SCORES and not named:
            continue
        try:
            if (score := _score(name, value, f"{place}: '{name}'")) is not None:
                found[name] = score
        except InputError:
            if named or _says_score(name) is not False:
                raise
    return found


def _score(name: str, value: object, place: str) -> Score | None:
    if not isinstance(value, list):
        return as_float(value, place)
    numbers = any(map(is_number, value)) and all(x is None or is_number(x) for x in value)
    return [as_float(x, place) for x in value] if numbers and name not in _PER_TOKEN else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Names of numbers of the samples: ``taken`` are scores, ``left`` are not."""

    taken: tuple[str, ...]
    left: tuple[str, ...]


def choose_scores(problems: Sequence[SampledProblem]) -> Chosen:
    """Which of the numbers that samples carry look like scores.

    The last word of a name that says anything decides (``SCORE_WORDS``, ``OTHER_WORDS``); of other names those are
    scores that are not always whole, not always the same, and not what the sample answers.
    """
    values: dict[str, list[tuple[Score, str | None]]] = {}
    for problem in problems:
        for sample in problem.samples:
            for name, value in sample.scores.items():
                values.setdefault(name, []).append((value, sample.answer))
    taken = tuple(name for name in values if _looks_like_a_score(name, values[name]))
    return Chosen(taken=taken, left=tuple(name for name in values if name not in taken))


def keep_scores(problems: Iterable[SampledProblem], names: Sequence[str]) -> list[SampledProblem]:
    """The problems with samples that carry only these scores."""
    kept = set(names)
    return [replace(p, samples=[_with_scores(s, kept) for s in p.samples]) for p in problems]


def _with_scores(sample: Sample, kept: set[str]) -> Sample:
    scores: Mapping[str, Score] = {name: value for name, value in sample.scores.items() if name in kept}
    return replace(sample, scores=scores)


def _looks_like_a_score(name: str, found: Sequence[tuple[Score, str | None]]) -> bool:
    said = _says_score(name)
    if said is not None:
        return said
    numbers = {x for value, _ in found for x in (value if isinstance(value, list) else [value]) if x is not None}
    if all(not math.isfinite(x) or x.is_integer() for x in numbers) or (len(numbers) == 1 < len(found)):
        return False
    same = sum(_is_answer(value, answer) for value, answer in found)
    return same < SAME * len(found)


def _says_score(name: str) -> bool | None:
    """Whether the last word of a name that says anything names a score; None where none does."""
    words = [word.lower() for word in _WORD.findall(name)]
    return next((word in SCORE_WORDS for word in reversed(words) if word in SCORE_WORDS | OTHER_WORDS), None)


def _is_answer(value: Score, answer: str | None) -> bool:
    try:
        return not isinstance(value, list) and answer is not None and float(answer.replace(",", "")) == value
    except ValueError:
        return False
