"""The networks of a neural verifier: backbone or trunk, then a two-layer head at the last token of each step."""

from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaModel

from arts.config import require_at_least
from arts.errors import MissingExtraError, ModelError, UsageError
from arts.models import resolve_model

Mode = Literal["lora", "full", "frozen"]

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Adapted projections, as published (arXiv 2602.12846)."""
HEAD_WIDTH = 32
"""Width of an attention head of the trunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Shape of a neural verifier; the defaults for LoRA are the paper's.

    ``lora``: adapters of rank ``lora_r`` on a frozen backbone. ``full``: all weights of the backbone. ``frozen``:
    the backbone only computes features, once: per token its last hidden state and its log-probability under the
    backbone; ``trunk_layers`` new causal layers read them before the head.
    """

    backbone: str
    mode: Mode = "lora"
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.1
    trunk_layers: int = 0
    trunk_width: int = 128
    head_dropout: float = 0.1
    max_tokens: int = 2048

    def __post_init__(self) -> None:
        require_at_least(self, 1, "lora_r", "lora_alpha")
        require_at_least(self, 0, "trunk_layers", "lora_dropout", "head_dropout")
        require_at_least(self, 2, "max_tokens", "trunk_width")
        if self.trunk_layers and self.trunk_width % HEAD_WIDTH:
            raise UsageError(f"trunk_width is {self.trunk_width}; use a multiple of {HEAD_WIDTH}")


@final
class Scorer(nn.Module):
    """Token sequences (or features of them) → one number per state."""

    def __init__(self, encoder: nn.Module, width: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, 1))

    def forward(self, inputs: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """``inputs`` (B, T) token ids or (B, T, D) features, padded on the right; scores of the states, (N,).

        Padding needs no mask: it comes last, attention is causal, and no state is read there.
        """
        hidden = self.encoder(inputs)[rows, columns]
        scores: Tensor = self.head(hidden.to(self.head[0].weight.dtype))[:, 0]
        return scores


@final
class BackboneEncoder(nn.Module):
    """A Hugging Face model without its language head, with adapters in mode ``lora``."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        """Last hidden states, (B, T, D)."""
        hidden: Tensor = self.model(input_ids=inputs, use_cache=False).last_hidden_state
        return hidden


@final
class TrunkEncoder(nn.Module):
    """New causal layers over frozen features; with no layers just a projection."""

    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, width)
        self.layers = LlamaModel(_trunk_config(width, layers)) if layers else None
        if self.layers is not None:
            self.layers.embed_tokens = nn.Identity()  # it reads features, not tokens

    def forward(self, inputs: Tensor) -> Tensor:
        """Hidden states, (B, T, width)."""
        hidden: Tensor = self.project(inputs)
        if self.layers is None:
            return hidden
        return self.layers(inputs_embeds=hidden, use_cache=False).last_hidden_state  # type: ignore[no-any-return]


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
        attn_implementation="sdpa",
    )


def make_scorer(shape: Architecture) -> Scorer:
    """A scorer with fresh head, trunk and adapters; the backbone's own weights are loaded from ``shape.backbone``.

    Raises:
        ModelError: the backbone cannot be loaded.
        MissingExtraError: mode ``lora`` without the library peft.
    """
    if shape.mode == "frozen":
        features = int(_config(shape.backbone).hidden_size) + 1
        return Scorer(
            TrunkEncoder(features, shape.trunk_width, shape.trunk_layers), shape.trunk_width, shape.head_dropout
        )
    model = _load(AutoModel, shape.backbone)
    width = int(model.config.hidden_size)
    if shape.mode == "lora":
        model = _with_adapters(model, shape)
    return Scorer(BackboneEncoder(model), width, shape.head_dropout)


def load_tokenizer(backbone: str) -> Any:
    """The backbone's tokenizer, padding on the right."""
    tokenizer = _load(AutoTokenizer, backbone)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def load_feature_model(backbone: str) -> Any:
    """The frozen backbone with its language head, for features, on the best device."""
    return _load(AutoModelForCausalLM, backbone).to(best_device()).eval().requires_grad_(False)


def _with_adapters(model: Any, shape: Architecture) -> Any:
    try:
        from peft import LoraConfig, get_peft_model
    except ModuleNotFoundError as error:
        raise MissingExtraError("mode lora", "torch") from error
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


def _config(backbone: str) -> Any:
    from transformers import AutoConfig

    return _load(AutoConfig, backbone, weights=False)


def _load(factory: Any, backbone: str, *, weights: bool = True) -> Any:
    """Load by folder, Hub id or ``.gguf`` file; fp32 on a CPU, bf16 with FlashAttention-2 or SDPA on CUDA."""
    options: dict[str, Any] = {}
    backbone = resolve_model(backbone)
    if backbone.endswith(".gguf"):
        folder, _, file = backbone.rpartition("/")
        backbone, options["gguf_file"] = folder or ".", file
    if weights and factory is not AutoTokenizer:
        cuda = best_device().type == "cuda"
        options["dtype"] = torch.bfloat16 if cuda else torch.float32
        options["attn_implementation"] = _attention() if cuda else "sdpa"
    try:
        return factory.from_pretrained(backbone, **options)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as error:
        detail = " ".join(str(error).split())[:200]
        raise ModelError(f"{backbone}: cannot be loaded as a verifier backbone: {detail}") from error


def _attention() -> str:
    from transformers.utils import is_flash_attn_2_available

    return "flash_attention_2" if is_flash_attn_2_available() else "sdpa"
