"""What decides a verifier besides its trees and its network."""

from dataclasses import dataclass, replace
from typing import Literal

from arts.config import require_at_least, require_finite
from arts.errors import UsageError
from arts.training.objectives import make_objective
from arts.verifiers.calibration import CalibrationMethod
from arts.verifiers.modules import Mode

LEAST_PASSES, MOST_PASSES, ENOUGH_UPDATES = 3.0, 20.0, 1000
"""Of training by the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """What decides a verifier besides the trees and its architecture.

    >>> TrainConfig(objective="value_flow", options=("trace=0.5",), epochs=2.0).seed
    0
    """

    objective: str = "value_flow"
    """What is minimised: an objective of the list above, or module:class of your own. The default was chosen on
    validation problems, see docs/verifiers.md; rfm is the paper's."""
    options: tuple[str, ...] = ()
    """Options of the objective, NAME=VALUE, as in: trace=0.5 detach=no."""
    learning_rate: float = 1e-3
    """Highest rate of the new layers, reached after the warm-up."""
    backbone_learning_rate: float = 2e-4
    """The same of adapters, or of all weights of the backbone where these are trained."""
    epochs: float | None = None
    """Passes over the trees; default: 20 on a frozen backbone; where it is trained as many as make about 1,000 updates
    of one process, from 3 to 20."""
    updates: int = 0
    """Number of updates instead of epochs; 0 goes by epochs."""
    trees_per_batch: int | None = None
    """Trees of a batch, per process; default: 32 on a frozen backbone, 8 where it is trained, but at most a sixteenth
    of all and at least 4."""
    accumulate: int = 1
    """Batches per update."""
    layout: Literal["auto", "paths"] = "auto"
    """auto packs trees so that shared prefixes are computed once, where that pays; paths pads whole trajectories."""
    warmup_ratio: float = 0.1
    weight_decay: float = 0.01
    held_out: float = 0.1
    """Share of the problems, the store's first ones, kept out of training; on them the weights with the least loss are
    chosen, after every epoch, and the scores calibrated. 0 keeps the last weights, uncalibrated."""
    patience: int = 0
    """Stop after this many epochs without a smaller held-out loss; 0 never stops early."""
    calibration: CalibrationMethod = "temperature"
    """How scores are mapped to success probabilities, on the held-out problems."""
    save_updates: int = 200
    """Updates between checkpoints; a killed run resumes from the last one."""
    report_to: str = "none"
    """Where the Trainer logs: none, tensorboard, wandb, …"""
    seed: int = 0

    def __post_init__(self) -> None:
        require_at_least(
            self, 1, "accumulate", "save_updates", *(["trees_per_batch"] if self.trees_per_batch is not None else [])
        )
        require_at_least(self, 0, "seed", "warmup_ratio", "weight_decay", "updates", "patience")
        given = ["learning_rate", "backbone_learning_rate", *(["epochs"] if self.epochs is not None else [])]
        for name in given:
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}; use more than 0")
        require_finite(self, *given, "weight_decay")
        if self.warmup_ratio >= 1:
            raise UsageError(f"warmup_ratio is {self.warmup_ratio}; use a share of the updates, below 1")
        if not 0 <= self.held_out < 1:
            raise UsageError(f"held_out is {self.held_out}; use a share in [0, 1)")
        if self.patience and not self.held_out:
            raise UsageError("patience needs held-out problems; give --training.held-out a share above 0")
        make_objective(self.objective, self.options)

    def resolved(self, mode: Mode, trees: int) -> "TrainConfig":
        """The same with what follows from the mode of the backbone and the number of trees filled in.

        >>> TrainConfig().resolved("frozen", 500).trees_per_batch
        31
        """
        batch = self.trees_per_batch or max(4, min(32 if mode == "frozen" else 8, trees // 16))
        enough = ENOUGH_UPDATES * batch * self.accumulate / max(trees, 1)
        passes = MOST_PASSES if mode == "frozen" else min(max(float(round(enough)), LEAST_PASSES), MOST_PASSES)
        return replace(self, epochs=self.epochs or passes, trees_per_batch=batch)
