"""Do intervals cover the truth as often as they say, and do tests err no more often? Simulated, seeds fixed.

``pytest -m slow -s tests/evaluation/test_coverage.py`` prints the rows of the tables of docs/statistics.md, and every
row must be there with the figure that is measured. A share that is measured in R simulations has the standard error
√(p (1 − p) / R); four of them are allowed for, which for 95 % and 2,000 simulations is 1.9 points.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import betabinom

from arts.estimate import Estimate
from arts.evaluation.calibration import calibration_error, spearman
from arts.evaluation.intervals import gap_closed, mean, paired_difference, ratio
from arts.evaluation.paired import equivalence, holm, paired_test
from arts.evaluation.report.runs import independent_difference
from arts.evaluation.resampling import CONFIDENCE
from arts.selection.expected import pass_at_k

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs/statistics.md").read_text(encoding="utf-8")
LEVEL = 0.05
SAMPLES = 16


def noise(share, simulations):
    """What is allowed for chance: four standard errors."""
    return 4 * math.sqrt(share * (1 - share) / simulations)


def compare_with_page(name, size, share, simulations):
    """Print the row and look it up."""
    row = f"| {name} | {size} | "
    print(f"\n{row}{100 * share:.1f} |", end="")
    (line,) = [line for line in PAGE.splitlines() if line.startswith(row)]
    written = float(line.removeprefix(row).split("|")[0]) / 100
    assert share == pytest.approx(written, abs=noise(written, simulations) + 0.001)


# intervals

Draw = Callable[[np.random.Generator, int], Estimate]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A way to draw P problems and their estimate, and what it should be; ``short`` are the P where it covers less."""

    name: str
    truth: float
    draw: Draw
    problems: tuple[int, ...] = (30, 100, 500)
    short: tuple[int, ...] = ()
    simulations: int = 2_000


def solved(rng, problems, a, b):
    """Samples of problems whose success rates are Beta(a, b)."""
    return rng.random((problems, SAMPLES)) < rng.beta(a, b, problems)[:, None]


def pass_kind(k, a, b, **rest):
    counts = np.arange(SAMPLES + 1)
    each = pass_at_k(np.arange(SAMPLES) < counts[:, None], k)
    truth = float((betabinom.pmf(counts, SAMPLES, a, b) * each).sum())
    return Kind(
        name=f"pass@{k}, success rates Beta({a}, {b})",
        truth=truth,
        draw=lambda rng, problems: mean(pass_at_k(solved(rng, problems, a, b), k)),
        **rest,
    )


def decisions(rng, problems, rate):
    return mean((rng.random(problems) < rate).astype(float))


def two_sets(rng, problems, rate):
    """A run, and one on four times as many other problems."""
    return independent_difference(decisions(rng, problems, rate), decisions(rng, 4 * problems, rate))


def paired_averages(rng, problems):
    easy = 0.85 * rng.beta(0.5, 0.5, problems)
    return paired_difference(rng.binomial(8, easy + 0.1) / 8, rng.binomial(8, easy) / 8)


def paired_decisions(rng, problems):
    kind = rng.choice(3, problems, p=[0.88, 0.09, 0.03])
    return paired_difference((kind == 1).astype(float), (kind == 2).astype(float))


def gap(rng, problems):
    """Of the room of each problem either all or nothing is closed."""
    correct = solved(rng, problems, 0.4, 0.6)
    single, best = correct.mean(axis=1), correct.any(axis=1).astype(float)
    return gap_closed(single + (best - single) * (rng.random(problems) < 0.4), single, best)


def rare_subset(rng, problems):
    """Rare by one of 8 samples, evaluated on 8 others, in both directions."""
    halves = rng.binomial(8, rng.beta(0.5, 1, problems)[:, None], (problems, 2))
    rare = halves == 1
    return ratio((rare * halves[:, ::-1] / 8).sum(axis=1), rare.sum(axis=1).astype(float))


def miscalibrated(rng, problems, by):
    owner = np.repeat(np.arange(problems), 4)
    values = rng.uniform(0.3, 0.9, len(owner))
    success = values - by + rng.uniform(-0.05, 0.05, problems)[owner]
    return calibration_error(values, rng.binomial(32, success) / 32, owner)


def correlated(rng, problems, rho):
    """Scores and rates that are normal, half of whose variance is the problem's."""
    x, y = np.sqrt(0.5) * (rng.normal(size=(2, problems, 1)) + rng.normal(size=(2, problems, 3)))
    return spearman(x.ravel(), (rho * x + math.sqrt(1 - rho**2) * y).ravel(), np.repeat(np.arange(problems), 3))


KINDS = [
    pass_kind(1, 0.5, 0.5, problems=(10, 30, 100, 500)),
    pass_kind(1, 0.1, 2, problems=(10, 30, 100, 500), short=(10, 30)),
    pass_kind(4, 0.1, 2, short=(30,)),
    pass_kind(16, 0.5, 0.5),
    pass_kind(16, 0.1, 2),
    Kind(name="decisions, 97 % right", truth=0.97, draw=partial(decisions, rate=0.97)),
    Kind(name="two sets of problems, 75 % right", truth=0.0, draw=partial(two_sets, rate=0.75), problems=(10, 30, 100)),
    Kind(name="two sets of problems, 97 % right", truth=0.0, draw=partial(two_sets, rate=0.97), problems=(10, 30, 100)),
    Kind(name="paired difference of averages", truth=0.1, draw=paired_averages),
    Kind(name="paired difference of decisions", truth=0.06, draw=paired_decisions, short=(30,)),
    Kind(name="gap closed", truth=0.4, draw=gap),
    Kind(name="ratio over a split-sample subset", truth=1.5 / 9.5, draw=rare_subset, problems=(100, 500)),
    Kind(
        name="calibration error of 0.15",
        truth=0.15,
        draw=partial(miscalibrated, by=0.15),
        problems=(30, 100),
        short=(30,),
        simulations=1_000,
    ),
    Kind(
        name="calibration error of 0.05",
        truth=0.05,
        draw=partial(miscalibrated, by=0.05),
        problems=(30, 100),
        short=(30,),
        simulations=1_000,
    ),
    Kind(
        name="rank correlation of 0.58",
        truth=6 / math.pi * math.asin(0.3),
        draw=partial(correlated, rho=0.6),
        problems=(30, 100),
        simulations=400,
    ),
]


def covered(estimate, truth):
    return estimate.low <= truth <= estimate.high


@pytest.mark.parametrize(
    "kind, problems", [(k, p) for k in KINDS for p in k.problems], ids=lambda x: getattr(x, "name", x)
)
def test_the_interval_over_problems_covers_the_truth(kind, problems):
    rng = np.random.default_rng(1)
    share = np.mean([covered(kind.draw(rng, problems), kind.truth) for _ in range(kind.simulations)])
    compare_with_page(kind.name, problems, share, kind.simulations)
    assert problems in kind.short or share > CONFIDENCE - noise(CONFIDENCE, kind.simulations)


# seeds


def with_seeds(rng, shape, spread, statistic):
    """Accuracies of S seeds on P problems; seeds vary ``spread`` times as much as the mean of problems does."""
    easy = 0.8 * rng.beta(0.5, 0.5, shape[1])
    of_seeds = spread * 0.8 * math.sqrt(0.125 / shape[1]) * rng.normal(size=(shape[0], 1))
    seeds = 0.1 + easy + of_seeds + 0.3 * rng.normal(size=shape)
    if statistic == "mean":
        return mean(seeds)
    if statistic == "paired difference":
        return paired_difference(seeds, 0.1 + 0.8 * rng.beta(0.5, 0.5, shape[1]))
    return gap_closed(seeds, np.full(shape[1], 0.2), 0.6 + easy)


SEED_TRUTHS = {"mean": 0.5, "paired difference": 0.0, "gap closed": 0.3 / 0.8}


@pytest.mark.parametrize("statistic", SEED_TRUTHS)
@pytest.mark.parametrize("spread", [0, 1, 4])
@pytest.mark.parametrize("shape", [(2, 50), (3, 50), (5, 50), (3, 200)])
def test_the_interval_over_seeds_and_problems_covers_the_truth(statistic, spread, shape):
    rng, simulations = np.random.default_rng(2), 2_000
    truth = SEED_TRUTHS[statistic]
    share = np.mean([covered(with_seeds(rng, shape, spread, statistic), truth) for _ in range(simulations)])
    compare_with_page(f"{statistic}, seeds vary {spread} ×", f"{shape[0]} × {shape[1]}", share, simulations)
    assert share > CONFIDENCE - noise(CONFIDENCE, simulations)


# tests

Found = Callable[[np.random.Generator, int], bool]


def either_way(rng, problems):
    kind = rng.choice(3, problems, p=[0.8, 0.1, 0.1])
    return (kind == 1).astype(float), (kind == 2).astype(float)


def averages(rng, problems):
    easy = rng.beta(0.5, 0.5, problems)
    return rng.binomial(8, easy) / 8, rng.binomial(8, easy) / 8


def rarely_much(rng, problems):
    """Mean zero and not symmetric: one in ten wins 0.45, the others lose 0.05."""
    return 0.5 * (rng.random(problems) < 0.1), np.full(problems, 0.05)


def found(draw, rng, problems):
    return paired_test(*draw(rng, problems)).p <= LEVEL


def found_with_seeds(rng, problems, seeds, spread):
    easy = 0.8 * rng.beta(0.5, 0.5, problems)
    of_seeds = spread * 0.3 / math.sqrt(problems) * rng.normal(size=(seeds, 1))
    return paired_test(easy + of_seeds + 0.3 * rng.normal(size=(seeds, problems)), easy).p <= LEVEL


def any_of_ten(rng, problems):
    return bool(holm([paired_test(*either_way(rng, problems)).p for _ in range(10)]).min() <= LEVEL)


def called_equal(difference, margin, rng, problems):
    d = difference(rng, problems)
    return equivalence(np.maximum(d, 0), np.maximum(-d, 0), margin).equivalent


def losses(rng, problems):
    return -1.0 * (rng.random(problems) < 0.1)


def wins_and_losses(rng, problems):
    return rng.choice([-1.0, 0.0, 1.0], problems, p=[0.15, 0.8, 0.05])


def half_losses(rng, problems):
    return -0.5 * (rng.random(problems) < 0.2)


def noisy(rng, problems):
    return np.clip(rng.normal(-0.1, 0.2, problems), -0.6, 0.4)


LEVELS: list[tuple[str, tuple[int, ...], Found]] = [
    ("exact McNemar", (30, 100, 500), partial(found, either_way)),
    ("sign-flip of averages", (12, 30, 100), partial(found, averages)),
    ("t over 2 seeds, which do not vary", (50,), partial(found_with_seeds, seeds=2, spread=0)),
    ("t over 3 seeds, which do not vary", (50,), partial(found_with_seeds, seeds=3, spread=0)),
    ("t over 3 seeds, which vary much", (50,), partial(found_with_seeds, seeds=3, spread=4)),
    ("t over 5 seeds, which vary much", (50,), partial(found_with_seeds, seeds=5, spread=4)),
    ("Holm, any of ten McNemar tests", (100,), any_of_ten),
    ("equivalence within 0.1, losses only", (30, 100), partial(called_equal, losses, 0.1)),
    ("equivalence within 0.1, wins and losses", (30, 100), partial(called_equal, wins_and_losses, 0.1)),
    ("equivalence within 0.1, half losses", (30, 100), partial(called_equal, half_losses, 0.1)),
    ("equivalence within 0.1, averages", (30, 100), partial(called_equal, noisy, 0.1)),
]


@pytest.mark.parametrize("name, size, errs", [(n, s, e) for n, sizes, e in LEVELS for s in sizes])
def test_a_test_errs_no_more_often_than_its_level(name, size, errs: Any):
    rng, simulations = np.random.default_rng(3), 1_000
    share = np.mean([errs(rng, size) for _ in range(simulations)])
    compare_with_page(name, size, share, simulations)
    assert share < LEVEL + noise(LEVEL, simulations)


@pytest.mark.parametrize("problems", [30, 100])
def test_a_sign_flip_of_differences_that_are_not_symmetric_errs_more_often(problems):
    """It is a test of symmetry; the excess falls with the number of problems and is written on the page."""
    rng, simulations = np.random.default_rng(4), 1_000
    share = np.mean([found(rarely_much, rng, problems) for _ in range(simulations)])
    compare_with_page("sign-flip of very skewed differences", problems, share, simulations)


@pytest.mark.parametrize("kind", [k for k in KINDS if k.simulations == 2_000], ids=lambda k: k.name)
def test_the_truth_of_a_simulation_is_what_many_problems_give(kind):
    rng = np.random.default_rng(5)
    values = [kind.draw(rng, 2_000).value for _ in range(60)]
    assert kind.truth == pytest.approx(np.mean(values), abs=4 * np.std(values) / math.sqrt(60) + 0.001)
