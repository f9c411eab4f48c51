import copy
import json
import math
import re
from xml.etree import ElementTree

import msgspec
import pytest
from msgspec import structs

from arts.documents.words import LONGEST_TEXT, count, excerpt, number, p_value, percent, points, shown
from arts.errors import UsageError
from arts.estimate import Estimate
from arts.evaluation.optional_parts import (
    Audit,
    CountedShare,
    Disagreement,
    Example,
    Failures,
    OddKey,
    OddKeys,
    Reason,
    Speed,
    Tally,
    Ungraded,
)
from arts.evaluation.parts import Equivalence, Pair, ShownSample, VoteSubsets
from arts.evaluation.report import write_report
from arts.evaluation.report.audit import audit_section
from arts.evaluation.report.drill_down import ranked
from arts.evaluation.report.headline import best, headline, limits
from arts.evaluation.report.pieces import verdict
from arts.evaluation.report.read import read_report
from arts.evaluation.report.sections import evaluation, main_table
from arts.evaluation.results import Evaluation
from arts.problems.base import Verdict
from arts.verifiers.simple import length_verifier

from .reports import (
    BREAKOUT,
    FENCES,
    LONG,
    SCORE,
    SCRIPT,
    SUBJECTS,
    Page,
    altered,
    evaluate,
    loaded,
    markdown_rows,
    row,
    to_html,
    to_markdown,
    unescaped,
)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return evaluate(tmp_path_factory.mktemp("report"), map(row, range(8)), margin=0.5, audited=True)


@pytest.fixture(scope="module")
def html(result):
    return to_html(result)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_text_from_models_stays_text(page):
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form", "b", "i", "image"}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    for hostile in (SCRIPT, BREAKOUT, SCORE, SUBJECTS[1]):
        assert hostile in page.said


def test_control_and_direction_marks_are_made_visible(html, page):
    assert {c for c in html if not c.isprintable()} == {"\n"}
    assert r"a\u0000b\u001b[31mc\u202ed\u2066e\u200bf\u007f" in page.said


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
    data = write_report(result, tmp_path)[0].read_bytes()
    assert json.loads(data, parse_constant=pytest.fail) == loaded(result)
    assert result.write(tmp_path / "again")[0].read_bytes() == data


def test_pipes_and_newlines_do_not_break_a_markdown_table(result):
    text = to_markdown(result)
    groups = ["method", *(f"{s} (4 problems, N = 4)".replace("\n", " ") for s in sorted(SUBJECTS))]
    assert groups in markdown_rows(text)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(cells) for cells in markdown_rows(table)}) == 1


def written(estimate, sign=""):
    value, low, high = (format(100 * x, f"{sign}.1f") for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def expected_rows(result):
    for name, m in result.table.items():
        accuracies = [written(m.accuracy[k]) for k in (2, 4)]
        differences = [written(m.minus_majority, "+"), written(m.minus_random, "+")]
        yield [name, *accuracies, *differences, written(m.gap_closed)]


def test_both_forms_hold_the_numbers(result, page):
    in_markdown = markdown_rows(to_markdown(result))
    for expected in expected_rows(result):
        assert expected in in_markdown
        assert expected in page.rows
    for k, estimate in result.pass_at_k.items():
        stable = [written(by_k[k]) for by_k in result.g_pass_at_k.values()]
        assert len(stable) == 2
        assert [str(k), written(estimate), *stable] in in_markdown


def test_both_forms_name_the_best_selector_with_its_numbers(result, page):
    rivals = {name: m for name, m in result.table.items() if name.startswith(SCORE)}
    worst, best = sorted(rivals, key=lambda name: rivals[name].accuracy[4].value)
    assert rivals[worst].accuracy[4].value < rivals[best].accuracy[4].value
    for text in (unescaped(to_markdown(result)), page.said):
        assert f"{best} is the most accurate: {written(rivals[best].accuracy[4])} %" in text


@pytest.mark.parametrize(
    ("name", "label"),
    [("$\\bad$", "$\\bad$"), ("_hidden", "hidden"), ("a\x00b", "a b"), ("奖励", r"\u5956\u52b1")],
)
def test_any_name_is_in_the_tables_and_in_the_figure(result, name, label):
    text = json.dumps(loaded(result)).replace(json.dumps(SCORE)[1:-1], json.dumps(name)[1:-1])
    renamed = msgspec.convert(json.loads(text), Evaluation, str_keys=True)
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
    for example in read_report(data).drill_down.problems:
        assert [s.scores for s in example.samples] == [{}, {}, {}, {SCORE: 1.0}]


def test_two_selectors_cannot_have_one_name(tmp_path):
    with pytest.raises(UsageError, match="2 verifiers or scores are called 'length'"):
        evaluate(tmp_path, [row(0)], [length_verifier()] * 2)


def estimate(value, low, high):
    return Estimate(value=value, low=low, high=high, n=4, method="m")


def test_what_is_undefined_is_a_dash():
    assert percent(None) == percent(estimate(math.nan, math.nan, math.nan)) == "–"
    assert percent(estimate(0.5, math.nan, math.nan)) == "50.0"
    assert percent(estimate(-0.001, -0.002, 0.0), signed=True) == "-0.1 [-0.2, +0.0]"


def test_the_header_names_every_number_of_samples(result):
    header, rows = main_table(result)
    assert header[:3] == ["method", "N = 2", "N = 4"]
    assert {len(r) for r in rows} == {len(header)}


# what is said


def test_the_headline_says_whether_the_difference_holds_after_the_correction(result):
    pair = next(p for p in result.comparisons.pairs if p.method == f"{SCORE} best-of-N" and p.k == 4)

    def win(data):
        for p in data["comparisons"]["pairs"]:
            p["p_adjusted"] = 0.0499 if p["k"] == 4 else 0.9

    wins = altered(result, win)
    assert "adjusted p 0.050, its difference to majority is significant." in headline(wins)
    assert pair.p_adjusted >= 0.05
    assert f"{len(result.comparisons.pairs)} comparisons" in headline(result)
    assert "is not significant: this run does not show that they differ." in headline(result)


def test_the_headline_names_ties_and_says_where_majority_is_not_beaten(result):
    first, second = (name for name, m in result.table.items() if m.scorer == SCORE)

    def tie(data):
        for name in (first, second):
            data["methods"][name]["accuracy"]["4"]["value"] = 0.4
            data["methods"][name]["minus_majority"]["value"] = 0.0

    part = altered(result, tie)
    assert f"{first} is the most accurate (as {second})" in headline(part)
    assert "None of them is above majority." in headline(part)

    def win(data):
        data["methods"][second]["accuracy"]["4"]["value"] = 0.41
        data["methods"][second]["minus_majority"]["value"] = 0.01

    said = headline(altered(part, win))
    assert f"{second} is the most accurate: 41.0" in said and "None of them" not in said


def test_the_headline_shows_the_difference_that_was_tested(result):
    part = structs.replace(result, comparisons=structs.replace(result.comparisons, against="random"))
    pair = next(p for p in part.comparisons.pairs if p.method == best(part)[0] and p.k == 4)
    assert f"its difference to random, {percent(pair.difference, signed=True)} points, is" in headline(part)


def test_methods_that_never_differed_leave_room_for_a_difference(tmp_path):
    rows = [row(i) for i in range(30)]
    for i, r in enumerate(rows):
        r["samples"] = [{"text": f"the answer is {i % 3}", SCORE: j} for j in range(4)]
    found = evaluate(tmp_path, rows)
    assert found.table["majority"].accuracy[4].value == 1
    assert found.power.paired > 0.1 and found.power.single > 0.1


def test_samples_without_a_score_are_counted(tmp_path):
    rows = [row(i) for i in range(4)]
    del rows[0]["samples"][1][SCORE]
    rows[1]["samples"][0][SCORE] = math.nan
    found = evaluate(tmp_path, rows)
    assert found.unscored == {SCORE: 2}
    assert any("2 of 16 samples have no score by" in text for text in limits(found))


def test_without_scores_the_headline_is_what_can_be_reached(tmp_path):
    found = evaluate(tmp_path, map(row, range(4)), scores=())
    assert headline(found) == (f"pass@1 is {percent(found.pass_at_k[1])} %, pass@4 {percent(found.pass_at_k[4])} %.")
    assert not any("selected on these data" in text for text in limits(found))
    to_html(found)


def test_limits_name_the_smallest_difference_and_what_is_missing(result):
    power = structs.replace(result.power, paired=0.061, single=0.118)
    drawn = result.vote_subsets | {2: VoteSubsets(count=400, all=False)}
    changed = structs.replace(result, left_out_problems=2, ungraded_share=0.125, power=power, vote_subsets=drawn)
    said = " ".join(limits(changed))
    for text in ("difference to majority of 6.1 points or more", "chance of 80%", "difference of 11.8 points or more"):
        assert text in said
    for text in ("2 problems with too few", "12.50% of the answers", "at N = 2 (400)"):
        assert text in said
    power = structs.replace(power, paired=None, single=None)
    said = " ".join(limits(structs.replace(result, power=power)))
    assert "8 problems: too few to find any difference" in said


def test_equality_is_claimed_only_after_a_test_with_a_margin(result):
    def show(data):
        for i, pair in enumerate(data["comparisons"]["pairs"]):
            pair["equivalence"]["p_adjusted"] = 0.01 if i == 0 else 0.2

    part = altered(result, show)
    pairs = part.comparisons.pairs
    equal = f"(after Holm's correction over {len(pairs)} tests): {pairs[0].method} at N = {pairs[0].k}."
    assert f"Equal to majority within ± 50.0 points {equal}" in limits(part)
    part = structs.replace(part, comparisons=structs.replace(part.comparisons, margin=None))
    assert any("no two methods are called equal" in text for text in limits(part))


def pair(value, p, equal=None):
    test = Equivalence(margin=0.1, low=None, high=None, p=None, equivalent=False, p_adjusted=equal)
    difference = estimate(math.nan if value is None else value, math.nan, math.nan)
    return Pair(
        **{"method": "m", "k": 4, "test": "t", "wins": 0, "losses": 0, "p": None},
        difference=difference,
        p_adjusted=p,
        equivalence=None if equal is None else test,
    )


def test_a_verdict_needs_the_adjusted_p():
    assert verdict(pair(0.1, 0.01), 0.05) == "better"
    assert verdict(pair(-0.1, 0.01), 0.05) == "worse"
    assert verdict(pair(0.1, 0.05), 0.05) == "not shown"
    assert verdict(pair(0.1, 0.01, 0.01), 0.05) == "better, within the margin"
    assert verdict(pair(0.1, 0.3, 0.01), 0.05) == "equal"
    assert verdict(pair(0.1, 0.3, 0.05), 0.05) == "not shown"
    assert verdict(pair(None, None), 0.05) == "–"


def test_comparisons_at_the_largest_number_of_samples_come_first(result, page):
    start = next(i for i, cells in enumerate(page.rows) if "p, Holm" in cells)
    pairs = result.comparisons.pairs
    shown_ks = [cells[1] for cells in page.rows[start + 1 : start + 1 + len(pairs)]]
    assert shown_ks == sorted(shown_ks, key="42".index) and set(shown_ks) == {"2", "4"}
    named = {(cells[0], cells[1]): cells for cells in page.rows[start + 1 : start + 1 + len(pairs)]}
    for p in pairs:
        cells = named[p.method, str(p.k)]
        assert cells[2] == percent(p.difference, signed=True) and cells[4] == f"{p.wins} – {p.losses}"
        assert cells[6] == p_value(p.p_adjusted) and cells[7] == p.test


def test_subsets_show_label_noise_and_what_the_naive_label_would_have_said(result, page):
    rare = next(s for s in result.subsets if s.kind == "rare")
    said = page.rows
    noise = rare.label_noise
    assert ["rare", *(percent(e) for e in (noise.false, noise.missed, noise.agreement))] in said
    for name, naive in noise.naive.items():
        assert [name, percent(naive), percent(rare.methods[name])] in said


def test_both_forms_have_the_same_sections_tables_and_words(result, page):
    text = to_markdown(result)
    tables = [t for s in evaluation(result).sections for t in s.tables]
    assert len(tables) > 12
    for section in evaluation(result).sections:
        assert f"\n## {section.title}\n" in text and section.title in page.said
        for words in (*section.words, *section.findings):
            assert " ".join(shown(words).split()) in unescaped(text) and shown(words) in page.said
    for table in tables:
        assert {len(r) for r in table.rows} <= {len(table.header)}
        assert [" ".join(shown(h).split()) for h in table.header] in markdown_rows(text)
        assert [shown(h) for h in table.header] in page.rows
        for cells in table.rows:
            assert [shown(c) for c in cells] in page.rows


def test_the_contents_lead_to_every_section(html, page):
    links = [v[1:] for n, v in page.attributes if n == "href" and v.startswith("#")]
    names = re.findall(r'<section id="([a-z-]+)"', html)
    assert [x for x in links if x in names] == names and len(set(names)) == len(names) > 8
    ids = re.findall(r' id="([^"]+)"', html)
    assert {x for x in ids if ids.count(x) > 1 and not re.fullmatch(r"[mp][0-9a-f]{10}", x)} == set()


def test_the_page_is_told_to_who_does_not_see_it(html):
    for cell in re.findall(r"<t[hd]\b[^>]*>", html):
        assert cell.startswith("<td") or "scope=" in cell
    assert html.count("<caption>") == html.count("<table>") == html.count('role="region"')
    figures = re.findall(r"<svg [^>]*>", html)
    assert figures and all('role="img" aria-label="' in f for f in figures)
    assert re.findall(r'class="strip" role="img" aria-label="1 correct, 3 incorrect"', html)


def test_commands_can_be_copied_and_versions_are_named(page, html, result):
    assert [c.split(">")[1] for c in re.findall(r'class="command">[^<]*', html)] == [
        "arts sample",
        "arts evaluate &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; --n 2 4",
    ]
    assert "versions: arts" in page.said
    assert f"```\narts evaluate {SCRIPT} --n 2 4\n```" in to_markdown(result)


# single problems


def test_samples_stand_in_the_order_of_their_scores():
    blank = {"answer": None, "verdict": Verdict.CORRECT, "reason": "", "tokens": 0}
    scores = [{"v": 1.0}, {}, {"v": 2.0}]
    samples = [ShownSample(text=str(i), scores=s, **blank) for i, s in enumerate(scores)]
    assert [s.text for s in ranked(samples, "v")] == ["2", "0", "1"]
    assert [s.text for s in ranked(samples, None)] == ["0", "1", "2"]


def test_every_problem_of_the_drill_down_is_on_the_page_with_its_samples(result, html, page):
    assert html.count("<details>") == 8
    assert html.count('class="sample"') == 32
    assert "solved 1 of 4 · true rate about 34% · level 1 · a|b\nc · p0" in page.said
    scores = re.findall(r"score&lt;/b&gt; ([-\d.e]+)", html[html.index("<details>") :])
    by_problem = [list(map(float, scores[i : i + 4])) for i in range(0, 32, 4)]
    assert all(s == sorted(s, reverse=True) for s in by_problem) and by_problem[2][0] > by_problem[2][-1]


def test_markdown_shows_a_few_problems_within_fences_that_their_texts_cannot_close(tmp_path):
    found = evaluate(tmp_path, [row(i, (FENCES, SCRIPT, LONG, "honest")) for i in range(8)])
    text = to_markdown(found)
    assert text.count("\nkey: ") == 3 and len(text) < 60_000
    assert f"`````\n{FENCES}\nthe answer is 0\n`````" in text
    assert "more characters)" in text and LONG[: LONGEST_TEXT + 1] not in text + to_html(found)


# forms and files


def test_figures_are_files_that_others_can_open(result, tmp_path):
    write_report(result, tmp_path)
    names = sorted(p.name for p in (tmp_path / "figures").iterdir())
    assert names == sorted(
        f"{n}.{e}" for n in ("accuracy-tokens", "pass-at-k", "risk-coverage", "solve-rates") for e in ("svg", "png")
    )
    for path in (tmp_path / "figures").iterdir():
        if path.suffix == ".svg":
            assert ElementTree.fromstring(path.read_text(encoding="utf-8")).tag == "{http://www.w3.org/2000/svg}svg"
        else:
            assert path.read_bytes().startswith(b"\x89PNG\r\n") and b"tIME" not in path.read_bytes()
        assert b"metadata" not in path.read_bytes()
    links = re.findall(r"\]\((figures/[a-z-]+\.svg)\)", (tmp_path / "report.md").read_text(encoding="utf-8"))
    assert len(links) == 4 and all((tmp_path / link).is_file() for link in links)


def test_all_files_of_equal_results_are_equal(result, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        write_report(altered(result, lambda data: None), folder)
    files = [{p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders]
    assert files[0] == files[1] and len(files[0]) == 11


def test_what_is_undefined_does_not_stop_any_form(result, tmp_path):
    def without(x):
        if isinstance(x, dict) and {"value", "low"} <= x.keys():
            return x | {"value": None, "low": None, "high": None}
        return {k: without(v) for k, v in x.items()} if isinstance(x, dict) else x

    data = {k: without(v) for k, v in loaded(result).items()} | {"solve_rates": None, "subsets": []}
    data["comparisons"]["pairs"] = []
    write_report(msgspec.convert(data, Evaluation, str_keys=True), tmp_path)
    assert "| majority | – | – | – | – | – |" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_the_audit_is_tables_and_sentences():
    right, wrong = Verdict.CORRECT, Verdict.INCORRECT
    share = estimate(0.25, 0.1, 0.4)
    table = {a: {b: 10 * i + j for j, b in enumerate(Verdict)} for i, a in enumerate(Verdict)}
    example = Example(id="p1", key="k|1", answer=None, verdicts={"a": right, "b": wrong}, samples=2)
    both = {"judges": ("a", "b"), "samples": 9, "count": 3, "problems": 2, "share": share, "kappa": None}
    odd = OddKey(id="p2", key="{1", verdict=wrong, reason="no box")
    audit = Audit(
        problems=4,
        samples=1_200,
        without_key=1,
        without_answer=CountedShare(count=7, share=share),
        ungraded=Ungraded(count=8, share=share, reasons=[Reason(reason="slow", count=8)]),
        judges={
            "a": Tally(correct=1, incorrect=2, ungraded=3, no_verdict=4),
            "b": Tally(correct=5, incorrect=6, ungraded=7, no_verdict=8, reasons=[Reason(reason="hostile", count=7)]),
        },
        disagreements=[Disagreement(table=table, examples=[example], **both)],
        golds={"b": OddKeys(failing=[odd], only_by_spelling=[])},
        failed_rollouts=Failures(count=5, reasons=[Reason(reason="down", count=5)]),
        longest_answers=[],
        throughput={"b": Speed(start_seconds=0.25, pairs=3, pairs_per_second=1234.5, samples=4, again_per_second=None)},
    )
    section = audit_section(audit)
    assert section.findings == ["a and b differ on 3 of 9 samples: 10 are right for b alone, 1 for a alone."]
    tables = {t.title: t.rows for t in section.tables}
    assert ["samples without an answer", "7", "25.0 [10.0, 40.0]"] in tables["What was audited"]
    assert ["problems without a key, left out", "1", ""] in tables["What was audited"]
    assert tables["What each judge says"] == [["a", "1", "2", "3", "4"], ["b", "5", "6", "7", "8"]]
    assert tables["The most frequent reasons"] == [
        ["ungraded sample", "slow", "8"],
        ["ungraded by b", "hostile", "7"],
        ["failed rollout", "down", "5"],
    ]
    assert tables["Where judges differ"] == [["a, b", "9", "3", "2", "25.0 [10.0, 40.0]", "–"]]
    assert tables["Verdicts of two judges"][1] == ["a incorrect", "b", "10", "11", "12"]
    assert tables["Answers on which judges differ"] == [["p1", "k|1", "–", "a correct", "b incorrect", "2"]]
    assert tables["Keys that do not grade themselves correct"] == [["b", "4", "1", "0"]]
    assert tables["These keys"] == [["b", "not correct", "p2", "{1", "incorrect", "no box"]]
    assert tables["Speed of grading"] == [["b", "0.25", "3", "1,234", "4", "–"]]
    assert "Longest answers" not in tables
    assert all(len(row) == len(t.header) for t in section.tables for row in t.rows)


def test_short_words_for_numbers():
    assert (p_value(None), p_value(0.00099), p_value(0.001), p_value(0.0496)) == ("–", "< 0.001", "0.001", "0.050")
    assert (points(None), points(0.0612)) == ("–", "6.1")
    assert (count(1, "problem"), count(2_000, "problem")) == ("1 problem", "2,000 problems")
    assert number(estimate(-0.0001, -0.25, 0.0004)) == "0.000 [-0.250, 0.000]"
    assert excerpt("a  b\nc" * 100, 10) == "a b ca b…" and excerpt("short", 10) == "short"
