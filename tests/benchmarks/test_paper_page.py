"""Every cell of docs/paper.md is traceable: its number is in the file, at the place, that its footnote names."""

import json
import re
import tomllib
from pathlib import Path

import page_paper
import pytest
from hypothesis import given, strategies as st
from paper import cost
from paper.places import Notes

from arts.estimate import Estimate
from arts.trees.splitting import split_paragraphs

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "benchmarks" / "paper"
CELL = re.compile(r"(undefined|[+-]?[\d.]+ \[[+-]?[\d.]+, [+-]?[\d.]+\])\[\^(\w+)\]")
NOTE = re.compile(r"^\[\^(\w+)\]: \[(\S+)\]\(\.\./(\S+)\) at `(/.+?)`, by `(.+)`$", re.MULTILINE)


def test_the_page_is_what_its_generator_gives():
    of = page_paper.contents()
    written = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    assert written == page_paper.page(of, Notes(sources=of["sources"])), "run: python benchmarks/page_paper.py"


def at(file, way):
    """What is in a JSON file at a way that a footnote shows."""
    value = json.loads((ROOT / file).read_text(encoding="utf-8"))
    for name in way.split("/")[1:]:
        if isinstance(value, list) and not name.isdigit():
            first, *more = name.split(";")
            wanted = dict(part.split("=") for part in ([f"name={first}"] if "=" not in first else [first]) + more)
            (value,) = [e for e in value if all(str(e[k]) == v for k, v in wanted.items())]
        else:
            value = value[int(name) if isinstance(value, list) else name]
    return value


def test_every_number_of_the_page_is_in_the_file_that_its_footnote_names():
    text = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    notes = {label: (file, way, command) for label, shown, file, way, command in NOTE.findall(text) if shown == file}
    cells = CELL.findall(text)
    assert {label for _, label in cells} == notes.keys() == set(re.findall(r"\[\^(\w+)\]", text))
    assert len(cells) > 60
    for shown, label in cells:
        file, way, command = notes[label]
        found = at(file, way)
        sign = "+" if shown[0] in "+-" else ""
        if shown == "undefined":
            assert found is None or found["value"] is None
        else:
            value, low, high = (f"{100 * found[key]:{sign}.1f}" for key in ("value", "low", "high"))
            assert shown == f"{value} [{low}, {high}]", (label, file, way)
        assert (ROOT / command.split()[1]).is_file()


def test_no_number_of_the_paper_is_lost():
    table = tomllib.loads((PAPER / "table.toml").read_text(encoding="utf-8"))
    published = sorted(row["paper"] for row in table["published"])
    overall = [57.7, 73.9, 74.7, 67.4, 73.8, 74.6, 88.6, 31.3, 52.1, 54.7, 32.2, 46.3, 47.8, 50.0]
    assert published == sorted([*overall, 8.5, 27.0, 2.7, 1.7, 1.7, 6.9])


def test_a_place_that_is_not_there_is_said(tmp_path):
    elements = [
        {"name": "x", "k": 4, "b": {"value": None, "low": None, "high": None}, "c": None},
        {"name": "x", "k": 8, "b": {"value": 1, "low": 0, "high": 2, "n": 7.0}},
    ]
    (tmp_path / "r.json").write_text(json.dumps({"a": elements}))
    sources = {"r": {"file": "r.json", "command": "make r"}, "m": {"file": "m.json", "command": "make m"}}
    notes = Notes(sources=sources, root=tmp_path)
    assert not notes.number("r/a/x;k=4/b").defined
    assert not notes.number("r/a/0/b").defined
    assert not notes.number("r/a/0/c").defined
    assert notes.number("r/a/x;k=8/b") == Estimate(value=1, low=0, high=2, n=7, method="")
    with pytest.raises(LookupError, match=r"r\.json: nothing at /a/x;k=4/d"):
        notes.number("r/a/x;k=4/d/value")
    with pytest.raises(LookupError, match="nothing at /a/x"):
        notes.number("r/a/x/b")
    with pytest.raises(FileNotFoundError, match="make m"):
        notes.absent("m/a")
    assert not notes.absent("r/a")


def test_footnotes_are_counted_by_source_and_shared():
    sources = {"a": {"file": "a.json", "command": "make a"}, "b": {"file": "b.json", "command": "make b"}}
    notes = Notes(sources=sources)
    assert [notes.mark(p) for p in ("a/x", "b/x", "a/y", "a/x")] == ["[^a1]", "[^b1]", "[^a2]", "[^a1]"]
    assert notes.footnotes().splitlines()[1] == "[^b1]: [b.json](../b.json) at `/x`, by `make b`"


def test_a_report_of_the_paper_fills_the_last_column(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps({"pass_at_k": {"1": {"value": 0.577, "low": 0.5, "high": 0.6}}}))
    source = {"g": {"file": "report.json", "command": "make it", "absent": "needs a GPU"}}
    row = {"quantity": "one sample", "paper": 57.7, "gpu": "g/pass_at_k/1"}
    full, empty = (Notes(sources=source, root=root) for root in (tmp_path, tmp_path / "nowhere"))
    last = [page_paper.quantities([row], notes).splitlines()[2] for notes in (full, empty)]
    assert last[0] == "| one sample | 57.7 | – | – | – | 57.7 [50.0, 60.0][^g1] |"
    assert last[1] == "| one sample | 57.7 | – | – | – | needs a GPU |"
    claim = {"text": "half", "published": "said", "is": "positive", "gpu": ["g/pass_at_k/1"], "gpu_is": "negative"}
    assert page_paper.verdict(claim, "gpu", full) == "contradicted"
    last = [page_paper.claims_table([claim], notes).splitlines()[2] for notes in (full, empty)]
    assert last[0].endswith("| **contradicted**: +57.7 [+50.0, +60.0][^g1] |")
    assert last[1].endswith("| – | – | needs a GPU |")
    assert page_paper.verdict(claim, "testbed", full) == page_paper.verdict(claim, "gpu", empty) == ""


@pytest.mark.parametrize(
    ("rule", "intervals", "expected"),
    [
        ("positive", [(0.001, 0.2)], "reproduced"),
        ("positive", [(-0.1, 0.2)], "undecided"),
        ("positive", [(-0.1, -0.001)], "contradicted"),
        ("negative", [(-0.1, -0.001)], "reproduced"),
        ("negative", [(0.001, 0.2)], "contradicted"),
        ("over half", [(0.51, 0.6)], "reproduced"),
        ("over half", [(0.4, 0.49)], "contradicted"),
        ("equal", [(-0.03, 0.03)], "reproduced"),
        ("equal", [(-0.031, 0.0)], "undecided"),
        ("equal", [(0.0, 0.031)], "undecided"),
        ("equal", [(0.031, 0.1)], "contradicted"),
        ("equal", [(-0.1, -0.031)], "contradicted"),
        ("apart", [(0.3, 0.4), (0.1, 0.29)], "reproduced"),
        ("apart", [(0.3, 0.4), (0.1, 0.31)], "undecided"),
        ("apart", [(0.1, 0.29), (0.3, 0.4)], "contradicted"),
    ],
)
def test_a_verdict_needs_the_whole_interval(rule, intervals, expected):
    estimates = [Estimate(value=(low + high) / 2, low=low, high=high, n=500, method="") for low, high in intervals]
    assert page_paper.RULES[rule](estimates) == expected


def test_an_undefined_number_decides_nothing(tmp_path):
    (tmp_path / "r.json").write_text('{"a": {"value": null, "low": null, "high": null}}')
    notes = Notes(sources={"r": {"file": "r.json", "command": ""}}, root=tmp_path)
    assert page_paper.verdict({"is": "positive", "testbed": ["r/a"]}, "testbed", notes) == "undecided"
    assert page_paper.cell("r/a", notes) == "undefined[^r1]"


def test_trees_cost_their_backbones_and_the_ends_of_their_forks():

    @given(length=st.floats(1, 2000), depth=st.floats(1, 30), n=st.integers(1, 64), p=st.floats(0, 1))
    def law(length, depth, n, p):
        _, tokens = cost.drawing(length, depth, n, p)
        assert tokens == pytest.approx(cost.TRAIN_PROBLEMS * n * (length + p * (depth - 1) * length / 2))

    law()


def test_the_estimate_of_cost_is_the_product_of_its_factors():
    one, training, scoring = cost.learning(1e9, 2.0, 1e6)
    operations = 4 * 1.5e9 * 1e9 * 2
    assert one[2] == f"{operations / 300e12 / 3600:.1f} GPU hours"
    assert training[2] == f"**{15 * operations / 300e12 / 3600:.0f} GPU hours**"
    assert scoring[2] == f"**{2 * 1.5e9 * 15e6 / 300e12 / 3600:.1f} GPU hours**"
    characters, paragraphs = cost.recorded()
    texts = [cost._texts(cost.RECORDED / name) for name in cost.SOLUTIONS]
    assert characters == pytest.approx(sum(sum(map(len, t)) / len(t) for t in texts) / 2)
    assert paragraphs == pytest.approx(sum(sum(len(split_paragraphs(x)) for x in t) / len(t) for t in texts) / 2)
