"""The whole pipeline on the bundled model: sample, train, decide, report. No network, no GPU, a few minutes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from msgspec import structs

from arts.cli.evaluate import show
from arts.cli.progress import SamplingProgress
from arts.cli.sample import describe
from arts.cli.terminal import put, put_text, say
from arts.config import check_same_run, require_at_least
from arts.documents.words import percent
from arts.evaluation.cassette import CASSETTE, save_cassette
from arts.evaluation.compare import compare
from arts.evaluation.intervals import mean
from arts.evaluation.parts import About
from arts.evaluation.report import write_report
from arts.evaluation.report.read import read_report
from arts.evaluation.results import Evaluation
from arts.files import write_whole
from arts.models import BUNDLED
from arts.search.budget import Budget
from arts.testbed.measure import SAMPLING
from arts.training.config import TrainConfig
from arts.training.fit import is_finished
from arts.trees.store import open_store
from arts.verifiers.base import Verifier
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import Architecture, load_feature_model
from arts.versions import versions
from arts.workflows.evaluate import VERSIONS, observe_samples
from arts.workflows.sample import sample
from arts.workflows.solve import solve_problems
from arts.workflows.train import train_verifier

FLOW = "flow"
"""The verifier that arts train makes without further flags."""
STATES = Architecture(backbone=BUNDLED, mode="frozen", reading="state", trunk_layers=2, trunk_width=96)
TRAIN_N = 8
"""Solutions per training problem."""
TEST_N, LINE_TOKENS = 16, 8
"""Solutions per test problem; tokens of a line, which has five, at most."""
SEARCHED = "search.txt"
"""What the search came to, for a second run."""
STATE_OBJECTIVES = ("rfm", "prm")
"""Beside it, on the same trees: objectives as published, which read one number at the end of a state."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts demo``."""

    out: Path = Path("runs/demo")
    """Folder for stores, verifiers and the report."""
    train_problems: int = 800
    """Problems whose trees the verifiers learn from."""
    test_problems: int = 200
    """Held-out problems that are reported on."""
    seed: int = 0
    """Seed for sampling, training and statistics."""

    def __post_init__(self) -> None:
        require_at_least(self, 0, "seed")
        require_at_least(self, 1, "train_problems", "test_problems")


def run(config: Config) -> int:
    """Print the table, name the report; a second run resumes, or shows what is there."""
    started = time.monotonic()
    finished = config.out / "report" / "report.json"
    if finished.is_file() and (config.out / SEARCHED).is_file():
        result = _finished(finished, config)
        show(result)
        put_text((config.out / SEARCHED).read_text(encoding="utf-8").rstrip("\n"))
        page = _page(sorted(finished.parent.iterdir()))
        put(f"done already; the report is {page} (remove {config.out} to run again)")
        return 0
    stages = _Stages(started)
    train = _sample(config, "train", n=TRAIN_N, limit=config.train_problems)
    test = _sample(config, "test", n=TEST_N, limit=config.test_problems)
    stages.done("sampling")
    verifiers = _verifiers(config, train)
    stages.done("training")
    result = _evaluate(config, test, verifiers)
    paths = write_report(result, config.out / "report")
    stages.done("evaluation")
    searched = _search(config, test)
    stages.done("search")
    show(result)
    put(searched)
    put(f"{stages.text()}; the report is {_page(paths)}")
    put_text(_commands(config))
    return 0


def _commands(config: Config) -> str:
    """What a reader types to make the data and the verifier of the demo again."""
    out, drawn = config.out, "--sampling.temperature 1 --sampling.max-tokens 46 --fork-probability 0"
    seed, training = (f" --{flag} {config.seed}" if config.seed else "" for flag in ("seed", "training.seed"))
    return (
        "The same in three commands:\n"
        f"  arts sample congruences:train {out}/again.db --limit {config.train_problems} --n {TRAIN_N} {drawn}{seed}\n"
        f"  arts train {out}/again.db --out {out}/again{training}\n"
        f"  arts evaluate {out}/test.db --verifiers {out}/again --out {out}/again-report"
    )


def _finished(report: Path, config: Config) -> Evaluation:
    """The result of the run that is there, if it is this one."""
    result = read_report(report)
    before, now = (structs.asdict(about) for about in (result.about, _about(config)))
    check_same_run(config.out, before, now, remedy="use another --out or remove it")
    return result


def _about(config: Config) -> About:
    return About(
        command="arts demo",
        versions=versions(*VERSIONS),
        seed=config.seed,
        settings={
            "training problems": config.train_problems,
            "test problems": config.test_problems,
            "sampling": f"temperature {SAMPLING.temperature:g}, top-p {SAMPLING.top_p:g}",
        },
    )


class _Stages:
    def __init__(self, started: float) -> None:
        self._last, self._times = started, dict[str, float]()

    def done(self, name: str) -> None:
        now = time.monotonic()
        self._times[name], self._last = now - self._last, now
        say(f"{name} took {self._times[name]:.0f} s")

    def text(self) -> str:
        parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self._times.items())
        return f"{sum(self._times.values()):.0f} s in all ({parts})"


def _sample(config: Config, split: str, *, n: int, limit: int) -> Path:
    store = config.out / f"{split}.db"
    with SamplingProgress(f"sampling {split}") as progress:
        total = sample(
            f"congruences:{split}",
            store,
            limit=limit,
            n=n,
            fork_probability=0.0,
            sampling=SAMPLING,
            seed=config.seed,
            on_start=lambda problems, rollouts: progress.start(rollouts),
            on_rollout=progress.count,
        )
    say(f"{split}: {describe(total)}")
    return store


def _verifiers(config: Config, store_path: Path) -> list[Verifier]:
    """The default verifier, and the others on the same trees."""
    planned: dict[str, tuple[Architecture | None, TrainConfig]] = {FLOW: (None, TrainConfig(seed=config.seed))}
    for name in STATE_OBJECTIVES:
        old = TrainConfig(objective=name, learning_rate=2e-3, epochs=2.0, trees_per_batch=8, seed=config.seed)
        planned[name] = (STATES, old)
    states, found = FeatureCache(load_feature_model(STATES), keep=True), list[Verifier]()
    for name, (shape, training) in planned.items():
        out, fresh = config.out / name, not is_finished(config.out / name)
        how = {"features": states} if shape else {"keep_features": False}
        with open_store(store_path) as store:
            found.append(train_verifier(store.trees(), out, architecture=shape, config=training, **how))
        if fresh:
            say(f"trained {name}")
    return found


def _evaluate(config: Config, store: Path, verifiers: Sequence[Verifier]) -> Evaluation:
    """The result; its cassette is kept in the report's folder."""
    observed = observe_samples(store, ["likelihood", *verifiers], grader="exact", seed=config.seed)
    cassette = replace(observed, about=_about(config))
    folder = config.out / "report"
    folder.mkdir(parents=True, exist_ok=True)
    save_cassette(cassette, folder / CASSETTE)
    return compare(cassette)


def _search(config: Config, samples: Path) -> str:
    """What a search comes to where no problem may cost more tokens than its samples do on average."""
    with open_store(samples) as store:
        drawn = [sum(r.tokens for r in tree.rollouts) for tree in store.trees()]
    solved = solve_problems(
        "congruences:test",
        limit=config.test_problems,
        verifier=config.out / FLOW,
        budget=Budget(generated_tokens=round(np.mean(drawn))),
        sampling=SAMPLING,
        step_tokens=LINE_TOKENS,
        seed=config.seed,
    )
    right = mean(np.array([float(bool(s.correct)) for s in solved]))
    spent = np.mean([s.spend.generated_tokens for s in solved])
    line = (
        f"arts solve with {FLOW}: {percent(right)} % right for {spent:.0f} tokens per problem,"
        f" where {TEST_N} samples have {np.mean(drawn):.0f}"
    )
    write_whole(config.out / SEARCHED, f"{line}\n")
    return line


def _page(paths: Sequence[Path]) -> Path:
    """The most readable of a report's files."""
    return min(paths, key=lambda path: (".html", ".md").index(path.suffix) if path.suffix in (".html", ".md") else 2)
