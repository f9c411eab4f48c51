"""Fitting on a few small trees, end to end."""

import functools
import json
import operator

import numpy as np
import pytest
import torch

from arts.errors import ArtsError, UsageError
from arts.problems.base import Verdict
from arts.training import fit
from arts.training.batches import collate, labelled_nodes, make_example
from arts.training.config import TrainConfig
from arts.training.fit import fit_verifier, is_finished
from arts.training.objectives import OBJECTIVES, make_objective
from arts.trees.tree import Outcome, Step, Tree
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import Architecture, load_feature_model, load_tokenizer, make_scorer
from arts.verifiers.neural import NeuralVerifier
from arts.verifiers.reading import Meaning

VERDICTS = {"+": Verdict.CORRECT, "-": Verdict.INCORRECT, "?": Verdict.UNGRADED}
MODES = ["frozen", "full", "lora"]
WAYS = [(o, r) for o in OBJECTIVES for r in ("state", "steps") if (o, r) != ("noisy_and", "steps")]


def grow(question, *solutions):
    """A tree of solutions, each written as its verdict and its lines."""
    tree = Tree(problem_id=question, question=question)
    for verdict, *lines in solutions:
        steps = [Step(text=f"{line}\n", tokens=5, logprob=-0.5) for line in lines]
        tree.add_rollout(steps, outcome=Outcome(answer=lines[-1], verdict=VERDICTS[verdict]))
    return tree


def forest(verdicts="+-"):
    """Four problems where the last line tells right from wrong."""
    return [
        grow(
            f"solve {a} x = 12 mod 29",
            (verdicts[0], f"add {a} x = 41", "div 1 x = 6"),
            (verdicts[-1], f"add {a} x = 41", "div 1 x = 10"),
            (verdicts[-1], f"mul {2 * a} x = 24"),
        )
        for a in (3, 5, 7, 9)
    ]


TREES = forest()
EVERYTHING = [(tree, range(len(tree))) for tree in TREES]


def train(
    out, *, trees=TREES, backbone="bundled", mode="frozen", reading="steps", trunk_layers=0, head_dropout=0.1, **config
):
    shape = Architecture(
        backbone=backbone,
        mode=mode,
        reading=reading,
        trunk_width=32,
        trunk_layers=trunk_layers,
        head_dropout=head_dropout,
    )
    settings = {"objective": "rfm", "epochs": 4, "trees_per_batch": 2, "learning_rate": 3e-3, "held_out": 0.0, **config}
    return fit_verifier(trees, shape, TrainConfig(**settings), out)


def scores(verifier):
    return np.concatenate(verifier.score(EVERYTHING))


def about(out):
    return json.loads((out / "verifier.json").read_text())


@pytest.mark.parametrize("mode", MODES)
def test_a_trained_verifier_is_read_back_as_it_was(tmp_path, mode):
    trained = train(tmp_path / "v", mode=mode, save_updates=2)
    np.testing.assert_array_equal(scores(NeuralVerifier.load(tmp_path / "v")), scores(trained))
    assert np.isfinite(about(tmp_path / "v")["metrics"]["training_loss"])
    assert about(tmp_path / "v")["metrics"]["updates"] == 4 * len(TREES) / 2
    assert is_finished(tmp_path / "v")
    assert not list(tmp_path.glob("v/checkpoint-*"))


@pytest.mark.parametrize(("objective", "reading"), WAYS)
def test_training_teaches_what_is_right(tmp_path, objective, reading):
    trained = train(
        tmp_path, objective=objective, reading=reading, epochs=60, learning_rate=5e-3, trunk_layers=1, head_dropout=0.0
    )
    assert trained.about.calibration is None
    assert (trained.name, trained.unit) == (objective, make_objective(objective).unit)
    for tree, values in zip(TREES, trained.score(EVERYTHING), strict=True):
        right, *wrong = (values[r.leaf] for r in tree.rollouts)
        assert right > max(wrong) + 0.3


def test_rfm_learns_the_flows(tmp_path):
    trained = train(tmp_path, epochs=50, learning_rate=1e-2, trunk_layers=1, head_dropout=0.0)
    flows = [10 + 0.1 + 0.1, 10 + 0.1, 10, 0.1, 0.1]  # root; first line; its right and its wrong end; the other end
    np.testing.assert_allclose(np.exp(trained.score(EVERYTHING)), [flows] * len(TREES), rtol=0.2)


@pytest.mark.parametrize("mode", MODES)
def test_a_seed_decides_the_result(tmp_path, mode):
    first, again, other = (train(tmp_path / f"{i}", mode=mode, seed=s, epochs=1) for i, s in enumerate([1, 1, 2]))
    np.testing.assert_array_equal(scores(first), scores(again))
    assert not np.allclose(scores(first), scores(other), atol=1e-3)


class Killed(BaseException):
    """Not an error: the end of the process."""


def kill_at(monkeypatch, batch):
    """The process ends in the middle of training."""
    loss, seen = OBJECTIVES["rfm"].__call__, iter(range(1, batch + 1))

    def killed(*args):
        if next(seen) == batch:
            raise Killed
        return loss(*args)

    monkeypatch.setattr(OBJECTIVES["rfm"], "__call__", killed)


def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    uninterrupted = train(tmp_path / "whole", save_updates=2)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, batch=6)
        train(tmp_path / "v", save_updates=2)
    assert not is_finished(tmp_path / "v")
    with monkeypatch.context() as patch:
        kill_at(patch, batch=5)  # four updates of eight were saved, four are left
        resumed = train(tmp_path / "v", save_updates=2)
    np.testing.assert_allclose(scores(resumed), scores(uninterrupted), atol=1e-6)


def test_a_checkpoint_that_was_torn_is_passed_over(tmp_path, monkeypatch):
    uninterrupted = train(tmp_path / "whole", save_updates=2)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, batch=6)
        train(tmp_path / "v", save_updates=2)
    (tmp_path / "v" / "checkpoint-4" / "trainer_state.json").write_text("{")
    resumed = train(tmp_path / "v", save_updates=2)
    assert curve(tmp_path / "v") == curve(tmp_path / "whole")
    np.testing.assert_array_equal(scores(resumed), scores(uninterrupted))


def curve(out):
    return [entry["loss"] for entry in json.loads((out / "history.json").read_text()) if "loss" in entry]


@pytest.mark.parametrize("changed", [{"learning_rate": 1e-4}, {"trees": TREES[1:]}, {"trees": forest("-+")}])
def test_an_unfinished_run_is_not_mixed_with_another(tmp_path, monkeypatch, changed):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, batch=6)
        train(tmp_path)
    with pytest.raises(UsageError, match="was made with"):
        train(tmp_path, **changed)


def test_a_finished_verifier_is_not_trained_over(tmp_path):
    train(tmp_path, epochs=1)
    before = about(tmp_path)
    with pytest.raises(UsageError, match="finished verifier"):
        train(tmp_path, epochs=1)
    assert about(tmp_path) == before


def test_a_backbone_that_is_missing_does_not_block_a_second_try(tmp_path):
    with pytest.raises(ArtsError, match="none"):
        train(tmp_path / "v", backbone="./none")
    assert not (tmp_path / "v").exists()
    train(tmp_path / "v", epochs=1)


def test_the_best_weights_on_held_out_problems_are_kept(tmp_path):
    held, taught = forest("-+")[:2], TREES[2:]  # what is taught is wrong there: longer training makes it worse
    settings = {"objective": "orm", "epochs": 12, "learning_rate": 1e-2}
    kept = train(tmp_path / "kept", trees=[*held, *taught], held_out=0.5, **settings)
    last = train(tmp_path / "last", trees=taught, **settings)
    said = about(tmp_path / "kept")
    assert said["metrics"]["held_out_loss"] == pytest.approx(cross_entropy(kept, held), rel=1e-4)
    assert cross_entropy(kept, held) < 0.8 * cross_entropy(last, held)
    assert said["training"]["trees"] == said["training"]["held_out_trees"] == 2
    assert said["metrics"]["updates"] == 12  # one batch an epoch: the held-out problems are in none


def cross_entropy(verifier, trees):
    """Mean over the ended nodes of −log of the probability given to what happened."""
    ended = [[r.leaf for r in tree.rollouts] for tree in trees]
    right = [
        tree.outcomes[n].verdict == Verdict.CORRECT for tree, nodes in zip(trees, ended, strict=True) for n in nodes
    ]
    given = np.concatenate(verifier.score(list(zip(trees, ended, strict=True))))
    return -np.log(np.where(right, given, 1 - given)).mean()


def test_training_touches_adapters_and_head_only(tmp_path):
    trained = train(tmp_path, mode="lora").scorer.state_dict()
    backbone = make_scorer(Architecture(backbone="bundled", mode="full")).encoder.model.state_dict()
    weights = {
        k.removeprefix("encoder.model.base_model.model.").replace(".base_layer", ""): v for k, v in trained.items()
    }
    assert all(torch.equal(weights[name], value) for name, value in backbone.items())


@pytest.mark.parametrize(("mode", "which"), [("full", "encoder"), ("lora", "lora_")])
def test_a_backbone_has_a_rate_of_its_own(tmp_path, mode, which):
    """It stays where its rate is next to nothing, while the reader learns."""
    torch.manual_seed(0)
    still, moved = (
        train(tmp_path / name, mode=mode, epochs=1, backbone_learning_rate=rate).scorer.state_dict()
        for name, rate in (("still", 1e-12), ("moved", 1e-3))
    )
    before = train(tmp_path / "before", mode=mode, epochs=1, learning_rate=1e-12, backbone_learning_rate=1e-12)
    for name, start in before.scorer.state_dict().items():
        close = torch.allclose(still[name], start, atol=1e-7)
        if which in name:
            assert close
        elif name.startswith("head") and name.endswith("weight"):
            assert not close
    assert any(not torch.allclose(moved[name], still[name], atol=1e-5) for name in still if which in name)


@pytest.mark.parametrize(
    ("mode", "trees", "given", "batch", "passes"),
    [
        ("frozen", 5_000, {}, 32, 20),
        ("frozen", 160, {}, 10, 20),
        ("lora", 7_000, {}, 8, 3),
        ("lora", 1_000, {}, 8, 8),
        ("full", 1_000, {"accumulate": 2}, 8, 16),
        ("full", 30, {}, 4, 20),
        ("lora", 1_000, {"epochs": 1.5, "trees_per_batch": 2}, 2, 1.5),
    ],
)
def test_passes_and_batch_follow_from_mode_and_trees(mode, trees, given, batch, passes):
    found = TrainConfig(**given).resolved(mode, trees)
    assert (found.trees_per_batch, found.epochs) == (batch, passes)


def test_an_example_is_the_tree_without_what_nobody_graded():
    tree = grow("solve 3 x = 5 mod 19", ("-", "a", "b"), ("?", "a", "c"), ("?", "d"), ("+", "e"), ("+", "a", "f"))
    assert tree.text == ["", "a\n", "b\n", "c\n", "d\n", "e\n", "f\n"]
    nodes = make_example(tree, load_tokenizer("bundled"), 100).nodes  # the root, a, b, e, f
    assert nodes.parent.tolist() == [-1, 0, 1, 0, 1]
    assert nodes.visits.tolist() == [5, 3, 1, 1, 1]
    np.testing.assert_allclose(nodes.correct, [np.nan, np.nan, 0, 1, 1])
    np.testing.assert_allclose(nodes.log_reward(100).exp(), [np.nan, np.nan, 0.1, 10, 10], rtol=1e-6)
    np.testing.assert_allclose(nodes.success, [2 / 3, 1 / 2, 0, 1, 1], rtol=1e-6)


def test_a_tree_nobody_graded_teaches_nothing():
    assert labelled_nodes(grow("q", ("?", "a"))) == []


def test_a_batch_is_its_examples_side_by_side():
    examples = [make_example(tree, load_tokenizer("bundled"), 100) for tree in TREES[:2]]
    nodes = collate(examples)["nodes"]
    assert nodes.problem.tolist() == [0] * 5 + [1] * 5
    assert nodes.parent.tolist() == [-1, 0, 1, 1, 0, -1, 5, 6, 6, 5]
    alone = [e.tokens.ids[e.tokens.reads].tolist() for e in examples]
    for layout in ("packed", "paths"):
        batch = collate(examples, layout)["batch"]
        assert batch.inputs[batch.rows, batch.columns].tolist() == functools.reduce(operator.iadd, alone, [])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("reading", ["state", "steps"])
def test_packed_trees_have_the_loss_and_the_gradients_of_their_trajectories(reading, objective, mode):
    """In fp32 to 1e-5, for the whole network."""
    trees = [*forest(), grow("solve 4 x = 1 mod 19", ("+", "add 4 x = 20", "div 1 x = 5"), ("-", "mul 8 x = 2"))]
    for tree in trees:
        tree.logprob = [-0.1 * depth for depth in tree.depth]
    steps = "state" if objective == "noisy_and" else reading
    dropout = {"head_dropout": 0, "lora_dropout": 0}
    shape = Architecture(backbone="bundled", mode=mode, reading=steps, trunk_layers=1, trunk_width=32, **dropout)
    model = load_feature_model(shape) if mode == "frozen" else None
    features = FeatureCache(model, keep=True, layers=shape.read_layers) if model else None
    torch.manual_seed(0)
    loss = make_objective(objective)
    scorer = make_scorer(shape, Meaning(unit=loss.unit, contrast=loss.reward_contrast))
    for weight in scorer.parameters():  # adapters start at zero, where half of their gradients vanish
        weight.data += 0.02 * torch.randn_like(weight)
    found = {}
    for layout in ("packed", "paths"):
        part = collate(fit._examples(trees, shape, features), layout)
        scorer.zero_grad()
        value = loss(scorer(part["batch"]), part["nodes"]).value
        value.backward()
        found[layout] = (value, [p.grad for p in scorer.parameters() if p.grad is not None])
    torch.testing.assert_close(found["packed"][0], found["paths"][0], rtol=1e-5, atol=1e-5)
    for packed, paths in zip(found["packed"][1], found["paths"][1], strict=True):
        torch.testing.assert_close(packed, paths, rtol=1e-5, atol=1e-5 * max(1, float(paths.abs().max())))
    assert max(float(g.abs().max()) for g in found["paths"][1]) > 1e-3


def test_a_model_that_cannot_take_trees_is_trained_on_trajectories(tmp_path):
    packed, paths = (train(tmp_path / name, layout=name, mode="full", epochs=1) for name in ("auto", "paths"))
    np.testing.assert_allclose(scores(packed), scores(paths), atol=1e-4)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_scores_are_calibrated_on_the_held_out_problems(tmp_path, method):
    trees = forest() * 2
    settings = {"objective": "prm", "epochs": 60, "learning_rate": 5e-3, "trunk_layers": 1, "head_dropout": 0.0}
    trained = train(tmp_path, trees=trees, held_out=0.5, calibration=method, **settings)
    read = NeuralVerifier.load(tmp_path)
    assert read.about.calibration == trained.about.calibration
    assert read.about.calibration.method == method
    values = np.concatenate([read.values(s) for s in read.score(EVERYTHING)])
    rates = np.concatenate([[1 / 3, 1 / 2, 1, 0, 0]] * len(TREES))
    assert np.abs(values - rates).mean() < 0.1


def test_training_stops_early_when_held_out_problems_get_worse(tmp_path):
    held, taught = forest("-+")[:2], TREES[2:]
    trained = train(
        tmp_path, trees=[*held, *taught], objective="orm", held_out=0.5, patience=2, epochs=40, learning_rate=1e-2
    )
    assert trained.about.metrics["updates"] < 20


@pytest.mark.parametrize("batch", [4, 7])
def test_a_killed_run_stops_as_early_as_it_would_have(tmp_path, monkeypatch, batch):
    settings = {"trees": [*forest("-+")[:2], *TREES[2:]], "held_out": 0.5, "patience": 4, "epochs": 40}
    whole = train(tmp_path / "whole", learning_rate=1e-2, **settings)
    assert whole.about.metrics["updates"] < 20
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, batch=batch)
        train(tmp_path / "v", learning_rate=1e-2, **settings)
    resumed = train(tmp_path / "v", learning_rate=1e-2, **settings)
    assert resumed.about.metrics == whole.about.metrics
    np.testing.assert_array_equal(scores(resumed), scores(whole))


def test_a_pairwise_verifier_is_calibrated_on_unmixed_problems_too(tmp_path):
    hopeless = [grow(f"solve {a} x = 3 mod 29", ("-", "div 1 x = 4"), ("-", "div 1 x = 5")) for a in (2, 4)]
    settings = {"objective": "rm", "held_out": 0.5, "epochs": 1}
    easy = train(tmp_path / "easy", trees=[*TREES[:2], *TREES[2:]], **settings)
    both = train(tmp_path / "both", trees=[TREES[0], *hopeless[:1], *TREES[2:]], **settings)
    few, many = (v.values(np.zeros(1))[0] for v in (both, easy))
    assert few < many


def test_accumulated_batches_give_the_gradient_of_one_large_batch(tmp_path):
    settings = {"head_dropout": 0.0, "epochs": 3}
    large = train(tmp_path / "large", trees_per_batch=4, **settings)
    small = train(tmp_path / "small", trees_per_batch=1, accumulate=4, **settings)
    np.testing.assert_allclose(curve(tmp_path / "large"), curve(tmp_path / "small"), rtol=1e-5)
    np.testing.assert_allclose(scores(large), scores(small), atol=1e-4)


def test_a_number_of_updates_goes_before_epochs(tmp_path):
    assert train(tmp_path, updates=3, epochs=50).about.metrics["updates"] == 3
    assert len(curve(tmp_path)) == 3


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensorboard_gets_the_curve(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "logs"))
    train(tmp_path / "v", report_to="tensorboard", epochs=1)
    assert list((tmp_path / "logs").rglob("events.out.tfevents.*"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "rm", "options": ("trace=0.5",)}, "rm has no setting 'trace'; it has: none"),
        ({"objective": "rfm", "options": ("loss=squared",)}, "rfm has no setting 'loss'; it has: leaf_weight"),
        ({"patience": 2, "held_out": 0.0}, "patience needs held-out"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(UsageError, match=message) as error:
        TrainConfig(**settings)
    assert "\n" not in str(error.value)


def test_subtb_needs_log_probabilities(tmp_path):
    with pytest.raises(UsageError, match="log-probability of every step"):
        train(tmp_path / "v", objective="subtb", trees=[unknown(tree) for tree in forest()])
    assert not (tmp_path / "v").exists()


def unknown(tree):
    """The tree as a backend without log-probabilities gives it."""
    tree.logprob = [0.0] + [float("nan")] * (len(tree) - 1)
    return tree


@pytest.mark.parametrize(
    ("trees", "objective", "message"),
    [
        ([], "rfm", "no graded rollout"),
        (forest("??"), "rfm", "no graded rollout"),
        ([grow("q")], "orm", "no graded rollout"),
        (forest("++"), "rm", "correct and incorrect"),
        (forest("--"), "rm", "correct and incorrect"),
        (forest("+?"), "rm", "correct and incorrect"),
        ([grow("p", ("+", "a")), grow("q", ("-", "a"))], "rm", "correct and incorrect"),
    ],
)
def test_trees_that_teach_nothing_are_refused_in_one_line(tmp_path, trees, objective, message):
    with pytest.raises(ArtsError, match=message) as error:
        train(tmp_path / "v", trees=trees, objective=objective)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "v").exists()


def test_problems_must_be_left_to_train_on(tmp_path):
    with pytest.raises(UsageError, match=r"held_out 0\.9 of 4 trees"):
        train(tmp_path / "v", held_out=0.9)
    assert train(tmp_path / "v", held_out=0.01).about.training.held_out_trees == 1


def test_only_what_is_trained_on_has_to_teach(tmp_path):
    settings = {"objective": "rm", "held_out": 0.5, "epochs": 1}
    with pytest.raises(UsageError, match="correct and incorrect"):
        train(tmp_path / "v", trees=TREES[:2] + forest("++")[2:], **settings)
    train(tmp_path / "v", trees=forest("++")[:2] + TREES[2:], **settings)


@pytest.mark.parametrize("objective", ["rfm", "prm", "orm"])
def test_one_kind_of_outcome_is_enough_for_the_others(tmp_path, objective):
    assert np.isfinite(scores(train(tmp_path, trees=forest("--"), objective=objective, epochs=1))).all()
