"""Bands, projections and all electrons of small cells through GPAW, and what goes wrong in a sentence."""

import dataclasses
import importlib.util
import sys

import numpy as np
import pytest
from anodeflow.analysis.electronic import Bands, band_edges, density_of_states
from anodeflow.analysis.structure.bader import bader_partition
from anodeflow.engines.gpaw import MissingGpawError, gpaw_protocol
from anodeflow.engines.gpaw_electronic import electronic_state
from anodeflow.engines.handled import ScfError
from anodeflow.errors import EngineError
from ase import Atoms
from ase.build import bulk

needs_gpaw = pytest.mark.skipif(
    importlib.util.find_spec("gpaw") is None, reason="GPAW is not installed: pip install 'anodeflow[dft]'"
)
COARSE = dataclasses.replace(gpaw_protocol("gpaw-fast"), cutoff_eV=200.0, k_spacing_per_A=1.0)


def lithium_chloride() -> Atoms:
    """A rock-salt cell of two atoms, strained so that no symmetry but inversion is left."""
    atoms = bulk("LiCl", "rocksalt", a=5.13)
    strain = np.array([[1.02, 0.01, 0], [0.01, 0.99, 0.015], [0, 0.015, 1]])
    atoms.set_cell(atoms.cell @ strain, scale_atoms=True)
    return atoms


@needs_gpaw
@pytest.mark.dft
def test_electrons_of_lithium_chloride_in_a_triclinic_cell(tmp_path):
    atoms = lithium_chloride()
    state = electronic_state(atoms, COARSE, tmp_path / "state")
    bands = Bands(state.energies_eV, state.weights, state.fermi_eV, state.projections)
    edges = band_edges(bands)
    assert 5.0 < edges.gap_eV < 8.0
    found = density_of_states(bands, window_eV=(-20, edges.gap_eV / 2), points=2001)
    assert np.trapezoid(found.total, found.energies_eV) == pytest.approx(8.0, abs=0.01)
    near_edge = (found.energies_eV > -3) & (found.energies_eV < 0.5)
    assert found.by_element["Cl"][near_edge].sum() > 2 * found.by_element["Li"][near_edge].sum()

    volume = atoms.get_volume()
    for density in (state.coarse_density_e_A3, state.density_e_A3):
        assert density.sum() * volume / density.size == pytest.approx(20.0, abs=1e-3)
    charges = atoms.numbers - bader_partition(state.density_e_A3, np.array(atoms.cell), atoms.positions).electrons
    assert charges.sum() == pytest.approx(0.0, abs=1e-3) and 0.8 < charges[0] < 1.0

    written = (tmp_path / "state" / "gpaw.txt").stat().st_mtime_ns
    again = electronic_state(atoms, COARSE, tmp_path / "state")
    assert (tmp_path / "state" / "gpaw.txt").stat().st_mtime_ns == written
    np.testing.assert_array_equal(again.energies_eV, state.energies_eV)
    np.testing.assert_array_equal(again.projections["Cl"], state.projections["Cl"])
    assert again.kpoints == state.kpoints and again.fermi_eV == state.fermi_eV


@needs_gpaw
@pytest.mark.dft
def test_failures_are_sentences(tmp_path):
    hopeless = dataclasses.replace(COARSE, iterations=1, density_tolerance=1e-13)
    with pytest.raises(ScfError, match="did not converge in 3 tries"):
        electronic_state(lithium_chloride(), hopeless, tmp_path / "scf")
    assert not (tmp_path / "scf" / "electronic.npz").exists()
    polonium = Atoms("LiPo", positions=[[0, 0, 0], [2, 2, 2]], cell=np.eye(3) * 4, pbc=True)
    with pytest.raises(EngineError, match="po needs a PAW data set of Po for PBE, and there is none"):
        electronic_state(polonium, COARSE, tmp_path / "po")
    close = Atoms("Li2", positions=[[0, 0, 0], [0.01, 0, 0]], cell=np.eye(3) * 4, pbc=True)
    with pytest.raises(EngineError, match=r"close has two atoms 0\.01 Å apart"):
        electronic_state(close, COARSE, tmp_path / "close")


def test_a_missing_gpaw_is_said_before_a_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gpaw", None)
    with pytest.raises(MissingGpawError, match="GPAW is not installed"):
        electronic_state(lithium_chloride(), COARSE, tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_parts_take_the_cut_off_of_the_whole():
    protocol = gpaw_protocol("gpaw-fast").common_to(["Li", "O"])
    assert protocol.cutoff_for(["Li"]) == protocol.cutoff_for(["O"]) == 350
