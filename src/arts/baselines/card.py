"""The model card of a policy: what it was made from, how, and what came of it."""

from arts.baselines.task import Measured, Record
from arts.text import LONGEST_NAME, code_span, markdown


def model_card(name: str, record: Record, flags: str) -> str:
    """Markdown from what ``rl.json`` says and the flags (TOML) that make the model again."""
    run = record.run
    model, grader = (code_span(name, LONGEST_NAME) for name in (run.model, run.grader))
    rates = "".join(f"| {update} | {rate:.1%} |\n" for update, rate in record.held_out_pass_rate.items())
    versions = ", ".join(f"{library} {version}" for library, version in record.versions.items())
    return (
        f"# {markdown(name)}\n\n"
        f"{model} after reinforcement learning from verifiable rewards: all weights, by `arts rl` with TRL's\n"
        f"`GRPOTrainer`, recipe `{run.settings.recipe}`.\n\n"
        f"- learned from: {run.problems}, in solutions of at most {run.max_tokens} tokens\n"
        f"- reward: 1 where the grader {grader} says correct; 0 otherwise and where the limit cut it\n"
        f"- spent: {record.updates} updates, {record.tokens:,.0f} tokens (prompts and solutions),"
        f" {record.seconds:.0f} s of drawing, grading and gradients\n"
        f"- versions: {versions}\n"
        "- every update: `metrics.jsonl`; models on the way: `checkpoint-UPDATE`\n\n"
        + (_held_out(run.held_out) + rates + "\n" if run.held_out else "")
        + f"## Settings\n\n`arts rl --config FILE` with this file does it again:\n\n```toml\n{flags}```\n"
    )


def _held_out(measured: Measured) -> str:
    return (
        f"## Held-out problems\n\n{measured.samples} solution(s) of each of {measured.problems}:\n\n"
        "| update | pass rate |\n|---|---|\n"
    )
