"""Modes of springs with known answers, and the attempt frequency between them."""

import numpy as np
import pytest
from anodeflow.analysis.hops.vibrations import attempt_frequency, displaced, hop_rate_Hz, normal_modes
from anodeflow.errors import InputError
from anodeflow.units import BOLTZMANN_EV_K, SQRT_EV_A2_U_TO_THZ

MASSES = [6.94, 28.085, 32.06]


def test_the_unit_of_frequency_follows_from_the_si():
    joule, dalton = 1.602176634e-19, 1.66053906660e-27
    assert pytest.approx(np.sqrt(joule / 1e-20 / dalton) / (2 * np.pi) / 1e12, rel=1e-6) == SQRT_EV_A2_U_TO_THZ


def modes(curvatures, atoms=(0, 2), coupling=0.0):
    """Modes of atoms on springs along the axes, with a spring between atoms 0 and 2."""
    positions = np.arange(9.0).reshape(3, 3)
    hessian = np.diag(np.array(curvatures, dtype=float))
    for axis in range(3):
        hessian[axis, 6 + axis] = hessian[6 + axis, axis] = coupling
    moved = displaced(positions, atoms)
    forces = -((moved - positions).reshape(len(moved), -1) @ hessian).reshape(-1, 3, 3)
    return normal_modes(forces, atoms, MASSES), hessian


def test_frequencies_of_coupled_springs():
    curvatures = [3, 4, 5, 9, 9, 9, 6, 7, 8]
    found, hessian = modes(curvatures, coupling=1.5)
    pick = [0, 1, 2, 6, 7, 8]
    weight = np.repeat(np.sqrt([MASSES[0], MASSES[2]]), 3)
    expected = np.sqrt(np.linalg.eigvalsh(hessian[np.ix_(pick, pick)] / np.outer(weight, weight)))
    np.testing.assert_allclose(found.frequencies_THz, expected * SQRT_EV_A2_U_TO_THZ, rtol=1e-9)
    assert found.asymmetry < 1e-9 and found.imaginary == 0 and not found.whole


def test_the_attempt_frequency_is_vineyards_ratio():
    start, _ = modes([3, 4, 5, 9, 9, 9, 6, 7, 8])
    saddle, _ = modes([-2, 6, 7, 9, 9, 9, 6, 7, 8])
    assert saddle.imaginary == 1
    expected = np.sqrt(3 * 4 * 5 / (6 * 7) / MASSES[0]) * SQRT_EV_A2_U_TO_THZ
    quantity = attempt_frequency(start, saddle)
    assert quantity.value == pytest.approx(expected, rel=1e-9)
    assert "held still" in quantity.warnings[0]


def test_what_is_no_saddle_gives_no_frequency():
    start, _ = modes([3, 4, 5, 9, 9, 9, 6, 7, 8])
    second_order, _ = modes([-2, -1, 7, 9, 9, 9, 6, 7, 8])
    quantity = attempt_frequency(start, second_order)
    assert quantity.value is None and "2 imaginary modes" in quantity.warnings[0]
    assert attempt_frequency(second_order, start).value is None
    other, _ = modes([3, 4, 5, 9, 9, 9, 6, 7, 8], atoms=(0,))
    with pytest.raises(InputError, match="different atoms"):
        attempt_frequency(start, other)


def test_rates_follow_arrhenius():
    assert hop_rate_Hz(10.0, 0.5, 300.0) == pytest.approx(1e13 * np.exp(-0.5 / (BOLTZMANN_EV_K * 300)))
    with pytest.raises(InputError, match="not positive"):
        hop_rate_Hz(10.0, 0.5, 0.0)
