"""The study of selectors on recorded samples: what is learnt from what, numbers counted by hand, and a rehearsal."""

import json
from contextlib import closing

import numpy as np
import pytest
import study_deciding
from _page import as_json, write_json
from _study import keep
from deciding import deciding_page, deciding_results, files, published, scorers

from arts.evaluation.candidates import Candidates, collect, score_nodes, stored_scores
from arts.problems.base import Problem, Verdict
from arts.problems.graders import make_grader
from arts.trees.tree import Outcome, Step, Tree
from arts.verifiers.modules import Architecture, load_tokenizer


def tree(name, question, solutions):
    """A problem's tree: of each solution its steps with scores, and whether it is right."""
    made = Tree(problem_id=name, question=question)
    scores = {}
    for steps, right in solutions:
        outcome = Outcome(answer="1" if right else "2", verdict=Verdict.CORRECT if right else Verdict.INCORRECT)
        leaf = made.add_rollout([Step(text=text) for text, _ in steps], outcome=outcome).leaf
        scores |= dict(zip(made.path(leaf), (score for _, score in steps), strict=True))
    made.set_scores("s", list(scores), np.array(list(scores.values())))
    return made


def two_problems():
    """Right answers are class 0, wrong ones class 1."""
    trees = [
        tree(
            "a", "A?", [([("x\n", 0.1), ("y", 0.9)], True), ([("z", 0.5)], False), ([("w\n", 0.2), ("v", 0.3)], True)]
        ),
        tree("b", "B?", [([("x", 0.4)], True), ([("z", 0.6)], True), ([("w", 0.7)], True)]),
    ]
    problems = [Problem(id=t.problem_id, question=t.question, answer="1") for t in trees]
    return collect(problems, trees, 3, make_grader("exact"))


def problem(name, question):
    return Problem(id=name, question=question, answer="1")


def test_no_file_is_learnt_from_that_is_tested_on_and_each_is_tested_on_all_others():
    for learnt, tested in files.MIXTURES.values():
        assert not set(learnt) & set(tested)
    for name in files.FILES:
        learnt, tested = files.MIXTURES[f"all files but {name}"]
        assert {*learnt, *tested} == set(files.FILES) and tested == (name,)


def test_a_file_is_what_its_entry_says():
    with closing(make_grader("math")) as grader:
        for name, problems in (("math500-prm", 20), ("math-rm", 100), ("svamp", 40), ("gsm8k", 400), ("math-l5", 100)):
            learnt, tested = files.load(name, grader)
            about = files.FILES[name]
            assert len(tested.problems) == problems
            assert {len(t.backbones) for t in tested.trees} == {about.recorded.candidates} == {max(about.ks)}
            assert {p.id for p in tested.problems} <= {p.id for p in learnt.problems}
            if about.given:
                assert all(
                    np.isfinite(t.scores[about.given[0]][[r.leaf for r in t.backbones]]).all() for t in tested.trees
                )


def test_the_nine_problems_that_two_files_share_are_found_and_left_out():
    with closing(make_grader("math")) as grader:
        learnt, tested = (files.load(name, grader)[0] for name in ("math-l5", "math-rm"))
    shared = files.shared_with(learnt.problems, tested.problems)
    assert len(shared.exact) == 9 and shared.near == ()
    left = files.mixture([learnt], shared.exact)
    assert len(left.problems) == 91
    assert not {p.question for p in left.problems} & {p.question for p in tested.problems}


def test_problems_that_differ_in_their_numbers_only_are_near_and_not_the_same():
    shared_with = files.shared_with
    mine = [
        problem("same", "How MANY  apples do 3 friends eat in 4 days?"),
        problem("near", "How many apples do 5 friends eat in 6 days?"),
        problem("far", "How many pears are left in the basket of Tom and Ann?"),
    ]
    shared = shared_with(mine, [problem("t", "How many apples do 3 friends eat in 4 days?")])
    assert shared.exact == ("same",) and shared.near == ("near",)


def test_a_mixture_takes_the_first_free_problems_of_every_part_in_one_order():
    trees = {name: [Tree(problem_id=f"{name}{i}", question="?") for i in range(120)] for name in "ab"}
    parts = [files.Split(problems=[problem(t.problem_id, "?") for t in of], trees=of) for of in trees.values()]
    made = files.mixture(parts, {"a0", "b5"})
    ids = [p.id for p in made.problems]
    assert set(ids) == {f"a{i}" for i in range(1, 101)} | {f"b{i}" for i in range(101) if i != 5}
    assert len(ids) == 200 and ids == [t.problem_id for t in made.trees]
    assert ids == [p.id for p in files.mixture(parts, {"a0", "b5"}).problems]
    assert 30 < sum(name.startswith("a") for name in ids[:100]) < 70


def test_kept_scores_come_back_with_their_unit_and_aggregations(tmp_path):
    candidates = two_problems()
    stored = stored_scores(candidates.trees, "s", "probability")
    keep(tmp_path / "deep" / "s.npz", lambda: scorers.scored(candidates, stored))
    last, least = (scorers.selector(tmp_path / "deep" / "s.npz", "S", how) for how in ("last", "min"))
    assert last.scores.tolist() == [[0.9, 0.5, 0.3], [0.4, 0.6, 0.7]]
    assert least.scores.tolist() == [[0.1, 0.5, 0.2], [0.4, 0.6, 0.7]]
    assert (last.verifier, last.unit, last.aggregation, least.aggregation) == ("S", "probability", "last", "min")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["s.npz"]


def test_auc_is_the_share_of_right_wrong_pairs_in_order_and_needs_both():
    correct = np.array([[True, False, True, False], [True, True, True, True]])
    scores = np.array([[0.9, 0.5, 0.3, 0.3], [1.0, 2.0, 3.0, 4.0]])
    every = np.ones_like(correct)
    found = scorers.auc(correct, scores, every)
    assert found[0] == (1 + 1 + 0 + 0.5) / 4 and np.isnan(found[1])
    assert scorers.auc(correct, scores, scores < 0.9)[0] == (0 + 0.5) / 2
    assert np.isnan(scorers.auc(correct, scores, scores > 0.4)[1])
    assert scorers.auc(correct, -scores, every)[0] == 1 - found[0]


def test_a_box_is_seen_and_preferred_whatever_is_in_it():
    solutions = [([("so\n", 0.0), (r"it is \boxed{2}", 0.0)], False), ([("the answer is 1", 0.0)], True)]
    candidates = collect([problem("q", "?")], [tree("q", "?", solutions)], 2, make_grader("exact"))
    assert scorers.boxed(candidates).tolist() == [[True, False]]
    kept = scorers.scored(candidates, score_nodes(scorers.box_verifier(), candidates.trees, candidates.nodes()))
    assert kept["last"].tolist() == [[1, 0]] and str(kept["unit"]) == "rank"


def test_tokens_are_of_solutions_without_the_question_and_shared_prefixes_are_read_once():
    tokenizer = load_tokenizer("bundled")
    solutions = [([("1 + 2\n", 0.0), (" 3", 0.0)], True), ([("1 + 2\n", 0.0), (" 5 4", 0.0)], False)]
    made = tree("q", "why", solutions)
    candidates = collect([problem("q", "why")], [made], 2, make_grader("exact"))
    question, first, second = (
        len(tokenizer(text)["input_ids"]) for text in ("why\n", "why\n1 + 2\n 3", "why\n1 + 2\n 5 4")
    )
    shared = len(tokenizer("why\n1 + 2\n")["input_ids"])
    found = scorers.tokens(candidates, tokenizer, 1000)
    assert found["solution"] == (first + second) / 2 - question > 0
    assert found["read"] == first + second - shared
    cut = scorers.tokens(candidates, tokenizer, question)
    assert cut["solution"] == found["solution"] and cut["read"] >= found["read"]  # windows overlap


def synthetic(problems=60, samples=4):
    """Candidates whose answers 0 are right, at rates that differ between problems."""
    rng = np.random.default_rng(1)
    correct = rng.random((problems, samples)) < rng.beta(1, 1.5, problems)[:, None]
    return Candidates(
        problems=[],
        trees=[],
        leaves=np.zeros(correct.shape, dtype=np.int64),
        correct=correct,
        ungraded=np.zeros_like(correct),
        classes=np.where(correct, 0, 1 + rng.integers(0, 2, correct.shape)),
        left_out=0,
    )


def kept(monkeypatch, folder, candidates, seeds):
    """Scores of a file's scorers: the value flow knows, the others guess, each seed in its own way."""
    rng = np.random.default_rng(0)
    for scorer in deciding_results.scorers(folder, "gsm8k", seeds):
        for path in scorer.paths:
            guess = rng.random(candidates.correct.shape)
            known = guess + candidates.correct if scorer.name == "value_flow, log" else guess
            keep(path, lambda: {"unit": np.array("probability"), "last": known, "min": guess})  # noqa: B023 (called now)
    monkeypatch.setattr(deciding_results, "boxed", lambda c: np.arange(c.correct.size).reshape(c.correct.shape) % 2 > 0)
    return as_json(deciding_results.summarise(folder, "gsm8k", candidates, seeds))


def test_a_file_is_summarised_row_by_row(tmp_path, monkeypatch):
    candidates = synthetic()
    found = kept(monkeypatch, tmp_path, candidates, 3)
    rows = {row["name"]: row for row in found["methods"]}
    names = ["random", "majority", "length best-of-N", "length vote"]
    learnt = ["rfm best-of-N", "rfm vote", "value_flow, log best-of-N", "value_flow, log vote", "prm best-of-N"]
    assert list(rows)[:9] == [*names, *learnt]
    assert {"prm best-of-N, min", "rm best-of-N, min"} <= set(rows) and "orm best-of-N, min" not in rows
    assert list(rows)[-1] == "oracle (pass@N)"
    right = candidates.correct.sum(axis=1)
    assert rows["random"]["accuracy"]["4"]["value"] == pytest.approx(candidates.correct.mean(), abs=1e-5)
    assert rows["random"]["against_majority"] is None and rows["random"]["auc"] is None
    oracle = rows["oracle (pass@N)"]["accuracy"]["4"]["value"]
    assert oracle == pytest.approx((right > 0).mean(), abs=1e-5)
    best = rows["value_flow, log best-of-N"]
    assert (best["seeds"], best["mixture"], best["scorer"]) == (3, "all files but gsm8k", "value_flow, log")
    assert best["accuracy"]["4"]["value"] == pytest.approx(oracle) and best["gap_closed"]["value"] == pytest.approx(1)
    assert best["auc"]["value"] == best["auc_boxed"]["value"] == 1 and rows["value_flow, log vote"]["auc"] is None
    assert best["auc_boxed"]["n"] < best["auc"]["n"] == found["mixed"] and found["boxed"] == 0.5
    assert 0.4 < rows["prm best-of-N"]["auc"]["value"] < 0.6 and rows["prm best-of-N, min"]["auc"] is None
    assert (found["problems"], found["samples"], found["ks"]) == (60, 4, [2, 4])
    assert found["mixed"] == int(((right > 0) & (right < 4)).sum())


def test_differences_are_to_majority_with_all_samples_and_adjusted_over_all_rows(tmp_path, monkeypatch):
    from arts.evaluation.paired import holm
    from arts.evaluation.power import detectable_difference, problems_needed
    from arts.selection.expected import vote_at_k

    candidates = synthetic()
    found = kept(monkeypatch, tmp_path, candidates, 2)
    rows = {row["name"]: row for row in found["methods"]}
    majority = vote_at_k(candidates.correct, candidates.classes, np.ones(candidates.correct.shape), 4)
    oracle = candidates.correct.any(axis=1)
    gain = oracle - majority
    best = rows["value_flow, log best-of-N"]["against_majority"]
    assert best["difference"]["value"] == pytest.approx(gain.mean(), abs=1e-5)
    assert (best["wins"], best["losses"]) == ((gain > 0).sum(), 0)
    assert best["detectable"] == pytest.approx(detectable_difference(60, gain.std(ddof=1)), abs=1e-5)
    assert best["needed"] == problems_needed(0.05, gain.std(ddof=1))
    assert found["open"] == int((gain > 0).sum()) == found["ceiling"]["wins"]
    assert (
        found["ceiling"]["difference"]["value"] == best["difference"]["value"] and "p_adjusted" not in found["ceiling"]
    )
    tests = [row["against_majority"] for row in found["methods"] if row["against_majority"]]
    assert len(tests) == len(found["methods"]) - 3
    adjusted = holm([t["p"] for t in tests])
    assert [t["p_adjusted"] for t in tests] == pytest.approx(adjusted.tolist(), abs=2e-4)


def test_our_best_of_16_is_the_published_one_on_every_problem():
    with closing(make_grader("math")) as grader:
        _, tested = files.load("math500-prm", grader)
        candidates = collect(tested.problems, tested.trees, 16, grader)
        found = published.check_published("math500-prm", candidates, grader)
    assert found["problems"] == found["same_answer"] == 20
    assert (found["same_verdict"], found["correct"]) == (19, 14)  # one states its right answer outside a box
    assert found["correct_published"] == 13
    assert published.right_by_the_file("math500-prm") == 142
    assert published.right_by_the_file("gsm8k") is None


def test_another_choice_than_the_published_one_is_counted(monkeypatch):
    with closing(make_grader("math")) as grader:
        _, tested = files.load("math500-prm", grader)
        candidates = collect(tested.problems, tested.trees, 16, grader)
        monkeypatch.setattr(published, "best_scored", lambda scores: int(np.argmin(scores)))
        found = published.check_published("math500-prm", candidates, grader)
    assert found["same_answer"] < 15 and found["correct"] < 13 == found["correct_published"]


@pytest.mark.filterwarnings("ignore")
def test_the_whole_study_runs_with_the_bundled_model(tmp_path, monkeypatch):
    run, name = study_deciding, "all files but svamp"
    monkeypatch.setattr(run, "SHAPE", Architecture(backbone="bundled", mode="frozen", reading="state", max_tokens=64))
    monkeypatch.setattr(run, "check_published", lambda *given: {})
    for module in (run, deciding_results):
        monkeypatch.setattr(module, "LEARNED", tuple(v for v in run.LEARNED if v.name in ("value_flow, log", "prm")))
        monkeypatch.setattr(module, "MIXTURES", {name: files.MIXTURES[name]})
    size = run.Size(problems=4, updates=2, seeds=2)
    results = as_json(run.study(tmp_path / "out", tmp_path / "features", size))
    learnt = [(row["name"], row["seeds"]) for row in results["files"]["svamp"]["methods"] if row["mixture"]]
    first, second = "value_flow, log", "prm"
    names = (f"{first} best-of-N", f"{first} vote", f"{second} best-of-N", f"{second} best-of-N, min", f"{second} vote")
    assert learnt == [(n, 2) for n in names]
    assert results["mixtures"][name]["problems"] == 16
    write_json(results, tmp_path / "results.json")
    deciding_page.write_page(json.loads((tmp_path / "results.json").read_text(encoding="utf-8")), tmp_path / "page.md")
    assert f"*learnt from {name}:*" in (tmp_path / "page.md").read_text(encoding="utf-8")
    monkeypatch.setattr("_study.fit_verifier", None)  # all is kept
    assert as_json(run.study(tmp_path / "out", tmp_path / "features", size)) == results
