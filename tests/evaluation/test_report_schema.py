"""Reports from files: the shipped schema, today's and former reports, and what is said of files that are none."""

import copy
import gzip
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings, strategies as st

from arts.errors import InputError
from arts.evaluation.parts import About
from arts.evaluation.report import write_report
from arts.evaluation.report.read import read_report
from arts.evaluation.report.schema import FILE, schema_text
from arts.evaluation.results import Evaluation

from .reports import SCORE, SCRIPT, evaluate, loaded, row

FORMER = Path(__file__).parents[1] / "data" / "report_of_schema_2.json.gz"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    return evaluate(folder, map(row, range(6)), margin=0.1, audited=True, calibrated=True, where=("level == 1",))


@pytest.fixture(scope="module")
def result(whole):
    return loaded(whole)


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_shipped_schema_is_that_of_the_structs():
    assert FILE.read_text(encoding="utf-8") == schema_text()


def test_real_results_follow_the_schema(result, validator):
    assert {"calibration", "audit"} <= result.keys() and result["solve_rates"] is not None
    assert list(validator.iter_errors(result)) == []


def test_a_report_is_read_as_it_was_written(whole, result, tmp_path):
    write_report(whole, tmp_path)
    for path in (tmp_path, tmp_path / "report.json"):
        again = read_report(path)
        assert isinstance(again, Evaluation) and loaded(again) == result


@pytest.fixture(scope="module")
def former():
    return json.loads(gzip.decompress(FORMER.read_bytes()))


def test_a_report_of_schema_2_opens_with_all_its_numbers(former, tmp_path):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(former))
    found = loaded(read_report(file))
    for name in former.keys() - {"schema", "methods", "audit", "about"}:
        assert found[name] == former[name]
    for name, m in former["methods"].items():
        assert {k: v for k, v in found["methods"][name].items() if k in m} == {
            k: v for k, v in m.items() if k != "rule"
        }
    was, now = former["audit"], found["audit"]
    for name in was.keys() - {"judges", "disagreements", "golds"}:
        assert now[name] == was[name]
    assert now["golds"] == {g: was["golds"][g] for g in ("exact", "math")}
    assert list(now["judges"].values()) == list(was["judges"].values())
    assert [d["table"] for d in now["disagreements"]] == [d["table"] for d in was["disagreements"]]


def test_a_report_of_schema_2_says_what_decided_and_where_it_is_from(former, tmp_path):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(former))
    found = read_report(file)
    assert {n: (m.selector, m.scorer, m.aggregation) for n, m in found.table.items()} == {
        "random": ("random", None, None),
        "majority": ("majority", None, None),
        "seeds, min best-of-N": ("best_of_n", "seeds, min", "last"),
        f"{SCORE} best-of-N": ("best_of_n", SCORE, "last"),
        f"{SCORE} vote": ("flow_vote", SCORE, "last"),
        "oracle (pass@N)": ("oracle", None, None),
    }
    assert list(found.audit.judges) == ["logged", "exact", "math"]
    assert found.audit.disagreements[0].judges == ("logged", "exact")
    assert found.audit.disagreements[0].examples[0].verdicts == {"logged": "correct", "exact": "incorrect"}
    assert found.about == About(
        source_kind="samples, format flat",
        verdicts="of the math grader",
        command=f"arts evaluate {SCRIPT}",
        commands=["arts sample", "arts evaluate"],
        versions={"arts": "0.1.0"},
        seed=0,
        score_unit="logit",
        settings={"training problems": 500, "epochs": 2.0, "sampling": "temperature 1"},
    )


def test_methods_are_found_by_their_scorer(whole):
    scored = whole.methods[SCORE]
    assert scored.best_of_n == whole.table[f"{SCORE} best-of-N"].accuracy
    assert scored.flow_vote[4] is scored.by("flow_vote", "last")[4] is whole.table[f"{SCORE} vote"].accuracy[4]
    assert whole.methods["majority"].accuracy == whole.table["majority"].accuracy
    assert list(whole.methods) == ["random", "majority", SCORE, "oracle"]
    with pytest.raises(KeyError, match="no scorer or selector 'flow'; there are: random, majority"):
        whole.methods["flow"]
    with pytest.raises(KeyError, match=r"has no best_of_n \(min\); there are: best_of_n \(last\), flow_vote \(last\)"):
        scored.by("best_of_n", "min")
    with pytest.raises(AttributeError, match="'majority' has no best_of_n; there are: majority"):
        whole.methods["majority"].best_of_n  # noqa: B018


def test_an_evaluation_says_the_accuracy_of_each_method(whole):
    first, *lines = repr(whole).splitlines()
    assert first == "Evaluation of 6 problems, 4 samples each"
    assert lines == [f"  {name}: {m.accuracy[4]}" for name, m in whole.table.items()]


def places(value, path=()):
    """The way to every part of a result, of long lists to the first items."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for i in range(min(len(value), 2)):
            yield from places(value[i], (*path, i))


def given_values(x):
    """Without what is not there or null."""
    if isinstance(x, dict):
        return {k: given_values(v) for k, v in x.items() if v is not None}
    return [given_values(v) for v in x] if isinstance(x, list) else x


WRONG = [None, True, 0, -1, 2.5, 1e300, "text", [], [1], {}, {"x": 1}, "delete", "add"]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_what_breaks_the_schema_is_refused_and_nothing_else_fails(result, validator, tmp_path_factory, data):
    path = data.draw(st.sampled_from([p for p in places(result) if p]))
    wrong = data.draw(st.sampled_from(WRONG))
    broken = json.loads(json.dumps(result))
    *way, last = path
    inner = broken
    for step in way:
        inner = inner[step]
    if wrong == "delete":
        del inner[last]
    elif wrong == "add" and isinstance(inner, dict):
        inner["unheard of"] = 1
    else:
        inner[last] = wrong
    file = tmp_path_factory.mktemp("broken") / "report.json"
    file.write_text(json.dumps(broken))
    try:
        assert given_values(loaded(read_report(file))) == given_values(broken)
        assert validator.is_valid(broken)
    except InputError as error:
        assert len(str(error)) < 600


def spoil(result, path, value):
    broken = copy.deepcopy(result)
    inner = broken
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return broken


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            ("methods", "majority", "accuracy", "4", "value"),
            "x",
            "Expected `float | null`, got `str` - at `$.methods[...].accuracy[...].value`",
        ),
        (("problems",), 0, "Expected `int` >= 1 - at `$.problems`"),
        (("methods", "majority", "selector"), 1, "Expected `str`, got `int` - at `$.methods[...].selector`"),
        (("unheard",), 1, "unknown field `unheard`"),
        (("methods", "majority", "accuracy"), {}, "methods: 'majority' lacks a number of samples that ks has"),
        (("methods", "majority", "accuracy", "x"), None, "at `key` in `$.methods[...].accuracy`"),
        (("problem_table", "accuracy"), {}, "lacks a number of samples that ks has"),
        (("problem_table", "solved"), [1], "columns of different lengths: 1, 6 - at `$.problem_table`"),
        (("problem_table", "ids"), ["a"] * 6, "ids: has one id twice - at `$.problem_table`"),
        (("top_k",), 3, "top_k: is none of ks"),
        (("pass_at_k",), {}, "pass_at_k: has no 1"),
    ],
)
def test_what_is_not_whole_is_named_with_its_place(result, tmp_path, path, value, said):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(spoil(result, path, value)))
    with pytest.raises(InputError) as error:
        read_report(file)
    assert str(file) in str(error.value) and said in str(error.value) and "run arts evaluate again" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a report: no JSON"),
        ("[" * 100_000, "not a report: no JSON"),
        ('{"schema": 2, "methods": NaN}', "not a report: no JSON"),
        ('{"schema": 2, "methods": 1e999}', "not a report: no JSON"),
        ("[]", "not a report of arts evaluate"),
        ('{"schema": 1}', "not a report of arts evaluate"),
        ('{"schema": true, "methods": {}}', "not a report of arts evaluate"),
        ('{"schema": 1, "methods": {}}', "made by an older arts (schema 1); run arts evaluate again"),
        ('{"schema": 4, "methods": {}}', "made by a newer arts (schema 4, this one reads 3)"),
        ('{"schema": 3, "methods": {}}', "not a whole report: Object missing required field `problems`"),
        ('{"schema": 2, "methods": {}}', "not a whole report: 'about'"),
        ('{"schema": 2, "methods": []}', "not a whole report: 'list' object has no attribute 'items'"),
    ],
)
def test_what_is_no_report_is_said_in_a_line(tmp_path, text, said):
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        read_report(tmp_path)
    assert said in str(error.value) and str(file) in str(error.value)


def test_bytes_that_are_no_text_and_missing_files_are_no_reports(tmp_path):
    (tmp_path / "report.json").write_bytes(b"\xff\xfe\x00")
    for path, said in (
        (tmp_path, "no JSON"),
        (tmp_path / "none", "no report; give the folder"),
        (Path("/dev"), "no report"),
    ):
        with pytest.raises(InputError, match=said):
            read_report(path)
