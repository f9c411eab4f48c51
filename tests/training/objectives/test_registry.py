"""The list of objectives with their options, and the laws that all of them obey."""

from dataclasses import fields
from functools import partial
from inspect import signature
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from arts.config import from_dict
from arts.errors import InputError, UsageError
from arts.training.objectives import OBJECTIVES, ObjectiveName, Options, make_objective, prm, rfm, rm, subtb, value_flow
from arts.training.objectives import settings as objective_settings

from .tables import OUTPUT, TREE, few, forest, permuted, tensor, trees

close = torch.testing.assert_close

VARIANTS = {
    **{name: spec.loss for name, spec in OBJECTIVES.items()},
    "rfm, detached": partial(rfm, detach=True, leaf_weight=0.5),
    "value_flow, trace": partial(value_flow, trace=0.5),
    "value_flow, attached": partial(value_flow, trace=0.5, detach=False),
    "value_flow, probability": partial(value_flow, space="probability"),
    "value_flow, probability, trace": partial(value_flow, space="probability", trace=0.5),
    "value_flow, probability, attached": partial(value_flow, space="probability", trace=0.5, detach=False),
    "subtb, long": partial(subtb, subtb_lambda=3.0, leaf_weight=0.5),
    "prm, cross-entropy": partial(prm, loss="cross_entropy"),
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
    if objective is rm:  # its residuals are per pair, in no promised order
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
    counted = [loss.value for loss in alone if objective is not rm or len(loss.residuals)]
    close(together.value, torch.stack(counted).mean() if counted else tensor(0.0))
    if objective is not rm:
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


@pytest.mark.parametrize("name", ["rfm", "value_flow", "value_flow, probability", "subtb"])
def test_flows_are_read_at_every_state(name):
    output = OUTPUT.clone().requires_grad_()
    VARIANTS[name](output, TREE).value.backward()
    assert output.grad.nonzero()[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_every_name_has_an_objective_and_every_option_an_owner():
    assert set(OBJECTIVES) == set(get_args(ObjectiveName))
    owned = {option for name in OBJECTIVES for option in objective_settings(name, Options())}
    assert owned == {f.name for f in fields(Options)}
    for spec in OBJECTIVES.values():
        assert [p.kind for p in signature(spec.loss).parameters.values()][:2] == [1, 1]  # output and nodes by place
        assert spec.about
    assert [name for name, spec in OBJECTIVES.items() if spec.per_step] == ["noisy_and"]
    assert [name for name, spec in OBJECTIVES.items() if spec.needs_mixed] == ["rm"]
    assert [name for name, spec in OBJECTIVES.items() if spec.needs_logprobs] == ["subtb"]


def test_settings_are_the_defaults_with_what_was_given():
    defaults = {"leaf_weight": 1, "reward_contrast": 100, "subtb_lambda": 0.9}
    assert objective_settings("subtb", Options()) == defaults
    assert objective_settings("subtb", Options(leaf_weight=0)) == {**defaults, "leaf_weight": 0}
    assert objective_settings("rfm", Options())["detach"] is False
    given_values = objective_settings("value_flow", Options(detach=False, trace=0.0, reward_contrast=2.0))
    assert given_values == {"leaf_weight": 1, "detach": False, "reward_contrast": 2, "space": "log", "trace": 0}
    assert objective_settings("orm", Options()) == {}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rm", Options(leaf_weight=1.0), "objective rm has no option leaf_weight; it has none"),
        ("prm", Options(trace=0.0), "objective prm has no option trace; it has: loss"),
        ("subtb", Options(detach=True), "no option detach; it has: leaf_weight, reward_contrast, subtb_lambda"),
        ("rfm", Options(space="log"), "no option space; it has: leaf_weight, detach, reward_contrast"),
    ],
)
def test_an_option_of_another_objective_is_refused_in_one_line(name, options, message):
    for use in (objective_settings, make_objective):
        with pytest.raises(UsageError) as refused:
            use(name, options)
        assert message in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("leaf_weight", -0.1, "use 0 or more"),
        ("leaf_weight", float("nan"), "use 0 or more"),
        ("reward_contrast", 1.0, "use more than 1"),
        ("reward_contrast", float("nan"), "use more than 1"),
        ("trace", -0.1, r"use a number in \[0, 1\]"),
        ("trace", 1.1, r"use a number in \[0, 1\]"),
        ("subtb_lambda", 0.0, "use more than 0"),
        ("subtb_lambda", float("nan"), "use more than 0"),
        *((name, float("inf"), "use a finite number") for name in ("leaf_weight", "reward_contrast", "subtb_lambda")),
        ("space", "median", "use log or probability"),
        ("loss", "median", "use squared or cross_entropy"),
    ],
)
def test_wrong_values_are_refused(option, value, wanted):
    with pytest.raises(UsageError, match=f"^{option} is {value}; {wanted}$"):
        Options(**{option: value})


@pytest.mark.parametrize("edge", [{"leaf_weight": 0.0}, {"trace": 0.0}, {"trace": 1.0}, {"subtb_lambda": 1e-9}])
def test_values_at_the_edge_are_taken(edge):
    assert Options(**edge).given() == edge


@pytest.mark.parametrize("key", ["space", "loss"])
def test_a_choice_that_does_not_exist_is_refused_when_read(key):
    with pytest.raises(InputError, match=key):
        from_dict(Options, {key: "median"})


def test_an_objective_is_made_with_its_options():
    loss, unit = make_objective("value_flow", Options(trace=1.0, leaf_weight=0.5, detach=False))
    close(loss(OUTPUT, TREE), value_flow(OUTPUT, TREE, trace=1.0, leaf_weight=0.5, detach=False))
    assert unit == "log_flow"
    loss, _ = make_objective("prm", Options(loss="cross_entropy"))
    close(loss(OUTPUT, TREE), prm(OUTPUT, TREE, loss="cross_entropy"))
    for name, spec in OBJECTIVES.items():
        close(make_objective(name, Options())[0](OUTPUT, TREE), spec.loss(OUTPUT, TREE))


def test_scores_are_in_the_unit_of_the_objective():
    units = {name: make_objective(name, Options())[1] for name in OBJECTIVES}
    assert units == {
        "rfm": "log_flow",
        "value_flow": "log_flow",
        "subtb": "log_flow",
        "prm": "probability",
        "rm": "logit",
        "orm": "probability",
        "noisy_and": "probability",
    }
    assert make_objective("value_flow", Options(space="probability"))[1] == "probability"
    assert make_objective("value_flow", Options(space="log"))[1] == "log_flow"
