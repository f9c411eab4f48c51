"""Group Relative Policy Optimization of a proposer by TRL's ``GRPOTrainer``, on our problems and graders."""

import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from arts.baselines.config import RLConfig
from arts.baselines.metrics import Metrics, row, summary
from arts.baselines.rewards import GraderReward
from arts.baselines.task import PLAN, RECORD, HeldOut, Task, check_place, finished, make_plan
from arts.errors import ModelError, UsageError
from arts.models import resolve_model
from arts.problems.base import Grader, Problem
from arts.proposers.prompt import PromptFormat
from arts.training.trainer import last_checkpoint
from arts.verifiers.modules import best_device

RECIPES: dict[str, dict[str, Any]] = {
    "grpo": {"loss_type": "grpo", "scale_rewards": "group"},
    "dr_grpo": {"loss_type": "dr_grpo", "scale_rewards": "none"},
    "dapo": {
        "loss_type": "dapo",
        "scale_rewards": "group",
        "epsilon_high": 0.28,
        "mask_truncated_completions": True,
    },
}
"""What each recipe is in TRL's words."""
ONLY_TO_RESUME = (
    "optimizer*",
    "scheduler.pt",
    "rng_state*",
    "training_args.bin",
    "global_step*",
    "pytorch_model_fsdp*",
)
"""What a checkpoint holds besides the model; none of it is needed after the end."""


def train_policy(
    task: Task, grader: Grader, config: RLConfig, out: Path, on_progress: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Fine-tune all weights of a model and save it as a Hugging Face folder at ``out``; returns what ``rl.json`` says.

    A run that was killed goes on from its last checkpoint and ends with the same weights as one that was not, on the
    same machine; a finished one is left as it is. Checkpoints stay, as folders ``checkpoint-UPDATE`` that are models.

    Raises:
        UsageError: ``out`` holds another run; the batch does not divide an update; the trainer refuses the settings.
        ModelError: the model cannot be loaded for training.
    """
    plan = make_plan(task, grader.name, config)
    check_place(out, plan)
    done = finished(out)
    if done is not None:
        return done
    process = PartialState(cpu=best_device().type == "cpu")
    arguments = trainer_arguments(
        config, out, max_tokens=task.max_tokens, held_out=task.held_out, processes=process.num_processes
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of TRL, about transformers
        trainer = _trainer(task, grader, arguments, Metrics(out, on_progress))
        out.mkdir(parents=True, exist_ok=True)
        if process.is_main_process:
            (out / PLAN).write_text(plan, encoding="utf-8")
        trainer.train(resume_from_checkpoint=last_checkpoint(out))
    trainer.save_model(str(out))
    rows = [r for r in map(row, trainer.state.log_history) if r]
    record = {"run": json.loads(plan), "versions": _versions(), **summary(rows)}
    if process.is_main_process:
        for folder in (out, *out.glob("checkpoint-*")):
            _keep_the_model(folder)
        (out / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return record


def trainer_arguments(
    config: RLConfig, out: Path, *, max_tokens: int, held_out: HeldOut | None, processes: int
) -> GRPOConfig:
    """The settings in TRL's words.

    Raises:
        UsageError: the batch does not divide an update, or the trainer refuses them.
    """
    recipe = dict(RECIPES[config.recipe])
    if config.clip_high is not None:
        recipe["epsilon_high"] = config.clip_high
    evaluation = {"eval_strategy": "steps", "eval_steps": config.save_updates, "eval_on_start": True}
    samples = held_out.samples if held_out else 1
    accumulation = config.accumulation(processes)
    try:
        return GRPOConfig(
            output_dir=str(out),
            max_steps=config.updates,
            per_device_train_batch_size=config.batch,
            gradient_accumulation_steps=accumulation,
            num_generations=config.group_size,
            num_iterations=config.passes,
            max_completion_length=max_tokens,
            temperature=config.temperature,
            top_p=config.top_p,
            learning_rate=config.learning_rate,
            lr_scheduler_type="constant_with_warmup",
            warmup_steps=config.warmup_updates,
            beta=config.kl,
            epsilon=config.clip_low,
            logging_steps=1,
            save_strategy="steps",
            save_steps=config.save_updates,
            per_device_eval_batch_size=max(1, config.batch // samples) * samples,
            num_generations_eval=samples,
            bf16=config.precision == "bfloat16",
            activation_checkpointing=config.gradient_checkpointing,
            use_vllm=config.vllm,
            vllm_gpu_memory_utilization=config.vllm_memory,
            report_to=config.report_to,
            seed=config.seed,
            disable_tqdm=True,
            use_cpu=best_device().type == "cpu",
            **recipe,
            **(evaluation if held_out else {}),
        )
    except (ValueError, ImportError, RuntimeError) as error:
        raise UsageError(f"these settings cannot be trained with: {' '.join(str(error).split())[:200]}") from error


def _trainer(task: Task, grader: Grader, arguments: GRPOConfig, metrics: Metrics) -> GRPOTrainer:
    policy, tokenizer = _load(task.model)
    chat = task.prompt.style == "chat" or (task.prompt.style == "auto" and bool(tokenizer.chat_template))
    if chat and not tokenizer.chat_template:
        raise ModelError(f"{task.model}: has no chat template; use --prompt.style plain")
    try:
        trainer = GRPOTrainer(
            model=policy,
            reward_funcs=GraderReward(grader, _ends(policy, tokenizer)),
            args=arguments,
            train_dataset=_rows(task.problems, task.prompt, chat),
            eval_dataset=_rows(task.held_out.problems, task.prompt, chat) if task.held_out else None,
            processing_class=tokenizer,
            callbacks=[metrics],
        )
    except (ValueError, ImportError, RuntimeError) as error:
        raise UsageError(f"these settings cannot be trained with: {' '.join(str(error).split())[:200]}") from error
    trainer.remove_callback(PrinterCallback)
    return trainer


def _load(model: str) -> tuple[Any, Any]:
    path = resolve_model(model)
    if path.endswith(".gguf"):
        raise ModelError(f"{model}: a GGUF file cannot be trained; give a model folder or a Hub id")
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left", truncation_side="left")
        policy = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as error:
        detail = " ".join(str(error).split())[:200]
        raise ModelError(f"{model}: cannot be loaded as a causal language model: {detail}") from error
    return policy, tokenizer


def _ends(policy: Any, tokenizer: Any) -> set[int]:
    named = policy.generation_config.eos_token_id
    return {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])} - {None}


def _rows(problems: Sequence[Problem], prompt: PromptFormat, chat: bool) -> Dataset:
    form = prompt.messages if chat else prompt.plain
    return Dataset.from_list([{"prompt": form(p.question), "key": p.answer} for p in problems])


def _keep_the_model(folder: Path) -> None:
    for pattern in ONLY_TO_RESUME:
        for found in folder.glob(pattern):
            shutil.rmtree(found) if found.is_dir() else found.unlink()


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("arts", "trl", "transformers", "torch")}
