"""What step scores say about success: measures against other computations, and the part of the report."""

import asyncio
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from scipy.stats import binom, spearmanr

from arts.documents.data import as_json
from arts.documents.words import number
from arts.errors import UsageError
from arts.estimate import Estimate
from arts.evaluation import calibration as measures
from arts.evaluation.candidates import NodeScores
from arts.evaluation.intervals import bootstrap_observations, mean, per_problem
from arts.evaluation.report import write_report
from arts.evaluation.report.calibration import about_reference, depth_tables, overall_table
from arts.evaluation.steps import LEAST_ROLLOUTS, Reference, calibration, depth_groups, own_reference
from arts.problems.base import Problem, Verdict
from arts.problems.graders import make_grader
from arts.proposers.scripted import ScriptedProposer
from arts.sampling.fork import SparseDeepFork
from arts.sampling.grow import grow_tree
from arts.trees.tree import Outcome, Step, Tree
from arts.verifiers.simple import SimpleVerifier, length_verifier, oracle_verifier

from .samples import evaluate_trees

UNIT = st.floats(0, 1, allow_subnormal=False)
PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=30).map(np.array)
GRADER = make_grader("exact")


def each(numbers):
    """Every state of a problem of its own."""
    return np.arange(len(numbers))


def draws(states, rollouts, seed=0):
    """Success probabilities and counts."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.6, 1.2, states)
    return p, np.full(states, rollouts), rng.binomial(rollouts, p)


# measures


@given(PAIRS)
def test_the_rank_correlation_is_the_usual_one(pairs):
    x, y = pairs.T.astype(float)
    found = measures.spearman(x, y, each(x))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert math.isnan(found.value)
    else:
        assert found.value == pytest.approx(spearmanr(x, y).statistic, abs=1e-9)


@given(PAIRS, st.data())
def test_a_weight_is_a_repetition(pairs, data):
    x, y = pairs.T.astype(float)
    times = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(x), max_size=len(x))))
    again = np.repeat(np.arange(len(x)), times)
    assume(len(again) > 2 and np.ptp(x[again]) and np.ptp(y[again]))
    ranks = [measures._ranks(numbers)(times[None].astype(float))[0][again] for numbers in (x, y)]
    assert np.corrcoef(*ranks)[0, 1] == pytest.approx(spearmanr(x[again], y[again]).statistic, abs=1e-9)


@pytest.mark.parametrize("x, y", [([1, 2], [1, 2]), ([], []), ([3, 3, 3, 3], [1, 2, 3, 4]), ([1, 2, 3, 4], [0] * 4)])
def test_no_rank_correlation_of_a_constant_or_of_two(x, y):
    found = measures.spearman(np.array(x, dtype=float), np.array(y, dtype=float), each(x))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_ranks_see_infinite_scores():
    scores = np.array([-math.inf, -5.0, 0.0, math.inf])
    assert measures.spearman(scores, np.array([0.0, 0.1, 0.2, 0.3]), each(scores)).value == pytest.approx(1)


@given(st.lists(UNIT, min_size=1, max_size=200).map(np.array))
def test_bins_are_in_order_and_equal_values_share_one(values):
    found = measures.bins(values)
    assert (np.diff(found[np.argsort(values, kind="stable")]) >= 0).all()
    assert len(set(zip(values, found, strict=True))) == len(set(values))
    count = max(1, min(measures.BINS, len(values) // measures.STATES_PER_BIN))
    assert found.min() == 0 and found.max() < count
    if len(set(values)) == len(values):
        sizes = np.bincount(found, minlength=count)
        assert sizes.max() - sizes.min() <= 1


def binned_gap(values, rates):
    """The calibration error with other means."""
    found = measures.bins(values)
    parts = [(values[found == b], rates[found == b]) for b in set(found)]
    return sum(len(v) / len(values) * abs(v.mean() - r.mean()) for v, r in parts)


@given(st.lists(st.tuples(UNIT, UNIT), min_size=1, max_size=80).map(np.array))
def test_the_calibration_error_is_the_weighted_gap_of_the_bins(pairs):
    values, rates = pairs.T
    assert measures.calibration_error(values, rates, each(values)).value == pytest.approx(binned_gap(values, rates))


def test_what_is_calibrated_has_no_error_and_what_is_not_has_its_bias():
    p, graded, correct = draws(2_000, 2_000)
    problem = np.arange(2_000) // 2
    assert measures.calibration_error(p, correct / graded, problem).value < 0.005
    off = measures.calibration_error(np.minimum(p + 0.2, 1.2), correct / graded, problem)
    assert off.value == pytest.approx(0.2, abs=0.005)
    assert off.low < 0.2 < off.high
    assert abs(measures.squared_error(p, graded, correct, problem).value) < 1e-4
    assert measures.squared_error(p + 0.2, graded, correct, problem).value == pytest.approx(0.04, abs=1e-3)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("n", [2, 5, 32])
def test_the_squared_error_is_unbiased_however_few_the_rollouts(p, value, n):
    correct = np.arange(n + 1)
    rates = correct / n
    errors = (value - rates) ** 2 - measures.rate_noise(np.full(n + 1, n), correct)
    assert (binom.pmf(correct, n, p) * errors).sum() == pytest.approx((value - p) ** 2)


def test_a_single_rollout_has_no_squared_error():
    found = measures.squared_error(np.array([0.5, 0.5]), np.array([1, 1]), np.array([0, 1]), each([0, 1]))
    assert math.isnan(found.value)


def test_the_spread_is_the_error_of_the_best_constant():
    p, graded, correct = draws(3_000, 8)
    assert measures.spread(graded, correct, each(p)).value == pytest.approx(p.var(), abs=0.005)
    rates = correct / graded
    constant = np.full(len(p), rates.mean())
    error = measures.squared_error(constant, graded, correct, each(p)).value
    assert measures.spread(graded, correct, each(p)).value == pytest.approx(error)


def test_observations_of_one_problem_are_drawn_together():
    rng = np.random.default_rng(0)
    problem = np.repeat(np.arange(30), 4)
    numbers = np.repeat(rng.normal(size=30), 4)

    def weighted_mean(weights):
        return (weights * numbers).sum(axis=-1) / weights.sum(axis=-1)

    found, expected = bootstrap_observations(weighted_mean, problem), mean(numbers[::4])
    assert [found.value, found.low, found.high] == pytest.approx([expected.value, expected.low, expected.high])
    assert found.n == 30
    apart = bootstrap_observations(weighted_mean, np.arange(120))
    assert apart.high - apart.low < 0.7 * (found.high - found.low)


def test_many_observations_are_looked_at_in_parts(monkeypatch):
    numbers = np.random.default_rng(0).normal(size=(2, 40))
    whole = measures.spearman(*numbers, each(numbers[0]))
    monkeypatch.setattr("arts.evaluation.intervals.WEIGHTS_AT_ONCE", 100)
    assert measures.spearman(*numbers, each(numbers[0])) == whole


def test_sums_of_problems():
    sums = per_problem(np.array([7, 3, 7]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert sums.tolist() == [[3, 4], [6, 8]]


# residuals


def grow(question, solutions, fork=None):
    """A tree of solutions given as lists of steps; the first is correct."""
    tree = Tree(problem_id=question, question=question)
    for i, texts in enumerate(solutions):
        outcome = Outcome(answer=str(i), verdict=Verdict.INCORRECT if i else Verdict.CORRECT)
        tree.add_rollout([Step(text=t) for t in texts], outcome=outcome)
    for i, (pivot, texts) in enumerate(fork or []):
        start = tree.path(tree.rollouts[0].leaf)[pivot - 1]
        outcome = Outcome(answer="f", verdict=Verdict.INCORRECT)
        tree.add_rollout([Step(text=t) for t in texts], start=start, backbone=i, outcome=outcome)
    return tree


def test_residuals_by_hand():
    tree = grow("q", ["ab", "ab", "ac", "d"], fork=[(1, "e")])
    assert [tree.text[i] for i in range(len(tree))] == ["", "a", "b", "c", "d", "e"]
    values = np.array([0.5, 0.4, 0.9, 0.1, 0.0, 0.3])
    expected = [0.5 - 0.75 * 0.4, 0.4 - (2 * 0.9 + 0.1 + 0.3) / 4]
    found = measures.value_residual(tree, values)
    assert found[:2] == pytest.approx(expected) and np.isnan(found[2:]).all()
    flows = measures.flow_residual(tree, np.log(values + 0.1))
    assert flows[:2] == pytest.approx(np.log([0.6 / 0.6, 0.5 / 1.6])) and np.isnan(flows[2:]).all()


def test_a_missing_or_infinite_score_leaves_its_node_out():
    tree = grow("q", ["ab", "ac", "d"])
    for at, known in [(0, [False, True]), (1, [False, False]), (2, [True, False])]:
        for missing in (math.nan, math.inf):
            values = np.full(len(tree), 0.5)
            values[at] = missing
            for residual in (measures.value_residual, measures.flow_residual):
                assert (~np.isnan(residual(tree, values)))[:2].tolist() == known


def test_one_draw_says_nothing_about_conservation():
    tree = grow("q", ["abc"])
    assert np.isnan(measures.value_residual(tree, np.zeros(4))).all()


# the whole


SCRIPT = {
    f"question {i}": {
        "a\nb\n#### 1": 1.0 + i % 5,
        "a\nb\n#### 2": 2.0,
        "a\nc\n#### 2": 3.0,
        "a\nc\n#### 1": 0.4 * (i % 3),
        "d\ne\n#### 2": 1.0,
        "d\ne\n#### 1": 0.7 * (i % 7),
    }
    for i in range(40)
}


def exact_value(tree, node):
    rest = ScriptedProposer(SCRIPT).distribution(tree.state(node))
    return sum(p for t, p in rest.items() if (tree.solution(node) + t).endswith("#### 1"))


@pytest.fixture(scope="module")
def sampled():
    """Problems and trees whose success probabilities are known exactly."""
    proposer, trees = ScriptedProposer(SCRIPT), []
    for question in SCRIPT:
        method = SparseDeepFork(n=64, fork_probability=0)
        tree = asyncio.run(grow_tree(question, proposer, method, problem_id=question))
        for leaf in {rollout.leaf for rollout in tree.rollouts}:
            right = tree.solution(leaf).endswith("#### 1")
            tree.outcomes[leaf] = Outcome(answer="1", verdict=Verdict.CORRECT if right else Verdict.INCORRECT)
        trees.append(tree)
    return [Problem(id=t.problem_id, question=t.question, answer="1") for t in trees], trees


def knower(name="<b>knower</b>", unit="probability", turn=lambda p: p):
    return SimpleVerifier(name, unit, lambda t: np.array([turn(exact_value(t, n)) for n in range(len(t))]))


def constant():
    return SimpleVerifier("constant", "probability", lambda t: np.full(len(t), 0.5))


def log_flow(p):
    return math.log(0.1 + 9.9 * p)


@pytest.fixture(scope="module")
def result(sampled):
    problems, trees = sampled
    verifiers = [knower(), knower("flow", "log_flow", log_flow), constant(), length_verifier(), oracle_verifier()]
    return evaluate_trees(problems, trees, verifiers, GRADER, ks=(2, 4), reference=own_reference(trees))


def scorer(result, name):
    return result.calibration.scorers[name]


def test_the_states_are_those_with_enough_rollouts_below(sampled, result):
    _, trees = sampled
    counted = {
        (i, n): (len(rollouts), sum(t.outcomes[leaf].verdict is Verdict.CORRECT for leaf in rollouts))
        for i, t in enumerate(trees)
        for n in range(1, len(t))
        for rollouts in [[r.leaf for r in t.rollouts if n in t.path(r.leaf)]]
        if t.stop[n] is None and len(rollouts) >= LEAST_ROLLOUTS
    }
    reference = own_reference(trees)
    columns = (reference.tree, reference.node, reference.graded, reference.correct)
    assert {(t, n): (g, c) for t, n, g, c in zip(*(c.tolist() for c in columns), strict=True)} == counted
    assert len(counted) < sum(sum(stop is None for stop in t.stop) - 1 for t in trees)  # some have too few
    about = result.calibration.reference
    assert (about.kind, about.states) == ("own trees", len(counted))
    assert about.rollouts == sum(g for g, _ in counted.values())
    assert sum(d.states for d in about.by_depth.values()) == len(counted)


def test_who_knows_the_probabilities_is_calibrated(result):
    for name in ("<b>knower</b>", "flow"):
        for part in [scorer(result, name).overall, *scorer(result, name).by_depth.values()]:
            assert part.calibration_error.value < 0.05
            assert part.squared_error.value < 0.05 * part.spread.value + 0.002
            assert part.spearman.value > 0.8
        residual = scorer(result, name).residuals["value"].overall
        assert residual.mean.low < 0.01 and residual.mean.high > -0.01
        assert residual.root_mean_square.value < 0.1  # draws differ by chance


def test_the_oracle_of_the_counted_trees_is_exact(result):
    found = scorer(result, "oracle")
    assert found.overall.calibration_error.value == pytest.approx(0, abs=1e-12)
    assert found.overall.spearman.value == pytest.approx(1)
    assert found.residuals["value"].overall.root_mean_square.value == pytest.approx(0, abs=1e-12)


def test_a_constant_has_an_error_and_no_rank_correlation(result):
    found = scorer(result, "constant")
    for part in [found.overall, *found.by_depth.values()]:
        assert not part.spearman.defined
        assert part.bins == 1
        expected = abs(0.5 - part.observed.value)
        assert part.calibration_error.value == pytest.approx(expected)
    assert found.residuals["value"].overall.mean.value == pytest.approx(0)


def test_ranks_have_no_values(result):
    found = scorer(result, "length")
    assert found.overall.states > 0
    assert not found.overall.predicted.defined
    assert found.reliability == [] and found.residuals["value"].overall.nodes == 0


def test_only_flows_have_a_flow_residual(result):
    assert {n for n, s in result.calibration.scorers.items() if "flow" in s.residuals} == {"flow"}
    assert scorer(result, "flow").residuals["flow"].overall.mean.value < 0  # the children's flows add up


def test_points_of_a_reliability_line_hold_all_states(result):
    found = scorer(result, "<b>knower</b>")
    assert sum(p.states for g in found.reliability for p in g.points) == found.overall.states
    for group in found.reliability:
        x = [p.predicted for p in group.points]
        assert x == sorted(x)
        assert sum(p.states for p in group.points) == group.states


@given(st.lists(st.integers(1, 30), min_size=1, max_size=300).map(np.array))
def test_groups_are_runs_of_all_depths(depth):
    groups = depth_groups(depth)
    assert 1 <= len(groups) <= 4
    assert np.concatenate(groups).tolist() == sorted(set(depth.tolist()))


def test_states_without_a_score_are_left_out(sampled):
    _, trees = sampled
    columns = {t: np.where(np.array(t.depth) == 1, np.nan, 0.1 * np.arange(len(t))) for t in trees}
    success = {t: 1 / (1 + np.exp(-column)) for t, column in columns.items()}
    holes = NodeScores(name="v", unit="logit", stepwise=True, columns=columns, success=success)
    found = calibration([holes], trees, own_reference(trees), 0).scorers["v"]
    assert 1 not in found.by_depth and 2 in found.by_depth
    assert found.overall.states == found.by_depth[2].states


# the report


@pytest.fixture(scope="module")
def files(result, tmp_path_factory):
    return {p.suffix: p.read_text(encoding="utf-8") for p in write_report(result, tmp_path_factory.mktemp("report"))}


def test_json_has_no_nan_and_is_the_result(result, files):
    assert json.loads(files[".json"], parse_constant=pytest.fail) == json.loads(as_json(result))


def test_names_are_escaped(files):
    assert "<b>knower" not in files[".html"]
    assert "&lt;b&gt;knower&lt;/b&gt;" in files[".html"]
    assert "\\<b>knower" in files[".md"]


def test_both_forms_hold_the_tables(result, files):
    tables = [overall_table(result.calibration), *depth_tables(result.calibration)]
    assert len(tables) == 7
    for table in tables:
        assert {len(row) for row in table.rows} == {len(table.header)}
        for cell in itertools.chain(*table.rows):
            if "[" in cell:
                value, _, interval = cell.partition(" [")
                assert cell in files[".md"] and f'{value} <span class="ci">[{interval}</span>' in files[".html"]
    assert about_reference(result.calibration) in files[".md"]


def test_each_scorer_with_values_has_a_reliability_figure(result, files):
    captions = files[".html"].split("<figcaption")
    assert sum("predicted and counted" in c.partition("</figcaption>")[0] for c in captions[1:]) == 4
    assert files[".html"].count("<svg") == 2 + 1 + 4 + 2 + 1 + 1  # the last is that of confidence


def test_without_a_reference_there_is_no_such_part(sampled, tmp_path):
    problems, trees = sampled
    result = evaluate_trees(problems, trees, [constant()], GRADER, ks=(2,))
    assert result.calibration is None
    for path in write_report(result, tmp_path):
        text = path.read_text(encoding="utf-8").replace("calibration_error", "").replace("calibration error", "")
        assert "alibration" not in text


def test_nothing_to_count_is_said(tmp_path):
    tree = grow("q", ["ab", "cd"])
    problems = [Problem(id="q", question="q", answer="0")]
    result = evaluate_trees(problems, [tree], [constant()], GRADER, ks=(2,), reference=own_reference([tree]))
    assert about_reference(result.calibration).startswith("Not probed, and no inner state has 8 graded rollouts")
    write_report(result, tmp_path)


def test_probes_are_what_the_report_names():
    reference = Reference(kind="probes", **{k: np.array([1]) for k in ("tree", "node", "depth", "graded", "correct")})
    tree = grow("q", ["ab", "cd"])
    part = calibration([], [tree, tree], reference, 0)
    assert about_reference(part).startswith("Held against probes: 1 inner states of 1 problems and 1 graded")


@pytest.mark.parametrize(
    "estimate, text",
    [
        ((None, None, None), "–"),
        ((0.5, None, None), "0.500"),
        ((-0.0001, -0.25, 0.0004), "0.000 [-0.250, 0.000]"),
    ],
)
def test_numbers_are_short(estimate, text):
    value, low, high = estimate
    assert number(Estimate(value=value, low=low, high=high, n=1, method="")) == text


# aggregations


def test_every_aggregation_is_a_method_and_the_first_votes(sampled):
    problems, trees = sampled
    hows = ("product", "last", "mean", "min", "last")
    result = evaluate_trees(problems, trees, [constant(), length_verifier()], GRADER, ks=(2,), aggregations=hows)
    assert list(result.table) == [
        *("random", "majority", "constant best-of-N, product", "constant best-of-N"),
        *("constant best-of-N, mean", "constant best-of-N, min", "length best-of-N"),
        *("constant vote, product", "oracle (pass@N)"),
    ]


def test_no_aggregation_is_refused(sampled):
    with pytest.raises(UsageError, match="no aggregation"):
        evaluate_trees(*sampled, [constant()], GRADER, ks=(2,), aggregations=())
