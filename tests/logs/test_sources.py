"""What a path or name stands for, whoever asks."""

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from arts.logs.sources import kind_of
from arts.trees.store import TreeStore


@pytest.mark.parametrize(
    "source, kind",
    [
        *[(name, "store") for name in ("a.db", "a.sqlite", "a.store", "runs/none/a.db")],
        *[
            (name, "samples")
            for name in ("a.jsonl", "a.jsonl.gz", "a.json", "a.eval", "a.parquet", "a/*.jsonl", "*.parquet", "a/b-*")
        ],
        *[(name, "model") for name in ("bundled", "smollm2-135m", "openai:http://x/v1#m", "openai:http://x#m.db")],
        *[(name, "model") for name in ("a.gguf", "Qwen/Qwen2.5-0.5B", "nowhere", "a/model", "", "\0", "x" * 999)],
    ],
)
def test_what_is_not_there_is_told_by_its_name(source, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert kind_of(source) == kind


@pytest.mark.parametrize("name", ["a.db", "a.sqlite", "a.store", "plain", "a.jsonl", "a.gguf"])
def test_a_store_is_told_by_its_content_whatever_its_name(tmp_path, name):
    TreeStore.create(tmp_path / name, {}).close()
    assert kind_of(tmp_path / name) == "store"


@pytest.mark.parametrize("content", [b"[]", b"{}\n", b"PAR1", b"\x1f\x8b\x08"])
@pytest.mark.parametrize("name", ["a.db", "a.jsonl", "a.json", "a.parquet", "a.eval", "plain", "a.txt"])
def test_any_other_file_is_samples_whatever_its_name_but_a_model(tmp_path, name, content):
    for path, kind in ((tmp_path / name, "samples"), (tmp_path / "a.gguf", "model")):
        path.write_bytes(content)
        assert kind_of(path) == kind


@pytest.mark.parametrize("name, kind", [("a.db", "store"), ("a.json", "samples"), ("plain", "samples")])
def test_a_store_that_is_damaged_is_told_by_its_name(tmp_path, name, kind):
    (tmp_path / name).write_bytes(b"SQLite")
    assert kind_of(tmp_path / name) == kind


@pytest.mark.parametrize("name, kind", [("a.db", "store"), ("a.jsonl", "samples"), ("a.gguf", "model")])
def test_an_empty_file_is_told_by_its_name(tmp_path, name, kind):
    (tmp_path / name).touch()
    assert kind_of(tmp_path / name) == kind


def test_a_pipe_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.db")
    assert kind_of(tmp_path / "pipe.db") == "store"


def test_folders_are_told_by_what_they_hold(tmp_path):
    for file, kind in (
        ("set/trees/train-00000-of-00001.parquet", "data set"),
        ("model/config.json", "model"),
        ("lora.db/adapter_config.json", "model"),
        ("x.jsonl/trees/notes.txt", "model"),
    ):
        path = tmp_path / file
        path.parent.mkdir(parents=True)
        path.touch()
        assert kind_of(tmp_path / Path(file).parts[0]) == kind


def test_a_file_of_the_name_of_a_model_is_no_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TreeStore.create(tmp_path / "bundled", {}).close()
    assert kind_of("bundled") == "model"
    assert kind_of("./bundled") == "store"


@given(st.text(max_size=40))
def test_every_name_is_of_one_kind_as_text_and_as_path(name):
    kind = kind_of(name)
    assert kind in ("store", "samples", "data set", "model")
    if os.fspath(Path(name)) == name:
        assert kind_of(Path(name)) == kind
