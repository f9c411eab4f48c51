"""Diagnose what reinforcement learning took and gave: compare graded samples of two models, or sample both first.

Each of BASE and RL is a tree store, a log (.jsonl, .jsonl.gz, .parquet; flat rollouts, verl, TRL, lm-eval, OpenAI
evals, chats and batches, or any other whose fields are named), exported trees (a file or a folder), or else a model, as
for arts sample.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from arts.cli.commands import command_line
from arts.cli.options import call
from arts.cli.progress import SamplingProgress
from arts.cli.tables import print_table
from arts.cli.terminal import put, say
from arts.config import require_at_least
from arts.errors import UsageError
from arts.proposers.base import Sampling
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.squeeze.diagnosis.tables import classes_table, curves_table
from arts.trees.splitting import SplitterName
from arts.workflows import diagnose as workflow


@dataclass(frozen=True, kw_only=True)
class Side(workflow.Side):
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
    """Grades the answers of logs against their keys, and says which wrong answers are equal: exact, math, either with
    -stated (takes no last numbers), or module:function of your own. Default: the verdicts of logs are believed, math
    grades where there is none, exact says which are equal."""
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
        if not any(map(workflow.is_model, (self.base, self.rl))):
            _refuse_unused(self)


def run(config: Config) -> int:
    """Print curves and classes on stdout, the headline and the report's files on stderr."""
    command = command_line("squeeze diagnose", config, "base.source", "rl.source")
    with SamplingProgress("sampling") as progress:
        result = call(
            workflow.diagnose,
            config,
            command=command,
            on_start=lambda problems, rollouts: progress.start(rollouts),
            on_rollout=progress.count,
        )
    for table in (curves_table(result.curves), classes_table(result.changes)):
        print_table(table.header, table.rows, table.title)
        put()
    say(result)
    for note in result.notes:
        say(f"note: {note}")
    paths = result.write(config.out)
    for path in paths:
        say(f"wrote {path}")
    if paths[-1].suffix != ".html":
        say("the page needs the extra 'report': pip install 'arts-llm[report]'")
    return 0


def _refuse_unused(config: Config) -> None:
    usual = {
        **{"problems": None, "limit": None, "offset": Config.offset, "n": Config.n},
        **{"sampling": Sampling(), "prompt": PromptFormat(), "backend": BackendOptions()},
    }
    for name, value in usual.items():
        if getattr(config, name) != value:
            raise UsageError(f"--{name} is for models, and BASE and RL are samples; leave it out")
