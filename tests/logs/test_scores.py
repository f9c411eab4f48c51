"""Which numbers are scores, which lists are steps, which values are verdicts."""

import json

import pytest

from arts.errors import InputError
from arts.logs.formats import Fields, LogOptions
from arts.logs.read import read_log
from arts.logs.samples import read_samples
from arts.logs.verdicts import verdict_in


@pytest.fixture
def read(tmp_path):
    def read(rows, scores=None, **options):
        path = tmp_path / "log.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return read_log(path, LogOptions(**options), scores)

    return read


def listed(**columns):
    """Four samples with these columns."""
    samples = [{"text": f"#### {i}", **{name: values[i] for name, values in columns.items()}} for i in range(4)]
    return [{"problem": "2+2?", "answer": "4", "samples": samples}]


@pytest.mark.parametrize(
    "name, values",
    [
        ("rm", [1.5, 2, 0, 1]),
        ("verifier_score", [0, 1, 1, 0]),
        ("reward_1", [1, 1, 1, 1]),
        ("qwenRM", [3, 2, 1, 0]),
        ("skywork_prm_min", [0.5, 0.25, 1, 0]),
        ("my_model", [0.1, 0.2, 0.3, 0.4]),
        ("num_tokens_score", [5, 6, 7, 8]),
    ],
)
def test_what_looks_like_a_score_is_one(read, name, values):
    assert read(listed(**{name: values})).chosen.taken == (name,)


@pytest.mark.parametrize(
    "name, values",
    [
        *[(name, [0, 1, 2, 3]) for name in ("index", "rollout", "sample_id", "k", "i", "seed", "choiceIndex")],
        *[(name, [31, 27, 40, 12]) for name in ("completion_tokens", "n_tokens", "num_chars", "stars")],
        *[(name, [0.5, 1.25, 3.5, 0.1]) for name in ("latency", "time_s", "elapsed_ms", "cost_usd", "pred_value")],
        ("pred_num", [50.3, 1, 2, 3]),
        ("top_p", [0.95] * 4),
        ("temperature", [0.6] * 4),
    ],
)
def test_indices_counts_times_settings_and_answers_are_none(read, name, values):
    found = read(listed(**{name: values}))
    assert (found.chosen.taken, found.chosen.left) == ((), (name,))
    assert all(not sample.scores for sample in found.problems[0].samples)
    assert read(listed(**{name: values}), (name,)).chosen.taken == (name,)  # unless it is named


def test_what_a_sample_answers_is_no_score_of_it(read):
    rows = listed(answer=["1.5", "2", "3.25", "4"], value=[1.5, 2, 3.25, 4], other=[1.5, 2.5, 3, 9])
    assert read(rows).chosen.taken == ("other",)


@pytest.mark.parametrize("name", ["steps", "model_output_steps", "solutionSteps"])
def test_a_list_in_a_field_called_steps_is_one_solution(read, name):
    rows = [{"q": "2+2?", "key": "4", name: ["2+2", "#### 4"]}]
    (problem,) = read(rows, fields=Fields(problem="q", key="key", text=name)).problems
    assert [s.body for s in problem.samples] == [("2+2", "#### 4")]


@pytest.mark.parametrize("form", ["Step {}: x", "**Step {}.** x", "## step {} x"])
def test_a_list_of_numbered_steps_is_one_solution(read, form):
    rows = [{"q": "2+2?", "key": "4", "out": [form.format(1), form.format(2)]}]
    (problem,) = read(rows, fields=Fields(problem="q", key="key", text="out")).problems
    assert len(problem.samples) == 1


@pytest.mark.parametrize("texts", [["Step 1: x", "Step 1: y"], ["#### 4", "#### 5"], ["Step 2: x", "Step 3: y"]])
def test_other_lists_are_samples(read, texts):
    rows = [{"q": "2+2?", "key": "4", "out": texts, "ok": [True, False]}]
    (problem,) = read(rows, fields=Fields(problem="q", key="key", text="out", correct="ok")).problems
    assert [(s.body, s.correct) for s in problem.samples] == list(zip(texts, [True, False], strict=True))


@pytest.mark.parametrize("verdicts", [True, [True], [True, False, True]])
def test_a_named_verdict_that_fits_no_sample_is_an_error(read, verdicts):
    good = {"q": "1+1?", "key": "2", "out": ["#### 2", "#### 3"], "ok": [True, False]}
    rows = [good, {"q": "2+2?", "key": "4", "out": ["#### 4", "#### 5"], "ok": verdicts}]
    with pytest.raises(InputError, match=r"log\.jsonl:2: . values? of 'correct' for 2 samples; name a field"):
        read(rows, fields=Fields(problem="q", key="key", text="out", correct="ok"))


@pytest.mark.parametrize(
    "value, said",
    [
        *[(word, True) for word in (True, "correct", "True", " RIGHT ", "yes", "C", "passed")],
        *[(word, False) for word in (False, "incorrect", "wrong", "I", "N", "P", "no", "failed")],
        *[(0.5, 0.5), (1, 1.0), ("1", 1.0), ("-0.5", -0.5), ("0", 0.0)],
        *[(value, None) for value in ("good", "", None, [True], {"a": 1}, 10**400, float("inf"), "12 apples")],
    ],
)
def test_a_verdict_is_a_truth_a_number_or_a_word(value, said):
    assert verdict_in(value) == said and type(verdict_in(value)) is type(said)


def test_a_row_that_lacks_the_key_that_its_problem_has_is_judged_by_it(read):
    rows = [{"prompt": "2+2?", "completion": t, "answer": key} for t, key in (("4", None), ("5", "4"), ("4", ""))]
    found = read(rows)
    assert [p.problem.answer for p in found.problems] == ["4"] and found.keyless == ()


def test_metrics_that_are_0_or_1_stay_verdicts_of_lm_eval(read):
    row = {"doc_id": 0, "doc": {"question": "2+2?"}, "target": "4", "resps": [["4"]], "filtered_resps": ["4"]}
    assert read([{**row, "metrics": ["mine"], "mine": 1.0}]).problems
    with pytest.raises(InputError, match="the metric of this task is bleu, mine, which is no verdict"):
        read([{**row, "metrics": ["bleu", "mine"], "bleu": 1.0, "mine": 0.3}])


def differing(tmp_path, wrong, of=200):
    rows = [
        {"id": f"p{i}", "problem": f"{i}?", "answer": "4", "samples": [{"text": "#### 4", "correct": i >= wrong}]}
        for i in range(of)
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("verdicts, whose", [("key", "those of the grader count"), ("log", "those of the log count")])
def test_a_difference_of_more_than_a_hundredth_is_said_with_three_examples(tmp_path, verdicts, whose):
    assert read_samples(differing(tmp_path, 2), grader="exact", verdicts=verdicts).notes == ()
    (note,) = read_samples(differing(tmp_path, 5), grader="exact", verdicts=verdicts).notes
    assert "differ on 5 of 200 samples (2.5%)" in note and whose in note and "\n" not in note
    assert note.count("'4' for the key '4': log wrong, grader right") == 3


def test_an_example_cannot_move_the_terminal(tmp_path):
    path = differing(tmp_path, 5)
    path.write_text(path.read_text(encoding="utf-8").replace('"p1"', '"p\\u001b[2J\\n"'), encoding="utf-8")
    (note,) = read_samples(path, grader="exact").notes
    assert note.isprintable()
