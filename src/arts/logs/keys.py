"""Problems of a set, found for the rows of a log that has only their questions or their ids."""

from dataclasses import dataclass

from arts.errors import InputError
from arts.problems.base import Problem, question_key
from arts.problems.load import load_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """A problem set, by question and by id."""

    spec: str
    by_question: dict[str, Problem]
    by_id: dict[str, Problem]

    def find(self, question: str | None, name: str | None, place: str) -> Problem:
        """The problem with this question, up to white space, else with this id.

        Raises:
            InputError: there is none, or the id's problem asks something that the log's question does not contain.
        """
        asked = None if question is None else question_key(question)
        if asked is not None and (known := self.by_question.get(asked)):
            return known
        found = None if name is None else self.by_id.get(name)
        if found is None:
            raise InputError(
                f"{place}: {self.spec} has no problem with this question or with the id '{name}'; give the set that"
                " was sampled on, or say where its ids or bare questions are (fields.id, fields.problem)"
            )
        if asked is not None and question_key(found.question) not in asked:
            raise InputError(
                f"{place}: the question is not that of problem '{name}' of {self.spec}; name another id (fields.id)"
            )
        return found


def load_keys(spec: str) -> Keys:
    """The problems that ``spec`` names, see :func:`arts.problems.load.load_problems`."""
    problems = load_problems(spec)
    return Keys(
        spec=spec,
        by_question={question_key(p.question): p for p in problems},
        by_id={p.id: p for p in problems},
    )
