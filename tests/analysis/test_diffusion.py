"""Tracer diffusion: the interval covers, motion that is not diffusive is refused, symmetries hold."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from anodeflow.analysis.transport.diffusion import tracer_diffusivity
from anodeflow.analysis.transport.walks import (
    back_hopping_walk,
    brownian_walk,
    caged_walk,
    exclusion_gas,
    hopping_walk,
    persistent_walk,
    unequal_walk,
)
from anodeflow.errors import InputError
from anodeflow.units import A2_PS_TO_CM2_S

# tracer coefficient of the gas of 64 ions on 125 sites over attempt rate times hop_length**2, from six runs of
# 20,000 frames fitted at lags of 50 to 200 frames: 0.0698(1)
GAS_TRACER = 0.0698

WALKS = {
    "brownian": lambda rng: brownian_walk(rng),
    "hopping": lambda rng: hopping_walk(rng),
    "rare hops": lambda rng: hopping_walk(rng, hops=1),
    "rare hops with vibration": lambda rng: hopping_walk(rng, hops=1, vibration=0.3),
    "exclusion gas": lambda rng: (exclusion_gas(rng)[0], GAS_TRACER * 9),
    "cage that diffuses": lambda rng: caged_walk(rng, diffusivity=0.02),
    "inertia": lambda rng: persistent_walk(rng),
    "half hop back": lambda rng: back_hopping_walk(rng),
    "unequal ions": lambda rng: unequal_walk(rng),
}

# few runs say whether these relax, so that the interval holds both possibilities
WIDE = ("half hop back", "inertia", "cage that diffuses")


def estimate(positions, **options):
    options.setdefault("minimum_msd_A2", 0.0)
    return tracer_diffusivity(positions, time_step_ps=1.0, **options).quantity


@pytest.mark.parametrize("walk", WALKS)
def test_interval_covers(walk):
    runs, inside, estimates = 100, 0, []
    for seed in range(runs):
        positions, truth = WALKS[walk](np.random.default_rng(7000 + seed))
        quantity = estimate(positions)
        if quantity.value is None:
            continue
        low, high = (bound / A2_PS_TO_CM2_S for bound in quantity.interval95)
        inside += low <= truth <= high
        estimates.append(quantity.value / A2_PS_TO_CM2_S / truth)
    # inertia of 8 frames in 500 leaves some runs without a window that can be shown
    assert len(estimates) > 0.9 * runs
    # 0.95 of 100 runs within three standard deviations of the count
    assert inside / len(estimates) >= 0.885
    assert inside < len(estimates) or walk in WIDE
    assert np.mean(estimates) == pytest.approx(1, abs=3.5 * np.std(estimates) / np.sqrt(runs) + 0.02)


def test_few_ions_are_cut_into_pieces():
    inside, runs = 0, 150
    for seed in range(runs):
        positions, truth = brownian_walk(np.random.default_rng(seed), ions=2, frames=1000)
        quantity = estimate(positions)
        low, high = quantity.interval95
        inside += low <= truth * A2_PS_TO_CM2_S <= high
    assert "pieces" in quantity.method
    assert 0.897 <= inside / runs <= 0.998


def test_ions_that_move_together_count_once():
    inside, runs, warned, count = 0, 100, 0, 0
    for seed in range(runs):
        groups, truth = brownian_walk(np.random.default_rng(seed), ions=4, frames=500)
        quantity = estimate(np.repeat(groups, 16, axis=1))
        if quantity.value is None:
            continue
        count += 1
        inside += quantity.interval95[0] <= truth * A2_PS_TO_CM2_S <= quantity.interval95[1]
        warned += any("in concert" in text for text in quantity.warnings)
    assert count > 80
    assert warned > 0.8 * runs
    assert inside / count >= 0.88
    assert inside / runs >= 0.88


def test_vibrating_crystal_is_not_diffusive():
    for seed in range(40):
        positions, _ = caged_walk(np.random.default_rng(seed), ions=54, frames=400, amplitude=0.25)
        result = tracer_diffusivity(positions, time_step_ps=0.1)
        assert result.quantity.value is None
        assert not result.quantity.converged
        assert result.window_ps is None
        assert "not diffusive yet" in result.quantity.warnings[0]
        assert "ps or more" in result.quantity.warnings[0]


def test_ballistic_motion_is_not_diffusive():
    rng = np.random.default_rng(3)
    velocity = rng.normal(0, 5, (64, 3))
    positions = np.arange(200)[:, None, None] * 0.01 * velocity
    result = tracer_diffusivity(positions, time_step_ps=0.01)
    assert result.quantity.value is None
    assert "slope still changes" in result.quantity.warnings[0]
    assert result.loglog_slope == pytest.approx(2, abs=0.01)


def test_too_few_hops_say_how_long_it_takes():
    positions, _ = hopping_walk(np.random.default_rng(1), hops=0.2, vibration=0.2)
    result = tracer_diffusivity(positions, time_step_ps=1.0)
    assert result.quantity.value is None
    assert "less than the 4 Å² of a hop" in result.quantity.warnings[0]


def test_window_begins_after_the_cage():
    positions, truth = caged_walk(np.random.default_rng(2), relaxation=5, diffusivity=0.02, frames=3000)
    result = tracer_diffusivity(positions, time_step_ps=0.1)
    assert result.window_ps[0] >= 1.0  # two relaxation times of 0.5 ps
    assert result.fit_intercept_A2 == pytest.approx(6 * 0.5**2, rel=0.4)
    assert result.fit_slope_A2_ps == pytest.approx(6 * truth / 0.1, rel=0.2)
    assert 0.5 < result.loglog_slope < 1.05


def test_time_step_and_plane():
    positions, truth = brownian_walk(np.random.default_rng(5), diffusivity=0.1)
    slow = estimate(positions)
    fast = tracer_diffusivity(positions, time_step_ps=0.25).quantity
    assert fast.value == pytest.approx(4 * slow.value)
    plane = estimate(positions[:, :, :2], dimensions=2)
    assert plane.value / A2_PS_TO_CM2_S == pytest.approx(truth, rel=0.06)


def test_given_window_is_used():
    positions, _ = brownian_walk(np.random.default_rng(5))
    result = tracer_diffusivity(positions, time_step_ps=0.1, window_start_ps=2.0, minimum_msd_A2=0)
    assert result.window_ps[0] == pytest.approx(2.0)


def test_symmetries():
    rng = np.random.default_rng(6)
    positions, _ = hopping_walk(rng, vibration=0.2)
    plain = estimate(positions)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    shuffled = positions[:, rng.permutation(64)]
    for moved in (positions @ rotation, positions + np.array([100.0, -40, 7]), shuffled, positions[::-1]):
        other = estimate(moved)
        assert other.value == pytest.approx(plain.value, rel=1e-9)
        assert other.uncertainty == pytest.approx(plain.uncertainty, rel=1e-9)
    single = estimate(positions.astype(np.float32))
    assert single.value == pytest.approx(plain.value, rel=1e-4)


def test_centre_of_mass_is_given_back():
    values = []
    for seed in range(60):
        positions, truth = brownian_walk(np.random.default_rng(seed), ions=8, frames=400)
        centred = positions - positions.mean(axis=1, keepdims=True)
        values.append([estimate(centred, centred_on_ions=flag).value / truth for flag in (False, True)])
    without, corrected = np.mean(values, axis=0) / A2_PS_TO_CM2_S
    assert without == pytest.approx(7 / 8, abs=0.03)
    assert corrected == pytest.approx(1, abs=0.03)


def test_record_is_plain_and_thin():
    positions, _ = brownian_walk(np.random.default_rng(8), ions=2, frames=30_000)
    result = tracer_diffusivity(positions, time_step_ps=0.01, species="Na", source="a.dump")
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert len(document["lag_time_ps"]) <= 200
    assert document["quantity"]["species"] == "Na"
    assert document["quantity"]["source"] == "a.dump"
    assert document["window_ps"][0] < document["window_ps"][1]


@pytest.mark.parametrize(("frames", "ions"), [(8, 2), (20, 2), (20, 64), (51, 1), (5000, 1), (100, 3)])
def test_small_inputs_give_a_result_or_a_reason(frames, ions):
    positions, truth = brownian_walk(np.random.default_rng(9), ions=ions, frames=frames)
    quantity = estimate(positions)
    if quantity.value is None:
        assert quantity.warnings
    else:
        low, high = (bound / A2_PS_TO_CM2_S for bound in quantity.interval95)
        assert low / 3 < truth < high * 3


def test_frozen_ions():
    assert estimate(np.ones((100, 20, 3))).value is None


def test_bad_input():
    good = np.zeros((20, 4, 3))
    with pytest.raises(InputError, match="shape"):
        estimate(good[:, :, :2])
    with pytest.raises(InputError, match="shape"):
        estimate(good[0])
    with pytest.raises(InputError, match="too few"):
        estimate(good[:5])
    with pytest.raises(InputError, match="no ion"):
        estimate(good[:, :0])
    broken = good.copy()
    broken[7, 0, 0] = np.nan
    with pytest.raises(InputError, match="frame 7"):
        estimate(broken)
    with pytest.raises(InputError, match="time between frames"):
        tracer_diffusivity(good, time_step_ps=0)


def test_fast_enough():
    positions, _ = brownian_walk(np.random.default_rng(10))
    estimate(positions)
    begin = time.process_time()
    for _ in range(5):
        estimate(positions)
    assert (time.process_time() - begin) / 5 < 0.05


def test_no_relaxation_costs_no_accuracy():
    # 64 ions of 500 frames hold 96,000 independent steps: a relative error of 0.46 %, which the shortest lag has
    errors = []
    for seed in range(60):
        positions, truth = brownian_walk(np.random.default_rng(9000 + seed))
        errors.append(estimate(positions).value / A2_PS_TO_CM2_S / truth - 1)
    assert np.sqrt(np.mean(np.square(errors))) < 0.007
