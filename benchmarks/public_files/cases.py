"""One public file for each kind of log: where it is, how it is read, what its authors say of it, why ours differs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from _public import INSPECT, MR_GSM8K, PROBE, QWEN_MATH, ZEROEVAL, Repository

from arts.logs.formats import Fields

STEPS = Fields(
    problem="question",
    key="ground_truth_answer",
    text="model_output_steps",
    correct="model_output_answer_correctness",
    id="uuid",
)
QWEN = Fields(problem="question", key="gt", text="code", correct="score", id="idx")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file. ``stated`` is the authors' accuracy in percent and where they say it; None: only by their verdicts."""

    kind: str
    what: str
    repository: Repository
    path: str
    fields: Fields = field(default_factory=Fields)
    stated: tuple[float, str] | None = None
    why: str

    @property
    def flags(self) -> str:
        """The flags of a command that reads it."""
        named = ((n, getattr(self.fields, n)) for n in self.fields.__dataclass_fields__)
        return " ".join(f"--log.fields.{name} {path}" for name, path in named if path)


CASES: Sequence[Case] = (
    Case(
        kind="JSON array, a list of one text a row",
        what="GSM8K, Meta-Llama-3.1-8B-Instruct, greedy",
        repository=ZEROEVAL,
        path="result_dirs/gsm/Meta-Llama-3.1-8B-Instruct.json",
        stated=(84.0, "result_dirs/gsm.summary.md"),
        why="Answers are fields of JSON in the text; where the object is cut off or broken, the two read differently",
    ),
    Case(
        kind="the same",
        what="MATH level 5, Meta-Llama-3.1-8B-Instruct, greedy",
        repository=ZEROEVAL,
        path="result_dirs/math-l5/Meta-Llama-3.1-8B-Instruct.json",
        stated=(22.19, "result_dirs/math-l5.summary.md"),
        why="As above; theirs compares spellings and numbers, ours expressions",
    ),
    Case(
        kind="JSON Lines, lists of 8 texts and verdicts a row",
        what="MATH, a Qwen2.5-Math instruct model",
        repository=QWEN_MATH,
        path="evaluation/data/eval_rm_maj_example/math_cot_100.jsonl",
        fields=QWEN,
        why="Right answers that their comparison calls wrong: 10000 for 10{,}000",
    ),
    Case(
        kind="JSON Lines, a list of 8 objects a row",
        what="GSM8K, a Qwen2.5-1.5B after SFT, up to 2,048 tokens",
        repository=PROBE,
        path="results_2048_batched/sft_raw.jsonl",
        stated=(55.4, "README.md"),
        why="One text that ends at the token limit: theirs takes an earlier number for the answer",
    ),
    Case(
        kind="the same",
        what="GSM8K, the same model after PPO, up to 2,048 tokens",
        repository=PROBE,
        path="results_2048_batched/rl_raw.jsonl",
        stated=(72.9, "README.md"),
        why="",
    ),
    Case(
        kind="the same",
        what="GSM8K, the model after SFT, up to 1,024 tokens",
        repository=PROBE,
        path="results_1024_cuda/sft_raw.jsonl",
        stated=(56.25, "results_1024_cuda/summary.json"),
        why="Texts that end at the token limit: theirs takes the last number or an earlier box for the answer",
    ),
    Case(
        kind="JSON array, a list of steps a row",
        what="GSM8K and variants of it, MetaMath-7B",
        repository=MR_GSM8K,
        path="eval_results/gpt4-grading/llama2_70b_eval_results.json",
        fields=STEPS,
        why="Three keys are a line of the prompt, no answer; two verdicts contradict the last line of the solution",
    ),
    Case(
        kind="inspect_ai, .eval",
        what="yes-or-no questions, gpt-4o-mini",
        repository=INSPECT,
        path="tests/scorer/logs/2025-02-11T15-18-04-05-00_popularity_mj7khqpMM4GBCfVQozKgzB.eval",
        why="",
    ),
    Case(
        kind="inspect_ai, .json",
        what="yes-or-no questions, gpt-4o-mini",
        repository=INSPECT,
        path="tests/analysis/test_logs/2025-05-12T20-28-13-04-00_popularity.json",
        why="",
    ),
)
