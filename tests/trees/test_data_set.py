"""A store as a data set's folder: what ``datasets`` loads is what the store has, and it comes back."""

import json
import math
import re

import msgspec
import numpy as np
import pytest

from arts.errors import InputError, UsageError
from arts.problems.base import Problem, Verdict
from arts.problems.rows import read_rows
from arts.trees import data_set, exchange, parquet
from arts.trees.data_card import ABOUT
from arts.trees.data_set import SampleRow, export_data_set
from arts.trees.exchange import import_trees, tree_rows
from arts.trees.rows import TreeRow
from arts.trees.store import TreeStore
from arts.trees.tree import Outcome, Step

pytest.importorskip("pyarrow")

PROBLEMS = [
    Problem(id="p1", question="1+1?", answer="2", level=3, subject="Sums", source="own"),
    Problem(id="p2", question="2+2?\x1b[2J", answer="4"),
    Problem(id="p3", question="never sampled", answer="0"),
]
RIGHT = Outcome(answer="2", verdict=Verdict.CORRECT)
WRONG = Outcome(answer="3", verdict=Verdict.INCORRECT)
UNGRADED = Outcome(answer="?", verdict=Verdict.UNGRADED, reason="too long")
RECORD = {"proposer": "model `x` |\n# y\x1b[2J", "sample": {"seed": 7, "sampling": {"temperature": 0.6}}}


@pytest.fixture
def store(tmp_path):
    """Three problems: one with a fork, a failure and scores, one ungraded and cut, one without samples."""
    with TreeStore.create(tmp_path / "a.db", RECORD) as store:
        store.add_problems(PROBLEMS)
        tree = store.tree("p1")
        first = [Step(text="a\n", tokens=2, logprob=-0.5), Step(text="2", tokens=1, logprob=-0.25)]
        store.commit(tree, steps=first, backbone=0, tokens=3, stop="stop", outcome=RIGHT)
        store.commit(tree, steps=[Step(text="b", tokens=1)], backbone=1, tokens=1, stop="stop", outcome=WRONG)
        store.commit(
            tree, start=1, steps=[Step(text="3", tokens=1)], backbone=0, pivot=1, tokens=1, stop="stop", outcome=WRONG
        )
        store.commit(tree, backbone=2, tokens=0, stop="error", error="down")
        store.write_scores("p1", "rm", [2, 3], np.array([0.5, math.nan]))
        other = store.tree("p2")
        store.commit(other, steps=[Step(text="x")], backbone=0, tokens=5, stop="length", outcome=UNGRADED)
        yield store


@pytest.fixture
def load(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def load(folder, name, split="train"):
        return datasets.load_dataset(str(folder), name, split=split, cache_dir=str(tmp_path / "cache")).to_list()

    return load


def test_datasets_loads_trees_and_samples(store, load, tmp_path):
    assert export_data_set(store, tmp_path / "out", split="test") == 3
    rows = load(tmp_path / "out", "trees", "test")
    assert rows == msgspec.to_builtins(list(tree_rows(store)))
    first, wrong, fork, cut = load(tmp_path / "out", "samples", "test")
    assert first == {
        **{"problem_id": "p1", "problem": "1+1?", "answer_key": "2", "level": 3, "subject": "Sums", "source": "own"},
        **{"backbone": 0, "pivot": 0, "text": "a\n2", "answer": "2", "verdict": "correct", "reason": ""},
        **{"tokens": 3, "logprob": -0.75, "stop": "stop", "scores": [{"verifier": "rm", "score": 0.5}]},
    }
    assert (wrong["text"], wrong["logprob"], wrong["scores"]) == ("b", None, [])
    assert (fork["text"], fork["backbone"], fork["pivot"], fork["tokens"]) == ("a\n3", 0, 1, 1)
    assert (cut["stop"], cut["verdict"], cut["reason"], cut["level"]) == ("length", "ungraded", "too long", None)


def test_without_a_name_datasets_loads_the_samples(store, load, tmp_path):
    export_data_set(store, tmp_path / "out")
    assert load(tmp_path / "out", None) == load(tmp_path / "out", "samples")


def test_the_folder_makes_the_same_store(store, tmp_path):
    export_data_set(store, tmp_path / "out")
    with import_trees(tmp_path / "out", tmp_path / "b.db") as back:
        assert list(tree_rows(back)) == list(tree_rows(store))
        export_data_set(back, tmp_path / "again")
    for file in ("README.md", "trees/train-00000-of-00001.parquet", "samples/train-00000-of-00001.parquet"):
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / "out" / file).read_bytes()


def card(store, tmp_path, **options):
    export_data_set(store, tmp_path / "card", **options)
    return (tmp_path / "card" / "README.md").read_text(encoding="utf-8")


def test_the_card_counts_what_is_there(store, tmp_path):
    text = card(store, tmp_path, licence="cc-by-4.0")
    for line in (
        "license: cc-by-4.0",
        "- n<1K",
        "Licence: cc-by-4.0",
        "- problems, each with its tree: 3",
        "- rollouts: 4, 1 of them forks, 1 cut by the token limit",
        "- failed rollouts (in `trees` only): 1",
        "- tokens generated: 10",
        "- verdicts: 1 correct, 2 incorrect, 1 ungraded",
        "- solve rate (mean over problems): 25.0%",  # 1 of 2 and 0 of 1; the third has no samples
        "- scores: `rm`",
        '- sampling: `{"temperature": 0.6}`',
        "- seed: `7`",
        "- versions: `unknown`",
    ):
        assert line in text


def test_a_card_says_that_nobody_has_stated_a_licence(store, tmp_path):
    text = card(store, tmp_path)
    assert "license: unknown\n" in text and "**Licence: unknown.**" in text


def test_what_comes_from_outside_cannot_break_the_card(store, tmp_path):
    assert "- proposer: `model 'x' / # y\\u001b[2J`\n" in card(store, tmp_path)


def test_the_card_explains_every_column():
    for name, row in (("trees", TreeRow), ("samples", SampleRow)):
        explained = [column for names in ABOUT[name] for column in names.split(", ")]
        assert sorted(explained) == sorted(row.__struct_fields__)


def test_the_front_matter_is_yaml(store, tmp_path):
    yaml = pytest.importorskip("yaml")
    head = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", card(store, tmp_path), re.DOTALL)[1])
    assert [c["config_name"] for c in head["configs"]] == ["samples", "trees"]
    assert head["configs"][1]["data_files"] == [{"split": "train", "path": "trees/train-*.parquet"}]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"split": "a b"}, "--split: 'a b'"),
        ({"split": "../x"}, "--split: '../x'"),
        ({"licence": "MIT\nx: y"}, "--licence"),
        ({"licence": "mit: x"}, "--licence: 'mit: x'"),
    ],
)
def test_wrong_names_are_refused_and_leave_nothing(store, tmp_path, options, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        export_data_set(store, tmp_path / "out", **options)
    assert not list(tmp_path.glob("*out*"))


def test_a_folder_that_holds_something_is_left_as_it_is(store, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(UsageError, match="is there already"):
        export_data_set(store, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine"]


def test_an_export_that_fails_leaves_nothing(store, tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(data_set, "data_card", lambda *_, **__: fail())
    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        export_data_set(store, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


class Number(msgspec.Struct, kw_only=True):
    n: int


def test_rows_that_fail_leave_no_file(tmp_path):
    def rows():
        yield Number(n=1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parquet.write_parquet(rows(), tmp_path / "x.parquet", Number)
    assert list(tmp_path.iterdir()) == []


def test_rows_are_written_in_groups(store, tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", 2)
    held, most = [], 0

    def rows():
        nonlocal most
        for i, row in enumerate(tree_rows(store)):
            held.append(i)
            most = max(most, len(held))
            yield row

    def written(*_, **__):
        held.clear()
        return table(*_, **__)

    table = pq.ParquetWriter.write_table
    monkeypatch.setattr(pq.ParquetWriter, "write_table", written)
    assert parquet.write_parquet(rows(), tmp_path / "x.parquet", TreeRow) == 3
    assert pq.ParquetFile(tmp_path / "x.parquet").num_row_groups == 2
    assert most == 2
    assert [n for n, _ in read_rows(tmp_path / "x.parquet")] == [1, 2, 3]


@pytest.mark.parametrize("at_once", [1, 2, 128])
def test_a_store_is_filled_in_batches(store, tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(exchange, "TREES_AT_ONCE", at_once)
    export_data_set(store, tmp_path / "out")
    with import_trees(tmp_path / "out", tmp_path / "b.db") as back:
        assert [p.id for p in back.problems()] == ["p1", "p2", "p3"]


def test_a_folder_of_something_else_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: a folder without trees/\*\.parquet"):
        import_trees(tmp_path / "empty", tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists()


def test_the_configuration_comes_back(store, tmp_path):
    export_data_set(store, tmp_path / "out")
    with import_trees(tmp_path / "out", tmp_path / "b.db") as back:
        assert json.dumps(back.config()) == json.dumps(store.config())
