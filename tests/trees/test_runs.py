import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from arts.config import check_same_run
from arts.errors import InputError, StoreError, UsageError
from arts.problems.base import Problem
from arts.trees.runs import RunConfig
from arts.trees.store import StoredTrees, TreeStore, open_store
from arts.trees.tree import Step

FIELDS = RunConfig.__struct_fields__[:-1]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
TABLES = st.dictionaries(st.text(max_size=3), JSON, max_size=3)
VALUES = {
    **dict.fromkeys(FIELDS, st.text(max_size=3)),
    **dict.fromkeys(("backend", "sample", "probes"), TABLES),
    **dict.fromkeys(("unit_problems", "rollouts"), st.integers(1, 9)),
    "versions": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
}


@given(known=st.fixed_dictionaries({}, optional=VALUES), other=TABLES)
def test_nothing_that_a_store_says_is_lost_when_it_is_written_back(known, other):
    text = json.dumps({**other, **known}, sort_keys=True)
    config = RunConfig.from_json(text, "a.db")
    assert config.to_json() == text
    assert {name: getattr(config, name) for name in known} == known


NO_RUNS = ["", "[]", '[["command", "sample"]]', "3", '{"sample": 3}', '{"versions": {"arts": 1}}']


@pytest.mark.parametrize("text", NO_RUNS)
def test_what_is_no_run_is_named(text):
    with pytest.raises(InputError, match=r"^a\.db: 'config' is not .*; give the exported one or none$") as raised:
        RunConfig.from_json(text, "a.db")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("config", "splitter"),
    [
        (RunConfig(), None),
        (RunConfig(sample={"splitter": "newline"}), "newline"),
        (RunConfig(probes={"splitter": "paragraph"}), "paragraph"),
        (RunConfig(sample={"splitter": "of later"}), None),
        (RunConfig(sample={"splitter": []}), None),
    ],
)
def test_the_splitter_of_a_run(config, splitter):
    assert config.splitter == splitter


@pytest.fixture
def path(tmp_path):
    with TreeStore.create(tmp_path / "a.db", RunConfig(sample={"splitter": "newline"})) as store:
        store.add_problems([Problem(id=f"p{i}", question=f"{i}?", answer="1") for i in range(3)])
        tree = store.tree("p1")
        with store.growing(tree):
            tree.add_rollout([Step(text="1")])
    return tmp_path / "a.db"


@pytest.mark.parametrize("kind", [str, Path])
def test_stored_trees_are_read_each_time_they_are_iterated(path, kind):
    with open_store(kind(path)) as store:
        trees = store.trees()
        assert isinstance(trees, StoredTrees)
        assert (len(trees), trees.splitter) == (3, "newline")
        once, again = ([(t.problem_id, t.text) for t in trees] for _ in range(2))
        assert once == again == [("p0", [""]), ("p1", ["", "1"]), ("p2", [""])]
        first, second = zip(*zip(trees, trees, strict=True), strict=True)
        assert [t.problem_id for t in first] == [t.problem_id for t in second]
        assert all(a is not b for a, b in zip(first, second, strict=True))  # none is kept


def test_a_closed_store_says_so(path):
    with open_store(path) as store:
        trees = store.trees()
    store.close()
    asked = (
        lambda: next(iter(trees)),
        lambda: trees.splitter,
        store.problems,
        store.run_config,
        lambda: store.tree("p1"),
    )
    for ask in asked:
        with pytest.raises(StoreError, match=r"a\.db: this store is closed"):
            ask()
    assert repr(trees) == f"StoredTrees({store!r})"


def test_a_store_is_shown_in_a_line(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with open_store("a.db") as store:
        assert repr(store) == "TreeStore('a.db': 3 problems)"


SETTINGS = st.dictionaries(
    st.text(max_size=2), JSON | st.dictionaries(st.text(max_size=2), JSON, max_size=2), max_size=3
)


@given(SETTINGS)
def test_a_run_is_the_same_as_itself(settings):
    check_same_run("a.db", settings, json.loads(json.dumps(settings)), remedy="")


@given(SETTINGS, st.text(max_size=3), st.integers(), st.integers())
def test_a_setting_that_differs_is_named_with_both_values(settings, name, had, wanted):
    before, now = settings | {"deep": {name: had}}, settings | {"deep": {name: wanted}}
    if had == wanted:
        return check_same_run("a.db", before, now, remedy="")
    with pytest.raises(UsageError) as raised:
        check_same_run("a.db", before, now, remedy="use another store")
    assert str(raised.value) == f"a.db: was made with deep.{name} = {had}, not {wanted}; use another store"


@given(st.integers(0, 9) | st.none(), st.integers(0, 9) | st.none())
def test_what_may_grow_may_not_shrink(had, wanted):
    def check():
        check_same_run("a.db", {"n": had, "seed": 1}, {"n": wanted, "seed": 1}, may_grow=("n",), remedy="")

    if (wanted or 0) >= (had or 0):
        check()
    else:
        with pytest.raises(UsageError, match=f"larger n, {had};"):
            check()
