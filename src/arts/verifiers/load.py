"""From the name of a verifier to a verifier; torch is imported only for a trained one."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from arts.errors import InputError, needs_extra
from arts.files import StrPath
from arts.verifiers.base import MEMORY_TOKENS, Verifier
from arts.verifiers.simple import LikelihoodVerifier, length_verifier, oracle_verifier, random_verifier

SIMPLE: dict[str, Callable[[], Verifier]] = {
    "random": random_verifier,
    "likelihood": LikelihoodVerifier,
    "length": length_verifier,
    "oracle": oracle_verifier,
}


def load_verifier(spec: StrPath) -> Verifier:
    """A simple verifier by name, or a trained one by its checkpoint folder.

    >>> load_verifier("length").name
    'length'

    Raises:
        InputError: neither a name nor a checkpoint folder.
        MissingExtraError: a checkpoint without the extra ``torch``.
    """
    spec = os.fspath(spec)
    if spec in SIMPLE:
        return SIMPLE[spec]()
    folder = Path(spec)
    if not folder.is_dir():
        raise InputError(f"{spec}: no such verifier; give a folder that 'arts train' made, or: {', '.join(SIMPLE)}")
    with needs_extra(f"{spec}: a trained verifier"):
        from arts.verifiers.neural import NeuralVerifier
    return NeuralVerifier.load(folder)


def cached(verifier: Verifier, memory_tokens: int = MEMORY_TOKENS) -> Verifier:
    """The same verifier for tree search, keeping what it has computed; as it is where that cannot be done.

    Torch is not imported for a verifier without a network.
    """
    if "arts.verifiers.neural" not in sys.modules:
        return verifier
    from arts.verifiers.cached import CachedScoring, can_be_cached
    from arts.verifiers.neural import NeuralVerifier

    if isinstance(verifier, NeuralVerifier) and can_be_cached(verifier):
        return CachedScoring(verifier, memory_tokens=memory_tokens)
    return verifier
