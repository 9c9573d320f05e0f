"""Collective diffusion, Haven ratio and Onsager coefficients of walks whose answers are exact."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.analysis.transport.collective import collective_diffusivity, haven_ratio, onsager_coefficients
from anodeflow.analysis.transport.conductivity import nernst_einstein_conductivity
from anodeflow.analysis.transport.diffusion import tracer_diffusivity
from anodeflow.analysis.transport.walks import brownian_walk, exclusion_gas, hopping_walk
from anodeflow.errors import InputError
from anodeflow.units import A2_PS_TO_CM2_S, BOLTZMANN_EV_K


def test_exclusion_gas_is_covered():
    runs, inside, haven_inside, havens = 120, 0, 0, []
    count = 0
    for seed in range(runs):
        # not the seeds that the estimator was made with
        positions, truth = exclusion_gas(np.random.default_rng(4000 + seed))
        collective = collective_diffusivity(positions, time_step_ps=1.0).quantity
        tracer = tracer_diffusivity(positions, time_step_ps=1.0, minimum_msd_A2=0).quantity
        if collective.value is None or tracer.value is None:
            continue
        count += 1
        low, high = collective.interval95
        inside += low <= truth * A2_PS_TO_CM2_S <= high
        ratio = haven_ratio(tracer, collective)
        # tracer coefficient of this gas: see test_diffusion
        haven_inside += ratio.interval95[0] <= 0.0698 * 9 / truth <= ratio.interval95[1]
        havens.append(ratio.value)
    assert count > 0.95 * runs
    assert 0.89 <= inside / count <= 0.995
    assert 0.89 <= haven_inside / count <= 0.995
    assert np.mean(havens) == pytest.approx(0.0698 * 9 / truth, rel=0.05)


def test_few_hops_count_in_the_error():
    inside, count = 0, 0
    for seed in range(150):
        positions, truth = hopping_walk(np.random.default_rng(seed), hops=1, vibration=0.2)
        quantity = collective_diffusivity(positions, time_step_ps=1.0).quantity
        if quantity.value is not None:
            count += 1
            inside += quantity.interval95[0] <= truth * A2_PS_TO_CM2_S <= quantity.interval95[1]
    assert inside / count >= 0.89


def test_concerted_motion_lowers_the_haven_ratio():
    # each group of 8 ions moves as one: the collective coefficient is 8 times the tracer's
    rng = np.random.default_rng(1)
    groups, _ = brownian_walk(rng, ions=16, frames=4000)
    positions = np.repeat(groups, 8, axis=1)
    tracer = tracer_diffusivity(positions, time_step_ps=1.0).quantity
    collective = collective_diffusivity(positions, time_step_ps=1.0).quantity
    ratio = haven_ratio(tracer, collective)
    assert ratio.value == pytest.approx(1 / 8, rel=0.15)
    assert ratio.interval95[0] < 1 / 8 < ratio.interval95[1]


def test_charges_weigh():
    positions, truth = brownian_walk(np.random.default_rng(2), ions=20, frames=3000)
    charges = np.where(np.arange(20) < 10, 1.0, -2.0)
    quantity = collective_diffusivity(positions, time_step_ps=1.0, charges=charges).quantity
    assert quantity.value / A2_PS_TO_CM2_S == pytest.approx(truth, rel=0.15)


def test_subtracted_mean_is_refused():
    positions, _ = brownian_walk(np.random.default_rng(3))
    positions -= positions.mean(axis=1, keepdims=True)
    with pytest.raises(InputError, match="subtracted as drift"):
        collective_diffusivity(positions, time_step_ps=1.0)
    with pytest.raises(InputError, match="charges"):
        collective_diffusivity(positions, time_step_ps=1.0, charges=np.ones(3))


def correlated_pair(seed, frames=1500):
    """Ten cations and ten anions with a shared part in their sums; returns the exact sums' coefficients too."""
    rng = np.random.default_rng(seed)
    cation = np.cumsum(rng.normal(0, 0.2, (frames, 10, 3)), axis=0)
    anion = np.cumsum(rng.normal(0, 0.1, (frames, 10, 3)), axis=0)
    shared = np.cumsum(rng.normal(0, 0.05, (frames, 1, 3)), axis=0)
    # steps of the sums along an axis: 10 * 0.2² + 100 * 0.05², 10 * 0.1² + 100 * 0.05², shared 100 * 0.05²
    steps = np.array([[0.4 + 0.25, 0.25], [0.25, 0.1 + 0.25]])
    return {"Li": cation + shared, "Cl": anion + shared}, steps


def test_onsager_coefficients_and_transference_numbers():
    volume, temperature = 2000.0, 600.0
    inside = conductive = 0
    runs = 120
    for seed in range(runs):
        positions, steps = correlated_pair(seed, 400)
        result = onsager_coefficients(
            positions, {"Li": 1.0, "Cl": -1.0}, time_step_ps=0.5, volume_A3=volume, temperature_K=temperature
        )
        truth = steps / 0.5 / 2 / (volume * BOLTZMANN_EV_K * temperature)
        if seed == 0:
            assert result.matrix == pytest.approx(result.matrix.T)
            assert np.all(np.abs(result.matrix - truth) < 4 * result.error)
        z = np.array([1.0, -1.0])
        share = z[0] * (truth @ z)[0] / (z @ truth @ z)
        lithium, chloride = result.transference
        assert lithium.value + chloride.value == pytest.approx(1)
        inside += lithium.interval95[0] <= share <= lithium.interval95[1]
        exact = z @ truth @ z * 1.602176634e-19 * 1e20
        conductive += result.conductivity.interval95[0] <= exact <= result.conductivity.interval95[1]
    assert 0.88 <= inside / runs <= 0.995
    assert 0.88 <= conductive / runs <= 0.995


def test_one_species_gives_nernst_einstein_of_the_collective_coefficient():
    positions, _ = exclusion_gas(np.random.default_rng(5), frames=2000)
    volume = (5 * 3.0) ** 3
    collective = collective_diffusivity(positions, time_step_ps=1.0, window_start_ps=1.0).quantity
    sigma = nernst_einstein_conductivity(collective, 64 / volume, temperature_K=600)
    whole = onsager_coefficients(
        {"Li": positions}, {"Li": 1.0}, time_step_ps=1.0, volume_A3=volume, temperature_K=600, window_start_ps=1.0
    )
    assert whole.conductivity.value == pytest.approx(sigma.value, rel=1e-6)
    assert whole.transference[0].value == pytest.approx(1)
    assert not any("independently" in text for text in sigma.warnings)
