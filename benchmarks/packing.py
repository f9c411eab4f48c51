"""One training update on a Sparse Deep Fork tree, laid out in three ways, side by side in one run.

packed: every shared prefix once, with tree attention. paths: the tree's trajectories, padded in batches of similar
length. states: every state as a sequence of its own, padded likewise. All three are forward and backward passes of the
same model with the gradient of the same flow-matching loss; seconds are medians of rounds in which the three take
turns. Peak memory is what one update adds to a fresh process.

The tree is what the published sampling gives: backbones whose inner states are forked with probability 0.5, with no
further prefix in common; step texts are random tokens. Real trees share more.
"""

import argparse
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _page import write_json
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaModel

from arts.training.objectives.flow import FlowMatching
from arts.training.objectives.nodes import NodeTable
from arts.verifiers.attention import TREE_ATTENTION
from arts.verifiers.encoding import Encoded
from arts.verifiers.modules import BackboneEncoder, Scorer, best_device
from arts.verifiers.packing import TokenBatch, TokenTree, token_batch, token_tree
from arts.verifiers.reading import LOG_FLOW

FORK_PROBABILITY = 0.5
VOCABULARY = 512
MOST_TOKENS = 32_768
"""Padded tokens of one batch of trajectories or states."""
LAYOUTS = ("packed", "paths", "states")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Tree and model of one row; lengths in tokens."""

    depth: int
    step: int
    backbones: int = 4
    prompt: int = 120
    layers: int = 4
    width: int = 256


def sampled_tree(shape: Shape, seed: int = 0) -> tuple[TokenTree, NodeTable]:
    """A Sparse Deep Fork tree in tokens, read at the last token of every step, and its nodes."""
    rng = np.random.default_rng(seed)
    nodes: list[tuple[int, list[int]]] = [(-1, rng.integers(VOCABULARY, size=shape.prompt).tolist())]

    def roll_out(node: int, steps: int) -> list[int]:
        path = []
        for _ in range(steps):
            nodes.append((node, rng.integers(VOCABULARY, size=shape.step).tolist()))
            node = len(nodes) - 1
            path.append(node)
        return path

    for _ in range(shape.backbones):
        path = roll_out(0, shape.depth)
        for at, node in enumerate(path[:-1]):
            if rng.random() < FORK_PROBABILITY:
                roll_out(node, shape.depth - at - 1)
    parent = np.array([p for p, _ in nodes])
    tree = token_tree(_encoded(nodes, sorted(set(range(len(nodes))) - set(parent.tolist()))))
    leaf = ~np.isin(np.arange(len(nodes)), parent)
    correct = np.where(leaf, rng.random(len(nodes)) < 0.4, np.nan)
    table = NodeTable(
        parent=torch.as_tensor(parent),
        visits=torch.ones(len(nodes), dtype=torch.long),
        correct=torch.tensor(correct, dtype=torch.float32),
        success=torch.zeros(len(nodes)),
        logprob=torch.zeros(len(nodes)),
        problem=torch.zeros(len(nodes), dtype=torch.long),
    )
    return tree, table


def _encoded(nodes: list[tuple[int, list[int]]], ends: list[int]) -> Encoded:
    """Trajectories to ``ends``; every node is read at its last token, on some trajectory through it."""
    ids, place = [], {}
    for row, end in enumerate(ends):
        path = [end]
        while nodes[path[-1]][0] >= 0:
            path.append(nodes[path[-1]][0])
        tokens: list[int] = []
        for node in reversed(path):
            tokens += nodes[node][1]
            place[node] = (row, len(tokens) - 1)
        ids.append(tokens)
    rows, columns = np.array([place[n] for n in range(len(nodes))]).T
    return Encoded(ids=ids, texts=[], rows=rows, columns=columns)


def sequences(tree: TokenTree, *, states: bool) -> list[tuple[TokenBatch, Tensor]]:
    """Trajectories, or every state by itself, as padded batches of similar length, and which states each batch reads.

    A state is read on the first trajectory through it.
    """
    on = {int(token): row for row in reversed(range(len(tree.paths))) for token in tree.paths[row]}
    wanted: list[tuple[list[int], np.ndarray]]
    if states:
        wanted = [([n], tree.paths[on[int(r)]][: tree.depth[r] + 1]) for n, r in enumerate(tree.reads)]
    else:
        rows = np.array([on[int(r)] for r in tree.reads])
        wanted = [(np.flatnonzero(rows == row).tolist(), path) for row, path in enumerate(tree.paths)]
    wanted.sort(key=lambda pair: len(pair[1]))
    out, start = [], 0
    for stop in range(1, len(wanted) + 1):
        if stop == len(wanted) or len(wanted[stop][1]) * (stop + 1 - start) > MOST_TOKENS:
            out.append(_padded(tree, wanted[start:stop]))
            start = stop
    return out


def _padded(tree: TokenTree, part: list[tuple[list[int], np.ndarray]]) -> tuple[TokenBatch, Tensor]:
    inputs = torch.nn.utils.rnn.pad_sequence([tree.ids[torch.as_tensor(p)] for _, p in part], batch_first=True)
    nodes = [n for read, _ in part for n in read]
    batch = TokenBatch(
        inputs=inputs,
        positions=torch.arange(inputs.shape[1]).expand(inputs.shape),
        rows=torch.tensor([row for row, (read, _) in enumerate(part) for _ in read]),
        columns=torch.as_tensor(tree.depth[tree.reads[nodes]]),
    )
    return batch, torch.tensor(nodes)


def make_model(shape: Shape) -> Scorer:
    """A Llama with two-layer head, random weights."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=shape.width,
        intermediate_size=shape.width * 8 // 3,
        num_hidden_layers=shape.layers,
        num_attention_heads=max(1, shape.width // 64),
        pad_token_id=None,
        attn_implementation=TREE_ATTENTION,
    )
    head = nn.Sequential(nn.Linear(shape.width, shape.width), nn.GELU(), nn.Linear(shape.width, 1))
    return Scorer(BackboneEncoder(LlamaModel(config), layers=1), head, LOG_FLOW).to(best_device())


@dataclass(frozen=True, kw_only=True)
class Update:
    """Forward and backward passes over the batches of one layout.

    The loss couples all states of the tree. Its gradient with respect to the scores is computed beforehand, so that a
    layout that needs several batches can go through them one after another without a second forward pass.
    """

    model: Scorer
    batches: list[tuple[TokenBatch, Tensor]]
    gradient: Tensor

    @property
    def tokens(self) -> int:
        """Tokens computed, padding included."""
        return sum(batch.inputs.numel() for batch, _ in self.batches)

    def __call__(self) -> float:
        """Seconds of one update."""
        start = time.perf_counter()
        self.model.zero_grad()
        for batch, nodes in self.batches:
            self.model(batch).backward(self.gradient[nodes])
        if self.gradient.is_cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - start


def make_update(shape: Shape, layout: str) -> Update:
    """The update of one layout on the device."""
    tree, nodes = sampled_tree(shape)
    model, device = make_model(shape), best_device()
    if layout == "packed":
        batches = [(token_batch([tree], "packed"), torch.arange(len(tree.reads)))]
    else:
        batches = sequences(tree, states=layout == "states")
    batches = [(batch.to(device), part.to(device)) for batch, part in batches]
    scores = torch.zeros(len(tree.reads), device=device, requires_grad=True)
    (gradient,) = torch.autograd.grad(FlowMatching()(scores, nodes.to(device)).value, scores)
    return Update(model=model, batches=batches, gradient=gradient)


def peak_memory(shape: Shape, layout: str) -> int:
    """Bytes that one update adds to a fresh process (on CUDA: to the allocator)."""
    update = make_update(shape, layout)
    if update.gradient.is_cuda:
        torch.cuda.reset_peak_memory_stats()
        update()
        return torch.cuda.max_memory_allocated()
    before = _resident("VmRSS")
    update()
    return _resident("VmHWM") - before


def _resident(key: str) -> int:
    """Bytes of this process in memory now (VmRSS) or at most so far (VmHWM), as Linux counts them."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key)).split()[1])


def check_equal(updates: dict[str, Update]) -> float:
    """Largest difference between the parameter gradients of the layouts, relative to the largest gradient."""
    found = []
    for update in updates.values():
        update()
        found.append(torch.cat([p.grad.flatten() for p in update.model.parameters() if p.grad is not None]))
    return max(float((g - found[0]).abs().max() / found[0].abs().max()) for g in found)


def measure(shape: Shape, rounds: int) -> dict[str, Any]:
    """One row: seconds, tokens and memory of each layout, and their ratios to packed."""
    updates = {layout: make_update(shape, layout) for layout in LAYOUTS}
    difference = check_equal(updates)  # also warms up
    seconds = {layout: list[float]() for layout in LAYOUTS}
    for _ in range(rounds):
        for layout, update in updates.items():
            seconds[layout].append(update())
    medians = {layout: statistics.median(s) for layout, s in seconds.items()}
    tokens = {layout: update.tokens for layout, update in updates.items()}
    context = multiprocessing.get_context("spawn")
    memory = {}
    for layout in LAYOUTS:
        with ProcessPoolExecutor(1, context) as fresh:
            memory[layout] = fresh.submit(peak_memory, shape, layout).result()
    return {
        **asdict(shape),
        "seconds": medians,
        "tokens": tokens,
        "peak_bytes": memory,
        "times_paths": medians["paths"] / medians["packed"],
        "times_states": medians["states"] / medians["packed"],
        "gradient_difference": difference,
    }


def main() -> None:
    """Print one line per shape; the first is the headline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of the headline; the other shapes have one")
    parser.add_argument("--headline", action="store_true", help="only depth 8, step 40")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    given = parser.parse_args()
    shapes = [Shape(depth=8, step=40, backbones=16)]
    if not given.headline:
        shapes += [Shape(depth=depth, step=step) for depth in (4, 8, 16) for step in (20, 40, 80)]
    print(f"device {best_device()}, {torch.get_num_threads()} threads, torch {torch.__version__}, fp32")
    columns = "".join(f"{name:>9}" for name in LAYOUTS)
    print(f"                          | tokens{'':21}| seconds{'':20}| peak MB{'':20}| paths ÷ states ÷ gradients")
    print(f"depth step trees of        |{columns}|{columns}|{columns}| packed  packed   differ by")
    rows = []
    for number, shape in enumerate(shapes):
        row = measure(shape, given.rounds if number == 0 else 1)
        rows.append(row)
        tokens, seconds, memory = (row[key] for key in ("tokens", "seconds", "peak_bytes"))
        print(
            f"{shape.depth:5} {shape.step:4} {shape.backbones:3} backbones   |"
            + "".join(f"{tokens[k]:9,}" for k in LAYOUTS)
            + "|"
            + "".join(f"{seconds[k]:9.2f}" for k in LAYOUTS)
            + "|"
            + "".join(f"{memory[k] / 1e6:9,.0f}" for k in LAYOUTS)
            + f"| {row['times_paths']:6.2f}  {row['times_states']:6.2f}   {row['gradient_difference']:.0e}",
            flush=True,
        )
    if given.json:
        write_json(rows, given.json)


if __name__ == "__main__":
    main()
