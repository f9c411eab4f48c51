"""What a number of problems can resolve, before a run: smallest differences that are found with a given power.

All is said by ``sd``, the standard deviation over problems of what is averaged: of the paired differences of two
methods (:func:`paired_sd`), or for one accuracy beside one of other problems :func:`unpaired_sd`. Differences
are of accuracies in [0, 1]; tests are two-sided.
"""

from math import floor, nan, sqrt

from scipy.special import nctdtrinc, ndtri, stdtrit

POWER = 0.8
ALPHA = 0.05


def detectable_difference(problems: int, sd: float, *, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest true difference that a t-test on so many problems finds with probability ``power``.

    By the non-central t distribution. Exact for normal numbers, for shares right from some 30 problems on; exact
    McNemar is somewhat weaker, see docs/statistics.md. NaN where no difference up to 1 is found, as with one
    problem. With a power of one half it is half the width of the 1 − α interval.
    """
    if problems < 2:
        return nan
    shift = float(nctdtrinc(problems - 1, 1 - power, stdtrit(problems - 1, 1 - alpha / 2)))
    found = shift * sd / sqrt(problems)
    return found if found <= 1 else nan


def problems_needed(difference: float, sd: float, *, power: float = POWER, alpha: float = ALPHA) -> int:
    """The fewest problems that find a true difference with probability ``power``: the other way round.

    Raises ValueError for a difference that is not in (0, 1].
    """
    if not 0 < difference <= 1:
        raise ValueError(f"a difference of {difference}: give one between 0 and 1")
    by_normal = float(ndtri(1 - alpha / 2) + ndtri(power)) * sd / difference  # never too many
    problems = max(2, floor(by_normal**2))
    while not detectable_difference(problems, sd, power=power, alpha=alpha) <= difference:
        problems += 1
    return problems


def paired_sd(discordant: float) -> float:
    """Of the differences of two methods' decisions on the same problems, a share of which they decide differently.

    √discordant, that of no difference; a true difference d makes it √(discordant − d²), a little smaller.
    """
    return sqrt(discordant)


def unpaired_sd(rate: float) -> float:
    """Of two decisions on different problems, both right at this rate: √(2 rate (1 − rate))."""
    return sqrt(2 * rate * (1 - rate))
