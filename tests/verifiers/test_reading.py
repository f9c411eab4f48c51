"""Reading steps: what is read of a step, and what follows for a state."""

import numpy as np
import pytest
import torch
from torch import tensor

from arts.verifiers.packing import Steps
from arts.verifiers.reading import SURE, Meaning, StepReader, along_paths

# root → a → b (ended), root → c; the last one is a step without text that ends a
ABOVE = [-1, 0, 1, 0, 1]
JUDGED = [False, True, True, True, False]
ENDED = [False, False, True, False, True]
SOUND = [9.0, 2.0, -1.0, 0.5, -9.0]
PROMISE = [0.3, -0.7, 5.0, 1.5, 5.0]


def steps():
    return Steps(
        tokens=torch.arange(5),
        sizes=torch.ones(5, dtype=torch.long),
        judged=tensor(JUDGED),
        above=tensor(ABOVE),
        ended=tensor(ENDED),
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


SOUNDNESS = [1.0, sigmoid(2.0), sigmoid(2.0) * sigmoid(-1.0), sigmoid(0.5), sigmoid(2.0)]


def test_success_is_the_product_of_the_steps_and_of_the_promise_until_the_end():
    logits = along_paths(torch.tensor([SOUND, PROMISE]).T, steps(), Meaning(unit="probability"))
    promised = [1.0 if ended else sigmoid(p) for ended, p in zip(ENDED, PROMISE, strict=True)]
    np.testing.assert_allclose(logits.sigmoid(), np.multiply(SOUNDNESS, promised), rtol=1e-5)


def test_a_log_flow_adds_the_reward_and_a_promise_of_any_size():
    flows = along_paths(torch.tensor([SOUND, PROMISE]).T, steps(), Meaning(unit="log_flow", contrast=16.0))
    promised = [0.0 if ended else p for ended, p in zip(ENDED, PROMISE, strict=True)]
    np.testing.assert_allclose(flows, np.log(4) + np.log(SOUNDNESS) + promised, rtol=1e-5)


@pytest.mark.parametrize("unit", ["probability", "log_flow"])
def test_without_the_promise_only_the_steps_so_far_count(unit):
    so_far = along_paths(torch.tensor([SOUND, PROMISE]).T, steps(), Meaning(unit=unit, contrast=1.0, promise=False))
    np.testing.assert_allclose(so_far.sigmoid() if unit == "probability" else so_far.exp(), SOUNDNESS, rtol=1e-5)


@pytest.mark.parametrize("sure", [SURE, 1e4])
def test_certainty_stays_finite_and_can_still_learn(sure):
    outputs = torch.full((5, 2), sure, requires_grad=True)
    logits = along_paths(outputs, steps(), Meaning(unit="probability"))
    assert torch.isfinite(logits).all()
    logits.sum().backward()
    assert torch.isfinite(outputs.grad).all()


def test_a_step_is_read_by_itself_from_all_of_its_tokens_in_their_order():
    torch.manual_seed(0)
    reader, sizes = StepReader(6, 16, 0.0).eval(), tensor([1, 3, 20])
    tokens = reader.tokens(torch.randn(24, 6))
    together = reader(tokens, sizes)
    alone = torch.cat([reader(part, tensor([len(part)])) for part in tokens.split(sizes.tolist())])
    torch.testing.assert_close(together, alone)
    for token in range(24):
        changed = tokens.clone()
        changed[token] += 1
        moved = (reader(changed, sizes) - together).abs().amax(dim=1) > 1e-5
        assert moved.tolist() == [token < 1, 1 <= token < 4, token >= 4]
    swapped = tokens[[0, 2, 1, *range(3, 24)]]
    assert not torch.allclose(reader(swapped, sizes)[1], together[1], atol=1e-5)
