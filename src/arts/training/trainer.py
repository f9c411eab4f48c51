"""The ``transformers.Trainer`` that minimises one of our objectives over batches of whole trees."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from arts.errors import UsageError
from arts.training.batches import Batch
from arts.training.config import TrainConfig
from arts.training.objectives.base import Objective
from arts.verifiers.modules import Scorer, backbone_weights, best_device

STATE = "trainer_state.json"
"""What the Trainer writes last into a checkpoint."""
REPORT_EVERY = 50
"""Updates between two lines of progress."""


class ObjectiveTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose loss is one of ours: the mean over the trees of a batch.

    Therefore accumulation, more processes and larger batches of the same trees all give the same gradient, as long as
    the parts are of equal size.
    """

    loss_is_scaled_for_ga = False

    def __init__(
        self,
        objective: Objective,
        on_progress: Callable[[str], None],
        save_updates: int,
        backbone_rate: float,
        **given: Any,
    ) -> None:
        super().__init__(**given)
        self._objective, self._backbone_rate = objective, backbone_rate
        self.remove_callback(PrinterCallback)
        self.add_callback(_Progress(on_progress))
        self.add_callback(_SaveEvery(save_updates))

    def create_optimizer(self, model: Any = None) -> Any:
        """The Trainer's optimizer, with a rate of its own for the weights of a backbone."""
        optimizer = super().create_optimizer(model)
        slow = {id(weight) for weight in backbone_weights(self.model)}
        groups = optimizer.param_groups
        for group in list(groups):
            of_backbone = [weight for weight in group["params"] if id(weight) in slow]
            group["params"] = [weight for weight in group["params"] if id(weight) not in slow]
            if of_backbone:
                groups.append({**group, "params": of_backbone, "lr": self._backbone_rate})
        groups[:] = [group for group in groups if group["params"]]
        return optimizer

    def compute_loss(
        self, model: Scorer, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The objective's loss of a batch, a scalar."""
        scores = model(inputs["batch"].to(self.args.device))
        loss = self._objective(scores.float(), inputs["nodes"].to(self.args.device)).value
        return (loss, {"scores": scores}) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None) -> Any:
        """Held-out loss only: node scores of trees have no common shape to gather."""
        with torch.no_grad():
            loss: Tensor = self.compute_loss(model, inputs)
        return loss.detach(), None, None


def last_checkpoint(out: Path) -> str | None:
    """The newest checkpoint that was written to its end; a process can be killed in the middle of one."""
    folders = [f for f in out.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if f.name.rpartition("-")[2].isdigit()]
    for folder in sorted(folders, key=lambda f: int(f.name.rpartition("-")[2]), reverse=True):
        try:
            json.loads((folder / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return str(folder)
    return None


def training_arguments(config: TrainConfig, out: Path, *, half: bool, evaluate: bool) -> TrainingArguments:
    """The Trainer's settings; ``half``: in bf16 where a GPU has it.

    With ``evaluate`` the weights of the epoch with the least held-out loss are kept.

    Raises:
        ValueError, ImportError: the Trainer refuses them.
    """
    assert config.epochs and config.trees_per_batch, "resolve the settings first"
    per_epoch = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}
    arguments = TrainingArguments(
        output_dir=str(out),
        num_train_epochs=config.epochs,
        max_steps=config.updates or -1,
        per_device_train_batch_size=config.trees_per_batch,
        per_device_eval_batch_size=config.trees_per_batch,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=config.warmup_ratio,
        weight_decay=config.weight_decay,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_total_limit=2,
        seed=config.seed,
        report_to=config.report_to,
        remove_unused_columns=False,
        label_names=[],
        disable_tqdm=True,
        use_cpu=best_device().type == "cpu",
        bf16=half and best_device().type == "cuda" and torch.cuda.is_bf16_supported(),
        restore_callback_states_from_checkpoint=True,
        dataloader_pin_memory=False,  # batches are objects that move themselves
        **(per_epoch if evaluate else {"save_strategy": "no"}),
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # DataParallel cannot split trees; accelerate launch uses more GPUs
    return arguments


class _Progress(TrainerCallback):  # type: ignore[misc]
    """A line now and then; the Trainer logs every update, so that a resumed run has the same curve."""

    def __init__(self, on_progress: Callable[[str], None]) -> None:
        self._on_progress = on_progress

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: Any, logs: dict[str, float], **kwargs: Any
    ) -> None:
        if logs.get("loss", 0.0) != logs.get("loss", 0.0):
            raise UsageError(
                f"the loss is not a number at update {state.global_step}; use a smaller --training.learning-rate"
                " (or --training.backbone-learning-rate, where that is trained) and another --out"
            )
        if "loss" in logs and state.global_step % REPORT_EVERY and state.global_step != state.max_steps:
            return
        for name in ("loss", "eval_loss"):
            if name in logs and state.is_world_process_zero:
                label = "held-out loss" if name == "eval_loss" else "loss"
                self._on_progress(f"update {state.global_step}/{state.max_steps}: {label} {logs[name]:.4f}")


class _SaveEvery(TrainerCallback):  # type: ignore[misc]
    """A checkpoint every so many updates, besides those of the Trainer's own strategy.

    Where every epoch ends with an evaluation and a checkpoint after it, none is written before it: a run resumed from
    there would not evaluate again.
    """

    def __init__(self, updates: int) -> None:
        self._updates = updates

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: Any, **kwargs: Any) -> Any:
        comes_anyway = args.save_strategy == "epoch" and state.epoch == int(state.epoch)
        control.should_save |= state.global_step % self._updates == 0 and not comes_anyway
        return control
