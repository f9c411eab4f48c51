"""``arts squeeze diagnose`` as a user calls it."""

import importlib.util
import json
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from arts.cli import main
from arts.trees.rows import tree_row
from arts.trees.store import TreeStore

REAL = Path(__file__).parent.parent / "data" / "gsm8k_openai_60x4.jsonl.gz"
SMALL = ("--base.where", "model=6b_finetuning", "model=6b_verification")
LARGE = ("--rl.where", "model=175b_finetuning", "model=175b_verification")
MODEL = Path(importlib.util.find_spec("arts.testbed").submodule_search_locations[0]) / "model"
PROBLEMS, N = 5, 4
ASKED = ("--problems", "congruences:test", "--limit", PROBLEMS, "--n", N, "--sampling.temperature", 1)
ASKED += ("--sampling.max-tokens", 46, "--backend.device", "cpu", "--backend.batch-size", 8)


def call(*arguments):
    """Exit code of a diagnosis."""
    return main(["squeeze", "diagnose", *map(str, arguments)])


def report(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def verl(path, question, marks, score=float):
    rows = [
        {"input": question, "output": rf"\boxed{{{i}}}", "gts": "0", "score": score(m)} for i, m in enumerate(marks)
    ]
    with path.open("a", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def test_recorded_samples_give_three_forms_and_a_table(tmp_path, capsys):
    assert call(REAL, REAL, *SMALL, *LARGE, "--out", tmp_path) == 0
    said = capsys.readouterr()
    found = report(tmp_path)
    k, base, rl, *_ = said.out.splitlines()[1].split("\t")
    assert (k, float(base.split()[0])) == ("1", pytest.approx(100 * found["curves"]["base"]["1"]["value"], abs=0.051))
    assert float(rl.split()[0]) == pytest.approx(100 * found["curves"]["rl"]["1"]["value"], abs=0.051)
    assert "unresolved\t60\t100.0%" in said.out
    assert [line.split("/")[-1] for line in said.err.splitlines() if line.startswith("wrote")] == [
        *("report.json", "report.md", "report.html"),
    ]
    assert said.err.startswith("With one sample RL is ahead")
    assert found["sides"]["base"]["verdicts"] == "of the log"
    assert found["matching"]["matched"] == 60


def test_the_command_in_the_report_gives_the_report_again(tmp_path):
    flags = ("--seed", 3, "--rate", 0.2, "--grader", "exact", "--base.correct-above", 0.4, "--out", tmp_path)
    assert call(REAL, REAL, *SMALL, *LARGE, *flags) == 0
    before = contents(tmp_path)
    words = shlex.split(report(tmp_path)["about"]["command"])
    shutil.rmtree(tmp_path)
    assert words[0] == "arts" and main(words[1:]) == 0
    assert contents(tmp_path) == before and len(before) == 5


def test_a_grader_goes_before_the_verdicts_of_a_log(tmp_path, capsys):
    base = verl(tmp_path / "base.jsonl", "q", [0, 0, 0, 1])
    rl = verl(tmp_path / "rl.jsonl", "q", [0, 1, 1, 1])
    assert call(base, rl, "--out", tmp_path / "a") == 0
    assert call(base, rl, "--grader", "exact", "--out", tmp_path / "b") == 0
    believed, graded = report(tmp_path / "a"), report(tmp_path / "b")
    assert [believed["curves"][s]["1"]["value"] for s in ("base", "rl")] == [0.25, 0.75]
    assert [graded["curves"][s]["1"]["value"] for s in ("base", "rl")] == [0.25, 0.25]
    assert graded["sides"]["rl"]["verdicts"] == "of the exact grader"


def test_what_has_to_be_known_is_noted(tmp_path, capsys):
    base = verl(tmp_path / "base.jsonl", "q", [0.1, 0.9, 1, 0])
    rl = tmp_path / "rl.jsonl"
    sample = {"text": "#### 0", "correct": None}
    rl.write_text(json.dumps({"problem": "q", "answer": "0", "samples": [sample] * 2}), encoding="utf-8")
    assert call(base, rl, "--out", tmp_path / "out") == 0
    notes = " ".join(report(tmp_path / "out")["notes"])
    assert "base: scores are 0, 0.1, 0.9, 1; correct means above 0.5" in notes
    assert "The sides were judged differently: base of the log, RL of the math grader" in notes
    assert notes.count("note") == 0 and "note: base: scores" in capsys.readouterr().err


@pytest.mark.parametrize("last, named", [(11, "10, 11"), (14, "10, 11, 12, 13, 14"), (15, "10, 11, 12, 13, 14, …")])
def test_training_steps_that_are_pooled_are_noted(tmp_path, last, named):
    base, rl = verl(tmp_path / "base.jsonl", "q", [1, 0]), tmp_path / "rl.jsonl"
    rows = [{"input": "q", "output": f"{s}", "score": 1, "step": s} for s in range(10, last + 1)]
    rl.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert call(base, rl, "--out", tmp_path / "out") == 0
    (note,) = report(tmp_path / "out")["notes"]
    assert note == (
        f"rl: the samples are of {len(rows)} training steps ({named}), hence of as many policies; choose by"
        f" --rl.where step={last}."
    )
    assert call(base, rl, "--rl.where", f"step={last}", "--out", tmp_path / "out") == 0
    assert report(tmp_path / "out")["notes"] == []


def lm_eval(path, questions, first):
    """One wrong sample of each question, the documents numbered from ``first``."""
    rows = [
        {"doc_id": i, "doc": {"question": q}, "target": q[-1], "resps": [["?"]], "filter": "none", "exact_match": 0.0}
        for i, q in enumerate(questions, start=first)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_ids_that_are_shifted_do_not_pair_each_problem_with_another(tmp_path, capsys):
    base = lm_eval(tmp_path / "base.jsonl", [f"Number {i}" for i in range(9)], 0)
    rl = lm_eval(tmp_path / "rl.jsonl", [f"Number {i}" for i in range(9)], 1)
    assert call(base, rl, "--out", tmp_path / "a") == 0
    matching = report(tmp_path / "a")["matching"]
    assert (matching["matched"], matching["by_question"], matching["other_question"]) == (9, 9, 0)
    other = lm_eval(tmp_path / "other.jsonl", [f"Letter {c}" for c in "abcdefghi"], 0)
    assert call(base, other, "--out", tmp_path / "b") == 2
    said = capsys.readouterr().err
    assert "9 ids are in both, but with other questions and keys" in said and said.count("note") == 0
    named = ("--base.fields.id", "doc_id", "--rl.fields.id", "doc_id")
    assert call(base, other, *named, "--out", tmp_path / "b") == 0
    (note,) = report(tmp_path / "b")["notes"]
    assert note == "9 problems have one id and different questions; they were matched by id."
    mixed = lm_eval(tmp_path / "mixed.jsonl", ["Letter a", "Letter b", "Number 0"], 0)
    assert call(base, mixed, "--out", tmp_path / "c") == 0
    (note,) = report(tmp_path / "c")["notes"]
    assert note.startswith("1 problems have one id, but other questions and keys; they were not matched")


def test_two_formats_meet_by_their_questions(tmp_path):
    base = verl(tmp_path / "base.jsonl", "2 + 2?", [1, 0])
    rl = tmp_path / "rl.jsonl"
    rl.write_text(json.dumps({"id": "x", "problem": "2  + 2?", "samples": [{"text": "4", "correct": True}]}) + "\n")
    assert call(base, rl, "--out", tmp_path) == 0
    assert report(tmp_path)["matching"]["by_question"] == 1


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """The bundled model with noise on its weights, as another model."""
    safetensors = pytest.importorskip("safetensors.numpy")
    folder = tmp_path_factory.mktemp("noisy") / "model"
    shutil.copytree(MODEL, folder)
    (file,) = folder.glob("*.safetensors")
    rng = np.random.default_rng(0)
    weights = {
        name: w + (0.15 * w.std() * rng.standard_normal(w.shape)).astype(w.dtype) if w.ndim > 1 else w
        for name, w in safetensors.load_file(file).items()
    }
    safetensors.save_file(weights, file, metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def sampled(noisy, tmp_path_factory):
    out = tmp_path_factory.mktemp("sampled")
    assert call("bundled", noisy, *ASKED, "--out", out) == 0
    return out


def rows(path):
    with TreeStore.open(path) as store:
        return [tree_row(p, store.tree(p.id), "") for p in store.problems()]


def test_two_models_are_sampled_on_the_same_problems(sampled, noisy):
    found = report(sampled)
    assert found["matching"]["matched"] == PROBLEMS
    for name, model in (("base", "bundled"), ("rl", str(noisy))):
        side = found["sides"][name]
        assert (side["source"], side["samples"], side["least_samples"]) == (model, PROBLEMS * N, N)
    with TreeStore.open(sampled / "base.db") as base, TreeStore.open(sampled / "rl.db") as rl:
        seeds = [store.run_config().sample["seed"] for store in (base, rl)]
        counted = [
            [sum(t.outcomes[r.leaf].verdict == "correct" for r in t.backbones) for t in store.trees()]
            for store in (base, rl)
        ]
    assert seeds == [0, 1]  # the same seed would make similar models draw alike
    by_id = {p["id"]: p for p in found["problems"]}
    assert [by_id[r.id]["base"][0] for r in rows(sampled / "base.db")] == counted[0]
    assert [by_id[r.id]["rl"][0] for r in rows(sampled / "rl.db")] == counted[1]
    assert found["notes"] == []


@pytest.mark.parametrize("after", [3, PROBLEMS * N + 7])
def test_a_diagnosis_that_was_interrupted_goes_on(sampled, noisy, tmp_path, interrupted, after):
    with interrupted(after):
        assert call("bundled", noisy, *ASKED, "--out", tmp_path) == 130
    assert not (tmp_path / "report.json").exists()
    assert call("bundled", noisy, *ASKED, "--out", tmp_path) == 0
    for name in ("base.db", "rl.db"):
        assert rows(tmp_path / name) == rows(sampled / name)
    for part in ("curves", "problems", "diversity"):
        assert report(tmp_path)[part] == report(sampled)[part]


def test_stores_are_read_without_a_model(sampled, tmp_path, monkeypatch):
    monkeypatch.setattr("arts.workflows.diagnose.sample_async", lambda *_, **__: pytest.fail("sampled"))
    assert call(sampled / "base.db", sampled / "rl.db", "--out", tmp_path) == 0
    assert report(tmp_path)["curves"] == report(sampled)["curves"]


def test_stores_of_one_seed_are_remarked_on(sampled, tmp_path):
    twin = tmp_path / "twin.db"
    shutil.copy(sampled / "base.db", twin)
    assert call(sampled / "base.db", twin, "--out", tmp_path / "out") == 0
    (note,) = report(tmp_path / "out")["notes"]
    assert "sampled with one seed" in note


def test_the_configuration_can_come_from_a_file(tmp_path, capsys):
    flags = (REAL, REAL, *SMALL, *LARGE, "--base.fields.text", "steps", "--out", tmp_path / "out")
    assert call(*flags, "--dry-run") == 0
    (tmp_path / "run.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert call("--config", tmp_path / "run.toml") == 0
    assert report(tmp_path / "out")["matching"]["matched"] == 60


def test_without_the_extra_the_page_is_left_out_and_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "arts.documents.html", raising=False)
    assert call(REAL, REAL, *SMALL, *LARGE, "--out", tmp_path) == 0
    assert not (tmp_path / "report.html").exists() and (tmp_path / "report.md").exists()
    assert "arts-llm[report]" in capsys.readouterr().err


def test_a_terminal_is_shown_no_control_characters(tmp_path, capsys):
    base = verl(tmp_path / "base.jsonl", "q\x1b[2J\u202e", [1, 0])
    rl = verl(tmp_path / "rl.jsonl", "q\x1b[2J\u202e", [1, 1])
    assert call(base, rl, "--out", tmp_path) == 0
    said = capsys.readouterr()
    assert {c for c in said.out + said.err if not c.isprintable()} <= {"\n", "\t"}


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["none.jsonl", REAL], ["none.jsonl", "no such file"]),
        (["none.db", REAL], ["none.db"]),
        (["./none", REAL, "--problems", "congruences:test"], ["./none", "no such model"]),
        (["./none", REAL], ["./none is taken for a model", "--problems"]),
        ([REAL, REAL], ["BASE and RL are the same samples"]),
        ([REAL, REAL, *SMALL, *LARGE, "--n", 8], ["--n is for models", "leave it out"]),
        ([REAL, REAL, *SMALL, *LARGE, "--rate", 1], ["rate is 1.0"]),
        ([REAL, REAL, *SMALL, "--rl.where", "model=gpt"], ["model is 175b_finetuning or 175b_verification"]),
        ([REAL, REAL, *SMALL, "--rl.format", "bert"], ["--rl.format", "bert"]),
        ([REAL], ["SOURCE"]),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert call(*arguments, "--out", "out") in (1, 2)
    said = capsys.readouterr().err
    assert said.startswith("arts: ") and said.count("\n") == 1, said
    assert [w for w in words if w not in said] == [], said
    assert not list(tmp_path.glob("out/report*"))


def test_samples_of_no_common_problem_are_refused(tmp_path, capsys):
    base, rl = verl(tmp_path / "base.jsonl", "one", [1]), verl(tmp_path / "rl.jsonl", "two", [1])
    assert call(base, rl, "--out", tmp_path) == 2
    assert "no problem is in both" in capsys.readouterr().err
