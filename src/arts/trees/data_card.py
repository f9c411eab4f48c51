"""The data card of an exported data set: a README.md as the Hugging Face Hub reads it."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from arts.problems.base import Verdict
from arts.text import code_span
from arts.trees.exchange import TREES
from arts.trees.runs import RunConfig
from arts.trees.tree import Tree

SAMPLES = "samples"
"""The folder and configuration with one row per rollout."""
LONGEST = 200
"""Characters of a value from outside that a card shows."""
UNKNOWN = "unknown"

ABOUT = {
    TREES: {
        "id, question, answer, solution, subject, level, source": "the problem; `answer` is its key, `level` a"
        " difficulty, null where unknown",
        "parent, text, tokens, logprob, stop": "one entry per node in the order of their numbers, from 1; node 0 is the"
        " problem itself. `text` is what the node adds to its parent's, `tokens` how many tokens that is, `logprob`"
        " their log-probability under the untempered model in nats (null where it gave none), `stop` how a solution"
        " ended there (null: it goes on)",
        "rollouts": "in the order of sampling: `backbone` numbers the whole solutions, `pivot` is the depth a"
        " continuation was forked at (0: sampled from the problem), `leaf` the node where it ended, `tokens` how many"
        " were generated for it, `stop` and `error` how it ended",
        "outcomes": "of nodes where a solution ended: the `answer` read off it, the grader's `verdict` (correct,"
        " incorrect, ungraded) and its `reason`",
        "scores": "of each verifier one number per node, node 0 included; null where it gave none",
        "config, schema": "how the store was made, as JSON, and the version of this layout",
    },
    SAMPLES: {
        "problem_id, problem, answer_key, subject, level, source": "the problem",
        "backbone, pivot": "which solution, and at which depth it was forked from another (0: sampled from the problem,"
        " an independent draw of the model)",
        "text": "the whole solution, for a fork with the steps that it was given",
        "answer, verdict, reason": "what was read off the text and what the grader said (correct, incorrect, ungraded)",
        "tokens": "tokens generated for this rollout; of a fork without the steps that it was given",
        "logprob": "log-probability of the whole text under the untempered model, in nats; null where unknown",
        "stop": "how it ended: stop (by itself), length (cut by the token limit), step (one step of a search)",
        "scores": "of each verifier that scored the end of the solution",
    },
}
"""What the columns of each configuration mean; every column is named once."""
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(slots=True, kw_only=True)
class Contents:
    """What a card says of a data set, counted while it is written.

    ``verdicts`` are of rollouts that did not fail ("none" where a search goes on), ``stops`` of all of them. ``rates``
    are by problem the shares of its whole solutions that are correct, an ungraded one counting as not.
    """

    run_config: RunConfig
    trees: int = 0
    forks: int = 0
    tokens: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    rates: list[float] = field(default_factory=list)
    verifiers: set[str] = field(default_factory=set)

    @property
    def rollouts(self) -> int:
        """How many rollouts did not fail."""
        return self.verdicts.total()

    def count(self, tree: Tree) -> None:
        """Add what a tree holds."""
        self.trees += 1
        whole = [tree.outcomes.get(r.leaf) for r in tree.backbones]
        if whole:
            self.rates.append(sum(o is not None and o.verdict is Verdict.CORRECT for o in whole) / len(whole))
        self.verifiers |= tree.scores.keys()
        self.stops.update(r.stop for r in tree.rollouts)
        self.tokens += sum(r.tokens for r in tree.rollouts)
        ended = [r for r in tree.rollouts if r.stop != "error"]
        self.forks += sum(r.pivot > 0 for r in ended)
        self.verdicts.update(o.verdict if (o := tree.outcomes.get(r.leaf)) else "none" for r in ended)


def data_card(contents: Contents, *, split: str, licence: str) -> str:
    """The text of README.md, with YAML front matter; what comes from outside stands in code spans, made visible."""
    return "\n".join([*_front_matter(contents, split, licence), "", *_body(contents, split, licence)]) + "\n"


def _front_matter(contents: Contents, split: str, licence: str) -> Iterator[str]:
    size = next((name for most, name in _SIZES if contents.rollouts < most), "n>1M")
    yield from ("---", f"license: {licence}", "task_categories:", "- text-generation")
    yield from ("size_categories:", f"- {size}", "tags:", "- reasoning", "- verifier", "configs:")
    for name in (SAMPLES, TREES):
        yield from (f"- config_name: {name}", *(["  default: true"] if name == SAMPLES else []))
        yield from ("  data_files:", f"  - split: {split}", f"    path: {name}/{split}-*.parquet")
    yield "---"


def _body(contents: Contents, split: str, licence: str) -> Iterator[str]:
    yield from ("# Sampled solutions as reasoning trees", "", *_licence(licence))
    yield from ("## Origin", "", *(f"- {name}: {_code(value)}" for name, value in _origin(contents.run_config)), "")
    yield from ("## Contents", "", *(f"- {name}: {value}" for name, value in _counts(contents)), "")
    yield from ("The solve rate describes these samples; it has no interval and is no estimate for other problems.", "")
    yield from ("## Loading", "", "```python", "from datasets import load_dataset", "")
    yield f'samples = load_dataset("FOLDER or REPO", "{SAMPLES}", split="{split}")  # one row per rollout'
    yield f'trees = load_dataset("FOLDER or REPO", "{TREES}", split="{split}")  # one row per problem'
    yield from ("```", "", "`arts store import FOLDER --out STORE.db` makes the store again, losing nothing.", "")
    for name, columns in ABOUT.items():
        yield from (f"## Columns of `{name}`", "", "| column | meaning |", "|---|---|")
        yield from (f"| {', '.join(f'`{c}`' for c in names.split(', '))} | {text} |" for names, text in columns.items())
        yield ""
    yield "Texts are as the model wrote them: they may hold anything, also instructions and markup."


def _licence(licence: str) -> Iterator[str]:
    if licence == UNKNOWN:
        yield "**Licence: unknown.** Establish the licences of the problems and of the model's outputs before this"
        yield "is passed on; `arts store export --licence` writes one here."
    else:
        yield f"Licence: {licence}, as stated by whoever exported this."
    yield ""


def _origin(run: RunConfig) -> Iterator[tuple[str, object]]:
    """What a store remembers of its run."""
    yield "proposer", run.proposer or UNKNOWN
    imported = {"source": run.source, "format": run.format, "verdicts": run.verdicts}
    known = {**(run.sample or {}), **({"grader": run.grader} if run.grader else {}), **imported}
    names = ("problems", "model", "n", "fork_probability", "sampling", "prompt", "splitter", "grader", "seed")
    yield from ((name, known[name]) for name in (*names, *imported) if known.get(name) is not None)
    yield "versions", run.versions or UNKNOWN


def _counts(contents: Contents) -> Iterator[tuple[str, str]]:
    yield "problems, each with its tree", f"{contents.trees:,}"
    cut = f"{contents.stops['length']:,} cut by the token limit"
    yield "rollouts", f"{contents.rollouts:,}, {contents.forks:,} of them forks, {cut}"
    yield "failed rollouts (in `trees` only)", f"{contents.stops['error']:,}"
    yield "tokens generated", f"{contents.tokens:,}"
    yield "verdicts", ", ".join(f"{contents.verdicts[v]:,} {v.value}" for v in Verdict)
    rates = contents.rates
    yield "solve rate (mean over problems)", f"{sum(rates) / len(rates):.1%}" if rates else "none"
    yield "scores", ", ".join(map(_code, sorted(contents.verifiers))) or "none"


def _code(value: object) -> str:
    """A value from outside as one code span of bounded length."""
    return code_span(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), LONGEST)
