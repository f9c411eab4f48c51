"""Ends of a run that come from outside."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

NAMES = ("SIGTERM", "SIGHUP")
"""What a scheduler sends before it kills, and a terminal that is closed."""


@contextlib.contextmanager
def ended_by() -> Iterator[list[signal.Signals]]:
    """Let these signals end a run as Ctrl-C does, by closing what is open; they are in the list when they come.

    A signal that is ignored, as by ``nohup``, stays ignored.
    """
    came: list[signal.Signals] = []

    def end(number: int, frame: FrameType | None) -> None:
        came.append(signal.Signals(number))
        interrupt = signal.getsignal(signal.SIGINT)  # asyncio has its own while it runs
        if not callable(interrupt):
            raise KeyboardInterrupt
        interrupt(number, frame)

    ours = []
    if threading.current_thread() is threading.main_thread():
        ours = [s for name in NAMES if (s := getattr(signal, name, None)) and signal.getsignal(s) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield came
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
