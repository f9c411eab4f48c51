"""Files that would exhaust memory, stack or time, or have code run, end in one line and exit code 2."""

import contextlib
import gzip
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from arts.cli import main

from .conftest import settings

DEEP = 100_000
ROW = {"problem": "1+1?", "answer": "2", "samples": [{"text": "2"}, {"text": "3"}]}
pytestmark = pytest.mark.usefixtures("here")


def nested(levels, inside="1"):
    return "[" * levels + inside + "]" * levels


# nesting


@pytest.mark.parametrize("levels", [65, DEEP])
@pytest.mark.parametrize(
    "line", ["evaluate deep.jsonl --out r", "store import deep.jsonl --out a.db", "problems check deep.jsonl"]
)
def test_deep_json_lines(refused, levels, line):
    Path("deep.jsonl").write_text(f'{{"problem": "?", "answer": "2", "samples": {nested(levels)}}}\n')
    refused(line, "deep.jsonl:1", "levels of nesting")


def test_json_lines_as_deep_as_they_may_be():
    Path("log.jsonl").write_text(json.dumps({**ROW, "extra": json.loads(nested(63))}) + "\n")
    assert main(["store", "import", "log.jsonl", "--out", "a.db", "--grader", "exact"]) == 0


@pytest.mark.parametrize("levels", [65, DEEP])
@pytest.mark.parametrize(
    "text",
    ["n = {}", "problems = {}", "a = {{b = {}}}", "[sampling]\nstop = {}"],
    ids=["n", "problems", "table", "stop"],
)
def test_deep_toml(refused, levels, text):
    Path("deep.toml").write_text(text.format(nested(levels)))
    refused("sample --config deep.toml", "deep.toml", "levels of nesting")


def test_toml_tables_that_are_named_deeply(refused):
    Path("deep.toml").write_text(f"[{'.'.join('a' * 2_000)}]\nb = 1\n")
    refused("sample --config deep.toml", "deep.toml", "levels of nesting")


def test_a_huge_configuration(refused):
    Path("huge.toml").write_text("a = 1 # " + "x" * 2_000_000)
    refused("sample --config huge.toml", "huge.toml", "characters")


@pytest.mark.parametrize("text", ["n = " + "9" * 5_000, 'n = "\\uD800"', "n = 1\x00", "d = 2020-13-01"])
def test_odd_toml(refused, text):
    Path("odd.toml").write_text(text)
    refused("sample --config odd.toml", "odd.toml")


@pytest.mark.parametrize("levels", [65, DEEP])
def test_deep_reports_and_checkpoints(refused, levels):
    Path("r").mkdir()
    Path("r/report.json").write_text(nested(levels))
    refused("report r", "report.json")
    Path("v").mkdir()
    Path("v/verifier.json").write_text(f'{{"schema": 1, "name": {nested(levels)}}}')
    refused("score none.db v", "verifier.json", "levels of nesting")


# bombs


def packed(path, chunk, times):
    with gzip.open(path, "wb", compresslevel=9) as file:
        for _ in range(times):
            file.write(chunk)
    return path.stat().st_size


@pytest.mark.parametrize("chunk", [b" ", b"\n", b"{}\n", b"["], ids=["line", "blank", "rows", "deep"])
def test_a_packed_file_that_unpacks_to_far_more(refused, chunk):
    assert packed(Path("bomb.jsonl.gz"), chunk * 1_000_000, 100) < 1_000_000
    refused("store import bomb.jsonl.gz --out a.db", "bomb.jsonl.gz:")


def test_packed_rows_that_repeat_are_read(capsys):
    packed(Path("log.jsonl.gz"), json.dumps(ROW).encode() + b"\n", 500)
    assert main(["store", "import", "log.jsonl.gz", "--out", "a.db", "--grader", "exact"]) == 0


def test_a_problem_that_is_too_long(refused, monkeypatch):
    monkeypatch.setattr("arts.problems.lines.LONGEST_LINE", 1_000)
    Path("long.jsonl").write_text(json.dumps({**ROW, "more": "x" * 1_000}) + "\n")
    refused("problems check long.jsonl", "long.jsonl:1", "characters; split it")


def test_a_row_that_is_too_long_is_named_and_left_out(capsys, monkeypatch):
    monkeypatch.setattr("arts.logs.json_rows.LONGEST_LINE", 1_000)
    Path("long.jsonl").write_text(json.dumps({**ROW, "more": "x" * 1_000}) + "\n" + json.dumps(ROW) + "\n")
    assert main(["store", "import", "long.jsonl", "--out", "a.db", "--grader", "exact"]) == 0
    assert "long.jsonl:1: a line of more than" in capsys.readouterr().err


def test_a_packed_file_that_is_cut_or_false(refused):
    packed(Path("whole.jsonl.gz"), json.dumps(ROW).encode() + b"\n", 5)
    Path("cut.jsonl.gz").write_bytes(Path("whole.jsonl.gz").read_bytes()[:-20])
    Path("false.jsonl.gz").write_bytes(b"no gzip")
    Path("bad.jsonl.gz").write_bytes(Path("whole.jsonl.gz").read_bytes()[:12] + b"\xff" * 30)
    for name in ("cut", "false", "bad"):
        refused(f"store import {name}.jsonl.gz --out a.db", f"{name}.jsonl.gz:")


@pytest.mark.parametrize(
    "sample", [{"steps": ["a"] * 3_000_000}, {"text": "a\n\n" * 300_000}], ids=["steps", "paragraphs"]
)
def test_millions_of_steps(refused, sample):
    Path("long.jsonl").write_text(json.dumps({**ROW, "samples": [sample, sample]}) + "\n")
    refused("store import long.jsonl --out a.db --grader exact", "long.jsonl:1", "00,000 steps; at most 100,000")


def test_three_hundred_thousand_steps_of_exported_trees(refused):
    count = 300_000
    row = {
        **{"schema": 1, "id": "p", "question": "?", "answer": "2", "solution": None, "subject": None, "level": 1},
        **{"source": "", "parent": [*range(count)], "text": ["a"] * count, "tokens": [1] * count},
        **{"logprob": [None] * count, "stop": [None] * (count - 1) + ["stop"], "outcomes": [], "scores": []},
        "rollouts": [{"backbone": 0, "pivot": 0, "leaf": count, "tokens": 1, "stop": "stop", "error": ""}],
    }
    Path("trees.jsonl").write_text(json.dumps(row) + "\n")
    refused("store import trees.jsonl --out a.db", "trees.jsonl:1", "at most 100,000")


# odd values


@pytest.mark.parametrize("name", [["a"], {"a": 1}, None, 3.5, True, nested(60), ""])
def test_batch_logs_with_odd_ids(name, capsys):
    asked = {"custom_id": name, "body": {"messages": [{"role": "user", "content": "1+1?"}]}}
    choice = {"message": {"role": "assistant", "content": "2"}}
    answered = {"custom_id": name, "response": {"body": {"choices": [choice, choice]}}}
    Path("batch.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (asked, answered)))
    Path("keys.jsonl").write_text(json.dumps({"problem": "1+1?", "answer": "2"}) + "\n")
    assert main(["store", "import", "batch.jsonl", "--out", "a.db", "--log.keys", "keys.jsonl"]) == 0
    events = [{"spec": {}}, {"sample_id": name, "type": "sampling", "data": {"prompt": "1+1?", "sampled": "2"}}]
    events.append({"sample_id": name, "type": "match", "data": {"expected": "2", "correct": True}})
    Path("events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in events))
    assert main(["store", "import", "events.jsonl", "--out", "b.db"]) == 0


WRONG = (1, "x", [], ["x"], {"x": 1}, None, True, 1e308, -1)
ODD = [
    *({name: value} for name in settings() for value in WRONG),
    *({name: value} for name in ("per_step", "splitter", "calibration", "training", "metrics") for value in WRONG),
    *({"reward_contrast": value} for value in ("x", [], None, float("inf"), 0, -1)),
    *(
        {"architecture": {"backbone": "bundled", "mode": "frozen", name: value}}
        for name in ("layers", "trunk_width", "mode")
        for value in (*WRONG, 10**12)
    ),
    {"architecture": {"backbone": "bundled", "reader_width": 10**12}},
    {"architecture": {"backbone": "bundled\0"}},
    {"architecture": {"backbone": "../none"}},
    {"calibration": {"method": "isotonic"}},
    {"calibration": {"method": "isotonic", "knots": [1, 0], "levels": [0, 1]}},
    {"calibration": {"method": "isotonic", "knots": [1], "levels": [0, 1]}},
    {"calibration": {"method": "temperature", "slope": float("nan")}},
    {"training": {"settings": 5}},
    {"training": {"settings": [1], "store": {}}},
]


def test_wrong_types_in_a_checkpoint(capsys, filled):
    Path("v").mkdir()
    shutil.copy(filled, "a.db")
    for odd in ODD:
        Path("v/verifier.json").write_text(json.dumps(settings(**odd)))
        assert main(["score", "a.db", "v"]) == 2, odd
        said = capsys.readouterr().err
        assert said.startswith("arts: v") and said.count("\n") == 1, (odd, said)


@pytest.mark.parametrize(
    "text", [b"\xff\xfe", b"", b"null", b"5", b"{", b'{"schema": null}', b'{"schema": {}}', b'{"schema": 1e999}']
)
def test_what_is_no_checkpoint(refused, text):
    Path("v").mkdir()
    Path("v/verifier.json").write_bytes(text)
    refused("score none.db v", "verifier.json")


@pytest.mark.parametrize("name", ["text.toml", "rows.jsonl", "rows.jsonl.gz", "v/verifier.json", "r/report.json"])
def test_bytes_that_are_no_text(refused, name):
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    data = b'{"problem": "\xff\xfe\x80"}\n'
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    line = {"text.toml": "sample --config text.toml", "v/verifier.json": "score none.db v", "r/report.json": "report r"}
    refused(line.get(name, f"store import {name} --out x.db"), name)


def test_a_store_whose_rows_do_not_fit_together(filled, refused):
    damages = (
        "UPDATE nodes SET parent = 99 WHERE node = 2",
        "UPDATE nodes SET text = x'ff' WHERE node = 2",
        "UPDATE nodes SET text = CAST(x'ff' AS TEXT) WHERE node = 2",
        "UPDATE nodes SET tokens = 'many'",
        "UPDATE rollouts SET leaf = 99",
        "UPDATE rollouts SET stop = 'end'",
        "UPDATE outcomes SET verdict = 'maybe'",
        "UPDATE outcomes SET node = 99 WHERE node = 2",
        "INSERT INTO scores VALUES (1, 99, 'v', 0.5)",
        "UPDATE problems SET question = x'00'",
        "UPDATE meta SET value = '[' WHERE key = 'config'",
        "DROP TABLE rollouts",
    )
    for damage in damages:
        shutil.copy(filled, "d.db")
        with contextlib.closing(sqlite3.connect("d.db")) as connection, connection:
            connection.execute(damage)
        refused("store info d.db", "d.db")
    Path("d.db").write_bytes(filled.read_bytes()[:9000])
    refused("store info d.db", "d.db")
