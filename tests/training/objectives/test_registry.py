"""The list of objectives with their options, and the laws that all of them obey."""

from dataclasses import FrozenInstanceError, asdict, fields

import pytest
import torch
from hypothesis import given, settings, strategies as st

from arts.errors import UsageError
from arts.training.objectives import OBJECTIVES, make_objective
from arts.training.objectives.base import Objective
from arts.training.objectives.flow import FlowMatching, SubTrajectoryBalance, ValueFlow
from arts.training.objectives.reward import PairwiseReward, ProcessReward
from arts.verifiers.calibration import PUBLISHED_CONTRAST

from .tables import OUTPUT, TREE, few, forest, permuted, tensor, trees

close = torch.testing.assert_close

VARIANTS = {
    **{name: make_objective(name) for name in OBJECTIVES},
    "rfm, detached": FlowMatching(detach=True, leaf_weight=0.5),
    "value_flow, log": ValueFlow(space="log", trace=0),
    "value_flow, trace": ValueFlow(space="log", trace=0.5),
    "value_flow, attached": ValueFlow(space="log", trace=0.5, detach=False),
    "value_flow, probability": ValueFlow(space="probability", trace=0),
    "value_flow, probability, trace": ValueFlow(space="probability", trace=0.5),
    "value_flow, probability, attached": ValueFlow(space="probability", trace=0.5, detach=False),
    "subtb, long": SubTrajectoryBalance(subtb_lambda=3.0, leaf_weight=0.5),
    "prm, cross-entropy": ProcessReward(loss="cross_entropy"),
}
WHOLE = ["rfm", "value_flow, attached", "value_flow, probability, attached", "subtb", "subtb, long", "prm"]
WHOLE += ["prm, cross-entropy", "rm", "orm", "noisy_and"]
"""Their gradient is that of their value; the others hold their targets constant."""
every_objective = pytest.mark.parametrize("objective", VARIANTS.values(), ids=VARIANTS)


@every_objective
@few
@given(case=trees(), data=st.data())
def test_the_order_of_nodes_does_not_matter(objective, case, data):
    nodes, output = case
    order = torch.tensor(data.draw(st.permutations(range(len(output)))))
    there, here = objective(output[order], permuted(nodes, order)), objective(output, nodes)
    close(there.value, here.value)
    if isinstance(objective, PairwiseReward):  # its residuals are per pair, in no promised order
        close(there.residuals.sort().values, here.residuals.sort().values)
    else:
        close(there.residuals, here.residuals[order])


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=5)
@given(case=trees())
def test_gradients_are_those_of_finite_differences(name, case):
    nodes, output = case
    assert torch.autograd.gradcheck(lambda x: VARIANTS[name](x, nodes).value, output.requires_grad_())


@every_objective
@pytest.mark.parametrize("size", [1e3, -1e3])
def test_extreme_outputs_have_finite_gradients(objective, size):
    output = (size * torch.arange(5.0, dtype=torch.float64)).requires_grad_()
    value = objective(output, TREE).value
    value.backward()
    assert value.isfinite()
    assert output.grad.isfinite().all()


@every_objective
@few
@given(cases=st.lists(trees(), min_size=2, max_size=3))
def test_a_batch_is_the_mean_of_its_problems(objective, cases):
    tables, outputs = zip(*cases, strict=True)
    alone = [objective(output, nodes) for nodes, output in cases]
    together = objective(torch.cat(outputs), forest(*tables))
    counted = [loss.value for loss in alone if not isinstance(objective, PairwiseReward) or len(loss.residuals)]
    close(together.value, torch.stack(counted).mean() if counted else tensor(0.0))
    if not isinstance(objective, PairwiseReward):
        close(together.residuals, torch.cat([loss.residuals for loss in alone]))


@every_objective
@few
@given(case=trees())
def test_losses_are_single_numbers_of_the_output_s_type(objective, case):
    nodes, output = case
    loss = objective(output, nodes)
    assert (loss.value.shape, loss.value.dtype) == ((), output.dtype)
    assert loss.value >= 0
    assert loss.residuals.isfinite().all()


@pytest.mark.parametrize("name", ["rfm", "value_flow, log", "value_flow, probability", "subtb"])
def test_flows_are_read_at_every_state(name):
    output = OUTPUT.clone().requires_grad_()
    VARIANTS[name](output, TREE).value.backward()
    assert output.grad.nonzero()[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_every_objective_says_what_it_is_and_needs():
    for name, cls in OBJECTIVES.items():
        assert issubclass(cls, Objective)
        assert all(f.kw_only for f in fields(cls))
        assert cls.about
        objective = make_objective(name)
        assert objective == cls()
        with pytest.raises(FrozenInstanceError):
            objective.leaf_weight = 2.0
    assert [name for name, cls in OBJECTIVES.items() if cls.per_step] == ["noisy_and"]
    assert [name for name, cls in OBJECTIVES.items() if cls.needs_mixed] == ["rm"]
    assert [name for name, cls in OBJECTIVES.items() if cls.needs_logprobs] == ["subtb"]


def test_options_are_the_defaults_with_what_was_given():
    defaults = {"leaf_weight": 1, "reward_contrast": 100, "subtb_lambda": 0.9}
    assert asdict(make_objective("subtb")) == defaults
    assert asdict(make_objective("subtb", ["leaf_weight=0"])) == {**defaults, "leaf_weight": 0}
    assert make_objective("rfm").detach is False
    given_values = asdict(make_objective("value_flow", ["detach=no", "trace=0", "reward_contrast=2"]))
    assert given_values == {
        "leaf_weight": 1,
        "per": "node",
        "detach": False,
        "reward_contrast": 2,
        "space": "probability",
        "trace": 0,
    }
    assert asdict(make_objective("orm")) == {}
    assert make_objective("orm").reward_contrast == make_objective("rfm").reward_contrast == PUBLISHED_CONTRAST


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("rm", "leaf_weight=1", "objective rm has no setting 'leaf_weight'; it has: none"),
        ("prm", "trace=0", "objective prm has no setting 'trace'; it has: loss"),
        ("subtb", "detach=yes", "no setting 'detach'; it has: leaf_weight, reward_contrast, subtb_lambda"),
        ("rfm", "space=log", "no setting 'space'; it has: leaf_weight, reward_contrast, per, detach"),
        ("rfm", "detach", "'detach' is not NAME=VALUE"),
        ("rfm", "detach=perhaps", "objective rfm: detach: expected bool, got 'perhaps'"),
        ("rfm", "leaf_weight=heavy", "leaf_weight: expected float, got 'heavy'"),
        ("rfm", "leaf_weight=inf", "leaf_weight: expected float, got 'inf'"),
        ("value_flow", "space=median", "space: expected one of ['log', 'probability'], got 'median'"),
        ("prm", "loss=median", "loss: expected one of ['squared', 'cross_entropy'], got 'median'"),
        ("value_flow", "trace=2", "trace is 2.0; use a number in [0, 1]"),
        ("value_flwo", "trace=0", "no objective 'value_flwo'; did you mean 'value_flow'? there are: rfm, value_flow"),
        ("math:pi", "trace=0", "objective math:pi: not a subclass of arts.training.objectives.base:Objective"),
    ],
)
def test_what_an_objective_does_not_have_is_refused_in_one_line(name, option, message):
    with pytest.raises(UsageError) as refused:
        make_objective(name, [option])
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("cls", "option", "value", "wanted"),
    [
        (FlowMatching, "leaf_weight", -0.1, "use 0 or more"),
        (FlowMatching, "leaf_weight", float("nan"), "use 0 or more"),
        (ValueFlow, "reward_contrast", 1.0, "use more than 1"),
        (ValueFlow, "reward_contrast", float("nan"), "use more than 1"),
        (ValueFlow, "trace", -0.1, r"use a number in \[0, 1\]"),
        (ValueFlow, "trace", 1.1, r"use a number in \[0, 1\]"),
        (SubTrajectoryBalance, "subtb_lambda", 0.0, "use more than 0"),
        (SubTrajectoryBalance, "subtb_lambda", float("nan"), "use more than 0"),
        *(
            (SubTrajectoryBalance, name, float("inf"), "use a finite number")
            for name in ("leaf_weight", "reward_contrast", "subtb_lambda")
        ),
        (ValueFlow, "space", "median", "use log or probability"),
        (ProcessReward, "loss", "median", "use squared or cross_entropy"),
    ],
)
def test_wrong_values_are_refused(cls, option, value, wanted):
    with pytest.raises(UsageError, match=f"^{option} is {value}; {wanted}$"):
        cls(**{option: value})


@pytest.mark.parametrize(
    ("cls", "edge"),
    [
        (FlowMatching, {"leaf_weight": 0.0}),
        (ValueFlow, {"trace": 0.0}),
        (ValueFlow, {"trace": 1.0}),
        (SubTrajectoryBalance, {"subtb_lambda": 1e-9}),
    ],
)
def test_values_at_the_edge_are_taken(cls, edge):
    assert edge.items() <= asdict(cls(**edge)).items()


def test_scores_are_in_the_unit_of_the_objective():
    assert {name: make_objective(name).unit for name in OBJECTIVES} == {
        "rfm": "log_flow",
        "value_flow": "probability",
        "subtb": "log_flow",
        "prm": "probability",
        "rm": "logit",
        "orm": "probability",
        "noisy_and": "probability",
    }
    assert make_objective("value_flow", ["space=probability"]).unit == "probability"
    assert make_objective("value_flow", ["space=log"]).unit == "log_flow"
