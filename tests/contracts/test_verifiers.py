"""The laws of the Verifier protocol, over every implementation."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from arts.errors import UsageError
from arts.problems.base import Verdict
from arts.trees.tree import ROOT, Outcome, Step, Tree
from arts.verifiers import features, neural
from arts.verifiers.base import flow_weights
from arts.verifiers.cached import CachedScoring
from arts.verifiers.checkpoint import SavedVerifier
from arts.verifiers.encoding import encode
from arts.verifiers.features import FeatureCache, batches
from arts.verifiers.load import SIMPLE, load_verifier
from arts.verifiers.modules import Architecture, load_feature_model, load_tokenizer, make_scorer
from arts.verifiers.neural import NeuralVerifier
from arts.verifiers.packing import token_tree
from arts.verifiers.reading import Meaning

SOLUTIONS = {
    "solve 7 x = 12 mod 29": [
        ["add 7 x = 41\n", "add 7 x = 70\n", "div 1 x = 10\n"],
        ["add 7 x = 41\n", "div 1 x = 6\n"],
        ["add 7 x = 41\n"],
    ],
    "solve 3 x = 5 mod 19": [["neg 16 x = 14\n", "div 8 x = 7\n"] + ["add 8 x = 26\n"] * 12, ["add 3 x = 24\n"]],
    "solve 2 x = 4 mod 23": [["<eos>\x00\u202e\r\n", "²é𝒙 😀\ud83d\n"], [""], ["div 1 x = 2\n"]],
}


def grow(question):
    tree = Tree(problem_id=question, question=question)
    for backbone, texts in enumerate(SOLUTIONS[question]):
        steps = [Step(text=t, tokens=len(t.split()), logprob=-len(t) / 7) for t in texts]
        tree.add_rollout(steps, outcome=Outcome(answer="1", verdict=Verdict.INCORRECT if backbone else Verdict.CORRECT))
    return tree


TREES = [grow(question) for question in SOLUTIONS]
EVERYTHING = [(tree, range(len(tree))) for tree in TREES]


def fresh(unit="log_flow", per_step=False, **shape):
    """A neural verifier nobody has trained; its numbers are small, so a law must hold to the last digits."""
    torch.manual_seed(0)
    architecture = Architecture(backbone="bundled", **shape)
    about = SavedVerifier(name="fresh", unit=unit, architecture=architecture, per_step=per_step)
    return NeuralVerifier(about, make_scorer(architecture, Meaning(unit=unit)))


BUNDLED = Architecture(backbone="bundled", mode="frozen")
NEURAL = {
    "frozen": {"mode": "frozen", "reading": "state", "trunk_width": 32},
    "trunk": {"mode": "frozen", "reading": "state", "trunk_width": 32, "trunk_layers": 1},
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


CACHED = {"cached": NEURAL["full"], "cached trunk": NEURAL["trunk"], "cached steps": NEURAL["steps"]}
CACHED |= {f"cached {name}": shape for name, shape in NEURAL.items() if "whole" in name}


@pytest.fixture(scope="module", params=[*SIMPLE, *NEURAL, *CACHED])
def verifier(request):
    if request.param in CACHED:
        return CachedScoring(fresh(**CACHED[request.param]))
    return load_verifier(request.param) if request.param in SIMPLE else fresh(**NEURAL[request.param])


def near(actual, expected):
    np.testing.assert_allclose(np.concatenate(actual), np.concatenate(expected), rtol=1e-5, atol=1e-5)


def test_one_finite_number_per_state_and_states_differ(verifier):
    scores = verifier.score(EVERYTHING)
    assert [s.shape for s in scores] == [(len(tree),) for tree in TREES]
    assert all(s.dtype == np.float64 for s in scores)
    assert np.isfinite(np.concatenate(scores)).all()
    assert all(np.ptp(s) > 1e-4 for s in scores)  # else the laws below would hold for a constant
    if verifier.unit == "probability":
        assert all(((s >= 0) & (s <= 1)).all() for s in scores)


def test_nothing_asked_nothing_answered(verifier):
    assert verifier.score([]) == []
    assert [s.shape for s in verifier.score([(TREES[0], [])])] == [(0,)]
    between = verifier.score([(TREES[0], []), (TREES[1], [1]), (TREES[2], [])])
    assert [s.shape for s in between] == [(0,), (1,), (0,)]


def test_the_same_states_give_the_same_scores(verifier):
    for once, again in zip(verifier.score(EVERYTHING), verifier.score(EVERYTHING), strict=True):
        np.testing.assert_array_equal(once, again)


def test_a_score_does_not_depend_on_its_company(verifier):
    alone = [np.concatenate([verifier.score([(tree, [n])])[0] for n in nodes]) for tree, nodes in EVERYTHING]
    near(verifier.score(EVERYTHING), alone)


def test_scores_follow_the_order_of_trees_and_nodes(verifier):
    known = dict(zip(TREES, verifier.score(EVERYTHING), strict=True))
    asked = [(TREES[1], [5, 0, 3]), (TREES[0], [2, 2, 1]), (TREES[1], [0, 14, 5])]
    near(verifier.score(asked), [known[tree][nodes] for tree, nodes in asked])


def test_small_batches_give_the_same_scores(verifier, monkeypatch):
    expected = verifier.score(EVERYTHING)
    monkeypatch.setattr(neural, "BATCH_TOKENS", 40)
    monkeypatch.setattr(features, "BATCH_TOKENS", 40)
    near(verifier.score(EVERYTHING), expected)


def test_values_are_success_probabilities_in_the_order_of_the_scores(verifier):
    scores = np.linspace(0.01, 0.99, 9)
    values = verifier.values(scores)
    assert values.shape == scores.shape
    if verifier.unit in ("rank", "log_probability"):  # they say nothing about success
        assert np.isnan(values).all()
    else:
        assert ((values >= 0) & (values <= 1)).all()
        assert (np.diff(values) > 0).all()


TEXTS = [tree.solution(r.leaf) for tree in TREES for r in tree.rollouts]


def test_plain_texts_have_the_scores_of_their_trees(verifier):
    if verifier.needs:
        with pytest.raises(UsageError, match=f"^{verifier.name}: needs {verifier.needs}, which plain texts"):
            verifier.score_texts("q", ["a"])
        return
    for question, tree in zip(SOLUTIONS, TREES, strict=True):
        leaves = [r.leaf for r in tree.rollouts]
        texts = [tree.solution(n) for n in leaves]
        found = verifier.score_texts(question, texts, splitter=None if verifier.splitter else "newline")
        if verifier.name == "length":  # plain texts have no token counts
            assert found.tolist() == [-len(text) for text in texts]
        else:
            near([found], verifier.score([(tree, leaves)]))


def test_equal_texts_have_equal_scores_in_their_order(verifier):
    if verifier.needs:
        return
    one, other = (verifier.score_texts("q", texts, splitter="newline") for texts in (TEXTS, TEXTS[::-1] + TEXTS))
    near([other], [np.concatenate([one[::-1], one])])
    np.testing.assert_array_equal(other[: len(one)][::-1], other[len(one) :])
    assert verifier.score_texts("q", [], splitter="newline").shape == (0,)


def test_a_splitter_that_is_not_known_is_asked_for():
    verifier = fresh(**NEURAL["frozen"])
    with pytest.raises(UsageError, match=r"^fresh: does not say how its steps were cut; give splitter="):
        verifier.score_texts("q", ["a"])
    with pytest.raises(UsageError, match="no splitter 'newlines'; did you mean 'newline'"):
        verifier.score_texts("q", ["a"], splitter="newlines")


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 100))
def test_batches_hold_all_rows_in_order_and_no_more_tokens_than_asked(lengths, most):
    parts = [lengths[part] for part in batches(lengths, most)]
    assert [length for part in parts for length in part] == lengths
    assert all(len(part) == 1 or sum(part) <= most for part in parts)


def token_trees():
    tokenizer = load_tokenizer("bundled")
    return [token_tree(encode(tree, nodes, tokenizer, 100)) for tree, nodes in EVERYTHING]


@pytest.mark.parametrize("most", [1, 60])
def test_features_do_not_depend_on_their_batches(monkeypatch, most):
    model, trees = load_feature_model(BUNDLED), token_trees()
    expected = FeatureCache(model, keep=False).features(trees)
    sizes, compute = [], FeatureCache._compute

    def counted(cache, part):
        sizes.append([len(tree) for tree in part])
        return compute(cache, part)

    monkeypatch.setattr(FeatureCache, "_compute", counted)
    monkeypatch.setattr(features, "BATCH_TOKENS", most)
    near(FeatureCache(model, keep=True).features(trees), expected)
    assert len(sizes) > 1
    assert all(len(part) == 1 or sum(part) <= most for part in sizes)


def test_features_are_the_states_and_log_probabilities_of_each_trajectory():
    model, trees = load_feature_model(BUNDLED), token_trees()
    for tree, found in zip(trees, FeatureCache(model, keep=False).features(trees), strict=True):
        for path in map(torch.as_tensor, tree.paths):
            ids = tree.ids[path][None]
            with torch.no_grad():
                out = model(input_ids=ids, output_hidden_states=True)
            chosen = out.logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
            torch.testing.assert_close(found[path, :-1], out.hidden_states[-1][0], rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(found[path, -1], torch.cat([torch.zeros(1), chosen]), rtol=1e-4, atol=1e-4)


def test_features_on_disk_are_those_of_the_model_and_the_text(tmp_path, monkeypatch):
    model, trees = load_feature_model(BUNDLED), token_trees()
    expected = FeatureCache(model, keep=False, folder=tmp_path).features(trees)
    files = sorted(tmp_path.glob("*/*.safetensors"))
    assert len(files) == len(trees)
    files[0].write_bytes(b"torn")
    computed, compute = [], FeatureCache._compute
    monkeypatch.setattr(
        FeatureCache, "_compute", lambda cache, part: computed.append(len(part)) or compute(cache, part)
    )
    near(FeatureCache(model, keep=False, folder=tmp_path).features(trees), expected)
    assert computed == [1]  # the torn one
    other = load_feature_model(BUNDLED)
    other.base_model.norm.weight.data += 0.5
    changed = FeatureCache(other, keep=False, folder=tmp_path).features(trees)
    assert computed == [1, len(trees)]
    assert not np.allclose(changed[0], expected[0], atol=1e-2)


def test_only_the_oracle_reads_outcomes_and_nobody_changes_the_tree(verifier):
    unlabelled = copy.deepcopy(TREES[0])
    unlabelled.outcomes.clear()
    before = copy.deepcopy(vars(unlabelled))
    (blind,), (seeing,) = verifier.score([(unlabelled, range(5))]), verifier.score([(TREES[0], range(5))])
    assert vars(unlabelled) == before
    assert np.allclose(blind, seeing, atol=1e-6) == (verifier.name != "oracle")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("likelihood", [0, -13 / 7, -26 / 7, -39 / 7, -25 / 7, -13 / 7]),
        ("length", [0, -5, -10, -15, -10, -5]),
        ("oracle", [1 / 3, 1 / 2, 1, 1, 0, 0]),  # node 1: two of the three solutions; node 5 ends at its first step
    ],
)
def test_baselines_by_hand(name, expected):
    assert TREES[0].parent == [-1, 0, 1, 2, 1, 0]
    np.testing.assert_allclose(load_verifier(name).score([(TREES[0], range(6))])[0], expected)


def test_length_counts_characters_where_tokens_are_unknown():
    tree = Tree(problem_id="p", question="q")
    tree.add_path(ROOT, [Step(text="abc"), Step(text="de")], "stop")
    np.testing.assert_array_equal(load_verifier("length").score([(tree, [0, 1, 2])])[0], [0, -3, -5])


def test_a_verifier_of_steps_multiplies_along_the_path():
    steps, product = (fresh(**{**NEURAL["steps"], "per_step": per_step}) for per_step in (False, True))
    for tree, single, whole in zip(TREES, steps.score(EVERYTHING), product.score(EVERYTHING), strict=True):
        np.testing.assert_allclose(whole, [np.prod(single[tree.path(n)]) for n in range(len(tree))], rtol=1e-5)
        assert whole[ROOT] == 1


def test_a_probability_is_the_logistic_of_the_output():
    logit, probability = fresh(mode="full", reading="state"), fresh(mode="full", reading="state", unit="probability")
    near(probability.score(EVERYTHING), [1 / (1 + np.exp(-s)) for s in logit.score(EVERYTHING)])


@pytest.mark.parametrize(
    ("unit", "weights"),
    [
        ("log_flow", [1 / 3, 1, 1 / 6]),
        ("log_probability", [1 / 3, 1, 1 / 6]),
        ("logit", [1 / 3, 1, 1 / 6]),
        ("probability", [math.log(2), math.log(6), math.log(1)]),
        ("rank", [2, 3, 1]),
    ],
)
def test_flow_weights(unit, weights):
    np.testing.assert_allclose(flow_weights(np.log([2.0, 6.0, 1.0]), unit), weights)


def test_equal_ranks_weigh_the_same():
    np.testing.assert_array_equal(flow_weights(np.array([[5, 1, 5], [2, 2, 2]]), "rank"), [[2.5, 1, 2.5], [2, 2, 2]])


@pytest.mark.parametrize("unit", ["log_flow", "log_probability", "logit", "rank"])
def test_where_all_is_impossible_all_weigh_the_same(unit):
    impossible, usual = flow_weights(np.array([[-math.inf] * 3, [0, -math.inf, 0]]), unit)
    assert np.ptp(impossible) == 0 and impossible[0] > 0
    assert usual[0] == usual[2] > usual[1]


def test_flow_weights_of_extreme_scores_stay_finite():
    np.testing.assert_allclose(flow_weights(np.array([1e6, 1e6 - 1, -1e6]), "log_flow"), [1, math.exp(-1), 0])
