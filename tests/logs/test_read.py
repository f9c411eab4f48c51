"""Logs in the shapes that other tools write, made by hand."""

import gzip
import json
import math

import pytest

from arts.errors import InputError
from arts.logs.formats import Fields, LogOptions
from arts.logs.read import read_log
from arts.logs.sample import Sample, SampledProblem
from arts.logs.trees import AS_GIVEN, AS_MOST_GIVEN, tree_of
from arts.logs.values import level_of
from arts.problems.base import Problem, Verdict
from arts.problems.graders import make_grader

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]
FLAT = [
    {
        "id": 7,
        "problem": "2+2?",
        "answer": 4,
        "level": 1,
        "samples": [
            {"model": "a", "text": "#### 4", "answer": "4", "correct": True, "score": 0.3},
            {"model": "b", "steps": ["2+2", "#### 5"], "answer": "5", "correct": False},
            {"model": "c", "text": "#### 4", "correct": True},
        ],
    },
    {"id": 8, "problem": "1+1?", "answer": 2, "level": 2, "samples": [{"model": "a", "text": "3", "correct": False}]},
]
VERL = [
    {"input": "user\n2+2?\nassistant\n", "output": r"\boxed{4}", "gts": "4", "score": 1.0, "step": 10},
    {"input": "user\n2+2?\nassistant\n", "output": r"\boxed{5}", "gts": "4", "score": 0.1, "step": 10},
    {"input": "user\n1+1?\nassistant\n", "output": r"\boxed{2}", "gts": "2", "score": -1.0, "acc": True, "step": 20},
]
TRL = [
    {"step": 5, "prompt": CHAT, "completion": [{"role": "assistant", "content": r"\boxed{4}"}]}
    | {"accuracy_reward": 1.0, "format_reward": 0.0, "solution": "4", "advantage": 0.7},
    {"step": 5, "prompt": CHAT, "completion": [{"role": "assistant", "content": r"\boxed{5}"}]}
    | {"accuracy_reward": 0.0, "format_reward": 1.0, "solution": "4", "advantage": -0.7},
    {"step": 5, "prompt": CHAT, "completion": [{"role": "assistant", "content": "?"}]}
    | {"accuracy_reward": None, "format_reward": 1.0, "solution": "4", "advantage": 0.0},
]
LM_EVAL = [
    {
        "doc_id": 3,
        "doc": {"question": "2+2?", "answer": "2+2 is 4\n#### 4"},
        "target": "2+2 is 4\n#### 4",
        "arguments": {"gen_args_0": {"arg_0": "Q: 2+2?\nA:", "arg_1": {"until": ["Q:"]}}},
        "resps": [["It is\n#### 4"]],
        "filtered_resps": ["4"],
        "filter": "strict-match",
        "metrics": ["exact_match"],
        "doc_hash": "x",
        "exact_match": 1.0,
    },
    {
        "doc_id": 4,
        "doc": {"question": "1+1?", "answer": "#### 2"},
        "target": "#### 2",
        "arguments": {"gen_args_0": {"arg_0": "Q: 1+1?\nA:"}},
        "resps": [["It is 2"]],
        "filtered_resps": ["[invalid]"],
        "filter": "strict-match",
        "metrics": ["exact_match"],
        "doc_hash": "y",
        "exact_match": 0.0,
    },
]
CHOICES = [[["-1.5", "False"]], [["-0.3", "True"]]]
"""What lm-eval has in place of samples where a task compares given answers."""
EVALS = [
    {"spec": {"completion_fns": ["m"], "eval_name": "sums", "run_id": "r1"}},
    {"run_id": "r1", "event_id": 0, "sample_id": "s.0", "type": "sampling"}
    | {"data": {"prompt": CHAT, "sampled": ["It is 4"]}, "created_by": "", "created_at": "now"},
    {"run_id": "r1", "event_id": 1, "sample_id": "s.1", "type": "sampling"}
    | {"data": {"prompt": "1+1?", "sampled": ["3"]}, "created_by": "", "created_at": "now"},
    {"run_id": "r1", "event_id": 2, "sample_id": "s.1", "type": "match"}
    | {"data": {"correct": False, "expected": "2", "picked": None, "sampled": "3", "options": ["2"]}},
    {"run_id": "r1", "event_id": 3, "sample_id": "s.0", "type": "match"}
    | {"data": {"correct": True, "expected": ["4"], "picked": "4"}},
    {"final_report": {"accuracy": 0.5}},
]


def rows_of(found):
    """What was read as (place, row)."""
    return [
        (
            sampled.place,
            {
                **{"problem_id": sampled.problem.id, "problem": sampled.problem.question},
                **{"answer": sampled.problem.answer or None, "level": sampled.problem.level},
                **{"subject": sampled.problem.subject, "samples": [flat(s) for s in sampled.samples]},
            },
        )
        for sampled in found.problems
    ]


def flat(sample):
    """A sample as a row lists it, without what the log does not say."""
    body = {"text": sample.body} if isinstance(sample.body, str) else {"steps": list(sample.body)}
    known = {name: x for name, x in (("tokens", sample.tokens), ("logprob", sample.logprob)) if x is not None}
    return {**body, "answer": sample.answer, "correct": sample.correct, **known, **sample.scores}


@pytest.fixture
def log(tmp_path):
    """Writes rows and reads them back as (format, {question: (id, key, samples)})."""

    def read(rows, name="log.jsonl", **options):
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        found = read_log(str(tmp_path / name), LogOptions(**options))
        return found.format, {r["problem"]: (r["problem_id"], r["answer"], r["samples"]) for _, r in rows_of(found)}

    return read


def verdicts(samples):
    return [(s.get("text") or s["steps"], s["answer"], s["correct"]) for s in samples]


def test_flat_rollouts_are_read_as_they_are(log):
    name, problems = log(FLAT, "log.jsonl.gz")
    assert name == "flat" and set(problems) == {"2+2?", "1+1?"}
    given, key, samples = problems["2+2?"]
    assert (given, key) == ("7", "4")
    assert verdicts(samples) == [("#### 4", "4", True), (["2+2", "#### 5"], "5", False), ("#### 4", None, True)]


def test_the_rows_of_verl_are_samples_of_their_input(log):
    name, problems = log(VERL)
    assert name == "verl"
    first, second = problems.values()
    assert first[1] == "4"
    assert verdicts(first[2]) == [(r"\boxed{4}", None, True), (r"\boxed{5}", None, False)]
    assert verdicts(second[2]) == [(r"\boxed{2}", None, True)]  # "acc" goes before the score
    assert first[0].startswith("q-") and first[0] != second[0]


def test_the_completions_of_trl_are_read_from_parquet_and_json(log, tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    name, from_json = log(TRL)
    pq.write_table(pa.Table.from_pylist(TRL), tmp_path / "completions_00005.parquet")
    found = read_log(str(tmp_path / "completions_*.parquet"), LogOptions())
    assert name == found.format == "trl"
    ((place, row),) = rows_of(found)
    assert place == f"{tmp_path / 'completions_00005.parquet'}:1"
    assert {"2+2?": (row["problem_id"], row["answer"], row["samples"])} == from_json
    assert verdicts(row["samples"]) == [(r"\boxed{4}", None, True), (r"\boxed{5}", None, False), ("?", None, None)]
    assert found.scores == (0.0, 1.0)


def test_the_samples_of_lm_eval_have_their_filtered_answers(log):
    name, problems = log(LM_EVAL)
    assert name == "lm-eval"
    assert problems["2+2?"] == ("3", "4", [{"text": "It is\n#### 4", "answer": "4", "correct": True}])
    assert problems["1+1?"] == ("4", "2", [{"text": "It is 2", "answer": None, "correct": False}])


def test_repeats_of_lm_eval_are_samples_whose_one_verdict_is_nobodys(log):
    row = {**LM_EVAL[0], "resps": [["#### 4", "#### 5"]], "filtered_resps": ["4"]}
    _, problems = log([row])
    assert verdicts(problems["2+2?"][2]) == [("#### 4", None, None), ("#### 5", None, None)]
    each = {**row, "exact_match": [1.0, 0.0], "filtered_resps": [["4", "5"]]}
    _, problems = log([each])
    assert verdicts(problems["2+2?"][2]) == [("#### 4", "4", True), ("#### 5", "5", False)]


def test_samples_that_say_true_or_false_are_no_likelihoods(log):
    row = {**LM_EVAL[0], "resps": [["0", "True"]], "filtered_resps": ["0"]}
    assert [s["text"] for s in log([row])[1]["2+2?"][2]] == ["0", "True"]


def test_the_filters_of_lm_eval_are_not_counted_twice(log):
    rows = [LM_EVAL[0], {**LM_EVAL[0], "filter": "flexible-extract", "exact_match": 0.0}]
    with pytest.raises(InputError, match="flexible-extract, strict-match; choose one by where filter="):
        log(rows)
    _, problems = log(rows, where=("filter=strict-match",))
    assert [s["correct"] for s in problems["2+2?"][2]] == [True]


def test_events_of_openai_evals_are_joined_by_sample(log):
    name, problems = log(EVALS)
    assert name == "openai-evals"
    assert problems["2+2?"] == ("s.0", "4", [{"text": "It is 4", "answer": "4", "correct": True}])
    assert problems["1+1?"] == ("s.1", "2", [{"text": "3", "answer": None, "correct": False}])


@pytest.mark.parametrize("text, answer", [("so #### 2", "2"), ("maybe", "maybe")])
def test_an_answer_that_is_the_whole_text_counts_where_the_text_states_none(log, tmp_path, text, answer):
    match = {**EVALS[3], "data": {"correct": True, "expected": "2", "picked": text, "sampled": text}}
    log([EVALS[0], EVALS[2], match])
    (sampled,) = read_log(str(tmp_path / "log.jsonl"), LogOptions()).problems
    assert sampled.samples[0].read_off is None
    tree = tree_of(sampled, splitter="newline", grader=make_grader("exact"), believe=False)
    assert tree.outcomes[tree.backbones[0].leaf].answer == answer


def test_any_other_log_is_read_by_naming_its_fields(log):
    rows = [
        {"meta": {"qid": 1}, "q": "2+2?", "outs": [{"gen": "4", "r": {"total": 2.5}}, {"gen": "5", "r": {"total": 2}}]}
    ]
    fields = Fields(id="meta.qid", problem="q", samples="outs", text="gen", correct="r.total")
    name, problems = log(rows, fields=fields, correct_above=2)
    assert name == "custom"
    assert problems["2+2?"] == (
        *("1", None),
        [{"text": "4", "answer": None, "correct": True}, {"text": "5", "answer": None, "correct": False}],
    )


def test_lists_beside_one_another_are_samples(log):
    rows = [{"q": "2+2?", "responses": ["4", "5"], "scores": [1, 0]}]
    _, problems = log(rows, fields=Fields(problem="q", text="responses", correct="scores"))
    assert verdicts(problems["2+2?"][2]) == [("4", None, True), ("5", None, False)]


def test_a_named_field_replaces_that_of_the_format(log):
    name, problems = log(VERL, fields=Fields(correct="score"))
    assert name == "verl"
    assert [s["correct"] for _, _, samples in problems.values() for s in samples] == [True, False, False]


@pytest.mark.parametrize("threshold, expected", [(-2, [True, True]), (0.05, [True, True]), (0.1, [True, False])])
def test_a_score_is_correct_above_the_threshold(log, threshold, expected):
    _, problems = log(VERL[:2], correct_above=threshold)
    assert [s["correct"] for _, _, samples in problems.values() for s in samples] == expected


def test_conditions_hold_of_the_sample_or_its_row(log):
    kept = {name: len(samples) for name, (_, _, samples) in log(FLAT, where=("model=a", "model=b"))[1].items()}
    assert kept == {"2+2?": 2, "1+1?": 1}
    kept = {name: len(samples) for name, (_, _, samples) in log(FLAT, where=("model=a", "level=2"))[1].items()}
    assert kept == {"1+1?": 1}


@pytest.mark.parametrize(
    "where, steps",
    [((), ("2", "10")), (("step=10",), ()), (("step=2", "step=10"), ()), (("acc=true",), ("10",))],
)
def test_training_steps_are_told_unless_they_were_chosen(tmp_path, where, steps):
    rows = [{**VERL[0], "step": step, "acc": step == 10} for step in (10, 2, 10)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert read_log(str(tmp_path / "log.jsonl"), LogOptions(where=where)).steps == steps


def test_samples_of_one_problem_come_together_from_all_files(log, tmp_path):
    log(VERL[:2], "10.jsonl")
    log(VERL, "20.jsonl")
    found = read_log(str(tmp_path / "*.jsonl"), LogOptions())
    assert [len(row["samples"]) for _, row in rows_of(found)] == [4, 1]


def test_a_question_names_its_problem_whatever_its_white_space(log):
    assert (
        log([{**VERL[0], "input": "2 + 2\n"}])[1]["2 + 2\n"][0]
        == log([{**VERL[0], "input": " 2  + 2"}])[1][" 2  + 2"][0]
    )


@pytest.mark.parametrize(
    "rows, options, words",
    [
        ([{"a": 1}], {}, ["log.jsonl:1", "the fields a", "fields.problem"]),
        ([{**VERL[1], "output": None}] * 2, {}, ["log.jsonl:1", "no text under 'output'", "input, output"]),
        ([{**VERL[1], "input": 3}], {}, ["log.jsonl:1", "no text under 'input'"]),
        ([{**VERL[0], "score": "good"}], {}, ["log.jsonl:1", "'acc|score' is \"good\"", "true, false, a number"]),
        ([VERL[0], {**VERL[1], "score": 10**400}], {}, ["log.jsonl:2", "is 1000", "64-bit floating point"]),
        ([{**VERL[0], "score": -math.inf}], {}, ["log.jsonl:1", "is -Infinity", "64-bit floating point"]),
        ([{**LM_EVAL[0], "resps": CHOICES}], {}, ["log.jsonl:1", "loglikelihood requests have no samples"]),
        ([TRL[0] | {"accuracy_reward": None, "solution": None}], {}, ["log.jsonl:1", "no verdict", "format_reward"]),
        (VERL, {"fields": Fields(correct="points")}, ["log.jsonl:1", "no field 'points'", "gts"]),
        (FLAT, {"where": ("modle=a",)}, ["log.jsonl", "modle is nowhere"]),
        (FLAT, {"where": ("model=z",)}, ["log.jsonl", "model is a or b or c"]),
        (FLAT, {"where": ("model",)}, ["log.jsonl", "model is a or b or c"]),
        (FLAT, {"where": ("level > 2",)}, ["log.jsonl", "level is 1 or 2"]),
        ([FLAT[0], {**FLAT[1], "id": 7}], {}, ["log.jsonl:2", "problem '7'", "log.jsonl:1", "fields.id"]),
        ([{**FLAT[0], "samples": "x"}], {}, ["log.jsonl:1", "no list under 'samples|rollouts'"]),
        ([{**FLAT[0], "samples": [3]}], {}, ["log.jsonl:1: sample 1", "int", "object"]),
        ([], {}, ["log.jsonl", "no rows"]),
        (EVALS[:2], {}, ["log.jsonl", "no graded samples"]),
    ],
)
def test_a_wrong_row_is_named_with_a_remedy(log, rows, options, words):
    with pytest.raises(InputError) as caught:
        log(rows, **options)
    said = str(caught.value)
    assert "\n" not in said
    assert [w for w in words if w not in said] == [], said


def test_files_that_are_not_there_are_named(tmp_path):
    for name in ("none.jsonl", "none.parquet", "none-*.jsonl"):
        with pytest.raises(InputError, match=r"no such|no file"):
            read_log(str(tmp_path / name), LogOptions())


def test_a_damaged_parquet_file_is_named(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"x\.parquet: cannot be read as Parquet"):
        read_log(str(tmp_path / "x.parquet"), LogOptions())


def imported(samples, key=None, *, believe=True):
    drawn = [Sample(place="here:1", body=s["text"], correct=s["correct"]) for s in samples]
    problem = Problem(id="p", question="q", answer=key or "")
    given = SampledProblem(place="here:1", problem=problem, samples=drawn)
    tree = tree_of(given, splitter="newline", grader=make_grader("exact"), believe=believe)
    return [(tree.outcomes[r.leaf].verdict, tree.outcomes[r.leaf].reason) for r in tree.backbones]


def test_verdicts_of_a_log_go_before_its_key_when_they_are_believed():
    samples = [{"text": "#### 4", "correct": False}, {"text": "#### 5", "correct": True}]
    assert imported(samples, "4") == [(Verdict.INCORRECT, AS_GIVEN), (Verdict.CORRECT, AS_GIVEN)]
    assert imported(samples, "4", believe=False) == [(Verdict.CORRECT, ""), (Verdict.INCORRECT, "")]


def test_a_log_without_verdicts_is_graded_against_its_key():
    samples = [{"text": "#### 4", "correct": None}, {"text": "#### 5", "correct": None}]
    assert imported(samples, "4") == [(Verdict.CORRECT, ""), (Verdict.INCORRECT, "")]


def test_one_odd_verdict_does_not_erase_the_others_on_its_text():
    verdicts = [True, True, None, False, True]
    found = imported([{"text": "#### 4", "correct": verdict} for verdict in verdicts], "4")
    assert found == [(Verdict.CORRECT, AS_MOST_GIVEN)] * 5
    found = imported([{"text": "#### 4", "correct": verdict} for verdict in [None, False, None]], "4")
    assert found == [(Verdict.INCORRECT, AS_GIVEN)] * 3


def test_a_missing_verdict_and_two_on_one_text_are_ungraded():
    texts = ["a", "b", "b", "c"]
    samples = [{"text": t, "correct": v} for t, v in zip(texts, [None, True, False, True], strict=True)]
    found = [verdict for verdict, _ in imported(samples, "4")]
    assert found == [Verdict.UNGRADED, Verdict.UNGRADED, Verdict.UNGRADED, Verdict.CORRECT]


KEYS = [
    {"id": "sum-1", "problem": "2+2?", "answer": "4", "level": 2, "subject": "Sums"},
    {"id": "sum-2", "problem": "1+1?", "answer": "2"},
]
CHATS = [
    {"id": 1, "answer": "4", "level": "Level 2", "messages": [*CHAT, {"role": "assistant", "content": r"\boxed{4}"}]},
    {
        "id": 2,
        "answer": "2",
        "correct": False,
        "messages": [
            *({"role": "user", "content": "9+9?"}, {"role": "assistant", "content": "18"}),
            *({"role": "user", "content": [{"type": "text", "text": "1+1?"}]}, {"role": "assistant", "content": "3"}),
        ],
    },
]
REQUESTS = [
    {"custom_id": "r0", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m", "messages": CHAT}},
    {"custom_id": "r1", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": CHAT[1:]}},
]


def choice(text, *logprobs):
    drawn = {"content": [{"token": "x", "logprob": x} for x in logprobs]} if logprobs else None
    return {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": drawn, "finish_reason": "stop"}


def answered(name, *choices, tokens=9, **more):
    body = {"model": "m", "choices": list(choices), "usage": {"completion_tokens": tokens}}
    return {"id": "b", "custom_id": name, "response": {"status_code": 200, "body": body}, "error": None, **more}


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in KEYS), encoding="utf-8")
    return str(path)


def test_a_chat_ends_in_the_sample_of_what_its_user_asks(log):
    name, problems = log(CHATS)
    assert name == "chat"
    assert problems["2+2?"] == ("1", "4", [{"text": r"\boxed{4}", "answer": None, "correct": None}])
    assert problems["9+9?\n\n1+1?"] == ("2", "2", [{"text": "3", "answer": None, "correct": False}])


def test_the_choices_of_a_batch_are_samples_of_the_problem_that_names_the_request(log, keys):
    rows = [answered("sum-1", choice("4"), choice("5")), answered("sum-2", choice(None, -0.5, -0.25), tokens=7)]
    name, problems = log(rows, keys=keys)
    assert name == "openai-batch"
    assert [(s["text"], s.get("tokens")) for s in problems["2+2?"][2]] == [("4", None), ("5", None)]
    assert problems["1+1?"] == (
        *("sum-2", "2"),
        [{"text": "", "answer": None, "correct": None, "tokens": 2, "logprob": -0.75}],
    )


def test_a_batch_is_put_together_with_its_requests(log, keys):
    failed = {"custom_id": "r9", "response": {"status_code": 500, "body": {"error": {}}}, "error": None}
    name, problems = log([*REQUESTS, answered("r1", choice("4")), failed, answered("r0", choice("5"))], keys=keys)
    given, key, samples = problems["2+2?"]
    assert (name, given, key) == ("openai-batch", "sum-1", "4")
    assert [(s["text"], s["tokens"]) for s in samples] == [("4", 9), ("5", 9)]


def test_requests_that_failed_are_counted(tmp_path, keys):
    failed = {"custom_id": "sum-2", "response": None, "error": {"message": "down"}}
    rows = [answered("sum-1", choice("4")), failed]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = read_log(str(tmp_path / "log.jsonl"), LogOptions(keys=keys))
    assert (found.empty, len(found.problems)) == (1, 1)


def test_keys_are_found_by_the_question_before_the_id(log, keys):
    rows = [{"id": "sum-2", "q": " 2+2?\n", "t": "4"}, {"id": "sum-2", "q": "Please answer: 1+1?", "t": "2"}]
    _, problems = log(rows, keys=keys, fields=Fields(id="id", problem="q", text="t"))
    assert {question: row[:2] for question, row in problems.items()} == {
        "2+2?": ("sum-1", "4"),
        "1+1?": ("sum-2", "2"),
    }


def test_a_problem_of_the_keys_keeps_its_level_and_subject(tmp_path, keys):
    (tmp_path / "log.jsonl").write_text(json.dumps({"q": "2+2?", "t": "4", "level": 9}), encoding="utf-8")
    ((_, row),) = rows_of(read_log(tmp_path / "log.jsonl", LogOptions(keys=keys, fields=Fields(problem="q", text="t"))))
    assert (row["level"], row["subject"]) == (2, "Sums")


def test_keys_need_no_questions_beside_them(log, keys):
    _, problems = log([{"name": "sum-1", "t": "4"}], keys=keys, fields=Fields(id="name", text="t"))
    assert problems["2+2?"][:2] == ("sum-1", "4")


@pytest.mark.parametrize(
    "row, fields, words",
    [
        ({"q": "5+5?", "t": "10"}, {"problem": "q"}, ["no problem with this question", "fields.id, fields.problem"]),
        ({"i": "x", "t": "10"}, {"id": "i"}, ["keys.jsonl", "the id 'x'"]),
        ({"i": "sum-1", "q": "5+5?", "t": "10"}, {"id": "i", "problem": "q"}, ["not that of problem 'sum-1'"]),
    ],
)
def test_a_row_that_fits_no_key_is_named(log, keys, row, fields, words):
    with pytest.raises(InputError, match=r"log\.jsonl:1: ") as caught:
        log([row], keys=keys, fields=Fields(text="t", **fields))
    assert [w for w in words if w not in str(caught.value)] == [], caught.value


@pytest.mark.parametrize(
    "rows, chosen, fields, expected",
    [
        (FLAT[:1], None, {}, [{"score": 0.3}, {}, {}]),
        (FLAT[:1], (), {}, [{}, {}, {}]),
        (VERL[:2], None, {}, [{}, {}]),
        (VERL[:2], ("step", "score"), {}, [{"step": 10, "score": 1.0}, {"step": 10, "score": 0.1}]),
        (
            [{"q": "?", "key": "1", "out": ["a", "b"], "rm": {"last": [0.1, 0.2]}}],
            ("rm.last",),
            {"problem": "q", "key": "key", "text": "out"},
            [{"rm.last": 0.1}, {"rm.last": 0.2}],
        ),
    ],
)
def test_scores_are_the_numbers_of_listed_samples_or_those_that_are_named(tmp_path, rows, chosen, fields, expected):
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ((_, row),) = rows_of(read_log(tmp_path / "log.jsonl", LogOptions(fields=Fields(**fields)), chosen))
    plain = {"text", "steps", "answer", "correct", "tokens", "logprob"}
    assert [{k: v for k, v in s.items() if k not in plain} for s in row["samples"]] == expected


def test_a_score_that_is_nowhere_is_named_beside_the_numbers_there_are(tmp_path):
    (tmp_path / "log.jsonl").write_text(json.dumps(VERL[0]), encoding="utf-8")
    with pytest.raises(InputError, match=r"log\.jsonl: no scores named 'rm'; numbers of its samples are: score, step"):
        read_log(str(tmp_path / "log.jsonl"), LogOptions(), ("rm",))


@pytest.mark.parametrize(
    "value, level", [(3, 3), ("Level 5", 5), ("5", 5), ("Level ?", None), ("1.5", None), ("-3", None), (True, None)]
)
def test_a_level_is_a_whole_number_or_what_a_text_ends_in(value, level):
    assert level_of(value) == level


def test_what_the_fields_take_is_no_score(tmp_path):
    rows = [{"q": "?", "key": "1", "out": [{"gen": "a", "r": 1, "pred": 7, "rm": 0.5}]}]
    fields = Fields(problem="q", key="key", samples="out", text="gen", correct="r", answer="pred")
    (tmp_path / "log.jsonl").write_text(json.dumps(rows[0]), encoding="utf-8")
    ((_, row),) = rows_of(read_log(tmp_path / "log.jsonl", LogOptions(fields=fields)))
    assert row["samples"] == [{"text": "a", "answer": "7", "correct": True, "rm": 0.5}]


def test_a_null_gives_way_to_the_next_alternative_of_the_text(log):
    _, problems = log([{**FLAT[1], "samples": [{"steps": None, "text": "3"}, {"steps": ["a"], "text": None}]}])
    assert [s.get("text") or s["steps"] for s in problems["1+1?"][2]] == ["3", ["a"]]


def test_of_several_messages_only_those_of_the_assistant_are_the_sample(log):
    said = [("assistant", "I add."), ("tool", "4"), ("assistant", r"\boxed{4}")]
    completion = [{"role": role, "content": text} for role, text in said]
    _, problems = log([{**TRL[0], "completion": completion}])
    assert problems["2+2?"][2][0]["text"] == "I add.\n\n\\boxed{4}"


def test_a_choice_without_a_message_says_nothing(log, keys):
    _, problems = log([answered("sum-1", {"index": 0, "finish_reason": "content_filter"})], keys=keys)
    assert [s["text"] for s in problems["2+2?"][2]] == [""]
