"""What GRPO does to rare correct solutions, and what verifiers on the frozen model do instead, on the testbed.

    python benchmarks/study_squeeze.py            # everything; stop and start it as you like
    python benchmarks/study_squeeze.py --quick    # a few problems and updates, to see that it works

Runs are kept under ``runs/squeeze``: GRPO models, samples of the test problems, verifiers, their scores. Results go to
``benchmarks/squeeze/results.json``, tables and figures to ``docs/squeeze.md``.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from _page import as_json, write_json
from _study import Arrays, keep, keep_json, publish, runs, study_parser, testbed_trees
from squeeze.compute import timed_parts
from squeeze.plan import BASE, BASE_SEED, MAIN, QUICK, Policy, Size, policies, sampling_seed
from squeeze.policy import reinforce, watched
from squeeze.samples import NUCLEUS, POLICY, arrays, candidates, correct_traces, log_probabilities, sampled
from squeeze.squeeze_page import write_page
from squeeze.squeeze_results import summarise
from squeeze.verifiers import scores, train

from arts.models import BUNDLED

THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
"""Of one job, whose process inherits them; jobs run side by side."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A part of the study, run once all that it needs is done; does nothing where its files are there."""

    name: str
    work: Callable[..., None]
    arguments: tuple[Any, ...]
    needs: tuple[str, ...] = ()


def main() -> None:
    """Run what is missing, then write results and page."""
    given = study_parser(__doc__, "runs/squeeze", jobs=True).parse_args()
    size, out = QUICK if given.quick else Size(), runs(given)
    check_same(out / "plan.json", size)
    run_all(jobs(out, size), out, given.jobs)
    publish(given, summarise(out, size), write_page, "squeeze", "squeeze.md")


def jobs(out: Path, size: Size) -> list[Job]:
    """All of them, the ones that others wait for first."""
    planned = list(policies(size))
    main_runs = [p for p in planned if p.setting == MAIN]
    seeds = range(size.seeds)
    models = {BASE: BASE_SEED} | {p.name: sampling_seed(p) for p in main_runs}
    found = [Job(name="trees", work=trees, arguments=(out, size))]
    found += [Job(name=p.name, work=reinforced, arguments=(out, p)) for p in main_runs]
    found += [Job(name=f"draw-{BASE}", work=base, arguments=(out, size))]
    found += [_draw(out, size, p) for p in main_runs]
    found += [Job(name=f"verifiers-{s}", work=verified, arguments=(out, size, s), needs=("trees",)) for s in seeds]
    found += [
        Job(name=f"nucleus-{name}", work=nucleus, arguments=(out, size, name, seed), needs=(f"draw-{name}",))
        for name, seed in models.items()
    ]
    for s in seeds:
        sampled_by = tuple(f"{how}-{name}" for how in ("draw", "nucleus") for name in (BASE, f"{MAIN}-{s}"))
        needs = (*sampled_by, f"verifiers-{s}")
        found.append(Job(name=f"scores-{s}", work=scored, arguments=(out, size, s), needs=needs))
    for p in planned[size.seeds :]:
        found += [Job(name=p.name, work=reinforced, arguments=(out, p)), _draw(out, size, p)]
    alone = tuple(job.name for job in found)
    return [*found, Job(name="costs", work=costs, arguments=(out, size), needs=alone)]


def _draw(out: Path, size: Size, policy: Policy) -> Job:
    return Job(name=f"draw-{policy.name}", work=drawn, arguments=(out, size, policy), needs=(policy.name,))


def check_same(path: Path, size: Size) -> None:
    """Refuse a folder whose runs were made with other settings, as they would be mixed with new ones."""
    plan = {"size": asdict(size), "policies": {p.name: asdict(p.config) for p in policies(size)}}
    wanted = as_json(plan | {"sampling": [asdict(POLICY), asdict(NUCLEUS)]})
    if keep_json(path, lambda: wanted) != wanted:
        sys.exit(f"{path.parent}: holds runs with other settings; move it away or use another --out")


def run_all(todo: Sequence[Job], out: Path, processes: int) -> None:
    """Each job in a process of its own, so many at a time; what is done, and its seconds, stands in ``seconds``."""
    done = {job.name for job in todo if (out / "seconds" / job.name).exists()}
    waiting = [job for job in todo if job.name not in done]
    running: dict[Future[None], Job] = {}
    os.environ |= THREADS
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, max_tasks_per_child=1) as pool:
        while waiting or running:
            ready = [job for job in waiting if done.issuperset(job.needs)]
            for job in ready[: processes - len(running)]:
                running[pool.submit(timed, job, out)] = job
                waiting.remove(job)
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
                done.add(running.pop(future).name)


def timed(job: Job, out: Path) -> None:
    """Run a job and note how long this took; a job that was cut short counts from its last start."""
    torch.set_num_threads(1)
    started = time.monotonic()
    job.work(*job.arguments)
    note = out / "seconds" / job.name
    note.parent.mkdir(exist_ok=True)
    note.write_text(f"{time.monotonic() - started:.1f}\n", encoding="utf-8")
    print(f"{job.name}: done after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def trees(out: Path, size: Size) -> None:
    """What the verifiers learn from."""
    testbed_trees(out / "trees.db", "train", size.trees)


def base(out: Path, size: Size) -> None:
    """The frozen model on the test problems, and its correct solutions."""
    sampled(BUNDLED, out / f"{BASE}.db", problems=size.problems, n=size.samples, seed=BASE_SEED)
    found = candidates(out / f"{BASE}.db", size.samples)
    keep(out / f"{BASE}.npz", lambda: arrays(found))
    keep(out / "traces.npz", lambda: _with_probabilities(BUNDLED, correct_traces(found)))


def reinforced(out: Path, policy: Policy) -> None:
    """Train a policy."""
    reinforce(out / policy.name, policy.config, watched())


def drawn(out: Path, size: Size, policy: Policy) -> None:
    """Sample test problems from a policy; from a main run's checkpoints too."""
    folder, config = out / policy.name, policy.config
    much, less = (size.problems, size.samples), (size.fewer_problems, size.fewer_samples)
    models = {policy.name: (folder, much if policy.setting == MAIN else less)}
    if policy.setting == MAIN:
        for update in range(config.save_updates, config.updates, config.save_updates):
            models[f"{policy.name}-{update}"] = (folder / f"checkpoint-{update}", less)
    for name, (model, (problems, n)) in models.items():
        sampled(str(model), out / f"{name}.db", problems=problems, n=n, seed=sampling_seed(policy))
        keep(out / f"{name}.npz", lambda name=name, n=n: arrays(candidates(out / f"{name}.db", n)))


def nucleus(out: Path, size: Size, name: str, seed: int) -> None:
    """The same samples of a model as usual decoding draws them, for comparison."""
    store = out / f"{name}-nucleus.db"
    model = BUNDLED if name == BASE else str(out / name)
    sampled(model, store, problems=size.problems, n=size.samples, seed=seed, sampling=NUCLEUS)
    keep(out / f"{name}-nucleus.npz", lambda: arrays(candidates(store, size.samples)))


def costs(out: Path, size: Size) -> None:
    """Time both routes, with nothing beside them."""
    main_run = next(policies(size)).config

    def some(folder: Path, updates: int) -> None:
        reinforce(folder, replace(main_run, updates=updates, save_updates=updates))

    with TemporaryDirectory() as folder:
        found = timed_parts(Path(folder), size, some)
    write_json(found, out / "timing.json")


def verified(out: Path, size: Size, seed: int) -> None:
    """Train one verifier per objective."""
    train(out / "trees.db", out / "verifiers", seed, size)


def scored(out: Path, size: Size, seed: int) -> None:
    """Scores of the base model's samples and of those of the main run with the same seed; its view of base's traces."""
    for name in (BASE, f"{MAIN}-{seed}"):
        for run in (name, f"{name}-nucleus"):
            keep(
                out / f"scores-{run}-by-{seed}.npz",
                lambda run=run: scores(candidates(out / f"{run}.db", size.samples), out / "verifiers", seed),
            )
    known = np.load(out / "traces.npz")
    keep(
        out / f"traces-{seed}.npz",
        lambda: {"logprob": log_probabilities(str(out / f"{MAIN}-{seed}"), known)},
    )


def _with_probabilities(model: str, traces: Arrays) -> Arrays:
    return {**traces, "logprob": log_probabilities(model, traces)}


if __name__ == "__main__":
    main()
