"""Public result files of a model before and after reinforcement learning, on the same problems."""

from collections.abc import Sequence
from dataclasses import dataclass

from _public import PROBE, ZEROEVAL, Repository


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two files of a repository; ``stated`` are the authors' pass@k in percent, base and RL, by k, and ``where``."""

    name: str
    models: str
    problems: str
    repository: Repository
    base: str
    rl: str
    stated: dict[int, tuple[float, float]]
    where: str
    said: str

    @property
    def command(self) -> str:
        """As somebody types it in the clone."""
        return f"arts squeeze diagnose {self.base} {self.rl}"


SMALL = "Qwen2.5-1.5B after SFT → after PPO on verifiable rewards"
LARGE = "Meta-Llama-3-70B-Instruct → Athene-70B, the same after RLHF"
PAIRS: Sequence[Pair] = (
    Pair(
        name="1.5B, 1,024 tokens",
        models=SMALL,
        problems="30 of GSM8K, 8 samples, temperature 1, up to 1,024 tokens",
        repository=PROBE,
        base="results_1024_cuda/sft_raw.jsonl",
        rl="results_1024_cuda/rl_raw.jsonl",
        stated={1: (56.25, 72.92), 8: (93.33, 90.0)},
        where="results_1024_cuda/summary.json",
        said="16 problems sharpened, 1 newly solved, 5 worse, 8 unchanged",
    ),
    Pair(
        name="1.5B, 2,048 tokens",
        models=SMALL,
        problems="the same 30, 8 samples, temperature 1, up to 2,048 tokens",
        repository=PROBE,
        base="results_2048_batched/sft_raw.jsonl",
        rl="results_2048_batched/rl_raw.jsonl",
        stated={1: (55.4, 72.9)},
        where="README.md",
        said="RL ahead by 17.5 points at pass@1 and by 3.3 at pass@8; summary.txt, from before they scored anew, has"
        " 53.3 → 70.0 and 86.7 → 90.0",
    ),
    Pair(
        name="70B, GSM8K",
        models=LARGE,
        problems="1,319 of GSM8K, one greedy sample",
        repository=ZEROEVAL,
        base="result_dirs/gsm/Meta-Llama-3-70B-Instruct.json",
        rl="result_dirs/gsm/Athene-70B.json",
        stated={1: (93.03, 86.66)},
        where="result_dirs/gsm.summary.md",
        said="two lines of a table of models",
    ),
    Pair(
        name="70B, MATH level 5",
        models=LARGE,
        problems="721 of MATH, level 5, one greedy sample",
        repository=ZEROEVAL,
        base="result_dirs/math-l5/Meta-Llama-3-70B-Instruct.json",
        rl="result_dirs/math-l5/Athene-70B.json",
        stated={1: (25.1, 20.67)},
        where="result_dirs/math-l5.summary.md",
        said="two lines of a table of models",
    ),
)
