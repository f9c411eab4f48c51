"""The commands behind the paper's table, in order, and what the rehearsal replaces in them."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RL_CONFIG = HERE.parents[1] / "examples" / "rl-qwen2.5-7b.toml"
STAGES = ("rl", "sample", "train", "evaluate")
"""The published policy makes ``rl`` unnecessary; the others are the three commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One ``arts`` command: ``name`` is its table in small.toml, ``produces`` what must be there afterwards."""

    name: str
    command: str
    config: Path
    flags: tuple[str, ...] = ()
    produces: Path

    def argv(self, *, small: bool) -> list[str]:
        """Words after ``arts``; ``small`` adds the rehearsal's values as flags."""
        extra = flags(overrides().get(self.name, {})) if small else []
        return [self.command, "--config", str(self.config), *self.flags, *extra]


def steps(stage: str) -> list[Step]:
    """The commands of one of the :data:`STAGES`."""
    match stage:
        case "rl":
            return [Step(name="rl", command="rl", config=RL_CONFIG, produces=Path(read_toml(RL_CONFIG)["out"]))]
        case "sample":
            return [_step(name, "sample", "store") for name in ("trees", "samples", "policy")]
        case "train":
            return list(_verifiers())
        case _:
            return [_step(name, "evaluate", "out", "report.json") for name in ("evaluate", "evaluate-policy")]


def grid() -> list[tuple[str, int, Path]]:
    """Objective, seed and folder of every verifier that evaluate.toml names, where a folder is OBJECTIVE-SEED."""
    families = [text.partition("=")[2] for text in read_toml(HERE / "evaluate.toml")["verifiers"] if "=" in text]
    folders = [Path(folder) for family in families for folder in family.split(",")]
    return [(f.name.rpartition("-")[0], int(f.name.rpartition("-")[2]), f) for f in folders]


def overrides() -> dict[str, dict[str, Any]]:
    """What the rehearsal replaces, by step: the tables of small.toml."""
    return read_toml(HERE / "small.toml")


def flags(table: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Values of a TOML table as flags of the command line."""
    words: list[str] = []
    for key, value in table.items():
        name = f"{prefix}{key.replace('_', '-')}"
        if isinstance(value, Mapping):
            words += flags(value, f"{name}.")
        elif isinstance(value, bool):
            head, _, last = name.rpartition(".")
            words.append(f"--{head}{'.' if head else ''}{'' if value else 'no-'}{last}")
        else:
            words += [f"--{name}", str(value)]
    return words


def _step(name: str, command: str, output: str, file: str = "") -> Step:
    config = HERE / f"{name}.toml"
    return Step(name=name, command=command, config=config, produces=Path(read_toml(config)[output]) / file)


def _verifiers() -> Iterator[Step]:
    for objective, seed, folder in grid():
        given = ("--training.objective", objective, "--training.seed", str(seed), "--out", str(folder))
        yield Step(
            name="verifier",
            command="train",
            config=HERE / "verifier.toml",
            flags=given,
            produces=folder / "verifier.safetensors",
        )


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))
