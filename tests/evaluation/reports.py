"""Results of evaluations whose every name and text is hostile."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import msgspec

from arts.documents.data import as_json
from arts.documents.figures import files
from arts.documents.html import document_as_html
from arts.documents.markdown import document_as_markdown
from arts.evaluation.audit import audit
from arts.evaluation.cassette import Settings
from arts.evaluation.compare import compare
from arts.evaluation.evaluate import observe
from arts.evaluation.parts import About
from arts.evaluation.report.sections import evaluation
from arts.evaluation.results import Evaluation
from arts.evaluation.steps import own_reference
from arts.logs.samples import read_samples
from arts.problems.graders import make_grader

SCRIPT = "<script>alert('x')</script>"
BREAKOUT = "</pre></details></body>\"'><img src=x onerror=alert(1)>&lt;b&gt; {{ 7 * 7 }} {% x %}"
CONTROLS = "a\x00b\x1b[31mc\u202ed\u2066e\u200bf\x7f"
FENCES = "```\n# no heading\n~~~\n````"
SUBJECTS = ("a|b\nc", "plain & <i>simple</i>")
SCORE = "rm|<b>score</b>"
LONG = "y" * 1_000_000


def row(index, texts=(SCRIPT, BREAKOUT, CONTROLS, "honest")):
    samples = [
        {"text": f"{t}\nthe answer is {a}", "tokens": 20 + a, SCORE: index - 0.3 * (a == 1)}
        for t, a in zip(texts, (0, 1, 1, 2), strict=True)
    ]
    return {
        "problem": f"{SCRIPT} {index}",
        "answer": str(index % 3),
        "subject": SUBJECTS[index % 2],
        "level": index % 2 + 1,
        "id": f"p{index}",
        "samples": samples,
    }


def evaluate(folder, rows, verifiers=(), *, scores=(SCORE,), audited=False, calibrated=False, **settings):
    path = folder / "rollouts.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    grader = make_grader("exact")
    read = read_samples(path, splitter="newline", grader=grader)
    problems, trees = read.problems, read.trees
    observed = observe(
        problems,
        trees,
        verifiers,
        grader,
        Settings(**{"ks": (2, 4), **settings}),
        scores=[(name, "logit") for name in scores],
        reference=own_reference(trees) if calibrated else None,
    )
    found = audit(problems, trees, graders=("exact",)) if audited else None
    command = f"arts evaluate {SCRIPT} --n 2 4"
    about = About(command=command, commands=["arts sample", command], versions={"arts": "0"}, seed=0)
    return compare(replace(observed, about=about, audit=found))


def loaded(result):
    """A result as its file has it."""
    return json.loads(as_json(result))


def altered(result, change):
    """The result of ``arts evaluate`` after ``change`` of its JSON."""
    data = loaded(result)
    change(data)
    return msgspec.convert(data, Evaluation, str_keys=True)


class Page(HTMLParser):
    """What a browser would see: tags, attributes, running text, and the text of each table row."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.rows = set(), [], [], []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data):
        self.text.append(data)
        if self._cell:
            self.rows[-1][-1] += data

    @property
    def said(self):
        return "".join(self.text)


def markdown_rows(text):
    lines = [line for line in text.split("\n") if line.startswith("| ")]
    return [[unescaped(c.strip()) for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def unescaped(text):
    return re.sub(r"\\(.)", r"\1", text)


def to_markdown(result, **options):
    """The whole report of ``arts evaluate`` as Markdown."""
    return document_as_markdown(evaluation(result), **options)


def to_html(result):
    """Its page."""
    document = evaluation(result)
    return document_as_html(document, {f.name: files(f)[0] for s in document.sections for f in s.figures})
