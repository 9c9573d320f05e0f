"""Gaps, densities of states and charge displacement of what is known analytically."""

import numpy as np
import pytest
from anodeflow.analysis.electronic import (
    Bands,
    band_edges,
    charge_displacement,
    charge_quantities,
    density_of_states,
    gap_quantities,
    part_charge,
)
from anodeflow.analysis.structure.bader import BaderPartition
from anodeflow.errors import InputError

K = np.linspace(-0.5, 0.5, 24, endpoint=False)
WEIGHTS = np.full(24, 1 / 24)


def chain(hop=1.0, split=2.0, shift=0.0, spins=1):
    """Two bands of a chain, the upper one moved along k by half a zone, for an indirect gap, and a third far above."""
    low = -split / 2 + hop * (np.cos(2 * np.pi * K) - 1)
    high = split / 2 + hop * (1 - np.cos(2 * np.pi * (K - 0.5))) + shift
    energies = np.repeat(np.stack([low, high, np.full(len(K), 20.0)], axis=1)[None], spins, axis=0)
    half = np.full(energies.shape, 0.2)
    return Bands(energies, WEIGHTS, 0.0, {"Li": half, "Si": 3 * half})


@pytest.mark.parametrize("spins", [1, 2])
def test_gap_and_direct_gap_of_two_bands(spins):
    edges = band_edges(chain(spins=spins))
    assert edges.gap_eV == pytest.approx(2.0) and edges.valence_eV == pytest.approx(-1.0)
    # low = -1 + (c - 1), high = 1 + (1 + c): 4 eV apart at every k
    assert edges.direct_eV == pytest.approx(4.0)
    gap, direct = gap_quantities(chain(spins=spins), "PBE", "a chain")
    assert gap.value == pytest.approx(2.0) and direct.value == pytest.approx(4.0)
    assert "too small" in gap.warnings[0] and "24 irreducible" in gap.method
    unknown = gap_quantities(chain(), "HSE06", "a chain")[0]
    assert "error of HSE06's Kohn-Sham gap is not known" in unknown.warnings[0]


def test_crossing_bands_are_a_metal():
    (gap,) = gap_quantities(chain(split=0.0, shift=-1.5), "PBE", "a chain")
    assert gap.value == 0 and "metal" in gap.warnings[0]


def test_states_integrate_to_electrons_and_parts_add_up():
    for spins in (1, 2):
        found = density_of_states(chain(spins=spins), window_eV=(-8, 1), width_eV=0.1, points=2001)
        assert np.trapezoid(found.total, found.energies_eV) == pytest.approx(2.0, abs=1e-4)
    np.testing.assert_allclose(sum(found.by_element.values()), found.total, atol=1e-12)
    assert np.trapezoid(found.by_element["Si"], found.energies_eV) == pytest.approx(1.5, abs=1e-4)
    assert found.zero == "valence band edge" and found.zero_eV == pytest.approx(-1.0)


def test_bands_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="weights of k-points sum to 2"):
        Bands(np.zeros((1, 24, 2)), 2 * WEIGHTS, 0.0, {})
    with pytest.raises(InputError, match="weight for each k-point"):
        Bands(np.zeros((24, 2)), WEIGHTS, 0.0, {})
    with pytest.raises(InputError, match="projections"):
        Bands(np.zeros((1, 24, 2)), WEIGHTS, 0.0, {"Li": np.zeros((1, 24, 3))})
    with pytest.raises(InputError, match="no empty band"):
        band_edges(Bands(np.full((1, 24, 2), -1.0), WEIGHTS, 0.0, {}))
    with pytest.raises(InputError, match="rising window"):
        density_of_states(chain(), window_eV=(1, 1))


def test_moved_electrons_of_a_known_wave_in_a_triclinic_cell():
    """Electrons move by A sin along c: half the integral of |A sin| is A V / π."""
    cell = np.array([[3.0, 0, 0], [1.0, 2.5, 0], [0.7, -0.4, 6.0]])
    volume, amplitude = np.linalg.det(cell), 0.02
    wave = amplitude * np.sin(2 * np.pi * np.arange(48) / 48)
    whole = np.ones((8, 10, 48)) + wave
    found = charge_displacement(whole, [np.full((8, 10, 48), 0.4), np.full((8, 10, 48), 0.6)], cell)
    assert found.displaced.value == pytest.approx(amplitude * volume / np.pi, rel=2e-3)
    assert found.height_A[24] == pytest.approx(3.0) and found.moved_e[-1] == pytest.approx(0.0, abs=1e-12)
    # half of the cell gains what the other loses
    assert found.moved_e[23] == pytest.approx(amplitude * volume / np.pi, rel=2e-3)
    lost = charge_displacement(whole, [np.full((8, 10, 48), 0.9)], cell).displaced
    assert not lost.converged and "electrons fewer than the whole" in lost.warnings[0]
    with pytest.raises(InputError, match="different grids"):
        charge_displacement(whole, [np.ones((8, 10, 24))], cell)


def test_charges_by_element_carry_the_error_of_the_grid():
    def partition(*electrons, astray=0.0):
        return BaderPartition(np.array(electrons), np.ones(3), 3, astray, 0.5)

    found = charge_quantities(["Li", "Cl", "Li"], [3, 17, 3], partition(2.1, 17.8, 2.2), partition(2.15, 17.9, 2.2))
    lithium, chlorine = found
    assert lithium.value == pytest.approx(0.85) and lithium.uncertainty == pytest.approx(0.05)
    assert chlorine.value == pytest.approx(-0.8) and chlorine.uncertainty == pytest.approx(0.1)
    assert "0.800 to 0.900" in lithium.method and not lithium.warnings
    stray = charge_quantities(["Li"] * 3, [3] * 3, partition(2, 2, 2, astray=0.3), partition(2, 2, 2))[0]
    assert "0.30 electrons" in stray.warnings[0]
    transfer = part_charge(np.array([0.9, -0.8, 0.8]), (0, 2), 0.05)
    assert transfer.value == pytest.approx(1.7) and transfer.uncertainty == pytest.approx(0.1)
