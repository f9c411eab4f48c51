"""The process that runs math-verify: one JSON line in, one out. Started by the pool, never imported by it.

It may hang or die on any pair; the pool sees to that. Everything it gets is data, nothing is evaluated.
"""

import contextlib
import json
import logging
import signal
import sys
from functools import lru_cache
from typing import Any

MEMORY_BYTES = 4 * 2**30


def _limit(deadline_s: float) -> None:
    """Have the system end this process if it outlives its pool in the middle of a pair."""
    with contextlib.suppress(AttributeError, ValueError):
        signal.setitimer(signal.ITIMER_REAL, deadline_s)


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main() -> None:
    """Serve pairs until standard input ends."""
    out, sys.stdout = sys.stdout, sys.stderr
    logging.disable(logging.CRITICAL)
    _limit_memory()
    from math_verify import parse, verify

    def parsed(text: str) -> Any:
        text = text.replace("\\$", "")
        return parse(text if "$" in text or "\\boxed" in text else f"${text}$", parsing_timeout=None)

    parse_key = lru_cache(maxsize=512)(parsed)

    def grade(key: str, answer: str) -> tuple[str, str]:
        gold = parse_key(key)
        if not gold:
            return "ungraded", "the key cannot be parsed"
        said = parsed(answer)
        if not said:
            return "incorrect", "the answer cannot be parsed"
        return ("correct" if verify(gold, said, timeout_seconds=None) else "incorrect"), ""

    print(json.dumps("ready"), file=out, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        _limit(2 * task["deadline_s"])
        try:
            reply = grade(task["key"], task["answer"])
        except (Exception, RecursionError) as error:
            # math-verify raises whatever sympy raises; the pair is reported as ungraded with the reason
            reply = "ungraded", f"math-verify failed: {type(error).__name__}"
        _limit(0)
        print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    main()
