"""What a model does on the test problems, as arrays: samples, and the exact probabilities of given solutions."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _study import Arrays, Floats, testbed_trees
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

from arts.evaluation.candidates import Candidates, collect
from arts.models import resolve_model
from arts.problems.graders import make_grader
from arts.proposers.base import Sampling
from arts.proposers.prompt import PromptFormat
from arts.testbed.congruences import strategy_of
from arts.testbed.measure import SAMPLING
from arts.trees.store import TreeStore

BATCH = 512
POLICY = replace(SAMPLING, top_p=1.0)
"""The policy itself, which GRPO draws from and updates."""
NUCLEUS = SAMPLING
"""Top-p 0.95: what is improbable is never drawn. A policy that RL has made sure of itself loses more by that."""


def sampled(model: str, store: Path, *, problems: int, n: int, seed: int, sampling: Sampling = POLICY) -> None:
    """Bring a store of ``n`` independent solutions of each of the first test problems to its full size.

    Two models need two seeds to be independent of each other: with one they draw alike as far as they are alike.
    """
    testbed_trees(store, "test", problems, model=model, n=n, fork_probability=0.0, sampling=sampling, seed=seed)


def candidates(store: Path, n: int) -> Candidates:
    """The samples of a store, graded and in classes of equal answers."""
    grader = make_grader("exact")
    with TreeStore.open(store) as opened:
        return collect(opened.problems(), list(opened.trees()), n, grader)


def arrays(found: Candidates) -> Arrays:
    """Everything of P x N samples that the results are made of.

    ``strategy`` is the kinds of moves in order of first use, ``text`` a number that equal solutions share.
    """
    texts = [[t.solution(int(leaf)) for leaf in row] for t, row in zip(found.trees, found.leaves, strict=True)]
    return {
        "problem": np.array([p.id for p in found.problems]),
        "level": np.array([p.level for p in found.problems]),
        "correct": found.correct,
        "classes": found.classes,
        "strategy": np.array([[strategy_of(text) for text in row] for row in texts]),
        "text": np.array([[_number(text) for text in row] for row in texts]),
        "tokens": np.array([[r.tokens for r in t.backbones[: found.n]] for t in found.trees]),
    }


def correct_traces(found: Candidates) -> Arrays:
    """The different correct solutions among the samples, and how often each was drawn."""
    rows = []
    for index, (problem, tree) in enumerate(zip(found.problems, found.trees, strict=True)):
        right = [int(leaf) for leaf, good in zip(found.leaves[index], found.correct[index], strict=True) if good]
        drawn = {leaf: right.count(leaf) for leaf in right}
        rows += [(index, problem.question, tree.solution(leaf), count) for leaf, count in drawn.items()]
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return {
        "problem": np.array(columns[0], dtype=np.int64),
        "question": np.array(columns[1], dtype=str),
        "solution": np.array(columns[2], dtype=str),
        "drawn": np.array(columns[3], dtype=np.int64),
    }


@torch.inference_mode()
def log_probabilities(model: str, traces: Mapping[str, NDArray[Any]]) -> Floats:
    """Log-probability in nats of each solution, its end mark included, at temperature 1 and without truncation."""
    folder = resolve_model(model)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    network = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False).eval()
    prompt = PromptFormat()
    opening = [tokenizer(prompt.plain(str(q)))["input_ids"] for q in traces["question"]]
    whole = [
        [*tokenizer(prompt.plain(str(q)) + str(s))["input_ids"], tokenizer.eos_token_id]
        for q, s in zip(traces["question"], traces["solution"], strict=True)
    ]
    order = np.argsort([len(ids) for ids in whole], kind="stable")
    out = np.zeros(len(whole))
    for start in range(0, len(order), BATCH):
        part = order[start : start + BATCH]
        out[part] = _batch(network, [whole[i] for i in part], [len(opening[i]) for i in part], tokenizer.pad_token_id)
    return out


def _batch(network: Any, rows: Sequence[list[int]], skipped: Sequence[int], pad: int) -> Floats:
    width = max(map(len, rows))
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
    logprobs = network(input_ids=ids).logits[:, :-1].float().log_softmax(-1)
    drawn = logprobs.gather(2, ids[:, 1:, None])[..., 0]
    place = torch.arange(1, width)[None]
    first, last = torch.tensor(skipped)[:, None], torch.tensor([len(row) for row in rows])[:, None]
    return np.asarray((drawn * ((place >= first) & (place < last))).sum(1).double())


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
