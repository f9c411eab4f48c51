"""Attention over packed trees, as an implementation that Hugging Face models can be loaded with.

On CUDA it is FlexAttention with the tree as block mask; that path has no CPU backward, so elsewhere queries go in
blocks through scaled-dot-product attention, each block with the keys of its ancestors only. Cost is linear in the
number of tokens: each query sees at most the longest trajectory plus a block.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface
from transformers.integrations.flex_attention import flex_attention_forward
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from arts.verifiers.memory import Chunks, MemoryLayout
from arts.verifiers.packing import BLOCK, Blocks, Layout, TreeLayout

TREE_ATTENTION = "arts_tree"


def tree_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    layout: TreeLayout | MemoryLayout | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attention of a model layer, (B, heads, T, D) → (B, T, heads, D), and no weights.

    Without ``layout`` it is causal SDPA, which on CUDA in half precision is PyTorch's own FlashAttention-2 kernel.
    """
    query, key = query.to(value.dtype), key.to(value.dtype)  # under autocast, rotary embeddings leave them in fp32
    if layout is None:
        return sdpa_attention_forward(module, query, key, value, None, scaling=scaling, dropout=dropout, **kwargs)  # type: ignore[no-any-return]
    if isinstance(layout, MemoryLayout):
        return _with_memory(module, query, key, value, layout, scaling), None
    if query.is_cuda:
        return flex_attention_forward(module, query, key, value, layout.block_mask, scaling=scaling)  # type: ignore[no-any-return]
    return _by_blocks(query, key, value, layout, scaling, dropout), None


def _by_blocks(
    query: Tensor, key: Tensor, value: Tensor, layout: TreeLayout, scaling: float | None, dropout: float
) -> Tensor:
    """(1, heads, T, D) → (1, T, heads, D)."""
    tokens = query.shape[2]
    queries = functional.pad(query[0].transpose(0, 1), (0, 0, 0, 0, 0, -tokens % BLOCK))
    queries = queries.view(-1, BLOCK, *queries.shape[1:]).transpose(1, 2)  # (blocks, heads, BLOCK, D)
    keys, values = (x[0].transpose(0, 1).contiguous() for x in (key, value))  # (T, heads, D)
    parts = [_attend(queries[g.blocks], keys, values, g, scale=scaling, dropout_p=dropout) for g in layout.groups]
    out = torch.cat(parts)[layout.order]
    return out.transpose(1, 2).flatten(0, 1)[None, :tokens]


def _with_memory(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, layout: MemoryLayout, scaling: float | None
) -> Tensor:
    """(1, heads, N, D) → (1, N, heads, D); the new keys and values are kept as those of this module."""
    queries, new_keys, new_values = (x[0].transpose(0, 1).contiguous() for x in (query, key, value))
    keys = layout.tensors.write((module, "keys"), layout.slots, new_keys)
    values = layout.tensors.write((module, "values"), layout.slots, new_values)
    parts = [_attend(_rows(queries, g.queries), keys, values, g, scale=scaling) for g in layout.groups]
    return torch.cat([part.transpose(1, 2).flatten(0, 1) for part in parts])[layout.order][None]


def _attend(query: Tensor, keys: Tensor, values: Tensor, group: Blocks | Chunks, **how: Any) -> Tensor:
    """Queries (G, heads, Q, D) of a group attend to those of all keys and values, (T, heads, D), that it names."""
    key, value = _rows(keys, group.keys), _rows(values, group.keys)
    grouped = key.shape[1] != query.shape[1]
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=group.mask, enable_gqa=grouped, **how)


def _rows(tokens: Tensor, at: Tensor) -> Tensor:
    """(T, heads, D) at (G, L) → (G, heads, L, D)."""
    return tokens.index_select(0, at.flatten()).view(*at.shape, *tokens.shape[1:]).transpose(1, 2)


def use_tree_attention(model: Any) -> None:
    """Let a loaded model take packed trees, if its architecture allows it: full attention without soft-capping."""
    capped = getattr(model.config, "attn_logit_softcapping", None)
    windows = set(getattr(model.config, "layer_types", None) or []) - {"full_attention"}
    if (
        model._supports_attention_backend
        and not capped
        and not windows
        and not getattr(model.config, "sliding_window", None)
    ):
        model.set_attn_implementation(TREE_ATTENTION)


def layout_of(model: Any) -> Layout:
    """How trees can be given to a model: packed where it pays, or as trajectories only."""
    return "auto" if model.config._attn_implementation == TREE_ATTENTION else "paths"


AttentionInterface.register(TREE_ATTENTION, tree_attention)
