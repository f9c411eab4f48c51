"""Files of public repositories at a commit, out of clones that lie in one folder."""

import argparse
import subprocess
from dataclasses import dataclass
from pathlib import Path

from _study import study_parser


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository of GitHub, ``OWNER/NAME``, at a commit; ``licence`` is "none" where it states none."""

    name: str
    commit: str
    licence: str

    @property
    def link(self) -> str:
        """For a page."""
        return f"[{self.name}](https://github.com/{self.name}/tree/{self.commit[:12]})"


PROBE = Repository(
    name="UnitedSnakes/rlvr_behavior_probe_runpod", commit="b7c65a35759589f1898b2dcbc5bc7c3299a4779b", licence="none"
)
ZEROEVAL = Repository(name="WildEval/ZeroEval", commit="8c1485edf12c6efb5f69135a562927c5ad484059", licence="Apache-2.0")
QWEN_MATH = Repository(name="QwenLM/Qwen2.5-Math", commit="a45202bd16f1ec06f433442dc1152d0074773465", licence="MIT")
MR_GSM8K = Repository(name="dvlab-research/MR-GSM8K", commit="3f666d60dd5f2fe31d619c528076bac54f4a13b7", licence="MIT")
INSPECT = Repository(
    name="UKGovernmentBEIS/inspect_ai", commit="499e6152e7b8fc8cbd8ac5283536572aa6e4ab17", licence="MIT"
)


def public_parser(about: str | None, out: str) -> argparse.ArgumentParser:
    """The flags of a study of public files."""
    parser = study_parser(about, out)
    parser.add_argument("--clones", type=Path, required=True, help="the folder of the clones, each called as on GitHub")
    return parser


def bring(clones: Path, repository: Repository, path: str, out: Path) -> Path:
    """The file of a repository under the folder ``out``; the clone may be bare."""
    clone = clones / repository.name.split("/")[1]
    target = out / repository.name.replace("/", "-") / path
    if not target.exists():
        command = ["git", "-C", str(clone), "show", f"{repository.commit}:{path}"]
        data = subprocess.run(command, check=True, capture_output=True).stdout
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return target
