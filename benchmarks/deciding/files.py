"""The recorded files: what each is, what it is tested with, and which others are learnt from for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from _study import RECORDED
from objectives.recorded_sets import RECORDED_SETS, RecordedSet, Split, load_recorded
from objectives.variants import RECORDED_SHAPE, VARIANTS, Variant

from arts.logs.samples import read_samples
from arts.problems.base import Grader, Problem
from arts.problems.near import nearest, one_spelling
from arts.training.config import TrainConfig
from arts.verifiers.base import Unit

SHAPE = RECORDED_SHAPE
"""One number at the end of a state; the longer solutions of two of the files are read whole."""
DEFAULT = "value_flow, log"
"""The objective that ``arts train`` took when the page was made."""
LEARNED = tuple(v for v in VARIANTS if v.name in (DEFAULT, "rfm", "prm", "rm", "orm"))
"""With the paper's objective and its baselines, read from single states."""
PUBLISHED_MINIMUM = ("prm", "rm")
"""Objectives whose published rule is the minimum over steps."""
MOST_PROBLEMS = 100
"""Problems of a file that are learnt from, so that no file is most of a mixture."""
ORDER_SEED = 0
"""Of the order of a mixture's problems, the first tenth of which is held out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """One recorded set, and what decides there without training.

    ``ks``: numbers of samples to decide between. ``given``: a score that came with the samples, and its unit.
    """

    recorded: RecordedSet
    ks: tuple[int, ...]
    untrained: tuple[str, ...] = ("length",)
    given: tuple[str, Unit] | None = None


FILES: Mapping[str, RecordedFile] = {
    "math500-prm": RecordedFile(
        recorded=RecordedSet(
            about="Qwen2.5-1.5B-Instruct on MATH-500, levels 1 to 3",
            files=("math500_qwen1.5b_prm.jsonl.gz",),
            candidates=16,
            splitter="paragraph",
        ),
        ks=(2, 4, 8, 16),
        untrained=("box", "length"),
        given=("skywork_prm", "probability"),
    ),
    "math-rm": RecordedFile(
        recorded=RecordedSet(
            about="a Qwen2.5-Math instruct model on MATH",
            files=("math_qwen_rm.jsonl.gz",),
            candidates=8,
            splitter="paragraph",
        ),
        ks=(2, 4, 8),
        given=("qwen_rm", "logit"),
    ),
    "svamp": RecordedFile(
        recorded=RECORDED_SETS["svamp-qwen"], ks=(2, 4, 8), untrained=("likelihood", "box", "length")
    ),
    "gsm8k": RecordedFile(recorded=RECORDED_SETS["gsm8k"], ks=(2, 4)),
    "math-l5": RecordedFile(recorded=RECORDED_SETS["math-l5"], ks=(2, 4, 8, 12)),
}

MIXTURES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "the three files without scores": (("svamp", "gsm8k", "math-l5"), ("math500-prm", "math-rm")),
    **{f"all files but {name}": (tuple(other for other in FILES if other != name), (name,)) for name in FILES},
}
"""Files that are learnt from, and files that are then tested on."""


def recorded_training(variant: Variant, seed: int, updates: int) -> TrainConfig:
    """A two-layer head on features; fixed beforehand, not tuned."""
    how = {"objective": variant.objective, "options": variant.options}
    return TrainConfig(learning_rate=1e-3, updates=updates, epochs=1000, seed=seed, **how)


def load(name: str, grader: Grader) -> tuple[Split, Split]:
    """What may be learnt from a file, and what is tested on: all of it, but of SVAMP only the part with 8 samples."""
    about = FILES[name].recorded
    for known, recorded in RECORDED_SETS.items():
        if recorded is about:
            first, second = load_recorded(known, grader)
            whole = Split(problems=[*first.problems, *second.problems], trees=[*first.trees, *second.trees])
            return whole, second if len(about.files) == 2 else whole
    read = read_samples(RECORDED / about.files[0], splitter=about.splitter, grader=grader)
    whole = Split(problems=read.problems, trees=read.trees)
    return whole, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Ids of problems that are tested on too: of the same words, or near ones, alike but for numbers."""

    exact: tuple[str, ...]
    near: tuple[str, ...]


def shared_with(problems: Sequence[Problem], tested: Sequence[Problem]) -> Shared:
    """Those of the problems that are among the tested ones, by the rules of :mod:`arts.problems.near`."""
    known = {one_spelling(p.question) for p in tested}
    exact = [p.id for p in problems if one_spelling(p.question) in known]
    closest = nearest([p.question for p in problems], [p.question for p in tested])
    near = [p.id for p, found in zip(problems, closest, strict=True) if found and p.id not in exact]
    return Shared(exact=tuple(exact), near=tuple(near))


def mixture(parts: Sequence[Split], barred: Collection[str]) -> Split:
    """The first problems of every part, without those whose ids are barred, in one fixed order."""
    chosen = []
    for part in parts:
        free = [pair for pair in zip(part.problems, part.trees, strict=True) if pair[0].id not in barred]
        chosen += free[:MOST_PROBLEMS]
    order = np.random.default_rng(ORDER_SEED).permutation(len(chosen))
    return Split(problems=[chosen[i][0] for i in order], trees=[chosen[i][1] for i in order])
