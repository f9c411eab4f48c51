"""The one exception tree.

Every failure that a user can cause or must know about is an :class:`ArtsError` whose text is a single line that
names the place (file, row, key, endpoint) and the remedy. The command line prints that line and exits with
:attr:`ArtsError.exit_code`; anything else that escapes is a bug of ours and keeps its traceback.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class ArtsError(Exception):
    """The run could not do what was asked (exit code 1).

    >>> from arts.verifiers.load import load_verifier
    >>> try:
    ...     load_verifier("no-such-folder")
    ... except ArtsError as error:
    ...     print(str(error).partition(";")[0])
    no-such-folder: no such verifier
    """

    exit_code = 1


class UsageError(ArtsError):
    """The request itself is wrong: a flag, a key, a combination (exit code 2)."""

    exit_code = 2


class InputError(UsageError):
    """A file or row cannot be read as what it claims to be (exit code 2)."""


class MissingExtraError(UsageError):
    """An optional dependency is needed; the text names the extra to install (exit code 2)."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'arts-llm[{extra}]'")


class ModelError(UsageError):
    """A model folder, file or name cannot be loaded (exit code 2)."""


class StoreError(ArtsError):
    """A tree store cannot be opened or written: locked, read-only, full disk, damaged (exit code 1)."""


class EndpointError(ArtsError):
    """A remote endpoint refused, failed or stalled beyond the allowed retries (exit code 1)."""


EXTRAS = {
    **dict.fromkeys(("torch", "transformers", "safetensors", "accelerate", "peft", "gguf"), "torch"),
    "xllamacpp": "local",
    **dict.fromkeys(("datasets", "pyarrow"), "data"),
    "reasoning_gym": "gym",
    "trl": "rl",
    **dict.fromkeys(("matplotlib", "jinja2", "markupsafe"), "report"),
}
"""Optional libraries and the extras that bring them."""


@contextmanager
def needs_extra(what: str, extra: str = "") -> Iterator[None]:
    """Imports inside may need an extra; ``extra`` is named where several could bring what is missing.

    Raises:
        MissingExtraError: an optional library is not installed; ``what`` needs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        raise MissingExtraError(what, extra or EXTRAS[error.name]) from error
