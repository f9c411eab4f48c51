"""The files for GPUs, as far as a CPU can check them: they resolve, their numbers fit, and scaled down they train."""

import json
from pathlib import Path

import yaml
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.utils import FullyShardedDataParallelPlugin
from trl import GRPOConfig

from arts.baselines.grpo import trainer_arguments
from arts.baselines.task import HeldOut
from arts.cli import main
from arts.cli.rl import Config
from arts.config import load_toml

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_example_for_eight_gpus_resolves_and_its_numbers_fit(monkeypatch, tmp_path, capsys):
    file = EXAMPLES / "rl-qwen2.5-7b.toml"
    assert main(["rl", "--config", str(file), "--dry-run"]) == 0
    assert 'model = "Qwen/Qwen2.5-7B"' in capsys.readouterr().out
    config = load_toml(file, Config)
    monkeypatch.setattr(GRPOConfig, "world_size", property(lambda self: 8))
    held_out = HeldOut(problems=[None] * config.held_out_limit, samples=config.held_out_samples)
    told = trainer_arguments(config.rl, tmp_path, max_tokens=config.max_tokens, held_out=held_out, processes=8)
    assert told.generation_batch_size == 256 * 8 == 8 * told.per_device_train_batch_size * told.steps_per_generation
    assert told.steps_per_generation == told.gradient_accumulation_steps == 32
    assert (told.learning_rate, told.beta, told.epsilon, told.temperature) == (5e-7, 0.001, 0.2, 1.0)
    assert (told.num_generations, told.max_completion_length) == (8, 3072)
    assert (told.use_vllm, told.bf16, told.activation_checkpointing) == (True, True, True)
    assert config.held_out_limit % (8 * told.per_device_eval_batch_size) == 0


def test_the_example_scaled_down_trains_here(tmp_path):
    small = "--model bundled --problems congruences:train --limit 20 --held-out congruences:test --held-out-limit 6"
    size = "--max-tokens 30 --prompt.style plain --rl.no-vllm --rl.problems-per-update 2 --rl.group-size 4"
    time = "--rl.batch 4 --rl.updates 2 --rl.save-updates 2 --rl.report-to none"
    flags = [*small.split(), *size.split(), *time.split(), "--out", str(tmp_path / "policy")]
    assert main(["rl", "--config", str(EXAMPLES / "rl-qwen2.5-7b.toml"), *flags]) == 0
    rows = [json.loads(line) for line in (tmp_path / "policy" / "metrics.jsonl").read_text().splitlines()]
    assert [(r["update"], "kl" in r) for r in rows] == [(0, False), (1, True), (2, True), (2, False)]


def test_the_settings_for_accelerate_are_known_to_it():
    file = EXAMPLES / "fsdp-8-gpus.yaml"
    settings = load_config_from_file(str(file))
    assert (settings.distributed_type, settings.num_processes, settings.mixed_precision) == ("FSDP", 8, "bf16")
    known = {*FullyShardedDataParallelPlugin.__dataclass_fields__, "auto_wrap_policy"}
    given = yaml.safe_load(file.read_text())["fsdp_config"]
    assert {name.removeprefix("fsdp_") for name in given} - {"version"} <= known
