"""A solution that says nothing is judged like any other; one whose end says nothing is as it was before."""

import numpy as np
import pytest
import torch

from arts.trees.tree import ROOT, Step, Tree
from arts.verifiers.cached import CachedScoring
from arts.verifiers.checkpoint import SavedVerifier
from arts.verifiers.encoding import encode
from arts.verifiers.modules import Architecture, load_tokenizer, make_scorer
from arts.verifiers.neural import NeuralVerifier
from arts.verifiers.reading import Meaning

QUESTION = "solve 3 x = 5 mod 7"


@pytest.fixture(scope="module")
def verifier():
    torch.manual_seed(0)
    shape = Architecture(backbone="bundled")
    scorer = make_scorer(shape, Meaning(unit="probability"))
    return NeuralVerifier(SavedVerifier(name="fresh", unit="probability", architecture=shape), scorer)


def with_empty_ends():
    tree = Tree(problem_id="p", question=QUESTION)
    said = tree.add(ROOT, Step(text="add 7 x = 5\n"))
    ends = [tree.add_rollout([], "stop").leaf, tree.add_rollout([], "stop", start=said, pivot=1).leaf]
    ends.append(tree.add_rollout([Step(text="mul 5 x = 4\n")], "stop").leaf)
    return tree, ends


def test_it_is_judged_by_the_token_that_it_is_read_at():
    tree, ends = with_empty_ends()
    nodes = list(range(len(tree)))
    steps = encode(tree, nodes, load_tokenizer("bundled"), 64).steps
    assert not steps.judged[ROOT]
    assert steps.judged[ends].tolist() == [True, False, True]


@pytest.mark.parametrize("ends", [[], [Step(text="")]])
def test_a_solution_whose_text_is_part_of_the_question_s_last_token_is_judged(ends):
    """As with tokenizers that take two line ends for one token."""

    def tokenizer(texts, return_offsets_mapping):
        return {
            "input_ids": [list(range(len(text) - 1)) for text in texts],
            "offset_mapping": [[*((i, i + 1) for i in range(len(t) - 2)), (len(t) - 2, len(t))] for t in texts],
        }

    tree = Tree(problem_id="p", question=QUESTION)
    leaf = tree.add_path(ROOT, [Step(text="\n"), *ends], "stop")
    path = [ROOT, *tree.path(leaf)]
    judged = encode(tree, path, tokenizer, 64).steps.judged
    assert judged.tolist() == [False] * (len(path) - 1) + [True]


def test_an_end_drawn_by_itself_changes_no_score(verifier):
    """As in a search, which asks for the next step until there is none."""
    tree = Tree(problem_id="p", question=QUESTION)
    lines = [Step(text="add 7 x = 5\n"), Step(text="mul 5 x = 4\n")]
    whole, by_itself = (tree.add_path(ROOT, [*lines, *end], "stop") for end in ([], [Step(text="")]))
    scores = verifier.score([(tree, [whole, by_itself])])[0]
    assert scores[0] == scores[1]
    assert CachedScoring(verifier).score([(tree, [by_itself])])[0][0] == pytest.approx(scores[0], abs=1e-6)


def test_it_does_not_get_the_highest_score_for_saying_nothing(verifier):
    tree, ends = with_empty_ends()
    scores = verifier.score([(tree, ends)])[0]
    assert (scores < 1 - 1e-6).all() and np.isfinite(scores).all()
    assert (verifier.score_texts(QUESTION, ["", "add 7 x = 5\n"], splitter="newline") < 1 - 1e-6).all()


def test_it_has_the_same_score_with_kept_states_whatever_was_asked_before(verifier):
    tree, ends = with_empty_ends()
    nodes = list(range(len(tree)))
    wanted = verifier.score([(tree, nodes)])[0]
    for asked in ([nodes], [ends, nodes], [ends[1:2], ends[:1], nodes]):
        cached = CachedScoring(verifier)
        found = [cached.score([(tree, part)])[0] for part in asked]
        np.testing.assert_allclose(found[-1], wanted, atol=1e-5)
