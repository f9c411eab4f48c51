"""The networks of a neural verifier: a backbone or features of it, then what reads its states or its steps."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, final

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaModel

from arts.config import require_at_least
from arts.errors import ModelError, UsageError, needs_extra
from arts.models import refusal, resolve_model
from arts.verifiers.attention import TREE_ATTENTION, layout_of, use_tree_attention
from arts.verifiers.features import layer_states
from arts.verifiers.packing import Layout, TokenBatch
from arts.verifiers.reading import LOG_FLOW, Meaning, StepReader, along_paths

Mode = Literal["lora", "full", "frozen"]
Reading = Literal["state", "steps"]
Precision = Literal["auto", "float32", "bfloat16"]

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Adapted projections, as published (arXiv 2602.12846)."""
HEAD_WIDTH = 32
"""Width of an attention head of the trunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Shape of a neural verifier; the defaults are what did best on the testbed, those for LoRA the paper's.

    ``lora``: adapters of rank ``lora_r`` on a frozen backbone. ``full``: all weights of the backbone. ``frozen``:
    the backbone only computes features, once: per token hidden states and its log-probability under the backbone;
    ``trunk_layers`` new causal layers may read them before the head.

    >>> Architecture(backbone="bundled", mode="frozen", trunk_layers=2, trunk_width=96).lora_r
    16
    """

    backbone: str = ""
    """Folder, Hub id, GGUF file or catalogue name; default: the model that sampled the trees."""
    mode: Mode = "frozen"
    reading: Reading = "steps"
    """steps judges every step from all of its tokens and multiplies; state reads one number at the last token of the
    state, as published."""
    layers: int = 0
    """Layers whose hidden states are read, the last or so many from the embeddings on; 0: 4 for steps, 1 for state."""
    reader_width: int = 96
    """Width of the network that reads a step."""
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.1
    trunk_layers: int = 0
    trunk_width: int = 128
    head_dropout: float = 0.1
    max_tokens: int = 2048
    """Tokens that the backbone reads at once, at most those it was made for; a longer solution is read in windows."""
    precision: Precision = "auto"
    """Of the backbone: auto is bf16 on CUDA and fp32 elsewhere; bfloat16 is faster on a CPU with AVX512-BF16 or AMX."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "lora_r", "lora_alpha")
        require_at_least(self, 0, "layers", "trunk_layers", "lora_dropout", "head_dropout")
        require_at_least(self, 1, "reader_width")
        require_at_least(self, 2, "max_tokens", "trunk_width")
        for name in ("lora_dropout", "head_dropout"):
            if not getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; use a share in [0, 1)")
        if self.trunk_layers and self.trunk_width % HEAD_WIDTH:
            raise UsageError(f"trunk_width is {self.trunk_width}; use a multiple of {HEAD_WIDTH}")

    @property
    def read_layers(self) -> int:
        """How many layers' hidden states are read."""
        return self.layers or (4 if self.reading == "steps" else 1)


@final
class Scorer(nn.Module):
    """Tokens of whole trees (or features of them) → one number per state, in the ``meaning`` given.

    With the reading ``state`` the head turns the last token of a state into that number. With ``steps`` it is a
    :class:`StepReader`, and a state's number is made of what it says of all steps on its path: the batch must be read
    at all of these.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module, meaning: Meaning) -> None:
        super().__init__()
        self.encoder, self.head, self.meaning = encoder, head, meaning

    def forward(self, batch: TokenBatch) -> Tensor:
        """Scores of the states that the batch is read at, (N,)."""
        hidden = self.encoder(batch)
        if not isinstance(self.head, StepReader):
            read = hidden[batch.rows, batch.columns].to(next(self.head.parameters()).dtype)
            scores: Tensor = self.head(read)[:, 0]
            return scores
        assert batch.steps is not None
        tokens = self.head.tokens(hidden.flatten(0, 1)[batch.steps.tokens])
        return along_paths(self.head(tokens, batch.steps.sizes), batch.steps, self.meaning)


def _state_head(width: int, dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, 1))


def _head(shape: Architecture, width: int) -> nn.Module:
    if shape.reading == "steps":
        return StepReader(width, shape.reader_width, shape.head_dropout)
    return _state_head(width, shape.head_dropout)


@final
class BackboneEncoder(nn.Module):
    """A Hugging Face model without its language head, with adapters in mode ``lora``."""

    def __init__(self, model: Any, layers: int) -> None:
        super().__init__()
        self.model, self.layers = model, layers

    def forward(self, batch: TokenBatch) -> Tensor:
        """Hidden states, (B, T, L · D)."""
        return layer_states(self.model, batch, self.layers)[1]


@final
class GivenFeatures(nn.Module):
    """The features as they are."""

    def forward(self, batch: TokenBatch) -> Tensor:
        """(B, T, D)."""
        return batch.inputs


@final
class TrunkEncoder(nn.Module):
    """New causal layers over frozen features; with no layers just a projection."""

    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, width)
        self.layers = LlamaModel(_trunk_config(width, layers)) if layers else None
        if self.layers is not None:
            self.layers.embed_tokens = nn.Identity()  # it reads features, not tokens

    def forward(self, batch: TokenBatch) -> Tensor:
        """Hidden states, (B, T, width)."""
        hidden: Tensor = self.project(batch.inputs.to(self.project.weight.dtype))
        if self.layers is None:
            return hidden
        inputs = replace(batch, inputs=hidden).model_inputs("inputs_embeds")
        return self.layers(use_cache=False, **inputs).last_hidden_state  # type: ignore[no-any-return]


def _trunk_config(width: int, layers: int) -> Any:
    return LlamaConfig(
        vocab_size=1,
        hidden_size=width,
        intermediate_size=width * 5 // 2,
        num_hidden_layers=layers,
        num_attention_heads=width // HEAD_WIDTH,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation=TREE_ATTENTION,
    )


def make_scorer(shape: Architecture, meaning: Meaning = LOG_FLOW) -> Scorer:
    """A scorer with fresh head, trunk and adapters; the backbone's own weights are loaded from ``shape.backbone``.

    Raises:
        ModelError: the backbone cannot be loaded.
        MissingExtraError: mode ``lora`` without the library peft.
    """
    if shape.mode == "frozen":
        features = _states(shape) * int(_config(shape.backbone).hidden_size) + 1
        if shape.reading == "steps" and not shape.trunk_layers:
            return Scorer(GivenFeatures(), _head(shape, features), meaning)
        trunk = TrunkEncoder(features, shape.trunk_width, shape.trunk_layers)
        return Scorer(trunk, _head(shape, shape.trunk_width), meaning)
    # weights that are trained themselves stay in fp32, else small updates would round away; autocast computes in bf16
    whole = shape.mode == "full" and shape.precision == "auto"
    model = _load(AutoModel, shape.backbone, "float32" if whole else shape.precision)
    width = _states(shape) * int(model.config.hidden_size)
    if shape.mode == "lora":
        model = _with_adapters(model, shape)
    return Scorer(BackboneEncoder(model, shape.read_layers), _head(shape, width), meaning)


def backbone_weights(scorer: Scorer) -> list[nn.Parameter]:
    """The weights of a backbone that is trained, or of its adapters; none where it only gave features."""
    encoder = scorer.encoder
    return list(encoder.parameters()) if isinstance(encoder, BackboneEncoder) else []


def _states(shape: Architecture) -> int:
    """How many layers' states are side by side: the embeddings are one of them."""
    return min(shape.read_layers, int(_config(shape.backbone).num_hidden_layers) + 1)


def window(shape: Architecture) -> int:
    """Tokens that the backbone can read at once."""
    made_for = getattr(_config(shape.backbone), "max_position_embeddings", None)
    return min(shape.max_tokens, made_for or shape.max_tokens)


def scorer_layout(scorer: Scorer) -> Layout:
    """How trees can be given to a scorer; with no attention in it there is nothing to be laid out."""
    encoder = scorer.encoder
    if isinstance(encoder, BackboneEncoder):
        return layout_of(encoder.model)
    return "auto" if isinstance(encoder, TrunkEncoder) and encoder.layers is not None else "tokens"


@lru_cache(maxsize=4)
def load_tokenizer(backbone: str) -> Any:
    """The backbone's tokenizer, padding on the right; read once, which takes seconds for a GGUF file."""
    tokenizer = _load(AutoTokenizer, backbone)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def load_feature_model(shape: Architecture) -> Any:
    """The frozen backbone with its language head, for features, on the best device."""
    return _load(AutoModelForCausalLM, shape.backbone, shape.precision).to(best_device()).eval().requires_grad_(False)


def _with_adapters(model: Any, shape: Architecture) -> Any:
    with needs_extra("mode lora"):
        from peft import LoraConfig, get_peft_model
    config = LoraConfig(
        r=shape.lora_r,
        lora_alpha=shape.lora_alpha,
        lora_dropout=shape.lora_dropout,
        target_modules=list(LORA_TARGETS),
    )
    return get_peft_model(model, config)


def best_device() -> torch.device:
    """An accelerator when there is one."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@lru_cache(maxsize=4)
def _config(backbone: str) -> Any:
    return _load(AutoConfig, backbone)


def _load(factory: Any, backbone: str, precision: Precision | None = None) -> Any:
    """Load by folder, Hub id or ``.gguf`` file; ``precision`` is given for what has weights, which then take trees."""
    backbone = resolve_model(backbone)
    file: dict[str, str] = {}
    if backbone.endswith(".gguf"):
        folder, _, name = backbone.rpartition("/")
        backbone, file = folder or ".", {"gguf_file": name}
    weights: dict[str, torch.dtype] = {}
    if precision:
        automatic = "bfloat16" if best_device().type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
        weights = {"dtype": getattr(torch, automatic if precision == "auto" else precision)}
    try:
        loaded = factory.from_pretrained(backbone, trust_remote_code=False, **file, **weights)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{backbone}: cannot be loaded as a verifier backbone: {refusal(error)}") from error
    if precision:
        use_tree_attention(loaded)
    return loaded
