"""Scoring that keeps what it has computed: the same scores, new tokens only, bounded memory."""

import gc
import itertools
import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast

from arts.errors import ModelError
from arts.trees.tree import ROOT, Step, Tree
from arts.verifiers import cached as module, memory
from arts.verifiers.attention import TREE_ATTENTION
from arts.verifiers.cached import CachedScoring
from arts.verifiers.checkpoint import SavedVerifier
from arts.verifiers.encoding import encode
from arts.verifiers.load import SIMPLE, cached, load_verifier
from arts.verifiers.memory import NOTHING, Run, SlotTensors, TokenIndex, memory_layout
from arts.verifiers.modules import Architecture, make_scorer
from arts.verifiers.neural import NeuralVerifier
from arts.verifiers.reading import Meaning

MOST = 14
KINDS = {
    "frozen": {"mode": "frozen", "reading": "state", "trunk_width": 32},
    "trunk": {"mode": "frozen", "reading": "state", "trunk_width": 32, "trunk_layers": 2},
    "full": {"mode": "full", "reading": "state"},
    "lora": {"mode": "lora", "reading": "state"},
    "probability": {"mode": "full", "reading": "state", "unit": "probability"},
    "steps": {"mode": "full", "reading": "state", "unit": "probability", "per_step": True},
    "whole steps": {"mode": "frozen"},
    "whole steps, trunk": {"mode": "frozen", "trunk_width": 32, "trunk_layers": 1},
    "whole steps, success": {"mode": "full", "unit": "probability"},
    "whole steps, adapters": {"mode": "lora", "unit": "logit"},
    "whole steps in windows": {"mode": "frozen", "max_tokens": 16},
}


def fresh(unit="log_flow", per_step=False, **shape):
    torch.manual_seed(0)
    architecture = Architecture(backbone="bundled", **shape)
    about = SavedVerifier(name="fresh", unit=unit, architecture=architecture, per_step=per_step)
    scorer = make_scorer(architecture, Meaning(unit=unit))
    for name, weight in scorer.named_parameters():
        if "lora_B" in name:  # an adapter starts as nothing
            torch.nn.init.normal_(weight, std=0.1)
    return NeuralVerifier(about, scorer)


def merging():
    """Up to three letters are one token, whichever steps they are from; a token that is no text ends each text."""
    words = ["".join(w) for n in (1, 2, 3) for w in itertools.product("ab", repeat=n)]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(["?", " ", *words])}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[ab]{1,3}|[^ab]"), behavior="isolated")
    tokenizer.add_special_tokens(["|"])
    closing = [("|", tokenizer.token_to_id("|"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="$A |", special_tokens=closing)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def merged(**kind):
    """Reads few tokens of texts whose steps merge."""
    verifier = fresh(**{"max_tokens": MOST, **kind})
    verifier.tokenizer = merging()
    return verifier


VERIFIERS = {name: merged(**kind) for name, kind in KINDS.items()}
FULL = fresh(mode="full")
every_kind = pytest.mark.parametrize("verifier", VERIFIERS.values(), ids=VERIFIERS)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """So that a few tokens are several chunks, of different lengths."""
    monkeypatch.setattr(memory, "CHUNK", 4)
    monkeypatch.setattr(memory, "GROUPS", 2)


def plant(question="ab"):
    return Tree(problem_id="p", question=question)


def grow(tree, parent, text):
    return tree.add(parent, Step(text=text))


def near(actual, expected):
    assert [a.shape for a in actual] == [e.shape for e in expected]
    np.testing.assert_allclose(np.concatenate(actual), np.concatenate(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["whole steps", "whole steps, success"])
def test_soundness_is_that_of_the_steps_so_far_and_never_rises(kind):
    verifier = fresh(**KINDS[kind])
    tree = plant("solve 3 x = 5 mod 19")
    open_ = grow(tree, ROOT, "add 4 x = 9\n")
    deeper, ended = grow(tree, open_, "mul 2 x = 8\n"), tree.add_path(open_, [Step(text="div 3 x = 3")], "stop")
    sound = verifier.soundness()
    assert (sound.name, sound.unit) == (f"{verifier.name}, steps so far", verifier.unit)
    (whole,), (so_far,) = (v.score([(tree, [ROOT, open_, deeper, ended])]) for v in (verifier, sound))
    assert so_far[3] == whole[3]
    assert so_far[0] > so_far[1] > max(so_far[2], so_far[3])
    assert not np.isclose(so_far[:3], whole[:3]).any()
    near(cached(sound).score([(tree, [ended, open_])]), [so_far[[3, 1]]])
    assert fresh(**KINDS["frozen"]).soundness() is None


numbers = st.integers(0, 1000)
additions = st.tuples(numbers, numbers, st.text("ab ", max_size=4))
questions = st.lists(st.tuples(numbers, st.lists(numbers, max_size=4)), max_size=3)
histories = st.lists(st.tuples(st.lists(additions, max_size=4), questions), max_size=6)


def replay(history):
    """Trees that grow, and what is asked after each growth."""
    trees = [plant(), plant(), plant("b a")]
    for added, asked in history:
        for which, parent, text in added:
            tree = trees[which % 3]
            grow(tree, parent % len(tree), text)
        yield [(trees[which % 3], [n % len(trees[which % 3]) for n in nodes]) for which, nodes in asked]


@every_kind
@settings(max_examples=25)
@given(
    history=histories, memory_tokens=st.sampled_from([1, MOST + 3, 2 * MOST, 1000]), most=st.sampled_from([1, 6, 99])
)
def test_scores_are_those_of_whole_texts_whatever_was_asked_before(verifier, history, memory_tokens, most):
    keeping = CachedScoring(verifier, memory_tokens=memory_tokens)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_TOKENS", most)
        for batch in replay(history):
            actual = keeping.score(batch)
            assert len(actual) == len(batch)
            if batch:
                near(actual, verifier.score(batch))


@every_kind
@pytest.mark.parametrize("memory_tokens", [1, 1000])
def test_each_state_scores_as_by_itself_while_the_tree_grows(verifier, memory_tokens):
    rng, tree, keeping = np.random.default_rng(0), plant(), CachedScoring(verifier, memory_tokens=memory_tokens)
    found = [keeping.score([(tree, [ROOT])])[0][0]]
    for text in ["ab b", "a ba", " b", "", "ba", "bb a", "a"] * 2:
        node = grow(tree, int(rng.integers(len(tree))), text)
        if node == len(found):
            found.append(keeping.score([(tree, [node])])[0][0])
    alone = [verifier.score([(tree, [node])])[0][0] for node in range(len(tree))]
    np.testing.assert_allclose(found, alone, rtol=1e-5, atol=1e-5)
    assert np.ptp(found) > 1e-3  # not a comparison of constants


def unique_prefixes(verifier, asked):
    """Beginnings of texts, in tokens, up to where something is read."""
    found = set()
    for tree, nodes in asked:
        coded = encode(tree, nodes, verifier.tokenizer, verifier.shape.max_tokens)
        for row, column in zip(coded.rows, coded.columns, strict=True):
            found |= {tuple(coded.ids[row][: end + 1]) for end in range(column + 1)}
    return found


@settings(max_examples=40)
@given(histories)
def test_a_search_computes_every_token_once(history):
    verifier = VERIFIERS["frozen"]
    keeping, asked = CachedScoring(verifier), []
    for batch in replay(history):
        keeping.score(batch)
        asked += [(tree, list(nodes)) for tree, nodes in batch]
        assert keeping.tokens_new == len(unique_prefixes(verifier, asked))


LINES = ["add 7 x = 41\n", "neg 4 x = 3\n", "div 1 x = 10\n"]


def lengths(tree):
    """Tokens of every state's text."""
    return [len(FULL.tokenizer(f"{tree.question}\n{tree.solution(node)}")["input_ids"]) for node in range(len(tree))]


def test_a_new_step_costs_its_own_tokens():
    tree, keeping, node = plant("solve 7 x = 12 mod 29"), CachedScoring(FULL), ROOT
    for _ in range(6):
        keeping.score([(tree, [node])])
        before = keeping.tokens_new
        node = grow(tree, node, LINES[0])
        keeping.score([(tree, [node])])
        assert keeping.tokens_new - before == lengths(tree)[node] - lengths(tree)[tree.parent[node]]


def test_a_state_asked_again_costs_nothing():
    tree, keeping = plant(), CachedScoring(FULL)
    leaf = tree.add_path(ROOT, [Step(text=line) for line in LINES], "stop")
    first = keeping.score([(tree, [leaf, leaf])])
    new, reused = keeping.tokens_new, keeping.tokens_reused
    assert (new, reused) == (lengths(tree)[leaf], 0)
    np.testing.assert_array_equal(first, keeping.score([(tree, [leaf, leaf])]))
    assert keeping.score([(tree, range(len(tree)))])[0][leaf] == first[0][0]
    assert (keeping.tokens_new, keeping.tokens_reused) == (new, 2 * new)


def test_equal_texts_of_two_trees_are_computed_once():
    keeping = CachedScoring(FULL)
    keeping.score([(plant("solve"), [ROOT]), (plant("solve"), [ROOT])])
    assert keeping.tokens_new == keeping.tokens_reused == lengths(plant("solve"))[ROOT]


def test_all_new_tokens_of_all_trees_run_together(monkeypatch):
    passes, forward = [], CachedScoring._forward
    monkeypatch.setattr(CachedScoring, "_forward", lambda self, runs: passes.append(len(runs)) or forward(self, runs))
    trees = [plant("solve 7"), plant("solve x")]
    nodes = [[grow(tree, ROOT, line) for line in LINES] for tree in trees]
    keeping = CachedScoring(FULL)
    keeping.score(list(zip(trees, nodes, strict=True)))
    keeping.score([(trees[0], [grow(trees[0], nodes[0][0], LINES[0])])])
    assert passes == [6, 1]


def test_the_least_recently_used_is_given_up_first():
    verifier = fresh(mode="full", max_tokens=16)
    texts = [plant(word) for word in ("add", "neg", "div")]
    size = lengths(texts[0])[ROOT]
    keeping = CachedScoring(verifier, memory_tokens=16)

    def cost(tree):
        before = keeping.tokens_new
        keeping.score([(tree, [ROOT])])
        return keeping.tokens_new - before

    filler = plant("x " * (16 - 2 * size))
    first, second, third = texts
    assert [cost(tree) > 0 for tree in (first, second)] == [True, True]
    assert cost(first) == 0
    assert cost(filler) > 0
    assert cost(first) == 0
    assert cost(second) > 0
    assert cost(third) > 0


@settings(max_examples=20)
@given(histories, st.integers(1, 3 * MOST))
def test_no_more_is_kept_than_there_is_memory_for(history, memory_tokens):
    keeping = CachedScoring(VERIFIERS["trunk"], memory_tokens=memory_tokens)
    size = max(memory_tokens, MOST)
    for batch in replay(history):
        keeping.score(batch)
        assert len(keeping._index) <= size
        assert all(len(tensor) == size for tensor in keeping._tensors._kept.values())


def test_a_tree_that_was_scored_is_not_kept_alive():
    tree, keeping = plant(), CachedScoring(FULL)
    keeping.score([(tree, [grow(tree, ROOT, LINES[0])])])
    gone = weakref.ref(tree)
    del tree
    gc.collect()
    assert gone() is None


def test_a_failed_pass_leaves_nothing_behind(monkeypatch):
    tree, keeping, run = plant(), CachedScoring(FULL), []
    node = grow(tree, ROOT, LINES[0])
    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(CachedScoring, "_forward", lambda self, runs: (_ for _ in ()).throw(MemoryError))
        keeping.score([(tree, [node])])
    forward = CachedScoring._forward
    monkeypatch.setattr(CachedScoring, "_forward", lambda self, runs: run.extend(runs) or forward(self, runs))
    near(keeping.score([(tree, [ROOT])]), FULL.score([(tree, [ROOT])]))
    assert [len(r.ids) - r.known for r in run] == [lengths(tree)[ROOT]]


def test_what_cannot_be_cached_stays_as_it_is():
    for name in SIMPLE:
        simple = load_verifier(name)
        assert cached(simple) is simple
    full, frozen = fresh(mode="full"), fresh(mode="frozen")
    for verifier, model in ((full, full.scorer.encoder.model), (frozen, frozen.features.model)):
        assert isinstance(cached(verifier), CachedScoring)
        model.set_attn_implementation("sdpa")
        assert cached(verifier) is verifier
        with pytest.raises(ModelError, match="attention of its own"):
            CachedScoring(verifier)


def test_name_unit_and_values_are_those_of_the_verifier():
    keeping = cached(VERIFIERS["probability"])
    assert (keeping.name, keeping.unit) == ("fresh", "probability")
    np.testing.assert_array_equal(keeping.values(np.array([0.25])), [0.25])


def test_a_verifier_without_a_network_is_passed_on_without_torch():
    program = (
        "import sys; from arts.verifiers.load import *; cached(load_verifier('length')); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


texts = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), max_size=5)


@given(st.lists(texts, max_size=8), st.integers(8, 30))
def test_a_slot_holds_the_token_it_was_claimed_for(epochs, size):
    index, held = TokenIndex(size), {}
    for epoch in epochs:
        claimed = {}
        for ids in epoch:
            prefixes = [tuple(ids[: i + 1]) for i in range(len(ids))]
            found = index.claim(ids)
            if found is None:
                assert len({*claimed, *prefixes}) > size
                break
            slots, known = found
            assert [held.get(slot) for slot in slots[:known].tolist()] == prefixes[:known]
            held |= dict(zip(slots.tolist(), prefixes, strict=True))
            claimed |= dict(zip(prefixes, slots.tolist(), strict=True))
            assert all(held[slot] == prefix for prefix, slot in claimed.items())
        index.release()
        assert len(index) <= size


@pytest.mark.parametrize("times", [1, 2])
def test_a_text_is_given_up_from_its_end(times):
    index = TokenIndex(6)
    for _ in range(times):
        index.claim([0, 1, 2, 3, 4, 5])
        index.release()
    index.claim([8, 9])
    assert [index.claim([0, 1, 2, 3])[1], index.claim([0, 1, 2, 3, 4])] == [4, None]


def llama(key_value_heads):
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    grouped = {"num_key_value_heads": key_value_heads, "pad_token_id": None}
    return LlamaModel(LlamaConfig(vocab_size=16, attn_implementation=TREE_ATTENTION, **sizes, **grouped))


@pytest.mark.parametrize("key_value_heads", [4, 2, 1])
@torch.inference_mode()
def test_hidden_states_of_new_tokens_are_those_of_the_whole_text(key_value_heads):
    model, tensors, index = llama(key_value_heads), SlotTensors(60), TokenIndex(60)
    passes = [
        [[7, 1, 2], [8]],
        [[7, 1, 2, 3, 9, 9, 9, 9, 9], [7, 1, 2, 3, 4], [7, 5], [8, *range(16)]],
        [[7, 1, 2, 3, 9, 1]],
    ]
    for rows in passes:
        runs = [Run(ids=ids, slots=slots, known=known) for ids in rows for slots, known in [index.claim(ids)]]
        new = [(run.ids[depth], depth) for run in runs for depth in range(run.known, len(run.ids))]
        ids, depths = torch.tensor(new).T[:, None]
        out = model(input_ids=ids, position_ids=depths, use_cache=False, layout=memory_layout(tensors, runs))
        parts = torch.split(out.last_hidden_state[0], [len(run.ids) - run.known for run in runs])
        for run, part in zip(runs, parts, strict=True):
            whole = model(input_ids=torch.tensor([run.ids]), use_cache=False).last_hidden_state[0]
            torch.testing.assert_close(part, whole[run.known :], rtol=1e-5, atol=1e-5)


def test_the_token_before_is_that_of_the_text():
    run = Run(ids=[5, 6, 7], slots=np.array([3, 0, 2]), known=1)
    assert run.before.tolist() == [3, 0]
    assert Run(ids=run.ids, slots=run.slots, known=0).before.tolist() == [NOTHING, 3, 0]


def test_no_slot_is_read_that_was_not_written():
    long, short = np.arange(10, 19), np.array([30, 31])
    runs = [Run(ids=range(9), slots=long, known=0), Run(ids=range(2), slots=short, known=1)]
    read = {frozenset(row) for group in memory_layout(SlotTensors(40), runs).groups for row in group.keys.tolist()}
    assert read == {frozenset(long[:4]), frozenset(long[:8]), frozenset(long), frozenset(short)}
