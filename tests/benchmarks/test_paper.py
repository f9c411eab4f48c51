"""The paper's configuration says what the paper says; its rehearsal differs from it in what small.toml says."""

import dataclasses
import importlib
import os
import re
import sys
from pathlib import Path

import study_paper
from paper import paper_steps

from arts.cli.options import parse
from arts.workflows.tasks import task_defaults

PAPER = Path(__file__).parents[2] / "benchmarks" / "paper"


def resolved(argv):
    """What a command takes from its file and flags, key by key."""
    command = importlib.import_module(f"arts.cli.{argv[0]}")
    config = parse(command.Config, argv[1:], prog=f"arts {argv[0]}", description="")
    return flat(dataclasses.asdict(config))


def flat(table, prefix=""):
    found = {}
    for key, value in table.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def all_steps():
    return [step for stage in paper_steps.STAGES for step in paper_steps.steps(stage)]


def test_the_rehearsal_replaces_what_small_toml_says_and_nothing_else():
    steps = all_steps()
    assert paper_steps.overrides().keys() <= {step.name for step in steps}
    for step in steps:
        own, small = resolved(step.argv(small=False)), resolved(step.argv(small=True))
        changed = {key: small[key] for key in own if own[key] != small[key]}
        assert changed == flat(paper_steps.overrides().get(step.name, {})), step


def test_the_rehearsal_replaces_only_models_sets_sizes_and_counts():
    models_and_sets = {"model", "backbone", "style", "problems", "held_out"}
    sizes = {"limit", "held_out_limit", "max_tokens", "updates", "problems_per_update", "group_size", "batch"}
    replaced = {key.rpartition(".")[2] for key in flat(paper_steps.overrides())}
    assert replaced <= models_and_sets | sizes | {"save_updates", "vllm", "report_to"}


def test_values_become_flags():
    table = {"limit": 3, "rl": {"vllm": False, "group_size": 4}, "audit": True, "cassette": False}
    words = ["--limit", "3", "--rl.no-vllm", "--rl.group-size", "4", "--audit", "--no-cassette"]
    assert paper_steps.flags(table) == words


def test_the_files_say_what_the_paper_says():
    configs = {step.name: resolved(step.argv(small=False)) for step in all_steps()}
    trees, samples, policy = configs["trees"], configs["samples"], configs["policy"]
    assert (trees["n"], trees["fork_probability"], trees["problems"]) == (16, 0.5, "math:train")
    for drawn in (samples, policy):
        assert (drawn["n"], drawn["fork_probability"], drawn["problems"]) == (16, 0.0, "math500")
    assert trees["model"] == samples["model"] == "openai:http://localhost:8000/v1#Qwen/Qwen2.5-7B"
    assert {(c["sampling.temperature"], c["sampling.top_p"]) for c in (trees, samples)} == {(0.6, 0.95)}
    sampling = [
        {k: v for k, v in c.items() if k.startswith(("sampling.", "prompt."))} for c in (trees, samples, policy)
    ]
    assert sampling[0] == sampling[1] == sampling[2]
    verifier = configs["verifier"]
    shape = [verifier[f"architecture.{key}"] for key in ("backbone", "mode", "lora_r", "lora_alpha", "lora_dropout")]
    assert shape == ["Qwen/Qwen2.5-1.5B-Instruct", "lora", 16, 32, 0.1]
    assert (configs["evaluate"]["n"][-1], configs["evaluate"]["aggregations"]) == (16, ("last", "min"))


def test_what_is_left_to_defaults_is_what_the_paper_says():
    from arts.training.objectives import make_objective
    from arts.verifiers import modules

    reward = make_objective("rfm")
    assert (reward.reward_contrast, reward.leaf_weight, reward.detach) == (10 / 0.1, 1, False)
    assert make_objective("prm").loss == "squared"
    for name in ("math:train", "math500"):
        assert (task_defaults(name).splitter, task_defaults(name).grader) == ("paragraph", "math")
    source = Path(modules.__file__).read_text(encoding="utf-8")
    for part in ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"):
        assert part in source


def test_every_line_says_whose_it_is():
    for path in sorted(PAPER.glob("*.toml")):
        if path.stem in ("small", "table"):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        unmarked = [
            line
            for before, line in zip(["", *lines], lines, strict=False)
            if re.match(r"\w+ = ", line)
            and not re.search(r"# .*\[(paper|ours)\]", f"{line} {before * (line[-1] == '[')}")
        ]
        assert not unmarked, path.name


def test_every_verifier_that_is_evaluated_is_trained_first():
    trained = {str(step.produces.parent): resolved(step.argv(small=False)) for step in paper_steps.steps("train")}
    assert len(trained) == 15
    for folder, config in trained.items():
        given = f"{config['training.objective']}-{config['training.seed']}"
        assert (str(config["out"]), Path(folder).name) == (folder, given)
        assert str(config["store"]) == str(paper_steps.steps("sample")[0].produces)
    evaluated = resolved(paper_steps.steps("evaluate")[0].argv(small=False))
    families = dict(text.split("=") for text in evaluated["verifiers"] if "=" in text)
    assert {folder for text in families.values() for folder in text.split(",")} == set(trained)
    assert all(Path(f).name.startswith(f"{name}-") for name, text in families.items() for f in text.split(","))


def test_the_three_commands_print_what_they_would_run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["study_paper.py", "sample", "train", "evaluate", "--list"])
    assert study_paper.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["sample"] * 3 + ["train"] * 15 + ["evaluate"] * 2
    assert lines[0] == f"arts sample --config {paper_steps.HERE / 'trees.toml'}"


def test_a_stage_ends_with_the_command_that_failed_or_left_nothing(monkeypatch, tmp_path, capsys):
    ran = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("arts.cli.main", lambda argv: ran.append(argv) or 0)
    monkeypatch.setattr(sys, "argv", ["study_paper.py", "sample"])
    assert study_paper.main() == 1
    assert len(ran) == 1
    assert "runs/paper/trees.db: is missing" in capsys.readouterr().err
    monkeypatch.setattr("arts.cli.main", lambda argv: ran.append(argv) or 3)
    assert study_paper.main() == 3
    assert len(ran) == 2


def test_the_rehearsal_stays_in_its_folder_and_off_the_network(monkeypatch, tmp_path, capsys):
    seen = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(
        "arts.cli.main", lambda argv: seen.append((argv, Path.cwd(), os.environ["HF_HUB_OFFLINE"])) or 3
    )
    monkeypatch.setattr(sys, "argv", ["study_paper.py", "sample", "--small", "--list"])
    assert study_paper.main() == 0
    assert "--model bundled" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(sys, "argv", ["study_paper.py", "sample", "--small"])
    assert study_paper.main() == 3
    ((argv, folder, offline),) = seen
    assert "bundled" in argv
    assert (folder, offline) == (tmp_path / study_paper.REHEARSAL, "1")
