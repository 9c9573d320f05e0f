"""The stiffness fitted to strained cells, its averages, and the strain itself."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.potentials.checks import measured_stiffness
from anodeflow.structures.elasticity import elastic_constants, hill_averages, stiffness_of, strained
from anodeflow.structures.phases import phase


def test_elastic_constants_of_a_known_triclinic_stiffness():
    rng = np.random.default_rng(0)
    half = rng.normal(0, 3, (6, 6))
    truth = half @ half.T + np.diag([90, 100, 110, 30, 35, 40.0])
    strain = np.concatenate([np.eye(6) * size for size in (-0.01, -0.005, 0.005, 0.01)])
    stress = strain @ truth + 0.3 + rng.normal(0, 0.01, strain.shape)
    found = elastic_constants(strain, stress)
    assert np.allclose(found.stiffness_GPa, found.stiffness_GPa.T)
    pull = (found.stiffness_GPa - truth) / found.error_GPa
    assert np.abs(pull).max() < 4
    assert found.stable
    isotropic = np.zeros((6, 6))
    lame, mu = 60.0, 40.0
    isotropic[:3, :3] = lame
    isotropic[np.arange(3), np.arange(3)] += 2 * mu
    isotropic[np.arange(3, 6), np.arange(3, 6)] = mu
    exact = elastic_constants(strain, strain @ isotropic)
    assert exact.bulk.value == pytest.approx(lame + 2 * mu / 3)
    assert exact.shear.value == pytest.approx(mu)
    assert exact.poisson.value == pytest.approx(lame / (2 * (lame + mu)))
    with pytest.raises(InputError, match="do not determine"):
        elastic_constants(strain[:2], stress[:2])
    unstable = isotropic.copy()
    unstable[3, 3] = -5
    assert elastic_constants(strain, strain @ unstable).bulk.value is None


def test_measured_constants_are_whole_and_stable():
    assert len(measured_stiffness()) >= 12
    for name, entry in measured_stiffness().items():
        stiffness = stiffness_of(entry.constants_GPa, phase(name).crystal_system)
        assert np.linalg.eigvalsh(stiffness).min() > 0, name
        assert entry.source
    bulk, shear, young, poisson = hill_averages(stiffness_of(measured_stiffness()["Mg"].constants_GPa, "hexagonal"))
    assert bulk == pytest.approx(35.3, abs=0.5)
    assert shear == pytest.approx(17.3, abs=0.5)
    assert young == pytest.approx(2 * shear * (1 + poisson))


@pytest.mark.parametrize("system", ["cubic", "hexagonal", "tetragonal"])
def test_stiffness_of_a_crystal_system_is_that_of_its_rotations(system):
    """Four- or sixfold turns about z, and for a cube about x too, leave it as it is."""
    names = {"cubic": "Si", "hexagonal": "Mg", "tetragonal": "beta-Sn"}
    stiffness = stiffness_of(measured_stiffness()[names[system]].constants_GPa, system)
    angle = np.pi / (3 if system == "hexagonal" else 2)
    about_z = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    turns = [about_z] + ([about_z[np.ix_([2, 0, 1], [2, 0, 1])]] if system == "cubic" else [])
    rng = np.random.default_rng(3)
    factor = np.array([1, 1, 1, 2, 2, 2])
    pairs = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    for turn in turns:
        half = rng.normal(size=(3, 3))
        strain = half + half.T
        stress = np.zeros((2, 3, 3))
        for k, tensor in enumerate((strain, turn @ strain @ turn.T)):
            voigt = stiffness @ (factor * [tensor[place] for place in pairs])
            for value, (i, j) in zip(voigt, pairs, strict=True):
                stress[k, i, j] = stress[k, j, i] = value
        assert np.allclose(turn @ stress[0] @ turn.T, stress[1])


def test_strain_of_a_triclinic_cell():
    cell = phase("Mg").structure.get_primitive_structure() * [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    strain = np.array([0.01, -0.02, 0.005, 0.004, -0.006, 0.008])
    before, after = np.asarray(cell.lattice.matrix), np.asarray(strained(cell, strain).lattice.matrix)
    gradient = np.linalg.solve(before, after) - np.eye(3)
    assert np.allclose(gradient, gradient.T)
    assert np.allclose([gradient[0, 0], gradient[1, 1], gradient[2, 2]], strain[:3])
    assert np.allclose([2 * gradient[1, 2], 2 * gradient[0, 2], 2 * gradient[0, 1]], strain[3:])


def test_constants_of_another_system_are_refused():
    with pytest.raises(InputError, match="not the elastic constants of a cubic crystal: it has C11, C12, C44"):
        stiffness_of({"C11": 1.0, "C33": 2.0}, "cubic")
    with pytest.raises(InputError, match="give those of a cubic, hexagonal or tetragonal one"):
        stiffness_of({"C11": 1.0}, "triclinic")
