"""Files are told by what they hold; hostile ones are bounded, others refused by the name of what they are."""

import gzip
import io
import json
import pickle
import zipfile

import pytest

from arts.errors import InputError
from arts.logs import files, inspect_log, json_rows
from arts.logs.formats import LogOptions
from arts.logs.read import read_log
from arts.logs.samples import read_samples

ROW = {"problem": "2+2?", "answer": "4", "samples": [{"text": "#### 4"}]}
LINE = json.dumps(ROW).encode() + b"\n"
SAMPLE = {
    **{"id": "a", "epoch": 1, "input": "2+2?", "target": "4", "messages": []},
    **{"output": {"choices": [{"message": {"role": "assistant", "content": "ANSWER: 4"}}]}},
    "scores": {"other": {"value": {"x": 1}}, "match": {"value": "C", "answer": "4"}},
}


@pytest.fixture
def write(tmp_path):
    def write(data, name="log.jsonl"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def read(path):
    return read_log(path, LogOptions())


def zipped(members, *, compression=zipfile.ZIP_DEFLATED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content if isinstance(content, (bytes, str)) else json.dumps(content))
    return data.getvalue()


@pytest.mark.parametrize(
    "data, what",
    [
        (b"BZh91AY&SY", "compressed by bzip2; unpack it"),
        (b"\xfd7zXZ\x00", "compressed by xz; unpack it"),
        (b"\x28\xb5\x2f\xfd\x04", "compressed by zstandard; unpack it"),
        (b"ARROW1\x00\x00", "an Arrow file; save its rows as Parquet"),
        (pickle.dumps([ROW]), "a pickle, which can run code"),
        ('{"a": 1}'.encode("utf-16"), "text in UTF-16; save it as UTF-8"),
        (b"PAR1", "a Parquet file; give it a name that ends in .parquet"),
        (zipped({"a.jsonl": LINE}), r"a zip archive \(a.jsonl, …\), no log of inspect_ai; unpack it"),
        (zipped({"header.json": {}}), r"a log of inspect_ai without samples; log them"),
        (b"PK\x03\x04 no", "a zip archive that cannot be read"),
        (b"problem,answer\n2+2?,4\n", 'neither JSON nor Parquet, it begins with "problem,answer"'),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS in place of the file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"<html>", "HTML or XML"),
        (zipped({"[Content_Types].xml": "", "xl/workbook.xml": ""}), "a spreadsheet; save its rows as JSON Lines"),
        (b"", "no rows"),
        (b'{"version": 2, "status": "success", "eval": {}}', "a log of inspect_ai without samples"),
        (
            b'{"results": {"gsm8k": {"acc": 1}}, "configs": {}}',
            r"the totals of lm-evaluation-harness; give the samples_",
        ),
        (b'{"a": [{"x": 1}], "b": [{"x": 1}]}', "an object with the lists a, b; give a file with one of them"),
        (b"[1, 2]", ":1: an int, no object"),
        (gzip.compress(gzip.compress(LINE)), "a packed file inside a packed file; unpack the outer one"),
        (gzip.compress(LINE)[:-9], "cannot be read"),
    ],
)
def test_what_is_no_log_is_refused_by_the_name_of_what_it_is(write, data, what):
    path = write(data)
    with pytest.raises(InputError, match=what) as caught:
        read_samples(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value) and "tree store" not in str(caught.value)


@pytest.mark.parametrize("name", ["rows.csv", "rows.TSV"])
def test_a_table_of_text_is_named(write, name):
    with pytest.raises(InputError, match="a table of text; save its rows as JSON Lines"):
        read_samples(write(b"problem,answer\n2+2?,4\n", name))


def test_a_folder_of_logs_is_told_how_to_be_given(tmp_path):
    with pytest.raises(InputError, match=r"a folder without trees/\*\.parquet; give its files of samples"):
        read_samples(tmp_path)


def test_a_name_does_not_make_a_parquet_file(write):
    assert len(read(write(LINE, "rows.parquet")).problems) == 1
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read(write(b"no rows", "rows2.parquet"))


def test_deep_json_is_one_row_that_is_not_read(write):
    deep = b'{"problem": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n"
    found = read(write(LINE + deep))
    assert (len(found.problems), found.unread.count) == (1, 1)
    with pytest.raises(InputError, match=":1: not JSON"):
        read(write(deep))
    nested = json.dumps({**ROW, "problem": "3+3?"}).replace('"#### 4"', "[" * 900 + "]" * 900).encode() + b"\n"
    assert read(write(LINE + nested)).unread.count + read(write(LINE + nested)).empty == 1


def test_a_line_that_is_too_long_is_left_out(write, monkeypatch):
    monkeypatch.setattr(json_rows, "LONGEST_LINE", 1_000)
    found = read(write(LINE + b'{"problem": "' + b"x" * 5_000 + b'"}\n' + LINE))
    assert (len(found.problems[0].samples), found.unread.count) == (2, 1)
    assert ":2: a line of more than" in found.unread.first


def test_an_array_that_is_too_large_is_refused(write, monkeypatch):
    monkeypatch.setattr(json_rows, "LARGEST_DOCUMENT", 1_000)
    with pytest.raises(InputError, match="save it as JSON Lines, one object a line"):
        read(write(json.dumps([ROW] * 100).encode(), "log.json"))


def test_gzip_does_not_unpack_without_end(write, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 100_000)
    with pytest.raises(InputError, match="unpacks to more than"):
        read(write(gzip.compress(LINE + b"\n" * 10_000_000), "log.jsonl.gz"))


def test_zip_does_not_unpack_without_end(write, monkeypatch):
    bomb = {"header.json": {}, "samples/a_epoch_1.json": SAMPLE, "samples/b_epoch_1.json": b" " * 1_000_000}
    monkeypatch.setattr(inspect_log, "LARGEST_SAMPLE", 10_000)
    found = read(write(zipped(bomb), "log.eval"))
    assert (len(found.problems), found.unread.count) == (1, 1)
    monkeypatch.setattr(inspect_log, "LARGEST", 100_000)
    with pytest.raises(InputError, match="unpacks to more than"):
        read(write(zipped(bomb), "log.eval"))


def test_of_several_scorers_the_first_with_a_verdict_counts_and_failures_are_no_samples(write):
    failed = {**SAMPLE, "epoch": 2, "error": {"message": "down"}}
    partial = {**SAMPLE, "epoch": 3, "scores": {"match": {"value": "P"}}}
    log = {"version": 2, "status": "success", "eval": {}, "samples": [SAMPLE, failed, partial]}
    found = read(write(json.dumps(log).encode(), "log.json"))
    ((first, last),) = [p.samples for p in found.problems]
    assert (first.correct, first.answer, last.correct, found.empty) == (True, "4", False, 1)


def test_what_a_sample_keeps_apart_is_put_in_its_place(write):
    sample = {**SAMPLE, "input": "attachment://q", "attachments": {"q": "3+3?"}}
    log = {"version": 2, "status": "success", "eval": {}, "samples": [sample]}
    assert read(write(json.dumps(log).encode())).problems[0].problem.question == "3+3?"


def test_half_of_a_character_is_mended(write):
    row = json.dumps({**ROW, "problem": "X"}).replace("X", "\\ud83d")
    for data in (row, f"[{row}]"):
        assert read(write(data.encode())).problems[0].problem.question == "?"
