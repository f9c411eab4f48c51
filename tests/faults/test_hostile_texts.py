"""Texts from outside that would steer a terminal, a Markdown reader or a spreadsheet are shown as they are."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from arts.cli import main, terminal
from arts.problems.base import Problem, Verdict
from arts.text import cell, markdown, visible
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.trees.tree import Outcome, Step
from arts.verifiers.checkpoint import SavedVerifier, _card
from arts.verifiers.modules import Architecture

OSC = "\x1b]52;c;aGk=\x07"
CONTROLS = f"{OSC}\x1b[2J\x9b31m\x00\r\x08\x7f\u202e\u2066\u200b\U000e0041\u2028"
MARKUP = "![i](http://x.example/p.png) [l](http://x.example) `c` <b> www.x.example | *e* __s__ ~~d~~ $x$ &lt;"
FORMULA = '=HYPERLINK("http://x.example")'
EVIL = f"{CONTROLS}{MARKUP}"


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A store whose every name and text is hostile."""
    monkeypatch.chdir(tmp_path)
    run = RunConfig(proposer=f"{EVIL}\nscores: forged", sample={"model": EVIL, "grader": EVIL})
    with TreeStore.create("h.db", run) as store:
        store.add_problems([Problem(id=f"{EVIL}{i}\nx", question=EVIL, answer=EVIL, subject=EVIL) for i in range(4)])
        for tree in store.trees():
            for k in range(4):
                verdict = Verdict.CORRECT if k % 2 else Verdict.INCORRECT
                with store.growing(tree):
                    outcome = Outcome(answer=f"{EVIL}{k % 2}", verdict=verdict, reason=EVIL)
                    tree.add_rollout([Step(text=f"{EVIL}{k}\n", tokens=3, logprob=-1.0)], outcome=outcome)
            with store.growing(tree):
                tree.add_rollout(stop="error", error=f"{EVIL}\nfailed 9 times: forged")
            store.write_scores(tree.problem_id, f"={EVIL}", range(len(tree)), np.arange(len(tree)))
    return Path("h.db")


def is_plain(text):
    return {c for c in text if not c.isprintable()} <= {"\n", "\t"}


LINES = (
    "store info h.db",
    "evaluate h.db --n 2 --grader exact --verifiers length likelihood --out r",
    "score h.db length",
    "store export h.db --out set",
    "squeeze diagnose h.db g.db --out d",
)


@pytest.mark.parametrize("line", LINES)
def test_nothing_steers_the_terminal(hostile, capsys, line):
    shutil.copy("h.db", "g.db")
    with TreeStore.open("g.db", write=True) as store:
        store.set_run_config(RunConfig(proposer=EVIL))
    assert main(line.split()) == 0
    said = capsys.readouterr()
    assert is_plain(said.out + said.err)
    for path in Path().rglob("*.md"):
        assert is_plain(path.read_text(encoding="utf-8")), path


def test_lines_are_not_forged(hostile, capsys):
    assert main(["store", "info", "h.db"]) == 0
    said = capsys.readouterr().out
    assert len(re.findall("^scores:", said, re.MULTILINE)) == 1
    assert len(re.findall("^failed 9 times", said, re.MULTILINE)) == 0


def test_errors_show_no_controls_and_are_short(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_text(json.dumps({"id": EVIL + "x" * 10_000, "problem": "?", "answer": "1"}) * 2 + "\n")
    Path("b.jsonl").write_text((json.dumps({"id": EVIL + "x" * 10_000, "problem": "?", "answer": "1"}) + "\n") * 2)
    Path("c.toml").write_text(f"n = {json.dumps(EVIL + 'y' * 10_000)}\n".replace("\\ud", "\\\\ud"))
    for line in (
        ["problems", "check", "a.jsonl"],
        ["problems", "check", "b.jsonl"],
        ["sample", "--config", "c.toml"],
        [EVIL],
    ):
        assert main(line) == 2
        said = capsys.readouterr().err
        assert is_plain(said) and said.count("\n") == 1 and len(said) < 2_500


@pytest.mark.parametrize("shown", [EVIL, f"a\n{EVIL}"])
def test_drawings_by_rich_are_plain_but_for_their_own_colours(shown):
    out = io.StringIO()
    screen = terminal.console()
    assert isinstance(screen, Console)
    screen.file = out
    screen._force_terminal, screen.legacy_windows = True, False
    screen._color_system = screen._detect_color_system()
    screen.print(Text(shown, style="bold"))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert is_plain(plain) and "]52;c" in plain


# Markdown


def test_markdown_has_no_link_image_tag_code_or_cell():
    line = markdown(f"{MARKUP} [a][b] [a]: x")
    bare = re.sub(r"\\.", "", line)
    assert not re.search(r"[`<|*~$&]|\]\(|\]\[|\]:|://|www\.|(?<!\w)_|_(?!\w)", bare)
    assert re.sub(r"\\(.)", r"\1", line) == f"{MARKUP} [a][b] [a]: x"
    for start in ("# h", "> q", "- l", "+ l", "---", "===", "1. l", "12) l"):
        assert "\\" in markdown(start)
    for usual in ("57.3 [52.1, 62.4]", "best_of_n", "-1.5 [-2.0, 1.0]", "+0.3", "80 % of 1,000"):
        assert markdown(usual) == usual


def test_a_report_has_no_link_or_image_of_others(hostile, capsys):
    assert main(["evaluate", "h.db", "--n", "2", "--grader", "exact", "--verifiers", "likelihood", "--out", "r"]) == 0
    text = Path("r/report.md").read_text(encoding="utf-8")
    outside = re.sub(r"^(`{3,})\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    bare = re.sub(r"\\.", "", outside)
    assert set(re.findall(r"\]\(([^)]*)\)", bare)) <= {f"figures/{p.name}" for p in Path("r/figures").iterdir()}
    assert "<b" not in bare and "`c`" not in bare and "http://" not in bare


def test_cards_of_verifiers_are_plain():
    saved = SavedVerifier(name=EVIL, unit="logit", architecture=Architecture(backbone=EVIL), metrics={EVIL: 1.0})
    text = _card(saved, 3).partition("## Training")[0]
    assert is_plain(text) and "![i](" not in re.sub(r"`[^`]*`|\\.", "", text)


# tab-separated tables


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-1+1|x",
        "@SUM(1)",
        "＝1",
        "＠x",
        " =1",
        "\t=1",
        "\n=1",
        '"=1"',
        FORMULA,
        "-x",
        "+cmd|' /C calc'!A0",
    ],
)
def test_no_cell_is_a_formula(text):
    read = next(csv.reader([cell(text)], delimiter="\t"))
    assert len(read) == 1 and read[0][0] not in "=+-@＝＋－＠"
    assert read[0].lstrip("'") == " ".join(text.split())


@pytest.mark.parametrize("number", ["-1.5", "+0.3 [-0.1, +0.7]", "-12.0 [-20.0, -4.0]", "− 3", "–", "< 0.001"])
def test_numbers_stay_numbers(number):
    assert cell(number) == number


def test_tables_of_commands_have_as_many_cells_as_their_headers(hostile, capsys):
    assert main(["evaluate", "h.db", "--n", "2", "--grader", "exact", "--scores", f"={EVIL}", "--out", "r"]) == 0
    rows = [*csv.reader(capsys.readouterr().out.splitlines(), delimiter="\t")]
    assert len({len(row) for row in rows}) == 1
    assert all(value[:1] not in ("=", "@") for row in rows for value in row)


# characters


def test_every_control_is_spelled_out():
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    assert is_plain(visible(every))
    assert visible("\U000e0041") == r"\U000e0041"
