"""Training objectives: pure functions of tensors over the nodes of whole trees; the registry is their list."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from math import inf
from typing import Any, Literal, NamedTuple, get_args

from torch import Tensor

from arts.config import require_at_least
from arts.errors import UsageError
from arts.training.objectives.flow import Space, rfm, subtb, value_flow
from arts.training.objectives.nodes import Loss, NodeTable
from arts.training.objectives.reward import PrmLoss, noisy_and, orm, prm, rm
from arts.verifiers.base import Unit

ObjectiveName = Literal["rfm", "value_flow", "subtb", "prm", "rm", "orm", "noisy_and"]
Objective = Callable[[Tensor, NodeTable], Loss]


class Spec(NamedTuple):
    """An objective with what its verifier's scores mean, one line of help, and what its trees must have.

    The options of an objective are the keyword-only arguments of ``loss``.
    """

    loss: Callable[..., Loss]
    unit: Unit
    about: str
    per_step: bool = False
    """The network judges single steps; a state's score is the product along its path."""
    needs_mixed: bool = False
    """Learns only from problems with correct and incorrect solutions."""
    needs_logprobs: bool = False
    """Learns only from trees whose steps carry the proposer's log-probabilities."""


OBJECTIVES: dict[ObjectiveName, Spec] = {
    "rfm": Spec(rfm, "log_flow", "Reasoning Flow Matching, as published: a state's flow is the sum of its children's"),
    "value_flow": Spec(
        value_flow, "log_flow", "a state's value is its children's mean, weighted by how often each was sampled"
    ),
    "subtb": Spec(
        subtb,
        "log_flow",
        "sub-trajectory balance, with the proposer's step log-probabilities as forward policy",
        needs_logprobs=True,
    ),
    "prm": Spec(prm, "probability", "pointwise: each step against its Monte-Carlo success rate"),
    "rm": Spec(
        rm, "logit", "pairwise (Bradley-Terry): correct over incorrect solutions of one problem", needs_mixed=True
    ),
    "orm": Spec(orm, "probability", "outcome: cross-entropy with correct/incorrect at the last step"),
    "noisy_and": Spec(
        noisy_and,
        "probability",
        "steps judged by outcomes: a solution is correct when all its steps are",
        per_step=True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of the objectives; one that is not given keeps the objective's own default."""

    leaf_weight: float | None = None
    """λ: weight of the terminal part (rfm, value_flow, subtb: 1)."""
    detach: bool | None = None
    """Children's flows are constants in the residual of their parent (rfm: no, as published; value_flow: yes)."""
    reward_contrast: float | None = None
    """R(correct) / R(incorrect), around their geometric mean 1 (rfm, value_flow, subtb: 100, as published)."""
    space: Space | None = None
    """Where value_flow compares: log flows (log), or success probabilities by cross-entropy (probability)."""
    trace: float | None = None
    """λ-return of value_flow: 0 looks one step ahead, 1 only at the leaves, which is Monte Carlo."""
    subtb_lambda: float | None = None
    """Weight of a sub-trajectory of n steps is λ^n (subtb: 0.9); → 0 is detailed balance, → ∞ trajectory balance."""
    loss: PrmLoss | None = None
    """How prm compares probabilities (squared, as published)."""

    def __post_init__(self) -> None:
        require_at_least(self, 0, "leaf_weight")
        for name in ("leaf_weight", "reward_contrast", "subtb_lambda"):
            if getattr(self, name) == inf:
                raise UsageError(f"{name} is inf; use a finite number")
        for name, known in (("space", get_args(Space)), ("loss", get_args(PrmLoss))):
            if getattr(self, name) not in (None, *known):
                raise UsageError(f"{name} is {getattr(self, name)}; use {' or '.join(known)}")
        if self.reward_contrast is not None and not self.reward_contrast > 1:
            raise UsageError(f"reward_contrast is {self.reward_contrast}; use more than 1")
        if self.trace is not None and not 0 <= self.trace <= 1:
            raise UsageError(f"trace is {self.trace}; use a number in [0, 1]")
        if self.subtb_lambda is not None and not self.subtb_lambda > 0:
            raise UsageError(f"subtb_lambda is {self.subtb_lambda}; use more than 0")

    def given(self) -> dict[str, Any]:
        """Those that were given."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def settings(objective: ObjectiveName, options: Options) -> Mapping[str, Any]:
    """Every option of an objective with its value, given or default.

    Raises:
        UsageError: an option was given that this objective does not have.
    """
    known: dict[str, Any] = getattr(OBJECTIVES[objective].loss, "__kwdefaults__", None) or {}
    for name in options.given():
        if name not in known:
            has = f"it has: {', '.join(known)}" if known else "it has none"
            raise UsageError(f"objective {objective} has no option {name}; {has}")
    return {**known, **options.given()}


def make_objective(objective: ObjectiveName, options: Options) -> tuple[Objective, Unit]:
    """The loss with its options set, and the unit of the scores that it trains."""
    values = settings(objective, options)
    spec = OBJECTIVES[objective]
    unit: Unit = "probability" if values.get("space") == "probability" else spec.unit
    return partial(spec.loss, **values), unit
