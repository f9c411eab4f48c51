"""What is compared: strategies, verifiers and budgets; one cell is one of each with one seed."""

from collections.abc import Iterator
from dataclasses import dataclass

BUDGETS = (4, 8, 16, 32, 64)
"""In samples' worth of generated tokens."""
LARGEST = 1_000_000
"""More solutions than any budget pays for."""
VERIFIERS = ("flow", "prm", "likelihood", "oracle")
LEADING = "flow"


@dataclass(frozen=True, kw_only=True)
class Method:
    """A strategy with its settings, as a function of the budget in samples, and the rule that decides.

    ``capped``: the tokens of each problem are limited to the budget. Else the width of the rounds is, a problem may
    cost more or less, and all together about the same; the tokens really spent are reported.
    """

    name: str
    strategy: str
    selector: str
    verified: bool = True
    capped: bool = True

    def settings(self, budget: int) -> list[str]:
        """What can stop at any time goes on until the budget is spent; rounds are as wide as it is in samples.

        Flow sampling draws more than a step for each trajectory; with three quarters as many it costs about as much.
        """
        match self.strategy:
            case "best_of_n":
                return [f"n={4 * budget if self.capped else budget}"]
            case "adaptive_majority" | "adaptive_flow_vote":
                return [f"n={budget}"]
            case "best_first":
                return [f"n={LARGEST}", f"expansions={LARGEST}", "children=4", "parallel=4"]
            case "puct":
                return [f"n={40 * budget}", "children=4", "parallel=4"]
            case "flow_sampling":
                return [f"n={3 * budget // 4}"]
            case _:
                return [f"n={budget}"]


METHODS = (
    Method(name="majority", strategy="best_of_n", selector="majority", verified=False, capped=False),
    Method(name="best-of-N", strategy="best_of_n", selector="best_of_n", capped=False),
    Method(name="flow vote", strategy="best_of_n", selector="flow_vote", capped=False),
    Method(name="adaptive majority", strategy="adaptive_majority", selector="majority", verified=False, capped=False),
    Method(name="adaptive flow vote", strategy="adaptive_flow_vote", selector="flow_vote", capped=False),
    Method(name="beam", strategy="beam", selector="flow_vote", capped=False),
    Method(name="dvts", strategy="dvts", selector="flow_vote", capped=False),
    Method(name="flow sampling", strategy="flow_sampling", selector="flow_vote", capped=False),
    Method(name="particles", strategy="particles", selector="majority", capped=False),
    Method(name="capped majority", strategy="best_of_n", selector="majority", verified=False),
    Method(name="capped best-of-N", strategy="best_of_n", selector="best_of_n"),
    Method(name="capped flow vote", strategy="best_of_n", selector="flow_vote"),
    Method(name="best-first", strategy="best_first", selector="flow_vote"),
    Method(name="puct", strategy="puct", selector="flow_vote"),
)
BASELINES = ("best-of-N", "flow vote")
"""What a method is compared with: those under the same kind of budget."""


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
        return f"{self.method.name.replace(' ', '-')}-{self.verifier or 'none'}-{self.budget}-{self.seed}"


def cells(seeds: int) -> Iterator[Cell]:
    """All cells, those first without which there is no page: small budgets, then the large ones, flow before others."""
    for part in (BUDGETS[:3], BUDGETS[3:4], BUDGETS[4:]):
        for verifiers in ((LEADING,), VERIFIERS[1:]):
            for seed in range(seeds):
                for verifier in verifiers:
                    for method in METHODS:
                        if method.strategy == "puct" and verifier == "likelihood":
                            continue  # it says nothing of success
                        if method.verified or verifier == LEADING:
                            for budget in part:
                                name = verifier if method.verified else ""
                                yield Cell(method=method, verifier=name, budget=budget, seed=seed)
