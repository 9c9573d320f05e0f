"""Vogel–Fulcher–Tammann fits and the finite-size correction, by hand and by simulation of their own law."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.analysis.transport.finite_size import yeh_hummer_correction
from anodeflow.analysis.transport.vft import vft_fit
from anodeflow.errors import InputError
from anodeflow.quantity import Quantity
from anodeflow.units import BOLTZMANN_EV_K


def coefficient(value, relative):
    return Quantity("tracer_diffusivity", value, "cm^2/s", uncertainty=value * relative, species="Li")


def test_vft_parameters_are_covered():
    kelvin = np.array([300, 325, 350, 400, 450, 520, 600])
    truth = 1e-3 * np.exp(-0.08 / (BOLTZMANN_EV_K * (kelvin - 200)))
    rng = np.random.default_rng(1)
    inside = preferred = 0
    for _ in range(60):
        noisy = truth * np.exp(0.05 * rng.normal(size=len(kelvin)))
        fit = vft_fit(kelvin, [coefficient(value, 0.05) for value in noisy])
        inside += fit.vogel_temperature.interval95[0] <= 200 <= fit.vogel_temperature.interval95[1]
        preferred += fit.preferred
    assert inside >= 52
    assert preferred >= 58
    assert fit.pseudo_activation_energy.value == pytest.approx(0.08, rel=0.3)


def test_a_straight_plot_does_not_ask_for_it():
    kelvin = np.array([400, 500, 600, 700, 800])
    fit = vft_fit(kelvin, [coefficient(1e-3 * np.exp(-0.3 / (BOLTZMANN_EV_K * t)), 0.05) for t in kelvin])
    assert not fit.preferred
    assert not fit.vogel_temperature.converged
    assert "Arrhenius line fits as well" in fit.vogel_temperature.warnings[0]
    with pytest.raises(InputError, match="three parameters"):
        vft_fit(kelvin[:3], [coefficient(1e-6, 0.1)] * 3)


def test_finite_size_by_hand():
    # water at 298 K, 0.9 mPa s, 20 Å: 2.837297 * k T / (6 pi eta L) = 3.44e-6 cm²/s
    result = yeh_hummer_correction(coefficient(2e-5, 0.05), box_length_A=20, viscosity_mPa_s=0.9, temperature_K=298.15)
    by_hand = 2.837297 * 1.380649e-23 * 298.15 / (6 * np.pi * 0.9e-3 * 20e-10) * 1e4
    assert result.value - 2e-5 == pytest.approx(by_hand, rel=1e-6)
    assert any("liquids" in text for text in result.warnings)
    wide = yeh_hummer_correction(
        coefficient(2e-5, 0.05),
        box_length_A=20,
        viscosity_mPa_s=Quantity("viscosity", 0.9, "mPa s", uncertainty=0.3),
        temperature_K=298.15,
    )
    assert wide.uncertainty == pytest.approx(np.hypot(1e-6, by_hand / 3), rel=1e-6)
    with pytest.raises(InputError):
        yeh_hummer_correction(coefficient(2e-5, 0.1), box_length_A=-1, viscosity_mPa_s=1, temperature_K=300)
