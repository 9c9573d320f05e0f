"""Failures of real LAMMPS runs, and real systems of the library."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.engines.lammps.failures import (
    DiskFullError,
    KilledError,
    LammpsError,
    LostAtomsError,
    MissingFileError,
    UnstableError,
    failure,
)
from anodeflow.engines.lammps.launch import find_program, run_lammps
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.relax import relax
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.errors import EngineError
from anodeflow.structures.phases import phase
from pymatgen.core import Structure

pytestmark = pytest.mark.engine

ONE = Resources()


def test_program_says_its_version():
    assert "20" in find_program().version


def test_atoms_on_top_of_each_other_explode_with_a_name(crystal, tmp_path):
    structure = crystal.structure.copy()
    for index in range(1, 12):
        structure.translate_sites([index], structure.frac_coords[0] - structure.frac_coords[index] + 0.004 * index)
    with pytest.raises((LostAtomsError, UnstableError), match=r"LAMMPS says|not a number|mean temperature"):
        run_md(
            System.of(structure, crystal.card),
            MDSettings("nvt", 300, 900.0, 3, timestep_fs=100.0, dump_every=0, thermo_every=10),
            tmp_path / "md",
            ONE,
        )


def test_missing_potential_file_is_named(crystal, tmp_path):
    crystal.write_files(tmp_path)
    (tmp_path / "library.meam").unlink()
    (tmp_path / "in").write_text(
        "units metal\natom_style atomic\nread_data system.data\npair_style meam\n"
        "pair_coeff * * library.meam Li Si alloy.meam Li Si\nrun 0\n"
    )
    with pytest.raises(MissingFileError, match=r"library\.meam"):
        run_lammps(tmp_path, "in", "log", ONE)


def test_full_disk_is_named(crystal, tmp_path):
    crystal.write_files(tmp_path)
    (tmp_path / "in").write_text(
        "units metal\natom_style atomic\nread_data system.data\npair_style meam\n"
        "pair_coeff * * library.meam Li Si alloy.meam Li Si\nfix 1 all nve\n"
        "dump d all custom 10 /dev/full id xu yu zu\ndump_modify d flush yes\nrun 100\n"
    )
    with pytest.raises(DiskFullError, match="No space left on device"):
        run_lammps(tmp_path, "in", "log", ONE)


def test_error_without_a_name_quotes_lammps(tmp_path):
    (tmp_path / "in").write_text("frobnicate 3\n")
    with pytest.raises(LammpsError, match="LAMMPS says: ERROR: Unknown command: frobnicate 3"):
        run_lammps(tmp_path, "in", "log", ONE)


def test_failing_mpi_run_is_an_error_too(tmp_path):
    (tmp_path / "in").write_text("frobnicate 3\n")
    with pytest.raises(LammpsError, match="frobnicate"):
        run_lammps(tmp_path, "in", "log", Resources(mpi_ranks=2))


def test_program_that_is_not_there(monkeypatch):
    monkeypatch.setenv("ANODEFLOW_LAMMPS", "/nowhere/lmp")
    find_program.cache_clear()
    try:
        with pytest.raises(EngineError, match="no LAMMPS program at /nowhere/lmp"):
            find_program()
    finally:
        find_program.cache_clear()


def test_cubic_lithium_silicide_relaxes_to_the_published_cell(crystal, tmp_path):
    result = relax(crystal, tmp_path, ONE)
    assert result.converged
    assert np.allclose(result.structure.lattice.abc, 10.589, atol=0.005)
    assert result.energy_eV_atom == pytest.approx(-2.361, abs=0.001)


def test_pressure_is_reached_in_a_triclinic_cell(triclinic, tmp_path):
    result = relax(triclinic, tmp_path, ONE, cell="tri", pressure_GPa=2.0)
    assert result.converged
    assert np.allclose(result.stress_GPa[:3], 2.0, atol=0.01)
    assert np.allclose(result.stress_GPa[3:], 0.0, atol=0.01)
    assert result.structure.volume < triclinic.structure.volume


def test_lithium_in_silicon_has_the_barrier_of_the_paper(lithium_silicon, tmp_path):
    """Td–Hex–Td: the hexagonal site is the saddle by symmetry, so two relaxations give the barrier."""
    silicon = relax(System.of(phase("Si").structure, lithium_silicon), tmp_path / "si", ONE, cell="iso").structure
    silicon.make_supercell(2)
    edge = silicon.lattice.a
    origin = silicon[0].coords
    energies = {}
    for name, offset in {"tetrahedral": (0.5, 0.5, 0.5), "hexagonal": (0.625, 0.625, 0.625)}.items():
        position = origin + np.array(offset) * edge / 2
        cell = Structure.from_sites(silicon)
        cell.append("Li", position, coords_are_cartesian=True)
        energies[name] = relax(System.of(cell, lithium_silicon), tmp_path / name, ONE, cell="fixed").energy_eV
    assert energies["hexagonal"] - energies["tetrahedral"] == pytest.approx(0.555, abs=0.01)


def test_a_killed_run_is_not_blamed_on_the_restart_file_it_had_not_yet(tmp_path):
    """Seen in a real log: renaming the restart file before the first one leaves a warning that names a missing file."""
    log = tmp_path / "log.lammps"
    log.write_text("WARNING: Shell command 'mv restart.a restart.b' failed with error 'No such file or directory'\n")
    assert isinstance(failure(tmp_path, log, -9), KilledError)
    log.write_text("WARNING: Shell command 'mv restart.new restart.a' failed with error 'No space left on device'\n")
    assert isinstance(failure(tmp_path, log, -9), DiskFullError)
