"""Run the paper's configuration in three commands, from the root of the repository.

python benchmarks/study_paper.py sample
python benchmarks/study_paper.py train
python benchmarks/study_paper.py evaluate

Each is a list of `arts` commands, which --list prints, so that they can be spread over machines by hand. All of them
go on where they were stopped. --small is the rehearsal: the same files, with the values of paper/small.toml in place of
theirs, in the folder runs/paper-dry-run, without network.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

from paper.paper_steps import STAGES, steps

REHEARSAL = Path("runs") / "paper-dry-run"


def main() -> int:
    """Run the stages that are named; the exit code of the first command that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="+", choices=STAGES, metavar=f"{{{','.join(STAGES)}}}")
    parser.add_argument("--list", action="store_true", help="print the commands and stop")
    parser.add_argument("--small", action="store_true", help="rehearse with small models, problems and counts")
    args = parser.parse_args()
    if args.small and not args.list:
        _enter(REHEARSAL)
    from arts.cli import main as arts

    for step in [step for stage in args.stages for step in steps(stage)]:
        argv = step.argv(small=args.small)
        if args.list:
            print(shlex.join(["arts", *argv]))
            continue
        print(f"\n$ {shlex.join(['arts', *argv])}", file=sys.stderr, flush=True)
        if code := arts(argv):
            return code
        if not step.produces.exists():
            print(f"{step.produces}: is missing after the command above", file=sys.stderr)
            return 1
    return 0


def _enter(folder: Path) -> None:
    """Paths of the files are relative to where one is; libraries are told that there is no network."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"


if __name__ == "__main__":
    sys.exit(main())
