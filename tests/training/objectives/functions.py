"""The objectives as functions of output, nodes and options, as formulas are written."""

from arts.training.objectives import OBJECTIVES

PUBLISHED = {"value_flow": {"space": "log", "trace": 0.0}}
"""Where functions begin, when options are not given: one step of flow, as the formulas of the tests."""


def _function(name):
    usual = PUBLISHED.get(name, {})
    return lambda output, nodes, **options: OBJECTIVES[name](**{**usual, **options})(output, nodes)


rfm, value_flow, subtb, prm, rm, orm, noisy_and = map(
    _function, ("rfm", "value_flow", "subtb", "prm", "rm", "orm", "noisy_and")
)
