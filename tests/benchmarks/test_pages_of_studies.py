"""What all studies share: their pages are what their kept results give, and numbers read the same everywhere."""

import json
import sys
from collections import Counter
from math import nan
from pathlib import Path

import numpy as np
import pytest
from _page import as_json, estimate, number, percent, table, write_json, write_part
from _study import arrays, keep, keep_json
from deciding import deciding_page
from frontier import frontier_page
from hypothesis import given, strategies as st
from objectives import objectives_page
from public_files import files_page
from public_pairs import pairs_page
from real_text import text_page
from search_equal_cost import search_page
from step_reader import step_page

from arts.estimate import Estimate
from squeeze import squeeze_page

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DOCS = BENCHMARKS.parent / "docs"
PAGES = [
    ("objectives", objectives_page, "objectives.md"),
    ("search_equal_cost", search_page, "search.md"),
    ("deciding", deciding_page, "recorded.md"),
    ("squeeze", squeeze_page, "squeeze.md"),
    ("step_reader", step_page, "verifiers.md"),
    ("real_text", text_page, "real-text.md"),
    ("frontier", frontier_page, "frontier.md"),
    ("public_files", files_page, "files.md"),
    ("public_pairs", pairs_page, "squeeze-diagnose.md"),
]
FINITE = st.floats(-2, 2)


@pytest.mark.parametrize(("study", "module", "page"), PAGES)
def test_a_page_and_its_figure_are_what_the_kept_results_give(study, module, page, tmp_path):
    results = json.loads((BENCHMARKS / study / "results.json").read_text(encoding="utf-8"))
    written = DOCS / page
    text = written.read_text(encoding="utf-8")
    start, end = text.index("\n\n", text.index("<!-- tables: written by")), text.index("<!-- end of tables")
    copy = tmp_path / page
    copy.write_text(f"{text[:start]}\n\nold\n{text[end:]}", encoding="utf-8")
    module.write_page(results, copy)
    assert copy.read_text(encoding="utf-8") == text
    figure = written.with_suffix(".svg")
    if study not in ("objectives", "step_reader", "real_text", "public_files"):
        assert copy.with_suffix(".svg").read_bytes() == figure.read_bytes()


def test_no_two_modules_share_a_name_nor_take_one_of_the_standard_library():
    names = Counter(path.stem for path in BENCHMARKS.rglob("*.py"))
    assert names.most_common(1)[0][1] == 1
    folders = {path.parent.name for path in BENCHMARKS.rglob("*.py")}
    assert not (names.keys() | folders) & sys.stdlib_module_names
    assert not names.keys() & folders


@given(value=FINITE, low=FINITE, high=FINITE)
def test_an_estimate_reads_the_same_from_memory_and_from_a_file(value, low, high):
    found = Estimate(value=value, low=low, high=high, n=9, method="m")
    assert estimate(as_json(found)) == found
    assert percent(as_json(found)) == percent(found) == f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
    assert number(found, signed=True) == f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def test_what_is_undefined_is_null_in_a_file_and_leaves_no_number(tmp_path):
    nothing, one = (Estimate(value=value, low=nan, high=nan, n=1, method="m") for value in (nan, 0.5))
    write_json({"a": [nothing, one], "b": np.float64(nan), "c": np.bool_(True)}, tmp_path / "r.json")
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    empty, alone = found["a"]
    assert (empty["value"], alone["value"], alone["low"], found["b"], found["c"]) == (None, 0.5, None, None, True)
    assert [percent(e) for e in (None, nothing, empty, one, alone)] == ["", "", "", "50.0", "50.0"]
    assert percent(empty, undefined="none") == "none" and not estimate(None).defined


def test_files_without_a_method_and_with_a_real_count_still_read():
    assert estimate({"value": 0.5, "low": 0.4, "high": 0.6, "n": 400.0}).n == 400


def test_only_the_part_between_the_marks_changes(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n\n", encoding="utf-8")
    write_part(page, "x.py", "one")
    page.write_text(page.read_text(encoding="utf-8") + "after\n", encoding="utf-8")
    write_part(page, "x.py", table(("a", "b"), [("1", "2")]))
    text = page.read_text(encoding="utf-8")
    assert text.startswith(
        "before\n\n<!-- tables: written by benchmarks/x.py -->\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    )
    assert text.endswith("after\n") and "one" not in text


def test_a_part_is_found_once_and_one_that_fails_leaves_no_file(tmp_path):
    path, times = tmp_path / "new" / "p.npz", []
    for _ in range(2):
        keep(path, lambda: {"a": np.arange(len(times), len(times) + 3), "b": np.array([times.append(1)] == [None])})
    assert len(times) == 1 and arrays(path)["a"].tolist() == [0, 1, 2]
    assert [keep_json(tmp_path / "j.json", lambda given=given: {"x": given}) for given in (1, 2)] == [{"x": 1}] * 2
    with pytest.raises(ZeroDivisionError):
        keep(tmp_path / "bad.npz", lambda: {"a": np.array(1 // 0)})
    assert {p.name for p in tmp_path.iterdir()} == {"new", "j.json"}
