"""Diagnose what reinforcement learning took and gave: compare graded samples of two models, or sample both first.

Each of BASE and RL is a tree store (.db), a log (.jsonl, .jsonl.gz, .parquet; flat rollouts, verl, TRL, lm-eval, OpenAI
evals, chats and batches, exported trees, or any other whose fields are named), or else a model, as for arts sample.
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
from arts.cli.sources import require_samples
from arts.cli.tables import print_table
from arts.config import require_at_least
from arts.documents.words import shown
from arts.errors import InputError, UsageError
from arts.logs.formats import LogOptions
from arts.logs.imported import read_samples
from arts.logs.read import is_log
from arts.problems.base import Grader
from arts.problems.graders import make_grader
from arts.proposers.base import Sampling
from arts.proposers.load import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.squeeze.diagnosis.diagnose import diagnose
from arts.squeeze.diagnosis.pairs import Pair, Samples, match
from arts.squeeze.diagnosis.parts import Both, Origin
from arts.squeeze.diagnosis.tables import classes_table, curves_table
from arts.trees.splitting import SplitterName
from arts.trees.store import TreeStore
from arts.versions import versions

UNGRADED = 0.02
"""Share of ungraded samples from which on the report remarks on it."""


@dataclass(frozen=True, kw_only=True)
class Side(LogOptions):
    """One of the two sets of samples."""

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    """BASE, then RL: each a store (.db), a log (.jsonl, .jsonl.gz, .parquet; with * in its name all files that fit),
    or a model."""


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
    if is_log(side.source):
        return _read_log(which, side, config, grader)
    path = Path(side.source)
    if _is_model(side):
        path = config.out / f"{which}.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        sample(_sampling(side.source, path, config.seed + (which == "rl"), config))
    with TreeStore.open(path) as store:
        record = store.config()
        require_samples(path, record)
        samples = Samples(name=str(path), problems=store.problems(), trees=list(store.trees()))
    made = record.get("sample", {})
    how = made.get("sampling", {})
    origin = Origin(
        source=side.source,
        kind=f"store of {record.get('proposer', 'unknown')}",
        verdicts=f"of the {made['grader']} grader" if "grader" in made else "of the store",
        sampling=f"temperature {how['temperature']:g}, top-p {how['top_p']:g}" if "top_p" in how else None,
    )
    return Read(samples=samples, origin=origin, notes=[], seed=made.get("seed"))


def _read_log(which: str, side: Side, config: Config, grader: Grader) -> Read:
    try:
        found = read_samples(
            side.source,
            side,
            splitter=config.splitter or "paragraph",
            grader=grader,
            verdicts="log" if config.grader is None else "key",
            scores=(),
            flags=f"--{which}",
        )
    except InputError as error:
        raise InputError(f"{which}: {error}") from error
    samples = Samples(name=side.source, problems=found.problems, trees=found.trees, ids_chosen=bool(side.fields.id))
    origin = Origin(source=" ".join([side.source, *side.where]), kind=found.format, verdicts=found.verdicts)
    return Read(samples=samples, origin=origin, notes=[f"{which}: {note}" for note in found.notes], seed=None)


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
    return not is_log(side.source) and not side.source.endswith(".db")


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
