"""The library in memory gives what the program gives, in any frame."""

import numpy as np
import pytest
from anodeflow.engines.lammps.evaluate import evaluate
from anodeflow.engines.resources import Resources
from anodeflow.potentials.calculator import LammpsCalculator
from ase import Atoms

pytestmark = pytest.mark.engine


def test_the_library_gives_what_the_program_gives_in_any_frame(triclinic, lithium_silicon, tmp_path):
    random = np.random.default_rng(1)
    structure = triclinic.structure
    positions = structure.cart_coords + random.normal(0, 0.05, (len(structure), 3))
    program = evaluate(triclinic, positions[None], tmp_path / "program", Resources())
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    atoms = Atoms(triclinic.symbols, positions @ turn, cell=structure.lattice.matrix @ turn, pbc=True)
    atoms.calc = LammpsCalculator(lithium_silicon, tmp_path / "library")
    assert atoms.get_potential_energy() == pytest.approx(program.energies_eV[0], abs=1e-8)
    np.testing.assert_allclose(atoms.get_forces(), program.forces_eV_A[0] @ turn, atol=1e-8)
    # the stress is the slope of the energy over the strain
    stress = atoms.get_stress(voigt=False)
    strain = np.array([[1.0, 0.4, -0.2], [0.4, -0.5, 0.3], [-0.2, 0.3, 0.7]])
    energies = []
    for size in (-1e-4, 1e-4):
        strained = atoms.copy()
        strained.set_cell(atoms.cell[:] @ (np.eye(3) + size * strain), scale_atoms=True)
        strained.calc = atoms.calc
        energies.append(strained.get_potential_energy())
    slope = (energies[1] - energies[0]) / 2e-4 / atoms.get_volume()
    assert slope == pytest.approx((stress * strain).sum(), rel=1e-3)
    # atoms that left the cell are the same atoms
    atoms.positions += atoms.cell[1] * 3 - atoms.cell[0]
    assert atoms.get_potential_energy() == pytest.approx(program.energies_eV[0], abs=1e-8)
