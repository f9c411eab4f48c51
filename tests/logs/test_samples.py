"""One reader for whatever holds samples: who has judged them, and what has to be known of them."""

import gzip
import json
from pathlib import Path

import pytest

from arts.logs.formats import LogOptions
from arts.logs.samples import read_samples, verdicts_of
from arts.problems.base import Verdict
from arts.problems.graders import make_grader
from arts.trees.exchange import export_trees, fill_store
from arts.trees.runs import RunConfig

RECORDED = Path(__file__).parents[2] / "benchmarks" / "recorded"
RIGHT, WRONG = Verdict.CORRECT, Verdict.INCORRECT


@pytest.fixture
def read(tmp_path):
    """Reads rows; the options are those of the log, but for who judges and what is a score."""

    def read(rows, *, verdicts="key", scores=None, **options):
        path = tmp_path / "log.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        grader = make_grader("exact")
        return read_samples(
            str(path), log=LogOptions(**options), splitter="newline", grader=grader, verdicts=verdicts, scores=scores
        )

    return read


def row(*samples, key="4", question="2+2?"):
    return {"id": question, "problem": question, "answer": key, "samples": list(samples)}


def sample(text, correct=None, **fields):
    return {"text": text, **({} if correct is None else {"correct": correct}), **fields}


def test_the_key_judges_unless_the_log_is_to(read):
    rows = [row(sample("#### 4", False), sample("#### 5", True), sample("#### 5"))]
    by_key, by_log = read(rows), read(rows, verdicts="log")
    assert verdicts_of(by_key.trees[0]) == [RIGHT, WRONG, WRONG]
    assert verdicts_of(by_log.trees[0]) == [WRONG, RIGHT, RIGHT]  # equal texts have one verdict
    assert (by_key.verdicts, by_log.verdicts) == ("of the exact grader", "of the log")


@pytest.mark.parametrize("verdicts", ["key", "log"])
def test_what_the_log_says_is_kept_whoever_judges(read, verdicts):
    found = read([row(sample("#### 4", False), sample("#### 5", True), sample("#### 5"))], verdicts=verdicts)
    assert found.logged == {"2+2?": [WRONG, RIGHT, None]}


def test_judges_are_counted_where_there_are_several(read):
    rows = [row(sample("#### 4", True), sample("#### 5", False)), row(sample("a"), question="1+1?")]
    assert read(rows, verdicts="log").verdicts == "2 of the log, 1 of the exact grader"
    rows = [row(sample("#### 4", True), sample("b"), key=None)]
    assert read(rows).verdicts in ("1 of the log, 1 missing", "1 missing, 1 of the log")


def verl(score, step=1, output="4"):
    return {"input": "2+2?", "output": output, "gts": "4", "score": score, "step": step}


def test_notes_name_scores_steps_and_texts_that_are_judged_both_ways(read):
    rows = [verl(0.0, 1), verl(0.7, 2), verl(1.0, 3), verl(1.0, 3)]
    differ, scores, odd, steps = read(rows, verdicts="log").notes
    assert "the exact grader differ on 1 of 4 samples (25.0%), those of the log count" in differ
    assert scores == "scores are 0, 0.7, 1; correct means above 0.5 (correct_above)."
    assert odd == "4 samples have a text that the log judges both ways; most of its verdicts count."
    assert "3 training steps (1, 2, 3)" in steps and "--log.where step=3" in steps


def test_what_the_log_says_is_no_matter_where_the_key_judges(read):
    assert read([verl(0.7), verl(1.0)]).notes == ()
    assert read([verl(1.0), verl(0.0, output="5")], verdicts="log").notes == ()


def test_rows_without_samples_are_counted(read):
    assert read([row(sample("#### 4")), row(question="1+1?")]).notes == (
        "1 rows have no sample, as of requests that failed.",
    )


def test_named_numbers_are_scores_and_others_are_not(read):
    (tree,) = read([row(sample("a\n#### 4", rm=1.5, prm=[0.5, 0.25]))]).trees
    assert tree.scores.keys() == {"rm", "prm"}
    (tree,) = read([row(sample("a\n#### 4", rm=1.5, prm=[0.5, 0.25, 0.1]))], scores=("rm",)).trees
    assert tree.scores.keys() == {"rm"}  # a list that fits no steps is no matter where it is not asked for


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_exported_trees_are_read_as_they_are(read, tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    first = read([row(sample("a\n#### 4", rm=1.5), sample("a\n#### 5", rm=0.5))])
    with fill_store(
        tmp_path / "a.db", RunConfig(other={"n": 1}), zip(first.problems, first.trees, strict=True)
    ) as store:
        export_trees(store, tmp_path / f"trees{suffix}")
    again = read_samples(tmp_path / f"trees{suffix}", splitter="paragraph", grader=make_grader("exact"))
    assert (again.format, again.run_config, again.verdicts) == ("arts", RunConfig(other={"n": 1}), "of the store")
    assert again.problems == first.problems and again.logged == {"2+2?": [RIGHT, WRONG]}
    assert again.trees[0].text == first.trees[0].text
    assert again.trees[0].scores["rm"].tolist()[2:] == [1.5, 0.5]


def test_a_store_is_read_as_it_is_by_any_name(read, tmp_path):
    first = read([row(sample("a\n#### 4", rm=1.5), sample("a\n#### 5", rm=0.5))])
    made = RunConfig(proposer="m", sample={"grader": "exact"})
    fill_store(tmp_path / "a.sqlite", made, zip(first.problems, first.trees, strict=True)).close()
    for source in (tmp_path / "a.sqlite", str(tmp_path / "a.sqlite")):
        again = read_samples(source)
        assert (again.kind, again.run_config, again.verdicts) == ("store", made, "of the exact grader")
        assert (again.kind, again.run_config.proposer) == ("store", "m")
        assert again.logged == {"2+2?": [RIGHT, WRONG]} and again.notes == () and again.scores == ["rm"]


def test_a_grader_may_be_named(tmp_path):
    (tmp_path / "log.jsonl").write_text(json.dumps(row(sample("#### 4"), sample("#### 5"))), encoding="utf-8")
    found = read_samples(tmp_path / "log.jsonl", grader="exact")
    assert (found.kind, found.verdicts) == ("samples", "of the exact grader")
    assert (found.kind, found.format, found.verdicts) == ("samples", "flat", "of the exact grader")
    assert verdicts_of(found.trees[0]) == [RIGHT, WRONG]


@pytest.mark.parametrize(
    "name, problems, samples, score, right",
    [("math500_qwen1.5b_prm", 20, 16, "skywork_prm", 142), ("math_qwen_rm", 100, 8, "qwen_rm", 728)],
)
def test_the_recorded_files_are_whole(name, problems, samples, score, right):
    path = RECORDED / f"{name}.jsonl.gz"
    found = read_samples(path, splitter="paragraph", grader=make_grader("exact"), verdicts="log")
    assert [len(t.backbones) for t in found.trees] == [samples] * problems
    assert sum(v is RIGHT for logged in found.logged.values() for v in logged) == right
    assert all(
        t.scores.keys() == {score} and t.scores[score][r.leaf] == t.scores[score][r.leaf]
        for t in found.trees
        for r in t.backbones
    )
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        first = json.loads(next(lines))
    assert found.trees[0].solution(found.trees[0].backbones[3].leaf) == first["samples"][3]["text"]
