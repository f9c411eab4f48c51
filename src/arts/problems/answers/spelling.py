"""One spelling for answers that differ only in typography."""

from arts.problems.answers.typography import typeset


def normalise(answer: str) -> str:
    """A canonical spelling; idempotent. Answers with the same one are equal."""
    previous, text = None, answer
    while text != previous:
        previous, text = text, typeset(text)
    return text
