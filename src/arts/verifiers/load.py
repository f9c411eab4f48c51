"""From the name of a verifier to a verifier; torch is imported only for a trained one."""

from pathlib import Path

from arts.errors import InputError, MissingExtraError
from arts.verifiers.base import Verifier
from arts.verifiers.simple import length_verifier, likelihood_verifier, oracle_verifier, random_verifier

SIMPLE = {
    "random": random_verifier,
    "likelihood": likelihood_verifier,
    "length": length_verifier,
    "oracle": oracle_verifier,
}


def load_verifier(spec: str) -> Verifier:
    """A simple verifier by name, or a trained one by its checkpoint folder.

    Raises:
        InputError: neither a name nor a checkpoint folder.
        MissingExtraError: a checkpoint without the extra ``torch``.
    """
    if spec in SIMPLE:
        return SIMPLE[spec]()
    folder = Path(spec)
    if not folder.is_dir():
        raise InputError(f"{spec}: no such verifier; give a folder that 'arts train' made, or: {', '.join(SIMPLE)}")
    try:
        from arts.verifiers.neural import NeuralVerifier
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "transformers", "safetensors"):
            raise
        raise MissingExtraError(f"{spec}: a trained verifier", "torch") from error
    return NeuralVerifier.load(folder)
