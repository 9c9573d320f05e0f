"""kinisi runs on our positions, agrees, and gets the lags that it was meant to get."""

from __future__ import annotations

import time

import numpy as np
import pytest
from anodeflow.analysis.transport.diffusion import tracer_diffusivity
from anodeflow.analysis.transport.second_opinion import kinisi_diffusivity
from anodeflow.analysis.transport.walks import hopping_walk
from anodeflow.errors import InputError


def test_agrees_with_ours_at_little_cost():
    positions, truth = hopping_walk(np.random.default_rng(1), ions=150, frames=1000, vibration=0.2)
    # 0.07 ps is one of the time steps whose multiples, divided again, are cut to the wrong frame
    step = 0.07
    ours = tracer_diffusivity(positions, time_step_ps=step)
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - kinisi's generator
    begin = time.process_time()
    theirs = kinisi_diffusivity(positions, time_step_ps=step, window_start_ps=ours.window_ps[0], seed=1)
    assert time.process_time() - begin < 6
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002 - as above
    assert theirs.value == pytest.approx(truth / step * 1e-4, rel=0.1)
    assert abs(theirs.value - ours.quantity.value) < 3 * theirs.uncertainty
    assert theirs.interval95[0] < ours.quantity.value < theirs.interval95[1]
    again = kinisi_diffusivity(positions, time_step_ps=step, window_start_ps=ours.window_ps[0], seed=1)
    assert again.value == theirs.value


def test_plane_and_thinning():
    positions, truth = hopping_walk(np.random.default_rng(2), ions=60, frames=1200)
    plane = kinisi_diffusivity(positions[:, :, :2], time_step_ps=1.0, window_start_ps=1, seed=1, dimensions=2)
    assert plane.value == pytest.approx(truth * 1e-4, rel=0.15)


def test_window_must_leave_lags():
    positions, _ = hopping_walk(np.random.default_rng(2), ions=6, frames=50)
    with pytest.raises(InputError, match="fewer than three lags"):
        kinisi_diffusivity(positions, time_step_ps=1.0, window_start_ps=25, seed=1)
