"""Fitting a verifier to trees: what is trained, on what, and what is kept of it."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from safetensors import SafetensorError
from transformers import EarlyStoppingCallback, set_seed

from arts.config import Settings, check_same_run, to_dict
from arts.errors import ArtsError, InputError, UsageError
from arts.files import is_full, write_whole
from arts.problems.base import Verdict
from arts.text import parsed_json
from arts.training.batches import Example, collate, labelled_nodes, make_example
from arts.training.config import TrainConfig
from arts.training.objectives import make_objective
from arts.training.objectives.base import Objective
from arts.training.trainer import ObjectiveTrainer, last_checkpoint, training_arguments
from arts.trees.splitting import SplitterName
from arts.trees.store import StoredTrees
from arts.trees.tree import ROOT, Tree
from arts.verifiers.calibration import Calibration, CalibrationMethod, fit_calibration
from arts.verifiers.checkpoint import CONFIG, SavedVerifier, Training, save_checkpoint
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import (
    Architecture,
    Scorer,
    best_device,
    load_feature_model,
    load_tokenizer,
    make_scorer,
    scorer_layout,
    window,
)
from arts.verifiers.neural import NeuralVerifier, with_features
from arts.verifiers.packing import Layout
from arts.verifiers.reading import Meaning

PLAN, HISTORY = "plan.json", "history.json"
"""In a checkpoint folder: what is trained there; the loss of every update."""


def check_trees(trees: Sequence[Tree], config: TrainConfig) -> None:
    """Refuse what cannot teach this objective.

    Raises:
        UsageError: no labelled rollout at all; for ``rm`` no problem with both correct and incorrect ones; for
            ``subtb`` a step without the proposer's log-probability.
    """
    objective = make_objective(config.objective, config.options)
    verdicts = [_verdicts(t) for t in trees]
    if not any(verdicts):
        raise UsageError("no graded rollout in this store; sample more or check the grader with 'arts problems check'")
    if objective.needs_mixed and not any(len(v) == 2 for v in verdicts):
        raise UsageError(
            f"objective {config.objective} needs a problem with correct and incorrect solutions, this store has none"
        )
    if objective.needs_logprobs and any(np.isnan(t.logprob[n]) for t in trees for n in labelled_nodes(t)):
        raise UsageError(
            f"objective {config.objective} needs the proposer's log-probability of every step, this store lacks some"
        )


def fit_verifier(
    trees: Iterable[Tree],
    shape: Architecture,
    config: TrainConfig,
    out: Path,
    *,
    name: str | None = None,
    splitter: SplitterName | None = None,
    features: FeatureCache | None = None,
    feature_folder: Path | None = None,
    on_progress: Callable[[str], None] = lambda line: None,
) -> NeuralVerifier:
    """Train on whole trees and save a checkpoint folder at ``out``; resumes when ``out`` holds an unfinished run.

    ``features`` may be shared between the verifiers of one frozen backbone; they are computed once. Without them, and
    with ``feature_folder``, they are kept there for later runs and for the other processes of this one. ``splitter`` is
    what cut the solutions into steps; default: as the store says that the trees come from. ``on_progress`` gets lines
    about the loss.

    Raises:
        UsageError: ``out`` holds a finished verifier or a run with other settings or trees; the trees cannot teach.
        ModelError: the backbone cannot be loaded.
    """
    check_place(out)
    stored = trees if isinstance(trees, StoredTrees) else None
    held_out, trees = _split(trees, config)
    objective = make_objective(config.objective, config.options)
    if objective.per_step and shape.reading == "steps":
        raise UsageError(
            f"objective {config.objective} multiplies steps itself; use orm, or --architecture.reading state"
        )
    held_trees, trees = (_teaching(part, objective) for part in (held_out, trees))
    config = config.resolved(shape.mode, len(trees))
    plan = _plan(held_trees, trees, shape, config)
    _check_place(out, plan)
    set_seed(config.seed)
    if features is not None and (shape.mode != "frozen" or features.layers != shape.read_layers):
        raise UsageError(
            f"features of {features.layers} layers do not fit mode {shape.mode}, {shape.read_layers} layers"
        )
    if shape.mode == "frozen" and features is None:
        features = FeatureCache(load_feature_model(shape), keep=False, folder=feature_folder, layers=shape.read_layers)
    process = PartialState(cpu=best_device().type == "cpu")
    with process.main_process_first():  # the others find its features on disk
        held, examples = (_examples(part, shape, features) for part in (held_trees, trees))
    scorer = make_scorer(shape, Meaning(unit=objective.unit, contrast=objective.reward_contrast))
    layout = scorer_layout(scorer)
    if config.layout == "paths" and layout != "tokens":  # where no token sees another there is nothing to pad
        layout = "paths"
    half = shape.precision != "float32"
    trainer = _trainer(scorer, examples, held, objective, config, layout, out, half, on_progress)
    out.mkdir(parents=True, exist_ok=True)
    if process.is_main_process:
        write_whole(out / PLAN, plan)
    _train(trainer, out)
    curve = [entry for entry in trainer.state.log_history if "loss" in entry or "eval_loss" in entry]
    losses = [entry["loss"] for entry in curve if "loss" in entry]
    saved = SavedVerifier(
        name=name or config.objective,
        unit=objective.unit,
        architecture=shape,
        per_step=objective.per_step,
        reward_contrast=objective.reward_contrast,
        splitter=splitter or (stored.splitter if stored else None),
        training=Training(
            trees=len(trees),
            held_out_trees=len(held_out),
            store=stored.store.path.name if stored else None,
            settings=asdict(config),
        ),
        metrics={"training_loss": float(np.mean(losses)), "updates": float(len(losses))},
    )
    verifier = NeuralVerifier(saved, scorer, features)
    if held:
        loss = _held_out_loss(verifier, held, objective, config, layout)
        saved = replace(saved, metrics={**saved.metrics, "held_out_loss": loss})
    if held_out:
        saved = replace(saved, calibration=_calibration(verifier, held_out, config.calibration))
    if process.is_main_process:
        write_whole(out / HISTORY, json.dumps(curve, indent=0) + "\n")
        save_checkpoint(out, saved, scorer)
        clear_checkpoints(out)
    return NeuralVerifier(saved, scorer, features)


def clear_checkpoints(out: Path) -> None:
    """Remove what a finished run could have gone on from."""
    for leftover in out.glob("checkpoint-*"):
        shutil.rmtree(leftover)


def _train(trainer: ObjectiveTrainer, out: Path) -> None:
    """Train to the end, from the last checkpoint on.

    Raises:
        ArtsError: the disk is full; the last whole checkpoint is kept.
    """
    try:
        trainer.train(resume_from_checkpoint=last_checkpoint(out))
    except (OSError, RuntimeError, SafetensorError) as error:
        if is_full(out, error):
            raise ArtsError(f"{out}: the disk is full; free some space and run the same command again") from error
        raise


def _trainer(
    scorer: Scorer,
    examples: Sequence[Example],
    held: Sequence[Example],
    objective: Objective,
    config: TrainConfig,
    layout: Layout,
    out: Path,
    half: bool,
    on_progress: Callable[[str], None],
) -> ObjectiveTrainer:
    """A trainer of the scorer, in place.

    Raises:
        UsageError: it refuses the settings.
    """
    try:
        trainer = ObjectiveTrainer(
            objective,
            on_progress,
            config.save_updates,
            config.backbone_learning_rate,
            model=scorer,
            args=training_arguments(config, out, half=half, evaluate=bool(held)),
            train_dataset=examples,
            eval_dataset=held or None,
            data_collator=partial(collate, layout=layout),
        )
    except (ValueError, ImportError, RuntimeError) as error:
        raise UsageError(f"these settings cannot be trained with: {' '.join(str(error).split())[:200]}") from error
    if config.patience and held:
        trainer.add_callback(EarlyStoppingCallback(config.patience))
    return trainer


def check_place(out: Path) -> None:
    """Refuse a file where a folder is to be.

    Raises:
        UsageError: ``out`` is a file.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; give a folder as --out")


def is_finished(out: Path) -> bool:
    """True when ``out`` holds a complete checkpoint."""
    return (out / CONFIG).is_file()


def check_same(out: Path, trees: Iterable[Tree], shape: Architecture, config: TrainConfig) -> None:
    """Refuse settings or trees that are not those of the training run at ``out``.

    Raises:
        UsageError: they differ.
    """
    held, kept = _split(trees, config)
    objective = make_objective(config.objective, config.options)
    held, kept = (_teaching(part, objective) for part in (held, kept))
    plan = _plan(held, kept, shape, config.resolved(shape.mode, len(kept)))
    _check_same(out, json.loads(plan))


def _check_same(out: Path, wanted: Settings) -> None:
    plan = out / PLAN
    if plan.is_file():
        try:
            known = parsed_json(plan.read_bytes())
            before = {part: known.get(part) for part in wanted}
        except (ValueError, AttributeError) as error:
            raise InputError(f"{plan}: not the plan of a training run ({error}); use another --out") from error
        check_same_run(out, before, wanted, remedy="use the same settings and trees, or another --out")


def _split(trees: Iterable[Tree], config: TrainConfig) -> tuple[list[Tree], list[Tree]]:
    """Held-out trees and training trees, those without a label left out."""
    teaching = [t for t in trees if labelled_nodes(t)]
    held = max(1, round(len(teaching) * config.held_out)) if config.held_out else 0
    if held >= len(teaching) > 0:
        raise UsageError(
            f"held_out {config.held_out} of {len(teaching)} trees is {held}; change it so that some are left to"
            " train on, or use --training.held-out 0"
        )
    check_trees(teaching[held:], config)
    return teaching[:held], teaching[held:]


def _teaching(trees: Sequence[Tree], objective: Objective) -> list[Tree]:
    """Those that the objective learns from, or is measured on."""
    return [t for t in trees if not objective.needs_mixed or len(_verdicts(t)) == 2]


def _verdicts(tree: Tree) -> set[Verdict]:
    return {o.verdict for o in tree.outcomes.values()} - {Verdict.UNGRADED}


def _examples(trees: Sequence[Tree], shape: Architecture, features: FeatureCache | None) -> list[Example]:
    tokenizer = load_tokenizer(shape.backbone)
    examples = [make_example(t, tokenizer, window(shape)) for t in trees]
    if features is None:
        return examples
    tokens = with_features([e.tokens for e in examples], features, shape)
    return [replace(e, tokens=t) for e, t in zip(examples, tokens, strict=True)]


@torch.no_grad()
def _held_out_loss(
    verifier: NeuralVerifier, held: Sequence[Example], objective: Objective, config: TrainConfig, layout: Layout
) -> float:
    """Mean over the held-out trees, without dropout."""
    total, size = 0.0, config.trees_per_batch or 1
    for start in range(0, len(held), size):
        part = held[start : start + size]
        batch = collate(part, layout)
        scores = verifier.scorer(batch["batch"].to(best_device())).float()
        total += len(part) * float(objective(scores, batch["nodes"].to(best_device())).value)
    return total / len(held)


def _calibration(verifier: NeuralVerifier, trees: Sequence[Tree], method: CalibrationMethod) -> Calibration:
    """Fitted to the Monte-Carlo success rates of all held-out states; each problem weighs the same."""
    nodes = [[n for n in labelled_nodes(t) if n != ROOT] for t in trees]
    scores = np.concatenate(verifier.score(list(zip(trees, nodes, strict=True))))
    counts = [[column[n] for column in t.success_counts()] for t, n in zip(trees, nodes, strict=True)]
    weights = np.concatenate([graded / max(graded.sum(), 1) for graded, _ in counts])
    success = np.concatenate([correct / np.maximum(graded, 1) for graded, correct in counts])
    return fit_calibration(method, scores, verifier.unit, success, weights)


def _plan(held: Sequence[Tree], trees: Sequence[Tree], shape: Architecture, config: TrainConfig) -> str:
    """What a run is, to be compared before it is resumed: settings and a fingerprint of the trees."""
    seen = hashlib.blake2b(digest_size=8)
    for tree in [*held, *trees]:
        labels = sorted((node, o.verdict.value) for node, o in tree.outcomes.items())
        seen.update(
            repr((tree.problem_id, tree.parent, tree.text, tree.logprob, tree.visits().tolist(), labels)).encode()
        )
    plan = {"architecture": to_dict(shape), "config": to_dict(config), "trees": seen.hexdigest()}
    return json.dumps(plan, sort_keys=True)


def _check_place(out: Path, plan: str) -> None:
    if is_finished(out):
        raise UsageError(f"{out}: holds a finished verifier; use another --out to train again")
    _check_same(out, json.loads(plan))
