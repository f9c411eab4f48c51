"""What reinforcement learning took from a model and gave it: samples of both models, compared."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from arts.errors import InputError, UsageError
from arts.files import StrPath
from arts.logs.formats import LogOptions
from arts.logs.samples import Samples, read_samples
from arts.logs.sources import kind_of
from arts.problems.base import Grader
from arts.problems.graders import GraderLike, opened_grader
from arts.proposers.base import Sampling
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.sampling.grow import OnRollout
from arts.squeeze.diagnosis import diagnose as whole, pairs
from arts.squeeze.diagnosis.parts import Both, Origin
from arts.squeeze.diagnosis.results import Diagnosis
from arts.trees.splitting import SplitterName
from arts.versions import versions
from arts.workflows.blocking import blocking
from arts.workflows.sample import sample_async

VERSIONS = ("arts", "numpy", "scipy")
"""Packages that the numbers of a diagnosis depend on."""
UNGRADED = 0.02
"""Share of ungraded samples above which the report warns."""


@dataclass(frozen=True, kw_only=True)
class Side(LogOptions):
    """One of the two sets of samples, and how it is read where it is a log."""

    source: str
    """A store, a log, exported trees, or a model, which is sampled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    samples: pairs.Samples
    origin: Origin
    notes: list[str]
    seed: int | None


async def diagnose_async(
    base: StrPath | Side,
    rl: StrPath | Side,
    *,
    rate: float = 0.1,
    grader: GraderLike | None = None,
    splitter: SplitterName | None = None,
    problems: str | None = None,
    limit: int | None = None,
    offset: int = 0,
    n: int = 16,
    sampling: Sampling = Sampling(),
    prompt: PromptFormat = PromptFormat(),
    backend: BackendOptions = BackendOptions(),
    out: StrPath = "runs/diagnosis",
    seed: int = 0,
    command: str = "",
    on_start: Callable[[int, int], None] = lambda problems, rollouts: None,
    on_rollout: OnRollout = lambda rollout, outcome: None,
) -> Diagnosis:
    """Compare samples of a model before (``base``) and after (``rl``) reinforcement learning, problem by problem.

    Each is a store, a log of another tool, exported trees, or a :class:`Side`, which says how a log is read; or else a
    model, which is sampled on ``problems`` into ``out``, as by :func:`arts.sample` without forks. ``rate`` is that of
    false discoveries among the problems that are called gained, squeezed or extinct. The verdicts of logs are believed
    unless a ``grader`` is given. ``seed`` is for resampling, and for sampling ``base``; ``rl`` is sampled with the next
    one, as the two must be independent.

    Raises:
        UsageError: there is nothing to compare, or a setting is ignored.
        InputError: no such file, or a row that does not fit, named by file and row.

    >>> import arts
    >>> print(arts.diagnose("base.jsonl", "rl.jsonl"))  # doctest: +SKIP
    """
    sides = Both(base=_side(base), rl=_side(rl))
    if models := [s.source for s in (sides.base, sides.rl) if is_model(s)]:
        if problems is None:
            raise UsageError(f"{models[0]} is taken for a model; give --problems to sample on, or a file of samples")
    elif sides.base == sides.rl:
        raise UsageError(f"{sides.base.source}: BASE and RL are the same samples; give two, or different where")
    if not 0 < rate < 1:
        raise UsageError(f"rate is {rate}; use a number between 0 and 1")

    async def read(which: str, side: Side, judge: Grader) -> _Read:
        source = side.source
        if is_model(side):
            assert problems is not None
            source = str(Path(out) / f"{which}.db")
            await sample_async(
                problems,
                source,
                model=side.source,
                limit=limit,
                offset=offset,
                n=n,
                fork_probability=0.0,
                splitter=splitter,
                grader=grader,
                sampling=sampling,
                prompt=prompt,
                backend=backend,
                seed=seed + (which == "rl"),
                on_start=on_start,
                on_rollout=on_rollout,
            )
        try:
            found = read_samples(
                source,
                log=side,
                splitter=splitter or "paragraph",
                grader=judge,
                verdicts="log" if grader is None else "key",
                scores=(),
                flags=f"--{which}",
            )
        except InputError as error:
            raise InputError(f"{which}: {error}") from error
        return _told(which, side, source, found)

    with opened_grader(grader or "math") as keys, opened_grader(grader or "exact") as equal:
        before, after = await read("base", sides.base, keys), await read("rl", sides.rl, keys)
        pair = pairs.match(before.samples, after.samples, equal)
    return whole.diagnose(
        pair,
        rate=rate,
        seed=seed,
        origins=Both(base=before.origin, rl=after.origin),
        notes=[*before.notes, *after.notes, *_notes(pair, before, after)],
        about={**({"command": command} if command else {}), **versions(*VERSIONS)},
    )


diagnose = blocking(diagnose_async)


def is_model(side: Side) -> bool:
    """Whether a side is sampled, and not read."""
    return kind_of(side.source) == "model"


def _side(side: StrPath | Side) -> Side:
    return side if isinstance(side, Side) else Side(source=os.fspath(side))


def _told(which: str, side: Side, source: str, found: Samples) -> _Read:
    """What the report says of one side."""
    made = found.run_config.sample or {}
    how, seed = made.get("sampling", {}), made.get("seed")
    known = "temperature" in how and "top_p" in how
    origin = Origin(
        source=" ".join([side.source, *side.where]),
        kind=f"store of {found.run_config.proposer or 'unknown'}" if found.kind == "store" else found.format,
        verdicts=found.verdicts,
        sampling=f"temperature {how['temperature']:g}, top-p {how['top_p']:g}" if known else None,
    )
    samples = pairs.Samples(name=source, problems=found.problems, trees=found.trees, ids_chosen=bool(side.fields.id))
    notes = [f"{which}: {note}" for note in found.notes]
    return _Read(samples=samples, origin=origin, notes=notes, seed=seed if isinstance(seed, int) else None)


def _notes(pair: pairs.Pair, base: _Read, rl: _Read) -> Iterator[str]:
    """What has to be known of the two sides together."""
    if others := pair.matching.other_question:
        yield f"{others} problems have one id and different questions; they were matched by id."
    if disbelieved := pair.matching.disbelieved:
        yield (
            f"{disbelieved} problems have one id, but other questions and keys; they were not matched. If the ids are"
            " right, name them (--base.fields.id, --rl.fields.id)."
        )
    judges = base.origin.verdicts, rl.origin.verdicts
    if judges[0] != judges[1]:
        yield f"The sides were judged differently: base {judges[0]}, RL {judges[1]} (--grader)."
    if base.seed is not None and base.seed == rl.seed:
        yield "Both stores were sampled with one seed, which can make samples of similar models alike: not independent."
    for name, side in (("base", pair.base), ("rl", pair.rl)):
        if (share := side.ungraded.mean()) > UNGRADED:
            yield f"{name}: {share:.1%} of the samples are ungraded and count as not correct."
