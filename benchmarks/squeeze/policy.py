"""GRPO of the bundled model on all training problems of the testbed."""

import sys
from pathlib import Path

from arts.baselines.config import RLConfig
from arts.baselines.grpo import train_policy
from arts.baselines.task import HeldOut, Task
from arts.models import BUNDLED
from arts.problems.graders import make_grader
from arts.testbed.congruences import congruence_problems
from arts.testbed.measure import SAMPLING


def reinforce(folder: Path, config: RLConfig, held_out: HeldOut | None = None) -> None:
    """One run, resumed where it was killed; the policy is in ``folder``."""
    task = Task(model=BUNDLED, problems=congruence_problems("train"), max_tokens=SAMPLING.max_tokens, held_out=held_out)
    name = folder.name
    train_policy(task, make_grader("exact"), config, folder, lambda line: print(f"{name}: {line}", file=sys.stderr))


def watched() -> HeldOut:
    """The validation problems that a run is watched on."""
    return HeldOut(problems=congruence_problems("validation")[:128], samples=4)
