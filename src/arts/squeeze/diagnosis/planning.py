"""How many samples would tell: power of the test at rates that are shrunk towards those of all problems."""

from functools import lru_cache

import numpy as np
from scipy.stats import binom

from arts.arrays import Floats, Ints
from arts.evaluation.solve_rates import fit_beta, shrunk
from arts.squeeze.diagnosis.pairs import Pair
from arts.squeeze.diagnosis.parts import Both, Plan
from arts.squeeze.diagnosis.significance import Changes, by_count

POWER = 0.8
SIZES = (2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512)
"""Samples per side that are tried."""
PLANS = (16, 32, 64, 128, 256)
DRAWS = 8
"""Draws from the posterior of the rates of each kind of problem, at least; few kinds get more, ``ALL_DRAWS`` in all."""
ALL_DRAWS = 8_000
RARE = 1e-12
"""Rates closer to 0 or 1 than this are taken as this: the samples are the same, and binomial tails stay finite."""


def plan(pair: Pair, changes: Changes, seed: int) -> Plan | None:
    """What more samples would do, or None where no problem has two on one of the sides.

    ``expected`` is by number of samples per side how many problems the whole procedure would find, on average over
    the posterior of all rates.
    """
    base, rl = (fit_beta(s.c, s.n) for s in (pair.base, pair.rl))
    if base is None or rl is None:
        return None
    kinds, _, times = _kinds(pair)
    c, n, d, m = kinds.T
    rng, draws = np.random.default_rng(seed), max(DRAWS, ALL_DRAWS // len(kinds))
    drawn_base, drawn_rl = (
        rng.beta((a + c)[:, None], (b + n - c)[:, None], size=(len(kinds), draws)).reshape(-1)
        for (a, b), c, n in ((base, c, n), (rl, d, m))
    )
    weight = np.repeat(times / draws, draws)
    return Plan(
        power=POWER,
        level=changes.level,
        most=SIZES[-1],
        prior=Both(base=base, rl=rl),
        expected={size: resolved(drawn_base, drawn_rl, weight, size, changes.rate) for size in PLANS},
    )


def needed(pair: Pair, planned: Plan) -> list[int | None]:
    """The least of ``SIZES`` per side that would show each problem's change; None where none of them is enough.

    With so many samples the test rejects, in the right direction and at the level that is in force now, with
    probability ``POWER``, if the true rates are the shrunken ones.
    """
    kinds, which, _ = _kinds(pair)
    c, n, d, m = kinds.T
    base, rl = shrunk(c, n, planned.prior.base), shrunk(d, m, planned.prior.rl)
    powers = np.stack([power(base, rl, size, planned.level) for size in SIZES], axis=1)
    least = [SIZES[int(np.argmax(row))] if row.any() else None for row in powers >= planned.power]
    return [least[i] for i in which]


def _kinds(pair: Pair) -> tuple[Ints, Ints, Ints]:
    """Different counts (K, 4) of correct and all samples of both sides, which of them each problem has, how often."""
    counts = np.stack([pair.base.c, pair.base.n, pair.rl.c, pair.rl.n], axis=1)
    kinds, which, times = np.unique(counts, axis=0, return_inverse=True, return_counts=True)
    return kinds, which.reshape(-1), times


def power(base: Floats, rl: Floats, size: int, level: float) -> Floats:
    """Probability that the test on ``size`` samples per side rejects at ``level`` in the rates' direction, (P,)."""
    rejects = (p_values(size)[0] <= level).astype(np.float64)
    p, q = _counts(base, size), _counts(rl, size)
    falls, rises = (((p @ side) * q).sum(axis=1) for side in (np.tril(rejects, -1), np.triu(rejects, 1)))
    return np.asarray(np.where(rl < base, falls, rises))


def resolved(base: Floats, rl: Floats, weight: Floats, size: int, rate: float) -> float:
    """How many problems Benjamini-Hochberg at ``rate`` finds with ``size`` samples per side.

    ``weight`` (D,) is how many problems each pair of rates stands for. The level is the fixed point of
    level = rate · found(level) / tested, which the procedure tends to with many problems (Genovese & Wasserman 2002,
    doi 10.1111/1467-9868.00347); tested are, as in :func:`find_changes`, those that some outcome could show.
    """
    tables = (_counts(base, size) * weight[:, None]).T @ _counts(rl, size)  # problems by both counts
    p, least = p_values(size)
    tested = max(float(tables[least <= rate].sum()), 1.0)
    level, found = rate, np.inf
    while (now := float(tables[p <= level].sum())) < found:
        found = now
        level = rate * max(found, 1.0) / tested
    return found


def _counts(rates: Floats, size: int) -> Floats:
    """Probability of each count of correct samples, (P, size + 1)."""
    return np.asarray(binom.pmf(np.arange(size + 1), size, np.clip(rates, RARE, 1 - RARE)[:, None]))


@lru_cache(maxsize=len(SIZES))
def p_values(size: int) -> tuple[Floats, Floats]:
    """Fisher's p of every table with ``size`` samples per side, and the least p of the tables with the same total.

    Both are (size + 1, size + 1), by the counts of correct samples of the base model (rows) and of the other one.
    """
    p, least = np.ones((size + 1, size + 1)), np.ones((size + 1, size + 1))
    for total in range(2 * size + 1):
        c = np.arange(max(0, total - size), min(size, total) + 1)
        of_total = by_count(size, size, total)
        p[c, total - c], least[c, total - c] = of_total, of_total.min()
    return p, least
