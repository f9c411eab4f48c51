"""What README and examples/ show runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import arts

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
LISTING = re.search(
    r"^```python\n(import arts\n\nstore = .*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)[1]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    sampling = arts.Sampling(temperature=1.0, max_tokens=46)
    arts.sample("congruences:train", folder / "train.db", limit=24, n=4, sampling=sampling)
    arts.sample("congruences:test", folder / "test.db", limit=8, n=16, fork_probability=0, sampling=sampling)
    return folder


def test_the_listing_of_the_readme_runs_where_question_and_candidates_are_any_strings(stores, monkeypatch, capsys):
    monkeypatch.chdir(stores)
    names = {"question": "Why?", "candidates": ["Because.\nSo: 1", "", "\ud800 ¿\n\n"]}
    exec(LISTING, names)
    assert re.fullmatch(r"[01]\.\d{3} \[[01]\.\d{2}, [01]\.\d{2}\]\n", capsys.readouterr().out)
    assert names["scores"].shape == (3,)
    assert (stores / "report" / "report.json").is_file()


def run(*command, cwd):
    done = subprocess.run([sys.executable, *map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_uses_nothing_but_the_face_and_writes_a_report(tmp_path):
    script = EXAMPLES / "quickstart.py"
    text = script.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 20
    assert re.findall(r"^(?:import|from) (arts.*)$", text, re.MULTILINE) == ["arts"]
    said = run(script, tmp_path / "out", cwd=tmp_path)
    assert "flow best-of-N" in said and (tmp_path / "out" / "report" / "report.md").is_file()


def test_the_notebook_runs_from_top_to_bottom(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)
    where = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3", resources=where).execute()
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    assert not [o for o in outputs if o.output_type == "error"]
    assert any("Evaluation of 40 problems" in str(o) for o in outputs)
    assert (tmp_path / "runs" / "notebook" / "report" / "report.json").is_file()
