"""`arts rl` as real processes: killed and resumed, two at a time, and what it leaves behind.

Run as a script, this file is a server that has the libraries loaded: it reads command lines, forks a child for each,
and has it die by SIGKILL at a chosen moment. Run by ``accelerate launch``, it is `arts rl` that writes its groups down.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from arts.cli import main
from arts.cli.rl import Config
from arts.config import load_toml
from arts.models import bundled_model

SMALL = shlex.split(
    "--limit 5 --held-out congruences:test --held-out-limit 3 --held-out-samples 2 --max-tokens 30"
    " --rl.problems-per-update 2 --rl.group-size 4 --rl.batch 4 --rl.updates 6 --rl.save-updates 2"
    " --rl.learning-rate 1e-3"
)


def serve():
    """One JSON line ``[arguments, moment to die at or null]`` in, one exit code out."""
    import arts.baselines.grpo  # noqa: F401  what the children need

    for line in sys.stdin:
        arguments, moment = json.loads(line)
        child = os.fork()
        if child == 0:
            if moment is not None:
                die_at(*moment)
            sys.stdout = sys.stderr
            code = main(arguments)
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def die_at(kind, place):
    """Kill this process between two checkpoints, in the middle of writing one, after one, or just before the end."""
    from transformers import TrainerState

    import arts.baselines.grpo as module

    log, save, write = module.Metrics.on_log, TrainerState.save_to_json, module.write_whole

    def on_log(self, args, state, control, **given):
        if kind == "between" and state.global_step == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return log(self, args, state, control, **given)

    def save_to_json(self, path):
        save(self, path)
        if kind in ("during", "after") and self.global_step == place:
            if kind == "during":
                half = Path(path).read_text()
                Path(path).write_text(half[: len(half) // 2])
            os.kill(os.getpid(), signal.SIGKILL)

    def write_whole(path, text):
        if kind == "finishing" and path.name == place:
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, text)

    module.Metrics.on_log, TrainerState.save_to_json, module.write_whole = on_log, save_to_json, write_whole


def write_groups_down(place):
    """Each process writes the prompts of every call of its reward function to a file of its own."""
    from arts.baselines.rewards import GraderReward

    call = GraderReward.__call__

    def listening(self, **given):
        with Path(place, os.environ["RANK"]).open("a") as file:
            file.write(json.dumps(given["prompts"]) + "\n")
        return call(self, **given)

    GraderReward.__call__ = listening


class Server:
    """Calls ``arts rl`` in children of the server."""

    def __init__(self, process, errors):
        self._process, self._errors = process, errors

    def __call__(self, out, *flags, die=None):
        """The exit code, negative for a signal, and what was said on stderr."""
        before = self._errors.stat().st_size
        print(json.dumps([["rl", "--out", str(out), *SMALL, *flags], die]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline()), self._errors.read_bytes()[before:].decode()


@pytest.fixture(scope="module")
def rl(tmp_path_factory):
    if not hasattr(os, "fork"):
        pytest.skip("a system without fork")
    errors = tmp_path_factory.mktemp("rl") / "stderr"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with errors.open("w") as stderr, subprocess.Popen([sys.executable, __file__], stderr=stderr, **pipes) as server:
        yield Server(server, errors)


@pytest.fixture(scope="module")
def whole(rl, tmp_path_factory):
    """A folder of an uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "policy"
    assert rl(out)[0] == 0
    return out


def metrics(out):
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def assert_same(one, other):
    """The same files, models to the last bit, the same metrics but for times."""
    for folder in (one, other):
        assert not [f.name for f in folder.rglob("*") if f.suffix in (".bin", ".pt", ".pth", ".pkl", ".new")]
    models = [str(f.relative_to(one)) for f in one.rglob("model.safetensors")]
    assert sorted(str(f.relative_to(one)) for f in one.rglob("*")) == sorted(
        str(f.relative_to(other)) for f in other.rglob("*")
    )
    assert len(models) >= 3
    for model in models:
        assert (one / model).read_bytes() == (other / model).read_bytes()
    assert metrics(one) == metrics(other)


MOMENTS = [
    ("finishing", "plan.json"),
    ("between", 1),
    ("after", 2),
    ("between", 3),
    ("during", 4),
    ("after", 4),
    ("between", 6),
    ("after", 6),
    ("finishing", "README.md"),
    ("finishing", "rl.json"),
]


def test_a_run_killed_at_every_moment_ends_as_if_it_had_not_been(rl, whole, tmp_path):
    """The five problems are gone through more than once, so the order of a later round counts too."""
    saved = tmp_path / "killed" / "checkpoint-2" / "model.safetensors"
    written = set()
    for moment in MOMENTS:
        assert rl(tmp_path / "killed", die=moment)[0] == -signal.SIGKILL, moment
        left = {f.name for f in (tmp_path / "killed").iterdir()}
        written |= {saved.stat().st_mtime_ns} if saved.exists() else set()
        assert "rl.json" not in left
        assert "README.md" not in left or moment == ("finishing", "rl.json")
    assert rl(tmp_path / "killed")[0] == 0
    assert_same(tmp_path / "killed", whole)
    assert written == {saved.stat().st_mtime_ns}  # no run began at the beginning again
    assert [r["update"] for r in metrics(whole)] == [0, 1, 2, 2, 3, 4, 4, 5, 6, 6]


def test_solutions_used_twice_and_the_first_model_survive_a_kill_too(rl, tmp_path):
    more = ["--rl.passes", "2", "--rl.kl", "0.1", "--rl.warmup-updates", "4", "--rl.recipe", "dapo"]
    assert rl(tmp_path / "killed", *more, die=("between", 5))[0] == -signal.SIGKILL
    assert rl(tmp_path / "killed", *more)[0] == 0
    assert rl(tmp_path / "whole", *more)[0] == 0
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_a_finished_run_is_left_as_it_is(rl, whole):
    before = {f: f.stat().st_mtime_ns for f in whole.rglob("*")}
    code, said = rl(whole)
    assert (code, said.splitlines()[-1]) == (0, str(whole))
    assert {f: f.stat().st_mtime_ns for f in whole.rglob("*")} == before


@pytest.mark.parametrize("flags", ["--rl.seed 1", "--limit 4", "--held-out-samples 4", "--prompt.style plain"])
def test_another_run_in_the_same_folder_is_refused(rl, whole, flags):
    before = {f: f.stat().st_mtime_ns for f in whole.rglob("*")}
    code, said = rl(whole, *flags.split())
    assert code == 2
    assert re.fullmatch(rf"arts: {whole}: was made with \S+ = .*; use the same ones or another --out\n", said)
    assert {f: f.stat().st_mtime_ns for f in whole.rglob("*")} == before


def test_the_folder_is_a_model_for_the_other_commands(whole, tmp_path):
    for model in (whole, whole / "checkpoint-4"):
        store = tmp_path / f"{model.name}.db"
        assert main(["sample", "--problems", "congruences:test", "--limit", "1", "--n", "2", "--store", str(store),
                     "--model", str(model)]) == 0  # fmt: skip
    assert load_file(whole / "model.safetensors").keys() == load_file(bundled_model() / "model.safetensors").keys()


def test_the_card_says_what_was_done_and_how_to_do_it_again(whole, tmp_path):
    card = (whole / "README.md").read_text()
    record = json.loads((whole / "rl.json").read_text())
    assert card.startswith("# policy\n\n`bundled` after reinforcement learning")
    problems = f"5 problems (fingerprint `{record['run']['problems']['hash']}`)"
    said = ["recipe `grpo`", problems, "grader `exact`", "6 updates", f"{record['tokens']:,.0f} tokens", "trl 1."]
    for words in (*said, "2 solution(s) of each of 3 problems"):
        assert words in card
    rates = {str(r["update"]): r["held_out_pass_rate"] for r in metrics(whole) if "held_out_pass_rate" in r}
    assert record["held_out_pass_rate"] == rates
    assert [*rates] == ["0", "2", "4", "6"]
    assert all(f"| {update} | {rate:.1%} |" in card for update, rate in rates.items())
    (tmp_path / "again.toml").write_text(card.partition("```toml\n")[2].removesuffix("```\n"))
    again = load_toml(tmp_path / "again.toml", Config)
    assert (again.out, again.rl.updates, again.rl.learning_rate, again.held_out_limit) == (Path("policy"), 6, 1e-3, 3)
    assert "None" not in card
    assert not list(whole.glob("checkpoint-*/README.md"))


def test_two_processes_share_each_update(tmp_path):
    """Gloo on the CPU. Every problem of an update is there with its whole group, and one process says where it is."""
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    plain = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    (tmp_path / "groups").mkdir()
    arguments = ["rl", "--out", tmp_path / "two", *SMALL, "--rl.updates", "2", "--held-out-limit", "4"]
    done = subprocess.run(
        [str(part) for part in (*launch, *plain, __file__, tmp_path / "groups", *arguments)],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "two")]
    assert not [line for line in done.stderr.splitlines() if not line.startswith(("update ", "2 updates"))]
    shares = [map(json.loads, (tmp_path / "groups" / rank).read_text().splitlines()) for rank in "01"]
    rounds = [Counter(one + other) for one, other in zip(*shares, strict=True)]
    held_out, *updates, _ = rounds
    assert [sorted(update.values()) for update in updates] == [[4, 4], [4, 4]]
    assert sorted(held_out.values()) == [2, 2, 2, 2]
    assert [r["update"] for r in metrics(tmp_path / "two")] == [0, 1, 2, 2]
    assert not list((tmp_path / "two").rglob("*.pth"))


def test_a_dry_run_prints_what_a_file_can_say(tmp_path, capsys):
    flags = ["--out", "o", *SMALL, "--rl.recipe", "dapo", "--rl.clip-high", "0.3", "--grader", "math"]
    assert main(["rl", *flags, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "run.toml").write_text(printed)
    assert main(["rl", "--config", str(tmp_path / "run.toml"), "--dry-run"]) == 0
    assert capsys.readouterr().out == printed
    assert main(["rl", "--config", str(tmp_path / "run.toml"), "--rl.seed", "9", "--dry-run"]) == 0
    assert capsys.readouterr().out == printed.replace("seed = 0", "seed = 9")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        serve()
    else:
        write_groups_down(sys.argv[1])
        sys.exit(main(sys.argv[2:]))
