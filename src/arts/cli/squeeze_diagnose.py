"""Diagnose what reinforcement learning took and gave: compare graded samples of two models, or sample both first.

Each of BASE and RL is a tree store, a log (.jsonl, .jsonl.gz, .parquet; flat rollouts, verl, TRL, lm-eval, OpenAI
evals, chats and batches, or any other whose fields are named), exported trees (a file or a folder), or else a model, as
for arts sample.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from arts.cli.commands import command_line
from arts.cli.sample import Config as SampleConfig
from arts.cli.sample import sample
from arts.cli.tables import print_table
from arts.config import require_at_least
from arts.documents.words import shown
from arts.errors import InputError, UsageError
from arts.logs.formats import LogOptions
from arts.logs.samples import read_samples
from arts.logs.sources import kind_of
from arts.logs.values import is_number
from arts.problems.base import Grader
from arts.problems.graders import make_grader
from arts.problems.rows import part
from arts.proposers.base import Sampling
from arts.proposers.load import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.squeeze.diagnosis.diagnose import diagnose
from arts.squeeze.diagnosis.pairs import Pair, Samples, match
from arts.squeeze.diagnosis.parts import Both, Origin
from arts.squeeze.diagnosis.tables import classes_table, curves_table
from arts.trees.splitting import SplitterName
from arts.versions import versions

UNGRADED = 0.02
"""Share of ungraded samples from which on the report remarks on it."""


@dataclass(frozen=True, kw_only=True)
class Side(LogOptions):
    """One of the two sets of samples."""

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    """BASE, then RL: each a store, a log (.jsonl, .jsonl.gz, .parquet; with * in its name all files that fit), a folder
    that arts store export made, or a model."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts squeeze diagnose``; docs/squeeze-diagnose.md describes the formats and the report."""

    base: Side
    """The model before."""
    rl: Side
    """The model after."""
    out: Path = Path("runs/diagnosis")
    """Folder for report.json, report.md and report.html, and for base.db and rl.db where models are sampled."""
    rate: float = 0.1
    """Rate of false discoveries among the problems that are called gained, squeezed or extinct."""
    grader: str | None = None
    """Grades the answers of logs against their keys, and says which wrong answers are equal: exact, math, or
    module:function of your own. Default: the verdicts of logs are believed, math grades where there is none, exact says
    which are equal."""
    splitter: SplitterName | None = None
    """Cuts solutions into steps; default: what fits the problem set, paragraph for logs."""
    problems: str | None = None
    """Models: the problem set to sample on, as for arts sample."""
    limit: int | None = None
    """Models: take at most this many problems."""
    offset: int = 0
    """Models: skip this many problems first."""
    n: int = 16
    """Models: samples per problem."""
    sampling: Sampling = field(default_factory=Sampling)
    """Models: how text is drawn."""
    prompt: PromptFormat = field(default_factory=PromptFormat)
    """Models: how a question becomes a prompt."""
    backend: BackendOptions = field(default_factory=BackendOptions)
    """Models: where and how they run."""
    seed: int = 0
    """Of resampling, and of sampling BASE; RL is sampled with the next one, as the two must be independent."""

    def __post_init__(self) -> None:
        require_at_least(self, 0, "seed")
        if not 0 < self.rate < 1:
            raise UsageError(f"rate is {self.rate}; use a number between 0 and 1")
        models = [s.source for s in (self.base, self.rl) if _is_model(s)]
        if models and self.problems is None:
            raise UsageError(f"{models[0]} is taken for a model; give --problems to sample on, or a file of samples")
        if not models:
            _refuse_unused(self)
            if self.base == self.rl:
                raise UsageError(f"{self.base.source}: BASE and RL are the same samples; give two, or different where")


@dataclass(frozen=True, kw_only=True)
class Read:
    """One side: its samples, what the report says of them, and remarks."""

    samples: Samples
    origin: Origin
    notes: list[str]
    seed: int | None
    """Of the sampling, where it is known."""


def run(config: Config) -> int:
    """Print curves and classes on stdout, the headline and the report's files on stderr."""
    keys, equal = make_grader(config.grader or "math"), make_grader(config.grader or "exact")
    try:
        base, rl = read_side("base", config, keys), read_side("rl", config, keys)
        pair = match(base.samples, rl.samples, equal)
    finally:
        keys.close()
        equal.close()
    result = diagnose(
        pair,
        rate=config.rate,
        seed=config.seed,
        origins=Both(base=base.origin, rl=rl.origin),
        notes=[*base.notes, *rl.notes, *_notes(pair, base, rl)],
        about={
            "command": command_line("squeeze diagnose", config, "base.source", "rl.source"),
            **versions("arts", "numpy", "scipy"),
        },
    )
    for table in (curves_table(result.curves), classes_table(result.changes)):
        print_table(table.header, table.rows, table.title)
        print()
    print(shown(result), file=sys.stderr)
    for note in result.notes:
        print(f"note: {shown(note)}", file=sys.stderr)
    paths = result.write(config.out)
    for path in paths:
        print(f"wrote {path}", file=sys.stderr)
    if paths[-1].suffix != ".html":
        print("the page needs the extra 'report': pip install 'arts-llm[report]'", file=sys.stderr)
    return 0


def read_side(which: str, config: Config, grader: Grader) -> Read:
    """The samples of BASE (``which`` "base") or RL ("rl"), drawn first where it is a model."""
    side = config.base if which == "base" else config.rl
    source = side.source
    if _is_model(side):
        source = str(config.out / f"{which}.db")
        config.out.mkdir(parents=True, exist_ok=True)
        sample(_sampling(side.source, Path(source), config.seed + (which == "rl"), config))
    try:
        found = read_samples(
            source,
            log=side,
            splitter=config.splitter or "paragraph",
            grader=grader,
            verdicts="log" if config.grader is None else "key",
            scores=(),
            flags=f"--{which}",
        )
    except InputError as error:
        raise InputError(f"{which}: {error}") from error
    made = part(found.run_config, "sample")
    how, seed = part(made, "sampling"), made.get("seed")
    temperature, top_p = how.get("temperature"), how.get("top_p")
    known = is_number(temperature) and is_number(top_p)
    origin = Origin(
        source=" ".join([side.source, *side.where]),
        kind=f"store of {found.run_config.get('proposer', 'unknown')}" if found.kind == "store" else found.format,
        verdicts=found.verdicts,
        sampling=f"temperature {temperature:g}, top-p {top_p:g}" if known else None,
    )
    samples = Samples(name=source, problems=found.problems, trees=found.trees, ids_chosen=bool(side.fields.id))
    notes = [f"{which}: {note}" for note in found.notes]
    return Read(samples=samples, origin=origin, notes=notes, seed=seed if isinstance(seed, int) else None)


def _sampling(model: str, store: Path, seed: int, config: Config) -> SampleConfig:
    assert config.problems is not None
    return SampleConfig(
        problems=config.problems,
        store=store,
        model=model,
        limit=config.limit,
        offset=config.offset,
        n=config.n,
        fork_probability=0.0,
        splitter=config.splitter,
        grader=config.grader,
        sampling=config.sampling,
        prompt=config.prompt,
        backend=config.backend,
        seed=seed,
    )


def _is_model(side: Side) -> bool:
    return kind_of(side.source) == "model"


def _refuse_unused(config: Config) -> None:
    usual = {
        **{"problems": None, "limit": None, "offset": Config.offset, "n": Config.n},
        **{"sampling": Sampling(), "prompt": PromptFormat(), "backend": BackendOptions()},
    }
    for name, value in usual.items():
        if getattr(config, name) != value:
            raise UsageError(f"--{name} is for models, and BASE and RL are samples; leave it out")


def _notes(pair: Pair, base: Read, rl: Read) -> Iterator[str]:
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
