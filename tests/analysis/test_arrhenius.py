"""Activation energies: coverage, prediction, change of slope, points that cannot be used."""

from __future__ import annotations

import json

import numpy as np
import pytest
from anodeflow.analysis.transport.arrhenius import arrhenius_fit
from anodeflow.analysis.transport.diffusion import tracer_diffusivity
from anodeflow.analysis.transport.walks import hopping_walk
from anodeflow.errors import InputError
from anodeflow.quantity import Quantity
from anodeflow.units import BOLTZMANN_EV_K


def coefficient(value, relative, **more):
    return Quantity(
        "tracer_diffusivity",
        value,
        "cm^2/s",
        uncertainty=value * relative,
        interval95=(value * np.exp(-1.96 * relative), value * np.exp(1.96 * relative)),
        species="Li",
        **more,
    )


def law(temperature, energy=0.4, prefactor=1e-3):
    return prefactor * np.exp(-energy / (BOLTZMANN_EV_K * temperature))


def test_four_walks_give_a_covering_energy():
    energy, temperatures, runs, inside, hit = 0.3, (600, 700, 850, 1000), 200, 0, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        quantities = []
        for temperature in temperatures:
            hops = 60 * np.exp(-energy / BOLTZMANN_EV_K * (1 / temperature - 1 / 1000))
            positions, _ = hopping_walk(rng, ions=32, frames=300, hops=hops)
            quantities.append(tracer_diffusivity(positions, time_step_ps=1.0, minimum_msd_A2=0).quantity)
        fit = arrhenius_fit(temperatures, quantities)
        low, high = fit.activation_energy.interval95
        inside += low <= energy <= high
        truth = 60 * np.exp(-energy / BOLTZMANN_EV_K * (1 / 300 - 1 / 1000)) / 300 * 9 / 6 * 1e-4
        low, high = fit.predict(300).interval95
        hit += low <= truth <= high
    assert 0.90 <= inside / runs <= 0.99
    assert 0.90 <= hit / runs <= 0.99


def test_exact_data_come_back():
    temperatures = [500, 600, 800]
    fit = arrhenius_fit(temperatures, [coefficient(law(t), 0.05) for t in temperatures])
    assert fit.activation_energy.value == pytest.approx(0.4, abs=1e-9)
    assert fit.prefactor.value == pytest.approx(1e-3, rel=1e-9)
    assert fit.activation_energy.converged
    # by hand: s / sqrt(sum of (x - mean)^2)
    x = 1 / (BOLTZMANN_EV_K * np.array(temperatures))
    assert fit.activation_energy.uncertainty == pytest.approx(0.05 / np.sqrt(((x - x.mean()) ** 2).sum()), rel=1e-6)
    assert fit.predict(700).value == pytest.approx(law(700), rel=1e-9)
    assert not fit.predict(700).warnings
    assert "carried" in fit.predict(300).warnings[-1]
    near, far = fit.predict(650), fit.predict(300)
    assert far.uncertainty / far.value > 3 * near.uncertainty / near.value
    json.dumps(fit.to_dict(), allow_nan=False)


def test_order_does_not_matter():
    temperatures = [900, 500, 700, 600]
    values = [coefficient(law(t) * (1 + 0.02 * i), 0.05) for i, t in enumerate(temperatures)]
    one = arrhenius_fit(temperatures, values)
    other = arrhenius_fit(temperatures[::-1], values[::-1])
    assert one.activation_energy.value == pytest.approx(other.activation_energy.value, rel=1e-12)


def test_change_of_slope_is_split():
    temperatures = [400, 450, 500, 550, 700, 800, 900, 1000]
    crossing = 600

    def bent(temperature):
        energy = 0.5 if temperature < crossing else 0.2
        return 1e-5 * np.exp(-energy / BOLTZMANN_EV_K * (1 / temperature - 1 / crossing))

    rng = np.random.default_rng(1)
    values = [coefficient(bent(t) * np.exp(0.05 * rng.normal()), 0.05) for t in temperatures]
    fit = arrhenius_fit(temperatures, values)
    assert len(fit.segments) == 2
    low, high = (part.activation_energy for part in fit.segments)
    assert low.value == pytest.approx(0.5, abs=0.03)
    assert high.value == pytest.approx(0.2, abs=0.03)
    assert fit.activation_energy.value == low.value
    assert "not averaged" in fit.activation_energy.warnings[0]
    assert fit.predict(350).value == pytest.approx(bent(350), rel=0.3)
    assert fit.predict(950).value == pytest.approx(bent(950), rel=0.1)


def test_straight_lines_are_rarely_split():
    temperatures = [400, 500, 600, 700, 800, 1000]
    rng = np.random.default_rng(2)
    split = 0
    for _ in range(200):
        values = [coefficient(law(t) * np.exp(0.1 * rng.normal()), 0.1) for t in temperatures]
        split += len(arrhenius_fit(temperatures, values).segments) > 1
    assert split <= 7  # 1 % of 200, and its Poisson tail


def test_scatter_beyond_the_errors_enlarges_them():
    # an even zigzag has no curvature: it must widen the error, not split the line
    temperatures = [1 / (x / 1000) for x in (1.0, 1.25, 1.5, 1.75, 2.0, 2.25)]
    values = [coefficient(law(t) * 1.2 ** (-1) ** i, 0.02) for i, t in enumerate(temperatures)]
    honest = [coefficient(law(t), 0.02) for t in temperatures]
    fit, straight = arrhenius_fit(temperatures, values), arrhenius_fit(temperatures, honest)
    assert len(fit.segments) == 1
    assert any("scatter" in text for text in fit.activation_energy.warnings)
    assert fit.activation_energy.uncertainty > 5 * straight.activation_energy.uncertainty


def test_unusable_points_are_named():
    temperatures = [400, 500, 600, 700, 800]
    values = [coefficient(law(t), 0.05) for t in temperatures]
    values[0] = Quantity("tracer_diffusivity", None, "cm^2/s", converged=False, warnings=("not diffusive yet: frozen",))
    values[1] = coefficient(law(500), 0.05, converged=False)
    fit = arrhenius_fit(temperatures, values)
    assert fit.activation_energy.converged
    assert "left out: 400 K (not diffusive yet)" in fit.activation_energy.warnings
    assert "left out: 500 K (not converged)" in fit.activation_energy.warnings
    assert fit.points[0].left_out == "not diffusive yet: frozen"
    few = arrhenius_fit(temperatures[:4], values[:4])
    assert few.activation_energy.value is not None
    assert not few.activation_energy.converged
    none = arrhenius_fit(temperatures[:3], values[:3])
    assert none.activation_energy.value is None
    assert "three temperatures" in none.activation_energy.warnings[0]
    assert none.predict(300).value is None


def test_bad_input():
    good = coefficient(1e-6, 0.1)
    with pytest.raises(InputError, match="temperatures for"):
        arrhenius_fit([300], [good, good])
    with pytest.raises(InputError, match="temperature is"):
        arrhenius_fit([-300], [good])
    with pytest.raises(InputError, match="m\\^2/s"):
        arrhenius_fit([300], [Quantity("tracer_diffusivity", 1.0, "m^2/s", uncertainty=0.1)])


def test_temperatures_that_are_another_state_are_left_out_with_their_reason():
    """A melt at the hottest point would bend the line; named, it is shown but not fitted."""
    temperatures = [700, 750, 800, 850]
    crystal = [1e-3 * np.exp(-0.5 / (8.617333262e-5 * t)) for t in temperatures]
    crystal[-1] *= 20.0
    points = [
        Quantity("tracer_diffusivity", value, "cm^2/s", uncertainty=0.05 * value, method="made up", species="Li")
        for value in crystal
    ]
    fit = arrhenius_fit(temperatures, points, left_out={850: "melted, Si diffuses too"})
    assert fit.activation_energy.value == pytest.approx(0.5, abs=0.001)
    assert [point.left_out for point in fit.points] == ["", "", "", "melted, Si diffuses too"]
    assert any("850 K (melted" in warning for warning in fit.activation_energy.warnings)
    assert len(fit.segments) == 1
    assert len(arrhenius_fit(temperatures, points).segments) == 2
