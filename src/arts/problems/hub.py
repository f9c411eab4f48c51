"""Rows from the Hugging Face Hub: the only place that reaches it for problems."""

import os
from collections.abc import Iterator

from arts.errors import ArtsError, needs_extra
from arts.problems.rows import Row


def hub_rows(repo: str, config: str | None, split: str, *, remedy: str) -> Iterator[tuple[int, Row]]:
    """Numbered rows of one split of a Hub data set.

    Raises:
        ArtsError: the Hub cannot be reached, or has no such set or split; the line ends with ``remedy``.
        MissingExtraError: the extra ``data`` is not installed.
    """
    with needs_extra(f"{repo}: a set of the Hugging Face Hub"):
        import datasets
    try:
        rows = datasets.load_dataset(repo, config, split=split)
    except (OSError, ValueError, RuntimeError) as error:
        detail = " ".join(str(error).split())[:200]
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
        raise ArtsError(f"{repo}: cannot be fetched from the Hub{offline}: {detail}; {remedy}") from error
    return enumerate(rows, start=1)
