"""Reading steps whole: how sound each one is, how much is to be expected after it, and what follows for a state."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from arts.verifiers.base import Unit
from arts.verifiers.calibration import PUBLISHED_CONTRAST
from arts.verifiers.packing import Steps

PIECES = 8
"""A step of more tokens is read in so many pieces of about equal length, each by the mean of its tokens."""
SURE = 80.0
"""Log-odds of a step beyond which certainty is not told apart, so that it stays finite in fp32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the score of a state means: its ``unit``, R(correct) / R(incorrect) where that is a log-flow, and more."""

    unit: Unit = "log_flow"
    contrast: float = PUBLISHED_CONTRAST
    promise: bool = True
    """Whether what is to be expected after an open state is part of its score."""


LOG_FLOW = Meaning()


@final
class StepReader(nn.Module):
    """All tokens of a step → log-odds that it is sound, and its promise.

    Every token is projected by itself. The first eight tokens of a step keep their places; a longer one is read in
    eight pieces. The last token, which has seen all of the step, is read once more by itself.
    """

    def __init__(self, features: int, width: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(features, width)
        self.join = nn.Linear((PIECES + 1) * width, width)
        self.blocks = nn.ModuleList([_block(width, dropout) for _ in range(2)])
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2))

    def tokens(self, features: Tensor) -> Tensor:
        """What is kept of each token by itself, (M, features) → (M, width)."""
        return functional.gelu(self.project(features.to(self.project.weight.dtype)))

    def forward(self, tokens: Tensor, sizes: Tensor) -> Tensor:
        """Soundness and promise of N steps, (N, 2), from their tokens, (M, width), one step after another."""
        width = tokens.shape[1]
        ends = sizes.cumsum(0)
        step = torch.repeat_interleave(torch.arange(len(sizes), device=sizes.device), sizes)
        place = torch.arange(len(step), device=sizes.device) - (ends - sizes)[step]
        long = sizes[step].clamp(min=PIECES)
        piece = step * PIECES + place * PIECES // long
        count = torch.bincount(piece, minlength=len(sizes) * PIECES).clamp(min=1)
        pieces = tokens.new_zeros((len(sizes) * PIECES, width)).index_add(0, piece, tokens / count[piece, None])
        last = tokens[ends - 1]
        found = self.join(torch.cat([pieces.view(len(sizes), -1), last], dim=1))
        for block in self.blocks:
            found = found + block(found)
        outputs: Tensor = self.out(found)
        return outputs


def _block(width: int, dropout: float) -> nn.Module:
    inner = nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
    return nn.Sequential(nn.LayerNorm(width), *inner)


def along_paths(outputs: Tensor, steps: Steps, meaning: Meaning) -> Tensor:
    """Scores of states, (N,), from what a :class:`StepReader` says of their last steps, (N, 2).

    log F(s) = log R(correct) + Σ log σ(soundness) + log promise: the sum is over the steps up to s, and where a
    solution has ended nothing remains to be promised. It is a forward-looking flow with learned energies (Pan et al.
    2023, arXiv 2302.01687; Jang et al. 2023, arXiv 2310.03301). The promise of a flow is any positive number, because
    flows add up over children. For a unit of success the same without R, the promise a probability, and as log-odds.
    ``steps`` has all steps of every path.
    """
    sound, promise = outputs.float().unbind(1)
    known = torch.where(steps.judged, functional.logsigmoid(sound.clamp(max=SURE)), 0)
    total = sum_along_paths(known, steps.above)
    complete = steps.ended if meaning.promise else torch.ones_like(steps.ended)
    if meaning.unit == "log_flow":
        top = torch.tensor(meaning.contrast).log() / 2
        return top + total + torch.where(complete, 0, promise)
    success = total + torch.where(complete, 0, functional.logsigmoid(promise.clamp(max=SURE)))
    success = success.clamp(max=float(functional.logsigmoid(torch.tensor(SURE))))
    return success - (-torch.expm1(success)).log()


def sum_along_paths(values: Tensor, parent: Tensor) -> Tensor:
    """Σ value over the nodes from the root to each node, both included, (N,)."""
    total, above = values, parent
    while bool((above >= 0).any()):
        total = total + torch.where(above >= 0, values[above.clamp(min=0)], torch.zeros_like(values))
        above = torch.where(above >= 0, parent[above.clamp(min=0)], above)
    return total
