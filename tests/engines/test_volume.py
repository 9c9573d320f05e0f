"""Equilibrium volumes: the same from any cell of a crystal, with the stress of the model as the judge."""

import numpy as np
import pytest
from anodeflow.engines.volume import equilibrium_volume
from anodeflow.units import EV_A3_TO_GPA
from ase.calculators.emt import EMT
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

CRYSTAL = Structure(Lattice([[3.9, 0, 0], [0.4, 3.8, 0], [-0.3, 0.2, 4.0]]), ["Cu", "Au", "Cu", "Au"],
                    [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])  # fmt: skip


def emt(folder):
    return EMT()


def stress_GPa(structure):
    atoms = AseAtomsAdaptor.get_atoms(structure)
    atoms.calc = EMT()
    return atoms.get_stress(voigt=False) * EV_A3_TO_GPA


def test_the_pressure_vanishes_and_a_supercell_gives_the_same(tmp_path):
    one = equilibrium_volume(CRYSTAL, emt, tmp_path / "one")
    assert abs(np.trace(stress_GPa(one.structure)) / 3) < 0.2
    large = CRYSTAL.copy()
    large.make_supercell([2, 1, 1])
    two = equilibrium_volume(large, emt, tmp_path / "two")
    assert two.scale == pytest.approx(one.scale, abs=1e-6)
    assert two.energy_eV == pytest.approx(2 * one.energy_eV, abs=1e-6)
    assert two.bulk_modulus_GPa == pytest.approx(one.bulk_modulus_GPa, rel=1e-4)
    np.testing.assert_allclose(two.structure.lattice.matrix, large.lattice.matrix * two.scale, atol=1e-9)


def test_a_plane_keeps_its_third_vector(tmp_path):
    found = equilibrium_volume(CRYSTAL, emt, tmp_path, plane=True)
    np.testing.assert_array_equal(found.structure.lattice.matrix[2], CRYSTAL.lattice.matrix[2])
    assert found.scale != 1 and abs(stress_GPa(found.structure)[0, 0] + stress_GPa(found.structure)[1, 1]) < 1.0
