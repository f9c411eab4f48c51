"""Phase diagrams: in which worlds and under which settings the rare trajectory survives."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from scipy.optimize import isotonic_regression

from arts.arrays import Floats
from arts.config import require_at_least
from arts.errors import UsageError
from arts.estimate import Estimate
from arts.squeeze.exact import seen_threshold
from arts.squeeze.policy import FREQUENT, RARE, World
from arts.squeeze.rules import GROUP_RELATIVE, RULES, WITHOUT_DRAWS, RuleName, Update
from arts.squeeze.simulate import Extinction, certain, dynamics, first_passage, wilson
from arts.versions import versions

MOMENTS = (1, 2, 5)
"""Extinction is recorded after 1, 2, 5, 10, 20, 50, … updates, and at the end."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is simulated: each rule and pi0, with every ``n`` at the middle ``temperature`` and the other way round.

    The middle of a list is its median, the upper one of an even number.
    """

    rules: tuple[RuleName, ...] = ("reward_weighted", "reinforce", "dr_grpo", "grpo")
    """Update rules; exact is the policy gradient without any sampling."""
    n: tuple[int, ...] = (4, 8, 16, 32, 64)
    """Group sizes: draws of an update."""
    temperature: tuple[float, ...] = (0.6, 0.8, 1.0, 1.25, 1.5)
    """Temperatures T of the draws, from q ∝ π^(1/T)."""
    pi0: tuple[float, ...] = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
    """Probabilities of the rare correct trajectory before the first update."""
    updates: int = 100
    """Updates of a run, each on a new group."""
    runs: int = 500
    """Independent runs of each cell, of which exact needs one; a share has a standard error of at most
    1 / (2 √runs)."""
    seed: int = 0
    """Of the draws; a cell's draws depend on it, n, temperature and pi0 only."""
    update: Update = field(default_factory=Update)
    """Settings of the rules."""
    world: World = field(default_factory=World)
    """The other trajectories of the problem, and the rewards."""
    extinction: Extinction = field(default_factory=Extinction)
    """What counts as extinct."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "updates", "runs")
        require_at_least(self, 0, "seed")
        for name in ("rules", "n", "temperature", "pi0"):
            if not getattr(self, name):
                raise UsageError(f"{name} is empty; give one or more")
        if not all(0 < t < np.inf for t in self.temperature):
            raise UsageError(f"temperature is {self.temperature}; use numbers above 0")
        relative = [rule for rule in self.rules if rule in GROUP_RELATIVE]
        if min(self.n) < 1 or (relative and min(self.n) < 2):
            least = f"2 or more, as {relative[0]} compares draws with one another" if relative else "1 or more"
            raise UsageError(f"n is {min(self.n)}; use {least}")
        self.world.log_policy(np.array(self.pi0))

    @property
    def middle(self) -> tuple[int, float, float]:
        """The n, temperature and pi0 through which the diagrams are cut."""
        lists: tuple[Sequence[Any], ...] = (self.n, self.temperature, self.pi0)
        n, temperature, pi0 = (sorted(set(values))[len(set(values)) // 2] for values in lists)
        return n, temperature, pi0


class Cell(Struct, frozen=True, kw_only=True):
    """What became of the rare trajectory in the runs of one setting.

    ``correct`` is the mean probability of both correct trajectories at the end, which is pass@1; ``median_updates``
    the number after which half of all runs have seen the rare one extinct once, None where fewer have. ``extinct`` maps
    numbers of updates to the share of runs in which it is extinct then; ``grew`` is the share in which it ends more
    probable than it began.
    """

    rule: RuleName
    n: int
    temperature: float
    pi0: float
    correct: float
    median_updates: int | None
    extinct: dict[int, Estimate]
    grew: Estimate


def settings(plan: Plan) -> list[tuple[int, float]]:
    """Pairs of group size and temperature, in order: all sizes at the middle temperature, then the temperatures."""
    n, temperature, _ = plan.middle
    pairs = [(size, temperature) for size in sorted(plan.n)] + [(n, t) for t in sorted(plan.temperature)]
    return list(dict.fromkeys(pairs))


def cells(plan: Plan) -> Iterator[Cell]:
    """Simulate the plan, cell by cell."""
    for rule in dict.fromkeys(plan.rules):
        for n, temperature in settings(plan):
            for pi0 in sorted(set(plan.pi0)):
                yield simulate_cell(plan, rule, n, temperature, pi0)


def simulate_cell(plan: Plan, rule: RuleName, n: int, temperature: float, pi0: float) -> Cell:
    """The runs of one setting, the same ones whatever else the plan holds; a single one of a rule without draws.

    Raises:
        UsageError: the settings lead out of floating point.
    """
    rng = np.random.default_rng([plan.seed, zlib.crc32(f"{n} {temperature!r} {pi0!r}".encode())])
    runs = 1 if rule in WITHOUT_DRAWS else plan.runs
    try:
        with np.errstate(over="raise", invalid="raise"):
            policies = dynamics(
                plan.world.log_policy(np.full(runs, pi0)),
                plan.world.rewards(),
                RULES[rule],
                plan.update,
                n=n,
                temperature=temperature,
                updates=plan.updates,
                rng=rng,
            )
            pair = np.stack([log_policy[:, [FREQUENT, RARE]] for log_policy in policies])
    except FloatingPointError as error:
        raise UsageError(
            f"{rule} with n {n}, temperature {temperature:g} and pi0 {pi0:g} leaves the range of numbers; use smaller"
            " world.reward, update.rate or update.kl, or a larger update.beta or temperature"
        ) from error
    return _cell(plan, rule, n, temperature, pi0, pair)


def _cell(plan: Plan, rule: RuleName, n: int, temperature: float, pi0: float, pair: Floats) -> Cell:
    """Of the log-probabilities of the frequent and the rare trajectory, (updates + 1, R, 2)."""
    rare, runs = pair[:, :, 1], pair.shape[1]
    below = rare <= np.log(plan.extinction.floor)
    passage = first_passage(below)
    times = np.sort(passage[passage >= 0])
    half = -(-runs // 2)
    share = certain if rule in WITHOUT_DRAWS else wilson
    return Cell(
        rule=rule,
        n=n,
        temperature=temperature,
        pi0=pi0,
        extinct={u: share(int(below[u].sum()), runs) for u in moments(plan.updates)},
        grew=share(int((rare[-1] > rare[0]).sum()), runs),
        correct=float(np.exp(pair[-1]).sum(axis=-1).mean()),
        median_updates=int(times[half - 1]) if len(times) >= half else None,
    )


def moments(updates: int) -> list[int]:
    """The numbers of updates after which extinction is recorded."""
    found = [m * 10**power for power in range(len(str(updates))) for m in MOMENTS]
    return [*(u for u in found if u < updates), updates]


def survival_threshold(pi0: Floats, extinct: Sequence[Estimate], level: float = 0.5) -> Estimate:
    """The smallest pi0 that survives with probability ``level``; increasing ``pi0`` (P,) with their ``extinct`` shares.

    Survival is taken to rise with pi0: isotonic regression, then linear interpolation in log pi0. The interval claims
    no more than the grid can: from the last pi0 whose bounds lie below the level to the first whose lie above.
    0 stands for a threshold below the grid, 1 for one above it.
    """
    # what bounds extinction from below bounds survival from above
    survival, upper, lower = (
        isotonic_regression(1 - shares).x for shares in np.array([(e.value, e.low, e.high) for e in extinct]).T
    )
    low = pi0[upper < level].max(initial=0.0)
    high = pi0[lower >= level].min(initial=1.0)
    value = _crossing(pi0, survival, level)
    return Estimate(
        value=value, low=float(low), high=float(high), n=extinct[0].n, method=f"isotonic, bounds: {extinct[0].method}"
    )


def _crossing(pi0: Floats, survival: Floats, level: float) -> float:
    if survival[0] >= level:
        return 0.0
    if survival[-1] < level:
        return 1.0
    i = int(np.argmax(survival >= level))
    part = (level - survival[i - 1]) / (survival[i] - survival[i - 1])
    return float(np.exp((1 - part) * np.log(pi0[i - 1]) + part * np.log(pi0[i])))


class Row(Struct, frozen=True, kw_only=True):
    """The two thresholds of one rule at one group size and temperature.

    ``seen_threshold``: pi0 that is in the first group with probability 1/2, in closed form; the same for every rule.
    ``survival_threshold``: pi0 that survives all updates with probability 1/2.
    """

    rule: RuleName
    n: int
    temperature: float
    seen_threshold: float
    survival_threshold: Estimate


def rows(plan: Plan, found: Sequence[Cell]) -> list[Row]:
    """The thresholds of the cells of :func:`cells`, in their order."""
    lines: dict[tuple[RuleName, int, float], list[Cell]] = {}
    for cell in found:
        lines.setdefault((cell.rule, cell.n, cell.temperature), []).append(cell)
    return [
        Row(
            rule=rule,
            n=n,
            temperature=temperature,
            seen_threshold=seen_threshold(plan.world, n, temperature),
            survival_threshold=survival_threshold(
                np.array([cell.pi0 for cell in line]), [cell.extinct[plan.updates] for cell in line]
            ),
        )
        for (rule, n, temperature), line in lines.items()
    ]


class Simulation(Struct, frozen=True, kw_only=True):
    """All that was simulated; ``floor`` is the largest probability that counts as extinct, ``arts`` the version."""

    schema: Literal[1] = 1
    arts: str
    settings: Plan
    floor: float
    cells: list[Cell]
    rows: list[Row]


def simulation(plan: Plan, found: Sequence[Cell]) -> Simulation:
    """The cells of :func:`cells` with what follows from them."""
    return Simulation(
        arts=versions("arts").get("arts", "unknown"),
        settings=plan,
        floor=plan.extinction.floor,
        cells=list(found),
        rows=rows(plan, found),
    )
