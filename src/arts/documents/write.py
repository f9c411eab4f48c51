"""A document in its forms: JSON beside it, Markdown, a self-contained HTML page, and its figures as files."""

from pathlib import Path

from arts.documents.data import as_json
from arts.documents.document import Document
from arts.documents.markdown import document_as_markdown
from arts.files import write_whole

FIGURES = "figures"
"""Folder of the figures, within that of the document."""


def write_document(
    document: Document, result: object, folder: Path, name: str, *, markdown: Document | None = None
) -> list[Path]:
    """The same for any document and the result that it shows, as ``name``.json, .md and .html.

    ``markdown`` is the document that the Markdown shows, where it is a shorter one.
    """
    data, forms = as_json(result), {}
    try:
        from arts.documents.figures import files
        from arts.documents.html import document_as_html
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe", "matplotlib"):
            raise
        drawn = {}
    else:
        drawn = {f.name: files(f) for s in document.sections for f in s.figures}
        forms = {f"{name}.html": document_as_html(document, {n: svg for n, (svg, _) in drawn.items()})}
    (folder / FIGURES if drawn else folder).mkdir(parents=True, exist_ok=True)
    for figure, (svg, png) in drawn.items():
        write_whole(folder / FIGURES / f"{figure}.svg", svg)
        write_whole(folder / FIGURES / f"{figure}.png", png)
    forms = {f"{name}.md": document_as_markdown(markdown or document, figures=bool(drawn)), **forms}
    readable = [write_whole(folder / file, text) for file, text in forms.items()]
    return [write_whole(folder / f"{name}.json", data), *readable]
