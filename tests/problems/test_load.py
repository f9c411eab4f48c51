import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arts.errors import InputError
from arts.problems.load import load_problems

ROWS = [{"id": "a", "problem": "1+1?", "answer": "2", "level": 1}, {"question": "2+2?", "answer": 4}]


def write(path, rows):
    text = "".join(json.dumps(r) + "\n" for r in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


@pytest.mark.parametrize("name", ["set.jsonl", "set.jsonl.gz"])
def test_files_of_the_schema(tmp_path, name):
    problems = load_problems(write(tmp_path / name, ROWS))
    assert [(p.id, p.question, p.answer, p.level) for p in problems] == [
        ("a", "1+1?", "2", 1),
        ("set-2", "2+2?", "4", None),
    ]
    assert load_problems(write(tmp_path / name, ROWS), limit=1, offset=1) == problems[1:]


def test_a_byte_order_mark_is_no_part_of_a_row(tmp_path):
    path = tmp_path / "marked.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n", encoding="utf-8-sig")
    assert [p.id for p in load_problems(str(path))] == ["a"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"problem": "x", "answer": "1"}\n{"problem": ', r"bad\.jsonl:2: not JSON"),
        (json.dumps({**ROWS[0], "level": 10**24}), r"bad\.jsonl:1: 'level' is too large"),
        ("[1]\n", r"bad\.jsonl:1: a list"),
        ('{"problem": "x"}\n', r"bad\.jsonl:1: nothing under 'answer'"),
        ('{"answer": "1"}\n', r"bad\.jsonl:1: nothing under 'problem'"),
        ('{"id": 1, "problem": "x", "answer": "1"}\n' * 2, r"bad\.jsonl:2: id '1' was used"),
    ],
)
def test_bad_rows_are_named(tmp_path, text, place):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=place):
        load_problems(str(path))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"PAR1 and no more", r"a\.parquet: cannot be read as Parquet"),
        ("a.parquet", b"", r"a\.parquet: cannot be read as Parquet"),
        ("a.jsonl.gz", b"no gzip", r"a\.jsonl\.gz:1: cannot be read"),
        ("a.jsonl.gz", gzip.compress(b"{}" * 9999)[:-20], r"a\.jsonl\.gz:1: cannot be read"),
        ("a.jsonl.gz", gzip.compress(b"")[:10] + b"\xff" * 9, r"a\.jsonl\.gz:1: cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        load_problems(str(tmp_path / name))


def test_rows_of_parquet_are_numbered_and_read_like_those_of_json(tmp_path):
    rows = [
        {"question": f"{i}?", "answer": i * 0.5, "level": f"Level {i}", "type": "Even" if i else None} for i in (0, 2)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set.parquet")
    assert [(p.id, p.answer, p.level, p.subject) for p in load_problems(str(tmp_path / "set.parquet"))] == [
        ("set-1", "0", 0, None),
        ("set-2", "1", 2, "Even"),
    ]


def test_without_an_answer_the_last_box_of_the_solution_is_the_key(tmp_path):
    rows = [{"problem": "x", "solution": "\\boxed{1}, no: \\boxed{\\frac{1}{2}}", "level": "Level ?"}]
    (problem,) = load_problems(write(tmp_path / "set.jsonl", rows))
    assert (problem.answer, problem.level) == ("\\frac{1}{2}", None)
    rows = [{**rows[0], "answer": "3", "subject": 7}]
    (problem,) = load_problems(write(tmp_path / "set.jsonl", rows))
    assert (problem.answer, problem.subject) == ("3", "7")


def test_what_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        load_problems(str(path))


@pytest.mark.parametrize(
    ("spec", "hint"),
    [("gsm9k", "did you mean 'gsm8k'"), ("none.jsonl", "no such file"), ("no.parquet", "no such file")],
)
def test_unknown_sets(spec, hint):
    with pytest.raises(InputError, match=hint):
        load_problems(spec)


def test_an_unknown_split_lists_the_known_ones():
    with pytest.raises(InputError, match="train, test"):
        load_problems("gsm8k:dev")
