"""``arts evaluate --cassette`` and ``--replay``, as a user calls them."""

import json
import socket

import pytest

from arts.cli import main
from arts.trees.store import TreeStore

PROBLEMS, N = 8, 4
DRAWN = ("--sampling.temperature", 1, "--sampling.max-tokens", 46, "--backend.device", "cpu")


def call(*arguments):
    """Exit code of a command."""
    return main([str(a) for a in arguments])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("sampled") / "trees.db"
    sizes = ("--limit", PROBLEMS, "--n", N)
    assert call("sample", "--problems", "congruences:train", "--store", path, *sizes, *DRAWN) == 0
    return path


@pytest.fixture(scope="module")
def rival(store, tmp_path_factory):
    """Other samples on the same problems."""
    path = tmp_path_factory.mktemp("rival") / "trees.db"
    flags = ("--limit", PROBLEMS, "--n", N, "--seed", 9)
    assert call("sample", "--problems", "congruences:train", "--store", path, *flags, *DRAWN) == 0
    return path


FLAGS = ("--n", 2, N, "--grader", "exact", "--margin", 5, "--drill-down", 3, "--seed", 2)


@pytest.fixture(scope="module")
def whole(store, rival, tmp_path_factory):
    """The folder of a report with everything."""
    out = tmp_path_factory.mktemp("report")
    asked = ("--verifiers", "likelihood", "length", "--policy", rival, "--audit")
    probes = ("--calibration", "--probes.rollouts", 3, "--probes.states", 2)
    assert call("evaluate", store, *FLAGS, *asked, *probes, "--out", out) == 0
    return out


def files(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.suffix != ".db"
    }


def test_a_replay_writes_the_same_bytes_without_the_store_a_model_or_the_network(
    whole, store, rival, tmp_path, monkeypatch, capsys
):
    def refuse(*_, **__):
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("arts.workflows.evaluate.load_verifier", refuse)
    monkeypatch.setattr("arts.problems.graders.make_grader", refuse)
    moved = tmp_path / "elsewhere.db"
    moved.write_bytes((whole / "cassette.db").read_bytes())
    assert call("evaluate", "--replay", moved, "--out", tmp_path / "again") == 0
    before, after = files(whole), files(tmp_path / "again")
    assert {"report.json", "report.md", "report.html"} <= before.keys()
    assert before == after
    assert "numbers may differ" not in capsys.readouterr().err
    assert not (tmp_path / "again" / "cassette.db").exists()


def test_a_read_only_cassette_is_replayed(whole, tmp_path):
    cassette = tmp_path / "run.db"
    cassette.write_bytes((whole / "cassette.db").read_bytes())
    cassette.chmod(0o444)
    assert call("evaluate", "--replay", cassette, "--out", tmp_path / "again") == 0
    assert files(tmp_path / "again") == files(whole)


def test_the_named_command_makes_the_report_again(whole, store, tmp_path):
    command = json.loads((whole / "report.json").read_text())["about"]["command"].split()
    assert command[:3] == ["arts", "evaluate", str(store)]
    assert call(*command[1 : command.index("--out")], "--out", tmp_path, *command[command.index("--out") + 2 :]) == 0
    again, before = (json.loads((f / "report.json").read_text()) for f in (tmp_path, whole))
    for result in (again, before):
        del result["about"]
        result.get("audit", {}).pop("throughput", None)
    assert again == before


def test_the_report_names_the_command_that_sampled(whole):
    about = json.loads((whole / "report.json").read_text())["about"]
    sampled = about["commands"][0].split()
    assert sampled[:2] == ["arts", "sample"]
    assert sampled[2] == "congruences:train"
    assert sampled[sampled.index("--limit") + 1] == str(PROBLEMS)
    assert about["versions"]["arts"]
    assert (about["source_kind"], about["proposer"]) == ("store", "bundled") and "verdicts" not in about


def test_a_replay_by_other_versions_warns(whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("arts.cli.evaluate.versions", lambda *_: {"numpy": "0.1"})
    assert call("evaluate", "--replay", whole / "cassette.db", "--out", tmp_path) == 0
    assert "now 0.1" in capsys.readouterr().err
    assert files(tmp_path) == files(whole)


@pytest.mark.parametrize("flag", [("--seed", 3), ("--audit",), ("--n", 2), ("--verifiers", "length")])
def test_flags_that_a_replay_would_ignore_are_refused(whole, flag, capsys):
    assert call("evaluate", "--replay", whole / "cassette.db", *flag) == 2
    assert f"leave out {flag[0][2:]}" in capsys.readouterr().err


def test_a_store_that_was_never_evaluated_is_no_cassette(store, capsys):
    assert call("evaluate", "--replay", store) == 2
    assert "holds samples but no evaluation" in capsys.readouterr().err


def test_nothing_to_evaluate_is_said(capsys):
    assert call("evaluate") == 2
    assert "nothing to evaluate" in capsys.readouterr().err


def test_no_cassette_keeps_none(store, tmp_path):
    assert call("evaluate", store, *FLAGS, "--no-cassette", "--out", tmp_path) == 0
    assert not (tmp_path / "cassette.db").exists()


def test_a_cassette_can_itself_be_evaluated(whole, tmp_path):
    flags = ("--verifiers", "length", "--n", 2, "--grader", "exact")
    assert call("evaluate", whole / "cassette.db", *flags, "--out", tmp_path) == 0


def test_a_policy_that_lacks_problems_counts_on_those_it_has(store, tmp_path, capsys):
    few = tmp_path / "few.db"
    flags = ("--limit", 3, "--n", 2)
    assert call("sample", "--problems", "congruences:train", "--store", few, *flags, *DRAWN) == 0
    assert call("evaluate", store, *FLAGS, "--policy", few, "--out", tmp_path / "out") == 0
    assert f"samples of 3 of {PROBLEMS} problems" in capsys.readouterr().err


def test_a_policy_on_other_problems_is_refused(store, tmp_path, capsys):
    other = tmp_path / "other.db"
    assert call("sample", "--problems", "congruences:test", "--store", other, "--limit", 2, "--n", 2, *DRAWN) == 0
    assert call("evaluate", store, *FLAGS, "--policy", other, "--out", tmp_path / "out") == 2
    assert "no samples of any of the problems" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_extinction_zone_is_where_the_policy_solves_nothing(whole, rival):
    with TreeStore.open(rival) as policy:
        lost = sum(not any(o.verdict == "correct" for o in tree.outcomes.values()) for tree in policy.trees())
    subsets = json.loads((whole / "report.json").read_text())["subsets"]
    assert [s["problems"] for s in subsets if s["kind"] == "extinct"] == ([lost] if lost else [])


def test_seeds_of_one_verifier_are_given_with_a_name(store, tmp_path, capsys):
    seeds = ("--verifiers", "pair=length,likelihood")
    assert call("evaluate", store, *FLAGS, *seeds, "--out", tmp_path) == 2
    assert "different units" in capsys.readouterr().err
    assert call("evaluate", store, *FLAGS, "--verifiers", "one=length", "--out", tmp_path) == 2
    assert "give NAME=FOLDER,FOLDER" in capsys.readouterr().err
    assert call("evaluate", store, *FLAGS, "--verifiers", "two=length,length", "--out", tmp_path) == 0
    methods = json.loads((tmp_path / "report.json").read_text())["methods"]
    assert methods["two best-of-N"]["seeds"] == 2


def test_a_policy_of_the_same_samples_is_refused(store, tmp_path, capsys):
    assert call("evaluate", store, *FLAGS, "--policy", store, "--out", tmp_path / "report") == 2
    assert "the same samples as" in capsys.readouterr().err and not (tmp_path / "report").exists()


def test_an_expression_that_holds_nowhere_is_said(store, tmp_path, capsys):
    assert call("evaluate", store, *FLAGS, "--where", "level > 99", "--out", tmp_path) == 0
    assert "--where: level > 99 holds for no problem" in capsys.readouterr().err


def test_a_flag_of_several_values_is_given_once(store, tmp_path, capsys):
    assert call("evaluate", store, "--where", "level > 1", "--where", "level > 2", "--out", tmp_path) == 2
    assert "--where is given 2 times; write all its values after one" in capsys.readouterr().err
    assert call("evaluate", store, "--log.where", "a=1", "--log.where=b=1", "--out", tmp_path) == 2
    assert "--log.where is given 2 times" in capsys.readouterr().err


def test_scores_that_look_like_probabilities_are_remarked_on(tmp_path, capsys):
    samples = [{"text": "\\boxed{1}", "prm": 0.9}, {"text": "\\boxed{2}", "prm": 0.2}]
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(json.dumps({"problem": str(i), "answer": "1", "samples": samples}) + "\n" for i in range(3))
    )
    assert call("evaluate", path, "--grader", "exact", "--out", tmp_path / "r") == 0
    assert "prm: all between 0 and 1, and read as logits" in capsys.readouterr().err
    assert call("evaluate", path, "--grader", "exact", "--score-unit", "probability", "--out", tmp_path / "r") == 0
    assert "read as" not in capsys.readouterr().err
    assert json.loads((tmp_path / "r/report.json").read_text())["about"]["score_unit"] == "probability"


def test_a_method_to_test_against_that_is_not_there_is_named(store, tmp_path, capsys):
    assert call("evaluate", store, *FLAGS, "--against", "majorty", "--out", tmp_path) == 2
    assert "no method 'majorty'; there are: random, majority" in capsys.readouterr().err
