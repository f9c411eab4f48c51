"""Which attention over a packed tree is fastest on a CPU: queries in blocks of 32, 64 or 128 tokens, or one dense mask.

Forward and backward passes of one layer's attention (4 heads of 64), side by side in one run; seconds are medians of
five. The block length that `arts.verifiers.packing.BLOCK` holds was chosen from this.
"""

import statistics
import time
from collections.abc import Callable

import torch
from packing import Shape, sampled_tree
from torch import Tensor
from torch.nn import functional

from arts.verifiers import attention, packing

HEADS, WIDTH, ROUNDS = 4, 64, 5
LENGTHS = (32, 64, 128)
DENSE_MOST = 6_000
"""Tokens above which the dense mask is not tried."""
SHAPES = (
    Shape(depth=4, step=5, backbones=4, prompt=8),
    Shape(depth=4, step=5, backbones=16, prompt=8),
    Shape(depth=4, step=20, backbones=8),
    Shape(depth=8, step=20, backbones=8),
    Shape(depth=8, step=40, backbones=8),
    Shape(depth=8, step=40, backbones=16),
)


def seconds(attend: Callable[[], Tensor], gradient: Tensor) -> float:
    """Median time of a forward and a backward pass, the first one not counted."""
    found = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        attend().backward(gradient)
        found.append(time.perf_counter() - start)
    return statistics.median(found[1:])


def measure(shape: Shape) -> tuple[int, list[float]]:
    """Tokens of the packed tree; seconds of each block length and of the dense mask (NaN where not tried)."""
    tree, _ = sampled_tree(shape)
    query, key, value = (torch.randn(1, HEADS, len(tree), WIDTH, requires_grad=True) for _ in range(3))
    gradient = torch.randn(1, len(tree), HEADS, WIDTH)
    found = []
    for length in LENGTHS:
        packing.BLOCK = attention.BLOCK = length
        layout = packing.token_batch([tree], "packed").layout
        found.append(
            seconds(lambda at=layout: attention.tree_attention(None, query, key, value, None, layout=at)[0], gradient)
        )

    def dense() -> Tensor:
        place = torch.arange(len(tree))
        mask = (place[None] <= place[:, None]) & (place[:, None] < torch.as_tensor(tree.end)[None])
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[None, None]).transpose(1, 2)

    return len(tree), [*found, seconds(dense, gradient) if len(tree) <= DENSE_MOST else float("nan")]


def main() -> None:
    """One line per tree."""
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}; ms of a forward and a backward pass")
    print("  tokens" + "".join(f"  blocks of {n:3}" for n in LENGTHS) + "         dense")
    for shape in SHAPES:
        tokens, found = measure(shape)
        print(f"{tokens:8,}" + "".join(f"{1000 * s:15.1f}" for s in found), flush=True)


if __name__ == "__main__":
    main()
