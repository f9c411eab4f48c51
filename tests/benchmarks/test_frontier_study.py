"""The study that sets verifiers beside reinforcement learning: its sampler, its subsets, its crossings."""

from collections import Counter
from math import log, sqrt

import numpy as np
import pytest
from frontier import rare
from frontier.frontier_results import crossing
from frontier.power import PowerSampler


@pytest.mark.parametrize("moves", [0, 12])
def test_power_sampling_draws_from_the_power_of_whole_solutions(moves):
    alpha, chains = 2.0, 600
    sampler = PowerSampler("bundled", alpha=alpha, moves=moves, block=11, most=11)
    found, spent = sampler.chains(["solve 17 x = 5 mod 43"] * chains, seed=0)
    seen = Counter(tuple(chain.tokens) for chain in found)
    probability = {tuple(chain.tokens): sum(chain.target) for chain in found}
    (first, many), (second, fewer) = seen.most_common(2)
    error = log(many / fewer) - alpha * (probability[first] - probability[second])
    assert abs(error) < 3 * sqrt(1 / many + 1 / fewer) if moves else spent.max() <= 11
    assert sum(len(chain.tokens) for chain in found) <= spent.sum()


def test_what_a_block_labels_is_decided_in_the_others():
    base = np.zeros((2, 48), dtype=bool)
    base[0, 0] = True  # rare by the first block alone
    base[1] = True
    policy = np.zeros((2, 48), dtype=bool)
    labels = rare.labels(base, policy)
    assert labels["rare"].tolist() == [[True, False, False], [False] * 3]
    assert labels["extinct"].tolist() == [[True, False, False], [True] * 3]
    found = rare.measured(labels, {"blocks": np.array([[9, 0.5, 1], [1, 1, 1.0]]), "search": np.array([1.0, 0.5])})
    assert found["rare/times"].tolist() == [2, 0] and found["extinct/times"].tolist() == [2, 6]
    assert found["rare/blocks"].tolist() == [1.5, 0] and found["extinct/search"].tolist() == [2, 3]


def test_the_best_of_each_block_is_chosen_within_it():
    correct = np.array([[True] + [False] * 15 + [False] * 15 + [True]])
    scores = np.array([[1.0] + [0.0] * 15 + [1.0] + [0.0] * 15])
    assert rare.chosen(correct, scores).tolist() == [[1, 0]]
    assert rare.shares(correct).tolist() == [[1 / 16, 1 / 16]]


def test_curves_cross_between_points_on_a_logarithmic_scale():
    assert crossing([1e3, 1e5], [0.5, 0.7], 0.6) == pytest.approx(1e4)
    assert crossing([1e3, 1e5], [0.5, 0.7], 0.4) == 1e3
    assert crossing([1e3, 1e5], [0.5, 0.7], 0.8) is None
