"""Train a verifier on trees; the same call again resumes a run that was killed, or loads what is there."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from arts.errors import UsageError
from arts.files import StrPath
from arts.logs.samples import require_samples
from arts.models import cache_folder
from arts.training.config import TrainConfig
from arts.training.fit import check_place, check_same, check_trees, clear_checkpoints, fit_verifier, is_finished
from arts.trees.splitting import SplitterName
from arts.trees.store import StoredTrees
from arts.trees.tree import Tree
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import Architecture
from arts.verifiers.neural import NeuralVerifier


def train_verifier(
    trees: Iterable[Tree],
    out: StrPath,
    *,
    architecture: Architecture | None = None,
    config: TrainConfig | None = None,
    splitter: SplitterName | None = None,
    features: FeatureCache | None = None,
    keep_features: bool = True,
    on_progress: Callable[[str], None] = lambda line: None,
) -> NeuralVerifier:
    """A verifier of reasoning states, trained on graded trees; its checkpoint is the folder ``out``, whose name it has.

    ``architecture`` is the network, by default a reader of whole steps on the frozen states of the model that sampled
    the trees; ``config`` says what is minimised and how. ``splitter`` cut the trees into steps; trees of a
    store know it. ``features`` may be shared by the verifiers of one frozen backbone; without them, and with
    ``keep_features``, they are kept in the cache folder for later runs. ``on_progress`` gets lines about the loss.

    Raises:
        UsageError: ``out`` holds a run with other settings or trees, the trees cannot teach, or a setting is ignored.
        ModelError: the backbone cannot be loaded.

    >>> import arts
    >>> with arts.open_store("train.db") as store:  # doctest: +SKIP
    ...     verifier = arts.train_verifier(store.trees(), out="flow", config=arts.TrainConfig(epochs=2.0))
    """
    folder = Path(out)
    settings, finished = config or TrainConfig(), is_finished(folder)
    trees = trees if isinstance(trees, StoredTrees) else list(trees)
    if not finished:
        check_place(folder)
        _refuse_ignored(architecture or Architecture())
    try:
        shape = backbone_of(trees, architecture)
    except UsageError:
        check_trees(list(trees), settings)  # trees that cannot teach are the first thing to know
        raise
    if finished:
        check_same(folder, trees, shape, settings)
        clear_checkpoints(folder)  # a run may have been killed just before it did so
        return NeuralVerifier.load(folder)
    if isinstance(trees, StoredTrees):
        require_samples(trees.store.path, trees.store.run_config())
    return fit_verifier(
        trees,
        shape,
        settings,
        folder,
        name=folder.name,
        splitter=splitter,
        features=features,
        feature_folder=cache_folder() / "features" if keep_features else None,
        on_progress=on_progress,
    )


def backbone_of(trees: Iterable[Tree], architecture: Architecture | None) -> Architecture:
    """The architecture with the proposer as its backbone where none is named.

    Raises:
        UsageError: the proposer is not known, or its hidden states cannot be read.
    """
    shape = architecture or Architecture()
    if shape.backbone:
        return shape
    sample = (trees.store.run_config().sample or {}) if isinstance(trees, StoredTrees) else {}
    model = str(sample.get("model") or "")
    if not model or model.startswith("openai:") or re.fullmatch(r"[\w.]+:\w+", model):
        origin = (
            f"the hidden states of {model}, which sampled these trees, are"
            if model
            else "the model that sampled these trees is"
        )
        what = "out of reach" if model else "not known"
        raise UsageError(f"{origin} {what}; name a model to read them with as --architecture.backbone")
    return replace(shape, backbone=model)


def _refuse_ignored(shape: Architecture) -> None:
    """Refuse settings of one mode that another would ignore."""
    plain = Architecture(backbone=shape.backbone)
    if shape.reading == "state" and shape.reader_width != plain.reader_width:
        raise UsageError("reading state reads no steps; leave out --architecture.reader-width")
    if shape.reading == "steps" and not shape.trunk_layers and shape.trunk_width != plain.trunk_width:
        raise UsageError("there is no trunk; leave out --architecture.trunk-width or give --architecture.trunk-layers")
    lora = (shape.lora_r, shape.lora_alpha, shape.lora_dropout)
    if shape.mode != "lora" and lora != (plain.lora_r, plain.lora_alpha, plain.lora_dropout):
        raise UsageError(f"mode {shape.mode} has no adapters; leave out the --architecture.lora-* flags")
    if shape.mode != "frozen" and (shape.trunk_layers or shape.trunk_width != plain.trunk_width):
        raise UsageError(f"mode {shape.mode} has no trunk; leave out --architecture.trunk-* or use mode frozen")
