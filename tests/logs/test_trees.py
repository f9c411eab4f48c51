import gzip
import json
import math

import pytest

from arts.errors import InputError
from arts.logs.samples import read_samples
from arts.logs.values import digest
from arts.problems.base import Verdict
from arts.problems.graders import make_grader
from arts.trees.tree import ROOT

SAMPLES = [{"text": "a\nb\n#### 4"}, {"text": "a\nc\n#### 5"}, {"text": "a\nb\n#### 4"}, {"text": ""}]
ROW = {"problem": "2+2?", "answer": 4, "samples": SAMPLES}


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def load(path, splitter="newline"):
    found = read_samples(path, splitter=splitter, grader=make_grader("exact"))
    return found.problems, found.trees


def read(path, rows, splitter="newline"):
    return load(write(path, "".join(json.dumps(r) + "\n" for r in rows)), splitter)


@pytest.fixture
def only_tree(tmp_path):
    """Reads the samples of one problem into its tree."""

    def tree(samples, **fields):
        _, (tree,) = read(tmp_path / "rows.jsonl", [{**ROW, **fields, "samples": samples}])
        return tree

    return tree


def outcomes(tree):
    return [(tree.outcomes[r.leaf].answer, tree.outcomes[r.leaf].verdict.value) for r in tree.backbones]


def test_every_sample_is_a_backbone_with_its_text(only_tree):
    tree = only_tree(SAMPLES)
    assert [r.backbone for r in tree.backbones] == [0, 1, 2, 3]
    assert [tree.solution(r.leaf) for r in tree.backbones] == [s["text"] for s in SAMPLES]


def test_equal_prefixes_are_one_node(only_tree):
    tree = only_tree(SAMPLES)
    first, other, same, empty = (r.leaf for r in tree.backbones)
    assert first == same
    assert tree.path(first)[0] == tree.path(other)[0]
    assert len(tree.children[ROOT]) == 2  # "a" and the sample that says nothing
    assert tree.path(empty) == [empty]


def test_answers_are_read_off_and_graded(only_tree):
    tree = only_tree(SAMPLES)
    assert outcomes(tree) == [("4", "correct"), ("5", "incorrect"), ("4", "correct"), (None, "incorrect")]
    assert tree.outcomes[tree.backbones[3].leaf].reason == "no answer"


def test_a_given_answer_goes_before_the_text(only_tree):
    assert outcomes(only_tree([{"text": "#### 5", "answer": 4.0}])) == [("4.0", "correct")]


def test_verdicts_are_believed_where_there_is_no_key(only_tree):
    tree = only_tree([{"text": "#### 4", "correct": False}, {"text": "#### 5", "correct": True}], answer=None)
    assert outcomes(tree) == [("4", "incorrect"), ("5", "correct")]
    assert {o.reason for o in tree.outcomes.values()} == {"as given"}


def test_a_key_goes_before_given_verdicts(only_tree):
    assert outcomes(only_tree([{"text": "#### 4", "correct": False}])) == [("4", "correct")]


def test_numbers_of_a_sample_are_scores_at_its_leaf(only_tree):
    tree = only_tree(
        [
            {"text": "a\nb", "rm": 1, "other": 0.5, "tokens": 7, "logprob": -3.0, "ok": True, "model": "m"},
            {"text": "a\nc", "rm": -2.5, "tokens": 8},
        ]
    )
    first, second = (r.leaf for r in tree.backbones)
    assert tree.scores.keys() == {"rm", "other"}
    assert [(tree.scores["rm"][n], n) for n in (first, second)] == [(1, first), (-2.5, second)]
    scored = {name: [i for i, x in enumerate(column) if x == x] for name, column in tree.scores.items()}
    assert scored == {"rm": [first, second], "other": [first]}
    assert [r.tokens for r in tree.backbones] == [7, 8]


def test_samples_with_equal_text_share_a_leaf_and_its_mean_score(only_tree):
    tree = only_tree(
        [{"text": "a\nb", "rm": 1}, {"text": "a\nc", "rm": 7}, {"text": "a\nb", "rm": -2}, {"text": "a\nb"}]
    )
    first, other, *same = (r.leaf for r in tree.backbones)
    assert same == [first, first]
    assert (tree.scores["rm"][first], tree.scores["rm"][other]) == (-0.5, 7)


def test_a_list_of_numbers_is_a_score_of_each_step(only_tree):
    tree = only_tree([{"text": "a\nb\n#### 4", "prm": [0.5, 1, -0.25], "rm": 2.0}, {"text": "c", "rm": 3.0}])
    (first, other), path = (r.leaf for r in tree.backbones), tree.path(tree.backbones[0].leaf)
    assert tree.scores["prm"][path].tolist() == [0.5, 1.0, -0.25]
    assert math.isnan(tree.scores["prm"][other]) and math.isnan(tree.scores["prm"][ROOT])
    assert [tree.scores["rm"][leaf] for leaf in (first, other)] == [2.0, 3.0]
    assert math.isnan(tree.scores["rm"][path[0]])


def test_samples_that_share_a_step_give_it_the_mean_of_their_scores(only_tree):
    tree = only_tree([{"text": "a\nb", "prm": [0.5, 0.9]}, {"text": "a\nc", "prm": [0.1, 0.3]}, {"text": "a\nc"}])
    first, other, _ = (tree.path(r.leaf) for r in tree.backbones)
    assert first[0] == other[0]
    assert tree.scores["prm"][[*first, other[1]]].tolist() == pytest.approx([0.3, 0.9, 0.3])


def test_null_is_no_score_of_a_step(only_tree):
    tree = only_tree([{"text": "a\nb", "prm": [None, 0.9], "none": [None, None]}])
    assert tree.scores.keys() == {"prm"}
    assert [math.isnan(x) for x in tree.scores["prm"]] == [True, True, False]


def test_scores_belong_to_the_steps_that_are_given(only_tree):
    tree = only_tree([{"steps": ["a\nb", "c"], "prm": [0.2, 0.8]}])
    assert tree.scores["prm"].tolist()[1:] == [0.2, 0.8]


@pytest.mark.parametrize(
    "field", [{"tags": ["x"]}, {"ok": [True, False]}, {"token_ids": [1, 2, 3]}, {"mixed": [1, "x"]}, {"empty": []}]
)
def test_other_lists_are_no_scores(only_tree, field):
    assert only_tree([{"text": "a\nb", **field}]).scores == {}


def test_the_logprob_of_a_sample_is_the_sum_over_its_path(only_tree):
    tree = only_tree([{"text": "a\nb", "logprob": -3.0}, {"text": "a\nc\nd", "logprob": -5.0}])
    sums = [sum(tree.logprob[i] for i in tree.path(r.leaf)) for r in tree.backbones]
    assert sums == [-3.0, -5.0]
    assert math.isnan(only_tree([{"text": "a"}]).logprob[1])


def test_given_steps_are_kept_as_they_are(only_tree):
    tree = only_tree([{"steps": ["a\nb", "c\n", "#### 4"]}])
    (rollout,) = tree.backbones
    assert [tree.text[i] for i in tree.path(rollout.leaf)] == ["a\nb\n", "c\n", "#### 4\n"]
    assert outcomes(tree) == [("4", "correct")]


def test_no_steps_are_a_sample_that_says_nothing(only_tree):
    tree = only_tree([{"steps": [], "logprob": -1.0}, {"text": ""}])
    assert [r.leaf for r in tree.backbones] == [1, 1]
    assert outcomes(tree) == [(None, "incorrect")] * 2


@pytest.mark.parametrize(("splitter", "steps"), [("newline", 3), ("paragraph", 2), ("numbered", 1)])
def test_the_splitter_cuts_the_text(tmp_path, splitter, steps):
    row = {**ROW, "samples": [{"text": "a\nb\n\nc"}]}
    _, (tree,) = read(tmp_path / "rows.jsonl", [row], splitter)
    assert tree.depth[tree.backbones[0].leaf] == steps


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_problems_have_the_fields_of_their_rows(tmp_path, name):
    rows = [
        {**ROW, "problem_id": "p", "level": 3, "subject": "Algebra", "source": "s"},
        {"problem_id": None, "subject": ["a", 1], "question": "why?", "samples": [{"text": "so", "correct": True}]},
        {**ROW, "problem": "3+3?", "level": "Level 5", "samples": [{"text": None, "steps": ["x"]}]},
    ]
    (first, second, third), trees = read(tmp_path / name, rows)
    assert (first.id, first.question, first.answer, first.level, first.subject, first.source) == (
        *("p", "2+2?", "4", 3, "Algebra", "s"),
    )
    assert (second.id, second.question, second.answer, second.level) == (digest("why?"), "why?", "", None)
    assert second.subject == "['a', 1]"
    assert (third.level, third.subject, third.source) == (5, None, "")
    assert [t.problem_id for t in trees] == ["p", second.id, third.id]
    assert trees[1].outcomes[trees[1].backbones[0].leaf].verdict is Verdict.CORRECT


def with_samples(samples, **fields):
    return json.dumps({**ROW, "samples": samples, **fields})


GOOD = json.dumps(ROW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"rows\.jsonl: no rows"),
        ("{\n", r"rows\.jsonl:1: not JSON"),
        ("\n\n[1]", r"rows\.jsonl:1: an int, no object"),
        ('{"answer": "1", "samples": [{"text": "x"}]}\n' * 2, r"rows\.jsonl:1: no text under 'problem\|question'"),
        ('{"problem": "x", "answer": "1"}', r"rows\.jsonl:1: no known format has the fields problem, answer"),
        ('{"problem": "x", "answer": "1", "samples": 3}', r"rows\.jsonl:1: no list under 'samples\|rollouts'"),
        (with_samples([]), r"rows\.jsonl: .*there are no graded samples"),
        (json.dumps({**ROW, "answer": True}), r"rows\.jsonl:1: no verdict .* and no key under 'answer\|gold'"),
        (with_samples(["x"]), r"rows\.jsonl:1: sample 1 is a str"),
        (with_samples([{"text": "x"}, {"text": 3}]), r"rows\.jsonl:1: sample 2: no text under 'steps\|text'"),
        ('{"problem": "x", "samples": [{"text": "x"}]}', r"rows\.jsonl:1: no verdict under 'correct' and no key"),
        (json.dumps({**ROW, "level": 10**24}), r"rows\.jsonl:1: 'level' is too large"),
        (with_samples([{"text": "x", "tokens": 10**24}]), r"rows\.jsonl:1: sample 1: 'tokens' is too large"),
        (with_samples([{"text": "x", "logprob": 10**400}]), r"rows\.jsonl:1: sample 1: 'logprob' is too large"),
        (
            GOOD + "\n" + with_samples([{"text": "x"}, {"text": "a\nb", "prm": [0.5]}], problem="3+3?"),
            r"rows\.jsonl:2: sample 2: 'prm' has 1 numbers for 2 steps; give one per step",
        ),
        (with_samples([{"text": "a\nb", "prm": [1, 10**400]}]), r"rows\.jsonl:1: sample 1: 'prm' is too large"),
        (
            json.dumps({**ROW, "id": "p"}) + "\n" + json.dumps({**ROW, "id": "p", "answer": 5}),
            r"rows\.jsonl:2: problem 'p' has another question or key than at .*rows\.jsonl:1",
        ),
    ],
)
def test_bad_rows_are_named_by_file_and_row(tmp_path, text, message):
    path = write(tmp_path / "rows.jsonl", text)
    with pytest.raises(InputError, match=message) as raised:
        load(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl: no such file"):
        load(tmp_path / "none.jsonl")


def test_rows_of_one_problem_are_its_samples(tmp_path):
    (problem,), (tree,) = read(tmp_path / "rows.jsonl", [{**ROW, "samples": [s]} for s in SAMPLES])
    assert problem.answer == "4"
    assert [tree.solution(r.leaf) for r in tree.backbones] == [s["text"] for s in SAMPLES]


def test_two_verdicts_on_one_text_are_none_where_there_is_no_key(only_tree):
    tree = only_tree([{"text": "x 1", "correct": c} for c in (True, False)], answer=None)
    assert outcomes(tree) == [("1", "ungraded")] * 2
