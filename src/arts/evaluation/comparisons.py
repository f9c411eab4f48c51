"""Every method against one: is there a difference, none that matters, and what could have been found at all."""

from collections.abc import Sequence
from math import isnan, nan
from statistics import median
from typing import TypeVar

import numpy as np
from msgspec import structs

from arts.errors import UsageError
from arts.evaluation.cassette import Settings
from arts.evaluation.intervals import paired_difference
from arts.evaluation.methods import Method, needs_key
from arts.evaluation.paired import equivalence, holm, paired_test
from arts.evaluation.parts import Comparisons, Pair, Power
from arts.evaluation.power import ALPHA, POWER, detectable_difference, paired_sd, unpaired_sd
from arts.evaluation.resampling import alike

P = TypeVar("P", bound=Pair)


def comparisons(table: Sequence[Method], settings: Settings) -> Comparisons:
    """The methods that can be chosen by somebody without the key, against ``settings.against``, at every k.

    Raises:
        UsageError: there is no such method.
    """
    base, rivals = _sides(table, settings.against)
    pairs = [_pair(m, base, k, settings) for m in rivals for k in settings.ks]
    return Comparisons(against=base.name, margin=settings.margin, alpha=ALPHA, pairs=adjusted(pairs))


def adjusted(pairs: Sequence[P]) -> list[P]:
    """The pairs with their p-values adjusted by Holm over all of them, those of equivalence over these tests alone."""
    found = []
    tests = [pair.equivalence for pair in pairs]
    over_pairs, over_tests = _holm([pair.p for pair in pairs]), _holm([None if t is None else t.p for t in tests])
    for pair, test, p, q in zip(pairs, tests, over_pairs, over_tests, strict=True):
        same = None if test is None else structs.replace(test, p_adjusted=q)
        found.append(structs.replace(pair, equivalence=same, p_adjusted=p))
    return found


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    return [known(p) for p in holm([nan if p is None else p for p in p_values]).tolist()]


def known(x: float) -> float | None:
    """The number, None for NaN."""
    return None if isnan(x) else float(x)


def _pair(m: Method, base: Method, k: int, settings: Settings) -> Pair:
    a, b = m.per_problem[k], base.per_problem[k]
    found = paired_test(a, b)
    return Pair(
        method=m.name,
        k=k,
        difference=paired_difference(a, b, settings.seed),
        test=found.test,
        wins=found.wins,
        losses=found.losses,
        p=known(found.p),
        equivalence=None if settings.margin is None else equivalence(a, b, settings.margin),
    )


def _sides(table: Sequence[Method], name: str) -> tuple[Method, list[Method]]:
    """The method of that name, and all others that can be chosen by somebody without the key.

    Raises:
        UsageError: there is none.
    """
    named = {m.name: m for m in table}
    if name not in named:
        raise UsageError(f"--against: no method '{name}'; there are: {', '.join(named)}")
    return named[name], [m for m in table if m.name != name and not needs_key(m.selector)]


def power(table: Sequence[Method], settings: Settings) -> Power:
    """The smallest true differences that so many problems find with probability ``POWER``.

    Against ``settings.against`` by the median over methods of the standard deviation of the differences that was seen.

    Few problems may be alike by chance: a share that decides differently, or of right or wrong answers, is never taken
    to be smaller than what so many like problems leave possible (:func:`alike`).
    """
    base, rivals = _sides(table, settings.against)
    k = max(settings.ks)
    accuracy = base.mean(k)
    n = len(accuracy)
    _, possible, _ = alike(0.0, n, (0.0, 1.0))
    spreads = [float((m.mean(k) - accuracy).std(ddof=1)) for m in rivals] if n > 1 else []
    paired = detectable_difference(n, max(median(spreads), paired_sd(possible))) if spreads else nan
    least = min(possible, 0.5)
    single = detectable_difference(n, unpaired_sd(float(np.clip(accuracy.mean(), least, 1 - least))))
    return Power(power=POWER, alpha=ALPHA, paired=known(paired), single=known(single))
