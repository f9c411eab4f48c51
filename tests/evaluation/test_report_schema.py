"""Reports from files: the schema against an independent validator, and what is said of files that are none."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arts.errors import InputError
from arts.evaluation.report import write_report
from arts.evaluation.report.schema import read_report, schema

from .reports import evaluate, row


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    found = evaluate(folder, map(row, range(6)), margin=0.1, audited=True, calibrated=True, where=("level == 1",))
    return json.loads(json.dumps(found))


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_real_results_follow_the_schema(result, validator):
    assert {"calibration", "audit"} <= result.keys() and result["solve_rates"] is not None
    assert list(validator.iter_errors(result)) == []


def test_a_report_is_read_as_it_was_written(result, tmp_path):
    write_report(result, tmp_path)
    assert read_report(tmp_path) == read_report(tmp_path / "report.json") == result


def places(value, path=()):
    """The way to every part of a result, of long lists to the first items."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for i in range(min(len(value), 2)):
            yield from places(value[i], (*path, i))


WRONG = [None, True, 0, -1, 2.5, 1e300, "text", [], [1], {}, {"x": 1}, "delete", "add"]


@settings(max_examples=300)
@given(data=st.data())
def test_what_breaks_the_schema_is_refused_and_nothing_else_fails(result, validator, tmp_path_factory, data):
    path = data.draw(st.sampled_from([p for p in places(result) if p and p[0] != "audit"]))
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
        assert read_report(file) == broken
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
            "methods.majority.accuracy.4.value: 'x' is not valid",
        ),
        (("problems",), 0, "problems: 0 is less than the minimum of 1"),
        (("methods", "majority", "rule"), "luck", "methods.majority.rule: 'luck' is not one of ['one sample'"),
        (("unheard",), 1, "('unheard' was unexpected)"),
        (("methods", "majority", "accuracy"), {}, "methods.majority: lacks a number of samples"),
        (("methods", "majority", "accuracy", "x"), None, "methods.majority.accuracy: 'x' does not match"),
        (("problem_table", "accuracy"), {}, "lacks a number of samples that ks has"),
        (("problem_table", "solved"), [1], "problem_table.solved: has 1 items for 6 problems"),
        (("problem_table", "ids"), ["a"] * 6, "problem_table.ids: has one id twice"),
        (("top_k",), 3, "top_k: is none of ks"),
        (("pass_at_k",), {}, "pass_at_k: has no '1'"),
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
        ('{"schema": 3, "methods": {}}', "made by a newer arts (schema 3, this one reads 2)"),
        ('{"schema": 2, "methods": {}}', "not a whole report: 'problems' is a required property"),
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
