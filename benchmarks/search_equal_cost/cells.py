"""What is compared: strategies, verifiers and budgets; one cell is one of each with one seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

BUDGETS = (8, 16, 64)
"""In samples' worth of generated tokens."""
MIDDLE = 16
LARGEST = 1_000_000
"""More solutions than any budget pays for."""
LEADING, EQUAL = "steps", "steps, little data"
VERIFIERS = (LEADING, EQUAL, "published flow", "prm", "rm", "orm", "oracle")
"""The default, trained on all problems; the same and the published ones, trained on 1,600 problems; a line checker."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A strategy with its settings and the rule that decides, as a function of the budget in samples.

    ``cap`` limits the tokens of each problem to so many times the budget. Without it the width of the rounds follows
    from the budget, a problem may cost more or less, and all together about the same. Tokens really spent are reported.
    ``promise``: states are ranked by their whole score also where the strategy would leave out what is expected.
    """

    name: str
    strategy: str
    selector: str
    verified: bool = True
    cap: float = 0.0
    given: tuple[str, ...] = ()
    temperature: float = 1.0
    promise: bool = False

    def settings(self, budget: int) -> list[str]:
        """What can stop at any time goes on until the budget is spent; rounds are as wide as it is in samples.

        Flow sampling draws more than a step for each trajectory; with three quarters as many it costs about as much.
        """
        match self.strategy:
            case "guided":
                return list(self.given)
            case "best_of_n" | "adaptive_best_of_n":
                return [f"n={round(4 * self.cap * budget) or budget}", *self.given]
            case "best_first":
                return [f"n={LARGEST}", f"expansions={LARGEST}", "children=4", "parallel=4"]
            case "puct":
                return [f"n={40 * budget}", "children=4", "parallel=4"]
            case "flow_sampling":
                return [f"n={3 * budget // 4}"]
            case _:
                return [f"n={budget}", *self.given]


GUIDED = Method(name="guided, at most 4 N", strategy="guided", selector="best_of_n", cap=4)
BEST = Method(name="best-of-N", strategy="best_of_n", selector="best_of_n")
BEAM = Method(name="beam", strategy="beam", selector="best_of_n")
METHODS = (
    Method(name="majority", strategy="best_of_n", selector="majority", verified=False),
    BEST,
    Method(name="flow vote", strategy="best_of_n", selector="flow_vote"),
    Method(name="capped best-of-N", strategy="best_of_n", selector="best_of_n", cap=1),
    Method(name="adaptive majority", strategy="adaptive_majority", selector="majority", verified=False),
    Method(name="adaptive flow vote", strategy="adaptive_flow_vote", selector="flow_vote"),
    Method(name="adaptive best-of-N", strategy="adaptive_best_of_n", selector="best_of_n"),
    Method(name="adaptive best-of-N, at most 4 N", strategy="adaptive_best_of_n", selector="best_of_n", cap=4),
    replace(GUIDED, name="guided, at most N", cap=1),
    GUIDED,
    BEAM,
    Method(name="dvts", strategy="dvts", selector="best_of_n"),
    Method(name="flow sampling", strategy="flow_sampling", selector="flow_vote"),
    Method(name="particles", strategy="particles", selector="majority"),
    Method(name="best-first", strategy="best_first", selector="best_of_n", cap=1),
    Method(name="puct", strategy="puct", selector="best_of_n", cap=1),
)
ABLATION = (
    GUIDED,
    replace(GUIDED, name="ranked by expected success", promise=True),
    replace(GUIDED, name="never back to a state", given=("discount=0",)),
    *(replace(GUIDED, name=f"discount {d}", given=(f"discount={d}",)) for d in (0.5, 0.8, 0.99)),
    replace(GUIDED, name="stops at .8", given=("sure=0.8",)),
    replace(GUIDED, name="never sure", given=("sure=1.01",)),
    *(replace(GUIDED, name=f"{c} children", given=(f"children={c}",)) for c in (1, 4, 8)),
    *(replace(GUIDED, name=f"{n} first draws", given=(f"n={n}",)) for n in (2, 32)),
    *(replace(GUIDED, name=f"{p} states a round", given=(f"parallel={p}",)) for p in (2, 4)),
    *(replace(m, name=f"{m.name}, temperature {t}", temperature=t) for m in (GUIDED, BEST, BEAM) for t in (0.7, 1.3)),
)
"""One thing changed at a time, with the leading verifier and the middle budget."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run over all problems."""

    method: Method
    verifier: str
    budget: int
    seed: int

    @property
    def name(self) -> str:
        """File name without ending."""
        parts = (self.method.name, self.verifier or "none", self.budget, self.seed)
        return "-".join(str(part).replace(", ", "-").replace(" ", "-") for part in parts)


def cells(seeds: int) -> Iterator[Cell]:
    """All cells, those first without which there is no page."""
    for seed in range(seeds):
        for budget in (MIDDLE, *(b for b in BUDGETS if b != MIDDLE)):
            for method in METHODS:
                yield Cell(method=method, verifier=LEADING if method.verified else "", budget=budget, seed=seed)
        for method in ABLATION[1:]:
            yield Cell(method=method, verifier=LEADING, budget=MIDDLE, seed=seed)
        for verifier in VERIFIERS[1:]:
            for method in METHODS:
                if method.verified:
                    yield Cell(method=method, verifier=verifier, budget=MIDDLE, seed=seed)
