"""LAMMPS' own bands: the known barrier of Li in Si, oblique cells, frames of any orientation, and kills."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from anodeflow.engines.lammps.evaluate import evaluate, read_columns
from anodeflow.engines.lammps.failures import LammpsError
from anodeflow.engines.lammps.neb import run_lammps_neb
from anodeflow.engines.neb import NebSettings
from anodeflow.engines.resources import Resources
from anodeflow.structures.paths import Band, align, interpolate
from anodeflow.structures.phases import phase
from pymatgen.core import Lattice, Structure

pytestmark = pytest.mark.engine


def lithium_in_silicon(images: int, deformation: np.ndarray | None = None) -> Band:
    """Li from one tetrahedral site to the next in 64 Si, in a cell that is deformed (rows times `deformation`)."""
    ends = []
    for site in (0.25, 0.375):
        structure = phase("Si").structure
        structure.make_supercell([2, 2, 2])
        structure.append("Li", [site] * 3)
        matrix = structure.lattice.matrix @ (np.eye(3) if deformation is None else deformation)
        ends.append(Structure(Lattice(matrix), structure.species, structure.frac_coords))
    return interpolate(align(*ends), images)


def test_lithium_in_silicon(lithium_silicon, tmp_path):
    """0.5546 eV between tetrahedral sites over the hexagonal one; the cell here is the library's, not relaxed."""
    result = run_lammps_neb(lithium_in_silicon(3), lithium_silicon, tmp_path, NebSettings(0.01))
    assert result.converged, result.reason
    assert result.climbing_image == 1
    assert result.energies_eV[1] - result.energies_eV[0] == pytest.approx(0.5546, abs=1e-3)
    li = 64
    centre = result.band.positions[1, li] / phase("Si").structure.lattice.a
    np.testing.assert_allclose(centre, 0.625, atol=2e-3)


def rotation(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def test_forces_of_many_configurations_are_minus_the_gradient(triclinic, tmp_path):
    positions = np.asarray(triclinic.structure.cart_coords)
    random = np.random.default_rng(3)
    start = positions + random.normal(0, 0.05, positions.shape)
    direction = random.normal(0, 1, positions.shape)
    steps = np.array([0.0, -1e-4, 1e-4])
    found = evaluate(triclinic, start + steps[:, None, None] * direction, tmp_path, Resources())
    slope = (found.energies_eV[2] - found.energies_eV[1]) / 2e-4
    assert slope == pytest.approx(-(found.forces_eV_A[0] * direction).sum(), rel=1e-4)
    far = evaluate(triclinic, start[None] + triclinic.structure.lattice.matrix[1] * 2, tmp_path, Resources())
    assert far.energies_eV[0] == pytest.approx(found.energies_eV[0], abs=1e-8)


def kill_lammps_in(folder: Path) -> int:
    killed = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[0].endswith(b"/lmp") and (entry / "cwd").readlink() == folder:
                    os.kill(int(entry.name), signal.SIGKILL)
                    killed += 1
            except OSError:
                continue
    return killed


def test_a_killed_band_goes_on_in_an_oblique_cell_of_any_orientation(lithium_silicon, tmp_path):
    shear = np.array([[1.0, 0.05, 0.02], [0.0, 1.0, -0.04], [0.0, 0.0, 1.0]])
    band = lithium_in_silicon(3, shear @ rotation(0.7))
    settings = NebSettings(force_tolerance_eV_A=0.02)

    def kill(step, limit, force):
        if step >= 10:
            kill_lammps_in(tmp_path)

    with pytest.raises(LammpsError):
        run_lammps_neb(band, lithium_silicon, tmp_path, settings, progress=kill)
    steps, _ = read_columns(tmp_path / "0.dump.image.1", len(band.symbols))
    assert len(steps) >= 10
    again = run_lammps_neb(band, lithium_silicon, tmp_path, settings)
    first = (tmp_path / "1.image.1").read_text().splitlines()[1].split()[1:]
    start = (tmp_path / "0.image.1").read_text().splitlines()[1].split()[1:]
    assert first != start  # it did not begin again
    assert again.converged, again.reason
    np.testing.assert_allclose(again.band.cell, band.cell)
    assert not list(tmp_path.glob("*dump.image*"))
    reused = run_lammps_neb(band, lithium_silicon, tmp_path, settings)
    np.testing.assert_array_equal(reused.energies_eV, again.energies_eV)
    # in the other frame the forces still push each atom of the saddle nowhere
    assert np.linalg.norm(again.forces_eV_A[1], axis=1).max() < 0.05
