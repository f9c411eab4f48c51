"""What `arts rl` cannot do it says in one line, before it writes anything."""

import shlex
import shutil
from pathlib import Path

import pytest

from arts.cli import main
from arts.models import bundled_model

GOOD = "--out new --rl.problems-per-update 2 --rl.group-size 4 --rl.batch 8 --rl.updates 2 --rl.save-updates 2"
ONE_LINE = {
    "GGUF file": ("--model model.gguf", "model.gguf", "give a model folder or a Hub id"),
    "model that is not there": ("--model ./none", "./none", "no such model"),
    "folder without a model": ("--model ./empty", "./empty", "cannot be loaded"),
    "chat without a template": ("--prompt.style chat", "no chat template", "--prompt.style plain"),
    "group of one": ("--rl.group-size 1", "group_size is 1", "2 or more"),
    "batch that does not divide": ("--rl.batch 3", "2 x 4 = 8 solutions", "batch 3", "use a batch that does"),
    "no updates": ("--rl.updates 0", "updates is 0", "1 or more"),
    "rate that is no number": ("--rl.learning-rate nan", "learning_rate is nan", "finite number"),
    "top-p above 1": ("--rl.top-p 1.5", "top_p is 1.5", "(0, 1]"),
    "checkpoint within passes": ("--rl.passes 3", "save_updates 2", "passes 3"),
    "unknown recipe": ("--rl.recipe ppo", "ppo", "dapo"),
    "unknown problems": ("--problems congruence:train", "congruence:train", "did you mean 'congruences'"),
    "unknown held-out split": ("--held-out congruences:dev", "no split 'dev'"),
    "no held-out problem": ("--held-out congruences:test --held-out-limit 0", "held_out_limit is 0", "1 or more"),
    "limit of nothing": ("--held-out-limit 5", "need --held-out"),
    "fewer problems than an update": ("--limit 1", "needs 2 problems and there are 1", "--rl.problems-per-update"),
    "more tokens than the context": ("--max-tokens 128", "128", "smaller --max-tokens"),
    "unknown logger": ("--rl.report-to nonsense", "nonsense is not supported"),
    "vLLM without vLLM": ("--rl.vllm", "vLLM is not available"),
    "out is a file": ("--out model.gguf", "model.gguf", "give a folder"),
    "out is a model": ("--out taken", "taken", "no run of arts rl"),
}


@pytest.mark.parametrize("name", ONE_LINE)
def test_wrong_input_ends_in_one_line(name, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    flags, *words = ONE_LINE[name]
    Path("model.gguf").write_bytes(b"GGUF")
    Path("empty").mkdir()
    shutil.copytree(bundled_model(), "taken")
    assert main(["rl", *shlex.split(f"{GOOD} {flags}")]) == 2
    printed, said = capfd.readouterr()
    assert said.startswith("arts: ")
    assert (said.count("\n"), printed) == (1, "")
    assert [word for word in words if word not in said] == []
    assert not Path("new", "plan.json").exists()


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("1e3", "the gradient is not finite at update 2"),
        ("1e10", "the policy's probabilities are not numbers at update 1"),
    ],
)
def test_training_that_diverges_says_so_in_one_line(tmp_path, capsys, rate, message):
    flags = ["--limit", "20", "--rl.updates", "4", "--rl.batch", "4", "--rl.learning-rate", rate]
    assert main(["rl", *shlex.split(GOOD), *flags, "--out", str(tmp_path / "policy")]) == 1
    assert capsys.readouterr().err == f"arts: {message}; use a smaller --rl.learning-rate and another --out\n"
    assert "NaN" not in (tmp_path / "policy" / "metrics.jsonl").read_text()
    assert not (tmp_path / "policy" / "rl.json").exists()
