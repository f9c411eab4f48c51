"""The command line: one module per command, imported only when that command runs.

A command module has a frozen dataclass ``Config`` (its fields are the flags) and ``run(config) -> int``. A command of
two words has its own module too: ``squeeze simulate`` is ``squeeze_simulate.py``.
"""

import importlib
import os
import signal
import sys
from collections.abc import Sequence

from arts.cli.ending import ended_by
from arts.cli.terminal import flushed, leave_stdout, put, put_text, say, streams
from arts.errors import ArtsError, UsageError, needs_extra
from arts.files import FULL

COMMANDS = {
    "demo": "sample, train, decide and report on the bundled model, in one go",
    "sample": "grow Sparse Deep Fork trees into a store",
    "train": "train a verifier on a store",
    "score": "write a verifier's scores for every node of a store",
    "evaluate": "compare every way of deciding on the same samples; write the report",
    "report": "compare two reports, or write the forms of one again",
    "solve": "answer one question, or a file of them",
    "squeeze simulate": "exact and simulated dynamics of the Normalization Squeeze: table and plots",
    "squeeze diagnose": "what reinforcement learning took from a model and gave it: two sets of samples compared",
    "rl": "fine-tune a model by GRPO (TRL) with the graders' rewards: the baseline",
    "store": "inspect, export or import tree stores",
    "problems": "list, show, fetch and check problem sets",
    "models": "list and fetch models",
    "testbed": "rebuild and compare the bundled model",
}

ENVIRONMENT = (
    ("TRANSFORMERS_VERBOSITY", "error"),
    ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
    ("HF_HUB_VERBOSITY", "error"),
    ("TOKENIZERS_PARALLELISM", "false"),
    ("OMP_WAIT_POLICY", "passive"),
)
"""Unless the user has set these otherwise: libraries speak only when something is wrong, and threads that wait for one
another sleep. Where cores are shared with other work, threads that spin instead made training six times slower."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (0 done, 1 failed, 2 usage, 128 + N ended by signal N)."""
    args = list(sys.argv[1:] if argv is None else argv)
    for setting in ENVIRONMENT:
        os.environ.setdefault(*setting)
    with streams(), ended_by() as signals:
        try:
            with needs_extra(f"arts {' '.join(args[:1])}"), flushed():
                return _run(args)
        except ArtsError as error:
            say(f"arts: {' '.join(str(error).split())}")
            return error.exit_code
        except BrokenPipeError:
            leave_stdout()  # its reader has left
            return 1
        except OSError as error:
            say(f"arts: {_os_error(error)}")
            leave_stdout()
            return 1
        except KeyboardInterrupt:
            ended = f"ended by {signals[0].name}" if signals else "interrupted"
            say(f"arts: {ended}; what was finished is kept, the same command goes on from there")
            return 128 + (signals[0] if signals else signal.SIGINT)


def _run(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help"):
        put_text(_overview())
        return 0 if args else 2
    if args[0] == "--version":
        from arts import __version__

        put(f"arts {__version__}")
        return 0
    words = 2 if " ".join(args[:2]) in COMMANDS else 1
    return _dispatch(" ".join(args[:words]), args[words:])


def _dispatch(name: str, args: list[str]) -> int:
    if name not in COMMANDS:
        raise UsageError(_unknown(name))
    from arts.cli.options import parse

    command = importlib.import_module(f"arts.cli.{name.replace(' ', '_')}")
    config = parse(command.Config, args, prog=f"arts {name}", description=command.__doc__ or "")
    if config is None:
        return 0
    code = command.run(config)
    assert isinstance(code, int)
    return code


def _unknown(name: str) -> str:
    import difflib

    longer = [command for command in COMMANDS if command.startswith(f"{name} ")]
    if longer:
        return f"'{name}' needs a second word: {' or '.join(f'arts {command}' for command in longer)}"
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"no command '{name}'{hint} (arts --help lists them)"


def _os_error(error: OSError) -> str:
    import errno

    place = f" ({error.filename})" if error.filename else ""
    match error.errno:
        case number if number in FULL:
            return f"the disk is full{place}; free some space and run the same command again"
        case errno.EACCES | errno.EROFS | errno.EPERM:
            return f"no permission to write{place}; choose another place or change its permissions"
        case errno.EAGAIN:
            return f"another process is writing this{place}; wait for it or stop it"
        case errno.EEXIST | errno.ENOTDIR:
            return f"a file is where a folder is needed{place}; choose another place"
        case _:
            return f"{error.strerror or error}{place}"


def _overview() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    return (
        "usage: arts COMMAND [flags]\n\n"
        "Better answers from a frozen language model: sample reasoning trees, train a flow verifier, decide.\n\n"
        f"{rows}\n\n"
        "arts COMMAND --help   flags of a command\n"
        "--config FILE.toml    take values from a file; flags win\n"
        "--dry-run             print the resolved configuration and stop"
    )
