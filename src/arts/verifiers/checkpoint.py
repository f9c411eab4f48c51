"""A trained verifier on disk: safetensors, JSON configuration and a model card; no pickle."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from arts.config import Settings, from_dict
from arts.errors import InputError, ModelError, UsageError
from arts.files import StrPath, write_whole
from arts.text import LONGEST_NAME, code_span, markdown, one_line, parsed_json
from arts.trees.splitting import SplitterName
from arts.verifiers.base import Unit
from arts.verifiers.calibration import PUBLISHED_CONTRAST, Calibration
from arts.verifiers.modules import Architecture, Scorer, make_scorer
from arts.verifiers.reading import Meaning

SCHEMA_VERSION = 1
CONFIG, WEIGHTS, CARD = "verifier.json", "verifier.safetensors", "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a verifier was trained: on so many ``trees`` of a ``store``, others held out, with these ``settings``."""

    trees: int = 0
    held_out_trees: int = 0
    store: str | None = None
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedVerifier:
    """What a checkpoint says about itself; ``training`` and ``metrics`` are for the reader.

    With ``per_step`` the network judges single steps, and a state's score is the product of their probabilities along
    its path (1 at the root). ``splitter`` cut the solutions that it was trained on, None where that is not known.
    ``reward_contrast`` is R(correct) / R(incorrect) of log-flows; ``calibration`` maps scores to success probabilities.
    """

    name: str
    unit: Unit
    architecture: Architecture
    per_step: bool = False
    splitter: SplitterName | None = None
    reward_contrast: float = PUBLISHED_CONTRAST
    calibration: Calibration | None = None
    training: Training = field(default_factory=Training)
    metrics: dict[str, float] = field(default_factory=dict)


def save_checkpoint(folder: StrPath, saved: SavedVerifier, scorer: Scorer) -> None:
    """Write the trained weights only: in the modes ``lora`` and ``frozen`` the backbone stays where it is."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    trained = {k: v.detach().cpu().contiguous() for k, v in _own_weights(scorer, saved.architecture).items()}
    write_whole(folder / WEIGHTS, save(trained))
    write_whole(folder / CARD, _card(saved, sum(v.numel() for v in trained.values())))
    text = json.dumps({"schema": SCHEMA_VERSION, **asdict(saved)}, indent=2, sort_keys=True)
    write_whole(folder / CONFIG, text + "\n")  # last: a folder with it is complete


def load_checkpoint(folder: StrPath) -> tuple[SavedVerifier, Scorer]:
    """Read a checkpoint.

    Raises:
        InputError: not a checkpoint, damaged, or of a newer schema.
        ModelError: its backbone cannot be loaded.
    """
    folder = Path(folder)
    saved = read_config(folder)
    try:
        weights = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder / WEIGHTS}: cannot be read ({error}); train the verifier again") from error
    try:
        scorer = make_scorer(saved.architecture, Meaning(unit=saved.unit, contrast=saved.reward_contrast))
    except (RuntimeError, MemoryError, OverflowError, TypeError, ValueError) as error:
        raise InputError(f"{folder / CONFIG}: no network has this shape ({one_line(error, LONGEST_NAME)})") from error
    wanted = {name: tensor.shape for name, tensor in _own_weights(scorer, saved.architecture).items()}
    if wanted != {name: tensor.shape for name, tensor in weights.items()}:
        raise ModelError(f"{folder}: its weights do not fit backbone {saved.architecture.backbone}")
    scorer.load_state_dict(weights, strict=False)
    return saved, scorer


def read_config(folder: StrPath) -> SavedVerifier:
    """What a checkpoint says about itself, without its weights."""
    folder = Path(folder)
    try:
        table = parsed_json((folder / CONFIG).read_bytes())
        if not isinstance(schema := table.pop("schema"), int):
            raise ValueError("its schema is no whole number")
    except FileNotFoundError as error:
        raise InputError(f"{folder}: no {CONFIG} in it; give a folder that 'arts train' made") from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(f"{folder / CONFIG}: not a verifier's configuration ({error})") from error
    if schema > SCHEMA_VERSION:
        raise InputError(f"{folder}: schema {schema} is newer than this arts reads; upgrade arts")
    given = {f.name: table[f.name] for f in fields(SavedVerifier) if f.name in table}
    if isinstance(shape := given.get("architecture"), dict):
        given["architecture"] = {"reading": "state", **shape}  # the only one of earlier checkpoints
    if isinstance(training := given.get("training"), dict):
        given["training"] = _training(training)
    try:
        return from_dict(SavedVerifier, given, str(folder / CONFIG))
    except UsageError as error:
        raise error if isinstance(error, InputError) else InputError(f"{folder / CONFIG}: {error}") from error


def _training(table: Settings) -> Settings:
    """As it is written now; earlier checkpoints have the settings beside the rest."""
    if "settings" in table:
        return table
    apart = {f.name for f in fields(Training)}
    known = {name: value for name, value in table.items() if name in apart}
    return {**known, "settings": {name: value for name, value in table.items() if name not in apart}}


def _own_weights(scorer: Scorer, shape: Architecture) -> Mapping[str, Tensor]:
    state = scorer.state_dict()
    if shape.mode != "lora":
        return state
    return {k: v for k, v in state.items() if "lora_" in k or k.startswith("head.")}


def _card(saved: SavedVerifier, parameters: int) -> str:
    rows = "\n".join(f"| {markdown(k)} | {v:.4g} |" for k, v in sorted(saved.metrics.items()))
    training = json.dumps(asdict(saved.training), indent=2, sort_keys=True)
    return (
        f"# {markdown(saved.name)}\n\n"
        f"A verifier of reasoning states made by `arts train`; it scores in unit `{saved.unit}`.\n\n"
        f"- backbone: {code_span(saved.architecture.backbone, LONGEST_NAME)} ({saved.architecture.mode})\n"
        f"- trained parameters: {parameters:,}\n- load: `arts evaluate STORE --verifiers THIS_FOLDER`\n\n"
        f"| metric | value |\n|---|---|\n{rows}\n\n## Training\n\n```json\n{training}\n```\n"
    )
