"""What must not change when the same motion is written down differently, and what must scale."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.analysis.structure.profiles import density_profile, heights
from anodeflow.analysis.transport.arrhenius import arrhenius_fit
from anodeflow.analysis.transport.collective import collective_diffusivity, haven_ratio, onsager_coefficients
from anodeflow.analysis.transport.diffusion import tracer_diffusivity
from anodeflow.analysis.transport.regions import layer_diffusivity
from anodeflow.analysis.transport.walks import brownian_walk, hopping_walk
from anodeflow.quantity import Quantity
from anodeflow.units import BOLTZMANN_EV_K
from hypothesis import given, settings
from hypothesis import strategies as st

CELL = np.array([[8.0, 0.0, 0.0], [-4.0, 7.0, 0.0], [2.0, 1.0, 20.0]])
seeds = st.integers(0, 2**32 - 1)


def rotation(rng):
    matrix, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


def same(one, other):
    assert (one.value is None) == (other.value is None)
    if one.value is not None:
        assert other.value == pytest.approx(one.value, rel=1e-8)
        assert other.interval95 == pytest.approx(one.interval95, rel=1e-7)


@settings(max_examples=12, deadline=None)
@given(seed=seeds, ions=st.integers(2, 40), frames=st.integers(60, 400))
def test_frame_of_reference_does_not_matter(seed, ions, frames):
    rng = np.random.default_rng(seed)
    positions, _ = hopping_walk(rng, ions=ions, frames=frames, hops=20, vibration=0.2)
    moved = positions[:, rng.permutation(ions)] @ rotation(rng) + rng.normal(0, 50, 3)
    same(
        tracer_diffusivity(positions, time_step_ps=0.1).quantity,
        tracer_diffusivity(moved, time_step_ps=0.1).quantity,
    )
    if ions > 1:
        same(
            collective_diffusivity(positions, time_step_ps=0.1).quantity,
            collective_diffusivity(moved, time_step_ps=0.1).quantity,
        )


@settings(max_examples=12, deadline=None)
@given(seed=seeds, length=st.floats(0.3, 5.0), time=st.floats(0.01, 100.0))
def test_units_scale(seed, length, time):
    rng = np.random.default_rng(seed)
    positions, _ = brownian_walk(rng, ions=20, frames=200, diffusivity=0.5)
    one = tracer_diffusivity(positions, time_step_ps=1.0, minimum_msd_A2=0).quantity
    other = tracer_diffusivity(length * positions, time_step_ps=time, minimum_msd_A2=0).quantity
    assert (one.value is None) == (other.value is None)
    if one.value is not None:
        assert other.value == pytest.approx(one.value * length**2 / time, rel=1e-6)


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_copies_of_the_run_as_more_ions_agree_with_longer_statistics(seed):
    positions, _ = brownian_walk(np.random.default_rng(seed), ions=64, frames=400)
    whole = tracer_diffusivity(positions, time_step_ps=1.0, minimum_msd_A2=0, window_start_ps=1.0).quantity
    joined = np.concatenate([positions[:200], positions[200:]])
    same(whole, tracer_diffusivity(joined, time_step_ps=1.0, minimum_msd_A2=0, window_start_ps=1.0).quantity)
    halves = [
        tracer_diffusivity(part, time_step_ps=1.0, minimum_msd_A2=0, window_start_ps=1.0).quantity
        for part in (positions[:, :32], positions[:, 32:])
    ]
    # the fit is linear in the MSD but for its weights: two halves of the ions average to the whole
    assert np.mean([half.value for half in halves]) == pytest.approx(whole.value, rel=5e-3)


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_charges_change_sign_together(seed):
    rng = np.random.default_rng(seed)
    positions = {"Li": brownian_walk(rng, ions=6)[0], "Cl": brownian_walk(rng, ions=9)[0]}
    options = {"time_step_ps": 0.5, "volume_A3": 1000.0, "temperature_K": 500.0, "window_start_ps": 1.0}
    plus = onsager_coefficients(positions, {"Li": 1.0, "Cl": -1.0}, **options)
    minus = onsager_coefficients(positions, {"Li": -1.0, "Cl": 1.0}, **options)
    swapped = onsager_coefficients(dict(reversed(positions.items())), {"Li": 1.0, "Cl": -1.0}, **options)
    same(plus.conductivity, minus.conductivity)
    same(plus.conductivity, swapped.conductivity)
    same(plus.transference[0], minus.transference[0])
    same(plus.transference[0], swapped.transference[1])


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_profiles_follow_the_cell(seed):
    rng = np.random.default_rng(seed)
    positions = rng.random((5, 60, 3)) @ CELL
    cells = np.broadcast_to(CELL, (5, 3, 3))
    species = ["Li" if i % 3 else "Si" for i in range(60)]
    plain = density_profile(heights(positions, cells), species, layer_A=2.0)
    images = rng.integers(-3, 4, positions.shape) @ CELL
    turn = rotation(rng)
    turned = density_profile(heights((positions + images) @ turn, cells @ turn), species, layer_A=2.0)
    for name in ("Li", "Si"):
        # an atom on the very edge of a layer may fall to either side by rounding
        difference = np.abs(turned.density_per_A3[name] - plain.density_per_A3[name]).sum()
        assert difference <= 2.1 / (5 * abs(np.linalg.det(CELL)) / len(plain.z_A))


def test_layers_turn_with_the_cell_round():
    rng = np.random.default_rng(4)
    displacements, _ = brownian_walk(rng, ions=60, frames=300, diffusivity=0.05)
    height = np.mod(rng.random(60) * 20 + displacements[:, :, 2], 20.0)
    options = {"period_A": 20.0, "time_step_ps": 1.0, "layer_A": 5.0, "perpendicular": False}
    plain = layer_diffusivity(displacements[:, :, :2], height, **options)
    shifted = layer_diffusivity(displacements[:, :, :2], np.mod(height + 5.0, 20.0), **options)
    for index, item in enumerate(plain.parallel):
        same(item, shifted.parallel[(index + 1) % 4])


@settings(max_examples=15, deadline=None)
@given(energy=st.floats(0.05, 1.5), factor=st.floats(1e-3, 1e3), seed=seeds)
def test_arrhenius_scales_with_the_prefactor_only(energy, factor, seed):
    rng = np.random.default_rng(seed)
    kelvin = [500.0, 600.0, 700.0, 900.0]
    values = [1e-3 * np.exp(-energy / (BOLTZMANN_EV_K * t) + 0.05 * rng.normal()) for t in kelvin]

    def fit(scale):
        return arrhenius_fit(
            kelvin, [Quantity("tracer_diffusivity", scale * v, "cm^2/s", uncertainty=0.05 * scale * v) for v in values]
        )

    one, other = fit(1.0), fit(factor)
    assert other.activation_energy.value == pytest.approx(one.activation_energy.value, rel=1e-6)
    assert other.prefactor.value == pytest.approx(factor * one.prefactor.value, rel=1e-6)
    assert other.predict(300).value == pytest.approx(factor * one.predict(300).value, rel=1e-6)


def test_haven_ratio_of_independent_ions_is_one():
    positions, _ = brownian_walk(np.random.default_rng(7), ions=200, frames=3000)
    tracer = tracer_diffusivity(positions, time_step_ps=1.0).quantity
    ratio = haven_ratio(tracer, collective_diffusivity(positions, time_step_ps=1.0).quantity)
    assert ratio.interval95[0] < 1 < ratio.interval95[1]
