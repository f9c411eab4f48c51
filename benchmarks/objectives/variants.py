"""What is compared: every objective, and the options of it that change what is learned."""

from dataclasses import dataclass

from arts.training.config import TrainConfig
from arts.verifiers.modules import Architecture


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of the tables."""

    name: str
    objective: str
    options: tuple[str, ...] = ()


VARIANTS = (
    Variant(name="rfm", objective="rfm"),
    Variant(name="rfm, detached", objective="rfm", options=("detach=yes",)),
    Variant(name="value_flow, log", objective="value_flow", options=("space=log", "trace=0")),
    Variant(name="value_flow, probability", objective="value_flow", options=("trace=0",)),
    Variant(name="value_flow, probability, λ = 1", objective="value_flow"),
    Variant(name="subtb", objective="subtb"),
    Variant(name="prm", objective="prm"),
    Variant(name="prm, cross-entropy", objective="prm", options=("loss=cross_entropy",)),
    Variant(name="rm", objective="rm"),
    Variant(name="orm", objective="orm"),
    Variant(name="noisy_and", objective="noisy_and"),
)

RECORDED_SHAPE = Architecture(
    backbone="smollm2-135m", mode="frozen", reading="state", max_tokens=512, precision="bfloat16"
)


def recorded_training(variant: Variant, seed: int) -> TrainConfig:
    """A two-layer head on features; fixed beforehand, not tuned."""
    return TrainConfig(
        objective=variant.objective, options=variant.options, learning_rate=1e-3, updates=400, epochs=1000, seed=seed
    )
