"""Fitting a verifier to trees through ``transformers.Trainer``."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerState, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from arts.config import require_at_least
from arts.errors import UsageError
from arts.problems.base import Verdict
from arts.training.batches import Example, collate, labelled_nodes, make_example
from arts.training.objectives import OBJECTIVES, ObjectiveName
from arts.trees.tree import Tree
from arts.verifiers.checkpoint import CONFIG, SavedVerifier, save_checkpoint
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import Architecture, Scorer, best_device, load_feature_model, load_tokenizer, make_scorer
from arts.verifiers.neural import NeuralVerifier

PLAN = "plan.json"
"""In a checkpoint folder: what is trained there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """What decides a verifier besides the trees and its architecture."""

    objective: ObjectiveName = "rfm"
    leaf_weight: float = 1.0
    """λ: weight of the terminal part of rfm."""
    learning_rate: float = 2e-4
    epochs: float = 3.0
    trees_per_batch: int = 8
    accumulate: int = 1
    """Batches per update."""
    warmup_ratio: float = 0.05
    weight_decay: float = 0.01
    held_out: float = 0.0
    """Share of the problems kept out of training; the weights with the least loss on them are kept."""
    save_updates: int = 200
    """Updates between checkpoints; a killed run resumes from the last one."""
    report_to: str = "none"
    """Where the Trainer logs: none, tensorboard, wandb, …"""
    seed: int = 0

    def __post_init__(self) -> None:
        require_at_least(self, 1, "trees_per_batch", "accumulate", "save_updates")
        require_at_least(self, 0, "seed", "leaf_weight", "warmup_ratio", "weight_decay")
        for name in ("learning_rate", "epochs"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}; use more than 0")
        if not 0 <= self.held_out < 1:
            raise UsageError(f"held_out is {self.held_out}; use a share in [0, 1)")


def check_trees(trees: Sequence[Tree], config: TrainConfig) -> None:
    """Refuse what cannot teach this objective.

    Raises:
        UsageError: no labelled rollout at all, or, for ``rm``, no problem with both correct and incorrect ones.
    """
    verdicts = [{o.verdict for o in t.outcomes.values()} - {Verdict.UNGRADED} for t in trees]
    if not any(verdicts):
        raise UsageError("no graded rollout in this store; sample more or check the grader with 'arts problems check'")
    if config.objective == "rm" and not any(len(v) == 2 for v in verdicts):
        raise UsageError("objective rm needs a problem with correct and incorrect solutions, this store has none")


def train_verifier(
    trees: Sequence[Tree],
    shape: Architecture,
    config: TrainConfig,
    out: Path,
    *,
    name: str | None = None,
    features: FeatureCache | None = None,
    about: dict[str, Any] | None = None,
    on_progress: Callable[[str], None] = lambda line: None,
) -> NeuralVerifier:
    """Train on whole trees and save a checkpoint folder at ``out``; resumes when ``out`` holds an unfinished run.

    ``features`` may be shared between the verifiers of one frozen backbone; they are computed once. ``about``
    is added to what the checkpoint says of its training. ``on_progress`` gets a line at every logged loss.

    Raises:
        UsageError: ``out`` holds a finished verifier or a run with other settings or trees; the trees cannot teach.
        ModelError: the backbone cannot be loaded.
    """
    held_trees, trees = _split(trees, config)
    spec = OBJECTIVES[config.objective]
    plan = _plan(held_trees, trees, shape, config)
    _check_place(out, plan)
    set_seed(config.seed)
    tokenizer = load_tokenizer(shape.backbone)
    if shape.mode == "frozen" and features is None:
        features = FeatureCache(load_feature_model(shape.backbone), keep=True)
    held, examples = (
        [make_example(t, tokenizer, shape.max_tokens, features) for t in part] for part in (held_trees, trees)
    )
    scorer = make_scorer(shape)
    out.mkdir(parents=True, exist_ok=True)
    (out / PLAN).write_text(plan, encoding="utf-8")
    try:
        arguments = _arguments(config, out, evaluate=bool(held))
    except (ValueError, ImportError) as error:
        raise UsageError(f"these settings cannot be trained with: {' '.join(str(error).split())[:200]}") from error
    trainer = _ObjectiveTrainer(
        model=scorer,
        args=arguments,
        train_dataset=_Trees(examples),
        eval_dataset=_Trees(held) if held else None,
        data_collator=collate,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_Progress(on_progress))
    trainer.objective, trainer.leaf_weight = spec.loss, config.leaf_weight
    result = trainer.train(resume_from_checkpoint=get_last_checkpoint(str(out)))
    metrics = {"training_loss": float(result.training_loss), "updates": float(result.global_step)}
    if held:
        metrics["held_out_loss"] = float(trainer.evaluate()["eval_loss"])
    saved = SavedVerifier(
        name=name or config.objective,
        unit=spec.unit,
        architecture=shape,
        training={**asdict(config), "trees": len(trees), "held_out_trees": len(held_trees), **(about or {})},
        metrics=metrics,
    )
    save_checkpoint(out, saved, scorer)
    for leftover in out.glob("checkpoint-*"):
        shutil.rmtree(leftover)
    return NeuralVerifier(saved.name, saved.unit, shape, scorer, features)


def is_finished(out: Path) -> bool:
    """True when ``out`` holds a complete checkpoint."""
    return (out / CONFIG).is_file()


def check_same(out: Path, shape: Architecture, config: TrainConfig) -> None:
    """Refuse settings that are not those of the training run at ``out``.

    Raises:
        UsageError: they differ.
    """
    wanted = json.loads(json.dumps({"architecture": asdict(shape), "config": asdict(config)}))
    known = json.loads((out / PLAN).read_text(encoding="utf-8")) if (out / PLAN).is_file() else {}
    if any(key in known and known[key] != value for key, value in wanted.items()):
        raise UsageError(f"{out}: was trained with other settings; use the same ones or another --out")


def _split(trees: Sequence[Tree], config: TrainConfig) -> tuple[list[Tree], list[Tree]]:
    """Held-out trees and training trees, those without a label left out."""
    labelled = [t for t in trees if labelled_nodes(t)]
    held = round(len(labelled) * config.held_out)
    if config.held_out and not 0 < held < len(labelled):
        raise UsageError(
            f"held_out {config.held_out} of {len(labelled)} trees is {held}; change it so that some are held out and"
            " some are left to train on"
        )
    check_trees(labelled[held:], config)
    return labelled[:held], labelled[held:]


def _plan(held: Sequence[Tree], trees: Sequence[Tree], shape: Architecture, config: TrainConfig) -> str:
    """What a run is, to be compared before it is resumed: settings and a fingerprint of the trees."""
    seen = hashlib.blake2b(digest_size=8)
    for tree in [*held, *trees]:
        labels = sorted((node, o.verdict.value) for node, o in tree.outcomes.items())
        seen.update(repr((tree.problem_id, tree.parent, tree.text, labels)).encode())
    plan = {"architecture": asdict(shape), "config": asdict(config), "trees": seen.hexdigest()}
    return json.dumps(plan, sort_keys=True)


def _check_place(out: Path, plan: str) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; give a folder as --out")
    if is_finished(out):
        raise UsageError(f"{out}: holds a finished verifier; use another --out to train again")
    begun = out / PLAN
    if begun.is_file() and begun.read_text(encoding="utf-8") != plan:
        raise UsageError(f"{out}: holds a run with other settings or trees; use the same ones or another --out")


def _arguments(config: TrainConfig, out: Path, *, evaluate: bool) -> TrainingArguments:
    per_epoch = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}
    regular = {"save_strategy": "steps", "save_steps": config.save_updates}
    return TrainingArguments(
        output_dir=str(out),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.trees_per_batch,
        per_device_eval_batch_size=config.trees_per_batch,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=config.warmup_ratio,
        weight_decay=config.weight_decay,
        logging_steps=50,
        save_total_limit=2,
        seed=config.seed,
        report_to=config.report_to,
        remove_unused_columns=False,
        label_names=[],
        disable_tqdm=True,
        use_cpu=best_device().type == "cpu",
        bf16=best_device().type == "cuda",
        dataloader_pin_memory=best_device().type == "cuda",
        **(per_epoch if evaluate else regular),
    )


class _Trees(torch.utils.data.Dataset[Example]):
    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Example:
        return self._examples[index]


class _Progress(TrainerCallback):  # type: ignore[misc]
    """One line whenever there is a loss."""

    def __init__(self, on_progress: Callable[[str], None]) -> None:
        self._on_progress = on_progress

    def on_log(
        self, args: Any, state: TrainerState, control: Any, logs: dict[str, float] | None = None, **kwargs: Any
    ) -> None:
        losses = {k: v for k, v in (logs or {}).items() if k in ("loss", "eval_loss")}
        for name, value in losses.items():
            self._on_progress(f"update {state.global_step}/{state.max_steps}: {name} {value:.4f}")


class _ObjectiveTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose loss is one of ours."""

    objective: Any
    leaf_weight: float

    def compute_loss(
        self, model: Scorer, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        nodes = inputs["nodes"].to(inputs["rows"].device)
        scores = model(inputs["inputs"], inputs["rows"], inputs["columns"])
        loss = self.objective(scores.float(), nodes, self.leaf_weight).value
        return (loss, {"scores": scores}) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None) -> Any:
        """Held-out loss only: node scores of trees have no common shape to gather."""
        with torch.no_grad():
            loss = self.compute_loss(model, self._prepare_inputs(inputs))
        return loss.detach(), None, None
