"""`arts train` as real processes: killed and resumed, two at a time; and what it refuses."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from arts.cli import main
from arts.errors import UsageError
from arts.problems.base import Problem, Verdict
from arts.training.objectives import OBJECTIVES
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore, open_store
from arts.trees.tree import Outcome, Step
from arts.verifiers.checkpoint import read_config
from arts.verifiers.load import load_verifier

ARTS = Path(sys.executable).with_name("arts")
SMALL = {
    "architecture": {"mode": "frozen", "trunk-layers": 1, "trunk-width": 32, "max-tokens": 64, "head-dropout": 0.0},
    "training": {"trees-per-batch": 4, "learning-rate": 3e-3, "epochs": 6, "save-updates": 3, "held-out": 0.25},
}


def flags(**changed):
    training = {**SMALL["training"], **{k.replace("_", "-"): v for k, v in changed.items()}}
    tables = {**SMALL, "training": training}
    return [str(x) for table, rows in tables.items() for k, v in rows.items() for x in (f"--{table}.{k}", v)]


def make_store(path, verdicts=(Verdict.CORRECT, Verdict.INCORRECT)):
    """Sixteen problems with two solutions each."""
    with TreeStore.create(path, RunConfig(command="test", sample={"splitter": "newline", "model": "bundled"})) as store:
        questions = [f"solve {a} x = 12 mod 29" for a in range(3, 19)]
        store.add_problems([Problem(id=q, question=q, answer="6", source="test") for q in questions])
        for q in questions:
            tree = store.tree(q)
            for verdict, answer in zip(verdicts, (6, 10), strict=True):
                lines = (f"add {q.split()[1]} x = 41\n", f"div 1 x = {answer}\n")
                with store.growing(tree):
                    steps = [Step(text=t, tokens=5, logprob=-1.0) for t in lines]
                    tree.add_rollout(steps, outcome=Outcome(answer=str(answer), verdict=verdict))
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "trees.db")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ARTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def train(store, out, *more, **changed):
    return main(["train", str(store), "--out", str(out), *flags(**changed), *more])


def test_it_tells_what_the_verifier_is_worth_on_problems_it_has_not_seen(store, tmp_path, capsys):
    assert train(store, tmp_path / "v", epochs=12) == 0
    said = capsys.readouterr().err
    found = {w[0]: float(w[1]) for line in said.splitlines() if len(w := line.split()) > 2 and line.startswith("  ")}
    assert "deciding between 2 candidates of 16 problems" in said
    assert found["random"] == found["majority"] == 50 and found["oracle"] == 100
    assert 50 < found["verifier"] <= 100  # in every problem the wrong solution ends alike
    assert "better than majority: +" in said
    assert not (tmp_path / "v" / "cross-fit").exists()
    assert train(store, tmp_path / "w", "--cross-fit", "0", epochs=1) == 0
    assert "cross-fitting" not in capsys.readouterr().err


def result(out):
    """Loss of every update and of every evaluation, metrics, calibration and weights."""
    about = json.loads((out / "verifier.json").read_text())
    history = [(e["step"], e.get("loss"), e.get("eval_loss")) for e in json.loads((out / "history.json").read_text())]
    return history, about["metrics"], about["calibration"], load_file(out / "verifier.safetensors")


def assert_same(one, other, tolerance=0.0):
    assert [step for step, *_ in one[0]] == [step for step, *_ in other[0]]
    for index in (1, 2):
        a, b = (np.array([row[index] for row in r[0]], dtype=float) for r in (one, other))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    assert one[1] == pytest.approx(other[1], rel=tolerance, abs=tolerance)
    for name, weight in one[3].items():
        np.testing.assert_allclose(weight, other[3][name], rtol=tolerance, atol=10 * tolerance)


def test_a_run_killed_by_the_system_ends_as_if_it_had_not_been(store, tmp_path):
    """SIGKILL three times, each after another checkpoint; dropout stays on, so random states count too."""
    dropout = ("--architecture.head-dropout", "0.3")
    command = [ARTS, "train", store, "--out", tmp_path / "killed", *flags(epochs=12), *dropout]
    seen = set()
    for _ in range(3):
        process = subprocess.Popen([str(c) for c in command], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            now = {p.parent.name for p in (tmp_path / "killed").glob("checkpoint-*/trainer_state.json")}
            if now - seen:
                seen |= now
                break
            time.sleep(0.005)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "killed" / "verifier.json").exists()
    assert seen  # it was killed at least once in the middle
    assert train(store, tmp_path / "killed", *dropout, epochs=12) == 0
    assert train(store, tmp_path / "whole", *dropout, epochs=12) == 0
    assert_same(result(tmp_path / "killed"), result(tmp_path / "whole"))


def test_two_processes_train_as_one(store, tmp_path):
    """Gloo on the CPU; two batches of two trees are one of four."""
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    port = ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    arguments = ["train", store, "--out", tmp_path / "two", *flags(trees_per_batch=2)]
    done = subprocess.run(
        [str(c) for c in (*launch, *port, ARTS, *arguments)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "two")]
    assert train(store, tmp_path / "one") == 0
    assert_same(result(tmp_path / "two"), result(tmp_path / "one"), tolerance=1e-5)


@pytest.mark.parametrize("objective", ["rfm", "prm"])
def test_a_trained_verifier_scores_plain_texts_as_it_scores_their_trees(store, tmp_path, objective):
    assert train(store, tmp_path / "v", objective=objective) == 0
    verifier = load_verifier(tmp_path / "v")
    assert (verifier.splitter, verifier.about.training.store) == ("newline", store.name)
    with open_store(store) as opened:
        for tree in opened.trees():
            leaves = [r.leaf for r in tree.backbones]
            scores = verifier.score_texts(tree.question, [tree.solution(n) for n in leaves])
            np.testing.assert_allclose(scores, verifier.score([(tree, leaves)])[0], rtol=1e-5, atol=1e-5)
            assert len(set(scores.tolist())) == len(leaves)


def test_a_checkpoint_of_before_splitters_is_read(store, tmp_path):
    assert train(store, tmp_path / "v", epochs=1) == 0
    now = read_config(tmp_path / "v")
    table = json.loads((tmp_path / "v" / "verifier.json").read_text())
    del table["splitter"]
    training = table.pop("training")
    flat = {**training.pop("settings"), **training}
    (tmp_path / "v" / "verifier.json").write_text(json.dumps({**table, "training": flat}))
    assert replace(read_config(tmp_path / "v"), splitter="newline") == now
    with pytest.raises(UsageError, match="give splitter="):
        load_verifier(str(tmp_path / "v")).score_texts("q", ["a"])


def test_features_are_kept_for_the_next_run(store, tmp_path):
    assert train(store, tmp_path / "v", epochs=1) == 0
    assert len(list((tmp_path / "cache" / "features").glob("*/*.safetensors"))) == 16
    assert train(store, tmp_path / "w", "--no-keep-features", epochs=1) == 0


def test_help_says_what_each_objective_is(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for name, spec in OBJECTIVES.items():
        assert f"{name}: {spec.about}" in said


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--training.objective", "rm"], "needs a problem with correct and incorrect solutions"),
        (["--architecture.lora-r", "8"], "mode frozen has no adapters"),
        (["--training.objective", "rfm", "--training.options", "trace=0.5"], "objective rfm has no setting 'trace'"),
        (["--training.options", "trace=2"], "trace is 2.0; use a number in"),
        (["--training.patience", "2", "--training.held-out", "0"], "patience needs held-out problems"),
        (["--training.epochs", "inf"], "epochs is inf; use a finite number"),
        (["--training.warmup-ratio", "2"], "warmup_ratio is 2.0; use a share of the updates"),
        (["--architecture.head-dropout", "2"], "head_dropout is 2.0; use a share in [0, 1)"),
    ],
)
def test_what_does_not_go_together_is_refused_before_any_work(tmp_path, capsys, monkeypatch, more, message):
    def work(*args):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("arts.verifiers.modules._load", work)
    store = make_store(tmp_path / "unmixed.db", (Verdict.INCORRECT, Verdict.INCORRECT))
    assert train(store, tmp_path / "v", *more) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--training.report-to", "nonsense"], "nonsense is not supported"),
        (["--training.learning-rate", "1e30", "--training.weight-decay", "1e30"], "the loss is not a number at update"),
    ],
)
def test_training_that_cannot_go_on_says_so_in_one_line(store, tmp_path, capsys, more, message):
    assert train(store, tmp_path / "v", *more) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "v" / "verifier.json").exists()
    if "--training.report-to" in more:  # nothing was begun, so the same folder can be used
        assert train(store, tmp_path / "v", epochs=1) == 0
