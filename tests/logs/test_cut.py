"""Samples that their token limit cut, and answers that a text does not state."""

import json

import pytest

from arts.evaluation.cassette import Settings
from arts.evaluation.compare import compare
from arts.evaluation.evaluate import observe
from arts.evaluation.report.headline import limits
from arts.evaluation.report.sections import evaluation
from arts.logs.samples import read_samples
from arts.problems.extraction.answer import LAST_NUMBER
from arts.problems.graders import make_grader

TEXTS = {
    "So there are 4.": "stop",
    "We first add 4": "length",
    "\\boxed{4} and so": "length",
    "The answer is 4.": "stop",
}


def written(path, finish="finish_reason", reasons=None):
    samples = [{"text": text, finish: end} for text, end in zip(TEXTS, reasons or TEXTS.values(), strict=True)]
    path.write_text(json.dumps({"id": "p", "problem": "2+2?", "answer": "4", "samples": samples}) + "\n")
    return path


def outcomes(source, grader="exact", **options):
    (tree,) = read_samples(source, grader=grader, **options).trees
    return {tree.solution(r.leaf).strip(): tree.outcomes[r.leaf] for r in tree.backbones}


@pytest.mark.parametrize(
    ("finish", "reasons"),
    [("finish_reason", None), ("truncated", [False, True, True, False]), ("stop_reason", ["stop", "max_tokens"] * 2)],
)
def test_a_text_that_was_cut_has_only_what_it_states(tmp_path, finish, reasons):
    found = outcomes(written(tmp_path / "log.jsonl", finish, reasons))
    assert found["So there are 4."].answer == "4"
    assert found["We first add 4"].answer is None
    assert found["We first add 4"].reason == "no answer"


def test_a_box_that_stands_before_the_cut_is_an_answer(tmp_path):
    assert outcomes(written(tmp_path / "log.jsonl"))["\\boxed{4} and so"].answer == "4"


def test_a_last_number_is_remarked_counted_and_shown(tmp_path):
    found = read_samples(written(tmp_path / "log.jsonl"), grader="exact")
    remarks = [found.trees[0].outcomes[r.leaf].reason for r in found.trees[0].backbones]
    assert remarks == [LAST_NUMBER, "no answer", "", ""]
    grader = make_grader("exact")
    result = compare(observe(found.problems, found.trees, [], grader, Settings(ks=(2, 4))))
    assert result.last_numbers == 1
    assert "1 of 4 answers are the last number of a text that states none" in " ".join(limits(result))
    facts = {name: value for section in evaluation(result).sections for name, value in (section.facts or {}).items()}
    assert facts["answers that are the last number of the text"] == "1 of 4"


def test_the_logs_own_verdicts_stay_the_logs_beside_the_remark(tmp_path):
    row = {"id": "p", "problem": "2+2?", "samples": [{"text": "So there are 4.", "correct": True}]}
    (tmp_path / "log.jsonl").write_text(json.dumps(row) + "\n")
    found = read_samples(tmp_path / "log.jsonl", grader="exact", verdicts="log")
    assert found.verdicts == "of the log"
    assert found.trees[0].outcomes[1].reason.endswith(LAST_NUMBER)


@pytest.mark.parametrize("grader", ["exact-stated", "math-stated"])
def test_the_stated_graders_take_no_last_number(tmp_path, grader):
    found = outcomes(written(tmp_path / "log.jsonl"), grader=grader)
    assert [o.answer for o in found.values()] == [None, None, "4", "4"]


def test_an_extraction_of_ones_own_is_not_remarked():
    def judge(key, answer):
        return key == answer

    judge.extract = lambda text: "7"
    grader = make_grader(judge)
    assert grader.find("so there are 7").how == "own"
