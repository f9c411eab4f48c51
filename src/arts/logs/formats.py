"""Formats of logs, as data: where the rows of other tools hold problem, text, answer and verdict.

The field names are those of verl's ``_dump_generations``, of the completions that TRL's ``GRPOTrainer`` logs (1.16), of
lm-evaluation-harness with ``--log_samples``, of the events that openai/evals records, of the samples that inspect_ai
logs, of chat messages as OpenAI's API takes them, and of the files of its batch API. ``rows`` are names that many
scripts use.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from arts.logs.values import MISSING, look
from arts.problems.rows import Row

LogName = Literal[
    "auto", "flat", "verl", "trl", "lm-eval", "openai-evals", "openai-batch", "inspect", "chat", "rows", "custom"
]
"""``auto`` takes the first of the others whose marks the first row carries."""
VerdictsOf = Literal["key", "log"]
"""Who says what is correct. ``key``: the grader, where the log has a key, else the log. ``log``: the log, where it has
verdicts, else the grader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Where a log holds things: names, or paths with dots (``doc.question``); ``a|b`` is b where there is no a.

    What is empty is as the format has it.
    """

    id: str = ""
    """What problems are matched by; without it, by the question."""
    problem: str = ""
    """The question: text, or chat messages, of which those of the user count."""
    key: str = ""
    """The answer key."""
    level: str = ""
    """The problem's difficulty, a whole number or text that ends in one."""
    subject: str = ""
    """The problem's subject."""
    samples: str = ""
    """A list of samples in the row; the fields below are then those of a sample. Without it, the row is one sample, or
    several where ``text`` is a list (and ``answer`` and ``correct`` lists beside it)."""
    text: str = ""
    """The sampled solution: text, chat messages, or a list of its steps. Without ``samples``, a list of texts is one of
    steps where its field is called steps or the texts are numbered as steps, and of samples otherwise."""
    answer: str = ""
    """The answer that the tool has read off."""
    correct: str = ""
    """The verdict: true or false, a word such as correct and wrong, or a score, which is correct above
    ``correct_above``."""
    tokens: str = ""
    """How many tokens were generated."""
    logprob: str = ""
    """The log-probability of the whole text in nats."""
    finish: str = ""
    """Why the sample ended: "length" where it was cut at its token limit, or true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFormat:
    """A tool's format; ``marks`` are fields, or alternatives ``a|b``, that its rows carry, and no earlier format's."""

    name: LogName
    marks: frozenset[str]
    fields: Fields

    def fits(self, row: Row) -> bool:
        """Whether a row carries the marks."""
        return bool(self.marks) and all(look(mark, row) is not MISSING for mark in self.marks)


_FINISH = "finish_reason|stop_reason|truncated"
_AS_HERE = Fields(
    id="problem_id|id", level="level", subject="subject", tokens="tokens", logprob="logprob", finish=_FINISH
)
"""Names of our own, of formats that nobody else has fixed."""
FORMATS = (
    LogFormat(
        name="flat",
        marks=frozenset({"samples|rollouts"}),
        fields=replace(
            _AS_HERE,
            problem="problem|question",
            key="answer|gold",
            samples="samples|rollouts",
            text="steps|text",
            answer="answer",
            correct="correct",
        ),
    ),
    LogFormat(
        name="verl",
        marks=frozenset({"input", "output", "score"}),
        fields=Fields(problem="input", key="gts", text="output", answer="pred", correct="acc|score", finish=_FINISH),
    ),
    LogFormat(
        name="trl",
        marks=frozenset({"prompt", "completion"}),
        fields=Fields(
            problem="prompt",
            key="solution|answer",
            text="completion",
            correct="accuracy_reward|reasoning_accuracy_reward|correct|reward",
            finish=_FINISH,
        ),
    ),
    LogFormat(
        name="lm-eval",
        marks=frozenset({"doc_id", "resps"}),
        fields=Fields(
            id="doc_id",
            problem="doc.question|doc.problem|doc.query|arguments.gen_args_0.arg_0",
            key="target",
            level="doc.level",
            subject="doc.subject|doc.type",
            text="resps",
            answer="filtered_resps",
            correct="exact_match|math_verify|acc",
        ),
    ),
    LogFormat(
        name="openai-evals",
        marks=frozenset({"spec"}),
        fields=Fields(
            id="sample_id", problem="prompt", key="expected", text="sampled", answer="picked", correct="correct"
        ),
    ),
    LogFormat(
        name="openai-batch",
        marks=frozenset({"custom_id"}),
        fields=Fields(
            id="custom_id",
            problem="prompt",
            samples="choices",
            text="text",
            tokens="tokens",
            logprob="logprob",
            finish="finish_reason",
        ),
    ),
    LogFormat(
        name="inspect",
        marks=frozenset({"epoch", "input", "target", "messages"}),
        fields=Fields(
            id="id",
            problem="question",
            key="target",
            level="metadata.level",
            subject="metadata.subject",
            text="completion",
            answer="score.answer",
            correct="score.value",
            tokens="output_tokens",
        ),
    ),
    LogFormat(
        name="chat",
        marks=frozenset({"messages"}),
        fields=replace(
            _AS_HERE, problem="prompt", key="answer|key|solution", text="completion", correct="correct|score|reward"
        ),
    ),
    LogFormat(
        name="rows",
        marks=frozenset(
            {"problem|question|prompt", "model_response|response|model_output|output|completion|generation"}
        ),
        fields=Fields(
            id="id|problem_id|question_id|unique_id",
            problem="problem|question|prompt",
            key="correct_answer|ground_truth|gold_answer|gold|gt|target|reference_answer|answer",
            level="level",
            subject="subject",
            text="model_response|response|model_output|output|completion|generation",
            answer="predicted_answer|extracted_answer|model_answer|prediction|pred",
            correct="is_correct|correct",
            finish=_FINISH,
        ),
    ),
    LogFormat(name="custom", marks=frozenset(), fields=Fields(finish=_FINISH)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """How a log is read."""

    format: LogName = "auto"
    """The tool that wrote it."""
    fields: Fields = field(default_factory=Fields)
    """Where things are, if not where the format has them."""
    keys: str = ""
    """A problem set (a .jsonl file or a name as for arts problems) that the problems are taken from, with their
    questions and keys; they are found by the log's question, else by its id."""
    correct_above: float = 0.5
    """A verdict that is a number means correct above this: right for 0/1, for −1/1, and for a small format bonus."""
    where: tuple[str, ...] = ()
    """Only samples that meet all of these, FIELD=VALUE or an expression such as 'doc.level >= 4' over the fields of the
    sample or its row (docs/recorded-runs.md)."""
