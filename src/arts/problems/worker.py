"""The process that runs math-verify: one JSON line in, one out. Started by the pool, never imported by it.

It may hang or die on any pair; the pool sees to that. Everything it gets is data, nothing is evaluated.
"""

import contextlib
import json
import logging
import signal
import sys

MEMORY_BYTES = 4 * 2**30


def limit_cpu(seconds: float) -> None:
    """Have the system end this process when it has computed for so long, 0 for never; where it can, see the pool."""
    with contextlib.suppress(AttributeError, ValueError):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main() -> None:
    """Serve pairs until standard input ends."""
    out, sys.stdout = sys.stdout, sys.stderr
    logging.disable(logging.CRITICAL)
    _limit_memory()
    from arts.problems.answers.equality import equal
    from arts.problems.answers.reading import read
    from arts.problems.mathematics import UnreadableKeyError, judge

    def grade(key: str, answer: str) -> tuple[str, str]:
        try:
            return ("correct" if equal(read(key), read(answer), judge) else "incorrect"), ""
        except UnreadableKeyError as error:
            return "ungraded", str(error)

    print(json.dumps("ready"), file=out, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        limit_cpu(task["deadline_s"])
        try:
            reply = grade(task["key"], task["answer"])
        except (Exception, RecursionError) as error:
            # math-verify raises whatever sympy raises; the pair is reported as ungraded with the reason
            reply = "ungraded", f"math-verify failed: {type(error).__name__}"
        limit_cpu(0)
        print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    main()
