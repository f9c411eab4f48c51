"""The catalogue of known problem sets, as data."""

from dataclasses import dataclass
from typing import Literal

from arts.problems.base import GraderName


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemSet:
    """A public set on the Hugging Face Hub, and what usually goes with it.

    ``key_mark``: when not empty, the answer key is what follows its last occurrence in the answer field.
    """

    hub_id: str
    config: str | None = None
    splits: tuple[str, ...] = ("test",)
    question: str = "problem"
    answer: str = "answer"
    key_mark: str = ""
    grader: GraderName = "math"
    splitter: Literal["newline", "paragraph", "numbered", "gsm8k"] = "paragraph"
    licence: str = "MIT"
    about: str = ""


SETS: dict[str, ProblemSet] = {
    "math500": ProblemSet(hub_id="HuggingFaceH4/MATH-500", about="500 problems of the MATH test set (PRM800K split)"),
    "gsm8k": ProblemSet(
        hub_id="openai/gsm8k",
        config="main",
        splits=("train", "test"),
        question="question",
        key_mark="####",
        about="grade-school word problems; 7,473 train, 1,319 test",
    ),
    "svamp": ProblemSet(
        hub_id="ChilleD/SVAMP",
        splits=("train", "test"),
        question="question_concat",
        answer="Answer",
        about="1,000 one-step word problems",
    ),
}
