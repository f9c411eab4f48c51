"""Trees as token sequences, for tokenizers that cut text in different ways."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from arts.models import bundled_model
from arts.trees.tree import ROOT, Step, Tree
from arts.verifiers.encoding import encode, windows
from arts.verifiers.modules import load_tokenizer

QUESTION = "solve 7 x = 12 mod 29"
HOSTILE = ["<eos>", "<pad>", "\x00", "\u202e", "\r\n", "é²", "😀", "e\u0301", " ", "\n\n", "\ufeff", "[MASK]", "ﬁ"]


def bundled():
    """Words, after a token that stands for no text."""
    return load_tokenizer(str(bundled_model()))


def single_bytes():
    """Bytes: one character may be several tokens that begin at the same place."""
    alphabet = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(alphabet, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def marked_bytes():
    """The same between two tokens that stand for no text."""
    tokenizer = single_bytes().backend_tokenizer
    marks = ["<|opening mark|>", "<|closing mark|>"]
    tokenizer.add_special_tokens(marks)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[marks[0], "$A", marks[1]], special_tokens=[(m, tokenizer.token_to_id(m)) for m in marks]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def triples():
    """Three characters each, so that tokens straddle steps."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]{1,3}"), behavior="isolated")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


MARKED = marked_bytes()
TOKENIZERS = {make.__name__: make() for make in (bundled, single_bytes, triples)}
LINES = st.sampled_from(["add 7 x = 41\n", "neg 4 x = 3\n", "div 1 x = 10\n"])
ANYTHING = st.lists(st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), max_size=5), max_size=4).map(
    "".join
)
every_tokenizer = pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)


def trees(text):
    return st.lists(st.lists(text, min_size=1, max_size=4), min_size=1, max_size=4).map(grow)


def grow(solutions):
    tree = Tree(problem_id="p", question=QUESTION)
    for steps in solutions:
        tree.add_path(ROOT, [Step(text=t) for t in steps], "stop")
    return tree


def everything(tree, tokenizer, max_tokens=10_000):
    return encode(tree, range(len(tree)), tokenizer, max_tokens)


def prefix(tree, node):
    return f"{tree.question}\n{tree.solution(node)}"


@given(tree=trees(LINES))
@pytest.mark.parametrize("name", ["bundled", "single_bytes"])
def test_a_state_is_read_at_the_last_token_of_its_own_text(name, tree):
    coded = everything(tree, TOKENIZERS[name])
    for node, row, column in zip(range(len(tree)), coded.rows, coded.columns, strict=True):
        assert coded.ids[row][: column + 1] == TOKENIZERS[name](prefix(tree, node))["input_ids"]


@given(tree=trees(ANYTHING))
def test_bytes_are_counted_in_any_text(tree):
    coded = everything(tree, TOKENIZERS["single_bytes"])
    assert coded.columns.tolist() == [len(prefix(tree, n).encode()) - 1 for n in range(len(tree))]


@given(tree=trees(ANYTHING))
def test_a_straddling_token_belongs_to_the_step_it_begins_in(tree):
    coded = everything(tree, TOKENIZERS["triples"])
    assert coded.columns.tolist() == [(len(prefix(tree, n)) - 1) // 3 for n in range(len(tree))]


@every_tokenizer
@given(tree=trees(ANYTHING))
def test_the_ids_are_those_of_the_whole_text(tokenizer, tree):
    coded = everything(tree, tokenizer)
    assert coded.texts == [prefix(tree, n) for n in range(len(tree)) if not tree.children[n]]
    assert coded.ids == [tokenizer(text)["input_ids"] for text in coded.texts]


@every_tokenizer
@given(tree=trees(ANYTHING), data=st.data())
def test_nodes_come_back_in_the_order_asked_for(tokenizer, tree, data):
    nodes = data.draw(st.lists(st.integers(0, len(tree) - 1)))
    coded = encode(tree, nodes, tokenizer, 10_000)
    np.testing.assert_array_equal(coded.columns, everything(tree, tokenizer).columns[nodes])
    assert all(coded.texts[row].startswith(prefix(tree, n)) for n, row in zip(nodes, coded.rows, strict=True))


@every_tokenizer
@given(tree=trees(LINES | ANYTHING), max_tokens=st.integers(1, 60))
def test_of_a_long_text_every_token_is_read(tokenizer, tree, max_tokens):
    max_tokens += 1
    whole, cut = everything(tree, tokenizer), everything(tree, tokenizer, max_tokens)
    assert all(len(row) <= max_tokens for row in cut.ids)
    np.testing.assert_array_equal(cut.steps.sizes, whole.steps.sizes)
    for field in ("rows", "columns"):
        assert len(getattr(cut, field)) == len(tree)
    for where in (lambda e: zip(e.rows, e.columns, strict=True), lambda e: e.steps.tokens):
        assert [cut.ids[r][c] for r, c in where(cut)] == [whole.ids[r][c] for r, c in where(whole)]


@every_tokenizer
@given(tree=trees(LINES | ANYTHING))
def test_the_steps_of_a_solution_are_all_of_its_tokens(tokenizer, tree):
    coded = everything(tree, tokenizer)
    begins = np.cumsum(coded.steps.sizes) - coded.steps.sizes
    for leaf in (n for n in range(len(tree)) if not tree.children[n]):
        row, last = coded.rows[leaf], coded.columns[leaf]
        path = [n for n in tree.path(leaf) if coded.steps.judged[n]]
        opened = int(coded.columns[ROOT])
        found = [c for n in path for _, c in coded.steps.tokens[begins[n] : begins[n] + coded.steps.sizes[n]]]
        if all(coded.steps.tokens[begins[n], 0] == row for n in path):
            once = dict.fromkeys(found)  # an end without text is read at the token before it
            assert [c for c in once if c != opened] == list(range(opened + 1, last + 1))


@given(length=st.integers(1, 80), opening=st.integers(1, 20), most=st.integers(2, 20), more=st.integers(0, 20))
def test_windows_cover_a_text_and_do_not_change_as_it_grows(length, opening, most, more):
    ids = list(range(length + more))
    rows, where = windows(ids, min(opening, length), most)
    assert [rows[r][c] for r, c in where] == ids
    assert max(map(len, rows)) <= most
    before, earlier = windows(ids[:length], min(opening, length), most)
    np.testing.assert_array_equal(where[:length], earlier)
    assert all(row == longer[: len(row)] for row, longer in zip(before, rows, strict=False))


@given(tree=trees(LINES | ANYTHING))
def test_no_state_is_read_at_a_mark_around_the_text(tree):
    plain, marked = (everything(tree, TOKENIZERS["single_bytes"]), everything(tree, MARKED, 10_000))
    np.testing.assert_array_equal(marked.columns, plain.columns + 1)


@every_tokenizer
def test_half_a_surrogate_pair_is_one_character(tokenizer):
    half, replaced = (everything(grow([[f"a{c}", "b"]]), tokenizer) for c in "\ud83d\ufffd")
    assert half.texts == replaced.texts
    np.testing.assert_array_equal(half.columns, replaced.columns)


@pytest.mark.parametrize(
    ("nodes", "texts"),
    [
        ([1, 2, 3], ["abc", "abd"]),
        ([3], ["abd"]),
        ([0, 1], ["ab"]),  # nothing below what was asked for
        ([2, 4], ["abc", "x"]),
        ([0], [""]),
        ([2, 2], ["abc"]),
    ],
)
def test_the_fewest_texts_that_pass_through_the_nodes(nodes, texts):
    tree = grow([["ab", "c"], ["ab", "d"], ["x"]])
    assert tree.text == ["", "ab", "c", "d", "x"]
    coded = encode(tree, nodes, TOKENIZERS["triples"], 100)
    assert coded.texts == [f"{QUESTION}\n{text}" for text in texts]


@every_tokenizer
def test_no_nodes_no_positions(tokenizer):
    coded = encode(grow([["a"]]), [], tokenizer, 100)
    assert (coded.rows.tolist(), coded.columns.tolist()) == ([], [])
