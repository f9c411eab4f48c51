"""The catalogue of known problem sets, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

CLEAN = "-clean"
"""Ends the name of a split without the problems that :mod:`arts.problems.fetch` has marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split: what the Hub calls it, and how many rows it has.

    ``rows`` begins with the published number; others are those of copies that were cleaned by the rules of
    :mod:`arts.problems.fetch`.
    """

    hub: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemSet:
    """A public set on the Hugging Face Hub, and what usually goes with it.

    The last split is the one that a name alone means. ``key_mark``: when not empty, the answer key is what follows its
    last occurrence in the answer field, and the whole field is the solution. ``apart_from`` names another set that was
    drawn from this one: its problems are left out when this one is fetched, and what is close to them is marked.
    """

    hub_id: str
    splits: Mapping[str, Split]
    config: str | None = None
    key_mark: str = ""
    apart_from: str = ""
    grader: str = "math"
    splitter: Literal["newline", "paragraph", "numbered", "gsm8k"] = "paragraph"
    licence: str = "MIT"
    about: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all splits, the clean ones included."""
        clean = [f"{name}{CLEAN}" for name in self.splits] if self.apart_from else []
        return (*clean, *self.splits)


SETS: dict[str, ProblemSet] = {
    "math500": ProblemSet(
        hub_id="HuggingFaceH4/MATH-500",
        splits={"test": Split(hub="test", rows=(500,))},
        about="500 problems of the MATH test set (the split of PRM800K)",
    ),
    "math": ProblemSet(
        hub_id="DigitalLearningGmbH/MATH-lighteval",
        splits={
            "train": Split(hub="train", rows=(7_500, 7_496)),
            "test": Split(hub="test", rows=(5_000, 4_500, 4_498)),
        },
        apart_from="math500",
        about="competition problems of levels 1 to 5, without MATH-500",
    ),
    "gsm8k": ProblemSet(
        hub_id="openai/gsm8k",
        config="main",
        splits={"train": Split(hub="train", rows=(7_473,)), "test": Split(hub="test", rows=(1_319,))},
        key_mark="####",
        about="grade-school word problems",
    ),
    "svamp": ProblemSet(
        hub_id="ChilleD/SVAMP",
        splits={
            "all": Split(hub="train+test", rows=(1_000,)),
            "train": Split(hub="train", rows=(700,)),
            "test": Split(hub="test", rows=(300,)),
        },
        about="one-step word problems",
    ),
    "aime24": ProblemSet(
        hub_id="HuggingFaceH4/aime_2024",
        splits={"test": Split(hub="train", rows=(30,))},
        licence="not given",
        about="AIME I and II of 2024, whole numbers from 0 to 999",
    ),
    "aime25": ProblemSet(
        hub_id="math-ai/aime25",
        splits={"test": Split(hub="test", rows=(30,))},
        licence="not given",
        about="AIME I and II of 2025, whole numbers from 0 to 999",
    ),
    "amc": ProblemSet(
        hub_id="AI-MO/aimo-validation-amc",
        splits={"test": Split(hub="train", rows=(83,))},
        licence="Apache-2.0",
        about="AMC 12 of 2022 and 2023, reworded so that keys are whole numbers",
    ),
}
