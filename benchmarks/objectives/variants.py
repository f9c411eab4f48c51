"""What is compared: every objective under both readings, and the options of it that change what is learned."""

from dataclasses import dataclass, replace

from _study import TESTBED_SHAPE

from arts.training.config import TrainConfig
from arts.verifiers.modules import Architecture, Reading

RECORDED_SHAPE = Architecture(
    backbone="smollm2-135m", mode="frozen", reading="state", max_tokens=2048, precision="bfloat16"
)
SHAPES: dict[str, dict[Reading, Architecture]] = {
    "testbed": {"state": TESTBED_SHAPE, "steps": Architecture(backbone="bundled")},
    "recorded": {
        "state": RECORDED_SHAPE,
        "steps": Architecture(backbone="smollm2-135m", precision="bfloat16"),
    },
}
"""Networks: of single states as published, and of steps by default."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of the tables."""

    name: str
    objective: str
    options: tuple[str, ...] = ()
    reading: Reading = "state"

    def training(self, seed: int) -> TrainConfig:
        """Rate, batch and passes by the rule of ``arts train``, the same for all."""
        return TrainConfig(objective=self.objective, options=self.options, seed=seed)


STATE = (
    Variant(name="rfm", objective="rfm"),
    Variant(name="value_flow", objective="value_flow"),
    Variant(name="value_flow, log", objective="value_flow", options=("space=log", "trace=0")),
    Variant(name="subtb", objective="subtb"),
    Variant(name="prm", objective="prm"),
    Variant(name="rm", objective="rm"),
    Variant(name="orm", objective="orm"),
    Variant(name="noisy_and", objective="noisy_and"),
)
STEPS = tuple(replace(v, name=f"{v.name}, steps", reading="steps") for v in STATE if v.objective != "noisy_and")
"""Without ``noisy_and``, which multiplies by itself: with steps it is ``orm``."""
VARIANTS = (*STEPS, *STATE)
