"""From the name of a model to a proposer; the only place that knows all backends."""

import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from arts.errors import ModelError, UsageError, needs_extra
from arts.files import StrPath
from arts.models import resolve_model
from arts.proposers.base import Proposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.registry import find, imported

REFERENCE = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")
"""What ``module:attribute`` looks like; web addresses, paths and Hub ids do not."""


Backend = Callable[[str, PromptFormat, BackendOptions], Proposer]
"""Opens a model by its name, without the backend's own."""


def load_proposer(
    model: StrPath, *, prompt: PromptFormat = PromptFormat(), options: BackendOptions = BackendOptions()
) -> Proposer:
    """The proposer for ``bundled``, ``openai:URL#NAME``, a GGUF file, a model folder, a catalogue name or a Hub id.

    ``BACKEND:MODEL`` is a model of one of :data:`BACKENDS`. ``module:attribute`` is a proposer of your own, or a
    function ``f(prompt, options)`` that makes one.

    Raises:
        ModelError: nothing loadable under that name.
        MissingExtraError: the backend's library is not installed.
        UsageError: the endpoint's address or key is missing, or its interface does not fit the prompt settings.

    >>> import arts
    >>> proposer = arts.load_proposer("openai:http://localhost:8000/v1#qwen")  # doctest: +SKIP
    """
    model = os.fspath(model)
    scheme, _, rest = model.partition(":")
    if rest and scheme in BACKENDS:
        return find(BACKENDS, scheme, "backend")(rest, prompt, options)
    if REFERENCE.fullmatch(model) and not Path(model).exists():
        return _own(model, prompt, options)
    local = options.kind
    if local == "auto":
        local = "llamacpp" if resolve_model(model).endswith(".gguf") else "transformers"
    return find(BACKENDS, local, "backend")(model, prompt, options)


@asynccontextmanager
async def opened_proposer(
    model: StrPath | Proposer, prompt: PromptFormat, options: BackendOptions
) -> AsyncIterator[Proposer]:
    """The proposer, see :func:`load_proposer`; closed at the end unless it is the caller's."""
    named = isinstance(model, str | os.PathLike)
    proposer = load_proposer(model, prompt=prompt, options=options) if isinstance(model, str | os.PathLike) else model
    try:
        yield proposer
    finally:
        if named:
            await proposer.aclose()


def _own(name: str, prompt: PromptFormat, options: BackendOptions) -> Proposer:
    found = imported(name, "model")
    is_maker = callable(found) and (isinstance(found, type) or not isinstance(found, Proposer))
    made = found(prompt, options) if is_maker else found
    if not isinstance(made, Proposer):
        raise ModelError(f"{name}: neither a Proposer nor f(prompt, options) -> Proposer, but {type(made).__name__}")
    return made


def _endpoint(address: str, prompt: PromptFormat, options: BackendOptions) -> Proposer:
    from arts.proposers.openai import OpenAIProposer

    url, _, name = address.partition("#")
    if not _is_web_address(url) or not name:
        raise UsageError(f"openai:{address}: give openai:URL#MODEL, e.g. openai:http://localhost:8000/v1#qwen")
    return OpenAIProposer(url, name, prompt=prompt, options=options)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket left open, a port above 65535
        return False


def _resolved(model: str) -> tuple[str, str]:
    """File, folder or Hub id, and the name; files and folders give their own, which is not repeated here."""
    found = resolve_model(model)
    return found, model if found != model else ""


def _llamacpp(model: str, prompt: PromptFormat, options: BackendOptions) -> Proposer:
    found, name = _resolved(model)
    path = Path(found)
    if path.suffix != ".gguf":
        raise ModelError(f"{model}: llama.cpp reads .gguf files only; leave out --backend.kind")
    with needs_extra(f"{path.name}: running a GGUF file"):
        from arts.proposers.llamacpp import LlamaCppProposer
    return LlamaCppProposer.load(path, prompt=prompt, options=options, name=name)


def _transformers(model: str, prompt: PromptFormat, options: BackendOptions) -> Proposer:
    model, name = _resolved(model)
    folder = Path(model)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"{model}: no config.json in this folder; give a Hugging Face model folder")
        if not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
            raise ModelError(f"{model}: no weights (*.safetensors) in this folder; download the model again")
    elif model.startswith(("/", ".", "~")) or (folder.suffix == ".gguf" and not folder.is_file()):
        raise ModelError(f"{model}: no such model; give an existing folder, a .gguf file or a Hub id")
    with needs_extra(f"{model}: running a model folder"):
        from arts.proposers.transformers import TransformersProposer
    return TransformersProposer.load(model, prompt=prompt, options=options, name=name)


BACKENDS: dict[str, Backend | str] = {"openai": _endpoint, "llamacpp": _llamacpp, "transformers": _transformers}
"""By name the function that opens a model, or the ``module:function`` that is imported on use."""
