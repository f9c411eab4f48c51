"""Commands read samples of whatever kind a path names: stores under any name, exported folders and files, logs."""

import json
import shlex
from pathlib import Path

import pytest

from arts.cli import main
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore

LINES = [
    {
        "problem": f"{i}+{i}?",
        "answer": str(2 * i),
        "level": i,
        "samples": [{"text": t}],
    }
    for i in range(1, 5)
    for t in (f"#### {2 * i}", "#### 0", f"#### {2 * i if i > 2 else 1}", "#### 7")
]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The samples as log, as stores of two names, as exported files and as a folder; runs commands among them."""
    monkeypatch.chdir(tmp_path)
    Path("log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in LINES), encoding="utf-8")

    def run(line, code=0):
        assert main(shlex.split(line)) == code
        return capsys.readouterr()

    run("store import log.jsonl --out a.sqlite --grader exact")
    run("store export a.sqlite --out rows.jsonl")
    return run


def table(out):
    report = json.loads(Path(out, "report.json").read_text(encoding="utf-8"))
    return report["methods"], report["about"]


EVALUATE = "--n 2 4 --verifiers random --grader exact --no-record"


def test_evaluate_reads_a_store_of_any_name_and_an_exported_folder(run):
    pytest.importorskip("pyarrow")
    run("store export a.sqlite --out folder")
    Path("a.sqlite").rename("plain")
    kinds = {"log.jsonl": "samples, format flat", "plain": "store"}
    kinds |= dict.fromkeys(("folder", "rows.jsonl"), "samples, format arts")
    methods = []
    for source, kind in kinds.items():
        run(f"evaluate {source} {EVALUATE} --out out-{source}")
        found, about = table(f"out-{source}")
        methods.append(found)
        assert about["source_kind"] == kind
    assert all(found == methods[0] for found in methods)


def test_diagnose_reads_a_store_of_any_name_and_an_exported_folder(run):
    pytest.importorskip("pyarrow")
    run("store export a.sqlite --out folder")
    said = run("squeeze diagnose a.sqlite folder --out out")
    report = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    base, rl = report["sides"]["base"], report["sides"]["rl"]
    assert (base["source"], rl["source"]) == ("a.sqlite", "folder")
    assert (base["kind"], rl["kind"]) == ("store of imported", "arts")
    assert base["samples"] == rl["samples"] == len(LINES) and report["matching"]["matched"] == 4
    assert report["curves"]["base"] == report["curves"]["rl"]
    assert "judged differently" not in said.err


def test_the_solutions_of_a_search_are_refused_in_every_form(run):
    with TreeStore.open(Path("a.sqlite"), write=True) as store:
        store.set_run_config(RunConfig(command="solve"))
    run("store export a.sqlite --out searched.jsonl")
    for source in ("a.sqlite", "searched.jsonl"):
        for line in (f"evaluate {source} {EVALUATE}", f"squeeze diagnose rows.jsonl {source}"):
            assert f"{source}: was made by arts solve" in run(f"{line} --out out", code=2).err


@pytest.mark.parametrize("source", ["nowhere", "bundled", "some/model"])
def test_evaluate_says_what_it_takes_where_there_are_no_samples(run, source):
    said = run(f"evaluate {source} {EVALUATE} --out out", code=2).err
    assert f"{source}: neither a store nor samples (JSON Lines, JSON, Parquet" in said


def test_evaluate_says_how_the_files_of_a_folder_are_given(run):
    Path("empty").mkdir()
    said = run(f"evaluate empty {EVALUATE} --out out", code=2).err
    assert "empty: a folder without trees/*.parquet; give its files of samples, as 'empty/*.jsonl'" in said


def test_a_store_is_not_imported_again(run):
    assert "a.sqlite: is a store" in run("store import a.sqlite --out b.db", code=2).err
    assert not Path("b.db").exists()


def test_the_samples_of_a_log_are_chosen_by_expressions_and_by_values(run):
    counts = []
    for where in ("'level >= 2 and level != 3'", "level=2 level=4", "'level in [2, 4]'", "'level > 1' level=2 level=4"):
        run(f"evaluate log.jsonl {EVALUATE} --out out --log.where {where}")
        counts.append(json.loads(Path("out/report.json").read_text(encoding="utf-8"))["problems"])
    assert counts == [2, 2, 2, 2]
    said = run(f"evaluate log.jsonl {EVALUATE} --out out --log.where 'level > 9'", code=2).err
    assert "nothing is left by where; level is 1 or 2 or 3 or 4" in said
    said = run(f"evaluate log.jsonl {EVALUATE} --out out --log.where 'level >'", code=2).err
    assert "expression 'level >': cannot be read" in said
