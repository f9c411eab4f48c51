"""Trees as packed tokens: each shared prefix once, and everything as in the trajectories by themselves."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.functional import scaled_dot_product_attention
from transformers import LlamaConfig, LlamaModel, MistralConfig, MistralModel

from arts.verifiers import packing
from arts.verifiers.attention import TREE_ATTENTION, layout_of, tree_attention, use_tree_attention
from arts.verifiers.encoding import Encoded
from arts.verifiers.packing import token_batch, token_tree

ROWS = [[7, 1, 2, 3], [7, 1, 2], [7, 1, 4, 4, 4, 4, 4], [7, 5], [7, 1, 2, 3], [8]]


def encoded(rows, reads=None):
    """Trajectories, read at every token unless said otherwise."""
    reads = reads or [(r, c) for r, row in enumerate(rows) for c in range(len(row))]
    at = np.array(reads).reshape(-1, 2)
    return Encoded(ids=rows, texts=[], rows=at[:, 0], columns=at[:, 1])


trajectories = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=9), min_size=1, max_size=8)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """So that a few tokens are several blocks."""
    monkeypatch.setattr(packing, "BLOCK", 4)
    monkeypatch.setattr("arts.verifiers.attention.BLOCK", 4)


@given(trajectories)
def test_every_prefix_is_there_once(rows):
    tree = token_tree(encoded(rows))
    prefixes = {tuple(row[: i + 1]) for row in rows for i in range(len(row))}
    assert len(tree) == len(prefixes)
    assert [tree.ids[torch.as_tensor(path)].tolist() for path in tree.paths] == rows
    for path in tree.paths:
        assert tree.depth[path].tolist() == list(range(len(path)))
        assert tree.parent[path].tolist() == [-1, *path[:-1]]
    read = [tree.ids[torch.as_tensor(_line(int(at), tree.parent))].tolist() for at in tree.reads]
    assert read == [row[: i + 1] for row in rows for i in range(len(row))]


@given(trajectories)
def test_a_token_sees_itself_and_its_ancestors(rows):
    tree = token_tree(encoded(rows))
    size = np.arange(len(tree))
    sees = (size[None] <= size[:, None]) & (size[:, None] < tree.end[None])
    assert [np.flatnonzero(row).tolist() for row in sees] == [_line(q, tree.parent) for q in size]


@given(trajectories, trajectories)
def test_the_blocks_hold_exactly_the_pairs_of_the_mask(first, second):
    batch = token_batch([token_tree(encoded(first)), token_tree(encoded(second))], "packed")
    end = batch.layout.end.numpy()
    pairs = []
    for group in batch.layout.groups:
        for block, keys, mask in zip(group.blocks.tolist(), group.keys.numpy(), group.mask[:, 0].numpy(), strict=True):
            rows, columns = np.nonzero(mask)
            pairs += zip((block * 4 + rows).tolist(), keys[columns].tolist(), strict=True)
    real = [(q, k) for q, k in pairs if q < len(end)]
    assert len(real) == len(set(real))
    assert set(real) == {(q, k) for q in range(len(end)) for k in range(q + 1) if q < end[k]}
    blocks = torch.cat([g.blocks for g in batch.layout.groups])[batch.layout.order]
    assert blocks.tolist() == list(range(len(blocks)))


def _line(token, parent):
    line = [token]
    while parent[line[-1]] >= 0:
        line.append(int(parent[line[-1]]))
    return line[::-1]


def llama(**shape):
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=16, pad_token_id=None, attn_implementation=TREE_ATTENTION, **sizes, **shape)
    return LlamaModel(config)


def hidden(model, layout):
    batch = token_batch([token_tree(encoded(ROWS)), token_tree(encoded(ROWS[2:]))], layout)
    return model(use_cache=False, **batch.model_inputs("input_ids")).last_hidden_state[batch.rows, batch.columns]


@pytest.mark.parametrize("key_value_heads", [4, 2, 1])
def test_states_and_gradients_are_those_of_the_trajectories(key_value_heads):
    model = llama(num_key_value_heads=key_value_heads)
    grads = {}
    for layout in ("packed", "paths"):
        model.zero_grad()
        states = hidden(model, layout)
        states.sin().mean().backward()
        grads[layout] = [states.detach(), *(p.grad.clone() for p in model.parameters())]
    for packed, paths in zip(grads["packed"], grads["paths"], strict=True):
        torch.testing.assert_close(packed, paths, rtol=1e-5, atol=1e-5)
    assert grads["packed"][0].std() > 0.1  # not a comparison of constants


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_the_mask_for_cuda_is_the_mask_of_the_blocks():
    layout = token_batch([token_tree(encoded(ROWS))], "packed").layout
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, len(layout.end), 16).unbind()
    expected, _ = tree_attention(None, query, key, value, None, layout=layout)
    flex = flex_attention(query, key, value, block_mask=layout.block_mask)
    torch.testing.assert_close(flex.transpose(1, 2), expected, rtol=1e-5, atol=1e-5)


def test_without_a_tree_attention_is_causal():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 7, 8).unbind()
    plain, _ = tree_attention(llama().layers[0].self_attn, query, key, value, None)
    causal = scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(plain.transpose(1, 2), causal)


def test_trees_are_packed_where_that_saves_tokens():
    shared = token_tree(encoded([[1] * 20 + [i] for i in range(2, 6)]))
    assert token_batch([shared]).layout is not None
    assert token_batch([token_tree(encoded([[1] * 20]))]).layout is None
    assert token_batch([shared], "paths").layout is None


def test_an_architecture_with_a_window_keeps_its_own_attention():
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    window = MistralModel(MistralConfig(vocab_size=8, num_key_value_heads=2, sliding_window=4, **sizes))
    open_ = MistralModel(MistralConfig(vocab_size=8, num_key_value_heads=2, sliding_window=None, **sizes))
    for model in (window, open_):
        use_tree_attention(model)
    assert (layout_of(window), layout_of(open_)) == ("paths", "auto")


def test_only_what_is_read_is_kept():
    tree = token_tree(encoded(ROWS, [(0, 3), (3, 1), (4, 3), (0, 0)]))
    kept = tree.only_read(whole_steps=False)
    assert kept.inputs[torch.as_tensor(kept.reads)].tolist() == [3, 5, 3, 7]
    assert len(kept) == 3
    batch = token_batch([kept, kept], "packed")
    assert batch.inputs[batch.rows, batch.columns].tolist() == [3, 5, 3, 7] * 2
