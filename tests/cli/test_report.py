"""arts report: two reports compared, and one written again."""

import json
import shutil

import pytest

from arts.cli import main


def rollouts(path, right):
    """Twelve problems with four samples; ``right(i)`` of them are right."""
    rows = [
        {
            "id": f"p{i}",
            "problem": f"question {i}",
            "answer": "1",
            "samples": [{"text": f"the answer is {1 if j < right(i) else 2 + j}", "rm": j} for j in range(4)],
        }
        for i in range(12)
    ]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    for name, right in (("a", lambda i: i % 4), ("b", lambda i: (i + 1) % 5)):
        source = rollouts(folder / f"{name}.jsonl", right)
        assert main(["evaluate", str(source), "--grader", "exact", "--n", "2", "4", "--out", str(folder / name)]) == 0
    return folder


def test_two_reports_give_a_table_and_files(folders, tmp_path, capsys):
    out = tmp_path / "out"
    assert (
        main(["report", str(folders / "a"), str(folders / "b/report.json"), "--out", str(out), "--margin", "20"]) == 0
    )
    said = capsys.readouterr()
    table = [line.split("\t") for line in said.out.splitlines()]
    assert table[0][:5] == ["method", "A", "B", "B − A", "shown"] and {len(r) for r in table} == {11}
    assert {r[0] for r in table[1:]} >= {"random", "majority", "rm best-of-N"}
    assert "12 have the same id in both" in said.err and "On the same problems" in said.err
    assert sorted(p.name for p in out.iterdir()) == ["compare.html", "compare.json", "compare.md", "figures"]
    result = json.loads((out / "compare.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert result["margin"] == 0.2 and result["about"]["command"].endswith(f"--out {out} --margin 20.0")
    again = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert (
        main(["report", str(folders / "a"), str(folders / "b/report.json"), "--out", str(out), "--margin", "20"]) == 0
    )
    assert again == {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_without_a_folder_nothing_is_written(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(folders / "a"), str(folders / "b")]) == 0
    assert "wrote" not in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_one_report_is_written_again(folders, tmp_path, capsys):
    whole = shutil.copytree(folders / "a", tmp_path / "whole")
    before = {p.relative_to(whole): p.read_bytes() for p in whole.rglob("*") if p.is_file()}
    shutil.rmtree(whole / "figures")
    (whole / "report.html").unlink()
    (whole / "report.md").write_text("old")
    assert main(["report", str(whole)]) == 0
    assert capsys.readouterr().out.startswith("method\tN = 2\tN = 4")
    assert before == {p.relative_to(whole): p.read_bytes() for p in whole.rglob("*") if p.is_file()}
    assert main(["report", str(whole / "report.json"), "--out", str(tmp_path / "other")]) == 0
    assert (tmp_path / "other" / "report.html").read_bytes() == before[(whole / "report.html").relative_to(whole)]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["{a}", "{none}"], "no report; give the folder"),
        (["{a}", "{old}"], "made by an older arts (schema 1); run arts evaluate again"),
        (["{a}", "{b}", "--margin", "0"], "margin is 0; give points of accuracy"),
        (["{a}", "--margin", "2"], "are for two reports"),
        (["{a}", "--seed", "2"], "are for two reports"),
        (["{a}", "{b}", "--seed", "-1"], "seed is -1"),
        ([], "required"),
    ],
)
def test_a_wrong_request_is_one_line(folders, tmp_path, capsys, flags, said):
    (tmp_path / "old.json").write_text('{"schema": 1, "methods": {}}')
    names = {"a": folders / "a", "b": folders / "b", "none": tmp_path / "none", "old": tmp_path / "old.json"}
    assert main(["report", *(f.format(**names) for f in flags)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
