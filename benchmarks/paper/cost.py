"""What the paper's configuration would cost on a GPU: an estimate, with its arithmetic. Nothing of it was measured."""

import gzip
import json
from pathlib import Path
from statistics import mean

from _page import table
from paper.paper_steps import HERE, grid, read_toml

from arts.trees.splitting import SPLITTERS

RECORDED = HERE.parent / "recorded"
SOLUTIONS = ("math500_qwen1.5b_prm.jsonl.gz", "math_qwen_rm.jsonl.gz")
"""Recorded solutions of Qwen2.5 models to MATH problems: how long they are, and how many paragraphs they have."""
CHARACTERS_PER_TOKEN = 2.5
"""Assumed of mathematics in LaTeX under Qwen's tokenizer."""
TRAIN_PROBLEMS, TEST_PROBLEMS = 7500, 500
TOKENS_PER_S = 10_000
"""Assumed: drawn by vLLM on one H100, 7B parameters in bf16, 256 requests at once, log-probabilities on."""
PARAMETERS_G = 1.5
LEARNING, READING = 4, 2
"""Operations per parameter and token. Learning: forward, and the gradients of activations; the weights are frozen."""
OPERATIONS_T = 300
"""Assumed: tera-operations per second, 30 % of what an H100 promises in dense bf16."""
Line = tuple[str, str, str]


def cost_table() -> str:
    """The arithmetic, line by line, as Markdown."""
    characters, depth = recorded()
    length = characters / CHARACTERS_PER_TOKEN
    sampling = read_toml(HERE / "trees.toml")
    epochs = read_toml(HERE / "verifier.toml")["training"]["epochs"]
    drawn, tokens = drawing(length, depth, sampling["n"], sampling["fork_probability"])
    first = (
        "a solution",
        f"{characters:,.0f} characters (recorded) / {CHARACTERS_PER_TOKEN} (assumed)",
        f"{length:,.0f} tokens",
    )
    return table(("", "", ""), [first, *drawn, *learning(tokens, epochs, TEST_PROBLEMS * sampling["n"] * length)])


def drawing(length: float, depth: float, n: int, p: float) -> tuple[list[Line], float]:
    """Drawing trees and samples; and the tokens of all trees."""
    forks = p * (depth - 1)
    tree = n * length * (1 + forks / 2)
    trees, samples = TRAIN_PROBLEMS * tree, 2 * TEST_PROBLEMS * n * length
    hours = (trees + samples) / TOKENS_PER_S / 3600
    lines = [
        ("its forks", f"{p} × ({depth:.1f} paragraphs (recorded) − 1)", f"{forks:.1f}, half as long"),
        ("a tree", f"{n} × {length:,.0f} × (1 + {forks:.1f} / 2)", f"{tree:,.0f} tokens"),
        ("all trees", f"{TRAIN_PROBLEMS:,} × {tree:,.0f}", _millions(trees)),
        ("test samples of both models", f"2 × {TEST_PROBLEMS} × {n} × {length:,.0f}", _millions(samples)),
        (
            "**drawing**",
            f"{_millions(trees + samples)} / {TOKENS_PER_S:,} per second (assumed)",
            f"**{hours:.1f} GPU hours**",
        ),
    ]
    return lines, trees


def learning(tokens: float, epochs: float, samples: float) -> list[Line]:
    """Training all verifiers on the tokens of all trees, and reading the samples with them."""
    verifiers = len(grid())
    one, reading = (
        operations * PARAMETERS_G * count / (1000 * OPERATIONS_T) / 3600
        for operations, count in ((LEARNING, tokens * epochs), (READING, samples * verifiers))
    )
    rate = f"{OPERATIONS_T} T per second (assumed)"
    each = f"{PARAMETERS_G} G parameters"
    return [
        (
            "one verifier",
            f"{LEARNING} × {each} × {_millions(tokens)} × {epochs:g} epoch / {rate}",
            f"{one:.1f} GPU hours",
        ),
        ("**training**", f"{verifiers} × {one:.1f}", f"**{verifiers * one:.0f} GPU hours**"),
        (
            "**scoring**",
            f"{READING} × {each} × {_millions(samples)} × {verifiers} / {rate}",
            f"**{reading:.1f} GPU hours**",
        ),
    ]


def recorded() -> tuple[float, float]:
    """Characters and paragraphs of a recorded solution, mean of the files' means."""
    found = [_texts(RECORDED / name) for name in SOLUTIONS]
    cut = SPLITTERS["paragraph"]
    return mean(mean(map(len, texts)) for texts in found), mean(mean(len(cut(t)) for t in texts) for texts in found)


def _texts(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [sample["text"] for line in lines for sample in json.loads(line)["samples"]]


def _millions(tokens: float) -> str:
    return f"{tokens / 1e6:,.0f} M tokens"
