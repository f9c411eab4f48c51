"""``arts evaluate --calibration`` on the bundled model, as a user calls it, small."""

import json

import pytest

from arts.cli import main
from arts.proposers import load
from arts.trees.rows import tree_row
from arts.trees.store import TreeStore

PROBLEMS, N, ROLLOUTS, STATES = 6, 4, 3, 2
ASKED = ("--probes.rollouts", ROLLOUTS, "--probes.states", STATES)


def call(*arguments):
    """Exit code of a command."""
    return main([str(a) for a in arguments])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("sampled") / "trees.db"
    drawn = ("--sampling.temperature", 1, "--sampling.max-tokens", 46, "--backend.device", "cpu")
    sizes = ("--limit", PROBLEMS, "--n", N, "--backend.batch-size", 8)
    assert call("sample", "--problems", "congruences:train", "--store", path, *sizes, *drawn) == 0
    return path


def calibrate(store, out, *flags, asked=ASKED):
    verifiers = ("--verifiers", "oracle", "length", "--n", 2, N)
    return call("evaluate", store, *verifiers, "--grader", "exact", "--calibration", *asked, "--out", out, *flags)


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    """The folder of a report that was not interrupted."""
    out = tmp_path_factory.mktemp("whole")
    assert calibrate(store, out) == 0
    return out


def part(out):
    return json.loads((out / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)["calibration"]


def rows(path):
    with TreeStore.open(path) as store:
        return [tree_row(p, store.tree(p.id), store.run_config().to_json()) for p in store.problems()]


def test_the_report_says_what_the_scores_are_held_against(whole):
    found = part(whole)
    reference = found["reference"]
    assert reference["kind"] == "probes"
    assert all(d["states"] <= STATES for d in reference["by_depth"].values())
    assert reference["rollouts"] == ROLLOUTS * reference["states"]
    assert set(found["scorers"]) == {"oracle", "length"}
    assert found["scorers"]["oracle"]["overall"]["states"] == reference["states"]
    assert "Held against probes" in (whole / "report.md").read_text(encoding="utf-8")
    assert "predicted and counted" in (whole / "report.html").read_text(encoding="utf-8")


def test_the_probes_are_of_the_run_that_they_probe(store, whole):
    with TreeStore.open(whole / "probes.db") as made, TreeStore.open(store) as source:
        settings = made.run_config().probes
        sampled = source.run_config().sample
        assert {k: settings[k] for k in ("model", "sampling", "splitter", "grader")} == {
            k: sampled[k] for k in ("model", "sampling", "splitter", "grader")
        }
        for tree in made.trees():
            texts = {source.tree(tree.problem_id).solution(n) for n in range(len(source.tree(tree.problem_id)))}
            for r in tree.rollouts:
                assert "".join(tree.text[n] for n in tree.path(r.leaf)[: r.pivot]) in texts
                assert r.leaf in tree.outcomes


def test_finished_probes_need_no_model_and_give_the_same_report(store, whole, monkeypatch):
    before = {p.name: p.read_bytes() for p in whole.rglob("*") if p.is_file()}
    monkeypatch.setattr(load, "load_proposer", lambda *args, **options: pytest.fail("sampled again"))
    assert calibrate(store, whole) == 0
    assert {p.name: p.read_bytes() for p in whole.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("after", [1, 7, 20])
def test_probes_that_were_interrupted_are_as_if_they_had_not_been(store, whole, tmp_path, interrupted, after):
    with interrupted(after):
        assert calibrate(store, tmp_path) == 130
    assert not (tmp_path / "report.json").exists()
    with TreeStore.open(tmp_path / "probes.db") as cut:
        assert sum(len(t.rollouts) for t in cut.trees()) == after
    assert calibrate(store, tmp_path) == 0
    assert rows(tmp_path / "probes.db") == rows(whole / "probes.db")
    assert part(tmp_path) == part(whole)


def test_more_rollouts_and_states_extend_the_probes(store, tmp_path):
    assert calibrate(store, tmp_path, asked=("--probes.rollouts", 2, "--probes.states", 1)) == 0
    few = part(tmp_path)["reference"]
    assert calibrate(store, tmp_path) == 0
    assert part(tmp_path)["reference"]["states"] > few["states"]
    assert part(tmp_path)["reference"]["least_rollouts"] == ROLLOUTS


def test_without_probes_the_rollouts_of_the_store_are_counted(store, tmp_path):
    assert calibrate(store, tmp_path, asked=("--probes.states", 0)) == 0
    assert part(tmp_path)["reference"]["kind"] == "own trees"
    assert not (tmp_path / "probes.db").exists()


@pytest.fixture
def recorded(tmp_path):
    """Flat rollouts with a score for each step, the first of which many share."""
    path = tmp_path / "rollouts.jsonl"
    samples = [
        {"text": f"{'ab'[i % 2]}\n#### {i % 4}", "prm": [0.2 + 0.5 * (i % 2), 0.1 * (i % 4)], "rm": float(i)}
        for i in range(24)
    ]
    lines = [json.dumps({"problem": f"q{k}", "answer": str(k), "samples": samples}) for k in range(4)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


FLAT = ("--grader", "exact", "--splitter", "newline", "--n", "2", "--score-unit", "probability")


def test_recorded_scores_are_held_against_the_rollouts_they_came_with(recorded, tmp_path, capsys):
    assert call("evaluate", recorded, "--calibration", *FLAT, "--out", tmp_path / "report") == 0
    found = part(tmp_path / "report")
    assert (found["reference"]["kind"], found["reference"]["states"]) == ("own trees", 8)
    assert found["reference"]["rollouts"] == 4 * 24
    prm, rm = found["scorers"]["prm"], found["scorers"]["rm"]
    assert (prm["overall"]["states"], rm["overall"]["states"]) == (8, 0)
    assert prm["overall"]["predicted"]["value"] == pytest.approx(0.45)
    assert "Held against the source's own rollouts" in capsys.readouterr().err


def test_recorded_step_scores_are_aggregated_and_those_of_whole_solutions_are_not(recorded, tmp_path):
    hows = ("--aggregations", "product", "mean", "last", "min")
    assert call("evaluate", recorded, *FLAT, *hows, "--out", tmp_path) == 0
    methods = json.loads((tmp_path / "report.json").read_text())["methods"]
    assert [m for m in methods if m.startswith(("prm", "rm"))] == [
        *("prm best-of-N, product", "prm best-of-N, mean", "prm best-of-N", "prm best-of-N, min", "rm best-of-N"),
        *("prm vote, product", "rm vote"),
    ]


def test_an_imported_store_is_not_probed(recorded, tmp_path):
    store = tmp_path / "imported.db"
    assert call("store", "import", recorded, "--out", store, *FLAT[:4]) == 0
    scores = ("--scores", "prm", "--verifiers", "length", "--grader", "exact", "--n", 2)
    assert call("evaluate", store, "--calibration", *scores, "--out", tmp_path / "report") == 0
    assert part(tmp_path / "report")["reference"]["kind"] == "own trees"
    assert part(tmp_path / "report")["scorers"]["prm"]["overall"]["states"] == 8


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--probes.rollouts", 1], ["rollouts is 1", "2 or more"]),
        (["--probes.states", -1], ["states is -1", "0 or more"]),
        (["--probes.seed", 1], ["probes.db", "seed = 0, not 1", "another --out"]),
        (["--probes.rollouts", ROLLOUTS - 1], ["probes.db", f"larger rollouts, {ROLLOUTS}", "a larger one"]),
        (["--probes.model", "./none"], ["probes.db", "model = bundled, not ./none", "another --out"]),
        (["--aggregations", "max"], ["--aggregations", "'max'", "product"]),
        (["--no-calibration"], ["--probes", "--calibration"]),
    ],
)
def test_wrong_input_is_one_line_and_changes_nothing(store, whole, capsys, flags, words):
    before = {p.name: p.read_bytes() for p in whole.rglob("*") if p.is_file()}
    assert calibrate(store, whole, *flags) == 2
    said = capsys.readouterr().err
    assert said.startswith("arts: ") and said.count("\n") == 1
    assert [w for w in words if w not in said] == [], said
    assert {p.name: p.read_bytes() for p in whole.rglob("*") if p.is_file()} == before


def test_probes_of_another_store_are_refused(store, whole, tmp_path, capsys):
    """The same settings and problems, but other solutions, as when the store has been sampled anew."""
    other = tmp_path / "other.db"
    drawn = ("--sampling.temperature", 1, "--sampling.max-tokens", 46, "--backend.device", "cpu", "--seed", 1)
    assert (
        call("sample", "--problems", "congruences:train", "--limit", PROBLEMS, "--n", N, "--store", other, *drawn) == 0
    )
    capsys.readouterr()
    before = (whole / "probes.db").read_bytes()
    assert calibrate(other, whole) == 2
    assert "holds probes of other states" in capsys.readouterr().err
    assert (whole / "probes.db").read_bytes() == before


def test_a_model_for_samples_that_are_not_probed_is_refused(recorded, tmp_path, capsys):
    out = tmp_path / "report"
    assert call("evaluate", recorded, "--calibration", *FLAT, "--probes.model", "bundled", "--out", out) == 2
    assert "rollouts.jsonl: is not probed" in capsys.readouterr().err
    assert not out.exists()


def test_a_model_that_is_gone_is_named_and_can_be_mended(store, tmp_path, capsys):
    assert calibrate(store, tmp_path, "--probes.model", "./none") == 2
    assert "./none" in capsys.readouterr().err.splitlines()[-1]
    assert calibrate(store, tmp_path) == 0
