"""``arts store``: samples of other tools in, data sets out."""

import json
import shlex
from pathlib import Path

import pytest

from arts.cli import main
from arts.trees.store import TreeStore

VERL = [
    {"input": "2+2?", "output": "2\n2\n\n#### 4", "gts": "4", "score": 0.0, "rm": 1.5},
    {"input": "2+2?", "output": "#### 5", "gts": "4", "score": 0.7, "rm": 0.5},
    {"input": "1+1?", "output": "#### 2", "gts": "2", "score": 1.0, "rm": -1.0},
]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in VERL), encoding="utf-8")

    def run(line, code=0):
        assert main(shlex.split(line)) == code
        return capsys.readouterr()

    return run


def verdicts(path):
    with TreeStore.open(path) as store:
        return [[t.outcomes[r.leaf].verdict.value for r in t.backbones] for t in store.trees()]


def test_a_log_becomes_a_store_that_remembers_how(run):
    assert run("store import log.jsonl --out a.db --grader exact").out == "a.db: 2 trees\n"
    assert verdicts(Path("a.db")) == [["correct", "incorrect"], ["correct"]]
    with TreeStore.open(Path("a.db")) as store:
        made = store.run_config()
        assert not any(t.scores for t in store.trees())
    assert (made.source, made.format, made.verdicts) == ("log.jsonl", "verl", "of the exact grader")
    assert made.versions["arts"]


def test_the_options_of_a_log_are_flags(run):
    said = run("store import log.jsonl --out a.db --verdicts log --log.correct-above 0.8 --scores rm --grader exact")
    assert "note: scores are 0, 0.7, 1; correct means above 0.8" in said.err
    assert verdicts(Path("a.db")) == [["incorrect", "incorrect"], ["correct"]]
    with TreeStore.open(Path("a.db")) as store:
        assert [float(t.scores["rm"][r.leaf]) for t in store.trees() for r in t.backbones] == [1.5, 0.5, -1.0]
    assert (
        run("store import '*.jsonl' --out b.db --log.fields.correct score --log.where score=1.0").out
        == "b.db: 1 trees\n"
    )


def test_the_splitter_cuts_what_is_imported(run):
    run("store import log.jsonl --out a.db --splitter paragraph --grader exact")
    with TreeStore.open(Path("a.db")) as store:
        assert next(iter(store.trees())).text[1:3] == ["2\n2\n\n", "#### 4"]


def test_a_store_goes_to_a_folder_and_comes_back(run):
    pytest.importorskip("pyarrow")
    run("store import log.jsonl --out a.db --scores rm --grader exact")
    assert run("store export a.db --out data --split test --licence mit").out == "data: 2 trees\n"
    assert sorted(str(p) for p in Path("data").rglob("*.*")) == [
        "data/README.md",
        "data/samples/test-00000-of-00001.parquet",
        "data/trees/test-00000-of-00001.parquet",
    ]
    assert run("store import data --out b.db").out == "b.db: 2 trees\n"
    for name in ("a", "b"):
        run(f"store export {name}.db --out {name}.jsonl")
    assert Path("a.jsonl").read_bytes() == Path("b.jsonl").read_bytes()


@pytest.mark.parametrize(
    "line, words",
    [
        ("store import none.jsonl --out b.db", ["none.jsonl: no such file"]),
        ("store import log.jsonl --out b.db --scores prm", ["no scores named 'prm'", "rm, score"]),
        ("store import log.jsonl --out b.db --log.keys none.jsonl", ["none.jsonl: no such file"]),
        ("store export a.db --out t.jsonl --licence mit", ["t.jsonl: --split and --licence", "folder"]),
        ("store export a.db --out t.csv", ["t.csv", ".jsonl or .parquet"]),
        ("store import log.jsonl --out a.db", ["a.db: is there already"]),
        ("store export a.db", ["--out FILE or FOLDER"]),
        ("store export a.db --out full", ["full: is there already"]),
        ("store import full --out b.db", ["full: a folder without trees/*.parquet"]),
    ],
)
def test_wrong_requests_end_in_one_line_and_leave_nothing(run, line, words):
    run("store import log.jsonl --out a.db --grader exact")
    Path("full").mkdir()
    Path("full/x").write_text("")
    before = sorted(Path().rglob("*"))
    said = run(line, 2).err
    assert [w for w in words if w not in said] == [] and said.count("\n") == 1, said
    assert sorted(Path().rglob("*")) == before
