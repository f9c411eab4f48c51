"""What of a text is its answer: not the thoughts before it, and not the turns of a chat behind it."""

import re
from collections import deque

_THOUGHTS = "think|thinking|thought|thoughts|reasoning|scratchpad"
_END = re.compile(rf"</(?:{_THOUGHTS})>|<\|end_of_thought\|>|◁/think▷|\[/THINK\]", re.IGNORECASE)
_START = re.compile(rf"<(?:{_THOUGHTS})>|<\|begin_of_thought\|>|◁think▷|\[THINK\]", re.IGNORECASE)
_TURN = re.compile(
    r"<\|(?:im_end|im_start|eot_id|end_of_text|endoftext|end|eom_id|start_header_id|user|assistant)\|>"
    r"|</s>|<end_of_turn>|<｜(?:end▁of▁sentence|User|Assistant)｜>"
)


def final_part(text: str) -> str:
    """What follows the thoughts, up to the end of the turn; empty where the thoughts do not end.

    >>> final_part("<think>7?</think>It is 8.<|im_end|>")
    'It is 8.'
    """
    if not any(sign in text for sign in "<◁["):
        return text
    last = deque(_END.finditer(text), maxlen=1)
    text = text[last[0].end() :] if last else text
    if _START.search(text):
        return ""
    return next((piece for piece in _TURN.split(text) if piece.strip()), "")
