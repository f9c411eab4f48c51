import contextlib
import io
import json
import shlex
import sys
from pathlib import Path

import pytest

from arts.cli import main

QUICK = "squeeze simulate --n 2 8 --temperature 0.8 1 --pi0 0.01 0.1 --updates 12 --runs 30"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(line):
        code = main(shlex.split(line))
        return code, *capsys.readouterr()

    return call


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_flags_and_seed_give_the_same_bytes(run, tmp_path):
    pytest.importorskip("matplotlib")
    first, second = (run(f"{QUICK} --out {name}")[:2] for name in ("a", "b"))
    assert first == second and first[0] == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert sorted(contents(tmp_path / "a")) == [
        "simulate.json",
        "squeeze-n-updates.svg",
        "squeeze-pi0-n.svg",
        "squeeze-pi0-t.svg",
        "squeeze-time.svg",
    ]
    run(f"{QUICK} --out c --seed 1")
    assert (tmp_path / "c/simulate.json").read_bytes() != (tmp_path / "a/simulate.json").read_bytes()


def test_the_table_and_the_file_say_the_same(run, tmp_path):
    _, table, said = run(QUICK)
    header, *body = [line.split("\t") for line in table.splitlines()]
    assert header == ["rule", "N", "T", "pi0 0.01", "pi0 0.1", "survives from", "seen from", "pass@1"]
    result = json.loads((tmp_path / "runs/simulate/simulate.json").read_text())
    assert "π ≤ 0.0002" in said and result["floor"] == pytest.approx(0.0002, rel=0.01)
    assert result["settings"]["runs"] == 30 and "out" not in result["settings"]
    cells = {(c["rule"], str(c["n"]), f"{c['temperature']:g}", c["pi0"]): c for c in result["cells"]}
    assert len(cells) == 2 * len(body) == 2 * 4 * 3
    for rule, n, temperature, *shares, _, _, correct in body:
        found = [cells[rule, n, temperature, pi0] for pi0 in (0.01, 0.1)]
        assert shares == [f"{100 * c['extinct']['12']['value']:.3g}" for c in found]
        assert correct == f"{found[1]['correct']:.3f}"


def test_the_diagrams_show_the_numbers_of_the_table(run, tmp_path):
    pytest.importorskip("matplotlib")
    run(f"{QUICK} --rules reward_weighted")
    result = json.loads((tmp_path / "runs/simulate/simulate.json").read_text())
    page = (tmp_path / "runs/simulate/squeeze-pi0-n.svg").read_text()
    shown = [f">{100 * c['extinct']['12']['value']:.0f}</text>" for c in result["cells"] if c["temperature"] == 1]
    assert len(shown) == 4 and all(text in page for text in shown)
    assert "reward weighted" in page


def test_without_matplotlib_the_numbers_are_there_and_one_line_names_the_extra(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "arts.squeeze.figures", raising=False)
    code, table, said = run(QUICK)
    assert code == 0 and len(table.splitlines()) == 13
    assert said.count("pip install 'arts-llm[report]'") == 1
    assert list(contents(tmp_path / "runs/simulate")) == ["simulate.json"]


@pytest.mark.parametrize(
    "flags, said",
    [
        ("--n 1 4", "n is 1"),
        ("--temperature 0", "temperature is (0.0,)"),
        ("--pi0 1.5", "pi0 is 1.5"),
        ("--pi0 0.4", "half the right mass"),
        ("--update.beta 0", "beta is 0"),
        ("--world.wrong-mass 1", "wrong_mass is 1"),
        ("--extinction.chance 0", "chance is 0"),
        ("--rules ppo", "'ppo'"),
        ("--runs 0", "runs is 0"),
        ("--update.kl inf", "kl is inf"),
        ("--update.kl 1e308", "reinforce with n 2, temperature 1 and pi0 0.01 leaves the range of numbers"),
        ("--world.reward 1e308", "leaves the range of numbers; use smaller world.reward"),
        ("--update.beta 1e-320", "leaves the range of numbers"),
    ],
)
def test_wrong_flags_are_one_line_and_nothing_is_written(run, tmp_path, flags, said):
    name, *rest = QUICK.split(" --")  # a flag with several values is given once
    quick = " --".join([name, *(part for part in rest if part.split()[0] != flags.split()[0].removeprefix("--"))])
    code, out, error = run(f"{quick} {flags}")
    assert (code, out) == (2, "")
    assert error.count("\n") == 1 and said in error
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_file_holds_every_setting(run, tmp_path):
    _, shown, _ = run(f"{QUICK} --update.kl 0.1 --dry-run")
    (tmp_path / "run.toml").write_text(shown)
    assert run("squeeze simulate --config run.toml --dry-run")[1] == shown
    assert "kl = 0.1" in shown and "wrong_paths = 10" in shown


def test_the_numbers_of_the_page_are_what_its_code_prints():
    page = Path(__file__).parents[2].joinpath("docs/squeeze-theory.md").read_text(encoding="utf-8")
    code, _, rest = page.partition("```python\n")[2].partition("```\n")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert rest.partition("```\n")[2].partition("```\n")[0] == printed.getvalue()
