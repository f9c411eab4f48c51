"""The report of ``arts evaluate``: its sections, sentences and tables."""

from pathlib import Path
from typing import TYPE_CHECKING

from arts.documents.write import write_document
from arts.evaluation.report.sections import evaluation

if TYPE_CHECKING:
    from arts.evaluation.results import Evaluation


def write_report(result: "Evaluation", folder: Path) -> list[Path]:
    """Write ``report.json``, ``report.md`` and, with the extra ``report``, ``report.html``; returns their paths.

    With that extra ``figures/NAME.svg`` and ``figures/NAME.png`` are there too. Each file is there whole or not at
    all, and where ``report.json`` is, the others are. The same result gives the same bytes.
    """
    return write_document(evaluation(result), result, folder, "report")
