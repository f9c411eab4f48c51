"""Group Relative Policy Optimization of a proposer by TRL's ``GRPOTrainer``, on our problems and graders."""

import shutil
import warnings
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from arts.baselines.card import model_card
from arts.baselines.config import RLConfig
from arts.baselines.metrics import DIVERGED, Metrics, record
from arts.baselines.rewards import GraderReward
from arts.baselines.task import CARD, PLAN, RECORD, HeldOut, Record, Task, check_place, finished, make_plan
from arts.config import dump_toml
from arts.documents.data import as_json
from arts.errors import ArtsError, ModelError, UsageError
from arts.files import write_whole
from arts.models import refusal, resolve_model
from arts.problems.base import Grader, Problem
from arts.proposers.chat import opening
from arts.proposers.prompt import PromptFormat
from arts.training.trainer import last_checkpoint
from arts.verifiers.modules import best_device

Told = dict[str, str | float | bool]
"""Arguments of TRL's trainer."""
RECIPES: dict[str, Told] = {
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
ALWAYS: Told = {
    "shuffle_dataset": False,  # see _order
    "lr_scheduler_type": "constant_with_warmup",
    "logging_steps": 1,
    "save_strategy": "steps",
    "ddp_find_unused_parameters": False,
    "disable_tqdm": True,
}
"""What the trainer is told whatever the settings."""
ONLY_TO_RESUME = (
    "optimizer*",
    "scheduler.pt",
    "rng_state*",
    "training_args.bin",
    "pytorch_model_fsdp*",
    "global_step*",
    "zero_to_fp32.py",
    "latest",
)
"""What a checkpoint holds besides the model; none of it is needed after the end."""


class _Trainer(GRPOTrainer):  # type: ignore[misc]
    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None at checkpoints; ours is written at the end, when there is something to say."""


def train_policy(
    task: Task,
    grader: Grader,
    config: RLConfig,
    out: Path,
    on_progress: Callable[[str], None] = lambda line: None,
    *,
    flags: str = "",
) -> Record:
    """Fine-tune all weights of a model and save it as a Hugging Face folder at ``out``; returns what ``rl.json`` says.

    A run that was killed goes on from its last checkpoint and ends with the same weights as one that was not, on the
    same machine and with as many processes; a finished one is left as it is. Checkpoints stay, as folders
    ``checkpoint-UPDATE`` that are models. ``flags`` are the command's, for the model card.

    Raises:
        UsageError: ``out`` holds something else; the settings do not suit one another, the problems or the trainer.
        ModelError: the model cannot be loaded for training.
        ArtsError: training diverges, or leaves the weights in shards.
    """
    plan = make_plan(task, grader.name, config)
    check_place(out, plan)
    if (done := finished(out)) is not None:
        return done
    begun = last_checkpoint(out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of TRL, about transformers
        trainer = _trainer(task, grader, config, out, on_progress)
        trainer.args.eval_on_start &= begun is None
        main = trainer.accelerator.is_main_process
        if main:
            out.mkdir(parents=True, exist_ok=True)
            write_whole(out / PLAN, as_json(plan))
        _train(trainer, begun)
        trainer.save_model(str(out))
    trainer.accelerator.wait_for_everyone()  # each process writes a part of a checkpoint
    made = record(plan, trainer.state.log_history)
    if main:
        _finish(out, made, flags or f"[rl]\n{dump_toml(config)}")
    return made


def trainer_arguments(
    config: RLConfig, out: Path, *, max_tokens: int, held_out: HeldOut | None, processes: int
) -> GRPOConfig:
    """The settings in TRL's words.

    Raises:
        UsageError: the batch does not divide an update, or the trainer refuses them.
    """
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
            warmup_steps=config.warmup_updates,
            beta=config.kl,
            epsilon=config.clip_low,
            save_steps=config.save_updates,
            bf16=config.precision == "bfloat16",
            activation_checkpointing=config.gradient_checkpointing,
            use_vllm=config.vllm,
            vllm_gpu_memory_utilization=config.vllm_memory,
            report_to=config.report_to,
            seed=config.seed,
            use_cpu=best_device().type == "cpu",
            **ALWAYS,
            **_recipe(config),
            **(_evaluation(config, held_out, processes) if held_out else {}),
        )
    except (ValueError, ImportError, RuntimeError) as error:
        raise UsageError(f"these settings cannot be trained with: {' '.join(str(error).split())[:200]}") from error


def _recipe(config: RLConfig) -> Told:
    clip: Told = {} if config.clip_high is None else {"epsilon_high": config.clip_high}
    return {**RECIPES[config.recipe], **clip}


def _evaluation(config: RLConfig, held_out: HeldOut, processes: int) -> Told:
    return {
        "eval_strategy": "steps",
        "eval_steps": config.save_updates,
        "eval_on_start": True,
        "num_generations_eval": held_out.samples,
        "per_device_eval_batch_size": config.held_out_batch(len(held_out.problems), held_out.samples, processes),
    }


def _trainer(
    task: Task, grader: Grader, config: RLConfig, out: Path, on_progress: Callable[[str], None]
) -> GRPOTrainer:
    processes = PartialState(cpu=best_device().type == "cpu").num_processes
    arguments = trainer_arguments(config, out, max_tokens=task.max_tokens, held_out=task.held_out, processes=processes)
    order = _order(len(task.problems), config)
    policy, tokenizer = _load(task.model)
    context = getattr(policy.config.get_text_config(), "max_position_embeddings", None)
    if context is not None and task.max_tokens >= context:
        raise UsageError(
            f"solutions of {task.max_tokens} tokens do not fit the model's {context}; use a smaller --max-tokens"
        )
    chat = task.prompt.style == "chat" or (task.prompt.style == "auto" and bool(tokenizer.chat_template))
    if chat and not tokenizer.chat_template:
        raise ModelError(f"{task.model}: has no chat template; use --prompt.style plain")
    if chat:
        opening(tokenizer, task.prompt.messages(task.problems[0].question), task.model)
    try:
        trainer = _Trainer(
            model=policy,
            reward_funcs=GraderReward(grader, _ends(policy, tokenizer)),
            args=arguments,
            train_dataset=_rows(task.problems, task.prompt, chat).select(order),
            eval_dataset=_rows(task.held_out.problems, task.prompt, chat) if task.held_out else None,
            processing_class=tokenizer,
            callbacks=[Metrics(out, on_progress)],
        )
    except (ValueError, ImportError, RuntimeError) as error:
        raise UsageError(f"these settings cannot be trained with: {' '.join(str(error).split())[:200]}") from error
    trainer.remove_callback(PrinterCallback)
    return trainer


def _order(count: int, config: RLConfig) -> list[int]:
    """The problem of every group of the run: shuffled anew each time round, without what does not fill an update.

    TRL would shuffle in the same order, but begin at the first one again in a run that is taken up.
    """
    if count < config.problems_per_update:
        raise UsageError(
            f"an update needs {config.problems_per_update} problems and there are {count}; use a smaller"
            " --rl.problems-per-update"
        )
    groups = ceil(config.updates / config.passes) * config.problems_per_update
    generator, order = torch.Generator().manual_seed(config.seed), list[int]()
    while len(order) < groups:
        order += torch.randperm(count, generator=generator).tolist()[: count - count % config.problems_per_update]
    return order[:groups]


def _train(trainer: GRPOTrainer, begun: str | None) -> None:
    try:
        trainer.train(resume_from_checkpoint=begun)
    except RuntimeError as error:
        if "probability tensor" not in str(error):
            raise
        what = "the policy's probabilities are not numbers"
        raise ArtsError(DIVERGED.format(what=what, update=trainer.state.global_step)) from error


def _load(model: str) -> tuple[Any, Any]:
    path = resolve_model(model)
    if path.endswith(".gguf"):
        raise ModelError(f"{model}: a GGUF file cannot be trained; give a model folder or a Hub id")
    if path.startswith(("/", ".", "~")) and not Path(path).is_dir():
        raise ModelError(f"{model}: no such model; give an existing folder or a Hub id")
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            path, trust_remote_code=False, padding_side="left", truncation_side="left"
        )
        policy = AutoModelForCausalLM.from_pretrained(path, trust_remote_code=False, dtype=torch.float32)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{model}: cannot be loaded as a causal language model: {refusal(error)}") from error
    return policy, tokenizer


def _ends(policy: Any, tokenizer: Any) -> set[int]:
    named = policy.generation_config.eos_token_id
    return {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])} - {None}


def _rows(problems: Sequence[Problem], prompt: PromptFormat, chat: bool) -> Dataset:
    form = prompt.messages if chat else prompt.plain
    return Dataset.from_list([{"prompt": form(p.question), "key": p.answer} for p in problems])


def _finish(out: Path, made: Record, flags: str) -> None:
    if not any(out.glob("*.safetensors")):
        raise ArtsError(
            f"{out}: the weights are there in shards only; let accelerate gather them (fsdp_state_dict_type:"
            " FULL_STATE_DICT, or zero3_save_16bit_model: true) and run the same command again"
        )
    for folder in (out, *out.glob("checkpoint-*")):
        for pattern in ONLY_TO_RESUME:
            for found in folder.glob(pattern):
                shutil.rmtree(found) if found.is_dir() else found.unlink()
    write_whole(out / CARD, model_card(out.name, made, flags))
    write_whole(out / RECORD, as_json(made))
