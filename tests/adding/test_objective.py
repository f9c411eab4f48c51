"""A training objective of one's own: a dataclass whose fields are its options."""

import json

import pytest

from arts.problems.base import Problem, Verdict
from arts.training.objectives import OBJECTIVES, make_objective
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.trees.tree import Outcome, Step
from arts.verifiers.load import load_verifier

SOURCE = """
    from dataclasses import dataclass

    from torch.nn import functional

    from arts.training.objectives.base import Objective
    from arts.training.objectives.nodes import Loss, problem_mean

    @dataclass(frozen=True, kw_only=True)
    class Smoothed(Objective):
        "The outcome, with labels moved towards a half."

        smoothing: float = 0.1
        loud: bool = False

        about = "outcome with smoothed labels"
        unit = "probability"

        def __call__(self, output, nodes):
            label = (1 - self.smoothing) * nodes.correct.nan_to_num() + self.smoothing / 2
            entropy = functional.binary_cross_entropy_with_logits(output, label, reduction="none")
            return Loss(problem_mean(entropy, nodes.leaf, nodes.problem), output.sigmoid() - label)

    def function(output, nodes):
        return output.mean()
"""
SHAPE = ("--architecture.backbone", "bundled", "--architecture.trunk-layers", 1, "--architecture.trunk-width", 32)
FLAGS = (*SHAPE, "--training.epochs", 1, "--training.held-out", 0.25, "--training.learning-rate", 3e-3)


@pytest.fixture
def store(tmp_path):
    """Eight problems with a right and a wrong solution."""
    path = tmp_path / "trees.db"
    with TreeStore.create(path, RunConfig(command="test")) as store:
        questions = [f"solve {a} x = 12 mod 29" for a in range(3, 11)]
        store.add_problems([Problem(id=q, question=q, answer="6") for q in questions])
        for q in questions:
            tree = store.tree(q)
            for verdict, answer in ((Verdict.CORRECT, "6"), (Verdict.INCORRECT, "10")):
                step = Step(text=f"div 1 x = {answer}\n", tokens=5, logprob=-1.0)
                with store.growing(tree):
                    tree.add_rollout([step], outcome=Outcome(answer=answer, verdict=verdict))
    return path


def commands(arts, store):
    """The command lines in a report on the verifier v."""
    flags = ("--n", 2, "--grader", "exact", "--no-cassette", "--out", "report")
    code, _, said = arts("evaluate", store, "--verifiers", "v", *flags)
    assert code == 0, said
    return json.loads((store.parent / "report/report.json").read_text())["about"]["commands"]


@pytest.mark.parametrize("registered", [False, True])
def test_it_trains_with_its_options(own, arts, store, tmp_path, monkeypatch, registered):
    name = f"{own(SOURCE)}:Smoothed"
    if registered:
        monkeypatch.setitem(OBJECTIVES, "mine", type(make_objective(name)))
        name = "mine"
    train = ("train", store, "--out", "v", *FLAGS, "--training.objective", name)
    code, _, said = arts(*train, "--training.options", "smoothing=0.2", "loud=yes")
    assert code == 0, said
    about = json.loads((tmp_path / "v" / "verifier.json").read_text())
    assert about["unit"] == "probability"
    assert about["training"]["settings"]["objective"] == name
    assert about["training"]["settings"]["options"] == ["smoothing=0.2", "loud=yes"]
    assert load_verifier("v").unit == "probability"
    assert "is trained already" in arts(*train, "--training.options", "smoothing=0.2", "loud=yes")[2]
    assert "was made with config.options" in arts(*train)[2]
    flags = f"--training.objective {name} --training.options smoothing=0.2 loud=yes"
    assert any(flags in line for line in commands(arts, store))


def test_a_configuration_file_names_it(own, arts, store, tmp_path):
    own(SOURCE)
    training = 'objective = "own_parts:Smoothed"\noptions = ["smoothing=0.3"]'
    (tmp_path / "run.toml").write_text(f'store = "{store}"\nout = "v"\n[training]\n{training}\n')
    code, out, said = arts("train", "--config", "run.toml", "--dry-run")
    assert code == 0, said
    assert 'options = ["smoothing=0.3"]' in out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("own_parts:Smoothed", "--training.options", "smooth=1"), "no setting 'smooth'; it has: smoothing, loud"),
        (("own_parts:Smoothed", "--training.options", "loud=maybe"), "loud: expected bool, got 'maybe'"),
        (("own_parts:function",), "own_parts:function: not a subclass of arts.training.objectives.base:Objective"),
        (("own_parts:Missing",), "has no attribute 'Missing'"),
        (("rfn",), "no objective 'rfn'; did you mean 'rfm'? there are: rfm, value_flow, subtb, prm, rm, orm"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(own, refused, store, tmp_path, flags, words):
    own(SOURCE)
    assert words in refused("train", store, "--out", "v", *FLAGS, "--training.objective", *flags)
    assert not (tmp_path / "v").exists()


def test_commands_of_older_checkpoints_have_the_options_too(own, arts, store, tmp_path):
    own("")
    assert arts("train", store, "--out", "v", *FLAGS, "--training.options", "trace=0.5")[0] == 0
    path = tmp_path / "v" / "verifier.json"
    about = json.loads(path.read_text())
    about["training"] = about["training"].pop("settings")  # flat, as they were
    about["training"]["options"] = {"trace": 0.5, "detach": True, "space": None}
    path.write_text(json.dumps(about))
    assert any("--training.options trace=0.5 detach=True" in line for line in commands(arts, store))
