"""The files of examples/ for GSM8K and MATH: their commands take them, splits are kept apart, and the chain runs."""

import itertools
import json
import re
import tomllib
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from arts.cli import main
from arts.problems.rows import read_rows
from arts.problems.sets import CLEAN, SETS
from arts.testbed.answers import recited
from arts.testbed.endpoint import mock_endpoint
from arts.trees.store import TreeStore

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "data" / "gsm8k_openai_60x4.jsonl.gz"
CHAINS = sorted(path.parent.name for path in ROOT.glob("examples/*/evaluate.toml"))
FILES = ("sample-train", "sample-test", "train", "evaluate")
PROBLEMS = {"train": slice(0, 16), "test": slice(16, 24)}


def path_of(chain, file):
    return ROOT / "examples" / chain / f"{file}.toml"


def read(chain):
    return [tomllib.loads(path_of(chain, file).read_text(encoding="utf-8")) for file in FILES]


def test_the_chains_are_there():
    assert CHAINS == ["gsm8k", "math", "math-7b"]


@pytest.mark.parametrize(("chain", "file"), itertools.product(CHAINS, FILES))
def test_a_file_says_its_command_which_takes_it(chain, file, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    text = path_of(chain, file).read_text(encoding="utf-8")
    (command,) = re.findall(r"^#   arts (\w+ --config .*)$", text, re.MULTILINE)
    assert command == f"{file.partition('-')[0]} --config examples/{chain}/{file}.toml"
    assert "never run as it stands" in text and "Sized for one GPU" in text
    assert main([*command.split(), "--dry-run"]) == 0
    resolved, given = tomllib.loads(capsys.readouterr().out), tomllib.loads(text)
    for name, value in given.items():
        assert resolved[name] == value or value.items() <= resolved[name].items()


@pytest.mark.parametrize("chain", CHAINS)
def test_what_is_trained_on_is_not_evaluated_on(chain):
    learn, test, train, evaluate = read(chain)
    assert train["store"] == learn["store"] != test["store"] == evaluate["source"]
    assert train["out"] in evaluate["verifiers"]
    (learned, split), (tested, held) = (run["problems"].partition(":")[::2] for run in (learn, test))
    split, held = split.removesuffix(CLEAN), held or SETS[tested].names[-1]
    assert (split, held) == ("train", "test")
    assert tested == learned or SETS[learned].apart_from == tested
    assert SETS[learned].splits[split].hub != SETS[tested].splits[held].hub


@pytest.mark.parametrize("chain", CHAINS)
def test_both_splits_are_sampled_alike_and_their_solutions_are_read_whole(chain):
    learn, test, train, _ = read(chain)
    for name in ("model", "sampling", "prompt", "backend", "fork_probability"):
        assert learn[name] == test[name]
    served = re.search(r"^#   vllm serve (\S+) ", path_of(chain, "sample-train").read_text("utf-8"), re.MULTILINE)[1]
    assert learn["model"].endswith(f"#{served}")
    assert train["architecture"]["max_tokens"] >= 2 * learn["sampling"]["max_tokens"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with problems of GSM8K, as train.jsonl and test.jsonl; commands run in it."""
    monkeypatch.chdir(tmp_path)
    rows = recorded()
    for split, part in PROBLEMS.items():
        lines = [json.dumps({key: row[key] for key in ("problem", "answer")}) for row in rows[part]]
        Path(f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


@pytest.fixture
def model():
    """An endpoint that solves them as other models did, in Qwen's form."""
    solutions = {
        row["problem"]: {"\n\n".join([*s["steps"][:-1], rf"\boxed{{{s['answer']}}}"]): 0.25 for s in row["samples"]}
        for row in recorded()
    }
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(mock_endpoint(recited(solutions))) as endpoint,
    ):
        yield f"openai:{endpoint.url}#mock"


def recorded():
    return [row for _, row in read_rows(RECORDED)]


def call(file, *flags):
    return main([file.partition("-")[0], "--config", str(path_of("gsm8k", file)), *map(str, flags)])


def test_the_chain_of_gsm8k_runs(folder, model, capsys):
    for split in PROBLEMS:
        assert call(f"sample-{split}", "--problems", f"{split}.jsonl", "--model", model) == 0
    assert call("train", "--architecture.backbone", "bundled", "--training.epochs", 2, "--training.accumulate", 2) == 0
    assert "candidates of 16 problems, each by a verifier that has not seen it" in capsys.readouterr().err
    assert call("evaluate") == 0
    assert "flow best-of-N" in capsys.readouterr().out
    out = folder / "runs" / "gsm8k"
    for split, part in PROBLEMS.items():
        with TreeStore.open(out / f"{split}.db") as store:
            asked = [problem.question for problem in store.problems()]
            assert asked == [row["problem"] for row in recorded()[part]]
            assert {len(tree.rollouts) for tree in store.trees()} == {4 if split == "train" else 16}
    architecture = json.loads((out / "flow" / "verifier.json").read_text())["architecture"]
    assert (architecture["mode"], architecture["reading"], architecture["max_tokens"]) == ("lora", "steps", 2048)
    report = json.loads((out / "report" / "report.json").read_text())
    assert 0 < report["pass_at_k"]["1"]["value"] < 1
