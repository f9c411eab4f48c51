"""What was taken for answers, scores and verdicts is said before the table, and kept in the report."""

import json

import pytest

from arts.cli import main

ROWS = [
    {"id": i, "problem": f"{i}?", "answer": "4", "samples": samples}
    for i, samples in enumerate(
        [
            [
                {"text": "#### 4", "pred": 4, "prm": 0.5, "rollout": 0, "n_tokens": 9},
                {"text": "#### 5", "pred": 5, "prm": 0.1, "rollout": 1, "n_tokens": 9},
            ]
        ]
        * 3
    )
]
LINES = [
    "answers: read off the texts; 6 of 6 samples state one",
    "scores: prm; numbers that are none: pred, rollout, n_tokens (--scores names them)",
    "verdicts: of the exact grader, key in 'answer'",
]


@pytest.fixture
def evaluate(tmp_path, capsys):
    def call(*flags, rows=ROWS, grader="exact"):
        log, out = tmp_path / "log.jsonl", tmp_path / "out"
        log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        assert main(["evaluate", str(log), "--grader", grader, "--out", str(out), *flags]) == 0
        return capsys.readouterr(), json.loads((out / "report.json").read_text(encoding="utf-8"))

    return call


def lines(said):
    return [line for line in said.splitlines() if line.partition(":")[0] in ("answers", "scores", "verdicts")]


def test_three_lines_say_what_was_taken(evaluate):
    said, report = evaluate()
    assert lines(said.err) == LINES
    settings = report["about"]["settings"]
    assert [f"{name}: {settings[f'{name} taken']}" for name in ("answers", "scores", "verdicts")] == LINES


def test_named_fields_are_told(evaluate):
    rows = [{**row, "samples": [{**s, "ok": s["pred"] == 4} for s in row["samples"]]} for row in ROWS]
    flags = ("--log.fields.answer", "pred", "--log.fields.correct", "ok", "--verdicts", "log", "--scores", "n_tokens")
    said, _ = evaluate(*flags, rows=rows)
    assert lines(said.err) == [
        "answers: field 'pred'; 6 of 6 samples state one",
        "scores: n_tokens",
        "verdicts: of the log, field 'ok'",
    ]


def test_a_replay_says_the_same_and_a_store_says_what_it_has(evaluate, tmp_path, capsys):
    first, _ = evaluate()
    assert main(["evaluate", "--replay", str(tmp_path / "out" / "cassette.db"), "--out", str(tmp_path / "again")]) == 0
    assert lines(capsys.readouterr().err) == lines(first.err)
    store = str(tmp_path / "s.db")
    assert main(["store", "import", str(tmp_path / "log.jsonl"), "--grader", "exact", "--out", store]) == 0
    assert lines(capsys.readouterr().err) == LINES
    assert main(["evaluate", store, "--grader", "exact", "--out", str(tmp_path / "third")]) == 0
    assert lines(capsys.readouterr().err) == [
        "answers: as stored; 6 of 6 samples state one",
        "scores: none chosen; stored are prm (--scores names them)",
        "verdicts: of the store",
    ]
    assert main(["evaluate", store, "--grader", "exact", "--scores", "prm", "--out", str(tmp_path / "third")]) == 0
    assert lines(capsys.readouterr().err)[1] == "scores: prm"


def test_a_key_that_takes_too_long_is_named_once(evaluate):
    key = "9^{9^{9^{9}}}"
    rows = [
        {"id": "slow", "problem": "?", "answer": key, "samples": [{"text": f"\\boxed{{x+{n}}}"} for n in range(3)]},
        *ROWS,
    ]
    said, _ = evaluate(rows=rows, grader="math")
    (verdicts,) = [line for line in lines(said.err) if line.startswith("verdicts")]
    assert "3 samples ungraded" in verdicts and said.err.count(key) == verdicts.count(key) == 1
