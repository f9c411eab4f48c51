import json
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from arts.errors import InputError, StoreError
from arts.problems.base import Problem, Verdict
from arts.trees.database import SCHEMA_VERSION
from arts.trees.exchange import export_trees, fill_store, import_trees
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.trees.tree import ROOT, Outcome, Step

PROBLEM = Problem(id="p1", question="1+1?", answer="2", level=3)


def columns(tree):
    return (tree.parent, tree.text, tree.tokens, str(tree.logprob), tree.stop, tree.rollouts, tree.outcomes)


def filled(path, rollouts=3):
    store = TreeStore.create(path, RunConfig(proposer="m", other={"n": 3}))
    store.add_problems([PROBLEM])
    tree = store.tree("p1")
    for i in range(rollouts):
        steps = [Step(text="a\n", tokens=2, logprob=-0.5), Step(text=f"{i % 2}\x00\u202e<b>", tokens=1)]
        outcome = Outcome(answer=str(i % 2), verdict=Verdict.INCORRECT)
        with store.growing(tree):
            tree.add_rollout(start=ROOT, steps=steps, backbone=i, tokens=3, stop="stop", outcome=outcome)
    with store.growing(tree):
        tree.add_rollout(backbone=9, tokens=0, stop="error", error="down")
    return store, tree


def test_what_was_committed_is_read_back(tmp_path):
    store, tree = filled(tmp_path / "a.db")
    store.write_scores("p1", "rfm", [1, 2], np.array([0.5, np.nan]))
    store.close()
    with TreeStore.open(tmp_path / "a.db") as again:
        assert again.problems() == [PROBLEM]
        assert again.run_config() == RunConfig(proposer="m", other={"n": 3})
        assert columns(again.tree("p1")) == columns(tree)
        np.testing.assert_array_equal(again.tree("p1").scores["rfm"][:3], [np.nan, 0.5, np.nan])


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_export_and_import_are_inverse(tmp_path, suffix):
    store, tree = filled(tmp_path / "a.db")
    store.write_scores("p1", "rfm", [1], np.array([0.5]))
    export_trees(store, tmp_path / f"a{suffix}")
    with import_trees(tmp_path / f"a{suffix}", tmp_path / "b.db") as back:
        assert columns(back.tree("p1")) == columns(tree)
        assert back.tree("p1").scores["rfm"][1] == 0.5
        export_trees(back, tmp_path / f"b{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_datasets_opens_the_export(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    store, _ = filled(tmp_path / "a.db")
    export_trees(store, tmp_path / "a.parquet")
    rows = datasets.Dataset.from_parquet(str(tmp_path / "a.parquet"), cache_dir=str(tmp_path / "cache"))
    assert rows[0]["question"] == "1+1?"
    assert len(rows[0]["rollouts"]) == 4


@settings(max_examples=20)
@given(texts=st.lists(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), max_size=3), max_size=4))
def test_any_text_survives(texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "s.db"
    with TreeStore.create(path) as store:
        store.add_problems([PROBLEM])
        tree = store.tree("p1")
        for i, steps in enumerate(texts):
            with store.growing(tree):
                tree.add_rollout(steps=[Step(text=t) for t in steps], backbone=i, tokens=1, stop="stop")
        assert columns(store.tree("p1")) == columns(tree)


def test_a_rollout_cannot_be_recorded_twice(tmp_path):
    store, tree = filled(tmp_path / "a.db")
    with pytest.raises(StoreError), store.growing(tree):
        tree.add_rollout(steps=[Step(text="x")], backbone=0, tokens=1, stop="stop")
    store.close()


def test_another_question_under_a_known_id_is_refused(tmp_path):
    store, _ = filled(tmp_path / "a.db")
    with pytest.raises(InputError, match="p1"):
        store.add_problems([Problem(id="p1", question="2+2?", answer="4")])
    store.close()


HOLDER = """
import sys
from pathlib import Path
from arts.trees.store import TreeStore
with TreeStore.open(Path(sys.argv[1]), write=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_told(tmp_path):
    path = tmp_path / "a.db"
    filled(path)[0].close()
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="another process is writing"):
            TreeStore.open(path, write=True)
        with TreeStore.open(path) as reader:
            assert len(reader.tree("p1").rollouts) == 4
        holder.stdin.close()
        assert holder.wait(30) == 0
    TreeStore.open(path, write=True).close()


def test_wrong_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no such store"):
        TreeStore.open(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("not a database, and long enough to be taken for one" * 50)
    with pytest.raises(InputError, match="not a tree store"):
        TreeStore.open(tmp_path / "text.db")


@pytest.mark.parametrize("write", [False, True])
def test_the_database_of_another_program_is_left_as_it_is(tmp_path, write):
    path = tmp_path / "other.db"
    sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="not a tree store"):
        TreeStore.open(path, write=write)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_closed_store_is_one_file_also_for_its_readers(tmp_path):
    path = tmp_path / "a.db"
    filled(path)[0].close()
    with TreeStore.open(path) as reader:
        assert list(tmp_path.iterdir()) == [path]
        assert len(reader.tree("p1").rollouts) == 4
    assert list(tmp_path.iterdir()) == [path]


def test_a_newer_schema_is_refused(tmp_path):
    filled(tmp_path / "a.db")[0].close()
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION + 1),))
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match="newer"):
        TreeStore.open(tmp_path / "a.db")


@pytest.mark.parametrize("row", [{}, {"id": "x"}, {"schema": 99}, {"parent": [5], "text": ["a"]}, {"rollouts": "no"}])
def test_malformed_exported_rows_name_the_row(tmp_path, row):
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match=r"bad\.jsonl:1"):
        import_trees(path, tmp_path / "b.db")


def rollout(leaf, stop="stop", **fields):
    return {"backbone": 0, "pivot": 0, "leaf": leaf, "tokens": 1, "stop": stop, "error": "", **fields}


def outcome(node, **fields):
    return {"node": node, "answer": "2", "verdict": "correct", "reason": "", **fields}


EXPORTED = {
    **{"schema": 1, "id": "p", "question": "1+1?", "answer": "2", "solution": None, "subject": None, "level": 1},
    **{"source": "", "parent": [0, 1], "text": ["a", "b"], "tokens": [1, 1], "logprob": [None, -1.0]},
    **{"stop": [None, "stop"], "rollouts": [rollout(2)], "outcomes": [outcome(2)], "scores": [], "config": "{}"},
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"schema": "x"}, r"Expected `int`, got `str` - at `\$\.schema`"),
        ({"level": 10**24}, r"<= 9223372036854775807 - at `\$\.level`"),
        ({"level": "1"}, r"Expected `int \| null`, got `str` - at `\$\.level`"),
        ({"parent": [0, 2]}, "parent 2 does not come before node 2"),
        ({"parent": [0, "1"]}, r"got `str` - at `\$\.parent\[1\]`"),
        ({"parent": [0, -1]}, "parent -1"),
        ({"parent": [0, 0], "text": ["a", "a"], "stop": ["stop", "stop"]}, "node 2 repeats an earlier one"),
        ({"text": ["a", 5]}, r"Expected `str`, got `int` - at `\$\.text\[1\]`"),
        ({"text": ["a"]}, "differ in length"),
        ({"tokens": [1, 10**24]}, r"<= 9223372036854775807 - at `\$\.tokens\[1\]`"),
        ({"tokens": [1, "1"]}, r"Expected `int`, got `str` - at `\$\.tokens\[1\]`"),
        ({"logprob": [None, 10**400]}, r"out of range - at `\$\.logprob\[1\]`"),
        ({"stop": [None, "end"]}, r"'end' - at `\$\.stop\[1\]`"),
        ({"rollouts": [[]]}, r"got `array` - at `\$\.rollouts\[0\]`"),
        ({"rollouts": [rollout(3)]}, "rollout 1: leaf 3 is not a node"),
        ({"rollouts": [rollout(-1)]}, "rollout 1: leaf -1 is not a node"),
        ({"rollouts": [rollout(99, "error")]}, "rollout 1: leaf 99 is not a node"),
        ({"rollouts": [rollout(2, pivot=3)]}, "rollout 1: pivot 3"),
        ({"rollouts": [rollout(2, tokens=10**24)]}, "rollout 1: a number is too large"),
        ({"rollouts": [rollout(2, "end")]}, r"'end' - at `\$\.rollouts\[0\]\.stop`"),
        ({"rollouts": [rollout(2), rollout(2)]}, "same backbone and pivot"),
        ({"rollouts": [rollout(1)]}, "rollout"),
        ({"rollouts": []}, "the rollouts do not lead through all nodes"),
        ({"outcomes": [outcome(3)]}, "an outcome is of node 3"),
        ({"outcomes": [outcome(2, answer=[2])]}, r"got `array` - at `\$\.outcomes\[0\]\.answer`"),
        ({"scores": [{"verifier": "rm", "score": [0.0] * 4}]}, "'rm' has 4 scores; there are 3 nodes"),
        ({"config": "{"}, "'config' is not"),
        ({"config": "[]"}, "'config' is not"),
        ({"config": {"n": 3}}, r"got `object` - at `\$\.config`"),
        ({"id": "first"}, "id 'first' was used in an earlier row"),
    ],
)
def test_an_import_that_fails_names_the_row_and_leaves_no_store(tmp_path, changed, message):
    rows = tmp_path / "rows.jsonl"
    text = "".join(json.dumps(row) + "\n" for row in ({**EXPORTED, "id": "first"}, {**EXPORTED, **changed}))
    rows.write_text(text)
    with pytest.raises(InputError, match=rf"rows\.jsonl:2: .*{message}") as raised:
        import_trees(rows, tmp_path / "b.db")
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == [rows]


def test_a_store_that_cannot_be_filled_is_removed(tmp_path):
    store, tree = filled(tmp_path / "a.db")
    store.close()
    tree.rollouts.append(tree.rollouts[0])
    with pytest.raises(StoreError):
        fill_store(tmp_path / "b.db", RunConfig(), [(PROBLEM, tree)])
    assert list(tmp_path.iterdir()) == [tmp_path / "a.db"]
