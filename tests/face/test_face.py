"""The library face: what is in it, what it costs, and that it works where programs and notebooks call it."""

import ast
import asyncio
import dataclasses
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import arts
from arts.cli import (
    evaluate as evaluate_command,
    sample as sample_command,
    solve as solve_command,
    squeeze_diagnose as diagnose_command,
)
from arts.workflows.diagnose import diagnose_async
from arts.workflows.evaluate import observe_samples_async
from arts.workflows.sample import sample_async
from arts.workflows.solve import solve_problems_async

NAMES = """
Problem Verdict Grade load_problems make_grader Tree Step State Outcome Rollout open_store read_samples Sampling
load_proposer ScriptedProposer Architecture TrainConfig load_verifier sample train_verifier score solve evaluate
diagnose decide SELECTORS STRATEGIES OBJECTIVES Budget Estimate pass_at_k ArtsError Proposer Verifier Grader Strategy
"""
PROMISED = set(re.findall(r"\w+", NAMES))
QUESTION = "What is 7 * 8 - 6?"
SOLUTIONS = {"7 * 8 = 56\n56 - 6 = 50\n": 0.6, "7 * 8 = 56\n56 + 6 = 62\n": 0.4}
PROBLEM = arts.Problem(id="p", question=QUESTION, answer="50")


def model():
    return arts.ScriptedProposer({QUESTION: SOLUTIONS})


def test_every_promised_name_is_there():
    assert PROMISED <= set(arts.__all__) <= set(dir(arts))
    assert all(getattr(arts, name) is not None for name in PROMISED)


def test_type_checkers_see_what_programs_get():
    tree = ast.parse(Path(arts.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname: node.module for node in imports for alias in node.names}
    assert seen.keys() == set(arts.__all__)
    for name, module in seen.items():
        assert getattr(importlib.import_module(module), name) is getattr(arts, name)


def test_what_is_not_there_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'samples'"):
        arts.samples  # noqa: B018


def test_importing_it_loads_nothing_else():
    program = "import json, sys; before = {*sys.modules}; import arts; print(json.dumps([*{*sys.modules} - before]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded - set(sys.stdlib_module_names) == {"arts"}


@pytest.mark.parametrize(
    ("command", "function", "apart"),
    [
        (sample_command, sample_async, {"problems", "store"}),
        (solve_command, solve_problems_async, {"problems", "verifier", "settings"}),
        (evaluate_command, observe_samples_async, {"source", "verifiers"}),
        (diagnose_command, diagnose_async, {"base", "rl", "out"}),
    ],
)
def test_flags_and_parameters_have_the_same_defaults(command, function, apart):
    parameters = inspect.signature(function).parameters
    shared = [f for f in dataclasses.fields(command.Config) if f.name in parameters and f.name not in apart]
    assert len(shared) > 8
    for f in shared:
        default = f.default_factory() if f.default is dataclasses.MISSING else f.default
        assert parameters[f.name].default == default, f.name


def sampled(folder, n=6):
    return arts.sample([PROBLEM], folder / "a.db", model=model(), n=n, splitter="newline", grader="exact", seed=3)


def test_a_store_is_sampled_read_again_and_again_and_extended(tmp_path):
    assert sampled(tmp_path).problems == 1
    with arts.open_store(tmp_path / "a.db") as store:
        trees = store.trees()
        assert [len(t) for t in trees] == [len(t) for t in trees]
        assert len(trees) == 1
        (tree,) = trees
    assert repr(tree).startswith(f"Tree('p': {len(tree)} nodes, {len(tree.rollouts)} rollouts, ")
    assert sampled(tmp_path, n=8).rollouts > len(tree.rollouts)


def test_it_works_inside_a_running_event_loop(tmp_path):
    async def notebook():
        sampled(tmp_path)
        spent = await arts.sample_async([PROBLEM], tmp_path / "b.db", model=model(), n=2, grader="exact")
        settings = {"model": model(), "n": 4, "grader": "exact", "splitter": "newline"}
        return (
            spent.problems,
            arts.solve(QUESTION, **settings).answer,
            (await arts.solve_async(QUESTION, **settings)).answer,
        )

    problems, now, awaited = asyncio.run(notebook())
    assert problems == 1
    assert now == awaited in ("50", "62")


def test_problems_are_solved_with_their_verdicts():
    told = []
    solved = arts.solve_problems([PROBLEM], model=model(), n=9, grader="exact", on_solved=told.append)
    assert told == solved
    assert solved[0].correct is (solved[0].answer == "50")


def test_scores_are_written_once(tmp_path):
    sampled(tmp_path)
    store = tmp_path / "a.db"
    first = arts.score(store, "length")
    assert (first.trees, first.name) == (1, "length")
    assert first.nodes > 1
    assert arts.score(str(store), arts.load_verifier("length"))[:2] == (0, 0)


def test_the_oracle_of_an_evaluation_is_pass_at_k(tmp_path):
    sampled(tmp_path)
    samples = arts.read_samples(tmp_path / "a.db")
    (tree,) = samples.trees
    right = np.array([[tree.outcomes[r.leaf].verdict is arts.Verdict.CORRECT for r in tree.backbones]])
    result = arts.evaluate(samples, verifiers=[], n=(2, 4), grader="exact")
    assert result.methods["oracle"].accuracy[2].value == pytest.approx(arts.pass_at_k(right, 2)[0])


def test_imported_samples_become_a_store(tmp_path):
    rows = [{"problem": QUESTION, "answer": "50", "samples": [{"text": t} for t in SOLUTIONS]}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    samples = arts.read_samples(tmp_path / "rows.jsonl", grader="exact", splitter="newline")
    samples.save(tmp_path / "b.db")
    with arts.open_store(str(tmp_path / "b.db")) as store:
        assert [t.text for t in store.trees()] == [t.text for t in samples.trees]
    with pytest.raises(arts.ArtsError, match="is there already"):
        samples.save(tmp_path / "b.db")
