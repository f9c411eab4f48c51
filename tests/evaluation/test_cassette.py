"""A cassette gives the same evaluation as what it was made from."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from arts.documents.data import as_json
from arts.errors import InputError, UsageError
from arts.evaluation.audit import audit
from arts.evaluation.cassette import Settings, load_cassette, save_cassette
from arts.evaluation.compare import compare
from arts.evaluation.evaluate import Family, observe
from arts.evaluation.parts import About
from arts.evaluation.report.read import read_report
from arts.evaluation.steps import own_reference
from arts.logs.samples import read_samples
from arts.problems.base import Problem
from arts.problems.graders import make_grader
from arts.trees.exchange import fill_store
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.verifiers.simple import length_verifier, oracle_verifier, random_verifier

from .samples import evaluate_trees

GRADER = make_grader("exact")
HOSTILE = "<script>\x00\x1b[31m\u202e\ud800</script>"
SETTINGS = Settings(ks=(2, 4), against="random", margin=0.05, drill_down=3, seed=4)


DATA = Path(__file__).parents[1] / "data"


class Refuses:
    """A grader that must not be asked."""

    name = "refuses"

    def __getattr__(self, name):
        raise AssertionError(f"{name} was called")


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """Eight problems with six samples, some of which share their first line."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(8):
        lines = [f"step {rng.integers(2)}\n" * int(rng.integers(1, 3)) for _ in range(6)]
        answers = rng.integers(3, size=6)
        samples = [
            {"text": f"{line}{HOSTILE if j == 1 else ''}\nthe answer is {a}", "tokens": int(j)}
            for j, (line, a) in enumerate(zip(lines, answers, strict=True))
        ]
        rows.append({"id": f"p{i}", "problem": f"question {i} {HOSTILE}", "answer": str(i % 3), "samples": samples})
    path = tmp_path_factory.mktemp("flat") / "rollouts.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    found = read_samples(path, splitter="newline", grader=GRADER)
    return found.problems, found.trees


def taped(sampled, **extra):
    family = Family(name="seeds", members=tuple(random_verifier(seed) for seed in (1, 2, 3)))
    made = observe(*sampled, [length_verifier(), family], GRADER, SETTINGS, **extra)
    policy = {p.id: [bool(i % 2)] * 4 for i, p in enumerate(sampled[0])}
    about = About(command=f"arts evaluate {HOSTILE[:8]}", proposer="somebody")
    return replace(made, policy=policy, audit=audit(*sampled, graders=("exact",)), about=about)


def as_text(result):
    return as_json(result)


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_report_of_a_loaded_cassette_is_the_same(sampled, tmp_path, calibrated):
    made = taped(sampled, **({"reference": own_reference(sampled[1])} if calibrated else {}))
    save_cassette(made, tmp_path / "run.db")
    again = load_cassette(tmp_path / "run.db")
    assert (compare(made).calibration is not None) is calibrated
    assert as_text(compare(again)) == as_text(compare(made))
    assert again.settings == SETTINGS


def test_a_cassette_of_a_cassette_is_the_same_store(sampled, tmp_path):
    save_cassette(taped(sampled), tmp_path / "one.db")
    save_cassette(load_cassette(tmp_path / "one.db"), tmp_path / "two.db")
    with TreeStore.open(tmp_path / "one.db") as one, TreeStore.open(tmp_path / "two.db") as two:
        assert one.run_config() == two.run_config()
        for a, b in zip(one.trees(), two.trees(), strict=True):
            assert a.scores.keys() == b.scores.keys()
            assert all(np.array_equal(a.scores[k], b.scores[k], equal_nan=True) for k in a.scores)


def test_scores_come_back_to_the_last_bit_and_in_infinities(sampled, tmp_path):
    made = taped(sampled)
    first = made.scorers[0]
    odd = {t: np.array([np.nan, np.inf, -np.inf, 0.1 + 0.2, *c[4:]])[: len(c)] for t, c in first.columns.items()}
    save_cassette(replace(made, scorers=[replace(first, columns=odd), *made.scorers[1:]]), tmp_path / "run.db")
    again = load_cassette(tmp_path / "run.db")
    for old, new in zip(sampled[1], again.trees, strict=True):
        assert np.array_equal(odd[old], again.scorers[0].columns[new], equal_nan=True)
    assert [s.label for s in again.scorers] == ["length", "seeds #0", "seeds #1", "seeds #2"]


def test_scores_that_the_report_does_not_need_are_not_kept(sampled, tmp_path):
    _, trees = sampled
    trees[0].set_scores("private", [1], np.ones(1))
    try:
        save_cassette(taped(sampled), tmp_path / "run.db")
    finally:
        del trees[0].scores["private"]
    with TreeStore.open(tmp_path / "run.db") as store:
        assert {name for t in store.trees() for name in t.scores} == {"length", "seeds #0", "seeds #1", "seeds #2"}


def test_a_report_asks_neither_verifier_nor_grader(sampled, tmp_path, monkeypatch):
    save_cassette(taped(sampled), tmp_path / "run.db")
    monkeypatch.setattr("arts.problems.graders.make_grader", Refuses())
    monkeypatch.setattr("arts.evaluation.candidates.equivalence_classes", Refuses())
    assert compare(load_cassette(tmp_path / "run.db")).problems == 8


def test_an_earlier_cassette_is_replaced_whole(sampled, tmp_path, monkeypatch):
    path = tmp_path / "run.db"
    save_cassette(taped(sampled), path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TreeStore, "write_rollout", fail)
        with pytest.raises(KeyboardInterrupt):
            save_cassette(replace(taped(sampled), settings=Settings(ks=(2,))), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.db"]
    save_cassette(replace(taped(sampled), settings=Settings(ks=(2,))), path)
    assert load_cassette(path).settings.ks == (2,)


def test_samples_without_an_evaluation_are_no_cassette(sampled, tmp_path):
    fill_store(tmp_path / "plain.db", RunConfig(command="sample"), zip(*sampled, strict=True)).close()
    with pytest.raises(InputError, match=r"plain\.db: holds samples but no evaluation"):
        load_cassette(tmp_path / "plain.db")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"version": 2', '"version": 99', "a cassette of version 99, this arts replays 2"),
        ('"ks": [', '"ks": [0, ', "invalid numbers of samples"),
        ('"unit": "', '"unit": "x', "Invalid enum value 'xrank' - at `$.scorers[0].unit`"),
        ('"classes": {"', '"classes": {"x', "a damaged cassette (KeyError("),
        ('": [0, ', '": [', "its answer classes are not those of its samples"),
        ('"scorers"', '"other"', "a damaged cassette (ValidationError("),
        ("{", "[", "a damaged cassette"),
        ("}", "", "a damaged cassette"),
    ],
)
def test_a_cassette_of_another_version_or_a_damaged_one_is_refused(sampled, tmp_path, old, new, said):
    path = tmp_path / "run.db"
    save_cassette(taped(sampled), path)
    with TreeStore.open(path, write=True) as store:
        run = store.run_config()
        store.set_run_config(structs.replace(run, cassette=run.cassette.replace(old, new, 1)))
    with pytest.raises(InputError, match=re.escape(said)):
        load_cassette(path)


def test_seeds_of_one_verifier_are_one_method(sampled):
    result = compare(taped(sampled))
    assert result.table["seeds best-of-N"].seeds == 3
    assert result.table["length best-of-N"].seeds == 1
    each = [
        evaluate_trees(*sampled, [random_verifier(seed)], GRADER, ks=(2, 4), seed=SETTINGS.seed) for seed in (1, 2, 3)
    ]
    for rule in ("best-of-N", "vote"):
        alone = [r.table[f"random {rule}"].accuracy[2].value for r in each if f"random {rule}" in r.table]
        if alone:
            assert result.table[f"seeds {rule}"].accuracy[2].value == pytest.approx(np.mean(alone))


def test_two_verifiers_of_one_name_are_refused(sampled):
    with pytest.raises(UsageError, match="2 verifiers or scores are called 'length'"):
        observe(*sampled, [length_verifier(), length_verifier()], GRADER, SETTINGS)


def test_problems_with_too_few_samples_are_left_out_of_a_replay_too(sampled, tmp_path):
    problems, trees = sampled
    store = fill_store(tmp_path / "short.db", RunConfig(), zip(problems, trees, strict=True))
    extra = Problem(id="short", question="never sampled", answer="1")
    with store:
        store.add_problems([extra])
        made = observe(store.problems(), list(store.trees()), [oracle_verifier()], GRADER, Settings(ks=(4,)))
    save_cassette(made, tmp_path / "run.db")
    again = compare(load_cassette(tmp_path / "run.db"))
    assert (again.problems, again.left_out_problems) == (8, 1)
    assert as_text(again) == as_text(compare(made))


def test_a_recording_of_version_1_gives_the_report_that_was_made_of_it(tmp_path):
    """Both were written together, with seeds, a policy, an audit and calibration."""
    for packed, name in (("cassette_of_version_1.db.gz", "recorded.db"), ("report_of_schema_2.json.gz", "report.json")):
        (tmp_path / name).write_bytes(gzip.decompress((DATA / packed).read_bytes()))
    made, before = json.loads(as_text(compare(load_cassette(tmp_path / "recorded.db")))), read_report(tmp_path)
    then = json.loads(as_text(before))
    assert made.pop("confidence").keys() == {"rm|<b>score</b>"}  # what reports of then did not have
    assert made.pop("g_pass_at_k").keys() == {"0.5", "1"}
    assert made.pop("unused_samples") == 6 * 4
    counted, of_half = made.pop("pass_at_k"), then.pop("pass_at_k")  # of then by half of the samples
    assert counted.keys() == {*of_half, "8"} and counted["8"]["value"] == 1
    assert made.keys() == then.keys() >= {"calibration", "audit"}
    assert alike(made, then)


def alike(a, b):
    """Equal but for the last digits, which may differ from machine to machine."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return a == (pytest.approx(b, abs=1e-9) if isinstance(b, float) else b)
