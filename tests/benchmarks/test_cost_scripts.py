"""The scripts that measure cost compare ways that give the same scores and gradients; their times are not tested."""

import packing
import pytest
import reader_cost
import scoring
from _study import testbed_trees as sampled, trees_of

from arts.verifiers.modules import Architecture


@pytest.mark.parametrize(
    "how", [{}, {"mode": "full"}, {"reading": "state"}, {"reading": "state", "trunk_layers": 1}], ids=str
)
def test_the_three_ways_of_scoring_a_search_agree_and_cached_reads_what_is_new(how, monkeypatch):
    monkeypatch.setattr(scoring, "PROMPT", 20)
    monkeypatch.setattr(scoring, "STEP", 8)
    verifier = scoring.untrained(Architecture(backbone="bundled", precision="float32", **how))
    steps = scoring.search(verifier, scoring.ADDS, 3, seed=0)
    assert max(step.difference for step in steps) < scoring.TOLERANCE
    assert min(step.spread for step in steps) > 10 * scoring.TOLERANCE
    assert all(step.tokens["cached"] <= step.tokens["packed"] < step.tokens["whole"] for step in steps)
    (row,) = scoring.table([steps, steps], [3])
    assert row["tokens"]["whole"] == sum(step.tokens["whole"] for step in steps) and row["ratios"]["cached"] == 1


def test_the_three_layouts_of_an_update_have_the_same_gradients():
    shape = packing.Shape(depth=2, step=5, backbones=2, prompt=10, layers=1, width=64)
    assert packing.check_equal({layout: packing.make_update(shape, layout) for layout in packing.LAYOUTS}) < 1e-5


@pytest.fixture(scope="module")
def benches(tmp_path_factory):
    store = tmp_path_factory.mktemp("cost") / "trees.db"
    sampled(store, "train", 5)
    return reader_cost.benches(trees_of(store))


def test_both_layouts_give_the_same_scores_and_other_scores_are_refused(benches, monkeypatch):
    reader_cost.check_equal(benches)
    packed = benches["trunk", "packed"]
    assert packed.verifier.features.model.config._attn_implementation == reader_cost.TREE_ATTENTION
    monkeypatch.setattr(reader_cost.Bench, "_score_paths", lambda self: 9.0)
    with pytest.raises(SystemExit, match="apart"):
        reader_cost.check_equal(benches)


def test_a_pass_updates_the_weights_batch_by_batch(benches):
    for bench in benches.values():
        weight = next(bench.verifier.scorer.parameters())
        before = weight.detach().clone()
        assert bench.training().run() == 2 and bench.training().run(1) == 1
        assert not before.equal(weight.detach())


def test_sizes_are_counted(benches):
    reader, trunk = (reader_cost.sizes(benches[name, "packed"]) for name in (reader_cost.READER, reader_cost.TRUNK))
    assert (reader["bytes_per_token"], trunk["bytes_per_token"]) == (4 * (4 * 128 + 1), 4 * (128 + 1))
    assert reader["tokens_read"] < reader["tokens"] == trunk["tokens"] == trunk["tokens_read"] < trunk["path_tokens"]


def test_a_median_is_of_rounds_after_the_first():
    calls = []
    works = {("a",): lambda: calls.append("a"), ("b",): lambda: calls.append("b")}
    assert set(reader_cost.seconds(works, 2)) == {("a",), ("b",)}
    assert "".join(calls) == "abbaab"
