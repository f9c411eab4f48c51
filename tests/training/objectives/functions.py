"""The objectives as functions of output, nodes and options, as formulas are written."""

from arts.training.objectives import OBJECTIVES


def _function(name):
    return lambda output, nodes, **options: OBJECTIVES[name](**options)(output, nodes)


rfm, value_flow, subtb, prm, rm, orm, noisy_and = map(
    _function, ("rfm", "value_flow", "subtb", "prm", "rm", "orm", "noisy_and")
)
