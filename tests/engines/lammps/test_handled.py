"""Real runs that lose atoms or explode at the timestep they were given, and are run again with a shorter one."""

from __future__ import annotations

import pytest
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.engines.handled import handled_here, read_handled
from anodeflow.engines.lammps.failures import LostAtomsError, UnstableError
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase

pytestmark = pytest.mark.engine

ONE = Resources()


@pytest.mark.parametrize("cell", ["crystal", "triclinic"])
def test_lost_atoms_are_mended_by_half_the_timestep(cell, request, tmp_path):
    system = request.getfixturevalue(cell)
    settings = MDSettings("nvt", 400, 900.0, 3, timestep_fs=16.0, dump_every=20, thermo_every=10)
    told = []
    run = run_md(system, settings, tmp_path / "md", ONE, progress=lambda *what: told.append(what))
    assert (run.settings.timestep_fs, run.settings.steps, run.settings.dump_every) == (8.0, 800, 40)
    (handled,) = run.handled
    assert (handled.handler, handled.attempt) == ("lost atoms", 1)
    assert "Lost atoms" in handled.message and "8 fs" in handled.changed
    assert read_handled(tmp_path) == [handled]
    assert run.dump is not None
    trajectory = read_trajectory(run.dump, timestep_fs=run.settings.timestep_fs)
    assert trajectory.n_frames == 21
    assert trajectory.interval_ps == pytest.approx(0.32)
    assert told[-1][1] == 400, "progress is told in the steps that were asked for"

    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "md").rglob("*")}
    again = run_md(system, settings, tmp_path / "md", ONE)
    assert again.handled == run.handled
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "md").rglob("*")} == files


def test_an_explosion_is_mended_too(tmp_path):
    structure = phase("LiCl").structure
    structure.make_supercell(2)
    system = System.of(structure, card("LiX-EIM-Zhou2010"))
    settings = MDSettings("npt", 200, 300.0, 3, timestep_fs=20.0, dump_every=0, thermo_every=1)
    run = run_md(system, settings, tmp_path, ONE)
    assert run.handled[0].handler == "exploding energy"
    assert "too far from equilibrium" in run.handled[0].message
    assert run.settings.timestep_fs < 20.0


def test_what_no_timestep_mends_is_given_up_with_all_tries_told(triclinic, tmp_path):
    settings = MDSettings("nvt", 300, 900.0, 3, timestep_fs=100.0, dump_every=0, thermo_every=10)
    with pytest.raises((LostAtomsError, UnstableError), match=r"tried 3 times, last with a timestep of 25 fs"):
        run_md(triclinic, settings, tmp_path, ONE)
    assert [one.attempt for one in handled_here(tmp_path)] == [1, 2]
