"""GRPO through TRL: what it is told, what it trains on, what it is rewarded for, and which way it learns."""

import asyncio
import functools
import itertools
import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, LlamaForCausalLM
from trl import GRPOConfig
from trl.trainer.utils import RepeatSampler

from arts.baselines import grpo
from arts.baselines.card import model_card
from arts.baselines.config import RLConfig
from arts.baselines.grpo import train_policy, trainer_arguments
from arts.baselines.rewards import GraderReward
from arts.baselines.task import HeldOut, Task, check_place, finished, make_plan
from arts.errors import ArtsError, InputError, UsageError
from arts.models import bundled_model
from arts.problems.base import Grade, Problem, Verdict
from arts.problems.graders import make_grader
from arts.proposers.base import Request, Sampling
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.proposers.transformers import TransformersProposer
from arts.testbed.congruences import congruence_problems
from arts.trees.tree import State

EXACT = make_grader("exact")
SMALL = {"problems_per_update": 2, "group_size": 4, "batch": 8, "updates": 2, "save_updates": 2, "learning_rate": 1e-3}


def solve(model, questions, n, prompt=None):
    """Completions of ``n`` solutions of each question, as ``arts sample`` draws them."""
    proposer = TransformersProposer.load(
        str(model), prompt=prompt or PromptFormat(), options=BackendOptions(device="cpu")
    )
    requests = [
        Request(state=State(problem_id=q, question=q, text=""), seed=seed) for q in questions for seed in range(n)
    ]

    async def collect():
        found = [found async for found in proposer.propose(requests, Sampling(temperature=1.0, max_tokens=46))]
        return [completion for _, completion in sorted(found, key=lambda pair: pair[0])]

    return asyncio.run(collect())


def pass_rates(model, problems, n):
    """By sampling and grading outside of the trainer."""
    found = solve(model, [p.question for p in problems], n)
    pairs = [(p.answer, None) for p in problems for _ in range(n)]
    pairs = [
        (key, EXACT.extract(c.text) if c.stop == "stop" else None) for (key, _), c in zip(pairs, found, strict=True)
    ]
    right = [grade.verdict is Verdict.CORRECT for grade in EXACT.grade(pairs)]
    return np.reshape(right, (len(problems), n)).mean(1)


@functools.cache
def mixed():
    """Nine problems that the bundled model solves a part of the time, so that most groups have a signal."""
    problems = congruence_problems("train")[:32]
    rates = pass_rates(bundled_model(), problems, 16)
    return [p for p, rate in zip(problems, rates, strict=True) if 0.2 <= rate <= 0.7][:9]


def make_task(problems=None, **changed):
    return Task(**{"model": "bundled", "problems": problems or mixed(), "max_tokens": 46, **changed})


def train(out, task=None, **changed):
    train_policy(task or make_task(), EXACT, RLConfig(**{**SMALL, **changed}), out)
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def in_trl_words(out, *, held_out=None, processes=1, **changed):
    config = RLConfig(**{**SMALL, **changed})
    return trainer_arguments(config, out, max_tokens=46, held_out=held_out, processes=processes)


@pytest.fixture
def rewarded(monkeypatch):
    """What each call of the reward function was given and gave."""
    calls, call = [], GraderReward.__call__

    def listening(self, **given):
        rewards = call(self, **given)
        calls.append({**given, "rewards": rewards, "update": given["trainer_state"].global_step})
        return rewards

    monkeypatch.setattr(GraderReward, "__call__", listening)
    return calls


@pytest.fixture
def prefilled(monkeypatch):
    """The prompts, as tuples of tokens, that a model read at the beginning of each generation."""
    prompts, forward = [], LlamaForCausalLM.forward

    def listening(self, input_ids=None, attention_mask=None, **given):
        if not torch.is_grad_enabled() and input_ids.shape[1] > 1:
            mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
            rows = zip(input_ids.tolist(), mask.tolist(), strict=True)
            prompts.append({tuple(t for t, m in zip(ids, mask, strict=True) if m) for ids, mask in rows})
        return forward(self, input_ids=input_ids, attention_mask=attention_mask, **given)

    monkeypatch.setattr(LlamaForCausalLM, "forward", listening)
    return prompts


@pytest.mark.parametrize(
    ("recipe", "loss", "scale", "high", "masked"),
    [
        ("grpo", "grpo", "group", None, False),
        ("dr_grpo", "dr_grpo", "none", None, False),
        ("dapo", "dapo", "group", 0.28, True),
    ],
)
def test_every_recipe_is_told_to_the_trainer_and_trains(tmp_path, recipe, loss, scale, high, masked):
    told = in_trl_words(tmp_path, recipe=recipe)
    assert (told.loss_type, told.scale_rewards, told.epsilon_high) == (loss, scale, high)
    assert told.mask_truncated_completions is masked
    assert (told.epsilon, told.beta, told.num_iterations) == (0.2, 0.0, 1)
    assert in_trl_words(tmp_path, recipe=recipe, clip_high=0.4).epsilon_high == 0.4
    rows = train(tmp_path, recipe=recipe)
    assert [r["update"] for r in rows] == [1, 2]
    assert max(r["gradient_norm"] for r in rows) > 0
    assert not same_weights(tmp_path, bundled_model())


def test_settings_reach_the_trainer(tmp_path):
    held_out = HeldOut(problems=mixed()[:6], samples=2)
    told = in_trl_words(
        tmp_path, held_out=held_out, batch=2, passes=2, warmup_updates=3, temperature=0.7, top_p=0.9, kl=0.1,
        clip_low=0.1, seed=5, precision="bfloat16", gradient_checkpointing=True, vllm=True, vllm_memory=0.5,
    )  # fmt: skip
    assert isinstance(told, GRPOConfig)
    assert (told.per_device_train_batch_size, told.gradient_accumulation_steps) == (2, 4)
    assert (told.num_generations, told.generation_batch_size, told.max_completion_length) == (4, 8, 46)
    assert (told.num_iterations, told.beta, told.epsilon) == (2, 0.1, 0.1)
    assert (told.temperature, told.top_p, told.seed, told.warmup_steps) == (0.7, 0.9, 5, 3)
    assert (told.bf16, told.activation_checkpointing) == (True, True)
    assert (told.use_vllm, told.vllm_gpu_memory_utilization, told.vllm_mode) == (True, 0.5, "colocate")
    assert (told.num_generations_eval, told.per_device_eval_batch_size, told.eval_steps) == (2, 2, 2)
    plain = in_trl_words(tmp_path)
    assert (plain.bf16, plain.activation_checkpointing, plain.use_vllm) == (False, False, False)
    assert plain.report_to == []


def same_weights(one, other):
    a, b = (load_file(Path(folder) / "model.safetensors") for folder in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_divergence_from_the_first_model_starts_at_zero_and_holds_the_policy_back(tmp_path):
    free = train(tmp_path / "free", kl=1e-9, updates=4)
    held = train(tmp_path / "held", kl=100.0, updates=4)
    assert free[0]["kl"] == pytest.approx(0, abs=1e-6)
    assert free[-1]["kl"] > 1e-4
    assert 0 < held[-1]["kl"] < free[-1]["kl"]
    assert "kl" not in train(tmp_path / "without")[0]


def test_ratios_are_clipped_only_where_solutions_are_used_again(tmp_path):
    once = train(tmp_path / "once", updates=4, learning_rate=0.01)
    again = train(tmp_path / "again", updates=4, learning_rate=0.01, passes=4, save_updates=4)
    assert [r["clipped_share"] for r in once] == [0, 0, 0, 0]
    assert again[0]["clipped_share"] == 0
    assert max(r["clipped_share"] for r in again) > 0
    assert [("reward" in r, "tokens" in r) for r in again] == [(True, True), *[(False, False)] * 3]
    assert all("entropy" in r and "seconds" in r for r in again)
    record = json.loads((tmp_path / "again" / "rl.json").read_text())
    assert (record["updates"], record["tokens"]) == (4, again[0]["tokens"])


def test_the_reward_is_the_verdict_on_what_the_model_wrote(tmp_path, rewarded):
    rows = train(tmp_path, updates=3)
    tokenizer = AutoTokenizer.from_pretrained(bundled_model())
    keys = {f"{p.question}\n": p.answer for p in mixed()}
    order = iter(grpo._order(9, RLConfig(**{**SMALL, "updates": 3})))
    assert len(rewarded) == len(rows) == 3
    for call, logged in zip(rewarded, rows, strict=True):
        written = [tokenizer.decode(ids, skip_special_tokens=True) for ids in call["completion_ids"]]
        ended = [ids[-1] == tokenizer.eos_token_id for ids in call["completion_ids"]]
        answers = [EXACT.extract(text) if end else None for text, end in zip(written, ended, strict=True)]
        pairs = [(keys[prompt], answer) for prompt, answer in zip(call["prompts"], answers, strict=True)]
        assert call["rewards"] == [float(g.verdict is Verdict.CORRECT) for g in EXACT.grade(pairs)]
        assert logged["reward"] == pytest.approx(np.mean(call["rewards"]))
        assert logged["truncated_share"] == pytest.approx(1 - np.mean(ended))
        assert logged["tokens_per_solution"] == pytest.approx(np.mean([len(i) for i in call["completion_ids"]]))
        assert call["prompts"] == [f"{mixed()[i].question}\n" for i in itertools.islice(order, 2) for _ in range(4)]
    assert 0 < sum(sum(call["rewards"]) for call in rewarded) < 24


class Stub:
    """Knows one right answer, cannot judge another."""

    name = "stub"

    def extract(self, text):
        return text.strip() or None

    def grade(self, pairs):
        verdicts = {"right": Verdict.CORRECT, "odd": Verdict.UNGRADED}
        return [Grade(verdict=verdicts.get(answer, Verdict.INCORRECT)) for _, answer in pairs]

    def close(self):
        pass


def test_only_correct_solutions_that_ended_are_rewarded_and_the_ungraded_counted():
    logged = {}
    reward = GraderReward(Stub(), ends={2, 7})
    texts = ["right", "right", "right", "wrong", "odd", "", "odd"]
    tokens = [[5, 2], [5, 7], [5, 5], [5, 2], [5, 2], [2], [5, 5]]
    given = {"completions": texts, "completion_ids": tokens, "key": ["k"] * 7, "log_metric": logged.__setitem__}
    assert reward(**given) == [1, 1, 0, 0, 0, 0, 0]
    assert logged == {"ungraded": pytest.approx(1 / 7)}
    turns = [[{"role": "assistant", "content": text}] for text in texts]
    assert reward(**{**given, "completions": turns}) == [1, 1, 0, 0, 0, 0, 0]


def test_a_solution_ends_with_any_of_the_models_end_tokens():
    for named, ends in (([5, 7], {3, 5, 7}), (7, {3, 7}), (None, {3})):
        policy = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=named))
        assert grpo._ends(policy, SimpleNamespace(eos_token_id=3)) == ends


def test_solutions_cut_at_the_limit_earn_nothing(tmp_path, rewarded):
    rows = train(tmp_path, make_task(max_tokens=3))
    assert [(r["reward"], r["truncated_share"], r["groups_without_signal"]) for r in rows] == [(0, 1, 1)] * 2
    assert {len(ids) for call in rewarded for ids in call["completion_ids"]} == {3}


def templated_model(folder):
    """The bundled model with a tokenizer that has a chat template."""
    shutil.copytree(bundled_model(), folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}neg 6 x = 32\n{% endif %}{{ m.content }}\n"
        "{% endfor %}{% if add_generation_prompt %} mod{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("style", ["plain", "chat"])
def test_the_policy_reads_the_prompts_that_arts_sample_gives_it(tmp_path, prefilled, style):
    model = str(bundled_model()) if style == "plain" else templated_model(tmp_path / "model")
    prompt = PromptFormat(instruction="mul 4", system="solve")
    problems = mixed()[:2]
    train(tmp_path / "out", make_task(problems, model=model, prompt=prompt), updates=1)
    trained_on = prefilled[0]
    prefilled.clear()
    solve(model, [p.question for p in problems], 1, prompt=prompt)
    assert trained_on == prefilled[0]
    assert len(trained_on) == 2


def test_a_few_updates_on_one_problem_raise_its_pass_rate(tmp_path):
    """Measured outside of the trainer, so that a reward with the wrong sign shows."""
    problem = mixed()[:1]
    train(tmp_path, make_task(problem), problems_per_update=1, group_size=16, batch=16, updates=8, save_updates=8)
    assert pass_rates(tmp_path, problem, 256) > pass_rates(bundled_model(), problem, 256) + 0.2


def test_the_held_out_rate_is_the_mean_over_all_held_out_solutions(tmp_path, rewarded):
    held_out = HeldOut(problems=mixed()[4:9], samples=3)
    rows = train(tmp_path, make_task(mixed()[:4], held_out=held_out), batch=8)
    drawn = {0: [], 2: []}
    for call in rewarded:
        if call["prompts"][0] in {f"{p.question}\n" for p in held_out.problems}:
            drawn[call["update"]].append(call)
    for update, calls in drawn.items():
        counts = Counter(prompt for call in calls for prompt in call["prompts"])
        assert counts == {f"{p.question}\n": 3 for p in held_out.problems}
        rate = np.mean([reward for call in calls for reward in call["rewards"]])
        assert [r["held_out_pass_rate"] for r in rows if "held_out_pass_rate" in r and r["update"] == update] == [
            pytest.approx(rate)
        ]


@pytest.mark.parametrize("processes", [1, 2, 3, 8])
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_rounds_of_held_out_problems_are_all_full(processes, samples):
    config = RLConfig(batch=6)
    for problems in range(1, 50):
        if problems * samples % processes:
            with pytest.raises(UsageError, match=f"{problems} held-out problems .* use another --held-out-limit"):
                config.held_out_batch(problems, samples, processes)
            continue
        together = config.held_out_batch(problems, samples, processes) * processes
        assert problems * samples % together == together % samples == 0
    assert config.held_out_batch(24, 4, 1) == 4
    assert config.held_out_batch(24, 3, 1) == 6


def test_problems_come_in_the_trainers_own_shuffled_order():
    config = RLConfig(updates=11, problems_per_update=2, seed=3)
    sampler = RepeatSampler(range(9), mini_repeat_count=1, batch_size=2, seed=3)
    expected = [*sampler, *sampler, *sampler]
    order = grpo._order(9, config)
    assert order == expected[:22]
    assert sorted(order[:8]) != order[:8]
    assert len(set(order[:8])) == 8
    assert len(grpo._order(9, RLConfig(updates=11, problems_per_update=2, passes=4))) == 6
    with pytest.raises(UsageError, match="needs 2 problems and there are 1; use a smaller"):
        grpo._order(1, config)


def test_weights_that_are_left_in_shards_fail_the_run_and_lose_nothing(tmp_path):
    (tmp_path / "pytorch_model_fsdp_0").mkdir()
    with pytest.raises(ArtsError, match="in shards only; let accelerate gather them") as caught:
        grpo._finish(tmp_path, {}, "")
    assert caught.value.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pytorch_model_fsdp_0"]


def test_the_plan_tells_runs_apart_by_everything_that_decides_them():
    plans = {make_plan(make_task(), "exact", RLConfig())}
    assert plans == {make_plan(make_task(), "exact", RLConfig())}
    other = [Problem(**{**asdict(mixed()[0]), "answer": "0"}), *mixed()[1:]]
    plans |= {make_plan(task, "exact", RLConfig()) for task in (
        make_task(other), make_task(mixed()[:8]), make_task(max_tokens=9), make_task(model="x"),
        make_task(prompt=PromptFormat(system="s")), make_task(held_out=HeldOut(problems=mixed(), samples=1)),
        make_task(held_out=HeldOut(problems=mixed(), samples=2)),
    )}  # fmt: skip
    plans |= {make_plan(make_task(), "math", RLConfig()), make_plan(make_task(), "exact", RLConfig(seed=1))}
    assert len(plans) == 10


def test_a_plan_and_a_record_of_earlier_versions_are_known_again(tmp_path):
    """They were plain dicts, the plan with its keys in order."""
    config, held_out = RLConfig(kl=0.1), HeldOut(problems=mixed()[:3], samples=2)
    task = make_task(held_out=held_out, prompt=PromptFormat(system="s"))
    plan = make_plan(task, "exact", config)
    seen = {"count": 3, "hash": plan.held_out.problems.hash}
    run = {
        "model": "bundled", "problems": {"count": 9, "hash": plan.problems.hash}, "grader": "exact",
        "settings": asdict(config), "max_tokens": 46, "prompt": asdict(task.prompt),
        "held_out": {"problems": seen, "samples": 2},
    }  # fmt: skip
    (tmp_path / "plan.json").write_text(json.dumps(run, sort_keys=True))
    check_place(tmp_path, plan)
    with pytest.raises(UsageError, match=r"was made with settings\.kl"):
        check_place(tmp_path, make_plan(task, "exact", RLConfig(kl=0.2)))
    assert finished(tmp_path) is None
    made = {"run": run, "versions": {"trl": "1"}, "updates": 2, "tokens": 9.0, "seconds": 1.5}
    (tmp_path / "rl.json").write_text(json.dumps({**made, "held_out_pass_rate": {"0": 0.25, "2": 0.5}}, indent=1))
    record = finished(tmp_path)
    assert (record.run, record.held_out_pass_rate, record.tokens) == (plan, {0: 0.25, 2: 0.5}, 9)
    assert "| 2 | 50.0% |" in model_card("x", record, "")


def test_a_damaged_plan_or_record_is_one_line(tmp_path):
    plan = make_plan(make_task(), "exact", RLConfig())
    for name, look in (("plan.json", lambda: check_place(tmp_path, plan)), ("rl.json", lambda: finished(tmp_path))):
        (tmp_path / name).write_text('{"model": 1}')
        with pytest.raises(InputError, match=f"{name}: is no .* of arts rl: ") as caught:
            look()
        assert "\n" not in str(caught.value)
