"""Every file of ``files`` gives what its README says, in the shape it came in and in others that hold the same rows."""

import gzip
import json
from pathlib import Path

import pytest

from arts.errors import InputError
from arts.logs.formats import Fields, LogOptions
from arts.logs.samples import read_samples, verdicts_of
from arts.problems.base import Verdict

FILES = Path(__file__).parent / "files"
SKYTHOUGHT = Fields(problem="question", key="gt", text="code", id="idx")
ZEROEVAL = Fields(problem="question", key="answer", text="output", id="id")
STEPS = Fields(
    problem="question",
    key="ground_truth_answer",
    text="model_output_steps",
    correct="model_output_answer_correctness",
    id="uuid",
)


def read(name, fields=None, *, folder=FILES, **options):
    return read_samples(folder / name, log=LogOptions(fields=fields or Fields()), **options)


def counted(found):
    """Samples that are correct, ungraded, and all."""
    verdicts = [v for tree in found.trees for v in verdicts_of(tree)]
    return verdicts.count(Verdict.CORRECT), verdicts.count(Verdict.UNGRADED), len(verdicts)


@pytest.mark.parametrize(
    "name, fields, right, ungraded, samples",
    [
        ("json_answers.jsonl", ZEROEVAL, 6, 0, 6),
        ("scientific_keys.jsonl", SKYTHOUGHT, 8, 0, 8),
        ("subscripts_units.jsonl", SKYTHOUGHT, 4, 0, 4),
        ("one_empty_key.jsonl", SKYTHOUGHT, 1, 1, 3),
        ("steps_as_samples.jsonl", STEPS, 0, 0, 4),
        ("array.json", None, 0, 0, 3),
        ("lmeval_repeats.jsonl", None, 5, 0, 8),
        ("bom.jsonl", None, 3, 0, 4),
        ("inspect.eval", None, 6, 0, 9),
        ("inspect.json.gz", None, 6, 0, 9),
        ("trl_completions.parquet", None, 11, 0, 24),
    ],
)
def test_a_file_is_read(name, fields, right, ungraded, samples):
    if name.endswith((".parquet", ".eval")):
        pytest.importorskip("pyarrow")
    assert counted(read(name, fields)) == (right, ungraded, samples)


def test_the_row_without_a_key_is_named():
    found = read("one_empty_key.jsonl", SKYTHOUGHT)
    place = f"{FILES / 'one_empty_key.jsonl'}:2"
    assert [note for note in found.notes if place in note]
    assert "1 sample ungraded, 1 problem without a key (one_empty_key.jsonl:2)" in found.taken.verdicts


def test_a_list_of_steps_is_one_solution_with_its_verdict():
    found = read("steps_as_samples.jsonl", STEPS, verdicts="log")
    assert [len(tree.backbones) for tree in found.trees] == [1] * 4
    assert [len(tree.path(tree.backbones[0].leaf)) for tree in found.trees][:2] == [4, 6]
    assert found.verdicts == "of the log"


def test_a_task_without_right_and_wrong_is_refused():
    with pytest.raises(InputError, match=r"lmeval_mae\.jsonl:1: the metric of this task is mae, which is no verdict"):
        read("lmeval_mae.jsonl")
    with pytest.raises(InputError, match="'mae' is no verdict but another metric"):
        read("lmeval_mae.jsonl", Fields(correct="mae"))


def test_verdicts_that_are_of_no_sample_are_not_used_unsaid():
    found = read("lmeval_repeats.jsonl", verdicts="log")
    assert found.verdicts == "of the math grader"
    assert any("the log has no verdicts of its samples" in note for note in found.notes)
    assert any("2 rows with one verdict for several samples" in note for note in found.notes)
    with pytest.raises(InputError, match=r":1: 1 value of 'correct' for 4 samples"):
        read("lmeval_repeats.jsonl", Fields(correct="exact_match"))


def test_the_epochs_of_inspect_are_samples_of_one_problem():
    pytest.importorskip("pyarrow")
    zipped, plain = read("inspect.eval"), read("inspect.json.gz")
    for found in (zipped, plain):
        assert found.format == "inspect" and [len(tree.backbones) for tree in found.trees] == [3] * 3
        assert [(p.id, p.answer, p.level) for p in found.problems] == [
            (f"sum-{i}", key, i) for i, key in enumerate(("42", "42", "99"), start=1)
        ]
        assert found.logged == {tree.problem_id: verdicts_of(tree) for tree in found.trees}
    assert [t.text for t in zipped.trees] == [t.text for t in plain.trees]


def rows():
    return json.loads((FILES / "array.json").read_text(encoding="utf-8"))


def lines(of):
    return "".join(json.dumps(row) + "\n" for row in of)


BROKEN = lines(rows()[:1]) + "{broken\n" + lines(rows()[1:])
SHAPES = {
    "array.json": json.dumps(rows()),
    "results.json": json.dumps({"model": "m", "results": rows()}),
    "odd-name.json": json.dumps({"model": "m", "aime": rows()}, indent=1),
    "by-id.json": json.dumps({str(row["index"]): row for row in rows()}),
    "held.json": json.dumps({"config": {"k": 1}, "results": {str(row["index"]): row for row in rows()}}),
    "bom.json": "\ufeff" + json.dumps(rows(), indent=1),
    "crlf.jsonl": lines(rows()).replace("\n", "\r\n"),
    "no-end.jsonl": lines(rows()).rstrip(),
    "pretty.jsonl": "\n".join(json.dumps(row, indent=1) for row in rows()),
    "array.txt": json.dumps(rows()),
    "no-suffix": lines(rows()),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_the_shape_of_a_file_is_no_matter(name, packed, tmp_path):
    data = SHAPES[name].encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
    found, plain = read(name, folder=tmp_path), read("array.json")
    assert [(p.question, p.answer) for p in found.problems] == [(p.question, p.answer) for p in plain.problems]
    assert counted(found) == counted(plain) and found.notes == plain.notes


def test_parquet_rows_are_read_too(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows()), tmp_path / "rows.parquet")
    assert counted(read("rows.parquet", folder=tmp_path)) == (0, 0, 3)


@pytest.mark.parametrize(
    "text, place, why",
    [
        (BROKEN, 2, "not JSON"),
        ("{broken\n" + lines(rows()), 1, "not JSON"),
        (lines(rows()) + '"text"\n', 4, "a str, no object"),
        (lines([*rows(), {"index": 3}]), 4, "no text under"),
        (lines([{"model": "m"}, *rows()]), 1, "no text under"),
        (json.dumps(rows())[:-1] + ', {"index": ', 4, "not JSON"),
        (json.dumps(rows())[:-1], 4, "the array has no end"),
        (json.dumps([*rows(), 7]), 4, "an int, no object"),
    ],
)
def test_one_row_that_cannot_be_read_is_named_and_the_rest_is_read(text, place, why, tmp_path):
    (tmp_path / "rows.json").write_text(text, encoding="utf-8")
    found = read("rows.json", folder=tmp_path)
    assert counted(found) == (0, 0, 3)
    (note,) = found.notes
    assert note.startswith(f"1 row cannot be read and left out: {tmp_path / 'rows.json'}:{place}: {why}"), note
    assert f"1 row not read (rows.json:{place})" in found.taken.verdicts
