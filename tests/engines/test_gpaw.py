"""DFT through GPAW: a band that is stopped goes on, and what is missing is said in a sentence."""

import dataclasses
import functools
import importlib.util
import itertools
import sys

import numpy as np
import pytest
from anodeflow.engines import gpaw, levels
from anodeflow.engines.gpaw import MissingGpawError, gpaw_installed, gpaw_protocol
from anodeflow.engines.handled import ScfError, handled_here
from anodeflow.engines.images import ImageSet
from anodeflow.engines.levels import find_level
from anodeflow.engines.neb import NebSettings, run_neb
from anodeflow.engines.volume import equilibrium_volume
from anodeflow.errors import EngineError, InputError
from anodeflow.structures.hop_ends import CrystalHop, hop_ends
from anodeflow.structures.paths import interpolate
from anodeflow.structures.phases import phase
from pymatgen.io.ase import AseAtomsAdaptor

needs_gpaw = pytest.mark.skipif(
    importlib.util.find_spec("gpaw") is None, reason="GPAW is not installed: pip install 'anodeflow[dft]'"
)


def test_levels_are_known_without_gpaw():
    assert gpaw_protocol("gpaw-moderate").cutoff_eV == 300
    assert "gpaw-fast" in levels.level_names()
    with pytest.raises(InputError, match="no DFT level is called 'gpaw-best'"):
        gpaw_protocol("gpaw-best")


def test_a_missing_gpaw_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpaw", None)  # Python's own mark of a module that cannot be imported
    assert not gpaw_installed()
    with pytest.raises(MissingGpawError, match=r"GPAW is not installed\. Install it with: pip install"):
        find_level("gpaw-fast")


def test_protocols_become_better_and_say_what_they_cost():
    order = [gpaw.PROTOCOLS[f"gpaw-{name}"] for name in ("fast", "moderate", "precise")]
    assert all(a.cutoff_eV < b.cutoff_eV for a, b in itertools.pairwise(order))
    assert all(a.k_spacing_per_A > b.k_spacing_per_A for a, b in itertools.pairwise(order))
    assert all(one.cost for one in order)


@needs_gpaw
@pytest.mark.dft
def test_lithium_in_eight_silicon_atoms_and_going_on_after_a_stop(tmp_path):
    """Coarse settings and unrelaxed ends: forces agree with energies, and a stopped band goes on."""
    hop = CrystalHop("interstitial", "Li", ((0.5, 0.5, 0.5), (0.75, 0.75, 0.75)))
    band = interpolate(hop_ends(phase("Si").structure, hop, (1, 1, 1)), 3)
    factory = functools.partial(gpaw.gpaw_calculator, dataclasses.replace(gpaw_protocol("gpaw-fast"), cutoff_eV=180.0))
    stopped = run_neb(band, factory, tmp_path, NebSettings(0.05, steps=1), workers=2)
    assert not stopped.converged and stopped.steps == 1
    result = run_neb(band, factory, tmp_path, NebSettings(0.05, steps=30), workers=2)
    assert result.converged and result.climbing_image == 1
    assert 0.3 < result.energies_eV[1] - result.energies_eV[0] < 0.9
    again = run_neb(band, factory, tmp_path, NebSettings(0.05, steps=30))
    assert again.force_calls == 0

    positions = band.positions[1].copy()
    direction = np.zeros_like(positions)
    direction[-1] = [0.6, -0.8, 0.0]
    positions += 0.1 * direction
    moved = {n: positions + step * direction for n, step in enumerate((0.0, -0.02, 0.02))}
    with ImageSet(factory, band.symbols, band.cell, tmp_path / "slope") as images:
        found = images.evaluate(moved)
    slope = (found[2].energy_eV - found[1].energy_eV) / 0.04
    assert slope == pytest.approx(-(found[0].forces_eV_A * direction).sum(), abs=0.03)


@needs_gpaw
@pytest.mark.dft
def test_an_image_that_leaves_its_symmetry_goes_on_without(tmp_path):
    """A primitive cell, so an oblique one: the same energies as without symmetry, at first with fewer k-points."""
    crystal = AseAtomsAdaptor.get_atoms(phase("Si").structure.get_primitive_structure())
    crystal.symbols[1] = "Ge"
    protocol = dataclasses.replace(gpaw_protocol("gpaw-fast"), cutoff_eV=180.0, k_spacing_per_A=0.9)
    energies, starts, kpoints = [], [], []
    for limit in (2, 0):
        folder = tmp_path / str(limit)
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gpaw, "_SYMMETRIC_STARTS", limit)
            atoms = crystal.copy()
            atoms.calc = gpaw.gpaw_calculator(protocol, folder)
            for shift in ((0, 0, 0), (0.1, 0, 0), (0.02, 0.05, 0.03)):
                atoms.positions[1] += shift
                energies.append(atoms.get_potential_energy())
                assert np.abs(atoms.get_forces().sum(axis=0)).max() < 0.05
            starts.append(atoms.calc.starts)
        text = (folder / "gpaw.txt").read_text()
        kpoints.append(int(text.split("Number of IBZ points:")[1].split()[0]))
    np.testing.assert_allclose(energies[:3], energies[3:], atol=2e-3)
    assert starts == [3, 1] and kpoints[0] < kpoints[1]


def test_hard_elements_get_more_plane_waves():
    protocol = gpaw_protocol("gpaw-fast")
    assert protocol.cutoff_for(["Li", "Si"]) == 250 and protocol.cutoff_for(["Li", "O"]) == 350


@needs_gpaw
@pytest.mark.dft
def test_a_density_that_does_not_converge_is_tried_again_with_slower_mixing(tmp_path):
    """Too few iterations for two atoms in an oblique cell: a later try gives what enough gives at once."""
    crystal = AseAtomsAdaptor.get_atoms(phase("Si").structure.get_primitive_structure())
    crystal.symbols[1] = "Ge"
    crystal.positions[1] += (0.05, -0.03, 0.02)
    enough = dataclasses.replace(gpaw_protocol("gpaw-fast"), cutoff_eV=150.0, k_spacing_per_A=0.9)
    energies = []
    for name, protocol in (("few", dataclasses.replace(enough, iterations=4)), ("enough", enough)):
        (tmp_path / name).mkdir()
        crystal.calc = gpaw.gpaw_calculator(protocol, tmp_path / name)
        energies.append(crystal.get_potential_energy())
    handled = handled_here(tmp_path / "few")
    assert handled[0].handler == "SCF not converging"
    assert "mixing of 0.025, at most 16 iterations" in handled[0].changed
    assert not handled_here(tmp_path / "enough")
    assert energies[0] == pytest.approx(energies[1], abs=1e-3)

    (tmp_path / "hopeless").mkdir()
    hopeless = dataclasses.replace(enough, iterations=1, density_tolerance=1e-13)
    crystal.calc = gpaw.gpaw_calculator(hopeless, tmp_path / "hopeless")
    with pytest.raises(ScfError, match="did not converge in 3 tries"):
        crystal.get_potential_energy()


@needs_gpaw
@pytest.mark.dft
def test_an_element_without_a_data_set_is_a_sentence(tmp_path):
    factory = find_level("gpaw-fast").factory
    with (
        ImageSet(factory, ["Po", "Li"], np.eye(3) * 4.0, tmp_path) as images,
        pytest.raises(EngineError, match="image 0 needs a PAW data set of Po for PBE, and there is none"),
    ):
        images.evaluate({0: np.array([[0, 0, 0], [2.0, 2, 2]])})


@needs_gpaw
@pytest.mark.dft
def test_all_volumes_of_a_crystal_get_one_mesh(tmp_path):
    """Between the smallest and the largest cell the mesh would change, and the energies would jump."""
    protocol = dataclasses.replace(gpaw_protocol("gpaw-fast"), cutoff_eV=120.0, k_spacing_per_A=1.0)
    crystal = phase("Si").structure.get_primitive_structure()
    crystal[1] = "Ge"
    alone = [
        gpaw.gpaw_calculator(protocol, tmp_path)._mesh_for(AseAtomsAdaptor.get_atoms(crystal.copy().scale_lattice(v)))
        for v in (0.97**3 * crystal.volume, 1.03**3 * crystal.volume)
    ]
    assert alone[0] != alone[1]
    found = equilibrium_volume(crystal, functools.partial(gpaw.gpaw_calculator, protocol), tmp_path)
    meshes = {
        line.split("size:")[1].strip()
        for path in tmp_path.glob("*/gpaw.txt")
        for line in path.read_text().splitlines()
        if "Monkhorst-Pack size" in line
    }
    assert len(list(tmp_path.glob("*/gpaw.txt"))) >= 5 and len(meshes) == 1
    assert 0.9 < found.scale < 1.1
