"""The commands one after the other on the bundled model, as a user calls them, small."""

import json
import math
import shutil

import pytest

from arts.cli import main
from arts.proposers.scripted import ScriptedProposer
from arts.trees.store import TreeStore

PROBLEMS, N = 10, 4
DRAWN = ("--sampling.temperature", "1", "--sampling.max-tokens", "46", "--backend.device", "cpu")


class Folder:
    """Where everything goes, and the commands that put it there."""

    def __init__(self, place):
        self.store, self.verifier, self.report = place / "trees.db", place / "rfm", place / "report"

    def sample(self):
        return call(
            "sample", "--problems", "congruences:train", "--limit", PROBLEMS, "--n", N, "--store", self.store, *DRAWN
        )

    def train(self):
        shape = ("mode", "frozen"), ("trunk-layers", 1), ("trunk-width", 32), ("max-tokens", 96)
        flags = [x for name, value in shape for x in (f"--architecture.{name}", value)]
        return call("train", self.store, "--out", self.verifier, *flags, "--training.epochs", 1)

    def files(self):
        parts = (self.store, *self.verifier.rglob("*"))
        return {str(p): p.read_bytes() for p in parts if p.is_file()}


def call(*arguments):
    """Exit code of a command."""
    return main([str(a) for a in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sampled and trained."""
    made = Folder(tmp_path_factory.mktemp("pipeline"))
    assert made.sample() == 0
    assert made.train() == 0
    return made


def trees(folder):
    with TreeStore.open(folder.store) as store:
        return list(store.trees())


def test_the_store_holds_the_trees_that_were_asked_for(folder):
    sampled = trees(folder)
    assert len(sampled) == PROBLEMS
    for tree in sampled:
        assert [r.backbone for r in tree.backbones] == list(range(N))
        assert {r.leaf for r in tree.rollouts} <= tree.outcomes.keys()
        assert all(logprob < 1e-6 for logprob in tree.logprob[1:])
    assert any(r.pivot for tree in sampled for r in tree.rollouts)


def about(folder):
    return json.loads((folder.verifier / "verifier.json").read_text())


def test_the_checkpoint_says_what_it_is(folder):
    said = about(folder)
    assert said["name"] == "rfm"
    assert said["unit"] == "probability"
    assert said["training"]["trees"] == PROBLEMS - 1
    assert said["training"]["held_out_trees"] == 1
    assert said["calibration"]["method"] == "temperature"
    assert said["training"]["store"] == folder.store.name
    assert math.isfinite(said["metrics"]["training_loss"])
    assert (folder.verifier / "verifier.safetensors").is_file()
    assert not list(folder.verifier.glob("checkpoint-*"))


def test_doing_it_again_says_so_and_changes_nothing(folder, capsys):
    before = folder.files()
    assert folder.sample() == 0
    assert folder.train() == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [str(folder.store), str(folder.verifier)]
    assert f"{PROBLEMS} problems" in said.err
    assert "is trained already" in said.err
    assert folder.files() == before


def test_every_node_is_scored_once(folder, capsys):
    assert call("score", folder.store, folder.verifier, "--name", "mine") == 0
    for tree in trees(folder):
        assert tree.scores["mine"].shape == (len(tree),)
        assert all(map(math.isfinite, tree.scores["mine"]))
    assert call("score", folder.store, folder.verifier, "--name", "mine") == 0
    assert " 0 nodes of 0 trees scored as 'mine'" in capsys.readouterr().out


def test_the_report_compares_the_verifier_with_the_rest(folder, capsys):
    verifiers = ("--verifiers", folder.verifier, "likelihood", "--n", 2, N)
    assert call("evaluate", folder.store, *verifiers, "--grader", "exact", "--out", folder.report) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    report = json.loads((folder.report / "report.json").read_text())
    assert header.split("\t")[:3] == ["method", "N = 2", f"N = {N}"]
    assert {line.split("\t")[0] for line in lines} == report["methods"].keys()
    assert report["problems"] == PROBLEMS
    assert report["ks"] == [2, N]
    for expected in ("rfm", "likelihood", "majority", "oracle"):
        assert any(expected in name for name in report["methods"])
    accuracies = [m["accuracy"][str(k)]["value"] for m in report["methods"].values() for k in report["ks"]]
    assert all(0 <= a <= 1 for a in accuracies)
    assert "# Evaluation" in (folder.report / "report.md").read_text()


def test_a_verifier_of_steps_guides_the_search_and_says_how_sure_it_is(folder, tmp_path, capsys):
    verifier = shutil.copytree(folder.verifier, tmp_path / "v")  # one held-out problem calibrates it to 0 and 1
    (verifier / "verifier.json").write_text(json.dumps(about(folder) | {"calibration": None}))
    flags = ("--problems", "congruences:test", "--limit", 3, "--verifier", verifier, "--budget-tokens", 200)
    drawn = (*DRAWN, "--step-tokens", 8)
    assert call("solve", *flags, *drawn) == 0
    said = capsys.readouterr()
    rows = {row["id"]: row for row in map(json.loads, said.out.splitlines())}
    assert len(rows) == 3
    assert "strategy guided: " in said.err and "steps so far knows" not in said.err
    assert all(row["selector"] == "best_of_n" and 0 <= row["confidence"] <= 1 for row in rows.values())
    assert all(row["generated_tokens"] <= 200 and "abstained" not in row for row in rows.values())
    most = max(row["confidence"] for row in rows.values())
    assert call("solve", *flags, *drawn, "--abstain-below", most) == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum("abstained" not in row for row in again) == 1
    for row in again:
        if "abstained" in row:
            assert (row["answer"], "correct" in row) == (None, False)
            assert row["confidence"] == rows[row["id"]]["confidence"] < most
        else:
            assert row == rows[row["id"]] | {"seconds": row["seconds"]}
    assert call("solve", "solve 7 x = 12 mod 29", "--verifier", verifier, "--abstain-below", 1, *drawn) == 0
    said = capsys.readouterr()
    assert said.out == "no answer: less sure than --abstain-below 1\n"
    assert "confidence " in said.err


@pytest.mark.parametrize("rule", ["flow_vote", "best_of_n"])
def test_solving_a_file_gives_one_line_per_problem(folder, capsys, rule):
    flags = ("--problems", "congruences:test", "--limit", 3, "--n", N, "--grader", "exact", "--splitter", "newline")
    assert (
        call("solve", *flags, "--strategy", "best_of_n", "--verifier", folder.verifier, "--selector", rule, *DRAWN) == 0
    )
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len({a["id"] for a in answers}) == 3
    for a in answers:
        assert a["selector"] == rule
        assert a["proposer_calls"] == N
        assert 0 < a["solutions"] <= N
        assert a["stop_reason"] == "complete"
        assert 0 < a["generated_tokens"] <= 46 * N
        assert a["candidate"] in range(a["solutions"])
        assert a["share"] is None or (0 < a["share"] <= 1 and rule == "flow_vote")


def test_one_question_gives_its_answer_on_stdout_alone(capsys):
    flags = ("--n", N, "--strategy", "best_of_n", "--grader", "exact", "--splitter", "newline", "--show-tree", *DRAWN)
    assert call("solve", "solve 7 x = 12 mod 29", *flags) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert "solve 7 x = 12 mod 29" in said.err
    assert f"in {N} calls" in said.err


def test_a_model_does_not_reach_the_terminal(monkeypatch, capsys):
    hostile = "\x1b]0;title\x07\u202e"
    recited = ScriptedProposer({f"q{hostile}": {f"{hostile}\n\\boxed{{{hostile}7}}": 1.0}})
    monkeypatch.setattr("arts.proposers.load.load_proposer", lambda *args, **options: recited)
    assert call("solve", f"q{hostile}", "--n", 2, "--grader", "exact", "--show-tree") == 0
    said = capsys.readouterr()
    assert said.out == "\\u001b]0;title\\u0007\\u202e7\n"
    assert {c for c in said.out + said.err if not c.isprintable()} == {"\n"}
