"""Replay of docs/real-llm.md without the LLM: train verifiers on the recorded trees, evaluate on the recorded samples.

Needs `arts models fetch smollm2-135m` once. The backbone's features are computed once and shared by all verifiers:
four objectives, three seeds each. Settings were fixed before the test samples were looked at.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from arts.evaluation.evaluate import evaluate_trees
from arts.evaluation.report import write_report
from arts.problems.base import Problem
from arts.problems.graders import make_grader
from arts.training.config import TrainConfig
from arts.training.fit import train_verifier
from arts.training.objectives import OBJECTIVES
from arts.trees.exchange import import_trees
from arts.trees.tree import Tree
from arts.verifiers.features import FeatureCache
from arts.verifiers.load import load_verifier
from arts.verifiers.modules import Architecture, load_feature_model

RECORDED = Path(__file__).parent / "recorded"
SHAPE = Architecture(backbone="smollm2-135m", mode="frozen", trunk_layers=0, trunk_width=128, max_tokens=512)
SEEDS = (0, 1, 2)
KS = (2, 4, 8)


def recorded(split: str, folder: Path) -> tuple[list[Problem], list[Tree]]:
    """The recorded problems of a split and their trees."""
    with import_trees(RECORDED / f"qwen_svamp_{split}.jsonl.gz", folder / f"{split}.db") as store:
        return store.problems(), list(store.trees())


def main() -> None:
    """Write one report per seed, and print accuracy at the largest N with its difference to majority."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/real-llm"))
    out: Path = parser.parse_args().out
    features = FeatureCache(load_feature_model(SHAPE), keep=True)
    with tempfile.TemporaryDirectory() as folder:
        _, training = recorded("train", Path(folder))
        problems, trees = recorded("test", Path(folder))
        for seed in SEEDS:
            verifiers = [load_verifier("likelihood"), load_verifier("length")]
            for objective in OBJECTIVES:
                config = TrainConfig(objective=objective, learning_rate=1e-3, epochs=10, seed=seed)
                target = Path(folder) / f"{objective}-{seed}"
                verifiers.append(train_verifier(training, SHAPE, config, target, features=features))
            about = {"command": "python benchmarks/real_llm.py", "seed": seed, "training problems": len(training)}
            result = evaluate_trees(problems, trees, verifiers, make_grader("math"), ks=KS, seed=seed, about=about)
            write_report(result, out / f"seed-{seed}")
    summarise([json.loads((out / f"seed-{seed}" / "report.json").read_text(encoding="utf-8")) for seed in SEEDS])


def summarise(results: list[dict[str, dict[str, dict[str, dict[str, dict[str, float]]]]]]) -> None:
    """One Markdown row per method: mean accuracy over the seeds, and each seed's difference to majority."""
    top = str(max(KS))
    print(f"| method | N = {top} | − majority, one column per seed | | |\n|---|---|---|---|---|")
    for name in results[0]["methods"]:
        rows = [r["methods"][name] for r in results]
        accuracy = 100 * np.mean([row["accuracy"][top]["value"] for row in rows])
        differences = [row["minus_majority"] for row in rows]
        cells = [f"{100 * d['value']:+.1f} [{100 * d['low']:+.1f}, {100 * d['high']:+.1f}]" for d in differences]
        print(f"| {name} | {accuracy:.1f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
