"""Where and how a model runs; shared by every backend."""

from dataclasses import dataclass
from typing import Literal

from arts.config import require_at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """Where and how a model runs. A run may be taken up again with other options.

    ``kind``, ``device``, ``batch_size``, ``parallel`` and ``threads`` change the rounding of floating-point numbers
    and so, rarely, a sampled token; ``api`` decides the prompt, and what outgrows ``context_tokens`` fails. The rest
    changes nothing of what is sampled.
    """

    kind: Literal["auto", "transformers", "llamacpp"] = "auto"
    """Which library runs a local model; auto: llama.cpp for GGUF files, transformers otherwise."""
    device: str = "auto"
    """transformers: cpu, cuda, cuda:1, mps; auto takes the best there is."""
    batch_size: int = 512
    """transformers: rollouts decoded together."""
    parallel: int = 8
    """llama.cpp: rollouts decoded together."""
    context_tokens: int = 2048
    """llama.cpp: room for prompt and solution of one rollout."""
    threads: int | None = None
    """llama.cpp: threads; default all cores."""
    api: Literal["chat", "completions"] = "chat"
    """Endpoint: which of the two OpenAI interfaces to use."""
    key_env: str = "OPENAI_API_KEY"
    """Endpoint: environment variable that holds the key."""
    concurrency: int = 32
    """Endpoint: requests under way at once."""
    timeout_s: float = 300.0
    """Endpoint: deadline of one request."""
    retries: int = 4
    """Endpoint: further tries after a passing failure."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "batch_size", "parallel", "context_tokens", "threads", "concurrency")
        require_at_least(self, 0, "timeout_s", "retries")
