"""Problems of a set, found for the rows of a log that has only their questions or their ids."""

from arts.errors import InputError
from arts.problems.base import Problem, question_key
from arts.problems.load import load_problems


class Keys:
    """The problems that ``spec`` names (:func:`arts.problems.load.load_problems`), by question and by id."""

    def __init__(self, spec: str) -> None:
        problems = load_problems(spec)
        self._spec = spec
        self._by_question = {question_key(p.question): p for p in problems}
        self._by_id = {p.id: p for p in problems}

    def find(self, question: str | None, name: str | None, place: str) -> Problem:
        """The problem with this question, up to white space, else with this id.

        Raises:
            InputError: there is none, or the id's problem asks something that the log's question does not contain.
        """
        asked = None if question is None else question_key(question)
        if asked is not None and (known := self._by_question.get(asked)):
            return known
        found = None if name is None else self._by_id.get(name)
        if found is None:
            raise InputError(
                f"{place}: {self._spec} has no problem with this question or with the id '{name}'; give the set that"
                " was sampled on, or say where its ids or bare questions are (fields.id, fields.problem)"
            )
        if asked is not None and question_key(found.question) not in asked:
            raise InputError(
                f"{place}: the question is not that of problem '{name}' of {self._spec}; name another id (fields.id)"
            )
        return found
