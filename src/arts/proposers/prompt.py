"""How a question becomes a prompt; shared by every backend."""

from dataclasses import dataclass
from typing import Literal

MATH_INSTRUCTION = "Reason step by step, and put your final answer within \\boxed{}."


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFormat:
    """Prompt settings.

    ``style``: ``chat`` uses the model's chat template with the state's text as the opening of the assistant's
    turn, ``plain`` is the question, a newline and the text, ``auto`` is chat when the model has a template.
    ``instruction`` follows the question after a blank line (chat style only); None means
    :data:`MATH_INSTRUCTION`. ``system`` is the system message; empty means the template's own.
    """

    style: Literal["auto", "chat", "plain"] = "auto"
    instruction: str | None = None
    system: str = ""

    def messages(self, question: str) -> list[dict[str, str]]:
        """The chat turns before the assistant's, in OpenAI form."""
        instruction = MATH_INSTRUCTION if self.instruction is None else self.instruction
        user = f"{question}\n\n{instruction}" if instruction else question
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": user}]

    def plain(self, question: str) -> str:
        """The prompt of ``plain`` style; the state's text follows directly."""
        return f"{question}\n"
