"""From scores to success probabilities."""

import json
from dataclasses import asdict, replace
from math import log

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import expit

from arts.config import from_dict
from arts.errors import InputError
from arts.verifiers.calibration import Calibration, fit_calibration, success_probability
from arts.verifiers.checkpoint import SavedVerifier, read_config, save_checkpoint
from arts.verifiers.modules import Architecture, make_scorer

NAN = float("nan")


def outcomes(seed=0, slope=0.5, offset=-1.0, size=20_000):
    """Scores, and success drawn with the odds slope · score + offset."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=size) * 3
    return scores, (rng.random(size) < expit(slope * scores + offset)).astype(float)


@pytest.mark.parametrize("unit", ["logit", "log_flow", "probability"])
def test_temperature_finds_the_odds(unit):
    scores, success = outcomes()
    found = fit_calibration(
        "temperature", expit(scores) if unit == "probability" else scores, unit, success, np.ones(len(scores))
    )
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.offset == pytest.approx(-1, abs=0.06)


def test_isotonic_gives_the_rates_whatever_the_shape():
    rng = np.random.default_rng(0)
    scores = rng.uniform(-2, 2, size=40_000)
    truth = np.where(scores < 0, 0.2, 0.9)
    found = fit_calibration(
        "isotonic", scores, "logit", (rng.random(len(scores)) < truth).astype(float), np.ones(len(scores))
    )
    grid = np.array([-1.9, -1, -0.2, 0.2, 1, 1.9])
    np.testing.assert_allclose(found(grid, "logit"), [0.2] * 3 + [0.9] * 3, atol=0.03)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
@given(scores=st.lists(st.floats(-8, 8), min_size=3, max_size=30), seed=st.integers(0, 99))
def test_values_are_probabilities_and_never_fall_as_scores_rise(method, scores, seed):
    column = np.array(scores)
    success = np.random.default_rng(seed).random(len(column))
    found = fit_calibration(method, column, "log_flow", success, np.ones(len(column)))
    values = found(np.linspace(-20, 20, 50), "log_flow")
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values) >= 0).all()


def test_states_count_by_their_weights_and_those_without_a_number_not_at_all():
    scores, success = np.array([0.0, 0, 5, NAN, 1]), np.array([0.0, 1, 1, 1, NAN])
    found = fit_calibration("isotonic", scores, "logit", success, np.array([3.0, 1, 1, 9, 9]))
    np.testing.assert_allclose(found(np.array([-9, 0, 5, 9, NAN]), "logit"), [0.25, 0.25, 1, 1, NAN])


@pytest.mark.parametrize(
    ("unit", "scores", "values"),
    [
        ("probability", [0.2, 1.0], [0.2, 1.0]),
        ("logit", [0.0, log(3)], [0.5, 0.75]),
        ("log_flow", [log(0.1), log(10), log(5.05), log(20), -9], [0, 1, 0.5, 1, 0]),
        ("rank", [1.0], [NAN]),
        ("log_probability", [-3.0], [NAN]),
    ],
)
def test_what_a_score_says_by_itself(unit, scores, values):
    np.testing.assert_allclose(success_probability(np.array(scores), unit), values, atol=1e-12)


def test_a_flow_is_read_between_its_own_rewards():
    np.testing.assert_allclose(success_probability(np.log([0.5, 1.25, 2]), "log_flow", contrast=4.0), [0, 0.5, 1])


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_a_calibration_survives_its_checkpoint(tmp_path, method):
    scores, success = outcomes(size=50)
    shape = Architecture(backbone="bundled", mode="frozen", trunk_width=32)
    saved = SavedVerifier(name="v", unit="logit", architecture=shape, per_step=True, reward_contrast=4.0)
    saved = replace(saved, calibration=fit_calibration(method, scores, "logit", success, np.ones(50)))
    save_checkpoint(tmp_path, saved, make_scorer(shape))
    assert read_config(tmp_path) == saved
    assert from_dict(Calibration, json.loads(json.dumps(asdict(saved.calibration)))) == saved.calibration


def test_a_damaged_calibration_is_one_line(tmp_path):
    shape = Architecture(backbone="bundled", mode="frozen", trunk_width=32)
    save_checkpoint(tmp_path, SavedVerifier(name="v", unit="logit", architecture=shape), make_scorer(shape))
    table = json.loads((tmp_path / "verifier.json").read_text())
    (tmp_path / "verifier.json").write_text(json.dumps({**table, "calibration": {"method": "magic"}}))
    with pytest.raises(InputError, match=r"calibration: method: expected one of") as error:
        read_config(tmp_path)
    assert "\n" not in str(error.value)
