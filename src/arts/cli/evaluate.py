"""Compare every way of deciding on the same samples, and write the report.

Every report has its cassette beside it, cassette.db, from which --replay makes it again without model and network.
"""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import tyro
from msgspec import structs

from arts.cli.commands import command_line, origin, training
from arts.cli.options import call
from arts.cli.progress import SamplingProgress
from arts.cli.tables import print_table
from arts.cli.terminal import put, say
from arts.errors import UsageError
from arts.evaluation.cassette import CASSETTE, LEAD_AGGREGATIONS, Cassette, load_cassette, save_cassette
from arts.evaluation.compare import compare
from arts.evaluation.evaluate import Family
from arts.evaluation.methods import MAJORITY
from arts.evaluation.parts import About
from arts.evaluation.report import write_report
from arts.evaluation.report.calibration import about_reference, overall_table
from arts.evaluation.report.headline import headline, unused
from arts.evaluation.report.sections import main_table
from arts.evaluation.results import Evaluation
from arts.logs.formats import LogOptions, VerdictsOf
from arts.logs.taken import taken_lines
from arts.proposers.options import BackendOptions
from arts.selection.scores import Aggregation
from arts.trees.splitting import SplitterName
from arts.verifiers.base import Unit
from arts.versions import versions
from arts.workflows.evaluate import VERSIONS, EvaluationRun, observe_samples
from arts.workflows.probes import Probes


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts evaluate``."""

    source: tyro.conf.Positional[Path | None] = None
    """A tree store, or samples of other tools: rows of {"problem", "answer", "samples": [{"text", SCORES…}, …]}, logs
    of lm-evaluation-harness, verl, TRL, inspect_ai, OpenAI evals and chats, what arts store export wrote. Files are
    told by what they hold: JSON Lines, JSON, Parquet, .eval, gzipped or not."""
    verifiers: tuple[str, ...] = ("likelihood",)
    """Checkpoint folders, or: likelihood, length, random, oracle. NAME=FOLDER,FOLDER,… is one verifier that was trained
    with several seeds: its numbers are means over them, and their intervals cover the seeds."""
    n: tuple[int, ...] = (2, 4, 8, 16)
    """Numbers of samples to decide between, out of all that a problem has; those that most problems do not have are
    left out, and of the rest the problems with fewer than the largest. pass@k counts every sample in any case."""
    out: Path = Path("runs/report")
    """Folder for report.json, report.md, report.html, the figures and the cassette."""
    scores: tuple[str, ...] | None = None
    """Score columns to select by; default: of samples of other tools the numbers that look like scores by their names
    and values, of a store none."""
    score_unit: Unit = "logit"
    """What those scores mean; it decides their weight in a vote."""
    grader: str = "math"
    """Grades samples of other tools; of a store, only says which answers are equal: exact, math, either with -stated
    (takes no last numbers), or module:function of your own."""
    splitter: SplitterName = "paragraph"
    """Cuts samples of other tools into steps."""
    log: LogOptions = field(default_factory=LogOptions)
    """How samples of other tools are read."""
    verdicts: VerdictsOf = "key"
    """Who judges samples of other tools: key, our grader, where they come with keys; log, what the log says."""
    aggregations: tuple[Aggregation, ...] = LEAD_AGGREGATIONS
    """How scores of steps become a solution's score: last, min, product, mean; the first also weighs its vote."""
    against: str = MAJORITY
    """The method that every other one is tested against, as the table calls it."""
    margin: float | None = None
    """Points of accuracy within which a method counts as equal to the one it is tested against: 2 means ±2."""
    where: tuple[str, ...] = ()
    """Subsets of your own, by expressions over the problems' fields: 'level >= 4 and subject == "Algebra"'."""
    policy: Path | None = None
    """Samples of another policy on the same problems, say of one trained by reinforcement learning: the problems that
    it no longer solves are the extinction zone."""
    audit: bool = False
    """Audit the grading: ungraded answers, graders that disagree, keys that do not grade themselves correct."""
    drill_down: int = 100
    """Problems that the report shows with all their samples, at most."""
    calibration: bool = False
    """Report by depth what scores of steps say about success: as counted by probes, which are sampled into probes.db
    in the report's folder, or by the source's own rollouts where the source does not remember how it was sampled."""
    probes: Probes = field(default_factory=Probes)
    """How --calibration counts."""
    backend: BackendOptions = field(default_factory=BackendOptions)
    """Where and how the model runs that --calibration samples from; what is not set is as the store was sampled."""
    cassette: bool = True
    """Keep in the report's folder a store, cassette.db, from which --replay makes the report again."""
    replay: Path | None = None
    """A cassette: make its report again, byte for byte; no flag but --out goes with it."""
    seed: int = 0
    """Seed for the bootstrap and the subsets."""

    def __post_init__(self) -> None:
        unused = {"--probes": self.probes != Probes(), "--backend": self.backend != BackendOptions()}
        if not self.calibration and any(unused.values()):
            name = next(name for name, given in unused.items() if given)
            raise UsageError(f"{name} is for --calibration; give that too, or leave it out")
        self._check_replay()

    def _check_replay(self) -> None:
        if self.replay is None:
            if self.source is None:
                raise UsageError("nothing to evaluate; give a store, samples of another tool, or --replay CASSETTE")
            return
        for f in fields(self):
            default = f.default_factory() if callable(f.default_factory) else f.default
            if f.name not in ("replay", "out") and getattr(self, f.name) != default:
                raise UsageError(f"--replay repeats a report as it was; leave out {f.name.replace('_', '-')}")


def run(config: Config) -> int:
    """Print the table on stdout and name the report's files on stderr."""
    if config.replay is not None:
        cassette = load_cassette(config.replay)
        _warn_of_versions(cassette.about)
    else:
        cassette = _observed(config)
        if config.cassette:
            save_cassette(cassette, config.out / CASSETTE)
    result = compare(cassette)
    for line in taken_lines(result.about.settings):
        say(line)
    show(result)
    paths = write_report(result, config.out)
    if config.cassette and config.replay is None:
        paths.append(config.out / CASSETTE)
    for path in paths:
        say(f"wrote {path}")
    if not any(path.suffix == ".html" for path in paths):
        say("the page needs the extra 'report': pip install 'arts-llm[report]'")
    return 0


def _observed(config: Config) -> Cassette:
    """What the verifiers and the grader say about the source's samples."""
    runs: list[EvaluationRun] = []

    def on_start(run: EvaluationRun) -> None:
        runs.append(run)
        config.out.mkdir(parents=True, exist_ok=True)  # what cannot be written is said before hours of scoring

    def on_probes(states: int, rollouts: int) -> None:
        say(f"probing {states} states with {config.probes.rollouts} rollouts each: {place}")
        progress.start(rollouts)

    place = config.out / "probes.db"
    shows = {"on_note": say, "on_start": on_start, "on_probes": on_probes, "probes_store": place}
    with SamplingProgress("probing") as progress:
        cassette = call(observe_samples, config, **shows, on_rollout=progress.count)
    return replace(cassette, about=structs.replace(cassette.about, **_commands(config, runs[0])))


def _commands(config: Config, run: EvaluationRun) -> dict[str, str | list[str]]:
    """How the report can be made again."""
    stored = run.samples.kind == "store"
    commands = origin(run.samples.run_config, str(run.samples.path), len(run.samples.problems)) if stored else []
    for spec, loaded in run.verifiers.items():
        members = loaded.members if isinstance(loaded, Family) else (loaded,)
        folders = spec.partition("=")[2].split(",") if isinstance(loaded, Family) else [spec]
        commands += [line for f, m in zip(folders, members, strict=False) for line in training(f, m)]
    command = command_line("evaluate", config, "source")
    return {"command": command, "commands": [*commands, command]}


def _warn_of_versions(about: About) -> None:
    """A replay by other versions may differ in the last digits."""
    then, now = about.versions, versions(*VERSIONS)
    changed = [f"{name} {then[name]}, now {now.get(name)}" for name in then if then[name] != now.get(name)]
    if changed:
        say(f"made with {'; '.join(changed)}: numbers may differ in their last digits")


def show(result: Evaluation) -> None:
    """The main table and, where there is one, that of the calibration on stdout, what they say on stderr."""
    header, rows = main_table(result)
    title = f"accuracy in % and its 95 % interval, {result.problems} problems"
    print_table(header, rows, title, optional="− random")
    if result.calibration is not None:
        table = overall_table(result.calibration)
        put()
        print_table(table.header, table.rows, table.title)
        say(about_reference(result.calibration))
    for s in result.subsets:
        if s.kind == "given" and not s.problems:
            say(f"--where: {s.name} holds for no problem")
    if said := unused(result):
        say(said)
    for name, n in result.unscored.items():
        say(f"{name}: {n:,} samples have no score; they rank last")
    of = result.problems * result.samples_per_problem
    say(f"answers that are the last number of the text: {result.last_numbers:,} of {of:,}")
    say(headline(result))
