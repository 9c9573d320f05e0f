"""CP2K behind the same door as GPAW: what is missing or fails is a sentence, and forces are slopes of energies."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from anodeflow.engines import cp2k
from anodeflow.engines.cp2k import CP2K_PROTOCOLS, Cp2kCalculator, MissingCp2kError, cp2k_installed
from anodeflow.engines.dft_cards import find_dft_card
from anodeflow.engines.handled import ScfError, handled_here
from anodeflow.engines.levels import find_level, is_dft_level, level_names
from anodeflow.errors import EngineError, InputError
from ase import Atoms
from ase.build import bulk

STORED = Path(__file__).with_name("failures")
needs_cp2k = pytest.mark.skipif(
    not cp2k_installed(), reason="CP2K is not installed: there is no cp2k_shell (Debian: cp2k and cp2k-data)"
)
COARSE = dataclasses.replace(
    CP2K_PROTOCOLS["cp2k-fast"], cutoff_Ry=60.0, k_spacing_per_A=1.5, scf_tolerance=1e-5, basis="SZV-MOLOPT-SR-GTH"
)


def silicon_germanium(shift=0.0):
    """A zinc-blende cell of two atoms, strained so that three angles differ, one atom off its place."""
    atoms = bulk("SiGe", "zincblende", a=5.55)
    atoms.set_cell(atoms.cell @ np.array([[1.02, 0.01, 0], [0.01, 0.99, 0.015], [0, 0.015, 1]]), scale_atoms=True)
    atoms.positions[1] += (0.25 + shift) * np.array([0.6, -0.8, 0.0])
    return atoms


def test_levels_are_known_without_cp2k(monkeypatch):
    monkeypatch.setenv("ANODEFLOW_CP2K", "/nowhere/cp2k_shell")
    assert "cp2k-fast" in level_names() and is_dft_level("cp2k-moderate") and not is_dft_level("chgnet")
    card = find_dft_card("cp2k-fast").entry()
    assert card["style"] == "cp2k" and not card["installed"]
    with pytest.raises(MissingCp2kError, match=r"CP2K is not installed: there is no /nowhere/cp2k_shell\. Install it"):
        find_level("cp2k-fast")


def test_elements_without_a_basis_are_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("CP2K_DATA_DIR", str(tmp_path))
    (tmp_path / "BASIS_MOLOPT").write_text(" Li  DZVP-MOLOPT-SR-GTH DZVP-MOLOPT-SR-GTH-q3\n 1\n Cl SZV-MOLOPT-SR-GTH\n")
    assert cp2k.cp2k_elements() == ("Li",)
    cp2k.check_cp2k_elements(["Li"], "DZVP-MOLOPT-SR-GTH")
    with pytest.raises(InputError, match="CP2K has no basis set DZVP-MOLOPT-SR-GTH of Cl"):
        cp2k.check_cp2k_elements(["Li", "Cl"], "DZVP-MOLOPT-SR-GTH")


def test_stored_outputs_are_explained():
    found = cp2k.explain_abort((STORED / "cp2k-basis.txt").read_text(), "cp2k.out")
    assert str(found).startswith("CP2K has no basis set DZVP-MOLOPT-SR-GTH of U (cp2k.out). Take another level")
    other = (STORED / "cp2k-basis.txt").read_text().replace("The requested basis set", "There is something else")
    assert str(cp2k.explain_abort(other)).startswith("CP2K stopped: There is something else")
    # CP2K 2023.1 only warns here, and hands out the energy
    unconverged = (STORED / "cp2k-scf.txt").read_text()
    assert cp2k.explain_abort(unconverged) is None
    assert unconverged.count(cp2k._NOT_CONVERGED) == 2 and "Total FORCE_EVAL ( QS ) energy" in unconverged


@pytest.mark.parametrize("mesh", [(1, 1, 1), (2, 2, 2), (4, 3, 2), (5, 1, 3)])
def test_points_and_their_opposites_make_the_mesh_around_gamma(mesh):
    found = {}
    for point, weight in cp2k.kpoint_list(mesh):
        for one in (point, tuple(-x for x in point)):
            key = tuple(round(x * n) % n for x, n in zip(one, mesh, strict=True))
            found[key] = found.get(key, 0.0) + weight / 2
    assert (0, 0, 0) in found and len(found) == np.prod(mesh)
    np.testing.assert_allclose(list(found.values()), 1 / np.prod(mesh))


@needs_cp2k
@pytest.mark.dft
def test_forces_are_slopes_of_energies_and_a_density_that_fails_is_tried_again(tmp_path):
    calculator = Cp2kCalculator(dataclasses.replace(COARSE, iterations=4), tmp_path)
    energies, slopes = [], []
    for shift in (-0.02, 0.02):
        atoms = silicon_germanium(shift)
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy())
        forces = atoms.get_forces()
        assert np.abs(forces.sum(axis=0)).max() < 0.1
        slopes.append(-forces[1] @ [0.6, -0.8, 0.0])
    calculator.close()
    assert (energies[1] - energies[0]) / 0.04 == pytest.approx(np.mean(slopes), rel=0.03)
    assert 1 < np.mean(slopes) < 20, "a slope worth comparing"
    handled = handled_here(tmp_path)
    assert handled and handled[0].handler == "SCF not converging" and "at most 16 iterations" in handled[0].changed


@needs_cp2k
@pytest.mark.dft
@pytest.mark.filterwarnings("ignore:CP2K-shell not ready")
def test_what_cp2k_refuses_is_a_sentence(tmp_path):
    uranium = Atoms("LiU", positions=[[0, 0, 0], [2, 2, 2]], cell=np.eye(3) * 4, pbc=True)
    uranium.calc = Cp2kCalculator(COARSE, tmp_path / "u")
    with pytest.raises(EngineError, match="CP2K has no basis set SZV-MOLOPT-SR-GTH of U"):
        uranium.get_potential_energy()
    hopeless = silicon_germanium()
    hopeless.calc = Cp2kCalculator(dataclasses.replace(COARSE, iterations=1, scf_tolerance=1e-14), tmp_path / "scf")
    monkey = pytest.MonkeyPatch()
    monkey.setattr(Cp2kCalculator, "_iterations", lambda self: 1)
    with monkey.context(), pytest.raises(ScfError, match="did not converge in 3 tries: SCF run NOT converged"):
        hopeless.get_potential_energy()
    monkey.undo()
    assert len(handled_here(tmp_path / "scf")) == 2
