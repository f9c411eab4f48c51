"""What an objective is: its options, the facts that training must know, and the loss."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from arts.training.objectives.nodes import Loss, NodeTable
from arts.verifiers.base import Unit
from arts.verifiers.calibration import PUBLISHED_CONTRAST


@dataclass(frozen=True, kw_only=True)
class Objective(ABC):
    """A loss over the nodes of whole trees; a subclass is a frozen keyword-only dataclass whose fields are its options.

    Laws: the order of nodes does not matter; the loss of a batch is the mean over its trees; the loss and its
    gradients are finite for any finite output.
    """

    about: ClassVar[str]
    """One line of help."""
    per_step: ClassVar[bool] = False
    """The network judges single steps; a state's score is the product along its path."""
    needs_mixed: ClassVar[bool] = False
    """Learns only from problems with correct and incorrect solutions."""
    needs_logprobs: ClassVar[bool] = False
    """Learns only from trees whose steps carry the proposer's log-probabilities."""

    @property
    @abstractmethod
    def unit(self) -> Unit:
        """What the scores of the trained verifier mean."""

    @property
    def reward_contrast(self) -> float:
        """R(correct) / R(incorrect), by which a flow becomes a success probability."""
        return PUBLISHED_CONTRAST

    @abstractmethod
    def __call__(self, output: Tensor, nodes: NodeTable) -> Loss:
        """The loss of the network's output, one number per node: (N,)."""
