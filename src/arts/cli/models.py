"""List the models that can be fetched, and fetch them."""

from dataclasses import dataclass
from typing import Literal

import tyro

from arts.cli.terminal import put, say
from arts.errors import UsageError
from arts.models import MODELS, fetch_model, model_folder


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts models``."""

    action: tyro.conf.Positional[Literal["list", "fetch"]]
    """list: the catalogue. fetch: bring a model onto this machine."""
    name: tyro.conf.Positional[str] = ""
    """Which one to fetch."""


def run(config: Config) -> int:
    """Do the action; data goes to stdout."""
    if config.action == "list":
        put("bundled             in the package   Apache-2.0  the testbed's 0.6 M-parameter model")
        for name, model in MODELS.items():
            where = "fetched" if (model_folder() / model.file).is_file() else f"{model.megabytes} MB to fetch"
            put(f"{name:<18}  {where:<15}  {model.licence:<10}  {model.about}")
        return 0
    if config.name not in MODELS:
        raise UsageError(f"no model '{config.name}' to fetch; there are: {', '.join(MODELS)}")
    say(f"fetching {config.name} ({MODELS[config.name].megabytes} MB)")
    put(fetch_model(config.name))
    return 0
