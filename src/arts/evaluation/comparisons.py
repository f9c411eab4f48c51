"""Every method against one: is there a difference, none that matters, and what could have been found at all."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

import numpy as np

from arts.errors import UsageError
from arts.evaluation.cassette import Settings
from arts.evaluation.intervals import paired_difference, plain
from arts.evaluation.methods import Method
from arts.evaluation.paired import equivalence, holm, paired_test
from arts.evaluation.power import ALPHA, POWER, detectable_difference, paired_sd, unpaired_sd
from arts.evaluation.resampling import alike


def comparisons(table: Sequence[Method], settings: Settings) -> dict[str, Any]:
    """The methods that can be chosen by somebody without the key, against ``settings.against``, at every k; JSON-able.

    ``p_adjusted`` is by Holm over all methods and all k together. Equivalence is tested where there is a margin; its
    adjusted p is over all equivalence tests.

    Raises:
        UsageError: there is no such method.
    """
    base = find(table, settings.against)
    rivals = [m for m in table if m.rule != "oracle" and m is not base]
    pairs = [_pair(m, base, k, settings) for m in rivals for k in settings.ks]
    for pair, p in zip(pairs, holm([pair["p"] for pair in pairs]), strict=True):
        pair["p_adjusted"] = _number(p)
    tested = [pair["equivalence"] for pair in pairs if pair["equivalence"] is not None]
    for test, p in zip(tested, holm([test["p"] for test in tested]), strict=True):
        test["p_adjusted"] = _number(p)
    for pair in pairs:
        pair["p"] = _number(pair["p"])
    return {"against": base.name, "margin": settings.margin, "alpha": ALPHA, "pairs": pairs}


def _pair(m: Method, base: Method, k: int, settings: Settings) -> dict[str, Any]:
    a, b = m.per_problem[k], base.per_problem[k]
    found = paired_test(a, b)
    same = None
    if settings.margin is not None:
        same = asdict(equivalence(a, b, settings.margin))
    return {
        "method": m.name,
        "k": k,
        "difference": plain(paired_difference(a, b, settings.seed)),
        "test": found.test,
        "wins": found.wins,
        "losses": found.losses,
        "p": found.p,
        "equivalence": same,
    }


def find(table: Sequence[Method], name: str) -> Method:
    """The method of that name.

    Raises:
        UsageError: there is none.
    """
    for m in table:
        if m.name == name:
            return m
    raise UsageError(f"--against: no method '{name}'; there are: {', '.join(m.name for m in table)}")


def power(table: Sequence[Method], settings: Settings) -> dict[str, Any]:
    """The smallest true differences that so many problems find with probability ``POWER``; None where there is none.

    ``paired`` is against ``settings.against`` on the same samples: by the median over methods of the standard deviation
    of the differences that was seen. ``single`` is between accuracies on two different sets of so many problems.

    Few problems may be alike by chance: a share that decides differently, or of right or wrong answers, is never taken
    to be smaller than what so many like problems leave possible (:func:`alike`).
    """
    base, k = find(table, settings.against), max(settings.ks)
    accuracy = base.mean(k)
    n = len(accuracy)
    _, possible, _ = alike(0.0, n, (0.0, 1.0))
    rivals = [m for m in table if m is not base and m.rule != "oracle"]
    spreads = [float((m.mean(k) - accuracy).std(ddof=1)) for m in rivals] if n > 1 else []
    paired = detectable_difference(n, max(median(spreads), paired_sd(possible))) if spreads else np.nan
    least = min(possible, 0.5)
    single = detectable_difference(n, unpaired_sd(float(np.clip(accuracy.mean(), least, 1 - least))))
    return {"power": POWER, "alpha": ALPHA, "paired": _number(paired), "single": _number(single)}


def _number(x: float) -> float | None:
    return None if np.isnan(x) else float(x)
