import copy
import json
import math
import re
from html.parser import HTMLParser

import pytest

from arts.errors import UsageError
from arts.evaluation.evaluate import evaluate_trees
from arts.evaluation.report import write_report
from arts.evaluation.report.html import to_html
from arts.evaluation.report.markdown import LONGEST_TEXT, main_table, percent, shown, to_markdown
from arts.problems.graders import make_grader
from arts.trees.flat import import_flat
from arts.verifiers.simple import length_verifier

SCRIPT = "<script>alert('x')</script>"
BREAKOUT = "</pre></details></body>\"'><img src=x onerror=alert(1)>&lt;b&gt;"
CONTROLS = "a\x00b\x1bc\u202ed\u2066e\u200bf\x7f"
SUBJECTS = ("a|b\nc", "plain & <i>simple</i>")
SCORE = "rm|<b>score</b>"


def row(index):
    texts = zip([SCRIPT, BREAKOUT, CONTROLS, "honest"], (0, 1, 1, 2), strict=True)
    samples = [{"text": f"{t}\nthe answer is {a}", SCORE: index - 0.3 * (a == 1)} for t, a in texts]
    return {
        "problem": f"{SCRIPT} {index}",
        "answer": str(index % 3),
        "subject": SUBJECTS[index % 2],
        "samples": samples,
    }


def evaluate(folder, rows, verifiers=()):
    path = folder / "rollouts.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    grader = make_grader("exact")
    problems, trees = import_flat(path, splitter="newline", grader=grader)
    about = {"command": f"arts evaluate {SCRIPT}", "seed": 0}
    return evaluate_trees(problems, trees, verifiers, grader, ks=(2, 4), scores=[(SCORE, "logit")], about=about)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return evaluate(tmp_path_factory.mktemp("report"), map(row, range(8)))


class Page(HTMLParser):
    """What a browser would see: tags, attributes, running text, and the text of each table row."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.rows = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        self.text.append(data)
        if self.rows and self.rows[-1] and self.lasttag in ("td", "th"):
            self.rows[-1][-1] += data.strip("\n")

    @property
    def said(self):
        return "".join(self.text)


@pytest.fixture(scope="module")
def html(result):
    return to_html(result)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def markdown_rows(text):
    lines = [line for line in text.split("\n") if line.startswith("| ")]
    return [[unescaped(c.strip()) for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def unescaped(text):
    return re.sub(r"\\(.)", r"\1", text)


def test_text_from_models_stays_text(page):
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form", "b", "i"}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    for hostile in (SCRIPT, BREAKOUT, SCORE, SUBJECTS[1]):
        assert hostile in page.said


def test_control_and_direction_marks_are_made_visible(html, page):
    assert {c for c in html if not c.isprintable()} == {"\n"}
    assert r"a\u0000b\u001bc\u202ed\u2066e\u200bf\u007f" in page.said


def test_long_texts_are_cut_and_say_so():
    assert shown("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    assert shown("x" * (LONGEST_TEXT + 1_000)) == "x" * LONGEST_TEXT + " … (1,000 more characters)"


def test_the_page_loads_nothing(html, page):
    loaded = [v for n, v in page.attributes if n in ("src", "href", "xlink:href", "srcset", "action", "poster", "data")]
    assert loaded  # the figures refer to their own parts
    assert [v for v in loaded if not v.startswith("#")] == []
    assert re.findall(r"url\((?!#)|@import", html) == []
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_equal_results_give_equal_bytes(result, tmp_path):
    first = write_report(result, tmp_path / "a")
    again = write_report(copy.deepcopy(result), tmp_path / "b" / "c")
    assert [p.name for p in first] == ["report.json", "report.md", "report.html"]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]


def test_the_json_is_the_result(result, tmp_path):
    assert json.loads(write_report(result, tmp_path)[0].read_text(encoding="utf-8")) == result


def test_pipes_and_newlines_do_not_break_a_markdown_table(result):
    text = to_markdown(result)
    groups = ["method", *(s.replace("\n", " ") for s in sorted(SUBJECTS))]
    assert groups in markdown_rows(text)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(cells) for cells in markdown_rows(table)}) == 1


def number(estimate, sign=""):
    value, low, high = (format(100 * estimate[k], f"{sign}.1f") for k in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def expected_rows(result):
    for name, m in result["methods"].items():
        accuracies = [number(m["accuracy"][k]) for k in ("2", "4")]
        differences = [number(m["minus_majority"], "+"), number(m["minus_random"], "+")]
        yield [name, *accuracies, *differences, number(m["gap_closed"])]


def test_both_forms_hold_the_numbers(result, page):
    in_markdown = markdown_rows(to_markdown(result))
    for expected in expected_rows(result):
        assert expected in in_markdown
        assert expected in page.rows
    for k, estimate in result["pass_at_k"].items():
        assert [k, number(estimate)] in in_markdown


def test_both_forms_name_the_best_selector_with_its_numbers(result, page):
    rivals = {name: m for name, m in result["methods"].items() if name.startswith(SCORE)}
    worst, best = sorted(rivals, key=lambda name: rivals[name]["accuracy"]["4"]["value"])
    assert rivals[worst]["accuracy"]["4"]["value"] < rivals[best]["accuracy"]["4"]["value"]
    for text in (unescaped(to_markdown(result)), page.said):
        assert f"{best} is the most accurate: {number(rivals[best]['accuracy']['4'])} %" in text


@pytest.mark.parametrize(
    ("name", "label"),
    [("$\\bad$", "$\\bad$"), ("_hidden", "hidden"), ("a\x00b", "a b"), ("奖励", r"\u5956\u52b1")],
)
def test_any_name_is_in_the_tables_and_in_the_figure(result, name, label):
    renamed = json.loads(json.dumps(result).replace(SCORE, json.dumps(name)[1:-1]))
    html = to_html(renamed)
    for rows in (Page(html).rows, markdown_rows(to_markdown(renamed))):
        assert f"{shown(name)} best-of-N" in [cells[0] for cells in rows]
    figure = html[html.index("<svg") : html.index("</svg>")]
    assert f"{label} best-of-N" in Page(figure).said


def test_scores_without_end_are_decided_by_and_not_written(tmp_path):
    rows = [row(i) for i in range(4)]
    for r in rows:
        for sample, score in zip(r["samples"], [math.inf, -math.inf, math.nan, 1.0], strict=True):
            sample[SCORE] = score
    data, *_ = write_report(evaluate(tmp_path, rows), tmp_path)
    for example in json.loads(data.read_text(encoding="utf-8"))["examples"]:
        assert [s["scores"] for s in example["samples"]] == [{}, {}, {}, {SCORE: 1.0}]


def test_two_selectors_cannot_have_one_name(tmp_path):
    with pytest.raises(UsageError, match="2 verifiers or scores are called 'length'"):
        evaluate(tmp_path, [row(0)], [length_verifier()] * 2)


def test_what_is_undefined_is_a_dash():
    assert percent({"value": None, "low": None, "high": None}) == "–"
    assert percent({"value": 0.5, "low": None, "high": None}) == "50.0"
    assert percent({"value": -0.001, "low": -0.002, "high": 0.0}, signed=True, interval=False) == "-0.1"


def test_the_header_names_every_number_of_samples(result):
    header, rows = main_table(result)
    assert header[:3] == ["method", "N = 2", "N = 4"]
    assert {len(r) for r in rows} == {len(header)}
