"""The bundled small model, its problem generator and the recipe that made it."""

from pathlib import Path


def bundled_model() -> Path:
    """The folder of the shipped model, in Hugging Face format."""
    return Path(__file__).parent / "model"
