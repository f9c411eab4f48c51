"""What reading steps costs beside the causal trunk of before: seconds, memory, parameters, features, in one run.

On the testbed both networks learn from and score the same trees, sampled with forks, in two layouts: packed (shared
prefixes once, ``--training.layout auto``) and paths (whole trajectories, padded). Training is collating, forward and
backward pass and an update of the weights, with features that are there already; filling the cache is measured by
itself, and so is scoring all states, which includes their features. With a real backbone a few recorded solutions are
scored as they come, by untrained networks that read different numbers of layers.

Seconds are medians of rounds in which all take turns. Peak memory is what one piece of work adds to a fresh process in
which model, trees and, for training, features already are.

    python benchmarks/reader_cost.py            # 300 trees, 5 rounds; minutes
    python benchmarks/reader_cost.py --quick    # 20 trees, the bundled model in place of the real one
"""

import argparse
import ctypes
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from _page import table, write_json
from _study import TESTBED_SHAPE, testbed_trees, trees_of
from objectives.recorded_sets import load_recorded
from scoring import machine, real_backbone, untrained

from arts.arrays import Floats
from arts.problems.graders import make_grader
from arts.training.batches import Example, collate, make_example
from arts.training.config import TrainConfig
from arts.training.objectives import make_objective
from arts.trees.tree import ROOT, Step, Tree
from arts.verifiers.attention import TREE_ATTENTION
from arts.verifiers.encoding import encode
from arts.verifiers.features import FeatureCache, batches
from arts.verifiers.modules import Architecture, best_device, scorer_layout
from arts.verifiers.neural import BATCH_TOKENS, NeuralVerifier, with_features
from arts.verifiers.packing import TokenTree, token_batch, token_tree

Laid = Literal["packed", "paths"]
LAYOUTS: tuple[Laid, ...] = ("packed", "paths")
WORK = ("train", "score", "fill")
READER, TRUNK = "step reader", "trunk"
NETWORKS = {READER: Architecture(backbone="bundled", max_tokens=TESTBED_SHAPE.max_tokens), TRUNK: TESTBED_SHAPE}
REAL_TEXTS = 16
"""Recorded solutions that the networks on the real backbone score, in trees of four."""
TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A network with the trees it works on, in one layout."""

    verifier: NeuralVerifier
    trees: Sequence[Tree]
    layout: Laid

    def tokens(self) -> list[TokenTree]:
        """All states of the trees, for scoring and features."""
        window, tokenizer = self.verifier.window, self.verifier.tokenizer
        return [token_tree(encode(t, range(len(t)), tokenizer, window)) for t in self.trees]

    def featured(self, tokens: Sequence[TokenTree], *, keep: bool) -> list[TokenTree]:
        """Tokens with the features that the network reads, computed in this layout."""
        assert self.verifier.features is not None
        model = self.verifier.features.model
        with attention(model, self.layout):
            cache = FeatureCache(model, keep=keep, layers=self.verifier.shape.read_layers)
            return with_features(tokens, cache, self.verifier.shape)

    def score(self) -> Floats:
        """Scores of all states of all trees, features included."""
        if self.layout == "packed":
            return np.concatenate(self.verifier.score([(t, range(len(t))) for t in self.trees]))
        return self._score_paths()

    @torch.inference_mode()
    def _score_paths(self) -> Floats:
        tokens = self.tokens()
        found: list[Floats] = [np.empty(0)] * len(tokens)
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        for part in batches([len(tokens[i]) for i in order], BATCH_TOKENS):
            read = self.featured([tokens[i] for i in order[part]], keep=False)
            scores = self.verifier.scorer(token_batch(read, "paths").to(best_device())).double().cpu().numpy()
            split = np.split(scores, np.cumsum([len(t.reads) for t in read])[:-1])
            for i, values in zip(order[part], split, strict=True):
                found[i] = values
        return np.concatenate(found)

    def fill(self) -> list[TokenTree]:
        """Features of all trees, as training computes them once."""
        return self.featured(self.tokens(), keep=True)

    def training(self) -> "Training":
        """What an update needs; the features are computed here."""
        examples = [make_example(t, self.verifier.tokenizer, self.verifier.window) for t in self.trees]
        tokens = self.featured([e.tokens for e in examples], keep=False)
        examples = [replace(e, tokens=t) for e, t in zip(examples, tokens, strict=True)]
        return Training(bench=self, examples=examples)


@dataclass(frozen=True, kw_only=True)
class Training:
    """Passes over examples with the default objective and batch size."""

    bench: Bench
    examples: Sequence[Example]

    def run(self, most: int | None = None) -> int:
        """One pass, or its first updates; how many there were."""
        config = TrainConfig().resolved("frozen", len(self.examples))
        scorer, objective = self.bench.verifier.scorer, make_objective(config.objective, config.options)
        layout = "paths" if self.bench.layout == "paths" else scorer_layout(scorer)
        optimiser = torch.optim.AdamW(scorer.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        size = config.trees_per_batch or 1
        starts = range(0, len(self.examples), size)[:most]
        scorer.train()
        for start in starts:
            batch = collate(self.examples[start : start + size], layout)
            scores = scorer(batch["batch"].to(best_device())).float()
            optimiser.zero_grad()
            objective(scores, batch["nodes"].to(best_device())).value.backward()
            optimiser.step()
        scorer.eval()
        return len(starts)


@contextmanager
def attention(model: Any, layout: Laid) -> Iterator[None]:
    """A backbone that reads padded trajectories meanwhile, as one does that takes no packed trees."""
    if layout == "paths":
        model.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        model.set_attn_implementation(TREE_ATTENTION)


def seconds(works: Mapping[tuple[str, ...], Callable[[], Any]], rounds: int) -> dict[tuple[str, ...], float]:
    """Median seconds of each; all take turns, each round beginning with another one, after one round to warm up."""
    found: dict[tuple[str, ...], list[float]] = {name: [] for name in works}
    names = list(works)
    for number in range(rounds + 1):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            start = time.perf_counter()
            works[name]()
            if number:
                found[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in found.items()}


def benches(trees: Sequence[Tree]) -> dict[tuple[str, Laid], Bench]:
    """Both networks on the testbed, in both layouts."""
    return {
        (name, layout): Bench(verifier=untrained(shape), trees=trees, layout=layout)
        for name, shape in NETWORKS.items()
        for layout in LAYOUTS
    }


def testbed(store: Path, rounds: int) -> list[dict[str, Any]]:
    """A row for each network and layout: seconds per 1,000 trees, peak bytes, sizes."""
    trees = trees_of(store)
    of = benches(trees)
    works: dict[tuple[str, ...], Callable[[], Any]] = {}
    updates = {}
    for key, bench in of.items():
        training = bench.training()
        updates[key] = training.run()
        works |= {(*key, "train"): training.run, (*key, "score"): bench.score, (*key, "fill"): bench.fill}
    check_equal(of)
    taken = seconds(works, rounds)
    rows = []
    for (name, layout), bench in of.items():
        thousand = {work: 1000 * taken[name, layout, work] / len(trees) for work in WORK}
        rows.append(
            {
                "network": name,
                "layout": layout,
                "trees": len(trees),
                "states": sum(len(t) for t in trees),
                "seconds_per_1000_trees": thousand,
                "seconds_per_update": taken[name, layout, "train"] / updates[name, layout],
                "peak_bytes": {work: in_fresh_process(partial(peak, store, name, layout, work)) for work in WORK},
                **sizes(bench),
            }
        )
    return rows


def check_equal(of: Mapping[tuple[str, Laid], Bench]) -> None:
    """Refuse to compare layouts in which one network gives different scores."""
    for name in NETWORKS:
        packed = of[name, "packed"]
        difference = float(np.abs(packed.score() - replace(packed, layout="paths").score()).max())
        if difference > TOLERANCE:
            raise SystemExit(f"{name}: scores of the two layouts are {difference:.0e} apart")


def sizes(bench: Bench) -> dict[str, int]:
    """Trained parameters; bytes of the features of a token; tokens of all trees, and those that the network reads."""
    tokens = bench.tokens()
    read = bench.fill()
    return {
        "parameters": sum(p.numel() for p in bench.verifier.scorer.parameters()),
        "bytes_per_token": read[0].inputs.shape[-1] * read[0].inputs.element_size(),
        "tokens": sum(map(len, tokens)),
        "tokens_read": sum(map(len, read)),
        "path_tokens": sum(len(path) for tree in tokens for path in tree.paths),
    }


def peak(store: Path, name: str, layout: Laid, work: str) -> int:
    """Bytes that a kind of work adds to this process: one update, or scores or features of all trees."""
    bench = Bench(verifier=untrained(NETWORKS[name]), trees=trees_of(store), layout=layout)
    if work == "train":
        return added_bytes(partial(bench.training().run, 1))
    return added_bytes(bench.score if work == "score" else bench.fill)


def in_fresh_process(measure: Callable[[], int]) -> int:
    """What a function finds in a process of its own with as many threads as this one."""
    context = multiprocessing.get_context("spawn")
    threads = torch.get_num_threads()
    with ProcessPoolExecutor(1, context, torch.set_num_threads, (threads,)) as fresh:
        return fresh.submit(measure).result()


def added_bytes(work: Callable[[], Any]) -> int:
    """By how much memory in use is larger at most during some work than before it (on CUDA: of the allocator)."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return torch.cuda.max_memory_allocated() - before
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # else what was freed before is used again and does not count
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forgets the peak so far
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before


def resident(key: str) -> int:
    """Bytes of this process in memory now (VmRSS) or at most so far (VmHWM), as Linux counts them."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key)).split()[1])


def real_networks(backbone: str) -> dict[str, Architecture]:
    """Readers of one layer, of the default's four and of all, and the trunk, on a backbone of many layers."""
    steps = Architecture(backbone=backbone, precision="float32")
    trunk = replace(
        steps, reading="state", trunk_layers=TESTBED_SHAPE.trunk_layers, trunk_width=TESTBED_SHAPE.trunk_width
    )
    one, every = replace(steps, layers=1), replace(steps, layers=1000)
    return {
        "step reader, 1 layer": one,
        "step reader, 4 layers": steps,
        "step reader, all layers": every,
        "trunk, last layer": trunk,
    }


def real(backbone: str, texts: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each network on a real backbone: seconds of scoring some solutions, sizes, peak bytes."""
    trees = recorded(texts)
    shapes = real_networks(backbone)
    of = {name: Bench(verifier=untrained(shape), trees=trees, layout="packed") for name, shape in shapes.items()}
    taken = seconds({(name,): bench.score for name, bench in of.items()}, rounds)
    return [
        {
            "network": name,
            "solutions": texts,
            "seconds": taken[name,],
            "peak_bytes": in_fresh_process(partial(peak_real, backbone, texts, name)),
            **sizes(bench),
        }
        for name, bench in of.items()
    ]


def recorded(texts: int) -> list[Tree]:
    """Some recorded solutions of MATH problems, four of each."""
    _, tested = load_recorded("math-l5", make_grader("exact"))
    return [first_rollouts(tree, 4) for tree in tested.trees[: texts // 4]]


def first_rollouts(tree: Tree, count: int) -> Tree:
    """A tree of the first backbones of another."""
    kept = Tree(problem_id=tree.problem_id, question=tree.question)
    for rollout in tree.backbones[:count]:
        kept.add_path(ROOT, [Step(text=tree.text[n]) for n in tree.path(rollout.leaf)], "stop")
    return kept


def peak_real(backbone: str, texts: int, name: str) -> int:
    """Bytes that scoring the recorded solutions adds to this process."""
    verifier = untrained(real_networks(backbone)[name])
    return added_bytes(Bench(verifier=verifier, trees=recorded(texts), layout="packed").score)


def testbed_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of the testbed in Markdown."""
    header = ["network", "layout", "train s", "score s", "fill s", "ms per update", "train MB", "score MB", "fill MB"]
    header += ["parameters", "feature bytes/token", "tokens read"]
    lines = [
        [
            row["network"],
            row["layout"],
            *(f"{row['seconds_per_1000_trees'][work]:.2f}" for work in WORK),
            f"{1000 * row['seconds_per_update']:.1f}",
            *(f"{row['peak_bytes'][work] / 1e6:,.0f}" for work in WORK),
            f"{row['parameters']:,}",
            f"{row['bytes_per_token']:,}",
            f"{row['tokens_read']:,}",
        ]
        for row in rows
    ]
    return table(header, lines)


def real_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of the real backbone in Markdown; ratios are to the trunk, the last row."""
    header = ["network", "score s", "÷ trunk", "score MB", "parameters", "feature bytes/token"]
    lines = [
        [
            row["network"],
            f"{row['seconds']:.2f}",
            f"{row['seconds'] / rows[-1]['seconds']:.2f}",
            f"{row['peak_bytes'] / 1e6:,.0f}",
            f"{row['parameters']:,}",
            f"{row['bytes_per_token']:,}",
        ]
        for row in rows
    ]
    return table(header, lines)


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--real-rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--quick", action="store_true", help="a rehearsal: few trees, one round, the bundled model only"
    )
    parser.add_argument("--json", type=Path, help="also write the rows here")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rounds, real_rounds = (1, 1) if given.quick else (given.rounds, given.real_rounds)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "trees.db"
        testbed_trees(store, "train", 20 if given.quick else given.trees)
        rows = testbed(store, rounds)
        print(f"bundled model, {rows[0]['trees']} trees with {rows[0]['states']:,} states, {machine()}; seconds per")
        print(f"1,000 trees, medians of {rounds} rounds; {rows[0]['tokens']:,} tokens packed,", end=" ")
        print(f"{rows[0]['path_tokens']:,} on trajectories\n\n{testbed_table(rows)}\n", flush=True)
        backbone = "bundled" if given.quick else real_backbone(Path(folder) / "model").place
        real_rows = real(backbone, REAL_TEXTS, real_rounds)
    print(f"{backbone}, {REAL_TEXTS} recorded solutions, {real_rows[0]['tokens']:,} tokens; medians of {real_rounds}")
    print(f"rounds\n\n{real_table(real_rows)}")
    if given.json:
        write_json({"machine": machine(), "testbed": rows, "real": real_rows}, given.json)


if __name__ == "__main__":
    main()
